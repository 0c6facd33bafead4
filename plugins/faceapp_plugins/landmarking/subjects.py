"""Who is rendered: heads of our own and, where their folder is given, of the ICT model, as one kind of thing."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from faceapp.core.arrays import Float32Array, FloatArray, IntArray
from faceapp.core.errors import DataError
from faceapp.landmarks.scheme import load_scheme
from faceapp.morphable.head import load_head, random_parameters
from faceapp.morphable.head.cage import INSERTS, PART_NAMES, cage
from faceapp.morphable.head.eyes_and_teeth import INNER_PART_NAMES, inner_parts
from faceapp.morphable.head.subdivision import inherit_corners
from faceapp_plugins.landmarking.rasterizing import EYE, FAR, PLAIN, SKIN, rasterize, vertex_normals

Rng = np.random.Generator
EYE_POINTS = (74, 83, 104, 105)
"""Eye centres and pupils: they lie on the cornea, not on skin."""
_AXIS_Z = -10.0
CHART_SHAPE = (376, 800)
"""Rows and columns of the painted picture round the head: 0.8 mm at the cheek."""
_TOP_MM, _ROW_MM = 140.0, 0.75
_BESIDE = 8
"""Pixels from a place of the painted picture to the skin that it belongs to, at most."""


@dataclass(frozen=True, eq=False)
class Topology:
    """What all heads of one model share.

    Parameters
    ----------
    name : str
        ``own`` or ``ict``.
    mean : (V, 3) float32
        Average head, mm.
    triangles : (T, 3) int32
        Counter-clockwise from outside.
    materials : (T,) uint8
        See `rasterizing`.
    chart : (V, 2) float32
        Place of each vertex in the painted picture, pixels.
    traits : (V, 4) float32
        Shares of lip, mouth lining, open sky, bare of hair.
    tints : (V, 3) float32
        Linear colours of plain vertices.
    corners, weights : (106, 3) int32, float64
        Where the landmarks lie.
    eyeballs : (2, V) bool
        Left, right.
    upper_teeth : (V,) bool
        What may show below the upper lip.
    """

    name: str
    mean: Float32Array
    triangles: IntArray
    materials: npt.NDArray[np.uint8]
    chart: Float32Array
    traits: Float32Array
    tints: Float32Array
    corners: IntArray
    weights: FloatArray
    eyeballs: npt.NDArray[np.bool_]
    upper_teeth: npt.NDArray[np.bool_]

    @functools.cached_property
    def landmark_chart(self) -> FloatArray:
        """(106, 2) places of the mean head's landmarks in the painted picture, pixels."""
        return np.einsum("nk,nkd->nd", self.weights, self.chart[self.corners].astype(np.float64))

    @functools.cached_property
    def chart_map(self) -> tuple[IntArray, Float32Array]:
        """Outermost skin triangle of each pixel of the painted picture, and the place in it."""
        which = np.full(CHART_SHAPE, -1, np.int32)
        places = np.zeros((*CHART_SHAPE, 2), np.float32)
        skin = self.triangles.copy()
        span = np.ptp(self.chart[skin, 0], axis=1)
        skin[(self.materials != SKIN) | (span > CHART_SHAPE[1] / 2)] = 0
        radius = -np.hypot(self.mean[:, 0], self.mean[:, 2] - _AXIS_Z).astype(np.float32)
        two_sided = np.ones(len(skin), bool)
        rasterize(self.chart, radius, skin, two_sided, np.full(CHART_SHAPE, FAR, np.float32), which, places)
        return which, places

    def attach_in_chart(self, place: npt.ArrayLike) -> tuple[IntArray, FloatArray]:
        """Return corners (3,) and weights (3,) of the skin at a place (2,) of the painted picture, or beside it.

        Raises
        ------
        DataError
            There is no skin within a few pixels.
        """
        which, _ = self.chart_map
        u, v = np.asarray(place, np.float64)
        top, left = (max(round(x) - _BESIDE, 0) for x in (v, u))
        rows, columns = np.nonzero(which[top : top + 2 * _BESIDE + 1, left : left + 2 * _BESIDE + 1] >= 0)
        if not len(rows):
            raise DataError(f"no skin at {u:.0f}, {v:.0f} of the painted picture")
        # a brow may end over the slit of an eye
        nearest = np.hypot(rows + top - v, columns + left - u).argmin()
        corners = self.triangles[which[rows[nearest] + top, columns[nearest] + left]]
        a, b, c = self.chart[corners].astype(np.float64)
        solved = np.linalg.solve(np.stack([b - a, c - a], axis=1), [u - a[0], v - a[1]])
        return corners, np.array([1 - solved.sum(), *solved])


