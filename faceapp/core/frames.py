"""A burst of one camera, and the phase that is made of it."""

from __future__ import annotations

import functools
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


UNKNOWN, LIT, KNOWN_ABOVE = -8.0, -6.0, -4.0
"""Inside a `PhaseMap`: the position of a dark pixel; of a lit one whose fringe order is not known, less its phase in
cycles; positions above the third are known and lie between -0.5 and 1.5. What is handed out says NaN."""


@dataclass(frozen=True, eq=False)
class PhaseMap:
    """Absolute phase of one camera.

    It holds the position across the projector's field, as the decoder made it; phase and sigma in radians are made
    of it when somebody asks.

    Parameters
    ----------
    camera : str
        Whose pixels they are.
    frequency : float
        Fringes across the field to which the phase refers; ``x = phase / (2 pi frequency)``.
    position : (H, W) float32
        x, 0 to 1 across the field; `UNKNOWN` where it is dark, ``LIT - phase / 2 pi`` where only the order is open.
    variance : (H, W) float32
        Of the position; defined where it is valid.
    modulation : (H, W) float32
        Of the finest fringes, counts.
    blocks : (h, w, 4) float32
        Of each block of 32 x 32 pixels: valid pixels; over them the sum of the last fringe order's residual in units
        of its noise, the sum of its squares in fringes squared, and its sum in fringes.
    noise_known : bool
        Whether sigma comes from the sensor's stated noise; else from the residual of the fit.
    """

    camera: str
    frequency: float
    position: Float32Array
    variance: Float32Array
    modulation: Float32Array
    blocks: Float32Array
    noise_known: bool

    def __post_init__(self) -> None:
        shape = np.asarray(self.position).shape
        for name in ("position", "variance", "modulation"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float32, shape, f"{self.camera}: {name}"))
        blocks = frozen(self.blocks, np.float32, (None, None, 4), f"{self.camera}: blocks")
        object.__setattr__(self, "blocks", blocks)

    @functools.cached_property
    def phase(self) -> Float32Array:
        """(H, W) float32: absolute phase, radians, 0 at the first fringe; NaN where invalid."""
        scale = np.float32(2 * np.pi * self.frequency)
        return frozen(
            np.where(self.valid, self.position * scale, np.float32(np.nan)), np.float32, (None, None), "phase"
        )

    @functools.cached_property
    def sigma(self) -> Float32Array:
        """(H, W) float32: one standard deviation of `phase`, radians; NaN where invalid."""
        scale = np.float32(2 * np.pi * self.frequency)
        sigma = np.full(self.position.shape, np.nan, np.float32)
        np.sqrt(self.variance, out=sigma, where=self.valid)
        return frozen(sigma * scale, np.float32, (None, None), "phase sigma")

    @functools.cached_property
    def wrapped_phase(self) -> Float32Array:
        """(H, W) float32: phase of the finest fringes in [-pi, pi); NaN where modulation is too low."""
        cycles = np.where(self.valid, self.position * np.float32(self.frequency), np.float32(LIT) - self.position)
        cycles -= np.floor(cycles + np.float32(0.5))
        wrapped = cycles * np.float32(2 * np.pi)
        wrapped[self.position == np.float32(UNKNOWN)] = np.nan
        return frozen(wrapped, np.float32, (None, None), "wrapped phase")

    @functools.cached_property
    def valid(self) -> npt.NDArray[np.bool_]:
        """(H, W) bool: where the phase is known."""
        return self.position > np.float32(KNOWN_ABOVE)

    @property
    def lit_pixels(self) -> int:
        """How many pixels have enough modulation."""
        return int(np.count_nonzero(self.position > np.float32(UNKNOWN)))

    @property
    def valid_pixels(self) -> int:
        """How many pixels have a phase."""
        return int(self.blocks[..., 0].sum())

    @property
    def order_residual(self) -> float:
        """Root mean square distance of the last fringe orders from whole numbers before rounding; NaN without any."""
        count = float(self.blocks[..., 0].sum(dtype=np.float64))
        return float(np.sqrt(self.blocks[..., 2].sum(dtype=np.float64) / count)) if count else float("nan")
