"""Laws of the geometry: what is moved comes back, what is closest is closest, what is smooth stays smooth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.deformation import Attraction, DeformationSolver, bending_matrix
from faceapp.geometry.depth_rendering import render_depth, visible_points
from faceapp.geometry.distances import surface_distance
from faceapp.geometry.fusion import fuse
from faceapp.geometry.rigid import align_pairs, icp, rotation_of, voxel_subset

vectors = st.tuples(*[st.floats(-1.5, 1.5)] * 3)


def bumpy(n: int = 60, size: float = 100.0) -> Mesh:
    """A height field with bumps that no motion maps onto itself."""
    x, y = np.meshgrid(np.linspace(-size / 2, size / 2, n), np.linspace(-size / 2, size / 2, n))
    z = 8 * np.sin(x / 11 + 0.4) * np.cos(y / 17) + 5 * np.exp(-((x - 12) ** 2 + (y + 7) ** 2) / 180)
    index = np.arange(n * n).reshape(n, n)
    a, b, c, d = index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return Mesh(np.stack([x, y, z], axis=-1).reshape(-1, 3), faces)


@given(turn=vectors, shift=vectors, scale=st.floats(0.5, 2.0), seed=st.integers(0, 10))
@settings(max_examples=40)
def test_alignment_undoes_any_similarity(
    turn: tuple[float, ...], shift: tuple[float, ...], scale: float, seed: int
) -> None:
    source = np.random.default_rng(seed).normal(size=(12, 3)) * 40
    target = scale * source @ rotation_of(turn).T + 50 * np.array(shift)
    found = align_pairs(source, target, scale=True)
    assert found.scale == pytest.approx(scale, rel=1e-9)
    np.testing.assert_allclose(found.apply(source), target, atol=1e-8)


@given(turn=vectors, shift=vectors)
@settings(max_examples=40)
def test_a_transform_and_its_inverse_cancel(turn: tuple[float, ...], shift: tuple[float, ...]) -> None:
    transform = RigidTransform(rotation_of(turn), np.array(shift))
    np.testing.assert_allclose((transform @ transform.inverse()).matrix, np.eye(4), atol=1e-12)


def test_alignment_of_too_few_points_is_refused() -> None:
    with pytest.raises(DataError, match="at least three"):
        align_pairs(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(DataError, match="on a line"):
        align_pairs(np.arange(4)[:, None] * np.ones(3), np.arange(4)[:, None] * np.ones(3))


def test_icp_finds_a_motion_without_pairs() -> None:
    mesh = bumpy()
    points, normals = mesh.vertices.astype(float), mesh.vertex_normals().astype(float)
    motion = RigidTransform(rotation_of([0.03, -0.05, 0.04]), np.array([2.0, -1.0, 1.5]))
    inner = np.abs(points[:, :2]).max(axis=1) < 35
    found = icp(points[inner][::3], normals[inner][::3], motion.apply(points), motion.turn(normals))
    np.testing.assert_allclose(found.transform.apply(points), motion.apply(points), atol=0.05)


def test_icp_of_surfaces_that_do_not_meet_is_refused() -> None:
    mesh = bumpy(20)
    points, normals = mesh.vertices.astype(float), mesh.vertex_normals().astype(float)
    with pytest.raises(DataError, match="overlap"):
        icp(points, normals, points + 500, normals)


@given(seed=st.integers(0, 30))
@settings(max_examples=15, deadline=None)
def test_the_closest_point_is_the_closest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vertices, faces = rng.normal(size=(40, 3)), rng.integers(0, 40, size=(60, 3))
    queries = rng.normal(size=(20, 3)) * 2
    found = SurfaceTree(vertices, faces).query(queries)
    weights = rng.dirichlet([1, 1, 1], size=4000)
    sampled = np.einsum("sk,fkd->fsd", weights, vertices[faces]).reshape(-1, 3)
    for i, query in enumerate(queries):
        nearest = np.linalg.norm(sampled - query, axis=1).min()
        assert found.distance[i] <= nearest + 1e-9
        on_face = found.weights[i] @ vertices[faces[found.face[i]]]
        np.testing.assert_allclose(on_face, found.points[i], atol=1e-9)
        assert np.linalg.norm(query - on_face) == pytest.approx(found.distance[i], abs=1e-9)


def test_many_points_have_the_answers_that_each_has_alone() -> None:
    """Many are shared among threads, and each begins where the one before it ended."""
    mesh = bumpy()
    tree = SurfaceTree(mesh.vertices, mesh.faces)
    rng = np.random.default_rng(5)
    queries = np.concatenate([rng.normal(0, 40, (4000, 3)), rng.choice(mesh.vertices, 1000)])
    found = tree.query(queries, 25.0)
    assert 0 < np.isinf(found.distance).sum() < 2500
    for i in rng.integers(0, len(queries), 300):
        alone = tree.query(queries[i : i + 1], 25.0)
        assert alone.distance[0] == found.distance[i]
        np.testing.assert_array_equal(alone.points[0], found.points[i])


def test_the_search_limit_is_kept() -> None:
    tree = SurfaceTree([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    found = tree.query([[0, 0, 0.5], [0, 0, 3.0], [np.nan, 0, 0]], 1.0)
    assert found.face.tolist() == [0, -1, -1]
    assert np.isinf(found.distance[1:]).all()


def test_distances_are_signed_by_the_side() -> None:
    mesh = bumpy()
    normals = mesh.vertex_normals()
    inner = np.abs(mesh.vertices[:, :2]).max(axis=1) < 30
    tree = SurfaceTree(mesh.vertices, mesh.faces)
    outside = surface_distance((mesh.vertices + 0.3 * normals)[inner], tree).distance
    inside = surface_distance((mesh.vertices - 0.3 * normals)[inner], tree).distance
    assert np.median(outside) == pytest.approx(0.3, abs=0.02)
    assert np.median(inside) == pytest.approx(-0.3, abs=0.02)


def camera() -> CameraModel:
    k = np.array([[400.0, 0, 99.5], [0, 400.0, 79.5], [0, 0, 1]])
    pose = RigidTransform(np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, 300.0]))
    return CameraModel("c", 200, 160, k, np.array([-0.05, 0.02, 1e-4, -1e-4, 0.0]), pose)


def test_a_camera_undoes_its_own_lens() -> None:
    view = camera()
    pixels = np.random.default_rng(0).uniform([0, 0], [199, 159], size=(50, 2))
    points = view.centre + 290 * view.rays(pixels)
    np.testing.assert_allclose(view.project(points)[0], pixels, atol=1e-6)


def test_a_depth_image_holds_the_surface_and_hides_what_is_behind() -> None:
    mesh, view = bumpy(), camera()
    depth = render_depth(mesh.vertices, mesh.faces, view)
    pixels, z = view.project(mesh.vertices)
    inside = ((pixels > 2) & (pixels < (197, 157))).all(axis=1)
    nearest = np.rint(pixels[inside]).astype(int)
    error = depth[nearest[:, 1], nearest[:, 0]] - z[inside]
    assert np.isfinite(error).mean() > 0.95
    assert np.nanmedian(np.abs(error)) < 0.3
    behind = mesh.vertices[inside] - [0, 0, 20]
    assert visible_points(mesh.vertices[inside], view, depth, 2.0).mean() > 0.99
    assert visible_points(behind, view, depth, 2.0).mean() < 0.1


def test_fusion_brings_a_displaced_group_back_and_drops_crumbs() -> None:
    mesh = bumpy(160)
    normals, n = mesh.vertex_normals(), len(mesh.vertices)
    x = mesh.vertices[:, 0]
    grey, sigma = np.full((n, 3), 90, np.uint8), np.full(n, 0.03, np.float32)

    def part(keep: np.ndarray) -> PointCloud:
        return PointCloud(mesh.vertices[keep], normals[keep], grey[keep], sigma[keep])

    motion = RigidTransform(rotation_of([0.004, 0.006, -0.003]), np.array([0.5, -0.3, 0.4]))
    crumb = PointCloud([[300.0, 300, 300]], [[0, 0, 1.0]], [[1, 1, 1]], [0.03])
    left = part(x > -20).moved(motion)
    left = PointCloud(
        *(np.concatenate([getattr(left, k), getattr(crumb, k)]) for k in ("points", "normals", "colors", "sigma"))
    )
    fused = fuse({"middle": part(x < 20), "left": left})
    tree = SurfaceTree(mesh.vertices, mesh.faces)
    distance = tree.query(fused.cloud.points).distance
    assert fused.motions["left"].before > 0.1
    assert fused.motions["left"].after < 0.05
    assert distance.max() < 0.4
    assert np.mean(distance) < 0.05
    assert fused.dropped >= 1


@pytest.mark.parametrize("far", [True, False])
def test_common_landmarks_bring_a_group_back_that_icp_alone_could_not(far: bool) -> None:
    """Far off, the landmarks give the coarse step; where they agree with the calibration they are not used."""
    mesh = bumpy(160)
    normals, n = mesh.vertex_normals(), len(mesh.vertices)
    cloud = PointCloud(mesh.vertices, normals, np.full((n, 3), 90, np.uint8), np.full(n, 0.03, np.float32))
    shift = np.array([25.0, -18.0, 12.0]) if far else np.array([0.2, 0.1, -0.1])
    motion = RigidTransform(rotation_of([0.1, -0.2, 0.15]) if far else np.eye(3), shift)
    rows = np.linspace(0, n - 1, 12).astype(int)
    clicks = mesh.vertices[rows] + np.random.default_rng(0).normal(size=(12, 3)) * 0.3
    marks = {"middle": Landmarks3D(points=mesh.vertices[rows]), "left": Landmarks3D(points=motion.apply(clicks))}
    fused = fuse({"middle": cloud, "left": cloud.moved(motion)}, marks)
    assert fused.motions["left"].landmarks_used == (12 if far else 0)
    assert fused.motions["left"].after < 0.05
    assert SurfaceTree(mesh.vertices, mesh.faces).query(fused.cloud.points).distance.mean() < 0.05


def test_thinning_keeps_one_point_a_cell() -> None:
    points = np.random.default_rng(0).uniform(0, 10, size=(2000, 3))
    kept = points[voxel_subset(points, 2.0)]
    assert len(np.unique(np.floor((kept - points.min(axis=0)) / 2), axis=0)) == len(kept)


def test_deformation_follows_landmarks_smoothly_and_stays_put_without_any() -> None:
    mesh = bumpy(25)
    rest = mesh.vertices.astype(float)
    bending = bending_matrix(rest, mesh.faces, mesh.vertex_areas(), np.ones(len(rest)))
    nothing = Attraction(np.zeros(len(rest)), rest, np.zeros_like(rest), 0.01)
    corners = [0, 24, 600, 624, 312]
    rows = csr_array((np.ones(5), (np.arange(5), corners)), (5, len(rest)))
    targets = rest[corners].copy()
    solver = DeformationSolver(10 * bending, rows, 50.0)
    still = solver.solve(rest, np.zeros_like(rest), nothing, targets, rounds=60)
    assert np.abs(still).max() < 1e-6
    targets[4] += (0, 0, 5.0)
    moved = solver.solve(rest, np.zeros_like(rest), nothing, targets, rounds=60)
    assert moved[312, 2] == pytest.approx(5.0, abs=0.5)
    assert 0 < moved[313, 2] < 5.2
