"""A texture for a mesh: one chart for what each camera sees best, its picture blended with the others'.

A chart lies in the atlas as its camera sees it, so no unwrapping distorts it and no picture is enlarged; triangles that
no camera sees get tiles of their own, painted with the colours of their corners. A texel's colour is the mean of all
pictures under weights that belong to the place on the surface, so both sides of a seam get the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import BoolArray, Float32Array, FloatArray, IntArray, UInt8Array
from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.core.rig import CameraModel
from faceapp.geometry.depth_rendering import render_depth, visible_points
from faceapp.geometry.mesh_sizing import smooth_over_edges

_TILE = 6
"""Texels a side of the tile of a triangle that no camera sees; two such triangles would need a seam between them."""
_MARGIN = 4
"""Texels between charts, filled with the colour of the nearest chart so that no filter mixes in what is not there."""
_DEPTH_TOLERANCE_MM = 0.5
_STEEPEST = 0.15
"""Cosine of the angle to the camera below which a picture shows too little of the surface."""
_FADE_ROUNDS = 12
"""Rounds of smoothing over edges by which a view fades out towards what it does not see."""


@dataclass(frozen=True, eq=False)
class TextureView:
    """A picture and where it was taken from.

    Parameters
    ----------
    camera : CameraModel
        Calibrated.
    picture : (H, W, 3) uint8
        RGB, of the camera's size.
    points : (V, 3) float64
        The mesh's vertices where this camera saw them (a subject may have moved between pictures), rig frame, mm.
    """

    camera: CameraModel
    picture: UInt8Array
    points: FloatArray


def textured(mesh: Mesh, views: Sequence[TextureView], widest: int = 4096) -> Mesh:
    """Return the mesh with texture coordinates and a picture.

    Parameters
    ----------
    mesh : Mesh
        With colours, for what no camera sees.
    views : sequence of TextureView
        At least one.
    widest : int
        Pixels; charts are shrunk where they would not fit.

    Raises
    ------
    DataError
        There is no view, a picture is not of its camera's size, or the mesh has no colours.
    """
    if not views:
        raise DataError("a texture needs at least one colour picture of a calibrated camera")
    if mesh.colors is None:
        raise DataError("a texture needs a mesh with colours, for what no camera sees")
    for view in views:
        if view.picture.shape[:2] != (view.camera.height, view.camera.width):
            raise DataError(f"the picture of {view.camera.name} is not of its camera's size")
    faces = mesh.faces
    places = np.stack([view.camera.project(view.points)[0] for view in views])
    weights = np.stack([_weights(mesh, view) for view in views])
    chart = _best_view(faces, places, weights)
    corners, width, height = _layout(faces, places, chart, widest)
    picture, painted = _bake(mesh, faces, corners, places, weights, views, (height, width))
    picture = _filled(picture, painted)
    uv = np.empty((len(faces), 3, 2), np.float32)
    uv[..., 0] = (corners[..., 0] + 0.5) / width
    uv[..., 1] = 1 - (corners[..., 1] + 0.5) / height
    return Mesh(mesh.vertices, faces, mesh.normals, mesh.colors, mesh.sigma, uv, picture)


def _weights(mesh: Mesh, view: TextureView) -> Float32Array:
    """How well a camera sees each vertex (V,): 0 where it is hidden, out of the picture or too steep."""
    faces = mesh.faces
    moved = Mesh(view.points.astype(np.float32), faces)
    ray = view.camera.centre - view.points
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    cosine = np.einsum("nd,nd->n", ray, moved.vertex_normals().astype(np.float64))
    depth = render_depth(view.points, faces, view.camera)
    seen = visible_points(view.points, view.camera, depth, _DEPTH_TOLERANCE_MM) & (cosine > _STEEPEST)
    # Beside what is hidden a picture already shows what hides it: the outermost vertices seen do not count.
    hidden = np.zeros(len(seen), bool)
    hidden[faces[~seen[faces].all(axis=1)]] = True
    seen &= ~hidden
    fade = smooth_over_edges(seen.astype(np.float64), faces, _FADE_ROUNDS)
    inner = np.clip(2 * fade - 1, 0, 1)
    return np.where(seen, np.maximum(cosine, 0) ** 2 * (1e-3 + inner * inner), 0).astype(np.float32)


def _best_view(faces: IntArray, places: FloatArray, weights: Float32Array) -> IntArray:
    """The view (F,) that sees all corners of each triangle best; -1 where none does."""
    value = np.zeros((len(places), len(faces)))
    for v in range(len(places)):
        a, b, c = (places[v, faces[:, i]] for i in range(3))
        # Seen from outside, triangles run counter-clockwise; rows of a picture go down, so the sign is turned.
        area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
        corner = weights[v, faces]
        value[v] = np.where((corner > 0).all(axis=1) & (area < 0), corner.sum(axis=1), 0)
    best = np.argmax(value, axis=0)
    return np.where(value.max(axis=0) > 0, best, -1).astype(np.int32)


def _layout(faces: IntArray, places: FloatArray, chart: IntArray, widest: int) -> tuple[FloatArray, int, int]:
    """Texel positions (F, 3, 2) of all corners, and the atlas's width and height: charts in a row, tiles below."""
    corners = np.zeros((len(faces), 3, 2))
    boxes = []
    for v in range(len(places)):
        ours = chart == v
        if ours.any():
            seen = places[v][faces[ours]]
            boxes.append((ours, seen, seen.reshape(-1, 2).min(axis=0), seen.reshape(-1, 2).max(axis=0)))
    total = sum(high[0] - low[0] for _, _, low, high in boxes)
    scale = min(1.0, (widest - (2 * _MARGIN + 1) * len(boxes)) / max(total, 1.0))
    left, bottom = 0.0, 0.0
    for ours, seen, low, high in boxes:
        corners[ours] = (seen - low) * scale + [left + _MARGIN, _MARGIN]
        left += np.ceil((high[0] - low[0]) * scale) + 2 * _MARGIN
        bottom = max(bottom, float(np.ceil((high[1] - low[1]) * scale) + 2 * _MARGIN))
    tiles = np.flatnonzero(chart < 0)
    width = int(max(left, 64 * _TILE))
    across = width // _TILE
    number = np.arange(len(tiles))
    origin = np.stack([number % across * _TILE, bottom + number // across * _TILE], axis=1)
    inside = np.array([[1.0, 1.0], [1.0, _TILE - 3.0], [_TILE - 3.0, 1.0]])
    corners[tiles] = origin[:, None] + inside
    height = int(bottom + -(-len(tiles) // across) * _TILE)
    return corners, width, max(height, 1)


def _bake(
    mesh: Mesh,
    faces: IntArray,
    corners: FloatArray,
    places: FloatArray,
    weights: Float32Array,
    views: Sequence[TextureView],
    shape: tuple[int, int],
) -> tuple[UInt8Array, BoolArray]:
    picture = np.zeros((*shape, 3), np.uint8)
    painted = np.zeros(shape, np.bool_)
    tall, wide = (max(view.picture.shape[i] for view in views) for i in (0, 1))
    stack = np.zeros((len(views), tall, wide, 3), np.uint8)
    for v, view in enumerate(views):
        stack[v, : view.picture.shape[0], : view.picture.shape[1]] = view.picture
    sizes = np.array([view.picture.shape[:2] for view in views], np.int64)
    if mesh.colors is None:
        raise DataError("a texture needs a mesh with colours, for what no camera sees")
    _paint(faces, corners, places.astype(np.float32), weights, stack, sizes, mesh.colors, picture, painted)
    return picture, painted


@numba.njit(cache=True, nogil=True)
def _paint(
    faces: IntArray,
    corners: FloatArray,
    places: Float32Array,
    weights: Float32Array,
    stack: UInt8Array,
    sizes: npt.NDArray[np.int64],
    colors: UInt8Array,
    picture: UInt8Array,
    painted: npt.NDArray[np.bool_],
) -> None:
    """Fill the texels of every triangle, and those whose centre lies half a texel beside it."""
    height, width = painted.shape
    views = len(places)
    total = np.empty(3)
    for f in range(len(faces)):
        ax, ay = corners[f, 0, 0], corners[f, 0, 1]
        bx, by = corners[f, 1, 0], corners[f, 1, 1]
        cx, cy = corners[f, 2, 0], corners[f, 2, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        beside = 0.7 * max(abs(bx - ax) + abs(by - ay), abs(cx - bx) + abs(cy - by), abs(ax - cx) + abs(ay - cy))
        slack = beside / abs(area)
        for row in range(max(int(min(ay, by, cy)), 0), min(int(max(ay, by, cy)) + 2, height)):
            for col in range(max(int(min(ax, bx, cx)), 0), min(int(max(ax, bx, cx)) + 2, width)):
                wa = ((bx - col) * (cy - row) - (by - row) * (cx - col)) / area
                wb = ((cx - col) * (ay - row) - (cy - row) * (ax - col)) / area
                wc = 1.0 - wa - wb
                inside = wa >= 0 and wb >= 0 and wc >= 0
                if not inside and (painted[row, col] or min(wa, wb, wc) < -slack):
                    continue
                sum_weight = 0.0
                total[:] = 0.0
                for v in range(views):
                    weight = wa * weights[v, faces[f, 0]] + wb * weights[v, faces[f, 1]] + wc * weights[v, faces[f, 2]]
                    if weight <= 0:
                        continue
                    x = wa * places[v, faces[f, 0], 0] + wb * places[v, faces[f, 1], 0] + wc * places[v, faces[f, 2], 0]
                    y = wa * places[v, faces[f, 0], 1] + wb * places[v, faces[f, 1], 1] + wc * places[v, faces[f, 2], 1]
                    if not (0 <= x <= sizes[v, 1] - 1 and 0 <= y <= sizes[v, 0] - 1):
                        continue
                    i, j = min(int(y), sizes[v, 0] - 2), min(int(x), sizes[v, 1] - 2)
                    p, q = y - i, x - j
                    sum_weight += weight
                    for k in range(3):
                        total[k] += weight * (
                            (1 - p) * ((1 - q) * stack[v, i, j, k] + q * stack[v, i, j + 1, k])
                            + p * ((1 - q) * stack[v, i + 1, j, k] + q * stack[v, i + 1, j + 1, k])
                        )
                for k in range(3):
                    if sum_weight > 0:
                        value = total[k] / sum_weight
                    else:
                        value = wa * colors[faces[f, 0], k] + wb * colors[faces[f, 1], k] + wc * colors[faces[f, 2], k]
                    picture[row, col, k] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
                painted[row, col] = True


def _filled(picture: UInt8Array, painted: BoolArray) -> UInt8Array:
    """The atlas with the colour of the nearest painted texel wherever nothing was painted."""
    if painted.all() or not painted.any():
        return picture
    _, nearest = cv2.distanceTransformWithLabels(
        (~painted).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.zeros(int(nearest.max()) + 1, np.int64)
    place[nearest[painted]] = np.flatnonzero(painted)
    return np.asarray(picture.reshape(-1, 3)[place[nearest]])
