"""A projector over a serial line that plays sequences, triggers the cameras, and goes dark when it hears nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import secrets
import threading
import time
import zlib
from collections.abc import Callable

from faceapp.core.errors import DataError, DeviceError
from faceapp.core.sequence import FringeSequence
from faceapp.devices.projector_records import ProjectorInfo, ProjectorSettings, ProjectorState, ProjectorTiming
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.exchange import Exchange, Port, SilenceError, open_serial_port
from faceapp_hardware.projectors.firmware_image import check_image
from faceapp_hardware.projectors.messages import FULL, Ability, Hello, Settings, State, Upload, pack_commit, pack_play
from faceapp_hardware.projectors.sequence_bytes import pack_sequence
from faceapp_hardware.projectors.wire import Kind, Status

_UPLOAD_TRIES = 3
_RESTART_S = 5.0
_RESTART_LOOK_S = 0.2


class SerialProjector:
    """A projector behind a serial port.

    Parameters
    ----------
    name, group : str
        As in the rig's calibration.
    path : str
        Of the port.
    open_port : callable, optional
        Opens it.
    timing : ProjectorTiming, optional
        Of its light and its trigger, as measured.
    settings : ProjectorSettings, optional
        With which it starts, and again after each reset of it.
    driver : str
        Name of the driver.

    Notes
    -----
    One exchange at a time, from whatever thread; while there is light a thread of its own sends the beat.
    """

    def __init__(
        self,
        name: str,
        group: str,
        path: str,
        open_port: Callable[[str], Port] = open_serial_port,
        timing: ProjectorTiming | None = None,
        settings: ProjectorSettings | None = None,
        driver: str = "serial",
    ) -> None:
        self._name, self._path = name, path
        self._exchange = Exchange(name, path, open_port)
        self._timing = timing or ProjectorTiming()
        self._wanted = settings or ProjectorSettings()
        self._info = ProjectorInfo(name, group, 0, 0, 0, 0.0, driver=driver, timing=self._timing)
        # Any number: a firmware that has not been reset may know the runs of a host before.
        self._run = secrets.randbits(32)
        self._hello: Hello | None = None
        self._loaded: bytes | None = None
        self._light_s = 0.0
        self._dark = threading.Event()
        self._beat: threading.Thread | None = None

    @property
    def info(self) -> ProjectorInfo:
        """What it is; complete once it is open."""
        return self._info

    def open(self) -> None:
        """Open the port, greet the projector, and put it to the settings of its rig file.

        Raises
        ------
        DeviceError
            The port is missing or busy, nothing answers, or a setting is outside its limits.
        """
        if self._exchange.is_open:
            return
        self._exchange.open()
        try:
            self._meet(self._exchange.greet())
        except BaseException:
            self._exchange.close()
            raise

    def _meet(self, hello: Hello) -> None:
        """Know a projector that was just opened, or that was reset since: its settings are gone."""
        if Ability.BOX in hello.abilities:
            raise DeviceError(f"{self._name}: a trigger box hangs on {self._path}, no projector. Check the rig file")
        can = hello.abilities
        timing = self._timing
        if self._wanted != ProjectorSettings():
            took = self._set(self._wanted)
            if not timing.trigger_delay_s and took.trigger_delay_s:
                timing = dataclasses.replace(timing, trigger_delay_s=took.trigger_delay_s)
        self._info = dataclasses.replace(
            self._info,
            width=hello.width,
            height=hello.height,
            longest_sequence=hello.longest_sequence,
            shortest_period_s=hello.shortest_us / 1e6,
            shortest_binary_period_s=hello.shortest_binary_us / 1e6,
            is_master=Ability.MASTER in can,
            version=hello.firmware,
            serial=hello.serial,
            timing=timing,
            reports=True,
            adjusts=Ability.BRIGHTNESS in can,
            updates=Ability.UPDATE in can,
        )
        self._hello = hello

    def load(self, sequence: FringeSequence, period_s: float) -> None:
        """Hold a sequence; one that the projector holds already is not sent again.

        Raises
        ------
        DeviceError
            It is too long or too fast, or the line fails.
        """
        self._check_open()
        info = self._info
        shortest = info.shortest_for(sequence)
        if len(sequence) > info.longest_sequence or period_s < 0.999 * shortest:
            raise DeviceError(
                f"{self._name} cannot show {len(sequence)} exposures at {1000 * period_s:.2f} ms; it holds "
                f"{info.longest_sequence} and needs {1000 * shortest:.2f} ms for each"
            )
        data = pack_sequence(sequence, period_s)
        hello = self._exchange.greet()
        if self._hello is None or hello.session != self._hello.session:
            self._meet(hello)
        if (hello.stored_length, hello.stored_crc) != (len(data), zlib.crc32(data)):
            self._upload(data)
        self._loaded = data
        self._light_s = len(sequence) * period_s

    def _upload(self, data: bytes) -> None:
        for _ in range(_UPLOAD_TRIES):
            self._exchange.upload(Upload.SEQUENCE, data)
            answer = self._exchange.ask(Kind.COMMIT, pack_commit(data))
            if answer.status is not Status.BAD_CHECK:  # else it was reset just before
                break
        self._exchange.accept(answer)

    def play(self) -> None:
        """Show the sequence once; returns when it has begun.

        Raises
        ------
        DeviceError
            Nothing is loaded, the projector gives no light (its interlock is open, it is too hot), or the line fails.
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
        self._check_open()
        if self._loaded is None:
            raise DeviceError(f"{self._name} holds no sequence; load one first")
        self._end_beat()
        self._run = (self._run + 1) % 2**32
        answer = self._exchange.ask(Kind.PLAY, pack_play(self._run, again))
        if answer.status is Status.EMPTY:
            # A reset between load and play: the cameras are armed, so load again and go on.
            self._meet(self._exchange.greet())
            self._upload(self._loaded)
            answer = self._exchange.ask(Kind.PLAY, pack_play(self._run, again))
        self._exchange.accept(answer)
        self._dark.clear()
        self._beat = threading.Thread(
            target=self._keep_lit, args=(math.inf if again else self._light_s,), name=f"beat {self._name}"
        )
        self._beat.daemon = True
        self._beat.start()

    def stop(self) -> None:
        """Light off, now; always allowed."""
        self._dark.set()
        if self._exchange.is_open:
            self._exchange.demand(Kind.STOP)

    def close(self) -> None:
        """Light off and give the port back; a line that is dead already is given back without a word."""
        if not self._exchange.is_open:
            return
        self._end_beat()
        try:
            self.stop()
        except DeviceError:
            pass  # the watchdog puts the light off
        finally:
            self._loaded = None
            self._exchange.close()

    def state(self) -> ProjectorState:
        """Return how it is now.

        Raises
        ------
        DeviceError
            The line fails.
        """
        self._check_open()
        state = self._exchange.read(self._exchange.demand(Kind.STATE), State.unpack)
        took = Settings(state.brightness, state.trigger_width_us, state.trigger_delay_us)
        return ProjectorState(state.is_lit, _for_people(took), state.temperature_c, state.faults.sentences)

    def adjust(self, wanted: ProjectorSettings) -> ProjectorSettings:
        """Ask for settings while it is dark; what it took is asked for again after a reset of it.

        Raises
        ------
        DeviceError
            A value is outside its limits, it cannot be adjusted, or it is lit.
        """
        self._check_open()
        took = self._set(wanted)
        given = {f.name: getattr(wanted, f.name) for f in dataclasses.fields(wanted)}
        self._wanted = dataclasses.replace(self._wanted, **{k: v for k, v in given.items() if v is not None})
        return took

    def _set(self, wanted: ProjectorSettings) -> ProjectorSettings:
        brightness = wanted.brightness
        if brightness is not None and not 0 <= brightness <= 1:
            raise DeviceError(f"{self._name}: a brightness of {brightness:g} is not possible; give 0 to 1")
        asked = Settings(
            None if brightness is None else round(brightness * FULL),
            _microseconds(wanted.trigger_width_s),
            _microseconds(wanted.trigger_delay_s),
        )
        answer = self._exchange.ask(Kind.SET, asked.pack())
        if answer.status is Status.BAD_VALUE:
            raise self._outside(self._exchange.greet())
        self._exchange.accept(answer)
        return _for_people(self._exchange.read(answer, Settings.unpack_answer))

    def _outside(self, hello: Hello) -> DeviceError:
        limits = []
        if Ability.BRIGHTNESS not in hello.abilities:
            limits.append("its brightness cannot be set")
        if Ability.TRIGGER_OUT in hello.abilities:
            width = f"{hello.least_width_us / 1000:g} to {hello.most_width_us / 1000:g} ms"
            limits.append(
                f"its trigger out takes a width of {width} and a delay of 0 to {hello.most_delay_us / 1000:g} ms"
            )
        else:
            limits.append("its trigger out cannot be set")
        return DeviceError(f"{self._name} cannot be set so: {', '.join(limits)}. Change the rig file")

    def update_firmware(self, image: bytes, told: Callable[[float], None] = lambda share: None) -> str:
        """Put firmware into it and return the version that it then runs.

        Raises
        ------
        DeviceError
            The image is wrong (nothing is sent then), the projector refuses it, or the line failed: the firmware of
            before is kept.
        """
        self._check_open()
        self.stop()
        hello = self._exchange.greet()
        if Ability.UPDATE not in hello.abilities:
            raise DeviceError(f"{self._name} takes no firmware over this line")
        try:
            check_image(image, hello.product, hello.image_memory)
        except DataError as error:
            raise DeviceError(f"{self._name}: the file is not taken: {error}") from error
        self._exchange.upload(Upload.IMAGE, image, told)
        # It restarts, and its answer may be lost: then it knows of no upload. What it greets with tells.
        with contextlib.suppress(SilenceError):
            answer = self._exchange.ask(Kind.COMMIT, pack_commit(image))
            if answer.status is not Status.BAD_CHECK:
                self._exchange.accept(answer)
        hello = self._await_restart(zlib.crc32(image))
        self._loaded = None
        self._meet(hello)
        return hello.firmware

    def _await_restart(self, crc: int) -> Hello:
        end = time.monotonic() + _RESTART_S
        while True:
            try:
                hello = self._exchange.greet()
                if hello.image_crc == crc:
                    return hello
            except DeviceError:
                if time.monotonic() > end:
                    raise
            if time.monotonic() > end:
                raise DeviceError(
                    f"{self._name} still runs firmware {hello.firmware}: the new image did not arrive whole. Try again"
                )
            time.sleep(_RESTART_LOOK_S)

    def _keep_lit(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._dark.wait(min(wire.BEAT_S, max(end - time.monotonic(), 0))):
            if time.monotonic() >= end:
                return
            try:
                self._exchange.ask(Kind.BEAT)
            except DeviceError:
                return  # the next act says so

    def _end_beat(self) -> None:
        self._dark.set()
        if self._beat is not None:
            self._beat.join()
            self._beat = None

    def _check_open(self) -> None:
        if not self._exchange.is_open:
            raise DeviceError(f"{self._name} is not open")


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else max(0, round(seconds * 1e6))


def _for_people(took: Settings) -> ProjectorSettings:
    brightness, width, delay = took.brightness, took.trigger_width_us, took.trigger_delay_us
    assert brightness is not None and width is not None and delay is not None  # an answer has all
    return ProjectorSettings(brightness / FULL, width / 1e6, delay / 1e6)
