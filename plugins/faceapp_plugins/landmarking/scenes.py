"""One picture of one person: camera, light, background, and the labels from the geometry."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from faceapp.core.arrays import BoolArray, Float32Array, FloatArray, UInt8Array
from faceapp_plugins.landmarking import accessories
from faceapp_plugins.landmarking.accessories import Thing
from faceapp_plugins.landmarking.painting import Paint
from faceapp_plugins.landmarking.rasterizing import FAR, PLAIN, rasterize, shade, vertex_normals
from faceapp_plugins.landmarking.subjects import (
    CHART_SHAPE,
    EYE_POINTS,
    Person,
    Rng,
    Shape,
    brow_points,
    shadow_frame,
)

CROP_PX = 144
CROP_BOXES = 1.6
"""A crop is this many times as wide as the face's box."""
_FINER = 2
_CLEAR_MM = 2.0
"""A landmark is asked this far above the skin whether the camera sees it: grazing skin is not hidden by itself."""
_MOST_HAIR_MM = 4.0


@dataclass(frozen=True, eq=False)
class View:
    """A pinhole camera about the head.

    Parameters
    ----------
    turn : (3, 3) float64
        Rows are right, down, forward in head coordinates.
    centre : (3,) float64
        mm.
    focal : float
        Pixels.
    middle : (2,) float64
        Principal point, pixels.
    yaw_deg : float
        Of the camera about the head; 0 is frontal.
    """

    turn: FloatArray
    centre: FloatArray
    focal: float
    middle: FloatArray
    yaw_deg: float

    def project(self, points: FloatArray | Float32Array) -> tuple[FloatArray, FloatArray]:
        """Return pixels (n, 2) and depths (n,), mm."""
        turned = (points - self.centre) @ self.turn.T
        return self.focal * turned[:, :2] / turned[:, 2:] + self.middle, turned[:, 2]


@dataclass(frozen=True, eq=False)
class Crop:
    """A rendered picture with its labels.

    Parameters
    ----------
    image : (H, W, 3) uint8
        RGB.
    points : (106, 2) float32
        Pixels.
    visible : (106,) bool
        From the geometry.
    scale : float
        Outer eye distance in space, pixels at the face's depth.
    view : View
        The camera.
    """

    image: UInt8Array
    points: Float32Array
    visible: BoolArray
    scale: float
    view: View


@dataclass(frozen=True, eq=False)
class Sitter:
    """A person ready to be looked at: painted, dressed, with one expression.

    Parameters
    ----------
    vertices, normals : (V, 3) float32
        Of the head, hair grown.
    landmarks, out : (106, 3) float64
        Points and their outward normals, mm.
    clear : (106,) float64
        How far above a landmark the camera must see.
    things : list of Thing
        Worn.
    eyes : (2, 12) float64
        See `rasterizing.shade`.
    """

    person: Person
    paint: Paint
    vertices: Float32Array
    normals: Float32Array
    landmarks: FloatArray
    out: FloatArray
    clear: FloatArray
    things: list[Thing]
    eyes: FloatArray


def seat(person: Person, paint: Paint, shape: Shape, wardrobe: Rng, rng: Rng) -> Sitter:
    """Return the person with gaze, teeth, hair and what they wear.

    Parameters
    ----------
    wardrobe : Generator
        The same for all pictures of a person; ``rng`` is for this one.
    """
    topology = person.topology
    vertices, marks = shape.vertices.copy(), shape.landmarks.copy()
    if shape.smiling:
        vertices[topology.upper_teeth] += np.array([0, -rng.uniform(0, 3.5), rng.uniform(-0.5, 1)], np.float32)
    normals = vertex_normals(vertices, topology.triangles)
    corners, weights = topology.corners.copy(), topology.weights.copy()
    for indices, places in zip(brow_points(), paint.brows, strict=True):
        for index, place in zip(indices, places, strict=True):
            corners[index], weights[index] = topology.attach_in_chart(place)
            marks[index] = weights[index] @ vertices[corners[index]]
    out = np.einsum("nk,nkd->nd", weights, normals[corners].astype(np.float64))
    eyes, pupils = _gaze(person, vertices, marks, paint, rng)
    for (centre, pupil), place, eye in zip(((74, 104), (83, 105)), pupils, eyes[::-1], strict=True):
        marks[pupil] = place
        out[[centre, pupil]] = marks[[centre, pupil]] - eye[:3]
    out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-9
    column, row = np.rint(topology.chart).astype(int).T
    row, column = np.clip(row, 0, CHART_SHAPE[0] - 1), np.clip(column, 0, CHART_SHAPE[1] - 1)
    skin = np.zeros(len(vertices), bool)
    skin[topology.triangles[topology.materials == 0]] = True
    grown = paint.growth[row, column] * paint.texture[row, column, 3] * (1 - topology.traits[:, 3]) * skin
    clear = np.einsum("nk,nk->n", weights, grown[corners].astype(np.float64))
    vertices = vertices + grown[:, None] * normals
    things = _dress(person, paint, shape.landmarks, wardrobe)
    finished = vertex_normals(vertices, topology.triangles)
    clear = _CLEAR_MM + np.clip(clear, 0, _MOST_HAIR_MM)
    return Sitter(person, paint, vertices, finished, marks, out, clear, things, eyes)


