"""What the skin holds: eyeballs, teeth, gums and tongue."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray, IntArray
from faceapp.morphable.head.figures import figures
from faceapp.morphable.head.fit import smoothstep

INNER_PART_NAMES = ("eyeball_left", "eyeball_right", "teeth", "gums", "tongue")
"""Parts of the full mesh beyond those of the skin."""

_SECTORS = 40
# Dense where pupil, iris and cornea end, for colours stand on vertices.
_POLAR_DEG = (
    *(0.0, 3.0, 6.0, 8.5, 9.5, 10.5, 13.0, 16.0, 19.0, 22.0, 24.5, 26.5, 28.0, 29.0, 30.5, 33.0, 37.0),
    *(42.0, 48.0, 56.0, 66.0, 78.0, 90.0, 105.0, 120.0, 135.0, 150.0, 165.0, 180.0),
)


@dataclass(frozen=True, eq=False)
class InnerParts:
    """Everything inside the skin, for the average head with closed jaw.

    Parameters
    ----------
    vertices : (n, 3) float64
        mm.
    faces : (m, 3) int32
        Counter-clockwise from outside.
    parts : (n,) int32
        Index into ``INNER_PART_NAMES``.
    lower : (n,) bool
        What turns with the jaw.
    eye_angle : (n,) float64
        Angle from the eye's axis, radian; NaN off the eyeballs.
    """

    vertices: FloatArray
    faces: IntArray
    parts: IntArray
    lower: npt.NDArray[np.bool_]
    eye_angle: FloatArray


def eye_centres() -> dict[str, FloatArray]:
    """Return the centre of each eyeball of the average head, mm, under ``eyeL`` and ``eyeR``."""
    left = np.array(figures("parts")["parts"]["eyeball"]["centre"], np.float64)
    return {"eyeL": left, "eyeR": left * [-1, 1, 1]}


def eyeball_radius(angle: npt.ArrayLike) -> FloatArray:
    """Return the distance of the eyeball's surface from its centre at an angle (radian) from its axis, mm.

    Notes
    -----
    The cornea rises as a raised cosine, so that it meets the sclera without an edge.
    """
    ball = figures("parts")["parts"]["eyeball"]
    t = np.minimum(np.abs(np.asarray(angle, np.float64)) / np.radians(ball["cornea_half_angle_deg"]), 1)
    return np.asarray(ball["radius"] + ball["cornea_bulge"] * (1 + np.cos(np.pi * t)) / 2, np.float64)


@functools.cache
def inner_parts() -> InnerParts:
    """Return the parts of the average head (built once)."""
    pieces: list[tuple[FloatArray, IntArray, str, bool, FloatArray]] = []
    for side, name in (("eyeL", "eyeball_left"), ("eyeR", "eyeball_right")):
        ball, faces, angles = _eyeball()
        pieces.append((ball + eye_centres()[side], faces, name, False, angles))
    for jaw, lower in (("upper", False), ("lower", True)):
        teeth = _arch(jaw)
        for tooth, turn in teeth:
            vertices, faces = _tooth(tooth, turn, -1.0 if lower else 1.0)
            pieces.append((vertices, faces, "teeth", lower, np.full(len(vertices), np.nan)))
        vertices, faces = _gum(teeth, -1.0 if lower else 1.0)
        pieces.append((vertices, faces, "gums", lower, np.full(len(vertices), np.nan)))
    vertices, faces = _tongue()
    pieces.append((vertices, faces, "tongue", True, np.full(len(vertices), np.nan)))
    first = np.cumsum([0] + [len(p[0]) for p in pieces])
    return InnerParts(
        vertices=np.concatenate([p[0] for p in pieces]),
        faces=np.concatenate([p[1] + start for p, start in zip(pieces, first, strict=False)]).astype(np.int32),
        parts=np.repeat([INNER_PART_NAMES.index(p[2]) for p in pieces], [len(p[0]) for p in pieces]).astype(np.int32),
        lower=np.repeat([p[3] for p in pieces], [len(p[0]) for p in pieces]),
        eye_angle=np.concatenate([p[4] for p in pieces]),
    )


def _rings(rows: int, columns: int, *, closed_ends: bool = False) -> IntArray:
    """Return triangles of a tube of rows of columns vertices; closed ends are single vertices before and after."""
    first = 1 if closed_ends else 0
    k, q = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    here, right = first + k * columns + q, first + k * columns + (q + 1) % columns
    faces = np.stack([here, right, right + columns, here, right + columns, here + columns], axis=2).reshape(-1, 3)
    if closed_ends:
        around = np.arange(columns)
        after = (around + 1) % columns
        last = 1 + (rows - 1) * columns
        top = np.stack([np.zeros(columns, int), first + after, first + around], axis=1)
        bottom = np.stack([np.full(columns, last + columns), last + around, last + after], axis=1)
        faces = np.concatenate([top, faces, bottom])
    return faces.astype(np.int32)


def _outward(vertices: FloatArray, faces: IntArray) -> IntArray:
    """Return the faces turned so that the closed surface's volume is positive."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    volume = np.einsum("nd,nd->", a, np.cross(b, c))
    return faces if volume > 0 else faces[:, ::-1].astype(np.int32)


