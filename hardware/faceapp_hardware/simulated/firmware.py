"""The projector's firmware, emulated: the same bytes, the same watchdog, the same forgetfulness after a reset."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import select
import threading
import time
import tty
import zlib
from collections.abc import Callable

from faceapp.core.errors import SequenceError
from faceapp.core.sequence import FringeSequence
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.wire import Hello, Kind, Message, Splitter, Status, WireError

_TICK_S = 0.05
_MEMORY = 65536


class Firmware:
    """What the projector's controller does with bytes; free of any line and of any clock but `time.monotonic`.

    Parameters
    ----------
    size : (int, int)
        Width and height, pixels.
    longest_sequence : int
        Exposures that it holds.
    shortest_period_s : float
        Between two exposures.
    trigger : callable
        Called with the number of each exposure as its light goes on: the wire to the cameras.
    committed : callable, optional
        Called with each sequence that is loaded.
    """

    def __init__(
        self,
        size: tuple[int, int],
        longest_sequence: int,
        shortest_period_s: float,
        trigger: Callable[[int], None],
        committed: Callable[[FringeSequence], None] = lambda sequence: None,
        watchdog_s: float = wire.WATCHDOG_S,
    ) -> None:
        self._watchdog_s = watchdog_s
        self._size, self._longest, self._shortest = size, longest_sequence, shortest_period_s
        self._trigger, self._committed = trigger, committed
        self._splitter = Splitter()
        self._lock = threading.RLock()
        self._player: threading.Thread | None = None
        self._dark = threading.Event()
        self.lightings = 0
        self.reset()

    @property
    def is_lit(self) -> bool:
        """Whether a sequence is being shown."""
        return self._player is not None and self._player.is_alive() and not self._dark.is_set()

    def reset(self) -> None:
        """Start anew: light off, memory empty, another session."""
        self.light_off()
        with self._lock:
            self._session = secrets.randbits(32)
            self._upload = b""
            self._stored: tuple[FringeSequence, float] | None = None
            self._stored_check = (0, 0)
            self._last: tuple[Message, bytes] | None = None
            self._last_run: int | None = None
            self._heard = time.monotonic()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; returns the bytes to answer with."""
        return b"".join(self._answer(frame) for frame in self._splitter.feed(data))

    def watch(self) -> None:
        """Put the light off if the host has been silent for too long."""
        if self.is_lit and time.monotonic() - self._heard > self._watchdog_s:
            self.light_off()

    def light_off(self) -> None:
        """End the sequence that is shown."""
        self._dark.set()
        player = self._player
        if player is not None and player is not threading.current_thread():
            player.join()

    def _answer(self, frame: bytes) -> bytes:
        try:
            request = wire.decode(frame)
        except WireError:
            reached = len(self._upload).to_bytes(4, "little")
            return wire.encode(Message(Kind.BROKEN, 0, bytes([Status.BAD_CHECK]) + reached, is_answer=True))
        if request.is_answer:
            return b""
        with self._lock:
            self._heard = time.monotonic()
            if self._last is not None and self._last[0] == request:
                return self._last[1]
            answer = wire.encode(Message(request.kind, request.sequence, self._act(request), is_answer=True))
            self._last = (request, answer)
            return answer

    def _act(self, request: Message) -> bytes:
        data = request.payload
        match request.kind:
            case Kind.HELLO:
                return bytes([Status.DONE]) + self._hello().pack()
            case Kind.WRITE:
                return self._write(int.from_bytes(data[:4], "little"), data[4:])
            case Kind.COMMIT:
                status = self._commit(int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little"))
            case Kind.PLAY:
                status = self._play(*wire.unpack_play(data))
            case Kind.STOP:
                self.light_off()
                status = Status.DONE
            case Kind.BEAT:
                status = Status.DONE
            case _:
                status = Status.UNKNOWN
        return bytes([status])

    def _hello(self) -> Hello:
        shortest = round(self._shortest * 1e6)
        return Hello(*self._size, self._longest, shortest, True, self._session, *self._stored_check)

    def _write(self, offset: int, data: bytes) -> bytes:
        if offset == 0:
            self._upload = b""
        status = Status.BAD_OFFSET
        if offset <= len(self._upload) and offset + len(data) <= _MEMORY:
            self._upload = self._upload[:offset] + data
            status = Status.DONE
        return bytes([status]) + len(self._upload).to_bytes(4, "little")

    def _commit(self, length: int, crc: int) -> Status:
        if (len(self._upload), zlib.crc32(self._upload)) != (length, crc):
            return Status.BAD_CHECK
        try:
            sequence, period = wire.unpack_sequence(self._upload)
        except (WireError, SequenceError):
            return Status.BAD_SEQUENCE
        if len(sequence) > self._longest or period < 0.999 * self._shortest:
            return Status.BAD_SEQUENCE
        self._stored, self._stored_check = (sequence, period), (length, crc)
        self._committed(sequence)
        return Status.DONE

    def _play(self, run: int, again: bool) -> Status:
        if self._stored is None:
            return Status.EMPTY
        if run == self._last_run:
            return Status.DONE
        self.light_off()
        self._last_run = run
        self._dark.clear()
        self.lightings += 1
        self._player = threading.Thread(target=self._show, args=(*self._stored, again), name="light", daemon=True)
        self._player.start()
        return Status.DONE

    def _show(self, sequence: FringeSequence, period: float, again: bool) -> None:
        start = time.perf_counter()
        for shown in itertools.count():
            if self._dark.wait(max(start + shown * period - time.perf_counter(), 0)):
                return
            if shown >= len(sequence) and not again:
                break
            self._trigger(shown % len(sequence))
        self._dark.set()


class FirmwareLine:
    """A firmware behind a pseudo-terminal, served by a thread of its own.

    Parameters
    ----------
    firmware : Firmware
        Who answers.
    """

    def __init__(self, firmware: Firmware) -> None:
        self.firmware = firmware
        self._inner, self._outer = os.openpty()
        # Bytes, not lines: a zero or an interrupt character means nothing here.
        tty.setraw(self._outer)
        self.path = os.ttyname(self._outer)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"line {self.path}", daemon=True)
        self._thread.start()

    def pull(self) -> None:
        """Pull the cable: the port vanishes under the host, and the light goes off."""
        self._end.set()
        self._thread.join()

    def _serve(self) -> None:
        try:
            while not self._end.is_set():
                ready, _, _ = select.select([self._inner], [], [], _TICK_S)
                if ready:
                    answer = self.firmware.receive(os.read(self._inner, 4096))
                    if answer:
                        os.write(self._inner, answer)
                self.firmware.watch()
        finally:
            self.firmware.light_off()
            for end in (self._inner, self._outer):
                with contextlib.suppress(OSError):
                    os.close(end)