def _gaze(
    person: Person, vertices: Float32Array, marks: FloatArray, paint: Paint, rng: Rng
) -> tuple[FloatArray, FloatArray]:
    """Return figures of both eyes (left, right) and the pupils of the subject's right and left eye."""
    yaw, pitch = np.radians(np.clip(rng.normal(0, (11, 7)), -28, 18))
    towards = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    eyes, white = np.zeros((2, 12)), rng.uniform(0.35, 0.8)
    pupil = np.cos(np.radians(rng.uniform(6, 14)))
    for e, mine in enumerate(person.topology.eyeballs):
        centre = vertices[mine].astype(np.float64)
        centre = (centre.min(axis=0) + centre.max(axis=0)) / 2
        eyes[e] = [*centre, *towards, *paint.iris, np.cos(np.radians(27.0)), pupil, white]
    pupils = []
    for index, eye in ((104, eyes[1]), (105, eyes[0])):
        reach = np.linalg.norm(marks[index] - eye[:3])
        pupils.append(eye[:3] + reach * towards)
    return eyes, np.array(pupils)


def _dress(person: Person, paint: Paint, landmarks: FloatArray, rng: Rng) -> list[Thing]:
    things = [accessories.shoulders(rng)]
    if rng.random() < (0.08 if person.male else 0.45):
        things += accessories.long_hair(landmarks, paint.hair, rng)
    if rng.random() < 0.2:
        things += accessories.spectacles(landmarks, rng)
    return things


def random_view(
    sitter: Sitter, rng: Rng, *, yaw_deg: float | None = None, size: int = CROP_PX, boxes: float = CROP_BOXES
) -> View:
    """Return a camera that sees the face in the middle of its picture.

    Parameters
    ----------
    yaw_deg : float, optional
        Of the camera; random between the profiles where not given, and then pitch and roll are more random too.
    size : int
        Pixels a side.
    boxes : float
        Width of the picture over that of the face's box.
    """
    free = yaw_deg is None
    if yaw_deg is None:
        yaw_deg = float(rng.normal(0, 18) if rng.random() < 0.4 else rng.uniform(-95, 95))
    yaw = np.radians(yaw_deg)
    pitch = np.radians(np.clip(rng.normal(0, 13 if free else 5), -40, 40))
    roll = np.radians(np.clip(rng.normal(0, 14 if free else 4), -45, 45))
    middle = sitter.landmarks.mean(axis=0)
    away = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    distance = np.exp(rng.uniform(np.log(450), np.log(3000)))
    centre = middle + distance * away
    # The face need not be on the camera's axis.
    forward = -away + rng.normal(0, 0.06, 3)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    cos, sin = np.cos(roll), np.sin(roll)
    turn = np.stack([cos * right + sin * down, cos * down - sin * right, forward])
    plain = View(turn, centre, 1.0, np.zeros(2), float(yaw_deg))
    pixels, _ = plain.project(sitter.landmarks)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    focal = size / (boxes * float((high - low).max()))
    return View(turn, centre, focal, (size - 1) / 2 - focal * (low + high) / 2, float(yaw_deg))


