"""Laws of the Voronoi mesh: a manifold of the asked size, regular, on the points and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.geometry.cell_grid import cell_grid
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.half_edges import fan, half_edges, without_pinches
from faceapp.geometry.lattice_surface import lattice_surface
from faceapp.geometry.mesh_repair import smallest_angles
from faceapp.geometry.moving_surface import moving_surface
from faceapp.geometry.trimming import cut_at_zero, large_parts
from faceapp.geometry.voronoi_mesh import VoronoiMesher, VoronoiSettings

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def ball(count: int = 40_000, radius: float = 30.0, noise: float = 0.03, seed: int = 0) -> PointCloud:
    """Points spread evenly over a sphere on a Fibonacci spiral."""
    rng = np.random.default_rng(seed)
    turn = np.pi * (1 + np.sqrt(5)) * np.arange(count)
    high = 1 - (2 * np.arange(count) + 1) / count
    flat = np.sqrt(1 - high**2)
    way = np.stack([flat * np.cos(turn), flat * np.sin(turn), high], axis=1)
    far = radius + noise * rng.normal(size=(count, 1))
    return PointCloud(way * far, way, np.full((count, 3), 90, np.uint8), np.full(count, max(noise, 0.01)))


def sheet(count: int = 200, size: float = 60.0, noise: float = 0.02, seed: int = 0) -> PointCloud:
    """A wavy plate with a round hole 12 mm across."""
    rng = np.random.default_rng(seed)
    line = np.linspace(-size / 2, size / 2, count)
    x, y = (v.ravel() for v in np.meshgrid(line, line))
    keep = np.hypot(x - 5, y + 8) > 6
    x, y = x[keep], y[keep]
    z = 4 * np.sin(x / 9) * np.cos(y / 11)
    slope = np.stack([-4 / 9 * np.cos(x / 9) * np.cos(y / 11), 4 / 11 * np.sin(x / 9) * np.sin(y / 11)], 1)
    normals = np.concatenate([slope, np.ones((len(x), 1))], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    points = np.stack([x, y, z], axis=1) + noise * rng.normal(size=(len(x), 1)) * normals
    return PointCloud(points, normals, None, np.full(len(x), max(noise, 0.01)))


def mesh_of(cloud: PointCloud, **wanted: float) -> Arrays:
    return VoronoiMesher(cloud, VoronoiSettings(**wanted)).run(lambda done, text: None)  # type: ignore[arg-type]


def borders(faces: np.ndarray, vertices: int) -> list[int]:
    """Lengths of the border's loops in edges."""
    mesh = half_edges(faces, vertices)
    onward = {
        int(faces.ravel()[h]): int(faces.ravel()[h - 2 if h % 3 == 2 else h + 1]) for h in np.where(mesh.twin < 0)[0]
    }
    loops = []
    while onward:
        first, after = onward.popitem()
        count = 1
        while after != first:
            after = onward.pop(after)
            count += 1
        loops.append(count)
    return sorted(loops)


def check_manifold(vertices: np.ndarray, faces: np.ndarray) -> None:
    """Each edge has one or two faces, run through once each way; each vertex one ring of faces; none is unused."""
    directed = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    assert len(np.unique(directed, axis=0)) == len(directed)
    _, count = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)
    assert count.max() <= 2
    assert len(np.unique(faces)) == len(vertices)
    mesh = half_edges(faces.astype(np.int32), len(vertices))
    leaving = np.empty(64, np.int32)
    around = np.bincount(faces.ravel(), minlength=len(vertices))
    assert all(abs(fan(mesh, v, leaving)) == around[v] for v in range(len(vertices)))


