"""How a simulated rig was really put together: never quite as drawn, and not as yesterday where it was hit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from faceapp.calibration.rotations import rotation_of
from faceapp.core.arrays import FloatArray
from faceapp.core.errors import UsageError
from faceapp.core.rig import CameraModel, Rig
from faceapp.core.transforms import RigidTransform

_FOCAL, _CENTRE_PX, _TURN_DEG, _SHIFT_MM = 0.01, 12.0, 0.8, 4.0
_RADIAL, _TANGENTIAL = 0.02, 2e-4


@dataclass(frozen=True)
class Knock:
    """A camera that was hit.

    Parameters
    ----------
    camera : str
        Which.
    turn_deg : tuple of 3 float
        About its own x (pitch), y (yaw) and z (roll).
    shift_mm : tuple of 3 float
        In its own frame.
    """

    camera: str
    turn_deg: tuple[float, float, float]
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)


def assembled(rig: Rig, seed: int) -> Rig:
    """Return a rig of the same drawing as a workshop would build it: lenses and places a little otherwise."""
    rng = np.random.default_rng([seed, 23])
    return _with_cameras(rig, {c.name: _built(c, rng) for c in rig.cameras})


def _built(camera: CameraModel, rng: np.random.Generator) -> CameraModel:
    k = camera.K.copy()
    k[[0, 1], [0, 1]] *= 1 + _FOCAL * rng.uniform(-1, 1)
    k[:2, 2] += _CENTRE_PX * (camera.width / 1280) * rng.uniform(-1, 1, 2)
    off = np.array([_RADIAL, _RADIAL, _TANGENTIAL, _TANGENTIAL, 0.0]) * rng.uniform(-1, 1, 5)
    moved = _moved(camera, _TURN_DEG * rng.uniform(-1, 1, 3), _SHIFT_MM * rng.uniform(-1, 1, 3))
    return replace(moved, K=k, distortion=camera.distortion + off)


def knocked(rig: Rig, knocks: Iterable[Knock]) -> Rig:
    """Return the rig with some cameras hit."""
    cameras: dict[str, CameraModel] = {}
    for knock in knocks:
        camera = cameras.get(knock.camera) or rig.camera(knock.camera)
        cameras[knock.camera] = _moved(camera, np.array(knock.turn_deg), np.array(knock.shift_mm))
    return _with_cameras(rig, cameras)


def _moved(camera: CameraModel, turn_deg: FloatArray, shift_mm: FloatArray) -> CameraModel:
    step = RigidTransform(rotation_of(np.radians(turn_deg)), np.asarray(shift_mm, np.float64))
    return replace(camera, rig_from_camera=camera.rig_from_camera @ step)


def _with_cameras(rig: Rig, cameras: dict[str, CameraModel]) -> Rig:
    def new(camera: CameraModel) -> CameraModel:
        return cameras.get(camera.name, camera)

    groups = tuple(
        replace(g, infrared=tuple(new(c) for c in g.infrared), rgb=new(g.rgb) if g.rgb else None) for g in rig.groups
    )
    return replace(rig, groups=groups)


def parse_knocks(texts: Iterable[str], rig: Rig) -> tuple[Knock, ...]:
    """Return the knocks of texts such as ``middle-ir-1 0 0.05 0`` (degrees), or with three millimetres more.

    Raises
    ------
    UsageError
        The camera is unknown, or the numbers are not three or six.
    """
    names = {c.name for c in rig.cameras}
    knocks = []
    for text in texts:
        words = text.split()
        try:
            numbers = [float(word) for word in words[1:]]
        except ValueError:
            numbers = []
        if not words or words[0] not in names or len(numbers) not in (3, 6):
            raise UsageError(
                f"knock {text!r}: a camera ({', '.join(sorted(names))}) and three degrees about its x, y and z are "
                "expected, and three millimetres where it was shifted too"
            )
        turn, shift = numbers[:3], numbers[3:] or [0.0] * 3
        knocks.append(Knock(words[0], (turn[0], turn[1], turn[2]), (shift[0], shift[1], shift[2])))
    return tuple(knocks)


def parse_swaps(texts: Iterable[str], rig: Rig) -> dict[str, str]:
    """Return which camera's picture comes in the place of which, of texts such as ``left-ir-1 left-ir-2``.

    Raises
    ------
    UsageError
        Not two cameras of the same kind.
    """
    roles = {
        c.name: "rgb" if g.rgb is not None and c.name == g.rgb.name else "ir" for g in rig.groups for c in g.cameras
    }
    swaps: dict[str, str] = {}
    for text in texts:
        pair = text.split()
        if len(pair) != 2 or any(name not in roles for name in pair) or roles[pair[0]] != roles[pair[1]]:
            raise UsageError(f"swap {text!r}: two cameras of the same kind are expected, such as left-ir-1 left-ir-2")
        swaps |= {pair[0]: pair[1], pair[1]: pair[0]}
    return swaps


def parse_triggers(texts: Iterable[str], rig: Rig) -> dict[str, str]:
    """Return which group's projector triggers which camera, of texts such as ``left-ir-1 right`` or ``left-ir-1 none``.

    Raises
    ------
    UsageError
        Not a camera and a group.
    """
    cameras, groups = {c.name for c in rig.cameras}, [*(g.name for g in rig.groups), "none"]
    wired: dict[str, str] = {}
    for text in texts:
        words = text.split()
        if len(words) != 2 or words[0] not in cameras or words[1] not in groups:
            raise UsageError(f"trigger {text!r}: a camera and one of {', '.join(groups)} are expected")
        wired[words[0]] = words[1]
    return wired


def parse_mirrors(texts: Iterable[str], rig: Rig) -> frozenset[str]:
    """Return the groups whose projector is mirrored.

    Raises
    ------
    UsageError
        There is no such group.
    """
    groups = [g.name for g in rig.groups]
    named = frozenset(text for text in texts if text)
    for name in named - set(groups):
        raise UsageError(f"mirror {name!r}: one of {', '.join(groups)} is expected")
    return named