def render(sitter: Sitter, view: View, rng: Rng, size: int = CROP_PX, finer: int = _FINER) -> Crop:
    """Return the picture and its labels."""
    wide = size * finer
    topology = sitter.person.topology
    shift = (finer - 1) / 2
    fine = View(view.turn, view.centre, view.focal * finer, view.middle * finer + shift, view.yaw_deg)
    meshes = [Thing(sitter.vertices, topology.tints, topology.triangles, True), *sitter.things]
    meshes.sort(key=lambda m: not m.hides)
    nearest = np.full((wide, wide), FAR, np.float32)
    which, places = np.full((wide, wide), -1, np.int32), np.zeros((wide, wide, 2), np.float32)
    first, visible, seen = 0, np.zeros(106, bool), False
    for mesh in meshes:
        if not mesh.hides and not seen:
            visible, seen = _visible(sitter, fine, nearest), True
        drawn = np.full((wide, wide), -1, np.int32)
        pixels, depth = fine.project(mesh.vertices)
        two_sided = np.full(len(mesh.triangles), mesh is not meshes[0])
        rasterize(
            pixels.astype(np.float32), depth.astype(np.float32), mesh.triangles, two_sided, nearest, drawn, places
        )
        which = np.where(drawn >= 0, drawn + first, which)
        first += len(mesh.triangles)
    colours = _background(wide, rng)
    _light(sitter, meshes, fine, which, places, colours, rng)
    small = cv2.resize(colours, (size, size), interpolation=cv2.INTER_AREA)
    peak = np.percentile(small[size // 4 : -size // 4, size // 4 : -size // 4], 97)
    small = small * np.float32(rng.uniform(0.5, 1.15) / max(float(peak), 1e-3))
    image = (255 * np.clip(small, 0, 1) ** np.float32(1 / 2.2)).astype(np.uint8)
    points, depths = view.project(sitter.landmarks)
    outer = np.linalg.norm(sitter.landmarks[66] - sitter.landmarks[79])
    scale = view.focal * outer / depths[[66, 79]].mean()
    return Crop(image, points.astype(np.float32), visible, float(scale), view)


def _visible(sitter: Sitter, fine: View, nearest: Float32Array) -> BoolArray:
    """Whether the camera sees each landmark: it faces the camera, and nothing stands before the place above it."""
    above = sitter.landmarks + sitter.clear[:, None] * sitter.out
    pixels, depth = fine.project(above)
    column, row = np.clip(np.rint(pixels), 0, nearest.shape[0] - 1).astype(int).T
    towards = fine.centre - sitter.landmarks
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    facing = np.einsum("nd,nd->n", towards, sitter.out)
    free = depth < nearest[row, column] + 1.0
    least = np.full(106, -0.12)
    least[list(EYE_POINTS)] = 0.0
    return np.asarray(free & (facing > least))


def _light(
    sitter: Sitter,
    meshes: list[Thing],
    view: View,
    which: np.ndarray,
    places: Float32Array,
    colours: Float32Array,
    rng: Rng,
) -> None:
    """Shade what was drawn under a key light with a shadow, lesser ones, and light from all round."""
    topology = sitter.person.topology
    sizes = [len(m.vertices) for m in meshes]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    triangles = np.concatenate([m.triangles + s for m, s in zip(meshes, starts, strict=True)]).astype(np.int32)
    positions = np.concatenate([m.vertices for m in meshes])
    normals = np.concatenate(
        [sitter.normals if k == 0 else vertex_normals(m.vertices, m.triangles) for k, m in enumerate(meshes)]
    )
    rest = len(positions) - sizes[0]
    traits = np.concatenate([topology.traits, np.tile(np.array([[0, 0, 0.9, 0]], np.float32), (rest, 1))])
    chart = np.concatenate([topology.chart, np.zeros((rest, 2), np.float32)])
    materials = np.concatenate([topology.materials, np.full(len(triangles) - len(topology.triangles), PLAIN, np.uint8)])
    lights = _lamps(view, rng)
    # Spectacles are too thin for the map, shoulders too far off.
    casting = [m for k, m in enumerate(meshes) if k == 0 or m.hides]
    shadow, frame = _shadow(casting, lights[1, :3])
    look = np.zeros(16)
    look[:3], look[3] = sitter.paint.lip, sitter.paint.lip_share
    look[4:7], look[7:10] = (0.09, 0.02, 0.02), sitter.paint.hair
    look[10], look[11] = rng.choice([0.02, 0.06, 0.18]) * rng.uniform(0.5, 1.6), rng.uniform(8, 35)
    look[12:16] = rng.uniform(0.2, 1.5), rng.uniform(0.05, 0.35), rng.uniform(0.3, 1), rng.uniform(0, 0.25)
    tints = np.concatenate([m.tints for m in meshes])
    shade(
        which.astype(np.int32), places, triangles, materials, positions, normals, chart, traits, tints,
        sitter.paint.texture, look, sitter.eyes, view.centre, lights, shadow, frame, colours,
    )  # fmt: skip


def _lamps(view: View, rng: Rng) -> FloatArray:
    count = 1 + int(rng.integers(1, 4))
    lights = np.zeros((count, 6))
    warm = 1 + rng.uniform(-0.15, 0.15)
    lights[0, 3:] = rng.uniform(0.15, 0.9) * np.array([1, 1, 1 + rng.uniform(-0.15, 0.2)])
    for k in range(1, count):
        side, up, back = rng.normal(0, 0.8), rng.normal(0.4, 0.5), rng.uniform(-0.2, 1.0)
        # Mostly from the camera's side, so that the face is lit.
        towards = side * view.turn[0] - up * view.turn[1] - (back + 0.2) * view.turn[2]
        strength = rng.uniform(0.3, 1.1) if k == 1 else rng.uniform(0, 0.5)
        lights[k, :3] = towards / np.linalg.norm(towards)
        lights[k, 3:] = strength * np.array([warm, 1, 1 / warm])
    return lights


def _shadow(meshes: list[Thing], towards: FloatArray) -> tuple[Float32Array, FloatArray]:
    frame, size = shadow_frame(meshes[0].vertices[::7], towards, 150)
    nearest = np.full((size, size), FAR, np.float32)
    unused, places = np.full((size, size), -1, np.int32), np.zeros((size, size, 2), np.float32)
    for mesh in meshes:
        turned = mesh.vertices @ frame[:, :3].T.astype(np.float32) + frame[:, 3].astype(np.float32)
        rasterize(
            np.ascontiguousarray(turned[:, :2]), np.ascontiguousarray(turned[:, 2]), mesh.triangles,
            np.ones(len(mesh.triangles), bool), nearest, unused, places,
        )  # fmt: skip
    return nearest, frame


def _background(size: int, rng: Rng) -> Float32Array:
    """Return something nearly grey behind the head: plain, shaded, blurred shapes or texture; linear light."""
    base = rng.uniform(0.02, 0.8) * (1 + rng.normal(0, 0.08, 3))
    picture = np.ascontiguousarray(np.broadcast_to(base, (size, size, 3)), np.float32)
    kind = rng.random()
    if kind < 0.35:
        coarse = rng.normal(0, 1, (int(rng.integers(2, 12)),) * 2 + (1,)) + rng.normal(0, 0.2, (1, 1, 3))
        waves = cv2.resize(coarse.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        picture = picture * (1 + rng.uniform(0.1, 0.7) * waves.reshape(size, size, -1))
    elif kind < 0.75:
        for _ in range(int(rng.integers(2, 14))):
            colour = (rng.uniform(0, 0.9) * (1 + rng.normal(0, 0.15, 3))).clip(0, 1).tolist()
            corners = rng.integers(-size // 4, size + size // 4, (int(rng.integers(2, 6)), 2)).astype(np.int32)
            if rng.random() < 0.5:
                cv2.fillPoly(picture, [corners], colour)
            else:
                cv2.polylines(picture, [corners], False, colour, int(rng.integers(1, 14)))
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 10)))
    slope = np.linspace(-1, 1, size, dtype=np.float32)
    picture = picture * (
        1 + rng.uniform(-0.4, 0.4) * slope[:, None, None] + rng.uniform(-0.4, 0.4) * slope[None, :, None]
    )
    return np.ascontiguousarray(np.clip(picture, 0, 1.5), np.float32)
