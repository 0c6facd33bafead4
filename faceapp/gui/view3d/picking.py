"""What lies under the mouse: a ray through a cell locator (mesh) or past the points (cloud)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import mutable, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData, vtkStaticCellLocator

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh

_CELL_MM = 6.0
"""Side of the cells by which the points of a cloud are kept."""


@dataclass(frozen=True, eq=False)
class Pick:
    """A point that was hit.

    Parameters
    ----------
    layer : str
        Which layer.
    position : (3,) float64
        Rig frame, mm.
    distance : float
        From the camera, mm.
    index : int
        Nearest vertex of the triangle, or the point of the cloud.
    face : int
        Triangle; -1 in a cloud.
    weights : (3,) float64 or None
        Barycentric coordinates in the triangle.
    """

    layer: str
    position: FloatArray
    distance: float
    index: int
    face: int = -1
    weights: FloatArray | None = None


class MeshPicker:
    """Ray against mesh; building it takes 0.4 s for 2.5 million triangles, so build it on a thread."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._poly: Any = vtkPolyData()
        points: Any = vtkPoints()
        points.SetData(numpy_to_vtk(mesh.vertices, deep=True))
        self._poly.SetPoints(points)
        cells: Any = vtkCellArray()
        offsets = np.arange(0, mesh.faces.size + 1, 3, dtype=np.int64)
        corners = mesh.faces.astype(np.int64).ravel()
        cells.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(corners, deep=True))
        self._poly.SetPolys(cells)
        self._locator: Any = vtkStaticCellLocator()
        self._locator.SetDataSet(self._poly)
        if len(mesh.faces):
            self._locator.BuildLocator()

    def pick(self, layer: str, origin: FloatArray, direction: FloatArray, reach: float) -> Pick | None:
        """Return the first hit of a ray within ``reach`` mm."""
        if not len(self._mesh.faces):
            return None
        end = origin + direction * reach
        t: Any
        t, sub, cell = mutable(0.0), mutable(0), mutable(0)
        x, local = [0.0] * 3, [0.0] * 3
        hit = self._locator.IntersectWithLine(tuple(origin), tuple(end), 1e-6, t, x, local, sub, cell)
        if not hit:
            return None
        face = int(cell)
        weights = np.array([1 - local[0] - local[1], local[0], local[1]])
        index = int(self._mesh.faces[face][int(weights.argmax())])
        return Pick(layer, np.array(x), float(t) * reach, index, face, weights)


class CloudPicker:
    """Ray past points: the first point near the ray.

    Points are kept by cells, so that a ray asks only those beside it; sorting 1.6 million takes 0.3 s, so build it on a
    thread.
    """

    def __init__(self, cloud: PointCloud, spacing: float) -> None:
        self._points = cloud.points
        self._spacing = spacing
        self._order = np.zeros(0, np.intp)
        self._starts = np.zeros(1, np.intp)
        self._middles = np.zeros((0, 3), np.float32)
        if len(self._points):
            self._sort()

    def _sort(self) -> None:
        low = self._points.min(axis=0)
        cells = ((self._points - low) / _CELL_MM).astype(np.int64)
        extent = cells.max(axis=0) + 1
        keys = (cells[:, 0] * extent[1] + cells[:, 1]) * extent[2] + cells[:, 2]
        self._order = np.argsort(keys, kind="stable")
        _, first = np.unique(keys[self._order], return_index=True)
        self._starts = np.append(first, len(keys))
        self._middles = low + (cells[self._order[first]] + np.float32(0.5)) * np.float32(_CELL_MM)

    def pick(self, layer: str, origin: FloatArray, direction: FloatArray, tolerance: float) -> Pick | None:
        """Return the foremost point within ``tolerance`` mm of the ray."""
        candidates = self._beside(origin, direction, tolerance)
        if not len(candidates):
            return None
        along, aside = _from_ray(self._points[candidates], origin, direction)
        near = np.flatnonzero((aside < tolerance * tolerance) & (along > 0))
        if not len(near):
            return None
        # The front skin is about as thick as the tolerance: in it, the point nearest to the ray.
        front = near[along[near] < along[near].min() + 2 * tolerance]
        best = front[aside[front].argmin()]
        index = int(candidates[best])
        return Pick(layer, self._points[index].astype(np.float64), float(along[best]), index)

    def _beside(self, origin: FloatArray, direction: FloatArray, tolerance: float) -> npt.NDArray[np.intp]:
        """Points of the cells that the ray may touch."""
        reach = tolerance + _CELL_MM * np.sqrt(3) / 2
        _, aside = _from_ray(self._middles, origin, direction)
        touched = np.flatnonzero(aside < reach * reach)
        parts = [self._order[self._starts[k] : self._starts[k + 1]] for k in touched.tolist()]
        return np.concatenate(parts) if parts else np.zeros(0, np.intp)


def _from_ray(points: Float32Array, origin: FloatArray, direction: FloatArray) -> tuple[Float32Array, Float32Array]:
    """Return how far along a ray points lie, mm, and the squared distance from it."""
    offset = points - origin.astype(np.float32)
    along = offset @ direction.astype(np.float32)
    return along, np.einsum("ij,ij->i", offset, offset) - along * along
