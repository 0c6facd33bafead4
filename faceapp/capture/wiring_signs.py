"""What the frames of a self-test say of the wiring: who sees light, whether its fringes run the right way round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.frames import FrameStack
from faceapp.core.rig import CameraGroup, CameraModel
from faceapp.core.sequence import FringeSequence
from faceapp.formats.capture_bundle import white_level
from faceapp.fringe.decode import decode_group

LIT_SHARE = 0.005
"""Of the pixels that must see the fringes of a projector for its light to count as seen."""

_SWING = 0.05
_STRIDE = 4
_NEAR_MM = 200.0
_FEWEST_POINTS = 200
_BULGE = 1 / 1000
"""1/mm: of a sphere of a metre; a face has five times as much."""
_AHEAD_PX = 20.0


def lit_share(frames: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], white: float) -> float:
    """Return the share of pixels of (N, H, W) frames whose counts change by more than a twentieth of the range."""
    few = frames[:, ::_STRIDE, ::_STRIDE].astype(np.int32)
    return float((few.max(axis=0) - few.min(axis=0) > _SWING * white).mean())


def direction_of_fringes(stack: FrameStack, white: float) -> float:
    """Return whether the coarsest fringes rise along the camera's axis: from -1, all fall, to 1, all rise.

    NaN where too little is lit, or the sequence has no fringes.
    """
    frequencies = stack.sequence.frequencies
    if not frequencies:
        return float("nan")
    steps = stack.frames[list(stack.sequence.steps(frequencies[0]))][:, ::_STRIDE, ::_STRIDE].astype(np.float64)
    angles = 2 * np.pi * np.arange(len(steps)) / len(steps)
    wave = np.tensordot(np.exp(1j * angles), steps, 1) * 2 / len(steps)
    axis = 1 if stack.sequence.axis == "u" else 0
    here, ahead = (wave[:, :-2], wave[:, 2:]) if axis else (wave[:-2], wave[2:])
    lit = (np.abs(here) > _SWING * white / 2) & (np.abs(ahead) > _SWING * white / 2)
    if lit.sum() < _FEWEST_POINTS / 4:
        return float("nan")
    return float(np.mean(np.sign(np.angle(ahead[lit] * here[lit].conj()))))


def expected_direction(camera: CameraModel, projector: CameraModel | None, sequence: FringeSequence) -> float:
    """Return 1 where the fringes should rise along the camera's axis, else -1; 1 where the projector is no view."""
    if projector is None:
        return 1.0
    axis = "uv".index(sequence.axis)
    middle = np.array([camera.K[0, 2], camera.K[1, 2]])
    ahead = middle + _AHEAD_PX * np.eye(2)[axis]
    depth = float(np.linalg.norm(camera.centre))  # the head is at the origin of the rig
    pixels, _ = projector.project(camera.centre + depth * camera.rays(np.stack([middle, ahead])))
    return float(np.sign(pixels[1, axis] - pixels[0, axis])) or 1.0


def is_inside_out(group: CameraGroup, stacks: Mapping[str, FrameStack]) -> bool:
    """Return whether a head comes out hollow, and bulges when the two cameras of a group take each other's frames.

    Two cameras that show each other's view still agree in their phases; only the depth is turned inside out. What is
    flat tells nothing: a board hides such an exchange.
    """
    one, other = (m.name for m in group.infrared)
    as_named = _bulge(group, _points(group, stacks))
    exchanged = _bulge(group, _points(group, {one: stacks[other], other: stacks[one]}))
    return as_named < -_BULGE and exchanged > _BULGE


def fits_in_place(group: CameraGroup, stacks: Mapping[str, FrameStack]) -> bool:
    """Return whether the frames of these cameras, whatever their names, give a head in this group."""
    return len(_points(group, stacks)) > _FEWEST_POINTS


def _points(group: CameraGroup, stacks: Mapping[str, FrameStack]) -> FloatArray:
    """The (N, 3) points of a decoded burst that lie where a head is; none where nothing can be decoded."""
    named = {m.name: replace(stacks[m.name], camera=m.name) for m in group.infrared}
    white = {m.name: white_level(named[m.name].frames, m.sensor.white_level) for m in group.infrared}
    try:
        points = decode_group(group, named, white, depth_images=False).cloud.points.astype(np.float64)
    except DataError:
        return np.empty((0, 3))
    return np.asarray(points[np.linalg.norm(points, axis=1) < _NEAR_MM])


def _bulge(group: CameraGroup, points: FloatArray) -> float:
    """Curvature of a sphere through the points, 1/mm: above zero where their middle is nearest to the cameras."""
    if len(points) < _FEWEST_POINTS:
        return float("nan")
    local = group.infrared[0].rig_from_camera.inverse().apply(points)
    across = local[:, :2] - np.median(local[:, :2], axis=0)
    terms = np.column_stack([np.ones(len(local)), across, (across**2).sum(axis=1) / 2])
    return float(np.linalg.lstsq(terms, local[:, 2], rcond=None)[0][3])


def mean_direction(directions: list[float]) -> float:
    """Return the mean of those that are known; NaN where none is."""
    known: FloatArray = np.array([d for d in directions if np.isfinite(d)])
    return float(known.mean()) if known.size else float("nan")
