"""A projector over a serial line that plays sequences, triggers the cameras, and goes dark when it hears nothing."""

from __future__ import annotations

import math
import threading
import time
import zlib
from collections.abc import Callable
from typing import Protocol

import serial

from faceapp.core.errors import DeviceError
from faceapp.core.sequence import FringeSequence
from faceapp.devices.records import ProjectorInfo, ProjectorTiming
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.wire import Hello, Kind, Message, Splitter, Status, WireError

_FIRST_TIMEOUT_S = 0.1
_GROWTH = 1.5
_TRIES = 6
_READ_S = 0.01


class Port(Protocol):
    """What is used of a serial port."""

    def read(self, size: int) -> bytes:
        """Return up to so many bytes, after a time-out of the port perhaps none."""
        ...

    def write(self, data: bytes) -> int | None:
        """Send all bytes."""
        ...

    def close(self) -> None:
        """Give the port back."""
        ...

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""
        ...


def open_serial_port(path: str) -> Port:
    """Open a serial port for the projector's protocol."""
    port: Port = serial.Serial(path, wire.BAUD, timeout=_READ_S, write_timeout=1.0, exclusive=True)
    return port


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
    ) -> None:
        self._name, self._path, self._open_port = name, path, open_port
        self._timing = timing or ProjectorTiming()
        self._info = ProjectorInfo(name, group, 0, 0, 0, 0.0, driver="serial", timing=self._timing)
        self._port: Port | None = None
        self._exchange = threading.Lock()
        self._splitter = Splitter()
        self._number = 0
        self._run = 0
        self._session = 0
        self._loaded: bytes | None = None
        self._light_s = 0.0
        self._dark = threading.Event()
        self._beat: threading.Thread | None = None

    @property
    def info(self) -> ProjectorInfo:
        """What it is; complete once it is open."""
        return self._info

    def open(self) -> None:
        """Open the port and greet the projector.

        Raises
        ------
        DeviceError
            The port is missing or busy, or nothing answers.
        """
        if self._port is not None:
            return
        try:
            self._port = self._open_port(self._path)
        except (OSError, serial.SerialException) as error:
            raise DeviceError(
                f"{self._name}: the port {self._path} cannot be opened ({error}). Check the cable, and that no other "
                "program has it"
            ) from error
        try:
            hello = self._greet()
        except BaseException:
            self._port.close()
            self._port = None
            raise
        self._info = ProjectorInfo(
            self._name,
            self._info.group,
            hello.width,
            hello.height,
            hello.longest_sequence,
            hello.shortest_period_us / 1e6,
            is_master=hello.is_master,
            driver="serial",
            version=str(wire.VERSION),
            timing=self._timing,
        )

    def load(self, sequence: FringeSequence, period_s: float) -> None:
        """Hold a sequence; one that the projector holds already is not sent again.

        Raises
        ------
        DeviceError
            It is too long or too fast, or the line fails.
        """
        info = self._info
        self._opened()
        if len(sequence) > info.longest_sequence or period_s < 0.999 * info.shortest_period_s:
            raise DeviceError(
                f"{self._name} cannot show {len(sequence)} exposures at {1000 * period_s:.2f} ms; it holds "
                f"{info.longest_sequence} and needs {1000 * info.shortest_period_s:.2f} ms for each"
            )
        data = wire.pack_sequence(sequence, period_s)
        hello = self._greet()
        if hello.session != self._session or (hello.stored_length, hello.stored_crc) != _check(data):
            self._upload(data)
        self._loaded = data
        self._session = hello.session
        self._light_s = len(sequence) * period_s

    def play(self) -> None:
        """Show the sequence once; returns when it has begun.

        Raises
        ------
        DeviceError
            Nothing is loaded, or the line fails.
        """
        self._begin(again=False)

    def loop(self) -> None:
        """Show the sequence again and again until `stop`; returns when it has begun.

        Raises
        ------
        DeviceError
            Nothing is loaded, or the line fails.
        """
        self._begin(again=True)

    def _begin(self, again: bool) -> None:
        self._opened()
        if self._loaded is None:
            raise DeviceError(f"{self._name} holds no sequence; load one first")
        self._end_beat()
        self._run += 1
        answer = self._ask(Kind.PLAY, wire.pack_play(self._run, again))
        if answer.status is Status.EMPTY:
            # A reset between load and play: the cameras are armed, so load again and go on.
            self._upload(self._loaded)
            self._session = self._greet().session
            answer = self._ask(Kind.PLAY, wire.pack_play(self._run, again))
        self._demand(answer)
        self._dark.clear()
        self._beat = threading.Thread(
            target=self._keep_lit, args=(math.inf if again else self._light_s,), name=f"beat {self._name}"
        )
        self._beat.daemon = True
        self._beat.start()

    def stop(self) -> None:
        """Light off, now; always allowed."""
        self._dark.set()
        if self._port is not None:
            self._demand(self._ask(Kind.STOP))

    def close(self) -> None:
        """Light off and give the port back; a line that is dead already is given back without a word."""
        port = self._port
        if port is None:
            return
        self._end_beat()
        try:
            self.stop()
        except DeviceError:
            pass  # the watchdog puts the light off
        finally:
            self._port = None
            self._loaded = None
            port.close()

    def _keep_lit(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._dark.wait(min(wire.BEAT_S, max(end - time.monotonic(), 0))):
            if time.monotonic() >= end:
                return
            try:
                self._ask(Kind.BEAT)
            except DeviceError:
                return  # the next act says so

    def _end_beat(self) -> None:
        self._dark.set()
        if self._beat is not None:
            self._beat.join()
            self._beat = None

    def _greet(self) -> Hello:
        answer = self._ask(Kind.HELLO)
        self._demand(answer)
        try:
            return Hello.unpack(answer.payload[1:])
        except WireError as error:
            raise DeviceError(f"{self._name} on {self._path} greets in another protocol ({error})") from error

    def _upload(self, data: bytes) -> None:
        offset = 0
        while offset < len(data):
            answer = self._ask(Kind.WRITE, offset.to_bytes(4, "little") + data[offset : offset + wire.BLOCK])
            if answer.status not in (Status.DONE, Status.BAD_OFFSET):
                self._demand(answer)
            # The projector says how far it is: a reset in between sends it back to the start.
            offset = int.from_bytes(answer.payload[1:5], "little")
        length, crc = _check(data)
        self._demand(self._ask(Kind.COMMIT, length.to_bytes(4, "little") + crc.to_bytes(4, "little")))

    def _demand(self, answer: Message) -> None:
        if answer.status is not Status.DONE:
            raise wire.refusal(self._name, answer.status)

    def _ask(self, kind: Kind, payload: bytes = b"") -> Message:
        """Send a request until its answer comes; the same number each time, so that it acts once."""
        with self._exchange:
            self._number = (self._number + 1) % 65536
            request = Message(kind, self._number, payload)
            frame = wire.encode(request)
            timeout = _FIRST_TIMEOUT_S + 2 * 10 * (len(frame) + 32) / wire.BAUD
            try:
                for _ in range(_TRIES):
                    self._opened().write(frame)
                    answer = self._answer_to(request, timeout)
                    if answer is not None:
                        return answer
                    timeout *= _GROWTH
            except (OSError, serial.SerialException) as error:
                raise DeviceError(
                    f"{self._name}: the line to the projector broke ({self._path}). Check its cable, then connect the "
                    "rig again"
                ) from error
        raise DeviceError(
            f"{self._name} does not answer on {self._path}. Check that it has power and that this is its port"
        )

    def _answer_to(self, request: Message, timeout: float) -> Message | None:
        """Return the answer, or ``None`` when the time is over or one of the two frames came broken."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            port = self._opened()
            for frame in self._splitter.feed(port.read(max(port.in_waiting, 1))):
                try:
                    message = wire.decode(frame)
                except WireError:
                    return None
                if message.is_answer and message.kind is Kind.BROKEN:
                    return None
                if message.is_answer and (message.kind, message.sequence) == (request.kind, request.sequence):
                    return message
        return None

    def _opened(self) -> Port:
        if self._port is None:
            raise DeviceError(f"{self._name} is not open")
        return self._port


def _check(data: bytes) -> tuple[int, int]:
    return len(data), zlib.crc32(data)
