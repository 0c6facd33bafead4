"""Lloyd's relaxation on a surface mesh: every vertex moves to the centroid of its Voronoi cell.

While the triangles are Delaunay, the Voronoi cell of a vertex is bounded by the bisectors to its neighbours alone, so
the cell is a small polygon in the tangent plane and its centroid is exact: no samples are clustered.
"""

from __future__ import annotations

import numba
import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.geometry.half_edges import MOST_NEIGHBOURS, HalfEdges, Int32Array, fan, following, preceding

_ROOM = MOST_NEIGHBOURS + 8
_LONGEST_STEP = 0.5
"""Of the wanted length of an edge: a vertex of a bad cell goes on in the next round."""


@numba.njit(cache=True, nogil=True)
def relax(
    mesh: HalfEdges,
    places: FloatArray,
    normals: FloatArray,
    sizes: FloatArray,
    step: float,
    moved: FloatArray,
    first: int,
    last: int,
) -> None:
    """Move vertices towards the centroids of their Voronoi cells, border vertices along the border.

    Parameters
    ----------
    mesh : HalfEdges
        Delaunay, as far as may be.
    places, normals : (V, 3) float64
        mm; unit.
    sizes : (V,) float64
        Wanted lengths of edges, mm; the density is their fourth power's inverse (Du, Faber and Gunzburger, SIAM
        Review 41(4), 1999).
    step : float
        1 goes to the centroid, more beyond.
    moved : (V, 3) float64
        Filled for vertices first to last - 1.
    first, last : int
        Which vertices.
    """
    leaving = np.empty(MOST_NEIGHBOURS, np.int32)
    cell, spare = np.empty((_ROOM, 2)), np.empty((_ROOM, 2))
    ring, growth = np.empty((MOST_NEIGHBOURS + 1, 2)), np.empty(MOST_NEIGHBOURS + 1)
    for v in range(first, last):
        for k in range(3):
            moved[v, k] = places[v, k]
        if mesh.leaving[v] < 0:
            continue
        faces = fan(mesh, v, leaving)
        if faces < 0:
            _slide(mesh, places, leaving, -faces, v, moved)
            continue
        if faces < 3:
            continue
        ax, ay, az, bx, by, bz = _tangents(normals[v, 0], normals[v, 1], normals[v, 2])
        for i in range(faces):
            w = mesh.origin[following(leaving[i])]
            x, y, z = places[w, 0] - places[v, 0], places[w, 1] - places[v, 1], places[w, 2] - places[v, 2]
            a, b = x * ax + y * ay + z * az, x * bx + y * by + z * bz
            length = np.sqrt(x * x + y * y + z * z)
            # Unrolled: the way along the surface is as long as the edge, not as its shadow on the tangent plane.
            scale = length / max(np.sqrt(a * a + b * b), 1e-9 + 0.2 * length)
            ring[i, 0], ring[i, 1] = scale * a, scale * b
            growth[i] = (sizes[v] / sizes[w]) ** 4 - 1.0
        slope_u, slope_v = _slope(ring, growth, faces)
        count = _cell(mesh, leaving, faces, ring, cell, spare)
        du, dv = _centroid(cell, count, slope_u, slope_v)
        du, dv = step * du, step * dv
        most = _LONGEST_STEP * sizes[v]
        far = np.sqrt(du * du + dv * dv)
        if far > most:
            du, dv = du * most / far, dv * most / far
        moved[v, 0] += du * ax + dv * bx
        moved[v, 1] += du * ay + dv * by
        moved[v, 2] += du * az + dv * bz


@numba.njit(cache=True, nogil=True)
def _slope(ring: FloatArray, growth: FloatArray, count: int) -> tuple[float, float]:
    """Gradient of the density, in densities of the middle, by least squares over the neighbours."""
    gu = gv = uu = uv = vv = 0.0
    for i in range(count):
        u, v = ring[i, 0], ring[i, 1]
        gu += growth[i] * u
        gv += growth[i] * v
        uu += u * u
        uv += u * v
        vv += v * v
    det = uu * vv - uv * uv
    if det <= 1e-9 * (uu + vv) * (uu + vv):
        return 0.0, 0.0
    return (gu * vv - gv * uv) / det, (gv * uu - gu * uv) / det


@numba.njit(cache=True, nogil=True)
def _tangents(x: float, y: float, z: float) -> tuple[float, float, float, float, float, float]:
    """Two unit vectors square to a unit vector and to each other (Duff et al., JCGT 6(1), 2017)."""
    sign = 1.0 if z >= 0 else -1.0
    a = -1.0 / (sign + z)
    b = x * y * a
    return 1.0 + sign * x * x * a, sign * b, -sign * x, b, sign + y * y * a, -y