def facing(vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return np.einsum("nd,nd->n", np.cross(b - a, c - a), normals[faces].sum(axis=1))


@pytest.mark.parametrize(("wanted", "seed"), [(800, 0), (2000, 1), (6000, 2), (20_000, 3)])
def test_a_closed_surface_becomes_a_closed_regular_manifold(wanted: int, seed: int) -> None:
    vertices, normals, faces = mesh_of(ball(seed=seed), vertices=wanted)
    check_manifold(vertices, faces)
    assert len(vertices) == wanted
    assert len(faces) == 2 * wanted - 4  # Euler: a sphere
    assert (facing(vertices, normals, faces) > 0).all()
    angles = smallest_angles(vertices, faces)
    assert angles.mean() > 46
    assert np.mean(angles < 20) < 0.001
    assert np.abs(np.linalg.norm(vertices, axis=1) - 30).mean() < 0.015


def test_points_strewn_by_chance_give_a_manifold_too() -> None:
    way = np.random.default_rng(5).normal(size=(40_000, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    vertices, normals, faces = mesh_of(PointCloud(30 * way, way), vertices=6000)
    check_manifold(vertices, faces)
    assert len(vertices) == 6000
    assert len(faces) > 0.99 * (2 * 6000 - 4)
    assert (facing(vertices, normals, faces) > 0).all()
    assert smallest_angles(vertices, faces).mean() > 46


@pytest.mark.parametrize(("wanted", "seed"), [(1000, 0), (2500, 1), (5000, 2), (12_000, 3)])
def test_border_and_hole_are_kept(wanted: int, seed: int) -> None:
    cloud = sheet(seed=seed)
    vertices, normals, faces = mesh_of(cloud, vertices=wanted)
    check_manifold(vertices, faces)
    assert len(vertices) == wanted
    assert (facing(vertices, normals, faces) > 0).all()
    assert len(borders(faces, len(vertices))) == 2
    edge = np.sqrt(2 / np.sqrt(3) * 3600 / wanted)
    # Nothing is invented beyond the points, and none of them lies far outside of the mesh.
    assert cKDTree(cloud.points).query(vertices)[0].max() < 1.2
    assert SurfaceTree(vertices, faces).query(cloud.points).distance.max() < 1.2 * edge
    hole = np.hypot(vertices[:, 0] - 5, vertices[:, 1] + 8)
    assert hole.min() > 6 - 1.0
    assert smallest_angles(vertices, faces).mean() > 46


def test_a_hole_is_closed_on_request() -> None:
    cloud = sheet()
    vertices, normals, faces = mesh_of(cloud, vertices=3000, fill_holes=15.0)
    check_manifold(vertices, faces)
    assert len(vertices) == 3000
    assert len(borders(faces, len(vertices))) == 1
    inside = np.hypot(vertices[:, 0] - 5, vertices[:, 1] + 8) < 5
    assert inside.sum() > 30
    assert (facing(vertices, normals, faces) > 0).all()
    true = 4 * np.sin(vertices[inside, 0] / 9) * np.cos(vertices[inside, 1] / 11)
    assert np.abs(vertices[inside, 2] - true).max() < 1.5
    assert np.mean(smallest_angles(vertices, faces) < 20) < 0.002


def test_density_follows_curvature_on_request() -> None:
    small, large = ball(15_000, 6.0, 0.0), ball(60_000, 40.0, 0.0)
    cloud = PointCloud(
        np.concatenate([small.points + np.array([100, 0, 0]), large.points]),
        np.concatenate([small.normals, large.normals]),
    )

    def edges(curvature: float) -> tuple[float, float]:
        vertices, _, faces = mesh_of(cloud, vertices=6000, curvature=curvature)
        check_manifold(vertices, faces)
        length = np.linalg.norm(vertices[faces[:, 0]] - vertices[faces[:, 1]], axis=1)
        ours = vertices[faces[:, 0], 0] > 70
        return float(length[ours].mean()), float(length[~ours].mean())

    even_small, even_large = edges(0.0)
    assert even_small == pytest.approx(even_large, rel=0.1)
    bent_small, bent_large = edges(1.0)
    assert bent_small < 0.7 * bent_large


def test_crumbs_are_left_out() -> None:
    crumb = ball(3000, 2.0, 0.0)
    whole = ball()
    cloud = PointCloud(
        np.concatenate([crumb.points + np.array([80, 0, 0]), whole.points]),
        np.concatenate([crumb.normals, whole.normals]),
    )
    vertices, _, _ = mesh_of(cloud, vertices=2000)
    assert vertices[:, 0].max() < 40


def test_the_same_cloud_gives_the_same_mesh() -> None:
    first, second = mesh_of(ball(10_000), vertices=1500), mesh_of(ball(10_000), vertices=1500)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_cannot_be_meshed_is_refused() -> None:
    with pytest.raises(DataError, match="normals"):
        VoronoiMesher(PointCloud(np.zeros((200, 3))), VoronoiSettings())
    with pytest.raises(DataError, match="not finite"):
        cell_grid(np.array([[0.0, 0, np.nan]]), 1.0)
    lonely = PointCloud(np.random.default_rng(0).uniform(0, 500, (300, 3)), np.tile([0.0, 0, 1], (300, 1)))
    with pytest.raises(DataError, match="too sparse"):
        mesh_of(lonely, vertices=200, max_hole=0.2)


def test_a_moving_average_takes_noise_away_and_leaves_curvature() -> None:
    """A plane fit would sink by r^2 / 4R: here 12 micrometres on a ball of 12 mm; this one stays within two."""
    cloud = ball(60_000, 12.0, 0.03)
    surface = moving_surface(cloud, 0.8)
    placed, normals, height = surface.project(cloud.points.astype(float), cloud.normals.astype(float))
    error = np.linalg.norm(placed, axis=1) - 12
    assert abs(error.mean()) < 0.002
    assert error.std() < 0.4 * 0.03
    assert np.isfinite(height).all()
    straight = placed / np.linalg.norm(placed, axis=1, keepdims=True)
    assert np.degrees(np.arccos(np.einsum("nd,nd->n", normals, straight).min())) < 5
    _, _, lonely = surface.project(np.array([[50.0, 0, 0]]), np.array([[1.0, 0, 0]]))
    assert np.isnan(lonely).all()


def test_neighbours_in_cells_are_those_of_a_tree() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(4000, 3)) * 5
    normals = np.tile([0.0, 0, 1.0], (4000, 1))
    values = rng.normal(size=(4000, 2))
    asked = rng.normal(size=(200, 3)) * 5
    found = moving_surface(PointCloud(points, normals), 1.1).blend(asked, normals[:200], values)
    for i, near in enumerate(cKDTree(points).query_ball_point(asked, 1.1)):
        if not near:
            assert np.isnan(found[i]).all()
            continue
        weight = (1 - (np.linalg.norm(points[near] - asked[i], axis=1) / 1.1) ** 2) ** 2
        np.testing.assert_allclose(found[i], weight @ values[near] / weight.sum(), rtol=2e-3, atol=2e-3)


def test_the_first_triangulation_is_closed_and_oriented() -> None:
    cloud = ball(30_000, 20.0, 0.0)
    vertices, faces = lattice_surface(cloud.points, cloud.normals, 1.4)
    check_manifold(vertices, faces)
    assert len(faces) == 2 * len(vertices) - 4
    assert (facing(vertices, vertices, faces) > 0).all()
    assert np.abs(np.linalg.norm(vertices, axis=1) - 20).max() < 0.1


def test_a_cut_follows_the_value_and_pinches_come_apart() -> None:
    cloud = ball(30_000, 20.0, 0.0)
    vertices, faces = lattice_surface(cloud.points, cloud.normals, 1.4)
    cut, left = cut_at_zero(vertices, faces, vertices[:, 2].copy())
    assert cut[left].reshape(-1, 3)[:, 2].min() > -0.1
    left, source = without_pinches(left, len(cut))
    check_manifold(cut[source], left)
    assert len(borders(left, len(source))) == 1
    two = np.array([[0, 1, 2], [0, 3, 4]], np.int32)
    apart, source = without_pinches(two, 5)
    assert len(source) == 6
    assert len(np.unique(apart)) == 6
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 0, 0], [0, 9, 0], [0, 0, 0]])
    assert len(large_parts(corners[source], apart, 0.5)) == 1


def test_a_mesh_that_is_no_manifold_is_refused() -> None:
    with pytest.raises(DataError, match="oriented manifold"):
        half_edges(np.array([[0, 1, 2], [0, 1, 3]], np.int32), 4)
