"""A simulated head, fused and meshed, lies where its truth says, still or moved between the groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.core.cloud import PointCloud
from faceapp.core.transforms import RigidTransform
from faceapp.formats.ply import read_mesh
from faceapp.fringe.decode import decode_group
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.fusion import FusedScan, fuse
from faceapp.geometry.mesh_repair import smallest_angles
from faceapp.geometry.rigid import rotation_of
from faceapp.geometry.voronoi_mesh import VoronoiMesher, VoronoiSettings
from tests.unit.test_voronoi_mesh import check_manifold, facing

Scene = tuple[dict[str, PointCloud], SurfaceTree]


def captured(folder: Path, **options: object) -> Scene:
    """The clouds of a simulated head, and its surface where it stands for the middle group."""
    rig = connect_described_rig("simulated", {"seed": 5, "scale": 0.75, **options})
    groups: dict[str, GroupCapture] = {}
    try:
        rig.prepare("S0001", "smile", 1)
        CaptureEngine(rig).capture(CapturePlan(), lambda group: groups.update({group.group.name: group}))
        rig.write_truth(folder)
    finally:
        rig.close()
    clouds = {
        name: decode_group(
            g.group, dict(g.stacks), dict.fromkeys(g.stacks, 255.0), next(iter(g.pictures.values())), depth_images=False
        ).cloud
        for name, g in groups.items()
    }
    surface = read_mesh(folder / "surface.ply")
    return clouds, SurfaceTree(surface.vertices, surface.faces)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return captured(tmp_path_factory.mktemp("truth"))


def errors(points: np.ndarray, tree: SurfaceTree) -> np.ndarray:
    return tree.query(points[::5], 3.0).distance


def told(what: str, fused: FusedScan, error: np.ndarray) -> None:
    print(
        f"{what}: {len(fused.cloud)} points, mean {error.mean():.4f} mm, p95 {np.quantile(error, 0.95):.4f};",
        {n: (round(m.before, 4), round(m.after_rigid, 4), round(m.after, 4)) for n, m in fused.motions.items()},
    )


def moved(cloud: PointCloud, shift: tuple[float, float, float], jaw: float) -> PointCloud:
    """The cloud of a subject who moved by half a millimetre and opened the mouth a little before this group fired."""
    p = cloud.points.astype(float)
    below = 1 / (1 + np.exp((p[:, 1] + 50) / 12))
    p[:, 1] -= jaw * below
    p[:, 2] += 0.5 * jaw * (np.sin(p[:, 1] / 25) * np.cos(p[:, 0] / 30) - below)
    motion = RigidTransform(rotation_of([0.001, -0.0015, 0.001]), np.array(shift))
    return PointCloud(
        motion.apply(p),
        cloud.normals,
        cloud.colors,
        cloud.sigma,
        cloud.pixels,
        camera=cloud.camera,
        groups=cloud.groups,
    )


def test_the_fused_cloud_is_where_the_surface_is(scene: Scene) -> None:
    clouds, tree = scene
    fused = fuse(clouds)
    error = errors(fused.cloud.points, tree)
    told("still", fused, error)
    assert error.mean() < 0.03
    assert np.quantile(error, 0.95) < 0.08
    ratio = error / fused.cloud.sigma[::5]
    assert 0.85 < 1.4826 * np.median(ratio) < 1.15


def test_motion_between_the_groups_is_taken_back(scene: Scene) -> None:
    clouds, tree = scene
    gone = dict(clouds)
    gone["left"] = moved(clouds["left"], (0.3, -0.3, 0.27), 0.3)
    gone["right"] = moved(clouds["right"], (-0.25, 0.3, 0.3), -0.3)
    fused = fuse(gone)
    error = errors(fused.cloud.points, tree)
    told("moved", fused, error)
    assert error.mean() < 0.06
    for motion in fused.motions.values():
        assert motion.before > 0.2
        assert motion.after < 0.03
        assert motion.after < 0.7 * motion.after_rigid


@pytest.mark.figures
@pytest.mark.parametrize("shift", ["0.3,0.3,0.27", "0,0,0.5"])
def test_a_subject_rendered_elsewhere_for_each_group_comes_together(tmp_path: Path, shift: str) -> None:
    """Half a millimetre from group to group, shot by the cameras and not made of a still cloud."""
    clouds, tree = captured(tmp_path, shift=shift)
    fused = fuse(clouds)
    error = errors(fused.cloud.points, tree)
    told(f"shifted by {shift} mm from group to group", fused, error)
    assert error.mean() < 0.06


def test_the_mesh_is_regular_and_on_the_points(scene: Scene) -> None:
    clouds, tree = scene
    cloud = fuse(clouds).cloud
    vertices, normals, faces = VoronoiMesher(cloud, VoronoiSettings()).run(lambda done, text: None)
    check_manifold(vertices, faces)
    angles = smallest_angles(vertices, faces)
    surface = SurfaceTree(vertices, faces)
    closest = surface.query(cloud.points[::5], 1.0)
    covered = closest.face >= 0
    # Beyond the border the distance to the mesh runs along the surface, and tells nothing of how it lies on the points.
    inner = covered & ~surface.border_faces()[closest.face]
    to_points = closest.distance[inner]
    error = tree.query(vertices, 3.0).distance
    print(
        f"{len(vertices)} vertices, smallest angle {angles.mean():.1f} deg, under 20 deg {np.mean(angles < 20):.4%}, "
        f"fused points to mesh {to_points.mean():.4f} mm "
        f"({np.mean(covered):.3%} covered), vertices to truth {error.mean():.4f} mm"
    )
    assert len(vertices) == 100_000
    assert angles.mean() > 46
    assert np.mean(angles < 20) < 0.001
    assert (facing(vertices, normals, faces) > 0).mean() > 0.9999
    assert to_points.mean() < 0.02
    assert np.mean(covered) > 0.99
    assert error.mean() < 0.03


@pytest.mark.parametrize("moved_apart", [False, True])
def test_no_seam_shows_where_groups_meet(scene: Scene, moved_apart: bool) -> None:
    """Light from the side shows the slope of a surface: beside a seam it is as right as anywhere."""
    clouds, tree = dict(scene[0]), scene[1]
    if moved_apart:
        clouds["left"] = moved(clouds["left"], (0.3, -0.3, 0.27), 0.3)
        clouds["right"] = moved(clouds["right"], (-0.25, 0.3, 0.3), -0.3)
    cloud = fuse(clouds).cloud
    face = (np.abs(cloud.points[:, 0]) < 75) & (cloud.points[:, 2] > 0)
    points, normals, group = cloud.points[face], cloud.normals[face], cloud.group[face]
    near = cKDTree(points).query(points, k=12)[1]
    seam = (group[near] != group[:, None]).any(axis=1)
    corners = tree.vertices[tree.faces[tree.query(points, 3.0).face]]
    true = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    tilt = np.degrees(np.arccos(np.clip(np.einsum("nd,nd->n", normals, true), -1, 1)))
    step = np.abs(np.einsum("nkd,nd->nk", points[near] - points[:, None], normals)).max(axis=1)
    print(
        f"seam of {seam.sum()} points: tilt {np.median(tilt[seam]):.2f} deg, elsewhere {np.median(tilt[~seam]):.2f}; "
        f"step {np.median(step[seam]):.4f} mm, elsewhere {np.median(step[~seam]):.4f}"
    )
    assert seam.sum() > 1000
    assert np.median(tilt[seam]) < 1.25 * np.median(tilt[~seam])
    assert np.median(step[seam]) < 1.25 * np.median(step[~seam])
