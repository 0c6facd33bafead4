"""The average head: the cage fitted to targets, figures and smoothness."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import splu

from faceapp.core.arrays import BoolArray, FloatArray, IntArray
from faceapp.morphable.head.attachment import attach
from faceapp.morphable.head.cage import COLUMNS, HALF, INSERTS, ROWS, cage
from faceapp.morphable.head.figures import figures
from faceapp.morphable.head.smoothness import edges, second_differences
from faceapp.morphable.head.subdivision import refine, subdivided, triangulate

FIT_LEVEL = 2
_MIRROR_X = np.array([-1.0, 1.0, 1.0])


def smoothstep(x: npt.ArrayLike) -> FloatArray:
    """Return 3 t^2 - 2 t^3 of x clipped to 0..1."""
    t = np.clip(np.asarray(x, np.float64), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float64)


def axis_z(y: npt.ArrayLike) -> FloatArray:
    """Return the z of the vertical axis that leans back in the neck, mm."""
    return -45 * smoothstep((-75 - np.asarray(y, np.float64)) / 60)


def targets() -> tuple[IntArray, FloatArray, FloatArray]:
    """Return what the subdivided cage vertices shall reach.

    Returns
    -------
    vertices : (689,) int32
    places : (689, 3) float64
        mm.
    weights : (689,) float64
    """
    topology, listed = cage(), figures("cage")["cage"]["targets"]
    found: dict[int, tuple[list[float], float]] = {}
    for i, j, x, y, z, weight in listed["grid"]:
        found[int(topology.grid[int(i), int(j) % COLUMNS])] = ([x, y, z], weight)
    for name in INSERTS:
        for ring, content in listed.get(name, {}).items():
            for k, (vertex, place, weight) in enumerate(_insert_targets(name, ring, content)):
                if vertex in found:
                    raise AssertionError(f"{name} {ring} {k} names vertex {vertex} twice")
                found[vertex] = (place, weight)
    for vertex, (place, weight) in list(found.items()):
        found.setdefault(int(topology.mirror[vertex]), ([-place[0], place[1], place[2]], weight))
    vertices = np.array(list(found), np.int32)
    return (
        vertices,
        np.array([p for p, _ in found.values()], np.float64),
        np.array([w for _, w in found.values()], np.float64),
    )


def _insert_targets(name: str, ring: str, content: dict[str, object]) -> list[tuple[int, list[float], float]]:
    topology = cage()
    points: list[list[float]] = content["points"]  # type: ignore[assignment]
    if ring == "cap":
        return [(int(topology.caps[name][int(a), int(b)]), p, w) for a, b, *p, w in points]
    row = topology.rings[name][int(ring.removeprefix("ring"))]
    if "columns" in content:
        return [(int(row[int(q)]), p, w) for q, *p, w in points]
    weight = float(content["weight"])  # type: ignore[arg-type]
    return [(int(v), p, weight) for v, p in zip(row, points, strict=True)]


def design_points() -> FloatArray:
    """Return (n, 3) points of the average skin, both sides, mm."""
    table = figures("cage")["design_table"]
    points: list[list[float]] = []
    for y, radii in zip(table["y"], table["r"], strict=True):
        for azimuth, radius in zip(np.radians(table["az_deg"]), radii, strict=True):
            if radius is not None:
                points.append([radius * np.sin(azimuth), y, radius * np.cos(azimuth) + float(axis_z(y))])
    for key in ("top", "extra", "ala"):
        points += table[key]
    half = np.array(points, np.float64)
    off_middle = np.abs(half[:, 0]) > 1e-6
    return np.concatenate([half, half[off_middle] * _MIRROR_X])


def start_cage() -> FloatArray:
    """Return (1531, 3) float64: the grid as laid by hand, targets on their targets, the rest between neighbours."""
    topology, table = cage(), figures("cage")["cage"]["start"]
    azimuth, y, radius = (np.array(table[k], np.float64) for k in ("azimuth_deg", "y", "r"))
    x = radius * np.sin(np.radians(azimuth))
    z = radius * np.cos(np.radians(azimuth)) + axis_z(y)
    places = np.zeros((topology.size, 3))
    known = np.zeros(topology.size, bool)
    for i in range(ROWS + 1):
        for j in range(-HALF + 1, HALF + 1):
            vertex = topology.grid[i, j % COLUMNS]
            if vertex >= 0:
                a = abs(j)
                places[vertex] = [np.copysign(x[i, a], j), y[i, a], z[i, a]]
                known[vertex] = True
    where, wanted, _ = targets()
    places[where] = wanted
    known[where] = True
    ends = edges()
    ones = np.ones(len(ends))
    adjacency = sparse.csr_array((ones, (ends[:, 0], ends[:, 1])), shape=(topology.size, topology.size))
    adjacency = sparse.csr_array(adjacency + adjacency.T)
    laplacian = sparse.csr_array(sparse.diags_array(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency)
    free = np.flatnonzero(~known)
    fixed = np.flatnonzero(known)
    rows = laplacian[free]
    places[free] = splu(sparse.csc_array(rows[:, free])).solve(-(rows[:, fixed] @ places[fixed]))
    return places


def outer_skin() -> BoolArray:
    """Return (1500,) bool: the cage's quads that a figure may lie on."""
    insert, ring = (cage().quad_place[:, :, k].min(axis=1) for k in (0, 1))
    by_name = {name: insert == k + 1 for k, name in enumerate(INSERTS)}
    allowed = (insert == 0) | (insert == len(INSERTS) + 1)
    allowed |= (by_name["mouth"] | by_name["eyeL"] | by_name["eyeR"]) & (ring <= 2)
    allowed |= (by_name["nosL"] | by_name["nosR"]) & (ring <= 0)
    return np.asarray(allowed, bool)


