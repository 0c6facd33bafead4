"""The engine's memory as pylon's buffers: it grabs there, and nothing is copied."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt


def engine_buffers(frames: npt.NDArray[Any]) -> Any:
    """Return a factory that hands the frames of an array to pylon, from the first to the last.

    Parameters
    ----------
    frames : (N, ...) array, C-ordered
        It lives at least as long as the grabbing; the context of each buffer is its address.
    """
    from pypylon import pylon

    class EngineBuffers(pylon.BufferFactory):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._given = 0

        def AllocateBuffer(self, buffer_size: int) -> tuple[int | None, int]:  # noqa: N802 - pylon's name
            at, self._given = self._given, self._given + 1
            # Too few are no error for pylon: the frames are missing then, and the burst is lost with its count.
            fits = at < len(frames) and buffer_size <= frames[at].nbytes
            return (address_of(frames[at]), address_of(frames[at])) if fits else (None, 0)

        def FreeBuffer(self, buffer: int, context: int) -> None:  # noqa: N802 - pylon's name
            """The memory is the engine's."""

    return EngineBuffers()


def address_of(array: npt.NDArray[Any]) -> int:
    """Return where an array begins."""
    return int(array.__array_interface__["data"][0])
