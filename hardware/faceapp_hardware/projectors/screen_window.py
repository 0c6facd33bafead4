"""The window of a projector that is a screen: a process of its own, the only place of the drivers where Qt is.

``python -m faceapp_hardware.projectors.screen_window SCREEN GAMMA SETTLE_MS`` fills a screen with black and obeys lines
of JSON on its standard input; ``--list`` prints the screens. It ends, and its light with it, when the input does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

import numpy as np

# A pixel of the pattern is a pixel of the screen, whatever people chose for their windows.
os.environ["QT_ENABLE_HIGHDPI_SCALING"] = "0"

from PySide6.QtCore import QObject, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QImage, QPainter, QPaintEvent, QRasterWindow, QScreen
from typing_extensions import override

from faceapp.core.arrays import UInt8Array
from faceapp.core.sequence import FringeSequence
from faceapp_hardware.projectors.sequence_bytes import unpack_sequence

WATCHDOG_S = 2.0
"""The light goes off when nothing was heard for this long."""
_WATCH_MS = 200


def pattern_image(sequence: FringeSequence, index: int, width: int, height: int, gamma: float) -> UInt8Array:
    """Return (height, width) uint8 of an exposure; the centre of pixel i stands at ``x = (i + 1/2) / size``.

    Parameters
    ----------
    sequence, index
        Which exposure.
    width, height : int
        Pixels of the screen.
    gamma : float
        Exponent of the screen's light over its pixels; the pixels are bent against it.
    """
    size = width if sequence.axis == "u" else height
    light = sequence.pattern(index, (np.arange(size) + 0.5) / size)
    row = np.rint(255 * np.clip(light, 0, 1) ** (1 / gamma)).astype(np.uint8)
    image = (
        np.broadcast_to(row, (height, width))
        if sequence.axis == "u"
        else np.broadcast_to(row[:, None], (height, width))
    )
    return np.ascontiguousarray(image)


class ScreenWindow(QRasterWindow):
    """Fills a screen with one picture at a time.

    Signals
    -------
    painted()
        The picture of the last `show_image` was handed to the screen.
    """

    painted = Signal()

    def __init__(self, screen: QScreen) -> None:
        super().__init__()
        self.setScreen(screen)
        self.setFlags(Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.setTitle("faceapp projector")
        self.setGeometry(screen.geometry())
        self._image: QImage | None = None
        self._waits = False

    def show_image(self, image: QImage | None) -> None:
        """Show a picture; black without one."""
        self._image, self._waits = image, True
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        whole = QRect(0, 0, self.width(), self.height())
        if self._image is None:
            painter.fillRect(whole, Qt.GlobalColor.black)
        else:
            painter.drawImage(whole, self._image)
        painter.end()
        if self._waits:
            self._waits = False
            # After the event: Qt has flushed the picture then.
            QTimer.singleShot(0, self.painted.emit)


class Player(QObject):
    """Obeys the host: loads, plays, loops, stops; black when nothing is heard.

    Parameters
    ----------
    window : ScreenWindow
        Full-screen.
    gamma : float
        See `pattern_image`.
    settle_s : float
        From a picture's painting to its trigger.
    """

    heard = Signal(str)

    def __init__(self, window: ScreenWindow, gamma: float, settle_s: float) -> None:
        super().__init__()
        self._window, self._gamma, self._settle_s = window, gamma, settle_s
        self._images: list[QImage] = []
        self._period_s = 0.0
        self._index = -1
        self._again = False
        self._why = ""
        self._last_heard = time.monotonic()
        self._next, self._trigger, self._watch = QTimer(self), QTimer(self), QTimer(self)
        for timer, act in ((self._next, self._advance), (self._trigger, self._tell_exposure)):
            timer.setSingleShot(True)
            timer.setTimerType(Qt.TimerType.PreciseTimer)
            timer.timeout.connect(act)
        self._watch.timeout.connect(self._look)
        self._watch.start(_WATCH_MS)
        window.painted.connect(self._painted)
        self.heard.connect(self.obey)

    def obey(self, line: str) -> None:
        """Do what a line says."""
        self._last_heard = time.monotonic()
        order = json.loads(line)
        match order["act"]:
            case "load":
                self._load(bytes.fromhex(order["sequence"]))
            case "play":
                self._again, self._index = order["again"], -1
                self._advance()
                tell(begun=True)
            case "stop":
                self._darken("stopped")

    def _load(self, data: bytes) -> None:
        self._darken("stopped")
        sequence, self._period_s = unpack_sequence(data)
        size = self._window.width(), self._window.height()
        self._images = []
        for index in range(len(sequence)):
            pixels = pattern_image(sequence, index, *size, self._gamma)
            image = QImage(pixels.data, *size, size[0], QImage.Format.Format_Grayscale8)
            self._images.append(image.copy())  # owns its pixels
        tell(loaded=len(self._images))

    def _advance(self) -> None:
        self._index += 1
        if self._index >= len(self._images):
            if not self._again:
                self._darken("finished")
                return
            self._index = 0
        self._window.show_image(self._images[self._index])

    def _painted(self) -> None:
        if self._index < 0:
            if self._why:
                tell(dark=self._why)
                self._why = ""
            return
        self._trigger.start(round(1000 * self._settle_s))
        self._next.start(round(1000 * self._period_s))

    def _tell_exposure(self) -> None:
        tell(exposure=self._index)

    def _darken(self, why: str) -> None:
        self._next.stop()
        self._trigger.stop()
        self._index = -1
        self._why = why
        self._window.show_image(None)

    def _look(self) -> None:
        if self._index >= 0 and time.monotonic() - self._last_heard > WATCHDOG_S:
            self._darken("watchdog")


def tell(**words: Any) -> None:
    """Say something to the host."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def described(screen: QScreen) -> dict[str, Any]:
    """Return what the host is told of a screen."""
    size = screen.size()
    primary = screen is QGuiApplication.primaryScreen()
    about = {"name": screen.name(), "width": size.width(), "height": size.height(), "primary": primary}
    return {**about, "model": screen.model(), "rate_hz": screen.refreshRate()}


def find_screen(name: str) -> QScreen | None:
    """Return the screen of a name, or of a number in order; without either the last one that has no windows."""
    screens = QGuiApplication.screens()
    if not name:
        return next((s for s in reversed(screens) if s is not QGuiApplication.primaryScreen()), None)
    by_name = {screen.name(): screen for screen in screens}
    by_number = {str(i): screen for i, screen in enumerate(screens)}
    return by_name.get(name) or by_number.get(name)


def main() -> int:
    """Run the window for the host at the other end of the standard streams."""
    app = QGuiApplication(sys.argv[:1])
    if sys.argv[1:] == ["--list"]:
        tell(screens=[described(screen) for screen in app.screens()])
        return 0
    name, gamma, settle_ms = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    screen = find_screen(name)
    if screen is None:
        missing = f"there is no screen {name!r}" if name else "there is no screen but that with people's windows"
        tell(error=missing, screens=[described(s) for s in app.screens()])
        return 1
    window = ScreenWindow(screen)
    window.showFullScreen()
    player = Player(window, gamma, settle_ms / 1000)

    def listen() -> None:
        for line in sys.stdin:
            player.heard.emit(line)
        # The host is gone, however it went.
        os._exit(0)

    def ready() -> None:
        window.painted.disconnect(ready)
        threading.Thread(target=listen, name="host", daemon=True).start()
        tell(ready=described(screen))

    window.painted.connect(ready)
    window.show_image(None)
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
