"""What the world and its client share: memory for pictures in flight, and messages about them.

The memory has no name: it goes with the last of the two processes, however they end.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from faceapp.core.arrays import UInt8Array
from faceapp.core.errors import DeviceError
from faceapp.core.rig import Rig

BURST_SLOTS = 4
"""Frames of one infrared camera in flight; the world keeps the others until a slot is free."""
LIVE_SHRINK = 2
"""The live view's pictures have so many times fewer pixels a side."""
_COLOUR_SLOTS = 1
_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Slot:
    """Where one picture lies in the shared memory.

    Parameters
    ----------
    offset : int
        Bytes.
    shape : tuple of int
        (H, W) or (H, W, 3), uint8.
    """

    offset: int
    shape: tuple[int, ...]

    def view(self, memory: mmap.mmap) -> UInt8Array:
        """Return the picture, shared."""
        count = int(np.prod(self.shape))
        return np.frombuffer(memory, np.uint8, count, self.offset).reshape(self.shape)


@dataclass(frozen=True)
class Layout:
    """Who has which place in the shared memory.

    Parameters
    ----------
    burst : dict of str to list of Slot
        By camera.
    live : dict of str to Slot
        By camera.
    size : int
        Bytes in all.
    """

    burst: dict[str, list[Slot]]
    live: dict[str, Slot]
    size: int


def layout_of(rig: Rig) -> Layout:
    """Return the layout for a rig; both processes reckon it alike."""
    burst: dict[str, list[Slot]] = {}
    live: dict[str, Slot] = {}
    at = 0
    for group in rig.groups:
        for model in group.cameras:
            deep = (3,) if group.rgb is not None and model.name == group.rgb.name else ()
            burst[model.name] = []
            for _ in range(_COLOUR_SLOTS if deep else BURST_SLOTS):
                burst[model.name].append(Slot(at, (model.height, model.width, *deep)))
                at += int(np.prod(burst[model.name][-1].shape))
            small = (model.height // LIVE_SHRINK, model.width // LIVE_SHRINK, *deep)
            live[model.name] = Slot(at, small)
            at += int(np.prod(small))
    return Layout(burst, live, at)


def shared_file(size: int) -> BinaryIO:
    """Return a nameless file in memory of that size.

    Raises
    ------
    DeviceError
        There is not so much memory.
    """
    try:
        file = tempfile.TemporaryFile(dir=_MEMORY if _MEMORY.is_dir() else None)  # noqa: SIM115 (the caller closes it)
        if hasattr(os, "posix_fallocate"):
            # Else a full file system shows as a bus error when a frame is written.
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            os.truncate(file.fileno(), size)
    except OSError as error:
        raise DeviceError(
            f"the simulated rig needs {size / 2**20:.0f} MB of shared memory ({error.strerror}); "
            "choose a smaller option scale, or give the machine more"
        ) from error
    return file
