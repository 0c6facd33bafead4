"""What each stage of the line takes and gives: the plugins of a stage share these types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from faceapp.core.cloud import PointCloud
from faceapp.core.landmarks import Landmarks2D, Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import BakedTexture, Reconstruction, Registration
from faceapp.core.rig import CameraModel
from faceapp.core.template import Template


@dataclass(frozen=True, eq=False)
class MeshingInput:
    """A fused cloud that becomes a surface.

    Parameters
    ----------
    cloud : PointCloud
        With normals.
    vertices : int
        How many are wanted.
    """

    cloud: PointCloud
    vertices: int = 100_000


@dataclass(frozen=True)
class Pin:
    """A vertex of the template whose place on the scan somebody knows.

    Parameters
    ----------
    vertex : int
        Of the template.
    point : (3,) float
        On the scan, mm.
    """

    vertex: int
    point: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class RegistrationInput:
    """A scan and the template that is laid onto it.

    Parameters
    ----------
    scan : Mesh
        mm.
    template : Template
        Whose order the result has.
    landmarks : Landmarks3D or None
        On the scan; without them the start is found from the shapes alone.
    start : (V, 3) float32 or None
        The subject's own neutral in template order, in any pose: what an expression is bent from instead of the
        template.
    pins : tuple of Pin
        Correspondences that a person gave; they lead like landmarks, and hold to the end.
    neutral_texture : BakedTexture or None
        Of that neutral, where it is known.
    """

    scan: Mesh
    template: Template
    landmarks: Landmarks3D | None = None
    start: npt.NDArray[np.float32] | None = None
    pins: tuple[Pin, ...] = ()
    neutral_texture: BakedTexture | None = None


@dataclass(frozen=True, eq=False)
class Photograph:
    """A picture and what is known of it.

    Parameters
    ----------
    name : str
        View or file.
    image : (H, W, 3) uint8
        RGB.
    landmarks : Landmarks2D
        In it.
    camera : CameraModel or None
        ``None``: an ordinary photograph, its camera is fitted.
    """

    name: str
    image: npt.NDArray[np.uint8]
    landmarks: Landmarks2D
    camera: CameraModel | None = None


@dataclass(frozen=True, eq=False)
class ReconstructionInput:
    """Photographs of one subject in one expression.

    Parameters
    ----------
    photographs : tuple of Photograph
        Calibrated views, or one ordinary photograph.
    """

    photographs: tuple[Photograph, ...]


RESULTS: Mapping[str, type] = MappingProxyType({"mesh": Mesh, "register": Registration, "reconstruct": Reconstruction})
"""The type that a plugin of each stage returns."""

INPUTS: Mapping[str, type] = MappingProxyType(
    {"mesh": MeshingInput, "register": RegistrationInput, "reconstruct": ReconstructionInput}
)
"""The type that a plugin of each stage takes."""
