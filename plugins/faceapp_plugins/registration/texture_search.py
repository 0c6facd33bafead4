"""Correspondence by place and colour (beyond-3dmm.md Eq. 6): a brow finds a brow, and what covers the face is left.

Which vertices have a place that looks alike is by Eq. 6; where that place is, by Eq. 6 or by the gradient of colours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from faceapp.core.arrays import FloatArray, UInt8Array
from faceapp.core.mesh import Mesh
from faceapp.geometry.deformation import Attraction
from faceapp.geometry.rigid import voxel_subset
from faceapp_plugins.registration.color_flow import ColorFlow
from faceapp_plugins.registration.face_light import FaceLight, fit_face_light
from faceapp_plugins.registration.scan_search import ScanSearch
from faceapp_plugins.registration.surface_colors import blurred, slopes
from faceapp_plugins.registration.texture_model import TextureModel

_NEIGHBOURS = 128
_SPACING_MM = 0.3
"""Of the places that are compared: what a scan has more would only make the neighbourhood smaller."""

_TRACE = 0.01
_CONTRAST_PER_MM = 0.02
"""Change of colour from which texture tells where it lies; painted skin without features has a tenth of it."""

_FITTED = 3000

_ON_SCAN_MM = 0.01

_LED_MM = 20.0
"""About clear texture it leads so far, for bending carries what holds there."""


class TextureSearch:
    """Places that look alike: by the gradient of colours, or chosen among vertices and middles of edges of the scan.

    With the vertices alone a place is off by half their spacing, and many of a template's vertices share one: what
    they are drawn to is then the scan's topology more than its texture.

    Parameters
    ----------
    scan : Mesh
        mm.
    colors : (N, 3) uint8
        Of its vertices.
    model : TextureModel
        Of the template.
    faces : (F, 3) int32
        Of the template.
    fitted : (V,) bool
        Vertices that light and texture are found from.
    surface : ScanSearch
        Of the scan, for places without texture.
    weight_mm : float
        Distance that a difference of colour of 1 is worth (lambda_tex).
    threshold : float
        Colours farther apart are not of one place (tau_c).
    pull : float
        How strongly clear texture holds along the surface, beside the pull across it.
    gradients : bool
        Whether vertices follow the gradient of their colours; otherwise the best place by Eq. 6.

    Notes
    -----
    Texture holds a vertex across an edge of colour and not along it, for there all places look alike: how strongly it
    does in which direction is in the structure tensor of the colours (Foerstner and Guelch, ISPRS Intercommission
    Workshop, 1987).
    """

    def __init__(
        self,
        scan: Mesh,
        colors: UInt8Array,
        model: TextureModel,
        faces: npt.NDArray[np.int32],
        fitted: npt.NDArray[np.bool_],
        surface: ScanSearch,
        *,
        weight_mm: float,
        threshold: float,
        pull: float,
        gradients: bool,
    ) -> None:
        self._surface, self._model, self._faces = surface, model, faces
        vertices = scan.vertices.astype(np.float64)
        some_vertices, long_edges = voxel_subset(vertices, _SPACING_MM), _long_edges(vertices, scan.faces)

        def candidates(values: FloatArray) -> FloatArray:
            return np.concatenate([values[some_vertices], values[long_edges].mean(axis=1)])

        self._places = candidates(vertices)
        self._normals = candidates(scan.vertex_normals().astype(np.float64))
        self._blurred, self._scan_faces = blurred(colors.astype(np.float64) / 255, vertices, scan.faces), scan.faces
        self._colors = candidates(self._blurred)
        self._tree = cKDTree(self._places)
        self._weight, self._threshold, self._pull = weight_mm, threshold, pull
        self._fitted = fitted
        some = np.flatnonzero(fitted)
        self._some = some[:: max(len(some) // _FITTED, 1)]
        self._sample = model.part(self._some)
        self._flow = ColorFlow(faces, model.deviation) if gradients else None
        self.light = FaceLight.start(len(model.modes))
        self._reach = 0.0
        self.rejected: npt.NDArray[np.bool_] = np.zeros(len(model.mean), np.bool_)
        """(V,) bool: vertices near which nothing looked as they do, the last time."""

    def attraction(self, vertices: FloatArray, normals: FloatArray, reach: float, weight: FloatArray) -> Attraction:
        """Return where the scan pulls each vertex; see `ScanSearch.attraction`."""
        good, closest, normal = self._surface.closest(vertices, normals, reach, weight > 0)
        if reach != self._reach:
            # once at each stiffness: between its rounds the template moves too little for another light
            self._reach = reach
            self._update_light(good, closest, normals)
        colors = self.light.colors(self._model, normals)
        rows = np.flatnonzero(good)
        alike, there = self._alike(vertices[rows], normals[rows], colors[rows], reach)
        self.rejected[:] = False
        self.rejected[rows[~alike]] = True
        pulled = np.where(good & ~self.rejected, weight, 0.0)
        if self._flow is None:
            target, held = closest.copy(), self._held_by_edges(vertices, colors)
            # along the surface by colour, across it by the plane of the closest point: a chosen place lies aside
            aside = np.einsum("nd,nd->n", there - closest[rows], normal[rows])
            target[rows[alike]] = (there - aside[:, None] * normal[rows])[alike]
        else:
            used = pulled > 0
            seen = self._seen(closest, used)
            offset, held = self._flow.offsets(vertices, normal, colors, seen, used)
            target = closest + offset
        return Attraction(pulled, target, normal, _TRACE * np.eye(3) + self._pull * held)

    def _held_by_edges(self, vertices: FloatArray, colors: FloatArray) -> FloatArray:
        """Return (V, 3, 3) how surely a place chosen by its colour is the right one, in each direction."""
        across = slopes(vertices, self._faces, colors)
        return np.asarray(np.eye(3) - np.linalg.inv(np.eye(3) + across / _CONTRAST_PER_MM**2))

    def _seen(self, points: FloatArray, used: npt.NDArray[np.bool_]) -> FloatArray:
        """Return the (V, 3) colours of the scan at points (V, 3) of it; black where they are not used."""
        found = self._surface.tree.query(np.where(used[:, None], points, np.nan), _ON_SCAN_MM)
        known = found.face >= 0
        corners = self._blurred[self._scan_faces[np.where(known, found.face, 0)]]
        return np.asarray(np.einsum("nk,nkc->nc", np.where(known[:, None], found.weights, 0.0), corners))

    def _update_light(self, good: npt.NDArray[np.bool_], closest: FloatArray, normals: FloatArray) -> None:
        use = good[self._some]
        if use.sum() < 10 * len(self.light.values):
            return
        part = self._sample.part(use)
        rows = self._some[use]
        seen = self._colors[self._tree.query(closest[rows])[1]]
        self.light = fit_face_light(part, normals[rows], seen, self.light)

    def _alike(
        self, vertices: FloatArray, normals: FloatArray, colors: FloatArray, reach: float
    ) -> tuple[npt.NDArray[np.bool_], FloatArray]:
        """Eq. 6: which vertices have a place that looks alike, and the best one of each."""
        far, index = self._tree.query(vertices, _NEIGHBOURS, distance_upper_bound=reach)
        known = np.isfinite(far)
        index = np.where(known, index, 0)
        gap = np.linalg.norm(self._colors[index] - colors[:, None], axis=2)
        facing = np.einsum("nkd,nd->nk", self._normals[index], normals) > 0
        fits = known & facing & (gap < self._threshold)
        cost = np.where(fits, far + self._weight * gap, np.inf)
        best = cost.argmin(axis=1)
        return fits.any(axis=1), self._places[index[np.arange(len(index)), best]]

    def led(self, vertices: FloatArray) -> FloatArray:
        """Return (V,) how well the mean texture tells where each vertex (V, 3), or one near it, lies, 0 to 1."""
        slope = np.trace(slopes(vertices, self._faces, self._model.mean.astype(np.float64)), axis1=1, axis2=2) / 2
        clear = slope / (slope + _CONTRAST_PER_MM**2)
        i, j = self._faces[:, [0, 1, 2, 1, 2, 0]].T.reshape(2, -1)
        edges = np.linalg.norm(vertices[i] - vertices[j], axis=1)
        within = self._fitted[i] & self._fitted[j]
        ring = float(np.median(edges[within] if within.any() else edges))
        for _ in range(round(_LED_MM / ring)):
            around = clear.copy()
            np.maximum.at(around, i, clear[j])
            np.maximum.at(around, j, clear[i])
            clear = around
        return clear


def _long_edges(vertices: FloatArray, faces: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the (E, 2) edges whose middle is a place of its own, each once."""
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    sides = sides[np.linalg.norm(vertices[sides[:, 0]] - vertices[sides[:, 1]], axis=1) > _SPACING_MM]
    return np.unique(np.sort(sides, axis=1), axis=0)
