"""A projector that is a screen: a video projector as a second monitor, or any monitor; a process of its own."""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from faceapp.core.errors import DeviceError, UsageError
from faceapp.core.sequence import FringeSequence
from faceapp.devices.projector_records import ProjectorInfo, ProjectorOrder, ProjectorSettings
from faceapp.devices.records import FoundDevice
from faceapp_hardware.projectors.sequence_bytes import pack_sequence

_MODULE = "faceapp_hardware.projectors.screen_window"
_LIST_S, _START_S, _ANSWER_S, _END_S = 15.0, 15.0, 5.0, 3.0
_BEAT_S = 0.5
_LONGEST = 64
_OPTIONS: Mapping[str, float] = {"gamma": 1.0, "period_ms": 250.0, "settle_ms": 120.0}
"""And what they are where nobody says: a screen and a webcam need a tenth of a second each."""


class ScreenDriver:
    """Screens of this machine; ``serial`` of the rig file is the screen's name or its number."""

    name = "screen"
    title = "Screens and video projectors"

    def missing(self) -> str:
        """Return what is missing: a display."""
        there = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
        if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in there):
            return "there is no display; a projector that is a screen needs a desktop session"
        return ""

    def discover(self) -> tuple[FoundDevice, ...]:
        """Return the screens, the one with people's windows among them."""
        return tuple(
            FoundDevice(
                self.name,
                screen["name"] or str(i),
                f"{screen['model']} {screen['width']} x {screen['height']}".strip(),
                "windows of people are on it" if screen["primary"] and len(screens) > 1 else "",
            )
            for screens in [list_screens()]
            for i, screen in enumerate(screens)
        )

    def make_projector(self, order: ProjectorOrder) -> ScreenProjector:
        """Return a projector that is not open yet."""
        for name in order.options:
            if name not in _OPTIONS:
                raise UsageError(f"{order.name}: option {name!r} is unknown; there are {', '.join(_OPTIONS)}")
        if order.settings != ProjectorSettings():
            raise UsageError(f"{order.name}: a screen has neither a trigger out nor a brightness that can be set here")
        values = {**_OPTIONS, **order.options}
        for name, value in values.items():
            if not isinstance(value, (int, float)) or not value > 0:
                raise UsageError(f"{order.name}: option {name}: a number above 0 is expected")
        if values["settle_ms"] >= values["period_ms"]:
            raise UsageError(
                f"{order.name}: settle_ms < period_ms is broken, {values['settle_ms']:g} >= {values['period_ms']:g}: "
                "the next pattern would come before the trigger of this one"
            )
        return ScreenProjector(order, values["gamma"], values["period_ms"] / 1000, values["settle_ms"] / 1000)


