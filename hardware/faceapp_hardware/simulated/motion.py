"""A head that does not hold still: the same as cameras and projector that move the other way."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.rig import CameraModel
from faceapp.core.sequence import FringeSequence
from faceapp.core.transforms import RigidTransform
from faceapp_hardware.simulated.rendering import Renderer

_FRAMES_PER_S = 120.0


@dataclass(frozen=True)
class Motion:
    """How the head moves; its truth is where it stands in the middle of the finest fringes of the middle group.

    Parameters
    ----------
    velocity : tuple of 3 float
        During each burst of 120 exposures a second, mm/s.
    shift : tuple of 3 float
        From one group to the next, mm.
    """

    velocity: tuple[float, ...] = (0.0, 0.0, 0.0)
    shift: tuple[float, ...] = (0.0, 0.0, 0.0)

    @property
    def moves_in_burst(self) -> bool:
        """Whether the exposures of one group differ."""
        return any(self.velocity)

    def of_group(self, index: int, groups: int) -> FloatArray:
        """Return the (3,) displacement of the head while a group is shot, mm."""
        return np.array(self.shift) * (index - groups // 2)

    def of_exposure(self, sequence: FringeSequence, index: int) -> FloatArray:
        """Return the (3,) displacement of an exposure against the middle of the finest fringes, mm."""
        steps = sequence.steps(sequence.frequencies[-1]) if sequence.frequencies else (0,)
        return np.array(self.velocity) * (index - float(np.mean(steps))) / _FRAMES_PER_S


def seen_from(camera: CameraModel, displacement: FloatArray) -> CameraModel:
    """Return the camera that sees the resting head as ``camera`` sees the displaced one."""
    pose = camera.rig_from_camera
    return replace(camera, rig_from_camera=RigidTransform(pose.rotation, pose.translation - displacement))


def moving_exposures(
    renderer: Renderer, camera: CameraModel, optics: CameraModel, sequence: FringeSequence, motion: Motion
) -> Float32Array:
    """Return the (E, h, w) noiseless pictures of a sequence before a moving head, in the window of the resting one.

    Parameters
    ----------
    renderer : Renderer
        Of the resting head.
    camera : CameraModel
        An infrared camera, moved already by what the head has moved before the burst.
    optics : CameraModel
        The projector, moved likewise.
    sequence : FringeSequence
        What is shown.
    motion : Motion
        During the burst.
    """
    window = renderer.window(camera)
    pictures = np.empty((len(sequence), window.height, window.width), np.float32)
    for index, picture in enumerate(pictures):
        displacement = motion.of_exposure(sequence, index)
        view = renderer.lit_view(seen_from(camera, displacement), seen_from(optics, displacement), window)
        picture[:] = renderer.exposures(view, sequence, (index,))[0]
    return pictures
