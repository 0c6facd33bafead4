"""The truth of a simulated capture, as files: see the capture bundle's folder ``truth``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy, Visibility
from faceapp.core.mesh import Mesh
from faceapp.core.rig import CameraGroup, CameraModel, Rig
from faceapp.formats.atomic import write_json
from faceapp.formats.capture_bundle import describe_camera
from faceapp.formats.images import write_depth
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import write_mesh
from faceapp_hardware.simulated.rendering import Renderer

_EVERY = 2
_LANDMARK_CLEAR_MM = 2.0
"""A landmark lies on the surface or a little in it (a cornea before it): what is closer than this hides nothing."""
_ANNOTATOR = "simulation"


def write_truth(folder: Path, renderer: Renderer, rig: Rig, target: dict[str, Any]) -> None:
    """Write surface, what each group sees, depth of each camera, landmarks, and where everything really is."""
    surface = renderer.surface
    cameras = {model.name: describe_camera(model) for model in rig.cameras}
    write_json(folder / "calibration.json", {"schema": "faceapp/calibration", "schema_version": 1, "cameras": cameras})
    if target:
        write_json(folder / "target.json", target)
    write_mesh(folder / "surface.ply", Mesh(**{**vars(surface.mesh), "uv": None, "texture": None}))
    for group in rig.groups:
        write_mesh(folder / f"{group.name}.ply", seen_by_group(renderer, group))
    with ThreadPoolExecutor(2, "truth") as pool:
        list(pool.map(lambda model: write_depth(folder / "depth", model.name, renderer.depth(model)), rig.cameras))
    if surface.landmarks is None:
        return
    placed_by = (PlacedBy.SIMULATION,) * len(surface.landmarks)
    write_landmarks(
        folder / "landmarks.json", Landmarks3D(points=surface.landmarks, placed_by=placed_by, annotator=_ANNOTATOR)
    )
    for group in rig.groups:
        if group.rgb is not None:
            marks = _in_picture(renderer, group.rgb, surface.landmarks)
            write_landmarks(folder / f"landmarks-{group.rgb.name}.json", marks)


def seen_by_group(renderer: Renderer, group: CameraGroup) -> Mesh:
    """Return what both infrared cameras of a group and its projector see, points with normals.

    Of every second column and row of the first infrared camera, at the centres of the pixels.
    """
    first = group.infrared[0]
    points, normals = renderer.points_of(first, _EVERY)
    seen = np.ones(len(points), bool)
    for view in group.infrared:
        way = view.centre - points
        seen &= np.einsum("nd,nd->n", way, normals) > 0
    for view in group.infrared[1:]:
        seen &= renderer.sees(view, points)
    optics = group.projector.optics
    if optics is not None:
        pixels, depth = optics.project(points)
        lit = (pixels[:, 0] > 0) & (pixels[:, 0] < optics.width) & (depth > 0)
        way = optics.centre - points
        lit &= np.einsum("nd,nd->n", way, normals) > 0
        seen &= lit & ~renderer.hidden(points, optics.centre)
    return Mesh(points[seen], np.zeros((0, 3), np.int32), normals[seen])


def _in_picture(renderer: Renderer, camera: CameraModel, points: np.ndarray) -> Landmarks2D:
    pixels, _ = camera.project(points)
    seen = renderer.sees(camera, points, _LANDMARK_CLEAR_MM)
    inside = (pixels > -0.5).all(axis=1) & (pixels < [camera.width - 0.5, camera.height - 0.5]).all(axis=1)
    states = [
        Visibility.VISIBLE if visible else Visibility.OCCLUDED if within else Visibility.OUTSIDE
        for visible, within in zip(seen.tolist(), np.asarray(inside).tolist(), strict=True)
    ]
    return Landmarks2D(
        points=pixels,
        visibility=tuple(states),
        placed_by=(PlacedBy.SIMULATION,) * len(points),
        annotator=_ANNOTATOR,
        view=camera.name,
        image_size=(camera.width, camera.height),
    )
