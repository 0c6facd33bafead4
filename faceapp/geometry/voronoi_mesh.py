"""A centroidal Voronoi tessellation of the surface through oriented points, as a triangle mesh of the asked size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from faceapp.core.arrays import FloatArray, IntArray
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.geometry.border_cleaning import clean_border
from faceapp.geometry.cell_grid import cell_grid, in_threads
from faceapp.geometry.half_edges import HalfEdges, half_edges, packed, without_pinches
from faceapp.geometry.hole_filling import fill_holes, relax_unmeasured
from faceapp.geometry.lattice_surface import lattice_surface
from faceapp.geometry.mesh_repair import cut_and_close
from faceapp.geometry.mesh_sizing import curvature_sizes, smooth_over_edges
from faceapp.geometry.moving_surface import MovingSurface, moving_surface, point_spacing, rim_margin
from faceapp.geometry.remeshing import collapse_short, collapse_slivers, flip_to_delaunay, make_normals, split_long
from faceapp.geometry.trimming import cut_at_zero, large_parts
from faceapp.geometry.voronoi_relaxation import relax

_SMOOTHING = 2.3
"""Radius of the moving average, in spacings of the points: some fifteen points of one group."""
_LATTICE_SPACINGS = 1.5
_LATTICE_EDGES = 1.4
"""Cubes of the first triangulation, in wanted edges: it then has more than twice the vertices that are wanted."""
_LATTICE_HOLES = 1.2
_SPARSEST = 2.5
"""Points farther apart than so many largest holes make no surface."""
_RIM_SMOOTHING = 3
_SMALLEST_HOLE = 1.2
"""Holes smaller than this many edges across cannot be shown and are closed."""
_POINTS_A_CUBE = 0.45
"""Spacing of the thinned points, in cubes."""
_OVERSHOOT = 1.7
_SHORT, _LONG = 0.62, 1.45
"""Edges outside these, in wanted lengths, are collapsed and split between the rounds."""
_BALANCING = 3
_CALM_ROUNDS = 3
"""Rounds at the end in which no vertex comes or goes and steps end at the centroid."""
_SLIVER_DEG = 20.0
_MENDING = 3
_HIGHEST = 0.15
"""A vertex that a step brings this far off the surface, in wanted edges, stays where it was: it is on a sharp ridge."""


@dataclass(frozen=True)
class VoronoiSettings:
    """How the surface is tessellated.

    Parameters
    ----------
    vertices : int
        Wanted.
    rounds : int
        Of Lloyd's relaxation.
    max_hole : float
        Surface farther from every point is left out, mm.
    min_part : float
        Parts smaller than this share of the largest are left out.
    curvature : float
        0: one size of triangles everywhere. 1: edges as long as the square root of the radius of curvature asks.
    fill_holes : float
        Holes up to this across are closed with surface that nobody measured, mm.
    """

    vertices: int = 100_000
    rounds: int = 12
    max_hole: float = 1.2
    min_part: float = 0.02
    curvature: float = 0.0
    fill_holes: float = 0.0


class VoronoiMesher:
    """The steps from oriented points to the tessellation, each seen by the one who watches.

    Parameters
    ----------
    cloud : PointCloud
        With normals.
    settings : VoronoiSettings
        What is wanted.
    """

    def __init__(self, cloud: PointCloud, settings: VoronoiSettings) -> None:
        if cloud.normals is None:
            raise DataError("a Voronoi mesh needs normals in the cloud")
        self._settings = settings
        spacing = point_spacing(cloud.points)
        if spacing > _SPARSEST * settings.max_hole:
            raise DataError(
                f"the points lie {spacing:.2f} mm apart, too sparse for holes of {settings.max_hole:g} mm at most; "
                "raise max_hole"
            )
        self.surface = moving_surface(cloud, _SMOOTHING * spacing)
        self._spacing = spacing
        self._cloud = cloud

    def run(self, progress: Callable[[float, str], None]) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return vertices (V, 3), unit normals (V, 3), faces (F, 3).

        Parameters
        ----------
        progress : callable
            Told the share that is done and what comes; may raise to stop.

        Raises
        ------
        DataError
            No surface is left.
        """
        progress(0.05, "a first triangulation")
        vertices, faces, guide = self._first_mesh()
        progress(0.35, f"{self._settings.vertices:,} vertices of {len(vertices):,}")
        state = _Relaxation(vertices, faces, guide, self._settings)
        for number in range(self._settings.rounds):
            progress(0.45 + 0.45 * number / self._settings.rounds, "Lloyd's relaxation")
            state.round(number)
        state.mend()
        progress(0.92, "onto the measured points")
        return self._finish(*state.result())

    def _first_mesh(self) -> tuple[FloatArray, IntArray, MovingSurface]:
        """The surface in triangles of the lattice's size, cut at the rim of the points; and the points, thinned."""
        settings = self._settings
        # Coarse meshes too begin with cubes that see holes of the largest size allowed.
        cube = min(_LATTICE_EDGES * self._expected_edge(), _LATTICE_HOLES * settings.max_hole)
        cube = max(cube, _LATTICE_SPACINGS * self._spacing)
        thin = cell_grid(self._cloud.points, _POINTS_A_CUBE * cube)
        pick = thin.order[thin.start[:-1]]
        if self._cloud.normals is None:
            raise DataError("a Voronoi mesh needs normals in the cloud")
        places, normals, _ = self.surface.project(
            self._cloud.points[pick].astype(np.float64), self._cloud.normals[pick].astype(np.float64)
        )
        even = PointCloud(places.astype(np.float32), normals.astype(np.float32))
        if even.normals is None:
            raise DataError("a Voronoi mesh needs normals in the cloud")
        vertices, faces = lattice_surface(even.points, even.normals, cube)
        across = max(1.25 * settings.max_hole, 1.1 * cube)
        reach = max(settings.max_hole, 0.7 * cube)
        margin = rim_margin(moving_surface(even, across), vertices, _normals(vertices, faces), reach)
        vertices, faces = cut_at_zero(vertices, faces, smooth_over_edges(margin, faces, _RIM_SMOOTHING))
        faces = large_parts(vertices, faces, settings.min_part)
        if not len(faces):
            raise DataError("no surface is left; the cloud is too sparse for the largest hole allowed")
        faces, source = without_pinches(faces, len(vertices))
        vertices = vertices[source]
        guide = moving_surface(even, 0.75 * cube)
        placed, _, height = guide.project(vertices, _normals(vertices, faces))
        vertices = np.where((np.abs(height) < _HIGHEST * cube)[:, None], placed, vertices)
        # What is smaller than the largest hole allowed is no hole but chance in the spread of the points.
        vertices, faces = fill_holes(vertices, faces, max(settings.fill_holes, settings.max_hole))
        return vertices, faces, guide

    def _expected_edge(self) -> float:
        """Edge of the wanted mesh by a rough area: a surface enters about 1.5 cells for each cell's face."""
        coarse = 4 * self._spacing
        area = len(cell_grid(self._cloud.points, coarse).keys) * coarse**2 / 1.5
        return float(np.sqrt(2 / np.sqrt(3) * area / self._settings.vertices))

    def _finish(self, vertices: FloatArray, faces: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
        normals = _normals(vertices, faces)
        placed, turned, height = self.surface.project(vertices, normals)
        known = np.abs(height) < 0.5 * self.surface.radius
        return np.where(known[:, None], placed, vertices), np.where(known[:, None], turned, normals), faces


def _normals(vertices: FloatArray, faces: IntArray) -> FloatArray:
    normals = np.empty((len(vertices), 3))
    make_normals(faces.ravel(), len(faces), vertices, normals)
    return normals


class _Relaxation:
    """The mesh while it changes."""

    def __init__(self, vertices: FloatArray, faces: IntArray, guide: MovingSurface, settings: VoronoiSettings) -> None:
        self._settings = settings
        self._guide = guide
        sizes = curvature_sizes(vertices, _normals(vertices, faces), faces, settings.curvature, settings.vertices)
        self._field = (cKDTree(vertices), sizes) if settings.curvature > 0 else None
        self._load(vertices, faces, sizes)
        self._reach_count()
        # Most vertices are gone: the rounds shall not walk over them.
        faces, (vertices, sizes) = packed(self._mesh, self._places, self._sizes)
        self._load(vertices, faces, sizes)

    def _load(self, vertices: FloatArray, faces: IntArray, sizes: FloatArray) -> None:
        wanted = self._settings.vertices
        room = max(wanted - len(vertices), 0) + max(wanted // 10, 100)
        self._mesh: HalfEdges = half_edges(faces, len(vertices), room)
        self._places = np.concatenate([vertices, np.zeros((room, 3))])
        self._normals = np.zeros_like(self._places)
        self._moved = np.zeros_like(self._places)
        self._sizes = np.concatenate([sizes, np.full(room, sizes.mean())])
        self._count = len(vertices)
        make_normals(self._mesh.origin, int(self._mesh.counts[0]), self._places, self._normals)

    def _reach_count(self) -> None:
        """Collapse the shortest edges, or split the longest, until the wanted number of vertices is left."""
        limit = 0.2
        while self._count > self._settings.vertices and limit < 3:
            self._flip(3)
            self._collapse(limit, self._count - self._settings.vertices)
            limit *= 1.12
        self._fill_up()
        self._flip(10)

    def round(self, number: int) -> None:
        """One step of every vertex, onto the surface again, and the edges made Delaunay again."""
        calm = number >= self._settings.rounds - _CALM_ROUNDS
        self._step(1.0 if calm else _OVERSHOOT)
        if number == self._settings.rounds - _CALM_ROUNDS - 1:
            self._repair()
            self._balance()
        elif not calm and number % _BALANCING == _BALANCING - 1:
            self._balance()
        make_normals(self._mesh.origin, int(self._mesh.counts[0]), self._places, self._normals)

    def mend(self) -> None:
        """Take the last slivers and folds away; the vertices that go with them come back on the longest edges."""
        for _ in range(_MENDING):
            self._tidy()
            if not self._repair():
                break
            self._fill_up()
            for _ in range(_CALM_ROUNDS):
                self._flip(4)
                make_normals(self._mesh.origin, int(self._mesh.counts[0]), self._places, self._normals)
                self._step(1.0)
        self._tidy()

    def _tidy(self) -> None:
        self._count -= clean_border(self._mesh, self._places)
        self._count -= collapse_slivers(self._mesh, self._places, self._normals, np.radians(_SLIVER_DEG))
        self._reach_count()

    def _step(self, step: float) -> None:
        count = int(self._mesh.counts[1])
        in_threads(
            lambda first, last: relax(
                self._mesh, self._places, self._normals, self._sizes, step, self._moved, first, last
            ),
            count,
        )
        placed, _, height = self._guide.project(self._moved[:count], self._normals[:count])
        unmeasured = np.isnan(height)
        fine = (np.abs(height) < _HIGHEST * self._sizes[:count]) | unmeasured
        self._places[:count][fine] = placed[fine]
        if unmeasured.any():
            relax_unmeasured(self._mesh, self._places, unmeasured)
        self._flip(4)

    def result(self) -> tuple[FloatArray, IntArray]:
        """Return vertices and faces."""
        faces, (vertices,) = packed(self._mesh, self._places)
        return vertices, faces

    def _repair(self) -> bool:
        """Cut bad spots out and close them, and what is too small for a hole; return whether there were any."""
        faces, (vertices, sizes) = packed(self._mesh, self._places, self._sizes)
        repaired, faces, sizes = cut_and_close(vertices, faces, sizes)
        edge = float(np.median(sizes))
        across = max(self._settings.fill_holes, self._settings.max_hole, _SMALLEST_HOLE * edge)
        filled, faces = fill_holes(repaired, faces, across)
        if repaired is vertices and len(filled) == len(vertices):
            return False
        self._load(filled, faces, np.concatenate([sizes, np.full(len(filled) - len(sizes), edge)]))
        return True

    def _balance(self) -> None:
        """Collapse what is too short and split what is too long; relaxation alone carries vertices too slowly."""
        if self._field is not None:
            tree, sizes = self._field
            count = int(self._mesh.counts[1])
            self._sizes[:count] = sizes[np.asarray(tree.query(self._places[:count], workers=2)[1])]
        self._count -= clean_border(self._mesh, self._places)
        self._collapse(_SHORT, self._count)
        self._split(_LONG, self._settings.vertices - self._count)
        self._fill_up()
        self._flip(4)

    def _fill_up(self) -> None:
        limit = 2.0
        while self._count < self._settings.vertices and limit > 0.3:
            self._split(limit, self._settings.vertices - self._count)
            limit *= 0.97

    def _collapse(self, limit: float, most: int) -> None:
        self._count -= collapse_short(self._mesh, self._places, self._normals, self._sizes, limit, most)

    def _split(self, limit: float, most: int) -> None:
        self._count += split_long(self._mesh, self._places, self._normals, self._sizes, limit, most)

    def _flip(self, passes: int) -> None:
        flip_to_delaunay(self._mesh, self._places, self._normals, passes)
