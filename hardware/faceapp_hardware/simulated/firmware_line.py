"""The line to emulated firmware: a pseudo-terminal with a thread behind it, and bytes that break on request."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from typing import Protocol

import numpy as np

_TICK_S = 0.05


class Device(Protocol):
    """What hangs on the line."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes; returns the bytes to answer with."""
        ...

    def watch(self) -> bytes:
        """Look at the clock; called often. Returns what it says unasked."""
        ...

    def light_off(self) -> None:
        """Light off, now."""
        ...


class FirmwareLine:
    """A device behind a pseudo-terminal, served by a thread of its own.

    Parameters
    ----------
    firmware : Device
        Who answers.
    damage : float
        Share of the bytes that arrive changed, in both directions.
    seed : int
        Of the damage.
    """

    def __init__(self, firmware: Device, damage: float = 0.0, seed: int = 0) -> None:
        self.firmware = firmware
        self.damage = damage
        self.damaged = 0
        self._rng = np.random.default_rng(seed)
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
                    answer = self.firmware.receive(self._through(os.read(self._inner, 4096)))
                    if answer:
                        os.write(self._inner, self._through(answer))
                unasked = self.firmware.watch()
                if unasked:
                    os.write(self._inner, self._through(unasked))
        finally:
            self.firmware.light_off()
            for end in (self._inner, self._outer):
                with contextlib.suppress(OSError):
                    os.close(end)

    def _through(self, data: bytes) -> bytes:
        if not self.damage:
            return data
        bytes_ = np.frombuffer(data, np.uint8).copy()
        hit = self._rng.random(len(bytes_)) < self.damage
        bytes_[hit] ^= self._rng.integers(1, 256, int(hit.sum()), np.uint8)
        self.damaged += int(hit.sum())
        return bytes_.tobytes()
