"""A base mesh and its displacement map give the scan back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.formats.chart_files import read_displacement, write_displacement
from faceapp.formats.images import write_png
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.displacement_map import coarser, displaced_mesh, displaced_points, displacement_map

RADIUS = 80.0


def bumps(directions: np.ndarray) -> np.ndarray:
    return 0.4 * np.sin(9 * directions[..., 0]) * np.cos(11 * directions[..., 1]) + 0.3


def dome(count: int, height, seed: int | None = None) -> Mesh:
    """A spherical cap seen from above, its chart the square below it."""
    u, v = np.meshgrid(np.linspace(0, 1, count), np.linspace(0, 1, count))
    if seed is not None:
        jitter = np.random.default_rng(seed).uniform(-0.3, 0.3, (2, count, count)) / count
        jitter[:, [0, -1]] = jitter[:, :, [0, -1]] = 0
        u, v = u + jitter[0], v + jitter[1]
    xy = np.stack([u - 0.5, v - 0.5], axis=-1)
    directions = np.concatenate([xy, np.sqrt(1 - (xy**2).sum(axis=-1, keepdims=True))], axis=-1)
    points = (RADIUS + height(directions))[..., None] * directions
    i = np.arange(count * count).reshape(count, count)
    quads = np.stack([i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]], axis=-1).reshape(-1, 4)
    faces = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    chart = np.stack([u, v], axis=-1).reshape(-1, 2)
    return Mesh(points.reshape(-1, 3), faces, uv=chart[faces].astype(np.float32))


def flat(directions: np.ndarray) -> np.ndarray:
    return np.zeros(directions.shape[:-1])


@pytest.fixture(scope="module")
def base() -> Mesh:
    return dome(24, flat)


def test_the_map_of_a_scan_gives_the_scan_back(base: Mesh) -> None:
    scan = dome(180, bumps, seed=1)
    found = displacement_map(base, SurfaceTree(scan.vertices, scan.faces), 256)
    points = displaced_points(base, found)
    known = np.isfinite(points[..., 0])
    assert known.mean() > 0.98
    distance = np.linalg.norm(points[known], axis=1)
    exact = RADIUS + bumps(points[known] / distance[:, None])
    # what is left are the facets of the scan itself
    assert np.abs(distance - exact).mean() < 0.01
    # 24 facets alone lie up to 0.7 mm beside the bumps
    assert np.nanmax(np.abs(found.values)) > 0.5


def test_every_texel_has_one_owner(base: Mesh) -> None:
    """A flat map leaves the base itself: no texel is left out between two triangles, on whatever edge it lies."""
    flat_map = displacement_map(base, SurfaceTree(base.vertices, base.faces), 23 * 8)
    inner = flat_map.values[1:-1, 1:-1]
    assert np.isfinite(inner).all()
    assert np.abs(inner).max() < 1e-4


def test_what_is_too_far_looks_away_or_is_not_there_stays_unknown(base: Mesh) -> None:
    far = dome(60, lambda d: flat(d) + 3.0)
    assert np.isnan(displacement_map(base, SurfaceTree(far.vertices, far.faces), 64, reach=2.0).values).all()
    near = dome(60, lambda d: flat(d) + 1.0)
    inside_out = near.faces[:, ::-1]
    assert np.isnan(displacement_map(base, SurfaceTree(near.vertices, inside_out), 64).values).all()
    half = near.faces[near.vertices[near.faces].mean(axis=1)[:, 0] < 0]
    known = np.isfinite(displacement_map(base, SurfaceTree(near.vertices, half), 64).values)
    assert 0.45 < known.mean() < 0.55
    assert known[:, :28].all() and not known[:, 36:].any()


def test_the_displaced_mesh_lies_on_the_scan(base: Mesh) -> None:
    scan = dome(180, bumps, seed=2)
    tree = SurfaceTree(scan.vertices, scan.faces)
    fine = displaced_mesh(base, displacement_map(base, tree, 128))
    assert len(fine.vertices) > 0.95 * 128**2
    assert np.median(np.abs(tree.query(fine.vertices).distance)) < 1e-4
    assert (np.einsum("nd,nd->n", fine.face_normals(), fine.vertices[fine.faces[:, 0]]) > 0).all()


def test_a_template_without_chart_is_refused(base: Mesh) -> None:
    bare = Mesh(base.vertices, base.faces)
    with pytest.raises(DataError, match="uv"):
        displacement_map(bare, SurfaceTree(base.vertices, base.faces), 64)


def test_a_map_comes_back_from_the_disk_to_a_tenth_of_a_micrometre(base: Mesh, tmp_path: Path) -> None:
    scan = dome(120, bumps)
    half = scan.faces[scan.vertices[scan.faces].mean(axis=1)[:, 0] < 0]
    found = displacement_map(base, SurfaceTree(scan.vertices, half), 128)
    again = read_displacement(write_displacement(tmp_path, found))
    np.testing.assert_array_equal(np.isnan(again.values), np.isnan(found.values))
    assert np.nanmax(np.abs(again.values - found.values)) < 1e-4 / 2
    write_png(tmp_path / "displacement.png", np.zeros((64, 64), np.uint16))
    with pytest.raises(DataError, match=r"128 x 128"):
        read_displacement(tmp_path / "displacement.json")


def test_a_coarser_map_keeps_what_is_known(base: Mesh) -> None:
    scan = dome(120, bumps)
    fine = displacement_map(base, SurfaceTree(scan.vertices, scan.faces), 256)
    coarse = coarser(fine, 64)
    assert coarse.values.shape == (64, 64)
    assert (
        np.nanmedian(np.abs(coarse.values - displacement_map(base, SurfaceTree(scan.vertices, scan.faces), 64).values))
        < 0.01
    )
    assert coarser(fine, 256) is fine
