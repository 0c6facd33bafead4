"""Registrations of random people, some spoiled in a known way: for tests of what should be looked at first."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Registration
from faceapp.core.template import Template
from faceapp.core.transforms import RigidTransform, Similarity
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.landmarks.scheme import load_scheme
from faceapp.morphable.head import load_head, random_parameters
from faceapp.morphable.head.cage import PART_NAMES
from faceapp.pipeline.contract import Job
from faceapp.pipeline.stages import RegistrationInput
from faceapp_plugins.registration import nicp
from faceapp_plugins.registration.scan_search import ScanSearch, judge, takes_data
from tests.accuracy.ict import IctModel, load_ict

NAMED = ("mouth landmarks", "sides swapped", "slid along a cheek", "another expression", "40 degrees off")
"""The kinds of the plan, on which the score was tried while it was made."""

OWN = ("scan of another size", "brows on the forehead", "nose landmarks")
"""Kinds that it was never tried on before it was fixed."""


@functools.cache
def thin_template() -> Template:
    """Our template with a quarter of its vertices: as telling, and four times as fast."""
    model = load_head(1)
    return Template(
        "thin", Mesh(model.mean.astype(np.float32), model.triangles), model.landmark_triangles,
        model.landmark_weights, model.parts, PART_NAMES, model.face_region,
    )  # fmt: skip


@functools.cache
def thin_modes() -> np.ndarray:
    model = load_head(1)
    return np.concatenate([model.identity_basis, model.expression_basis])


@dataclass(frozen=True, eq=False)
class Person:
    """A scan and its landmarks, 1 mm off."""

    scan: Mesh
    landmarks: Landmarks3D


def person(data: Path, seed: int, expression: int | None = None) -> Person:
    """A random head of ours (odd seeds) or of ICT's model, in a random expression."""
    rng = np.random.default_rng([seed, 77])
    if seed % 2:
        model = load_head(2)
        names = ["neutral", *model.expression_names]
        name = names[int(rng.integers(len(names))) if expression is None else expression % len(names)]
        head = model.shape(random_parameters(seed), name)
        return _noisy(Mesh(head.skin.vertices, head.skin.faces), head.landmarks, rng)
    ict = load_ict(data)
    weights = _ict_expression(ict, rng if expression is None else np.random.default_rng([expression, 5]))
    vertices = ict.head(seed, weights)
    return _noisy(ict.visible_mesh(vertices), ict.landmarks(vertices), rng)


def _ict_expression(ict: IctModel, rng: np.random.Generator) -> dict[str, float]:
    names = list(ict.expression)
    return {names[i]: float(rng.uniform(0.2, 0.8)) for i in rng.choice(len(names), 4, replace=False)}


def _noisy(mesh: Mesh, landmarks: np.ndarray, rng: np.random.Generator) -> Person:
    moved = mesh.vertices + rng.normal(scale=0.05, size=(len(mesh.vertices), 1)) * mesh.vertex_normals()
    return Person(
        mesh.with_vertices(moved), Landmarks3D(points=landmarks + rng.normal(size=landmarks.shape) / np.sqrt(3))
    )


def registered(subject: Person, start: Callable[[Similarity], Similarity] | None = None) -> Registration:
    """Register the thin template; ``start`` spoils where it begins."""
    job = Job(lambda kind, done, text: None, Path())
    asked = RegistrationInput(subject.scan, thin_template(), subject.landmarks)
    if start is None:
        return nicp.register(job, asked, nicp.Parameters())
    from unittest.mock import patch

    whole = nicp.rigid_start
    spoiled = lambda *a, **k: start(whole(*a, **k))  # noqa: E731 - stands in for the search of the start
    with patch.object(nicp, "rigid_start", spoiled):
        return nicp.register(job, asked, nicp.Parameters(landmark_weight=0.0))


def spoil(data: Path, kind: str, seed: int) -> tuple[Registration, Landmarks3D]:
    """A registration that went wrong in the way that ``kind`` names, and the landmarks that led it."""
    subject = person(data, seed)
    rng = np.random.default_rng([seed, 99])
    points = subject.landmarks.points.copy()
    if kind in ("mouth landmarks", "nose landmarks", "brows on the forehead"):
        points = moved(points, kind, rng)
    elif kind == "sides swapped":
        points = _swapped(points, rng)
    elif kind == "another expression":
        other = person(data, seed + 2 * int(rng.integers(1, 50)), expression=int(rng.integers(1, 20)))
        points = other.landmarks.points + (points[INNER].mean(axis=0) - other.landmarks.points[INNER].mean(axis=0))
    elif kind == "scan of another size":
        size = float(rng.choice([0.88, 1.12]))
        subject = replace(subject, scan=subject.scan.with_vertices(size * subject.scan.vertices))
    marks = Landmarks3D(points=points)
    subject = replace(subject, landmarks=marks)
    if kind == "40 degrees off":
        axis = rng.normal(size=3)
        return registered(subject, lambda start: _turned(start, 40 * axis / np.linalg.norm(axis))), marks
    result = registered(subject)
    return (_slid(result, subject.scan, rng) if kind == "slid along a cheek" else result), marks


INNER = slice(33, 106)


def _group(*names: str) -> list[int]:
    scheme = load_scheme()
    return [i for group in scheme.groups if any(n in group.name for n in names) for i in group.indices]


def moved(points: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Landmarks (106, 3) of one part moved."""
    points = points.copy()
    if kind == "brows on the forehead":
        points[_group("brow")] += (0.0, 7.0, 0.0)
        return points
    group = _group("mouth", "lip") if kind == "mouth landmarks" else _group("nose")
    angle = rng.uniform(0, 2 * np.pi)
    points[group] += 4.0 * np.array([np.cos(angle), np.sin(angle), 0.0])
    return points


def _swapped(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Left and right of one part: eyes, brows or the corners and sides of the mouth."""
    part = (("eye",), ("brow",), ("mouth", "lip"))[int(rng.integers(3))]
    group = _group(*part)
    mirror = load_scheme().mirror
    swapped = points.copy()
    swapped[group] = points[mirror[group]]
    return swapped


def _turned(start: Similarity, degrees: np.ndarray) -> Similarity:
    turn = RigidTransform(Rotation.from_rotvec(degrees, degrees=True).as_matrix(), np.zeros(3))
    return Similarity(start.scale, RigidTransform(start.rigid.rotation @ turn.rotation, start.rigid.translation))


def _slid(result: Registration, scan: Mesh, rng: np.random.Generator) -> Registration:
    """The template's cheek 5 mm along the scan, fading out over 25 mm: it lies as close as before."""
    template = result.template
    side = rng.choice([-1.0, 1.0])
    cheek = (template.parts == template.part_names.index("cheeks")) & (side * template.mesh.vertices[:, 0] > 0)
    vertices = result.vertices.astype(np.float64)
    centre = vertices[cheek].mean(axis=0)
    fade = np.exp(-(((vertices - centre) / 22.0) ** 2).sum(axis=1))
    normal = result.mesh.vertex_normals()[cheek].mean(axis=0)
    along = np.cross(normal, rng.normal(size=3))
    moved = vertices + 5.0 * fade[:, None] * along / np.linalg.norm(along)
    tree = SurfaceTree(scan.vertices, scan.faces)
    near = tree.query(moved[template.face], 8.0)
    moved[template.face] = np.where(np.isfinite(near.points), near.points, moved[template.face])
    search = ScanSearch(scan, 50.0)
    distance, confidence = judge(search, moved, template.mesh.faces, takes_data(template))
    return replace(result, vertices=moved.astype(np.float32), distance=distance, confidence=confidence)
