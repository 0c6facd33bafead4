"""A registration template: a mesh whose vertex order is the meaning of every result."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray, IntArray, frozen
from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh


@dataclass(frozen=True, eq=False)
class Template:
    """A mesh with landmarks and parts.

    Parameters
    ----------
    name : str
        What people call it.
    mesh : Mesh
        Its vertex order is never changed.
    anchor_triangles : (n, 3) int32
        Vertices that each landmark lies between; -1 where the template has no such point.
    anchor_weights : (n, 3) float64
        Barycentric weights, NaN where there is none.
    parts : (V,) int32
        Index into ``part_names`` of each vertex.
    part_names : tuple of str
        Free names.
    stiffness : dict of str to float
        Relative stiffness of a part; 1 where not named.
    face : (V,) bool
        The vertices that reports are about.
    licence : str
        Of the mesh.
    scheme : str
        Landmark scheme of the anchors.
    """

    name: str
    mesh: Mesh
    anchor_triangles: IntArray
    anchor_weights: FloatArray
    parts: IntArray
    part_names: tuple[str, ...]
    face: npt.NDArray[np.bool_]
    stiffness: dict[str, float] = field(default_factory=dict)
    licence: str = ""
    scheme: str = "jd106"

    def __post_init__(self) -> None:
        v = len(self.mesh.vertices)
        triangles = frozen(self.anchor_triangles, np.int32, (None, 3), "template anchors")
        if len(triangles) and triangles.max() >= v:
            raise DataError(f"template {self.name}: an anchor names vertex {int(triangles.max())} of {v}")
        parts = frozen(self.parts, np.int32, (v,), "template parts")
        if v and (parts.min() < 0 or parts.max() >= len(self.part_names)):
            raise DataError(f"template {self.name}: a part label has no name")
        object.__setattr__(self, "anchor_triangles", triangles)
        weights = frozen(self.anchor_weights, np.float64, (len(triangles), 3), "template anchor weights")
        object.__setattr__(self, "anchor_weights", weights)
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "face", frozen(self.face, np.bool_, (v,), "template face"))

    def landmarks_of(self, vertices: npt.ArrayLike) -> FloatArray:
        """Return the (n, 3) landmarks of (V, 3) vertices in template order; NaN where there is no anchor."""
        corners = np.asarray(vertices, np.float64)[self.anchor_triangles]
        points: FloatArray = np.einsum("nk,nkd->nd", self.anchor_weights, corners)
        points[self.anchor_triangles[:, 0] < 0] = np.nan
        return points
