"""Geometry cut into what can be drawn within a frame: a proxy for movement, pieces for the whole picture.

NumPy only, so that it can run on a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from faceapp.core.arrays import Float32Array
from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh

PROXY_POINTS = 30_000
PROXY_TRIANGLES = 50_000
PIECE_POINTS = 60_000
PIECE_TRIANGLES = 80_000

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a layer: which vertices it has, and their triangles (``None``: points)."""

    vertices: Indices
    faces: npt.NDArray[np.int64] | None

    @property
    def count(self) -> int:
        """Points or triangles."""
        return len(self.vertices) if self.faces is None else len(self.faces)


@dataclass(frozen=True, eq=False)
class Pieces:
    """A layer made ready: the proxy, the pieces of the whole, the normals."""

    proxy: Piece
    whole: Sequence[Piece]
    normals: Float32Array | None
    spacing: float
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    @property
    def small(self) -> bool:
        """Whether the proxy is the whole."""
        return len(self.whole) == 1 and self.whole[0] is self.proxy


class _Slices(Sequence[Piece]):
    """The pieces of a large mesh, each cut when it is first drawn: what moves needs the proxy alone.

    Parameters
    ----------
    mesh : Mesh
        Of which they are.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._made: dict[int, Piece] = {}

    @override
    def __len__(self) -> int:
        return -(-len(self._mesh.faces) // PIECE_TRIANGLES)

    @overload
    def __getitem__(self, index: int) -> Piece: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Piece]: ...
    @override
    def __getitem__(self, index: int | slice) -> Piece | Sequence[Piece]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"piece {index} of {len(self)}")
        index %= len(self)
        if index not in self._made:
            faces = self._mesh.faces[index * PIECE_TRIANGLES : (index + 1) * PIECE_TRIANGLES]
            self._made[index] = _piece(faces.astype(np.int64), len(self._mesh.vertices))
        return self._made[index]


def size_of(data: Mesh | PointCloud) -> int:
    """Return the number of triangles or points."""
    return len(data.faces) if isinstance(data, Mesh) else len(data)


def cut(data: Mesh | PointCloud) -> Pieces:
    """Make a layer ready."""
    if isinstance(data, Mesh):
        return _cut_mesh(data)
    return _cut_cloud(data)


def thin_cloud(cloud: PointCloud, most: int = PROXY_POINTS) -> PointCloud:
    """Return about ``most`` points, spread evenly over the picture that they were measured in.

    Parameters
    ----------
    cloud : PointCloud
        With ``pixels`` every so many columns and rows are kept, without them every so many points.
    most : int
        What a view can draw within a frame.
    """
    if len(cloud) <= most:
        return cloud
    every = int(np.ceil(len(cloud) / most))
    kept = np.arange(0, len(cloud), every)
    if cloud.pixels is not None:
        side = int(np.ceil(every**0.5))
        on_grid = np.flatnonzero((cloud.pixels.astype(np.int32) % side == 0).all(axis=1))
        kept = on_grid if most // 4 < len(on_grid) <= most else kept
    return cloud.select(kept)


def uncut(cloud: PointCloud) -> Pieces:
    """Make a cloud ready that is thin enough to be drawn at once."""
    piece = Piece(np.arange(len(cloud)), None)
    low, high = _box(cloud.points)
    return Pieces(piece, (piece,), cloud.normals, _spacing(low, high, len(cloud)), low, high)


def _spacing(low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], n: int) -> float:
    # A head seen from three sides shows about half of its box's faces.
    area = float((high[0] - low[0]) * (high[1] - low[1])) * 1.5
    return (max(area, 1.0) / max(n, 1)) ** 0.5


def _box(points: Float32Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    known = points[np.isfinite(points).all(axis=1)] if len(points) else points
    if not len(known):
        return np.full(3, -100.0), np.full(3, 100.0)
    return _corners(known)


def _corners(points: Float32Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Smallest and largest coordinates; column by column, for NumPy is twenty times slower over short rows."""
    columns = [points[:, k] for k in range(3)]
    return np.array([c.min() for c in columns], np.float64), np.array([c.max() for c in columns], np.float64)


def _cut_cloud(cloud: PointCloud) -> Pieces:
    n = len(cloud)
    # A fixed shuffle: every piece is a thin sample of the whole, so the picture fills in evenly.
    order = np.random.default_rng(0).permutation(n)
    if n <= PROXY_POINTS:
        whole: tuple[Piece, ...] = (Piece(order, None),)
        proxy = whole[0]
    else:
        proxy = Piece(order[:PROXY_POINTS], None)
        whole = tuple(Piece(order[i : i + PIECE_POINTS], None) for i in range(0, n, PIECE_POINTS))
    low, high = _box(cloud.points)
    return Pieces(proxy, whole, cloud.normals, _spacing(low, high, n), low, high)


def _cut_mesh(mesh: Mesh) -> Pieces:
    faces = mesh.faces.astype(np.int64)
    low, high = _box(mesh.vertices)
    if len(faces) > PROXY_TRIANGLES:
        return Pieces(_clustered(mesh, faces, low, high), _Slices(mesh), _normals(mesh), 0.0, low, high)
    whole = _piece(faces, len(mesh.vertices))
    return Pieces(whole, (whole,), _normals(mesh), 0.0, low, high)


def cut_with_proxy(mesh: Mesh, proxy: Piece) -> Pieces:
    """Make a large mesh ready whose proxy is known: a few milliseconds for a million triangles.

    Parameters
    ----------
    mesh : Mesh
        All vertices finite.
    proxy : Piece
        Some of its vertices, and triangles between them.
    """
    return Pieces(proxy, _Slices(mesh), _normals(mesh), 0.0, *_corners(mesh.vertices))


def _normals(mesh: Mesh) -> Float32Array:
    return mesh.normals if mesh.normals is not None else mesh.vertex_normals()


def _piece(faces: npt.NDArray[np.int64], n: int) -> Piece:
    used = np.zeros(n, bool)
    used[faces.ravel()] = True
    vertices = np.flatnonzero(used)
    new = np.cumsum(used) - 1
    return Piece(vertices, new[faces])


def _clustered(
    mesh: Mesh, faces: npt.NDArray[np.int64], low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
) -> Piece:
    """Merge the vertices of each cell of a grid: crude and fast, good enough while the hand moves."""
    area = float(mesh.vertex_areas().sum())
    cell = max(1e-6, (area / (PROXY_TRIANGLES / 2)) ** 0.5)
    for _ in range(4):
        steps = np.maximum(1, np.ceil((high - low) / cell)).astype(np.int64) + 1
        grid = np.clip(((np.nan_to_num(mesh.vertices) - low) / cell).astype(np.int64), 0, steps - 1)
        key = (grid[:, 0] * steps[1] + grid[:, 1]) * steps[2] + grid[:, 2]
        _, first, cluster = np.unique(key, return_index=True, return_inverse=True)
        small = cluster.reshape(-1)[faces]
        flat = (small[:, 0] == small[:, 1]) | (small[:, 1] == small[:, 2]) | (small[:, 0] == small[:, 2])
        kept = small[~flat]
        if len(kept) <= PROXY_TRIANGLES * 1.2:
            break
        cell *= max(1.1, (len(kept) / PROXY_TRIANGLES) ** 0.5)
    return Piece(first, kept)
