"""A projector's firmware whose line is troubled: mute, slow, or with broken bytes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from faceapp.core.sequence import FringeSequence
from faceapp_hardware.simulated.firmware import EVERYTHING, Firmware


class TroubledFirmware(Firmware):
    """A firmware that can be given a bad line.

    Parameters
    ----------
    size, longest_sequence, shortest_period_s, trigger, committed
        See `Firmware`.
    rng : Generator
        Draws which bytes break.
    """

    def __init__(
        self,
        size: tuple[int, int],
        longest_sequence: int,
        shortest_period_s: float,
        trigger: Callable[[int], None],
        committed: Callable[[FringeSequence], None],
        rng: np.random.Generator,
    ) -> None:
        self._rng = rng
        self.mend()
        super().__init__(size, longest_sequence, shortest_period_s, trigger, committed, EVERYTHING)

    def mend(self) -> None:
        """Make the line a good one."""
        self._mute_for_s = self._mute_until = self._delay_s = self._broken_share = 0.0

    def mute(self, seconds: float) -> None:
        """Answer nothing, from the next request on; what is asked is done all the same."""
        self._mute_for_s = seconds

    def slow(self, seconds: float) -> None:
        """Need so much longer for each answer."""
        self._delay_s = seconds

    def break_bytes(self, one_in: int) -> None:
        """Break one byte in so many, both ways."""
        self._broken_share = 1 / one_in

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; returns the bytes to answer with."""
        if self._mute_for_s:
            self._mute_until, self._mute_for_s = time.monotonic() + self._mute_for_s, 0.0
        answer = super().receive(self._broken(data))
        if self._delay_s and answer:
            time.sleep(self._delay_s)
        return b"" if time.monotonic() < self._mute_until else self._broken(answer)

    def _broken(self, data: bytes) -> bytes:
        if not self._broken_share or not data:
            return data
        values = np.frombuffer(data, np.uint8).copy()
        hit = self._rng.random(len(values)) < self._broken_share
        values[hit] ^= self._rng.integers(1, 256, int(hit.sum()), dtype=np.uint8)
        return values.tobytes()
