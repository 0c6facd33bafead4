"""A projector's firmware that can be mute or slow to answer; bytes break on its line."""

from __future__ import annotations

import time
from collections.abc import Callable

from faceapp.core.sequence import FringeSequence
from faceapp_hardware.simulated.firmware import EVERYTHING, Firmware


class TroubledFirmware(Firmware):
    """A firmware with all abilities whose answers can fail to come, or come late.

    Parameters
    ----------
    size, longest_sequence, shortest_period_s, trigger, committed
        See `Firmware`.
    """

    def __init__(
        self,
        size: tuple[int, int],
        longest_sequence: int,
        shortest_period_s: float,
        trigger: Callable[[int], None],
        committed: Callable[[FringeSequence], None],
    ) -> None:
        self.mend()
        super().__init__(size, longest_sequence, shortest_period_s, trigger, committed, EVERYTHING)

    def mend(self) -> None:
        """Answer at once again."""
        self._mute_for_s = self._mute_until = self._delay_s = 0.0

    def mute(self, seconds: float) -> None:
        """Answer nothing, from the next request on; what is asked is done all the same."""
        self._mute_for_s = seconds

    def slow(self, seconds: float) -> None:
        """Need so much longer for each answer."""
        self._delay_s = seconds

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; returns the bytes to answer with."""
        if self._mute_for_s:
            self._mute_until, self._mute_for_s = time.monotonic() + self._mute_for_s, 0.0
        answer = super().receive(data)
        if self._delay_s and answer:
            time.sleep(self._delay_s)
        return b"" if time.monotonic() < self._mute_until else answer