@dataclass(frozen=True, eq=False)
class Shape:
    """One person with one expression.

    Parameters
    ----------
    vertices : (V, 3) float32
        mm.
    landmarks : (106, 3) float64
        Of the scheme; the brows' before they are painted elsewhere.
    smiling : bool
        Whether teeth may show.
    """

    vertices: Float32Array
    landmarks: FloatArray
    smiling: bool


@dataclass(frozen=True, eq=False)
class Person:
    """Someone to be rendered.

    Parameters
    ----------
    topology : Topology
        Of the model.
    male : bool
        Decides beards and brows.
    age : float
        Years.
    pose : callable
        From random numbers to a shape with some expression; ``neutral`` first, then at random.
    """

    topology: Topology
    male: bool
    age: float
    pose: Callable[[Rng, bool], Shape]


def chart_of(points: npt.ArrayLike) -> Float32Array:
    """Return places (..., 2) in the painted picture of points of the mean head: angle about the head's axis, height."""
    x, y, z = np.moveaxis(np.asarray(points, np.float64), -1, 0)
    u = (np.arctan2(x, z - _AXIS_Z) / (2 * np.pi) + 0.5) * CHART_SHAPE[1] - 0.5
    return np.stack([u, (_TOP_MM - y) / _ROW_MM], axis=-1).astype(np.float32)


def _sky_share(vertices: Float32Array, triangles: IntArray) -> Float32Array:
    """Share of 48 directions of the sky that each vertex sees, half of it at the back of the head."""
    rng = np.random.default_rng(5)
    directions = rng.normal(size=(48, 3)) + np.array([0, 0.3, 0.6])
    normals = vertex_normals(vertices, triangles)
    total, seen = np.zeros(len(vertices), np.float32), np.zeros(len(vertices), np.float32)
    for direction in directions / np.linalg.norm(directions, axis=1, keepdims=True):
        frame, size = shadow_frame(vertices, direction, 180)
        places = vertices @ frame[:, :3].T.astype(np.float32) + frame[:, 3].astype(np.float32)
        nearest = np.full((size, size), FAR, np.float32)
        rasterize(
            np.ascontiguousarray(places[:, :2]), np.ascontiguousarray(places[:, 2]), triangles,
            np.ones(len(triangles), bool), nearest, np.full(nearest.shape, -1, np.int32),
            np.zeros((*nearest.shape, 2), np.float32),
        )  # fmt: skip
        column, row = np.clip(places[:, :2].round().astype(int), 0, size - 1).T
        facing = np.maximum(normals @ direction.astype(np.float32), 0)
        total += facing
        seen += facing * (places[:, 2] < nearest[row, column] + 3)
    return np.asarray(np.clip(seen / np.maximum(total, 1e-6), 0.05, 1), np.float32)