def _eyeball() -> tuple[FloatArray, IntArray, FloatArray]:
    angle = np.radians(_POLAR_DEG)
    around = np.linspace(0, 2 * np.pi, _SECTORS, endpoint=False)
    theta = np.concatenate([[0.0], np.repeat(angle[1:-1], _SECTORS), [np.pi]])
    phi = np.concatenate([[0.0], np.tile(around, len(angle) - 2), [0.0]])
    direction = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)
    vertices = direction * eyeball_radius(theta)[:, None]
    return vertices, _outward(vertices, _rings(len(angle) - 2, _SECTORS, closed_ends=True)), theta


def _arch(jaw: str) -> list[tuple[dict[str, float], float]]:
    """Return the teeth of one jaw from the subject's right to the left, each with its turn about y, radian."""
    table = figures("parts")["parts"]["teeth"]
    half = [dict(zip(table["columns"], row, strict=True)) for row in table[jaw]]
    row = [{**t, "x": -t["x"]} for t in half[::-1]] + half
    z = [t["z_front"] - 1.2 - t["depth"] / 2 for t in row]
    x = [t["x"] for t in row]
    turn = -np.arctan2(np.gradient(z), np.gradient(x))
    return [({**t, "z": depth}, float(angle)) for t, depth, angle in zip(row, z, turn, strict=True)]


def _tooth(tooth: dict[str, float], turn: float, up: float) -> tuple[FloatArray, IntArray]:
    exponent = 0.42
    latitude = np.linspace(-np.pi / 2, np.pi / 2, 10)[1:-1]
    around = np.linspace(0, 2 * np.pi, 20, endpoint=False)

    def power(values: FloatArray) -> FloatArray:
        return np.asarray(np.sign(values) * np.abs(values) ** exponent, np.float64)

    lat, phi = (a.ravel() for a in np.meshgrid(latitude, around, indexing="ij"))
    ring = power(np.cos(lat))
    body = np.stack([ring * power(np.cos(phi)), power(np.sin(lat)), ring * power(np.sin(phi))], axis=1)
    body = np.concatenate([[[0, -1, 0]], body, [[0, 1, 0]]]) * [
        tooth["width"] / 2,
        tooth["height"] / 2,
        tooth["depth"] / 2,
    ]
    cos, sin = np.cos(turn), np.sin(turn)
    turned = np.stack([body[:, 0] * cos + body[:, 2] * sin, body[:, 1], -body[:, 0] * sin + body[:, 2] * cos], axis=1)
    centre = np.array([tooth["x"], tooth["y_edge"] + up * tooth["height"] / 2, tooth["z"]])
    vertices = turned + centre
    return vertices, _outward(vertices, _rings(len(latitude), len(around), closed_ends=True))


def _gum(teeth: list[tuple[dict[str, float], float]], up: float) -> tuple[FloatArray, IntArray]:
    around = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    rows = []
    for tooth, turn in teeth:
        middle = np.array([tooth["x"], tooth["y_edge"] + up * (tooth["height"] + 3.5), tooth["z"]])
        outward = np.array([np.sin(turn), 0, np.cos(turn)])
        width = tooth["depth"] / 2 + 0.9
        rows.append(
            middle
            + width * np.cos(around)[:, None] * outward
            + 5.5 * np.sin(around)[:, None] * np.array([0.0, 1.0, 0.0])
        )
    body = np.concatenate([[rows[0].mean(axis=0)], *rows, [rows[-1].mean(axis=0)]])
    return body, _outward(body, _rings(len(rows), len(around), closed_ends=True))


def _tongue() -> tuple[FloatArray, IntArray]:
    shape = figures("parts")["parts"]["gums_tongue"]["tongue"]
    polar = np.linspace(0, np.pi, 18)
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    theta, phi = (a.ravel() for a in np.meshgrid(polar[1:-1], around, indexing="ij"))
    unit = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)
    body = np.concatenate([[[0, 0, 1]], unit, [[0, 0, -1]]]) * np.asarray(shape["radii"], float)
    top = smoothstep(body[:, 1] / shape["radii"][1])
    body[:, 1] -= shape["groove"] * top * np.exp(-0.5 * (body[:, 0] / 4) ** 2)
    vertices = body + np.asarray(shape["centre"], float)
    return vertices, _outward(vertices, _rings(len(polar) - 2, len(around), closed_ends=True))


def turn_jaw(points: FloatArray, opening: float, shift: npt.ArrayLike) -> FloatArray:
    """Return points (n, 3) after the jaw turned about its hinge.

    Parameters
    ----------
    points : (n, 3) float64
        mm.
    opening : float
        Share of the full opening (25.3 deg).
    shift : (3,) array_like
        Glide added afterwards, mm.
    """
    jaw = figures("parts")["parts"]["jaw"]
    angle = np.radians(jaw["open_deg"]) * opening
    y, z = points[:, 1] - jaw["hinge_y"], points[:, 2] - jaw["hinge_z"]
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([points[:, 0], jaw["hinge_y"] + y * cos - z * sin, jaw["hinge_z"] + y * sin + z * cos], axis=1)
    return np.asarray(turned + np.asarray(shift, float), np.float64)