def list_screens() -> list[dict[str, Any]]:
    """Return name, size, and whether it is the primary one, of each screen.

    Raises
    ------
    DeviceError
        There is no display, or it does not answer.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", _MODULE, "--list"],
            capture_output=True,
            text=True,
            timeout=_LIST_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return list(json.loads(done.stdout.splitlines()[-1])["screens"])
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", "") or ""
        why = _reason(said if isinstance(said, str) else said.decode("utf-8", "replace")) or str(error)
        raise DeviceError(f"the screens cannot be listed: {why}. Check the display") from error


def _reason(said: str) -> str:
    """The line of a process's last words that tells most: Qt's first one, or the last one of a traceback."""
    lines = said.strip().splitlines()
    return lines[-1 if "Traceback" in said else 0] if lines else ""


class ScreenProjector:
    """A screen that shows patterns and has the cameras triggered by calls.

    Parameters
    ----------
    order : ProjectorOrder
        Its place in the rig; ``wire`` is called when a pattern stands still on the screen.
    gamma : float
        Exponent of its light; 1 shows the patterns as they are.
    period_s : float
        Shortest between two exposures.
    settle_s : float
        From a picture's painting to its trigger.
    """

    def __init__(self, order: ProjectorOrder, gamma: float, period_s: float, settle_s: float) -> None:
        self._order, self._gamma, self._settle_s = order, gamma, settle_s
        self._name = order.name
        timing = order.timing
        if not timing.trigger_delay_s:
            timing = replace(timing, trigger_delay_s=settle_s)
        self._info = ProjectorInfo(
            order.name,
            order.group,
            0,
            0,
            _LONGEST,
            period_s,
            driver=ScreenDriver.name,
            serial=order.serial,
            timing=timing,
        )
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._beat: threading.Thread | None = None
        self._dark = threading.Event()
        self._dark.set()
        self._said: dict[str, Any] = {}
        self._news = threading.Condition()
        self._sending = threading.Lock()
        self._loaded = b""
        self._gone = False

    @property
    def info(self) -> ProjectorInfo:
        """What it is; complete once it is open."""
        return self._info

    def open(self) -> None:
        """Fill the screen with black.

        Raises
        ------
        DeviceError
            There is no such screen, or no display.
        """
        if self._process is not None:
            return
        command = [sys.executable, "-m", _MODULE, self._order.serial, str(self._gamma), str(1000 * self._settle_s)]
        self._said, self._gone, self._loaded = {}, False, b""
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self._reader = threading.Thread(target=self._listen, name=f"screen {self._name}", daemon=True)
        self._reader.start()
        try:
            about = self._await("ready", _START_S)
        except DeviceError:
            self.close()
            raise
        self._info = replace(self._info, width=about["width"], height=about["height"], serial=about["name"])

    def load(self, sequence: FringeSequence, period_s: float) -> None:
        """Draw the pictures of a sequence; one that is drawn already is not drawn again.

        Raises
        ------
        DeviceError
            It is too long or too fast.
        """
        self._opened()
        info = self._info
        if len(sequence) > info.longest_sequence or period_s < 0.999 * info.shortest_period_s:
            raise DeviceError(
                f"{self._name} cannot show {len(sequence)} exposures at {1000 * period_s:.2f} ms; it holds "
                f"{info.longest_sequence} and needs {1000 * info.shortest_period_s:.2f} ms for each"
            )
        data = pack_sequence(sequence, period_s)
        if data != self._loaded:
            self._loaded = b""
            self._send("loaded", act="load", sequence=data.hex())
            self._await("loaded", _ANSWER_S)
            self._loaded = data
            self._light_s = len(sequence) * (period_s + 0.1)

    def play(self) -> None:
        """Show the sequence once; returns when it has begun.

        Raises
        ------
        DeviceError
            Nothing is loaded, or the window has gone.
        """
        self._begin(again=False)

    def loop(self) -> None:
        """Show the sequence again and again until `stop`; returns when it has begun.

        Raises
        ------
        DeviceError
            As `play`.
        """
        self._begin(again=True)

    def _begin(self, again: bool) -> None:
        self._opened()
        if not self._loaded:
            raise DeviceError(f"{self._name} holds no sequence; load one first")
        self.stop()
        self._dark.clear()
        self._send("begun", act="play", again=again)
        self._await("begun", _ANSWER_S)
        self._beat = threading.Thread(
            target=self._keep_lit, args=(math.inf if again else self._light_s,), name=f"beat {self._name}", daemon=True
        )
        self._beat.start()

    def stop(self) -> None:
        """Black, now; always allowed."""
        if self._process is None or self._gone:
            self._end_beat()
            return
        self._send("dark", act="stop")
        self._await("dark", _ANSWER_S)
        self._end_beat()

    def close(self) -> None:
        """Close the window."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        with self._sending, contextlib.suppress(OSError):
            process.stdin.close()  # the window ends with its input
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._end_beat()
        if self._reader is not None:
            self._reader.join()
        process.stdout.close()
        self._log.close()

    def _listen(self) -> None:
        process = self._process
        assert process is not None and process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            if "exposure" in said:
                if not self._dark.is_set():
                    self._order.wire(said["exposure"])
                continue
            if "dark" in said:
                self._dark.set()
            with self._news:
                self._said |= said
                self._news.notify_all()
        self._log.seek(0)
        why = _reason(self._log.read())
        with self._news:
            self._gone = True
            self._said.setdefault("error", why or "its window was closed")
            self._news.notify_all()
        self._dark.set()

    def _send(self, awaited: str, **order: Any) -> None:
        """Send an order, after forgetting what was said of the one before."""
        process = self._opened()
        assert process.stdin is not None
        with self._news:
            self._said.pop(awaited, None)
        try:
            with self._sending:
                process.stdin.write(json.dumps(order) + "\n")
                process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._lost() from error

    def _await(self, word: str, seconds: float) -> Any:
        end = time.monotonic() + seconds
        with self._news:
            while word not in self._said and not self._gone and time.monotonic() < end:
                self._news.wait(max(0.0, end - time.monotonic()))
            if word in self._said:
                return self._said[word]
        raise self._lost()

    def _lost(self) -> DeviceError:
        why = self._said.get("error", "its window does not answer")
        there = ", ".join(s["name"] or str(i) for i, s in enumerate(self._said.get("screens", [])))
        has = f"; there are {there}, which a rig file may name as serial" if there else ""
        return DeviceError(f"{self._name}: {why}{has}. Check the projector's cable and the display, then connect again")

    def _keep_lit(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._dark.wait(_BEAT_S) and time.monotonic() < end:
            try:
                self._send("beat", act="beat")
            except DeviceError:
                return  # the next act says so

    def _end_beat(self) -> None:
        self._dark.set()
        beat, self._beat = self._beat, None
        if beat is not None and beat is not threading.current_thread():
            beat.join()

    def _opened(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise DeviceError(f"{self._name} is not open")
        return self._process
