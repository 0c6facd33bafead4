"""Topology of the cage: addresses, quads, rings, mirror, parts and the chart, without any position."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from faceapp.core.arrays import FloatArray, IntArray
from faceapp.morphable.head.figures import figures

ROWS = 26
COLUMNS = 32
HALF = COLUMNS // 2
CROWN_HALF = 4
CHART_ROWS = 37
INSERTS = ("mouth", "eyeL", "eyeR", "nosL", "nosR", "earL", "earR")

LEVELS = (1, 2, 3)
"""Subdivisions that landmarks are shipped for: 6 k, 24 k and 96 k quads."""
EYE_LANDMARKS = (74, 83, 104, 105)
"""Pupils and eye centres of the scheme jd106: they lie on the cornea, not on the skin."""

PART_NAMES = (
    "forehead",
    "brows",
    "eyes",
    "nose",
    "cheeks",
    "philtrum",
    "lips",
    "chin",
    "temples",
    "jaw_underside",
    "neck",
    "ears",
    "scalp",
    "mouth_interior",
    "nostrils",
    "lid_insides",
)
"""Parts of the skin; left and right share a name."""

_LETTERS = {
    "f": "forehead",
    "b": "brows",
    "e": "eyes",
    "n": "nose",
    "c": "cheeks",
    "p": "philtrum",
    "h": "chin",
    "t": "temples",
    "u": "jaw_underside",
    "k": "neck",
    "s": "scalp",
}


@dataclass(frozen=True)
class Insert:
    """A rectangle of cells that concentric rings replace.

    Parameters
    ----------
    j0, j1, i0, i1 : int
        The rectangle, columns and rows.
    rings : int
        Ring 0 is the rectangle's border.
    cap : bool
        The last ring is closed by a grid.
    """

    j0: int
    j1: int
    i0: int
    i1: int
    rings: int
    cap: bool

    @property
    def length(self) -> int:
        """Number of places on each ring."""
        return 2 * (self.j1 - self.j0 + self.i1 - self.i0)

    def border(self) -> list[tuple[int, int]]:
        """Return the (row, column) of each place of ring 0, from (i0, j0) along row i0, counter-clockwise."""
        low = [(self.i0, j) for j in range(self.j0, self.j1)]
        right = [(i, self.j1) for i in range(self.i0, self.i1)]
        high = [(self.i1, j) for j in range(self.j1, self.j0, -1)]
        left = [(i, self.j0) for i in range(self.i1, self.i0, -1)]
        return low + right + high + left


@dataclass(frozen=True, eq=False)
class Cage:
    """The cage's topology.

    Parameters
    ----------
    quads : (1500, 4) int32
        Counter-clockwise from outside; the left half first, then its mirror image in the same order.
    mirror : (1531,) int32
        The vertex on the other side.
    grid : (27, 32) int32
        Vertex at (row, column modulo 32); -1 inside a hole.
    rings : dict of str to (rings, length) int32
        Vertices of each insert; right-hand inserts mirror the left-hand ones place by place.
    caps : dict of str to (h + 1, w + 1) int32
        Vertices of the grid that closes an insert, its border included.
    crown : (9, 9) int32
        Vertex at (a + 4, b).
    quad_parts : (1500,) int32
        Index into ``PART_NAMES``.
    quad_chart : (1500, 4, 2) float64
        Column u and row v of each corner in the chart.
    quad_place : (1500, 4, 2) float64
        Of each corner: number of the insert plus 1 (0 = grid, 8 = crown; the same in all four), and the ring.
    """

    quads: IntArray
    mirror: IntArray
    grid: IntArray
    rings: dict[str, IntArray]
    caps: dict[str, IntArray]
    crown: IntArray
    quad_parts: IntArray
    quad_chart: FloatArray
    quad_place: FloatArray

    @property
    def size(self) -> int:
        """Number of vertices."""
        return len(self.mirror)

    def vertex(self, address: str) -> int:
        """Return the vertex of an address such as ``21,2`` or ``eyeL ring3 q10``."""
        if "," in address:
            i, j = (int(n) for n in address.split(","))
            return int(self.grid[i, j % COLUMNS])
        insert, ring, place = address.split()
        return int(self.rings[insert][int(ring.removeprefix("ring")), int(place.removeprefix("q"))])


def inserts() -> dict[str, Insert]:
    """Return the seven inserts by name."""
    holes = figures("cage")["cage"]["holes"]
    found = {}
    for name in INSERTS:
        j0, j1, i0, i1, rings = (int(holes[name][k]) for k in ("j0", "j1", "i0", "i1", "rings"))
        found[name] = Insert(j0, j1, i0, i1, rings, bool(holes[name]["cap"]))
    return found


class _Numbering:
    """Hands out vertex numbers by name, so that a shared border is one vertex."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[object, ...], int] = {}

    def __call__(self, *name: object) -> int:
        return self.numbers.setdefault(name, len(self.numbers))