def shadow_frame(vertices: npt.NDArray[np.floating], towards: npt.ArrayLike, size: int) -> tuple[FloatArray, int]:
    """Return (3, 4) from mm to pixels and depth of a square picture of the vertices seen from a far light."""
    back = -np.asarray(towards, np.float64)
    side = np.cross(back, [0.0, 1.0, 0.0] if abs(back[1]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    turn = np.stack([side, np.cross(back, side), back])
    turned = vertices @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    scale = (size - 3) / max(high[0] - low[0], high[1] - low[1])
    frame = np.zeros((3, 4))
    frame[:2, :3], frame[2, :3] = scale * turn[:2], turn[2]
    frame[:2, 3] = 1 - scale * low[:2]
    return frame, size


@functools.cache
def own_topology() -> Topology:
    """Return the head of our own at the template's level."""
    model, inner = load_head(2), inner_parts()
    count = len(model.mirror)
    mean = np.concatenate([model.mean, inner.vertices]).astype(np.float32)
    triangles = np.concatenate([model.triangles, inner.faces + count]).astype(np.int32)
    parts = np.concatenate([model.parts, inner.parts + len(PART_NAMES)])
    names = PART_NAMES + INNER_PART_NAMES
    eyeballs = np.stack([parts == names.index(n) for n in ("eyeball_left", "eyeball_right")])
    ring = np.full(len(mean), -1.0)
    place = np.zeros((count, 2))
    place[model.quads.ravel()] = inherit_corners(cage().quad_place, model.level).reshape(-1, 2)
    mouth = place[:, 0] == INSERTS.index("mouth") + 1
    ring[:count][mouth] = place[mouth, 1]
    traits = np.zeros((len(mean), 4), np.float32)
    traits[:, 0] = _smooth((ring - 2.75) / 0.5)
    traits[:, 1] = np.maximum(
        _smooth((ring - 5.3) / 0.8), np.isin(parts, [names.index("mouth_interior"), names.index("nostrils")]) * 0.9
    )
    traits[:, 2] = _sky_share(mean, triangles)
    traits[:, 3] = np.isin(parts, [names.index(n) for n in ("ears", "lips", "lid_insides", "nostrils")])
    tints = np.zeros((len(mean), 3), np.float32)
    for name, colour in (("teeth", (0.72, 0.64, 0.5)), ("gums", (0.32, 0.08, 0.08)), ("tongue", (0.3, 0.08, 0.08))):
        tints[np.asarray(parts == names.index(name))] = colour
    materials = np.where(parts[triangles[:, 0]] < len(PART_NAMES), SKIN, PLAIN).astype(np.uint8)
    materials[np.asarray(eyeballs.any(axis=0))[triangles[:, 0]]] = EYE
    corners, weights = model.landmark_triangles.copy(), model.landmark_weights.copy()
    corners[list(EYE_POINTS)], weights[list(EYE_POINTS)] = 0, [1.0, 0.0, 0.0]
    upper = np.asarray(parts == names.index("teeth")) & ~np.concatenate([np.ones(count, bool), inner.lower])
    return Topology(
        "own", mean, triangles, materials, chart_of(mean), traits, tints, corners, weights, eyeballs, upper
    )  # fmt: skip


def _smooth(values: npt.NDArray[np.floating]) -> Float32Array:
    t = np.clip(values, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def own_person(rng: Rng) -> Person:
    """Draw someone with a head of our own."""
    model, parameters = load_head(2), random_parameters(rng)
    # The head's own modes are independent: some more spread makes up for what they do not reach together.
    parameters = replace(parameters, identity=parameters.identity * rng.uniform(0.8, 1.35))
    names = model.expression_names

    def pose(chance: Rng, neutral: bool) -> Shape:
        mixture: dict[str, float] = {}
        if not neutral:
            for name in chance.choice(names, chance.integers(1, 4), replace=False):
                mixture[str(name)] = float(chance.uniform(0.2, 0.9))
            if chance.random() < 0.4:
                mixture["grin"] = float(chance.uniform(0.4, 1.1))
                mixture["mouth_stretch"] = float(max(chance.uniform(-0.15, 0.3), 0))
            if "eye_closed" in mixture and chance.random() < 0.3:
                mixture["eye_closed"] = 1.0
        skin, inside, landmarks = model.unpainted(parameters, mixture)
        smiling = mixture.get("grin", 0) + mixture.get("smile", 0) + mixture.get("mouth_stretch", 0) > 0.4
        return Shape(np.concatenate([skin, inside]).astype(np.float32), landmarks, smiling)

    return Person(own_topology(), parameters.sex == "male", parameters.age, pose)


@dataclass(frozen=True, eq=False)
class _IctArrays:
    topology: Topology
    neutral: Float32Array
    identity: Float32Array
    expression: dict[str, Float32Array]


_ICT_HIDDEN = ("occlusion", "blend", "lash", "fluid")
_ICT_INNER = {"teeth": (0.72, 0.64, 0.5), "gums_and_tongue": (0.32, 0.08, 0.08), "mouth_socket": (0.2, 0.04, 0.04)}


@functools.cache
def load_ict(folder: Path) -> _IctArrays:
    """Read the ICT model that the user has (it does not ship with the program).

    Raises
    ------
    DataError
        The folder does not hold it.
    """
    try:
        with np.load(folder / "ict_face_light.npz", allow_pickle=False) as m:
            arrays = {name: m[name] for name in m.files}
        surface = json.loads((folder / "landmarks106_vertices.json").read_text(encoding="utf-8"))["surface"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{folder}: no ICT model there ({error}); give the folder that holds ict_face_light.npz"
        ) from error
    groups = [str(n) for n in arrays["group_names"]]
    parts = [str(n) for n in arrays["part_names"]]
    shown = [i for i, n in enumerate(groups) if not any(h in n for h in _ICT_HIDDEN)]
    kept = np.isin(arrays["face_group"], shown)
    faces, group = arrays["faces"][kept].astype(np.int32), arrays["face_group"][kept]
    mean = arrays["neutral"].astype(np.float32)
    part = arrays["part"]
    of_vertex = np.zeros(len(mean), int)
    of_vertex[faces] = group[:, None]
    eyeballs = np.stack([of_vertex == groups.index(n) for n in ("eyeball_left", "eyeball_right")])
    traits = np.zeros((len(mean), 4), np.float32)
    traits[:, 0] = _spread((part == parts.index("lips")).astype(np.float32), faces, 1)
    traits[:, 1] = _spread((part == parts.index("mouth_interior")).astype(np.float32), faces, 1)
    traits[:, 2] = _sky_share(mean, faces)
    traits[:, 3] = np.isin(part, [parts.index(n) for n in ("ear_left", "ear_right", "lips", "mouth_interior")])
    tints = np.zeros((len(mean), 3), np.float32)
    materials = np.full(len(faces), SKIN, np.uint8)
    for name, colour in _ICT_INNER.items():
        tints[of_vertex == groups.index(name)] = colour
        materials[group == groups.index(name)] = PLAIN
    materials[np.isin(group, [groups.index(n) for n in ("eyeball_left", "eyeball_right")])] = EYE
    teeth = np.asarray(of_vertex == groups.index("teeth"))
    upper = teeth & (mean[:, 1] > np.median(mean[teeth, 1]))
    topology = Topology(
        "ict", mean, faces, materials, chart_of(mean), traits, tints,
        np.array(surface["vertices"], np.int32), np.array(surface["weights"], np.float64), eyeballs, upper,
    )  # fmt: skip
    moves = arrays["expression"].astype(np.float32) * np.float32(arrays["expression_step_mm"])
    names = [str(n) for n in arrays["expression_names"]]
    identity = arrays["identity"].astype(np.float32) * np.float32(arrays["identity_step_mm"])
    return _IctArrays(topology, mean, identity, dict(zip(names, moves, strict=True)))


def _spread(values: Float32Array, faces: IntArray, rounds: int) -> Float32Array:
    rows = faces[:, [0, 1, 2, 1, 2, 0]].ravel()
    columns = faces[:, [1, 2, 0, 0, 1, 2]].ravel()
    near = sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(values),) * 2)
    count = np.maximum(near.sum(axis=1), 1)
    for _ in range(rounds):
        values = np.asarray(0.5 * values + 0.5 * (near @ values) / count, np.float32)
    return values


_ICT_ACTS: tuple[tuple[str, ...], ...] = (
    ("jawOpen",), ("jawForward",), ("jawLeft",), ("jawRight",), ("mouthLeft",), ("mouthRight",), ("mouthPucker",),
    ("mouthFunnel",), ("mouthRollLower", "mouthRollUpper"), ("mouthShrugLower",), ("eyeBlink_L", "eyeBlink_R"),
    ("browDown_L", "browDown_R"), ("browInnerUp_L", "browInnerUp_R"), ("browOuterUp_L", "browOuterUp_R"),
    ("mouthFrown_L", "mouthFrown_R"), ("eyeSquint_L", "eyeSquint_R"), ("eyeWide_L", "eyeWide_R"),
    ("noseSneer_L", "noseSneer_R"), ("cheekPuff_L", "cheekPuff_R"), ("mouthStretch_L", "mouthStretch_R"),
    ("mouthDimple_L", "mouthDimple_R"), ("eyeBlink_L",), ("mouthSmile_R",),
)  # fmt: skip


def ict_person(rng: Rng, folder: Path) -> Person:
    """Draw someone of the ICT model."""
    model = load_ict(folder)
    weights = rng.normal(size=len(model.identity)).astype(np.float32)
    shape = model.neutral + np.tensordot(weights, model.identity, 1)
    return Person(model.topology, bool(rng.random() < 0.5), float(rng.uniform(18, 75)), _ict_pose(model, shape))


def _ict_pose(model: _IctArrays, shape: Float32Array) -> Callable[[Rng, bool], Shape]:
    def pose(chance: Rng, neutral: bool) -> Shape:
        vertices, smiling = shape.copy(), False
        if not neutral:
            for k in chance.choice(len(_ICT_ACTS), chance.integers(1, 5), replace=False):
                weight = np.float32(chance.uniform(0.1, 0.9))
                for name in _ICT_ACTS[int(k)]:
                    vertices += weight * model.expression[name]
            if chance.random() < 0.45:
                smiling = True
                for pair, most in (("mouthSmile", 0.9), ("mouthUpperUp", 0.7), ("mouthLowerDown", 0.5)):
                    weight = np.float32(chance.uniform(0.1, most))
                    for side in "LR":
                        vertices += weight * model.expression[f"{pair}_{side}"]
        topology = model.topology
        landmarks = np.einsum("nk,nkd->nd", topology.weights, vertices[topology.corners].astype(np.float64))
        return Shape(vertices, landmarks, smiling)

    return pose


def brow_points() -> list[list[int]]:
    """Return the indices of each brow, subject's right then left: five above from the outer end, four below back."""
    groups = {g.name: list(g.indices) for g in load_scheme().groups}
    return [v for name, v in groups.items() if "brow" in name]