def fit_cage() -> FloatArray:
    """Return (1531, 3) float64: the cage of the average head, mm, mirror-symmetric.

    Notes
    -----
    Smoothness acts on the cage, targets and figures on the subdivided surface: a cage stands several millimetres above
    a nose, so targets set on the cage itself miss by that much. Each round is linear (figures by point to plane).
    """
    topology, rule = cage(), figures("cage")["cage"]["fit"]
    fine = refine(topology.quads, topology.mirror, FIT_LEVEL)
    where, wanted, weight = targets()
    start = start_cage()
    smooth = rule["smoothness"] * second_differences()
    pull = sparse.csr_array(sparse.diags_array(weight) @ fine.matrix[where])
    anchor = rule["start_anchor"]
    scalar = smooth.T @ smooth + pull.T @ pull + anchor**2 * sparse.eye_array(topology.size)
    right = pull.T @ (weight[:, None] * wanted) + anchor**2 * start
    system = sparse.csr_array(sparse.kron(scalar, sparse.eye_array(3)))
    skin = triangulate(fine.quads[np.repeat(outer_skin(), 4**FIT_LEVEL)])
    points = design_points()
    places = start
    for _ in range(rule["rounds"]):
        rows, values = _point_to_plane(points, fine.matrix, places, skin, rule["reject_mm"])
        rows, values = rule["figure_weight"] * rows, rule["figure_weight"] * values
        solver = splu(sparse.csc_array(system + rows.T @ rows))
        places = solver.solve(right.ravel() + rows.T @ values).reshape(-1, 3)
        places = (places + places[topology.mirror] * _MIRROR_X) / 2
    return places


def _point_to_plane(
    points: FloatArray, matrix: sparse.csr_array[np.float64], places: FloatArray, skin: IntArray, reject: float
) -> tuple[sparse.csr_array[np.float64], FloatArray]:
    """Return rows and right-hand side of ``n . (x - f)`` over the 3 C unknowns in the order x, y, z of each vertex."""
    surface = subdivided(matrix, places)
    triangle, weights = attach(points, surface, skin)
    corners = skin[triangle]
    foot = np.einsum("nk,nkd->nd", weights, surface[corners])
    keep = np.linalg.norm(foot - points, axis=1) < reject
    corners, weights, points = corners[keep], weights[keep], points[keep]
    a, b, c = (surface[corners[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    n = len(points)
    pick = sparse.csr_array((weights.ravel(), (np.repeat(np.arange(n), 3), corners.ravel())), shape=(n, len(surface)))
    on_cage = sparse.csr_array(pick @ matrix)
    spread = sparse.csr_array(sparse.kron(on_cage, np.ones((1, 3))))
    counts = np.diff(spread.indptr)
    spread.data *= normal[np.repeat(np.arange(n), counts), spread.indices % 3]
    return spread, np.einsum("nd,nd->n", normal, points)
