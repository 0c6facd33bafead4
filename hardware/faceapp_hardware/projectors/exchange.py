"""Requests and answers over a serial port: asked again until they arrive, uploads that go on where they were."""

from __future__ import annotations

import errno
import secrets
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVar

import serial

from faceapp.core.errors import DeviceError
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.messages import FaultBit, Hello, Upload, pack_begin, refusal
from faceapp_hardware.projectors.wire import Kind, Message, OtherVersion, Splitter, Status, WireError

_T = TypeVar("_T")

_FIRST_TIMEOUT_S = 0.1
_GROWTH = 1.5
_TRIES = 6
_MOST_TRIES = 60
_READ_S = 0.01
_GIVEN_BACK_S = 1.0
_ANSWER_BYTES = 96
_UPLOAD_TRIES = 40
_DOUBTFUL = (Status.BAD_OFFSET, Status.BAD_CHECK)


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


def open_serial_port(path: str, baud: int = wire.BAUD) -> Port:
    """Open a serial port; one that another program is just giving back is waited for."""
    end = time.monotonic() + _GIVEN_BACK_S
    while True:
        try:
            port: Port = serial.Serial(path, baud, timeout=_READ_S, write_timeout=1.0, exclusive=True)
            return port
        except serial.SerialException as error:
            if error.errno != errno.EAGAIN or time.monotonic() > end:
                raise
            time.sleep(_READ_S)


class SilenceError(DeviceError):
    """Nothing answers."""


