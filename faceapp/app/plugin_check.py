"""The contract of plugins, run on a small subject made from the average head: for ours and for anyone's."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from dataclasses import replace

import numpy as np

from faceapp.app.jobs import worker_pool
from faceapp.app.template import own_template
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import Cancelled, FaceappError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy
from faceapp.core.mesh import Mesh
from faceapp.core.results import Reconstruction, Registration
from faceapp.core.rig import CameraModel
from faceapp.core.signals import Event, Progress, Reporter
from faceapp.core.template import Template
from faceapp.core.transforms import RigidTransform
from faceapp.geometry.rigid import rotation_of, voxel_subset
from faceapp.pipeline.contract import Plugin
from faceapp.pipeline.parameters import build, describe
from faceapp.pipeline.stages import RESULTS, MeshingInput, Photograph, ReconstructionInput, RegistrationInput


def small_input(stage: str) -> object:
    """Return an input of a stage: the average head, turned a little, thinned, coloured, with its own landmarks."""
    template = _coloured(face_only(own_template()))
    turn = RigidTransform(rotation_of([0.03, -0.05, 0.02]), np.array([3.0, -2.0, 4.0]))
    moved = template.mesh.with_vertices(turn.apply(template.mesh.vertices))
    marks = turn.apply(template.landmarks_of(template.mesh.vertices))
    landmarks = Landmarks3D(points=marks, placed_by=(PlacedBy.SIMULATION,) * len(marks))
    if stage == "mesh":
        keep = voxel_subset(moved.vertices.astype(np.float64), 2.0)
        normals = moved.vertex_normals()
        return MeshingInput(PointCloud(moved.vertices[keep], normals[keep]), 3000)
    if stage == "register":
        return RegistrationInput(Mesh(moved.vertices, moved.faces, colors=moved.colors), template, landmarks)
    k = np.array([[900.0, 0, 319.5], [0, 900.0, 319.5], [0, 0, 1]])
    pose = RigidTransform(np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, 700.0]))
    camera = CameraModel("front", 640, 640, k, np.zeros(5), pose)
    pixels, _ = camera.project(marks)
    picture = np.full((640, 640, 3), 128, np.uint8)
    flat = Landmarks2D(points=pixels, view="front", image_size=(640, 640))
    return ReconstructionInput((Photograph("front", picture, flat, camera),))


_SKIN, _PART_COLORS = (205, 165, 145), {"brows": (90, 70, 55), "lips": (170, 90, 90), "eyes": (160, 125, 115)}


def _coloured(template: Template) -> Template:
    """Return the template with a colour for each part: some plugins follow texture."""
    palette = np.array([_PART_COLORS.get(name, _SKIN) for name in template.part_names], np.uint8)
    return replace(template, mesh=replace(template.mesh, colors=palette[template.parts]))


def face_only(template: Template) -> Template:
    """Return the face of a template alone, with the anchors that lie on it: a third of the vertices."""
    new = np.cumsum(template.face) - 1
    kept = (template.anchor_triangles[:, 0] >= 0) & template.face[template.anchor_triangles].all(axis=1)
    triangles = np.where(kept[:, None], new[template.anchor_triangles], -1).astype(np.int32)
    return Template(
        template.name,
        template.mesh.submesh(template.face),
        triangles,
        np.where(kept[:, None], template.anchor_weights, np.nan),
        template.parts[template.face],
        template.part_names,
        np.ones(int(template.face.sum()), bool),
        template.stiffness,
        template.licence,
        template.scheme,
    )


def check_plugin(plugin: Plugin, reporter: Reporter | None = None) -> list[str]:
    """Return what a plugin does against its contract; empty when it keeps it.

    It must describe its parameters, run on a small subject, return the stage's type in the stage's order, give the
    same result twice with the same seed, report progress, and stop when it is cancelled.
    """
    reporter = reporter or Reporter()
    faults = _check_parameters(plugin)
    given = small_input(plugin.stage)
    pool = worker_pool()
    seen: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, Progress):
            seen.append(event.done)
            reporter.progress(event.done / 2, event.text)

    try:
        first = pool.run(plugin, given, reporter=Reporter(listen), seed=1).value
        faults += _check_result(plugin, given, first)
        second = pool.run(plugin, given, seed=1).value
        if not _same(first, second):
            faults.append("two runs with the same seed differ")
    except FaceappError as error:
        return [*faults, str(error)]
    if not seen or any(b < a - 1e-9 for a, b in itertools.pairwise(seen)):
        faults.append("its progress is missing or runs backwards")
    faults += _check_cancel(plugin, given)
    return faults


def _check_parameters(plugin: Plugin) -> list[str]:
    faults = []
    for info in describe(plugin.parameters):
        if info.type not in (float, int, bool, str):
            faults.append(f"parameter {info.name}: {info.type} makes no form")
        if not info.doc:
            faults.append(f"parameter {info.name} is not explained")
        try:
            build(plugin.parameters, {info.name: info.default})
        except FaceappError as error:
            faults.append(f"the default is refused: {error}")
    return faults


def _check_result(plugin: Plugin, given: object, result: object) -> list[str]:
    if not isinstance(result, RESULTS[plugin.stage]):
        return [f"it returned {type(result).__name__}, {RESULTS[plugin.stage].__name__} is expected"]
    if isinstance(result, Mesh) and not len(result.faces):
        return ["the mesh has no triangles"]
    if isinstance(result, Registration) and isinstance(given, RegistrationInput):
        seen = np.abs(result.distance[given.template.face])
        if not np.isfinite(result.vertices).all():
            return ["a registered vertex is not finite"]
        if not np.nanmean(seen) < 0.5:
            return [f"a copy of the template is registered {np.nanmean(seen):.2f} mm off"]
    if isinstance(result, Reconstruction) and not np.isfinite(result.mesh.vertices).all():
        return ["a reconstructed vertex is not finite"]
    return []


def _same(a: object, b: object) -> bool:
    def vertices(x: object) -> np.ndarray:
        found = getattr(x, "vertices", None)
        return np.asarray(found if found is not None else x.mesh.vertices)  # type: ignore[attr-defined]

    return vertices(a).shape == vertices(b).shape and np.allclose(vertices(a), vertices(b), atol=1e-3)


def _check_cancel(plugin: Plugin, given: object) -> list[str]:
    cancelled = threading.Event()
    timer = threading.Timer(0.2, cancelled.set)
    timer.start()
    with contextlib.suppress(Cancelled):  # a quick plugin may be done before
        worker_pool().run(plugin, given, reporter=Reporter(None, cancelled), seed=1)
    end = time.perf_counter() + 5
    while not cancelled.is_set() and time.perf_counter() < end:
        time.sleep(0.01)
    timer.cancel()
    try:
        worker_pool().run(plugin, given, seed=1)
    except FaceappError as error:
        return [f"it does not run again after a cancel: {error}"]
    return []
