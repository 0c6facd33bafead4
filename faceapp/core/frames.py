"""A burst of one camera, and the phase that is made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, frozen, frozen_or_none
from faceapp.core.errors import DataError, FrameLost
from faceapp.core.sequence import FringeSequence

FrameArray = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class FrameStack:
    """The frames of one camera, one for each exposure, in order.

    Parameters
    ----------
    camera : str
        Whose frames they are.
    frames : (N, H, W) uint8 or uint16
        Raw counts.
    sequence : FringeSequence
        What was projected; N is its length.
    frame_ids : (N,) int64, optional
        Counter of the camera; rises by one from frame to frame.
    timestamps_ns : (N,) int64, optional
        Of the camera's monotonic clock.

    Raises
    ------
    DataError
        The frames are not (N, H, W) of 8 or 16 bits.
    FrameLost
        N is not the sequence's, or the ids have a gap.
    """

    camera: str
    frames: FrameArray
    sequence: FringeSequence
    frame_ids: npt.NDArray[np.int64] | None = None
    timestamps_ns: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        kind = np.asarray(self.frames).dtype
        if kind not in (np.uint8, np.uint16):
            raise DataError(f"{self.camera}: frames must be 8 or 16 bit counts, got {kind}")
        frames = frozen(self.frames, kind, (None, None, None), f"{self.camera}: frames")
        n = len(frames)
        if n != len(self.sequence):
            raise FrameLost(f"{self.camera} delivered {n} of {len(self.sequence)} frames; capture again")
        ids = frozen_or_none(self.frame_ids, np.int64, (n,), f"{self.camera}: frame ids")
        if ids is not None and n > 1:
            jumps = np.flatnonzero(np.diff(ids) != 1)
            if len(jumps):
                at = int(jumps[0])
                raise FrameLost(
                    f"{self.camera}: frame id {int(ids[at])} is followed by {int(ids[at + 1])}; "
                    "a frame is missing or double. Check the trigger cable, then capture again"
                )
        object.__setattr__(self, "frames", frames)
        object.__setattr__(self, "frame_ids", ids)
        stamps = frozen_or_none(self.timestamps_ns, np.int64, (n,), f"{self.camera}: time stamps")
        object.__setattr__(self, "timestamps_ns", stamps)


@dataclass(frozen=True, eq=False)
class PhaseMap:
    """Absolute phase of one camera.

    Parameters
    ----------
    camera : str
        Whose pixels they are.
    frequency : float
        Fringes across the field to which the phase refers; ``x = phase / (2 pi frequency)``.
    phase : (H, W) float32
        Absolute phase, radians, 0 at the first fringe; NaN where invalid.
    modulation : (H, W) float32
        Of the finest fringes, counts.
    sigma : (H, W) float32
        One standard deviation of ``phase``, radians; NaN where invalid.
    wrapped_phase : (H, W) float32
        Of the finest fringes, in [-pi, pi); NaN where modulation is too low.
    order_residual : float
        Root mean square distance of the fringe orders from whole numbers before rounding, over valid pixels.
    noise_known : bool
        Whether sigma comes from the sensor's stated noise; else from the residual of the fit.
    """

    camera: str
    frequency: float
    phase: Float32Array
    modulation: Float32Array
    sigma: Float32Array
    wrapped_phase: Float32Array
    order_residual: float
    noise_known: bool

    def __post_init__(self) -> None:
        shape = np.asarray(self.phase).shape
        for name in ("phase", "modulation", "sigma", "wrapped_phase"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float32, shape, f"{self.camera}: {name}"))

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """(H, W) bool: where the phase is known."""
        return np.isfinite(self.phase)
