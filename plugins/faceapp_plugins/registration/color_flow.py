"""Where along the surface a vertex belongs, by the gradient of its colours (Lucas and Kanade, IJCAI 1981).

A place chosen among many by its colour is off by the noise of that colour. The gradient of the template's own texture
has no such noise, and stiff bending averages what many vertices say.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp_plugins.registration.surface_colors import gradients, ring_mean, rounds_of_averaging

_LOCAL_MM = 3.4
"""Standard deviation of the circle whose mean colour is taken away: the light's error has no edges, and without this
it moved every cheek."""

_CAMERA = 0.014
"""Deviation of a colour where the model leaves nothing unexplained."""

_CORRELATED = 4.2
"""What the model leaves unexplained is alike over several vertices, so that it counts for more than its deviation."""

_OFF = 0.2
"""Differences of colour above this count less and less, for they are no shift of an edge."""

_CONTRAST_PER_MM = 0.02
"""Change of colour below which what the light leaves over is larger than texture."""

_FARTHEST_MM = 1.5
"""Colours are linear no farther than an edge is wide."""

_FLAT_PER_MM = 1e-3


class ColorFlow:
    """Offsets along the surface at which the template's colours would be those of the scan.

    Parameters
    ----------
    faces : (F, 3) int32
        Of the template.
    deviation : (V,) float32
        What the texture model leaves unexplained at each vertex, 0 to 1.
    """

    def __init__(self, faces: npt.NDArray[np.int32], deviation: Float32Array) -> None:
        self._faces = faces
        self._ring = ring_mean(faces, len(deviation))
        self._variance = _CAMERA**2 + (_CORRELATED * deviation.astype(np.float64)) ** 2

    def offsets(
        self,
        vertices: FloatArray,
        normals: FloatArray,
        colors: FloatArray,
        seen: FloatArray,
        used: npt.NDArray[np.bool_],
    ) -> tuple[FloatArray, FloatArray]:
        """Return the (V, 3) offsets in mm, and the (V, 3, 3) certainty of each: how strongly it holds where.

        Parameters
        ----------
        vertices, normals : (V, 3) float64
            Of the template as it lies now; normals of the scan there.
        colors, seen : (V, 3) float64
            Of the template in the scan's light, and of the scan there.
        used : (V,) bool
            Vertices whose place on the scan is known.
        """
        rounds = self._rounds(vertices, used)
        own = self._without_local_mean(colors, used, rounds)
        gap = own - self._without_local_mean(seen, used, rounds)
        slope = gradients(vertices, self._faces, own)
        slope -= normals[:, :, None] * np.einsum("nd,ndc->nc", normals, slope)[:, None]
        tensor = slope @ slope.swapaxes(1, 2)
        toward = slope @ gap[:, :, None]
        offset = np.asarray(np.linalg.solve(tensor + _FLAT_PER_MM**2 * np.eye(3), toward)[:, :, 0], np.float64)
        length = np.linalg.norm(offset, axis=1)
        offset *= np.minimum(1.0, _FARTHEST_MM / np.maximum(length, 1e-9))[:, None]
        clear = np.trace(tensor, axis1=1, axis2=2)
        trust = (clear / (clear + _CONTRAST_PER_MM**2)) ** 2 / (1 + (np.linalg.norm(gap, axis=1) / _OFF) ** 2)
        return offset, np.asarray((trust / self._variance)[:, None, None] * tensor)

    def _rounds(self, vertices: FloatArray, used: npt.NDArray[np.bool_]) -> int:
        within = self._faces[used[self._faces].all(axis=1)]
        if not len(within):
            return 1
        edge = float(np.median(np.linalg.norm(vertices[within[:, 0]] - vertices[within[:, 1]], axis=1)))
        return max(rounds_of_averaging(_LOCAL_MM, edge), 1)

    def _without_local_mean(self, values: FloatArray, used: npt.NDArray[np.bool_], rounds: int) -> FloatArray:
        """Return values (V, C) less their mean over the vertices about each that are used."""
        weight = used.astype(np.float64)[:, None]
        around = np.concatenate([values * weight, weight], axis=1)
        for _ in range(rounds):
            around = np.asarray(self._ring @ around)
        return np.asarray(values - around[:, :-1] / (around[:, -1:] + 1e-6))