class Exchange:
    """One device behind one port, spoken to from whatever thread, one request after the other.

    Parameters
    ----------
    name, path : str
        Of the device and of its port, for messages.
    open_port : callable
        Opens the port.
    what : str
        Word for the device in messages.

    Notes
    -----
    Numbers begin anywhere, and HELLO carries a number of this host: the firmware forgets the answers that it keeps for
    the host before, whose numbers may be the same.
    """

    def __init__(
        self, name: str, path: str, open_port: Callable[[str], Port] = open_serial_port, what: str = "projector"
    ) -> None:
        self._name, self._path, self._open_port, self._what = name, path, open_port, what
        self._port: Port | None = None
        self._lock = threading.RLock()
        self._splitter = Splitter()
        self._heard: deque[Message | None] = deque()
        self._host = secrets.randbits(32)
        self._number = secrets.randbits(16)

    @property
    def is_open(self) -> bool:
        """Whether it has its port."""
        return self._port is not None

    def open(self) -> None:
        """Open the port.

        Raises
        ------
        DeviceError
            It is missing or busy.
        """
        try:
            self._port = self._open_port(self._path)
        except (OSError, serial.SerialException) as error:
            raise DeviceError(
                f"{self._name}: the port {self._path} cannot be opened ({error}). Check the cable, and that no other "
                "program has it"
            ) from error
        self._splitter = Splitter()
        self._heard.clear()

    def close(self) -> None:
        """Give the port back."""
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def greet(self) -> Hello:
        """Ask the device what it is."""
        return self.read(self.demand(Kind.HELLO, self._host.to_bytes(4, "little")), Hello.unpack)

    def read(self, answer: Message, unpack: Callable[[bytes], _T]) -> _T:
        """Return what stands behind the status of an answer.

        Raises
        ------
        DeviceError
            It says something else than the protocol has.
        """
        try:
            return unpack(answer.payload[1:])
        except WireError as error:
            raise DeviceError(f"{self._name} on {self._path} answers in another protocol ({error})") from error

    def demand(self, kind: Kind, payload: bytes = b"") -> Message:
        """Ask, and raise what the device refuses as an error for people."""
        answer = self.ask(kind, payload)
        self.accept(answer)
        return answer

    def accept(self, answer: Message) -> None:
        """Raise an error for people unless the device has done what it was asked.

        Raises
        ------
        DeviceError
            It says why not.
        """
        status = answer.status
        if status is Status.DONE:
            return
        told = status in (Status.INTERLOCK, Status.FAULT) and len(answer.payload) >= 3
        faults = FaultBit(int.from_bytes(answer.payload[1:3], "little")) if told else FaultBit(0)
        raise refusal(self._name, status, faults)

    def ask(self, kind: Kind, payload: bytes = b"") -> Message:
        """Send a request until its answer comes; the same number each time, so that it acts once.

        Raises
        ------
        DeviceError
            Nothing answers, or the line broke.
        """
        with self._lock:
            self._heard.clear()
            request = self._numbered(kind, payload)
            frame = wire.encode(request)
            timeout, silences = _patience(len(frame)), 0
            for attempt in range(_MOST_TRIES):
                # A delimiter before it: what a broken frame before has left cannot swallow this one.
                self._write(b"\0" + frame if attempt else frame)
                start = time.monotonic()
                answer = self._answer_to({request.sequence: request}, timeout)
                if answer is not None:
                    return answer
                if time.monotonic() - start < timeout:
                    continue  # broken bytes cost no time, so they need not cost patience
                timeout, silences = timeout * _GROWTH, silences + 1
                if silences == _TRIES:
                    break
        raise self._silence()

    def upload(self, what: Upload, data: bytes, told: Callable[[float], None] = lambda share: None) -> None:
        """Send data up, several frames on the line at once; what is lost is sent again from where the device is.

        Parameters
        ----------
        what : Upload
            A sequence or an image.
        data : bytes
            All of it.
        told : callable, optional
            Hears the share that has arrived.

        Raises
        ------
        DeviceError
            The device refuses it, or the line fails.
        """
        with self._lock:
            begin = pack_begin(what, len(data), zlib.crc32(data))
            reached = _offset(self.demand(Kind.BEGIN, begin))
            tries = 0
            while reached < len(data):
                before = reached
                reached = self._send_some(data, reached)
                tries = tries + 1 if reached <= before else 0
                if tries >= _UPLOAD_TRIES:
                    raise self._silence()
                if reached <= before:
                    # Perhaps a reset in between, after which the device knows of no upload.
                    reached = _offset(self.demand(Kind.BEGIN, begin))
                told(reached / len(data))

    def _send_some(self, data: bytes, reached: int) -> int:
        """Send up to a window of blocks; return how far the device is."""
        blocks: dict[int, Message] = {}
        frames = b""
        for offset in range(reached, min(len(data), reached + wire.IN_FLIGHT * wire.BLOCK), wire.BLOCK):
            payload = offset.to_bytes(4, "little") + data[offset : offset + wire.BLOCK]
            request = self._numbered(Kind.WRITE, payload)
            blocks[request.sequence] = request
            frames += b"\0" + wire.encode(request)
        self._write(frames)
        while blocks:
            answer = self._answer_to(blocks, _patience(len(frames)))
            if answer is None:
                # One number more that asks for nothing but the offset: an empty block at the place it had reached.
                last = self.ask(Kind.WRITE, reached.to_bytes(4, "little"))
                return self._reached(last)
            del blocks[answer.sequence]
            now = self._reached(answer)
            if answer.status in _DOUBTFUL:
                return now
            reached = max(reached, now)
        return reached

    def _reached(self, answer: Message) -> int:
        if answer.status not in _DOUBTFUL:
            self.accept(answer)
        return _offset(answer)

    def _numbered(self, kind: Kind, payload: bytes) -> Message:
        self._number = (self._number + 1) % 65536
        return Message(kind, self._number, payload)

    def _write(self, data: bytes) -> None:
        try:
            self._opened().write(data)
        except (OSError, serial.SerialException) as error:
            raise self._broken_line() from error

    def _answer_to(self, requests: dict[int, Message], timeout: float) -> Message | None:
        """Return the answer to one of them, or ``None`` when the time is over or a frame came broken."""
        end = time.monotonic() + timeout
        while True:
            while self._heard:
                message = self._heard.popleft()
                if message is None:
                    return None
                request = requests.get(message.sequence)
                if message.is_answer and request is not None and message.kind == request.kind:
                    return message
            if time.monotonic() >= end:
                return None
            port = self._opened()
            try:
                data = port.read(max(port.in_waiting, 1))
            except (OSError, serial.SerialException) as error:
                raise self._broken_line() from error
            self._heard += [self._decoded(frame) for frame in self._splitter.feed(data)]

    def _decoded(self, frame: bytes) -> Message | None:
        """Return a message; ``None`` for a frame that came broken, and for word of one that arrived so."""
        try:
            message = wire.decode(frame)
            if message.is_answer:
                message.status  # noqa: B018 (one that nobody knows is no message)
        except OtherVersion as error:
            raise DeviceError(
                f"{self._name} on {self._path} speaks version {error.version} of the protocol, this program speaks "
                f"{wire.VERSION}. Update the firmware, or faceapp"
            ) from error
        except WireError:
            return None
        return None if message.is_answer and message.kind is Kind.BROKEN else message

    def _opened(self) -> Port:
        if self._port is None:
            raise DeviceError(f"{self._name} is not open")
        return self._port

    def _broken_line(self) -> DeviceError:
        return DeviceError(
            f"{self._name}: the line to the {self._what} broke ({self._path}). Check its cable, then connect the rig "
            "again"
        )

    def _silence(self) -> SilenceError:
        return SilenceError(
            f"{self._name} does not answer on {self._path}. Check that it has power and that this is its port"
        )


def _patience(length: int) -> float:
    """100 ms, and twice the time of request and answer on the wire."""
    return _FIRST_TIMEOUT_S + 2 * 10 * (length + _ANSWER_BYTES) / wire.BAUD


def _offset(answer: Message) -> int:
    return int.from_bytes(answer.payload[1:5], "little")
