"""Triangle meshes: vertices in an order that nobody changes behind one's back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray, IntArray, UInt8Array, frozen, frozen_or_none
from faceapp.core.errors import DataError


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh in millimetres.

    Parameters
    ----------
    vertices : (V, 3) float32
        Positions, mm.
    faces : (F, 3) int32
        Counter-clockwise seen from outside.
    normals : (V, 3) float32, optional
        Unit, outward.
    colors : (V, 3) uint8, optional
        RGB.
    sigma : (V,) float32, optional
        One standard deviation of the position, mm.
    uv : (F, 3, 2) float32, optional
        Texture coordinates of each corner, (0, 0) at the lower left of the picture.
    texture : (H, W, 3) uint8, optional
        RGB picture that ``uv`` refers to.

    Raises
    ------
    DataError
        A shape is wrong or a face names a vertex that is not there.
    """

    vertices: Float32Array
    faces: IntArray
    normals: Float32Array | None = None
    colors: UInt8Array | None = None
    sigma: Float32Array | None = None
    uv: Float32Array | None = None
    texture: UInt8Array | None = None

    def __post_init__(self) -> None:
        vertices = frozen(self.vertices, np.float32, (None, 3), "mesh vertices")
        faces = frozen(self.faces, np.int32, (None, 3), "mesh faces")
        n = len(vertices)
        if len(faces) and (faces.min() < 0 or faces.max() >= n):
            raise DataError(f"mesh: a face names vertex {int(faces.max())} of {n}")
        values = {
            "vertices": vertices,
            "faces": faces,
            "normals": frozen_or_none(self.normals, np.float32, (n, 3), "mesh normals"),
            "colors": frozen_or_none(self.colors, np.uint8, (n, 3), "mesh colors"),
            "sigma": frozen_or_none(self.sigma, np.float32, (n,), "mesh sigma"),
            "uv": frozen_or_none(self.uv, np.float32, (len(faces), 3, 2), "mesh uv"),
            "texture": frozen_or_none(self.texture, np.uint8, (None, None, 3), "mesh texture"),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def with_vertices(self, vertices: npt.ArrayLike) -> Mesh:
        """Return the same topology with other positions; normals and sigma are dropped."""
        return replace(self, vertices=np.asarray(vertices, np.float32), normals=None, sigma=None)

    def face_normals(self) -> FloatArray:
        """Return (F, 3) float64 normals whose length is twice the triangle's area, mm^2."""
        v = self.vertices.astype(np.float64)
        a, b, c = v[self.faces[:, 0]], v[self.faces[:, 1]], v[self.faces[:, 2]]
        return np.cross(b - a, c - a)

    def vertex_normals(self) -> Float32Array:
        """Return (V, 3) unit normals, area-weighted means of the faces round each vertex (0 where there is none)."""
        normals = self.face_normals()
        total = np.zeros((len(self.vertices), 3))
        for axis in range(3):
            weights = np.repeat(normals[:, axis], 3)
            total[:, axis] = np.bincount(self.faces.ravel(), weights, minlength=len(total))
        length = np.linalg.norm(total, axis=1, keepdims=True)
        return (total / np.where(length > 0, length, 1)).astype(np.float32)

    def vertex_areas(self) -> FloatArray:
        """Return (V,) float64: a third of the area of the triangles round each vertex, mm^2."""
        areas = np.linalg.norm(self.face_normals(), axis=1) / 6
        return np.bincount(self.faces.ravel(), np.repeat(areas, 3), minlength=len(self.vertices)).astype(np.float64)

    def submesh(self, keep: npt.ArrayLike) -> Mesh:
        """Return the part whose vertices are kept.

        Parameters
        ----------
        keep : (V,) bool
            Vertices to keep, in their order; faces with a dropped corner go.
        """
        mask = np.asarray(keep, bool)
        new = np.cumsum(mask) - 1
        inside = mask[self.faces].all(axis=1)

        def pick(values: npt.NDArray[np.generic] | None) -> npt.NDArray[np.generic] | None:
            return None if values is None else values[mask]

        return Mesh(
            self.vertices[mask],
            new[self.faces[inside]].astype(np.int32),
            pick(self.normals),  # type: ignore[arg-type]
            pick(self.colors),  # type: ignore[arg-type]
            pick(self.sigma),  # type: ignore[arg-type]
            None if self.uv is None else self.uv[inside],
            self.texture,
        )
