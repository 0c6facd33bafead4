"""The firmware of a projector that stores its sequences, emulated: it says that it lives, and obeys 12 bytes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from faceapp.core.sequence import FringeSequence
from faceapp_hardware.projectors.stored_command import HEAD, LENGTH, NO_CHECK, Answer, Command, unpack

_ALIVE = b"alive\r\n"
_ALIVE_S = 0.3


class StoredFirmware:
    """What the controller does with bytes.

    Parameters
    ----------
    sequences : mapping of int to FringeSequence
        That are stored, by class.
    fastest_hz : int
        Exposures a second.
    trigger : callable
        Called with the number of each exposure.

    Notes
    -----
    ``fault`` is what it answers instead of obeying, where something is wrong with it.
    """

    def __init__(
        self, sequences: Mapping[int, FringeSequence], fastest_hz: int, trigger: Callable[[int], None]
    ) -> None:
        self._sequences, self._fastest, self._trigger = dict(sequences), fastest_hz, trigger
        self._rest = b""
        self._said = 0.0
        self._out = b""
        self._lock = threading.Lock()
        self._player: threading.Thread | None = None
        self._dark = threading.Event()
        self.fault: Answer | None = None
        self.lightings = 0
        self.shown: list[Command] = []

    @property
    def is_lit(self) -> bool:
        """Whether a sequence is being shown."""
        return self._player is not None and self._player.is_alive() and not self._dark.is_set()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; returns the bytes to answer with."""
        self._rest += data
        out = b""
        while (at := self._rest.find(HEAD)) >= 0 and len(self._rest) >= at + LENGTH:
            command, self._rest = unpack(self._rest[at : at + LENGTH]), self._rest[at + LENGTH :]
            refusal = self._refusal(command)
            if refusal is None:
                self._show(command)
            else:
                out += bytes([refusal])
        self._rest = self._rest[-LENGTH:]
        return out

    def _refusal(self, command: Command) -> Answer | None:
        if command.check != NO_CHECK:
            return Answer.BROKEN
        if self.fault is not None:
            return self.fault
        if self.is_lit:
            return Answer.CANNOT_TRIGGER
        fits = command.number in self._sequences and 1 <= command.rate_hz <= self._fastest
        return None if fits and 0 < command.exposure_us * command.rate_hz <= 1_001_000 else Answer.PARAMETER

    def _show(self, command: Command) -> None:
        if self._player is not None:
            self._player.join()
        self._dark.clear()
        self.lightings += 1
        self.shown.append(command)
        arguments = (self._sequences[command.number], 1 / command.rate_hz)
        self._player = threading.Thread(target=self._play, args=arguments, name="light", daemon=True)
        self._player.start()

    def _play(self, sequence: FringeSequence, period: float) -> None:
        start = time.perf_counter()
        for shown in range(len(sequence) + 1):
            if self._dark.wait(max(start + shown * period - time.perf_counter(), 0)):
                return
            if shown < len(sequence):
                self._trigger(shown)
        self._dark.set()
        with self._lock:
            self._out += bytes([Answer.DONE])

    def watch(self) -> bytes:
        """Return what it says unasked: that it lives, and that it is done."""
        with self._lock:
            out, self._out = self._out, b""
        if time.monotonic() - self._said > _ALIVE_S:
            self._said = time.monotonic()
            out += _ALIVE
        return out

    def light_off(self) -> None:
        """Cut the power."""
        self._dark.set()
        player = self._player
        if player is not None and player is not threading.current_thread():
            player.join()
