"""Correspondence by place and colour (beyond-3dmm.md Eq. 6): a brow finds a brow, and what covers the face is left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.spatial import cKDTree

from faceapp.core.arrays import FloatArray, UInt8Array
from faceapp.core.mesh import Mesh
from faceapp.geometry.deformation import Attraction, vertex_links
from faceapp.geometry.rigid import voxel_subset
from faceapp_plugins.registration.face_light import FaceLight, fit_face_light
from faceapp_plugins.registration.scan_search import ScanSearch
from faceapp_plugins.registration.texture_model import TextureModel

_NEIGHBOURS = 128
_SPACING_MM = 0.3
"""Of the places that are compared: what a scan has more would only make the neighbourhood smaller."""

_TRACE = 0.01
_CONTRAST_PER_MM = 0.02
"""Change of colour from which texture tells where it lies; painted skin without features has a tenth of it."""

_FITTED = 3000

BLUR_MM = 0.6
"""Standard deviation of the circle over which colours are averaged, on the scan and in the model alike: averaged over
circles of two sizes they differ at every edge, which pulls the edge away from itself."""

_ROUND = 0.43
"""Variance that a round of averaging over a vertex and its neighbours adds, in squared edges."""

_MOST_ROUNDS = 20

_SLIVER = 0.05
"""Share of the usual triangle's size below which a colour's change over its height is noise."""

_LED_MM = 20.0
"""About clear texture it leads so far, for bending carries what holds there."""


class TextureSearch:
    """Closest places that look alike, among the scan's vertices and the middles of its edges.

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
        How strongly the clearest texture holds along the surface, beside the pull across it.

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
    ) -> None:
        self._surface, self._model, self._faces = surface, model, faces
        vertices = scan.vertices.astype(np.float64)
        some_vertices, long_edges = voxel_subset(vertices, _SPACING_MM), _long_edges(vertices, scan.faces)

        def candidates(values: FloatArray) -> FloatArray:
            return np.concatenate([values[some_vertices], values[long_edges].mean(axis=1)])

        self._places = candidates(vertices)
        self._normals = candidates(scan.vertex_normals().astype(np.float64))
        self._colors = candidates(_blurred(colors.astype(np.float64) / 255, vertices, scan.faces))
        self._tree = cKDTree(self._places)
        self._weight, self._threshold, self._pull = weight_mm, threshold, pull
        self._fitted = fitted
        some = np.flatnonzero(fitted)
        self._some = some[:: max(len(some) // _FITTED, 1)]
        self._sample = TextureModel(model.mean[self._some], model.modes[:, self._some])
        self.light = FaceLight.start(len(model.modes))
        self._reach = 0.0
        self.rejected: npt.NDArray[np.bool_] = np.zeros(len(model.mean), np.bool_)
        """(V,) bool: vertices near which nothing looked as they do, the last time."""

    def attraction(self, vertices: FloatArray, normals: FloatArray, reach: float, weight: FloatArray) -> Attraction:
        """Return where the scan pulls each vertex; see `ScanSearch.attraction`."""
        good, closest, normal = self._surface.closest(vertices, normals, reach)
        if reach != self._reach:
            # once at each stiffness: between its rounds the template moves too little for another light
            self._reach = reach
            self._update_light(good, closest, normals)
        colors = self.light.colors(self._model, normals)
        rows = np.flatnonzero(good & (weight > 0))
        alike, there = self._alike(vertices[rows], normals[rows], colors[rows], reach)
        self.rejected[:] = False
        self.rejected[rows[~alike]] = True
        target = closest.copy()
        # along the surface by colour, across it by the plane of the closest point: a chosen place lies a little aside
        aside = np.einsum("nd,nd->n", there - closest[rows], normal[rows])
        target[rows[alike]] = (there - aside[:, None] * normal[rows])[alike]
        pulled = np.where(good & ~self.rejected, weight, 0.0)
        slopes = _slopes(vertices, self._faces, colors)
        held = np.eye(3) - np.linalg.inv(np.eye(3) + slopes / _CONTRAST_PER_MM**2)
        return Attraction(pulled, target, normal, _TRACE * np.eye(3) + self._pull * held)

    def _update_light(self, good: npt.NDArray[np.bool_], closest: FloatArray, normals: FloatArray) -> None:
        use = good[self._some]
        if use.sum() < 10 * len(self.light.values):
            return
        part = TextureModel(self._sample.mean[use], self._sample.modes[:, use])
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
        slope = np.trace(_slopes(vertices, self._faces, self._model.mean.astype(np.float64)), axis1=1, axis2=2) / 2
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


def _slopes(vertices: FloatArray, faces: npt.NDArray[np.int32], colors: FloatArray) -> FloatArray:
    """Return the (V, 3, 3) structure tensors of colours (V, C), summed over channels, mean over a vertex's triangles.

    The eigenvalue of a direction is the squared change of colour per mm in it.
    """
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(across, axis=1)
    double = np.maximum(double, _SLIVER * np.median(double))
    sides = corners[:, [2, 0, 1]] - corners[:, [1, 2, 0]]
    turned = np.cross(across[:, None], sides) / (double**2)[:, None, None]
    gradient = np.einsum("fkd,fkc->fdc", turned, colors[faces])
    tensor = (gradient @ gradient.swapaxes(1, 2)).reshape(-1, 9) * double[:, None]
    n = len(vertices)
    at = sp.coo_array((np.ones(faces.size), (faces.ravel(), np.repeat(np.arange(len(faces)), 3))), (n, len(faces)))
    total = at @ double
    return np.asarray((at @ tensor) / np.where(total > 0, total, 1.0)[:, None]).reshape(n, 3, 3)


def _long_edges(vertices: FloatArray, faces: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the (E, 2) edges whose middle is a place of its own, each once."""
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    sides = sides[np.linalg.norm(vertices[sides[:, 0]] - vertices[sides[:, 1]], axis=1) > _SPACING_MM]
    return np.unique(np.sort(sides, axis=1), axis=0)


def _blurred(values: FloatArray, vertices: FloatArray, faces: npt.NDArray[np.int32]) -> FloatArray:
    """Return (N, C) values averaged over a circle: as the model's are, and with less noise of the camera."""
    n = len(values)
    edge = float(np.median(np.linalg.norm(vertices[faces[:, 0]] - vertices[faces[:, 1]], axis=1)))
    rounds = min(round((BLUR_MM / max(edge, 1e-3)) ** 2 / _ROUND), _MOST_ROUNDS)
    total = sp.csr_array(vertex_links(faces, n) + sp.eye_array(n))
    share = sp.csr_array(sp.diags_array(1 / total.sum(axis=1)) @ total)
    for _ in range(rounds):
        values = np.asarray(share @ values)
    return values