@functools.cache
def cage() -> Cage:
    """Return the cage's topology (built once)."""
    number = _Numbering()
    shapes = inserts()
    hidden = {(i, j) for s in shapes.values() for i in range(s.i0 + 1, s.i1) for j in range(s.j0 + 1, s.j1)}
    grid = np.full((ROWS + 1, COLUMNS), -1, np.int32)
    for i in range(ROWS + 1):
        for j in range(-HALF + 1, HALF + 1):
            if (i, j) not in hidden:
                grid[i, j % COLUMNS] = number("grid", i, j % COLUMNS)
    rings: dict[str, IntArray] = {}
    caps: dict[str, IntArray] = {}
    for name, shape in shapes.items():
        rings[name], caps[name] = _number_insert(number, grid, name, shape)
    caps = {name: cap for name, cap in caps.items() if shapes[name].cap}
    crown = np.empty((2 * CROWN_HALF + 1, 2 * CROWN_HALF + 1), np.int32)
    for a in range(-CROWN_HALF, CROWN_HALF + 1):
        for b in range(2 * CROWN_HALF + 1):
            column = _crown_column(a, b)
            crown[a + CROWN_HALF, b] = number("crown", a, b) if column is None else grid[ROWS, column % COLUMNS]
    mirror = _mirror(len(number.numbers), grid, rings, caps, crown)
    left = _left_quads(shapes, grid, rings, caps, crown)
    corners = np.array([q[0] for q in left], np.int32)
    chart = np.array([q[2] for q in left])
    place = np.array([q[3] for q in left])
    part = np.array([PART_NAMES.index(q[1]) for q in left], np.int32)
    reverse = [0, 3, 2, 1]
    other = place[:, reverse].copy()
    for this, that in (("eyeL", "eyeR"), ("nosL", "nosR"), ("earL", "earR")):
        other[place[:, :, 0] == INSERTS.index(this) + 1, 0] = INSERTS.index(that) + 1
    return Cage(
        quads=np.concatenate([corners, mirror[corners[:, reverse]]]),
        mirror=mirror,
        grid=grid,
        rings=rings,
        caps=caps,
        crown=crown,
        quad_parts=np.concatenate([part, part]),
        quad_chart=np.concatenate([chart, chart[:, reverse] * [-1, 1]]),
        quad_place=np.concatenate([place, other]),
    )


def _number_insert(number: _Numbering, grid: IntArray, name: str, shape: Insert) -> tuple[IntArray, IntArray]:
    right = name.endswith("R")
    border = Insert(-shape.j1, -shape.j0, shape.i0, shape.i1, shape.rings, shape.cap) if right else shape
    ring = np.empty((shape.rings, shape.length), np.int32)
    for q, (i, j) in enumerate(border.border()):
        ring[0, q] = grid[i, (-j if right else j) % COLUMNS]
    for k in range(1, shape.rings):
        for q in range(shape.length):
            ring[k, q] = number(name, "ring", k, q)
    height, width = shape.i1 - shape.i0, shape.j1 - shape.j0
    cap = np.full((height + 1, width + 1), -1, np.int32)
    for q, (i, j) in enumerate(border.border()):
        cap[i - border.i0, j - border.j0] = ring[-1, q]
    if shape.cap:
        for a in range(1, height):
            for b in range(1, width):
                cap[a, b] = number(name, "cap", a, b)
    return ring, cap


def _crown_column(a: int, b: int) -> int | None:
    """Return the grid column of a place on the crown's border, None inside."""
    if b == 0:
        return a
    if b == 2 * CROWN_HALF:
        return HALF - a
    if a == CROWN_HALF:
        return CROWN_HALF + b
    if a == -CROWN_HALF:
        return -CROWN_HALF - b
    return None


