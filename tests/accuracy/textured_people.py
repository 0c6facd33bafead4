"""Coloured scans of people that the texture model was not made from, with the truth: for texture-led registration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.morphable.head import load_head, random_parameters
from tests.accuracy.ict import clicked

SEEDS = 9100
"""The first of them; the texture model's people are others."""

SPACING = 60_000
_CAMERA_NOISE = 2.0


@dataclass(frozen=True, eq=False)
class Person:
    """A coloured scan.

    Parameters
    ----------
    scan : Mesh
        Of a topology of its own, noisy, lit from one side.
    landmarks : Landmarks3D
        1 mm off.
    truth, normals : (V, 3) float64
        Of the template's vertices.
    covered : (V,) bool
        Of the template's vertices: what lies under an occluder.
    """

    scan: Mesh
    landmarks: Landmarks3D
    truth: np.ndarray
    normals: np.ndarray
    covered: np.ndarray


def person(seed: int, *, expression: str = "neutral", side_light: float = 0.0, occluder: bool = False) -> Person:
    """Return a person.

    Parameters
    ----------
    seed : int
        Which one, from 0.
    expression : str
        Of the 21.
    side_light : float
        Turn of the light about the vertical axis, rad; 0 is from the front, with little ambient light beside it.
    occluder : bool
        Whether a coloured patch, 6 mm thick and 36 mm wide, lies over a corner of the mouth.
    """
    rng = np.random.default_rng([SEEDS, seed])
    parameters = random_parameters(SEEDS + seed)
    truth = load_head(2).shape(parameters, expression).skin
    head = load_head(3).shape(parameters, expression)
    scan = _scanned(head.skin, rng, side_light)
    covered = np.zeros(len(truth.vertices), np.bool_)
    if occluder:
        scan, covered = _covered(scan, truth.vertices, head.landmarks[84])
    normals = truth.vertex_normals().astype(np.float64)
    return Person(scan, clicked(head.landmarks, seed), truth.vertices.astype(np.float64), normals, covered)


def _scanned(skin: Mesh, rng: np.random.Generator, side_light: float) -> Mesh:
    """Another topology, noise of 0.05 mm across the surface, light, noise of the camera."""
    import open3d as o3d

    assert skin.colors is not None
    dense = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(skin.vertices.astype(np.float64)), o3d.utility.Vector3iVector(np.array(skin.faces))
    )
    thin = dense.simplify_quadric_decimation(2 * SPACING)
    places = np.asarray(thin.vertices)
    mesh = Mesh(places.astype(np.float32), np.asarray(thin.triangles).astype(np.int32))
    normals = mesh.vertex_normals().astype(np.float64)
    albedo = skin.colors[cKDTree(np.array(skin.vertices)).query(places)[1]].astype(np.float64)
    light = np.array([np.sin(side_light), 0.2, np.cos(side_light)])
    light /= np.linalg.norm(light)
    shade = 0.45 + 0.55 * np.clip(normals @ light, 0, None)
    gloss = 18 * np.clip(2 * (normals @ light) * normals[:, 2] - light[2], 0, 1) ** 12
    tint = np.array([1.02, 1.0, 0.94])
    colors = albedo * shade[:, None] * tint + gloss[:, None] + rng.normal(scale=_CAMERA_NOISE, size=albedo.shape)
    moved = places + rng.normal(scale=0.05, size=(len(places), 1)) * normals
    return Mesh(moved.astype(np.float32), mesh.faces, colors=np.clip(np.rint(colors), 0, 255).astype(np.uint8))


def _covered(scan: Mesh, truth: np.ndarray, centre: np.ndarray) -> tuple[Mesh, np.ndarray]:
    assert scan.colors is not None
    under = np.linalg.norm(scan.vertices - centre, axis=1) < 18
    points, colors = scan.vertices.copy(), scan.colors.copy()
    points[under] += 6.0 * scan.vertex_normals()[under]
    colors[under] = (60, 90, 150)
    torn = under[scan.faces].any(axis=1) & ~under[scan.faces].all(axis=1)
    return Mesh(points, scan.faces[~torn], colors=colors), np.linalg.norm(truth - centre, axis=1) < 16
