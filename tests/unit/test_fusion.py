"""Fusion closes what rigid motion cannot, blends without seams, and says where the groups disagreed."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.core.transforms import RigidTransform
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.cloud_merging import border_fade, large_enough, merge_clouds
from faceapp.geometry.fusion import FusionSettings, fuse
from faceapp.geometry.rigid import rotation_of
from faceapp.geometry.smooth_displacement import Gaps, displacement_that_closes
from tests.unit.test_geometry import bumpy

SPACING = 0.5
SIGMA = 0.03


def view(low: float, high: float, seed: int, grey: int = 90) -> PointCloud:
    """What a camera over the bumpy plate sees between two abscissas, with noise and the pixel of each point."""
    mesh = bumpy(201, 100.0)
    x = mesh.vertices[:, 0]
    keep = (x > low) & (x < high)
    normals = mesh.vertex_normals()[keep]
    noise = SIGMA * np.random.default_rng(seed).normal(size=(int(keep.sum()), 1))
    pixels = mesh.vertices[keep][:, :2] / SPACING + 100
    count = int(keep.sum())
    return PointCloud(
        mesh.vertices[keep] + noise * normals,
        normals,
        np.full((count, 3), grey, np.uint8),
        np.full(count, SIGMA, np.float32),
        pixels,
    )


def bent(cloud: PointCloud, most: float) -> PointCloud:
    """The cloud after a smooth deformation and a small rigid motion."""
    p = cloud.points.astype(float)
    lift = most * np.exp(-((p[:, 0] - 5) ** 2 + (p[:, 1] - 10) ** 2) / 800)
    moved = RigidTransform(rotation_of([0.001, 0.002, -0.001]), np.array([0.3, -0.3, 0.2])).apply(
        p + lift[:, None] * [0, 0, 1]
    )
    return PointCloud(moved, cloud.normals, cloud.colors, cloud.sigma, cloud.pixels)


def errors(cloud: PointCloud) -> np.ndarray:
    mesh = bumpy(201, 100.0)
    return SurfaceTree(mesh.vertices, mesh.faces).query(cloud.points).distance


def test_a_subject_who_moved_and_bent_is_laid_onto_the_middle() -> None:
    clouds = {"middle": view(-30, 30, 1), "left": bent(view(-25, 51, 2), 0.4)}
    rigid = fuse(clouds, settings=FusionSettings(node_spacing=0))
    smooth = fuse(clouds)
    motion = smooth.motions["left"]
    assert motion.before > 0.2
    assert motion.after_rigid > 1.5 * motion.after
    assert motion.after < 0.02
    assert 0.05 < motion.largest_shift < 0.6
    assert errors(smooth.cloud).mean() < 0.04  # a third of the left cloud lies where nobody else can correct it
    assert errors(smooth.cloud).mean() < 0.6 * errors(rigid.cloud).mean()


def test_a_still_subject_is_left_alone() -> None:
    clouds = {"middle": view(-30, 30, 1), "left": view(-25, 51, 2)}
    fused = fuse(clouds)
    assert fused.motions["left"].largest_shift < 0.015
    assert errors(fused.cloud).mean() < 0.5 * SIGMA
    # The report's sigma is that of the points as they are now: not better than the truth says, nor far worse.
    ratio = np.median(errors(fused.cloud) / fused.cloud.sigma) * 1.4826
    assert 0.6 < ratio < 1.2


def test_the_report_says_where_the_groups_disagreed() -> None:
    clouds = {"middle": view(-30, 30, 1), "left": bent(view(-25, 51, 2), 0.8)}
    regions = {"bump": np.array([5.0, 10, 0]), "far": np.array([5.0, -45, 0])}
    rows = {r.region: r for r in fuse(clouds, regions=regions).motions["left"].regions}
    assert set(rows) == {"bump", "far"}
    assert rows["bump"].points > 100
    assert rows["bump"].after < 0.1 * rows["bump"].before
    without = fuse(clouds).motions["left"].regions
    assert {r.region.split()[0] for r in without} == {"top", "centre", "bottom"}


def test_one_group_fades_into_the_other() -> None:
    """Light and dark pictures of one surface: no step of brightness anywhere along the way."""
    clouds = {"middle": view(-30, 30, 1, grey=80), "left": view(-10, 51, 2, grey=160)}
    cloud = fuse(clouds, settings=FusionSettings(refine=False)).cloud
    x, value = cloud.points[:, 0], cloud.colors[:, 0].astype(float)
    steps = np.array([value[np.abs(x - at) < 0.3].mean() for at in np.arange(-28, 48, 0.5)])
    assert steps[0] == pytest.approx(80, abs=1)
    assert steps[-1] == pytest.approx(160, abs=1)
    assert np.abs(np.diff(steps)).max() < 20
    # A spot that both see is kept once: the overlap is no denser than the rest.
    many = np.histogram(x, np.arange(-28, 48, 4.0))[0]
    assert many.max() < 1.35 * np.median(many)


def test_weights_fall_to_nothing_at_border_and_depth_edge() -> None:
    cloud = view(-51, 51, 0)
    fade = border_fade(cloud, SPACING)
    p = cloud.points
    inner = np.abs(p[:, :2]).max(axis=1) < 42
    assert fade[inner].min() == pytest.approx(1.0)
    assert fade[np.abs(p[:, :2]).max(axis=1) > 49.4].max() < 0.1
    stepped = p.copy()
    stepped[p[:, 0] > 10] += [0, 0, 30]
    edge = border_fade(PointCloud(stepped, cloud.normals, cloud.colors, cloud.sigma, cloud.pixels), SPACING)
    assert edge[np.abs(p[:, 0] - 10) < 0.3].max() < 0.1
    assert (border_fade(PointCloud(p, cloud.normals), SPACING) == 1).all()


def test_merged_points_are_better_than_their_sigma_before() -> None:
    clouds = {"a": view(-51, 51, 1), "b": view(-51, 51, 2)}
    fades = {name: border_fade(cloud, SPACING) for name, cloud in clouds.items()}
    merged = merge_clouds(clouds, fades, 2.3 * SPACING)
    inside = np.abs(merged.cloud.points[:, :2]).max(axis=1) < 45
    assert errors(merged.cloud)[inside].mean() < 0.35 * SIGMA
    assert merged.cloud.sigma[inside].max() < 0.5 * SIGMA
    assert len(merged.cloud) + merged.redundant == len(clouds["a"]) + len(clouds["b"])
    with pytest.raises(DataError, match="no sigma"):
        bare = PointCloud(clouds["a"].points, clouds["a"].normals, clouds["a"].colors)
        merge_clouds({"a": bare}, {"a": fades["a"]}, 1.0)


def test_isolated_parts_are_found() -> None:
    crumb = np.random.default_rng(0).normal(size=(20, 3)) + np.array([0, 0, 90])
    points = np.concatenate([view(-51, 51, 0).points, crumb])
    keep = large_enough(PointCloud(points), 1.5, 50)
    assert keep.sum() == len(points) - 20
    assert not keep[-20:].any()


def test_a_displacement_is_level_beyond_what_is_known() -> None:
    x, y = (v.ravel() for v in np.meshgrid(np.arange(0.0, 60, 1), np.arange(0.0, 40, 1)))
    points = np.stack([x, y, np.zeros_like(x)], axis=1)
    normals = np.tile([0.0, 0, 1], (len(x), 1))
    gap = np.where(x < 20, 0.3, np.nan)
    found = displacement_that_closes(Gaps(points, normals, gap, np.full(len(x), 0.03**2)), 4.0, 0.015)
    assert found is not None
    shift = found.at(points)
    np.testing.assert_allclose(shift[:, 2], 0.3, atol=0.02)
    assert np.abs(shift[:, :2]).max() < 0.01
    nothing = Gaps(points, normals, np.full(len(x), np.nan), np.full(len(x), 0.03**2))
    assert displacement_that_closes(nothing, 4.0, 0.015) is None
