"""Second and first differences along the rows, columns and rings of the cage."""

from __future__ import annotations

import functools

import numpy as np
from scipy import sparse

from faceapp.core.arrays import IntArray
from faceapp.morphable.head.cage import COLUMNS, CROWN_HALF, HALF, ROWS, Insert, cage, inserts
from faceapp.morphable.head.figures import figures

_Triple = tuple[int, int, int, float]


def _inside_hole(shapes: dict[str, Insert], a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Tell whether the edge between two neighbouring grid places has a hole on both sides."""
    i, j = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    return any(s.i0 < i < s.i1 and s.j0 < j < s.j1 for s in shapes.values())


def _grid_triples(weights: dict[str, float]) -> list[_Triple]:
    topology, shapes = cage(), inserts()
    triples: list[_Triple] = []
    for i in range(ROWS + 1):
        for j in range(-HALF + 1, HALF + 1):
            for di, dj, key in ((0, 1, "grid_rows"), (1, 0, "grid_columns")):
                before, after = (i - di, j - dj), (i + di, j + dj)
                if before[0] < 0 or after[0] > ROWS:
                    continue
                if _inside_hole(shapes, before, (i, j)) or _inside_hole(shapes, (i, j), after):
                    continue
                places = [int(topology.grid[p, q % COLUMNS]) for p, q in (before, (i, j), after)]
                nose = 0.35 if 12 <= i <= 16 and abs(j) <= 4 else 1.0
                triples.append((places[0], places[1], places[2], weights[key] * nose))
    return triples


def _patch_triples(patch: IntArray, weight: float) -> list[_Triple]:
    """Return the triples along the rows and columns of a patch, its border included."""
    triples: list[_Triple] = []
    for lines in (patch, patch.T):
        for line in lines:
            triples += [(int(a), int(b), int(c), weight) for a, b, c in zip(line, line[1:], line[2:], strict=False)]
    return triples


def _insert_triples(name: str, weights: dict[str, float]) -> list[_Triple]:
    topology = cage()
    ring = topology.rings[name]
    triples: list[_Triple] = []
    for k in range(1, len(ring)):
        line = ring[k]
        before, after = np.roll(line, 1), np.roll(line, -1)
        triples += [(int(a), int(b), int(c), weights["along"]) for a, b, c in zip(before, line, after, strict=True)]
        if k + 1 < len(ring):
            across = zip(ring[k - 1], line, ring[k + 1], strict=True)
            triples += [(int(a), int(b), int(c), weights["across"]) for a, b, c in across]
    if name in topology.caps:
        triples += _patch_triples(topology.caps[name], weights["cap"])
    return triples


def _rim_triples(weight: float) -> list[_Triple]:
    topology = cage()
    last = 2 * CROWN_HALF
    rim = {int(v): j for j, v in enumerate(topology.grid[ROWS])}
    triples: list[_Triple] = []
    for a in range(last + 1):
        for b in range(last + 1):
            edge = int(topology.crown[a, b])
            if edge in rim:
                inner = topology.crown[min(max(a, 1), last - 1), min(max(b, 1), last - 1)]
                triples.append((int(topology.grid[ROWS - 1, rim[edge]]), edge, int(inner), weight))
    return triples


@functools.cache
def second_differences() -> sparse.csr_array[np.float64]:
    """Return (n, 1531): one weighted row ``p(a) - 2 p(b) + p(c)`` per triple of neighbours on a line."""
    weights = figures("cage")["cage"]["smoothness"]
    triples = _grid_triples(weights)
    triples += _patch_triples(cage().crown, weights["crown"])
    triples += _rim_triples(weights["crown"])
    for name in cage().rings:
        key = "mouth" if name == "mouth" else {"eye": "eye", "nos": "nostril", "ear": "ear"}[name[:3]]
        triples += _insert_triples(name, weights[key])
    rows = np.repeat(np.arange(len(triples)), 3)
    columns = np.array([t[:3] for t in triples]).ravel()
    values = np.array([[w, -2 * w, w] for *_, w in triples]).ravel()
    return sparse.csr_array((values, (rows, columns)), shape=(len(triples), cage().size))


def edges() -> IntArray:
    """Return (3032, 2) int32: every edge of the cage once."""
    quads = cage().quads
    both = np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2)
    return np.unique(np.sort(both, axis=1), axis=0).astype(np.int32)


def differences(pairs: IntArray) -> sparse.csr_array[np.float64]:
    """Return (n, 1531): one row ``p(b) - p(a)`` per pair."""
    n = len(pairs)
    values = np.tile([-1.0, 1.0], n)
    return sparse.csr_array((values, (np.repeat(np.arange(n), 2), pairs.ravel())), shape=(n, cage().size))
