"""Painted people in three views with their scan and their truth, for a scripted annotator.

Five have heads of our own, five identities of the ICT model; none was trained on (other seeds). The views stand as in
the default rig: 700 mm away, azimuth 0 and 55 degrees to both sides, 0.26 mm a pixel. The scan is what each view sees
of the true surface, with 0.05 mm of noise along its rays.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceapp.app.annotation_data import AnnotationData
from faceapp.app.sample_views import AnnotationView
from faceapp.core.cloud import PointCloud
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.landmarks.prefill import find_points, mean_shape_guess
from faceapp.landmarks.scheme import load_scheme
from faceapp_plugins.landmarking.crops import Recipe, draw_person
from faceapp_plugins.landmarking.painting import paint
from faceapp_plugins.landmarking.rasterizing import FAR, rasterize
from faceapp_plugins.landmarking.scenes import Sitter, View, render, seat

SEED = 95_000
"""Of no training, and of no table of the network."""
SIZE, FOCAL, AWAY_MM, AZIMUTH_DEG, NOISE_MM = 1024, 2700.0, 700.0, 55.0, 0.05
VIEWS = (("middle", 0.0), ("right", -AZIMUTH_DEG), ("left", AZIMUTH_DEG))


@dataclass(frozen=True, eq=False)
class Subject:
    """One person to annotate.

    Parameters
    ----------
    name : str
        ``own 1``, ``ict 3``.
    data : AnnotationData
        What the program shows.
    truth : dict of str to (106, 2) float64
        By view, pixels.
    visible : dict of str to (106,) bool
        By view, from the geometry.
    mm_per_px : dict of str to (106,) float64
        By view, what a pixel is at each point.
    """

    name: str
    data: AnnotationData
    truth: dict[str, np.ndarray]
    visible: dict[str, np.ndarray]
    mm_per_px: dict[str, np.ndarray]


def make_subject(number: int, ict: Path | None, seed: int = SEED) -> Subject:
    """Return the person of a number: with the folder of the ICT model every second one has such a head."""
    source = "ict" if ict is not None and number % 2 else "own"
    recipe = Recipe(seed, ict=ict, source=source)
    rng = np.random.default_rng([seed, number])
    person = draw_person(recipe, rng)
    painting = paint(person, rng)
    chance = np.random.default_rng([seed, number, 1])
    sitter = seat(person, painting, person.pose(rng, number % 4 < 2), np.random.default_rng([seed, number, 2]), chance)
    turn = np.radians(chance.normal(0, (2.0, 2.0, 2.0)))
    views, clouds, depths, prefill = [], {}, {}, {}
    truth, visible, scales = {}, {}, {}
    for group, azimuth in VIEWS:
        view = rig_view(sitter.landmarks.mean(axis=0), azimuth, turn)
        name = f"{group}-rgb"
        crop = render(sitter, view, np.random.default_rng([seed, number, int(azimuth) % 360]), size=SIZE)
        camera = camera_of(name, view)
        depths[name], clouds[group] = scan_of(sitter, view, camera, chance)
        views.append(AnnotationView(name, group, crop.image, camera))
        found = find_points(crop.image, load_scheme(), name)
        prefill[name] = mean_shape_guess(crop.image, load_scheme(), name) if found is None else found
        truth[name], depth = view.project(sitter.landmarks)
        visible[name], scales[name] = crop.visible & inside(truth[name]), depth / FOCAL
    data = AnnotationData(tuple(views), clouds, depths, None, prefill)
    return Subject(f"{source} {number}", data, truth, visible, scales)


def rig_view(middle: np.ndarray, azimuth_deg: float, turn: np.ndarray) -> View:
    """Return a camera of the rig, the whole rig turned a little about the head."""
    yaw, pitch = np.radians(azimuth_deg) + turn[0], turn[1]
    away = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = np.cross(-away, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(-away, right), -away])
    centre = middle * (0.0, 1.0, 0.5) + AWAY_MM * away
    return View(axes, centre, FOCAL, np.full(2, (SIZE - 1) / 2), azimuth_deg)


def camera_of(name: str, view: View) -> CameraModel:
    """Return the program's camera of a view."""
    k = np.array([[view.focal, 0, view.middle[0]], [0, view.focal, view.middle[1]], [0, 0, 1]])
    return CameraModel(
        name=name, width=SIZE, height=SIZE, K=k, distortion=np.zeros(5),
        rig_from_camera=RigidTransform(view.turn.T, view.centre),
    )  # fmt: skip


def scan_of(sitter: Sitter, view: View, camera: CameraModel, rng: np.random.Generator) -> tuple[np.ndarray, PointCloud]:
    """Return the depth image (H, W) of the head, NaN beside it, and its points, both with noise."""
    pixels, depth = view.project(sitter.vertices)
    triangles = sitter.person.topology.triangles
    nearest = np.full((SIZE, SIZE), FAR, np.float32)
    which, places = np.full((SIZE, SIZE), -1, np.int32), np.zeros((SIZE, SIZE, 2), np.float32)
    rasterize(
        pixels.astype(np.float32), depth.astype(np.float32), triangles, np.zeros(len(triangles), bool), nearest, which,
        places,
    )  # fmt: skip
    measured = np.where(which >= 0, nearest + rng.normal(0, NOISE_MM, nearest.shape), np.nan).astype(np.float32)
    v, u = np.nonzero(np.isfinite(measured[::2, ::2]))
    u, v = 2 * u, 2 * v
    z = measured[v, u].astype(np.float64)
    local = np.column_stack([(u - camera.K[0, 2]) / camera.K[0, 0] * z, (v - camera.K[1, 2]) / camera.K[1, 1] * z, z])
    points = camera.rig_from_camera.apply(local).astype(np.float32)
    corners = triangles[which[v, u]]
    bary = np.column_stack([1 - places[v, u].sum(axis=1), places[v, u]])
    normals = np.einsum("nk,nkd->nd", bary, sitter.normals[corners])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return measured, PointCloud(points, normals=normals.astype(np.float32))


def inside(points: np.ndarray) -> np.ndarray:
    """Return which points (n, 2) lie in the picture."""
    return np.asarray(((points >= 0) & (points <= SIZE - 1)).all(axis=1))
