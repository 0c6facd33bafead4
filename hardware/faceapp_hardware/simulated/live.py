"""The live view inside the world: a few noisy pictures of each camera, shown in turn; hardly any work."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import numpy as np

from faceapp.core.arrays import Float32Array, UInt8Array

RATE_HZ = 16.0
_VARIANTS = 5


class LiveView:
    """A thread that shows pictures of the cameras that are asked for.

    Parameters
    ----------
    slots : dict of str to array
        Shared memory of each camera.
    tell : callable
        Called with the name of a camera whose slot holds a new picture.
    """

    def __init__(self, slots: dict[str, UInt8Array], tell: Callable[[str], None]) -> None:
        self._slots, self._tell = slots, tell
        self._pictures: dict[str, list[UInt8Array]] = {}
        self._free = set(slots)
        self._lock = threading.Lock()
        self._rng = np.random.default_rng()
        self._pause = threading.Event()
        threading.Thread(target=self._run, name="live", daemon=True).start()

    @property
    def cameras(self) -> list[str]:
        """Which are shown."""
        with self._lock:
            return list(self._pictures)

    def show(self, camera: str, picture: Float32Array, electrons_per_count: float) -> None:
        """Show a noiseless picture in counts, with noise, until another comes."""
        deviation = np.sqrt(np.maximum(picture, 0) / electrons_per_count) + 0.4
        noisy = [
            np.clip(picture + deviation * self._rng.standard_normal(picture.shape, np.float32), 0, 255)
            for _ in range(_VARIANTS)
        ]
        with self._lock:
            self._pictures[camera] = [variant.astype(np.uint8) for variant in noisy]

    def end(self, camera: str) -> None:
        """Show a camera no more."""
        with self._lock:
            self._pictures.pop(camera, None)

    def free(self, camera: str) -> None:
        """Hear that the client has copied the picture."""
        with self._lock:
            self._free.add(camera)

    def _run(self) -> None:
        due_at = time.monotonic()
        while not self._pause.wait(max(due_at - time.monotonic(), 0)):
            due_at = max(due_at, time.monotonic() - 1 / RATE_HZ) + 1 / RATE_HZ  # late ones are not made up for
            with self._lock:
                due = [(name, random.choice(pictures)) for name, pictures in self._pictures.items()]
                due = [(name, picture) for name, picture in due if name in self._free]
                self._free -= {name for name, _ in due}
            for name, picture in due:
                self._slots[name][:] = picture
                self._tell(name)