def _mirror(
    size: int, grid: IntArray, rings: dict[str, IntArray], caps: dict[str, IntArray], crown: IntArray
) -> IntArray:
    mirror = np.full(size, -1, np.int32)

    def pair(these: IntArray, those: IntArray) -> None:
        mirror[these[these >= 0]] = those[these >= 0]

    pair(grid, grid[:, -np.arange(COLUMNS) % COLUMNS])
    for name, ring in rings.items():
        if name == "mouth":
            pair(ring, ring[:, (8 - np.arange(ring.shape[1])) % ring.shape[1]])
            pair(caps[name], caps[name][:, ::-1])
        else:
            other = name[:-1] + ("R" if name.endswith("L") else "L")
            pair(ring, rings[other])
            if name in caps:
                pair(caps[name], caps[other])
    pair(crown, crown[::-1])
    return mirror


_Quad = tuple[list[int], str, list[tuple[float, float]], list[tuple[float, float]]]


def _left_quads(
    shapes: dict[str, Insert],
    grid: IntArray,
    rings: dict[str, IntArray],
    caps: dict[str, IntArray],
    crown: IntArray,
) -> list[_Quad]:
    quads: list[_Quad] = []
    letters: list[str] = figures("cage")["cage"]["parts"]["rows_from_0"]
    for i in range(ROWS):
        for j in range(HALF):
            cells = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
            if letters[i][j] == ".":
                continue
            quads.append(
                (
                    [int(grid[a, b % COLUMNS]) for a, b in cells],
                    _LETTERS[letters[i][j]],
                    [(b, a) for a, b in cells],
                    [(0.0, 0.0)] * 4,
                )
            )
    for name in ("mouth", "eyeL", "nosL", "earL"):
        quads += _insert_quads(name, shapes[name], rings[name], caps.get(name))
    for a in range(CROWN_HALF):
        for b in range(2 * CROWN_HALF):
            cells = [(a, b), (a + 1, b), (a + 1, b + 1), (a, b + 1)]
            quads.append(
                (
                    [int(crown[c + CROWN_HALF, d]) for c, d in cells],
                    "scalp",
                    [(1.6 * c, 27.6 + 0.9 * d) for c, d in cells],
                    [(len(INSERTS) + 1.0, 0.0)] * 4,
                )
            )
    return quads


def _insert_quads(name: str, shape: Insert, ring: IntArray, cap: IntArray | None) -> list[_Quad]:
    number = INSERTS.index(name) + 1.0
    centre = np.array([(shape.j0 + shape.j1) / 2, (shape.i0 + shape.i1) / 2])
    border = np.array([(j, i) for i, j in shape.border()], float)
    n = shape.length
    quads: list[_Quad] = []

    def chart(k: int, q: int) -> tuple[float, float]:
        u, v = centre + (border[q] - centre) * (1 - k / shape.rings)
        return float(u), float(v)

    places = range(4, 16) if name == "mouth" else range(n)
    for k in range(shape.rings - 1):
        for q in places:
            corners = [(k, q), (k, (q + 1) % n), (k + 1, (q + 1) % n), (k + 1, q)]
            part = _ring_part(name, k, above=q >= 10)
            vertices = [int(ring[c]) for c in corners]
            quads.append((vertices, part, [chart(*c) for c in corners], [(number, float(c[0])) for c in corners]))
    if cap is not None:
        scale = 1 / shape.rings
        depth = shape.rings - 1.0
        for a in range(shape.i1 - shape.i0):
            for b in range(4 if name == "mouth" else 0, shape.j1 - shape.j0):
                cells = [(a, b), (a, b + 1), (a + 1, b + 1), (a + 1, b)]
                uv = [centre + (np.array([shape.j0 + d, shape.i0 + c]) - centre) * scale for c, d in cells]
                part = _ring_part(name, shape.rings - 1, above=False)
                flat = [(float(u), float(v)) for u, v in uv]
                quads.append(([int(cap[c]) for c in cells], part, flat, [(number, depth)] * 4))
    return quads


def _ring_part(name: str, k: int, *, above: bool) -> str:
    """Return the part of a cell between ring k and k + 1."""
    if name == "mouth":
        if k >= 5:
            return "mouth_interior"
        if k >= 3:
            return "lips"
        return "philtrum" if above else "chin"
    if name.startswith("eye"):
        return "eyes" if k < 4 else "lid_insides"
    if name.startswith("nos"):
        return "nose" if k < 1 else "nostrils"
    return "ears"
