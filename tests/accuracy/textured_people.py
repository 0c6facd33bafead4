"""Coloured scans of people that the texture model was not made from, with the truth: for texture-led registration."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import map_coordinates

from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.deformation import smooth_over_mesh
from faceapp.morphable.head import load_head, random_parameters
from tests.accuracy.ict import clicked

SEEDS = 9100
"""The first of them; the texture model's people are others."""

VERTICES = 120_000
"""Of a scan: 0.6 mm apart, as the rig's are."""

_BACK = 35
"""Per cent of the skin that no camera in front of the head sees."""

_CAMERA_NOISE = 2.0

_DEPTH_ROUNDS = 12
"""Of averaging: noise that is alike within 1.5 mm."""


@dataclass(frozen=True, eq=False)
class Person:
    """A coloured scan.

    Parameters
    ----------
    scan : Mesh
        Of the front, of a topology of its own, noisy, lit from one side.
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


def person(
    seed: int,
    *,
    expression: str = "neutral",
    side_light: float = 0.0,
    occluder: bool = False,
    depth_noise: float = 0.0,
) -> Person:
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
    depth_noise : float
        Of a depth camera, mm: what it smooths is uneven over a few millimetres.
    """
    rng = np.random.default_rng([SEEDS, seed])
    parameters = random_parameters(SEEDS + seed)
    truth = load_head(2).shape(parameters, expression).skin
    head = load_head(3).shape(parameters, expression)
    scan = _scanned(head.skin, rng, side_light)
    if depth_noise:
        scan = _uneven(scan, depth_noise, rng)
    covered = np.zeros(len(truth.vertices), np.bool_)
    if occluder:
        scan, covered = _covered(scan, truth.vertices, head.landmarks[84])
    normals = truth.vertex_normals().astype(np.float64)
    return Person(scan, clicked(head.landmarks, seed), truth.vertices.astype(np.float64), normals, covered)


def _scanned(skin: Mesh, rng: np.random.Generator, side_light: float) -> Mesh:
    """Another topology, noise of 0.05 mm across the surface, light, noise of the camera."""
    places, faces = _other_vertices(skin, rng)
    found = SurfaceTree(skin.vertices, skin.faces).query(places)
    albedo = _texture_at(skin, found.face, found.weights)
    mesh = Mesh(found.points.astype(np.float32), faces)
    normals = mesh.vertex_normals().astype(np.float64)
    light = np.array([np.sin(side_light), 0.2, np.cos(side_light)])
    light /= np.linalg.norm(light)
    shade = 0.45 + 0.55 * np.clip(normals @ light, 0, None)
    gloss = 18 * np.clip(2 * (normals @ light) * normals[:, 2] - light[2], 0, 1) ** 12
    tint = np.array([1.02, 1.0, 0.94])
    colors = albedo * shade[:, None] * tint + gloss[:, None] + rng.normal(scale=_CAMERA_NOISE, size=albedo.shape)
    moved = found.points + rng.normal(scale=0.05, size=(len(places), 1)) * normals
    return Mesh(moved.astype(np.float32), faces, colors=np.clip(np.rint(colors), 0, 255).astype(np.uint8))


def _texture_at(skin: Mesh, face: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N, 3) colours of the painted skin, from its picture: a vertex of the head is a millimetre wide."""
    assert skin.uv is not None and skin.texture is not None
    uv = np.einsum("nk,nkd->nd", weights, skin.uv[face])
    height, width = skin.texture.shape[:2]
    place = [(1 - uv[:, 1]) * height - 0.5, uv[:, 0] * width - 0.5]
    channels = [map_coordinates(skin.texture[..., c].astype(np.float64), place, order=1) for c in range(3)]
    return np.stack(channels, axis=1)


def _other_vertices(skin: Mesh, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the vertices (V, 3) and faces of a mesh of the same surface that has none of its vertices.

    A thinned mesh keeps many of the template's own vertices, and a search among the vertices of such a scan finds the
    truth by their places alone. So there is a vertex somewhere on each edge, and the thinned mesh's own are drawn into
    one of those about them.
    """
    import open3d as o3d

    depth = skin.vertices[:, 2]
    front = Mesh(skin.vertices, skin.faces).submesh(depth > np.percentile(depth, _BACK))
    dense = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(front.vertices.astype(np.float64)), o3d.utility.Vector3iVector(np.array(front.faces))
    )
    thin = dense.subdivide_midpoint(1).simplify_quadric_decimation(2 * VERTICES // 3)
    old, triangles = np.asarray(thin.vertices), np.asarray(thin.triangles)
    edges, on = np.unique(
        np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0, return_inverse=True
    )
    share = rng.uniform(0.3, 0.7, size=(len(edges), 1))
    places = (1 - share) * old[edges[:, 0]] + share * old[edges[:, 1]]
    drawn = np.zeros(len(old), np.int64)
    drawn[edges[:, 0]] = drawn[edges[:, 1]] = np.arange(len(edges))
    a, b, c = on.reshape(-1, 3).T
    u, v, w = drawn[triangles].T
    parts = [(a, b, c), (u, a, c), (v, b, a), (w, c, b)]
    faces = np.concatenate([np.stack(part, axis=1) for part in parts])
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return places, faces[whole].astype(np.int32)


def _uneven(scan: Mesh, deviation: float, rng: np.random.Generator) -> Mesh:
    noise = smooth_over_mesh(rng.normal(size=len(scan.vertices)), scan.faces, _DEPTH_ROUNDS)
    moved = scan.vertices + deviation * (noise / noise.std())[:, None] * scan.vertex_normals()
    return replace(scan, vertices=moved.astype(np.float32))


def _covered(scan: Mesh, truth: np.ndarray, centre: np.ndarray) -> tuple[Mesh, np.ndarray]:
    assert scan.colors is not None
    under = np.linalg.norm(scan.vertices - centre, axis=1) < 18
    points, colors = scan.vertices.copy(), scan.colors.copy()
    points[under] += 6.0 * scan.vertex_normals()[under]
    colors[under] = (60, 90, 150)
    torn = under[scan.faces].any(axis=1) & ~under[scan.faces].all(axis=1)
    return Mesh(points, scan.faces[~torn], colors=colors), np.linalg.norm(truth - centre, axis=1) < 16