@numba.njit(cache=True, nogil=True)
def _slide(mesh: HalfEdges, places: FloatArray, leaving: Int32Array, faces: int, v: int, moved: FloatArray) -> None:
    """Move a border vertex along the border towards the middle between its two neighbours there."""
    a, b = mesh.origin[following(leaving[0])], mesh.origin[preceding(leaving[faces - 1])]
    tx, ty, tz = places[b, 0] - places[a, 0], places[b, 1] - places[a, 1], places[b, 2] - places[a, 2]
    length = tx * tx + ty * ty + tz * tz
    if length <= 0:
        return
    along = 0.0
    for k in range(3):
        along += ((places[a, k] + places[b, k]) / 2 - places[v, k]) * (places[b, k] - places[a, k])
    # At a corner of the border the chord is short against its sides: sliding would cut the corner off.
    sides = 0.0
    for k in range(3):
        sides += (places[v, k] - places[a, k]) ** 2 + (places[b, k] - places[v, k]) ** 2
    if length < 1.2 * sides:
        return
    for k in range(3):
        moved[v, k] += 0.5 * along / length * (places[b, k] - places[a, k])


@numba.njit(cache=True, nogil=True)
def _cell(
    mesh: HalfEdges,
    leaving: Int32Array,
    faces: int,
    ring: FloatArray,
    cell: FloatArray,
    spare: FloatArray,
) -> int:
    """Cut a square down to the Voronoi cell of the origin; it ends at the border of the mesh too."""
    reach = 0.0
    for i in range(faces):
        reach = max(reach, abs(ring[i, 0]) + abs(ring[i, 1]))
    cell[0, 0], cell[0, 1] = -reach, -reach
    cell[1, 0], cell[1, 1] = reach, -reach
    cell[2, 0], cell[2, 1] = reach, reach
    cell[3, 0], cell[3, 1] = -reach, reach
    count = 4
    for i in range(faces):
        u, v = ring[i, 0], ring[i, 1]
        count = _clip(cell, count, u, v, (u * u + v * v) / 2, spare)
        if mesh.twin[following(leaving[i])] < 0:
            j = i + 1 if i + 1 < faces else 0
            eu, ev = ring[j, 0] - u, ring[j, 1] - v
            count = _clip(cell, count, ev, -eu, ev * u - eu * v, spare)
    return count


@numba.njit(cache=True, nogil=True)
def _clip(cell: FloatArray, count: int, nu: float, nv: float, most: float, spare: FloatArray) -> int:
    """Keep the part of a convex polygon where ``n . x <= most`` (Sutherland and Hodgman)."""
    if count == 0:
        return 0
    cut = False
    for i in range(count):
        spare[i, 0], spare[i, 1] = cell[i, 0], cell[i, 1]
        cut |= nu * cell[i, 0] + nv * cell[i, 1] > most
    if not cut:
        return count
    kept = 0
    before = count - 1
    height_before = nu * spare[before, 0] + nv * spare[before, 1] - most
    for i in range(count):
        height = nu * spare[i, 0] + nv * spare[i, 1] - most
        if (height > 0) != (height_before > 0) and kept < _ROOM:
            part = height_before / (height_before - height)
            cell[kept, 0] = spare[before, 0] + part * (spare[i, 0] - spare[before, 0])
            cell[kept, 1] = spare[before, 1] + part * (spare[i, 1] - spare[before, 1])
            kept += 1
        if height <= 0 and kept < _ROOM:
            cell[kept, 0], cell[kept, 1] = spare[i, 0], spare[i, 1]
            kept += 1
        before, height_before = i, height
    return kept


@numba.njit(cache=True, nogil=True)
def _centroid(cell: FloatArray, count: int, slope_u: float, slope_v: float) -> tuple[float, float]:
    """Centroid of a polygon round the origin under the density ``1 + slope . x``, cut off at a quarter."""
    mass = mu = mv = 0.0
    for i in range(count):
        j = i + 1 if i + 1 < count else 0
        area = (cell[i, 0] * cell[j, 1] - cell[i, 1] * cell[j, 0]) / 2
        # Three mid-points of the sides integrate what is quadratic over a triangle, exactly.
        for k in range(3):
            u = ((0.0 if k == 2 else cell[i, 0]) + (0.0 if k == 1 else cell[j, 0])) / 2
            v = ((0.0 if k == 2 else cell[i, 1]) + (0.0 if k == 1 else cell[j, 1])) / 2
            weight = area / 3 * max(1.0 + slope_u * u + slope_v * v, 0.25)
            mass += weight
            mu += weight * u
            mv += weight * v
    if mass <= 0:
        return 0.0, 0.0
    return mu / mass, mv / mass
