"""Seconds of a displacement map, beside a library's ray caster: ``pytest tests/benchmarks --benchmark-only``."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from faceapp.core.mesh import Mesh
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.displacement_map import displaced_points, displacement_map
from faceapp.morphable.head import load_head, random_parameters


@pytest.fixture(scope="module")
def base() -> Mesh:
    return load_head(2).shape(random_parameters(3), "smile").skin


@pytest.fixture(scope="module")
def tree(base: Mesh) -> SurfaceTree:
    """The same head, four times as many triangles, 0.3 mm outside with 0.05 mm of noise."""
    import open3d as o3d

    dense = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(base.vertices.astype(float)), o3d.utility.Vector3iVector(base.faces.astype(np.int32))
    ).subdivide_loop(1)
    vertices, faces = np.asarray(dense.vertices), np.asarray(dense.triangles)
    normals = Mesh(vertices.astype(np.float32), faces.astype(np.int32)).vertex_normals()
    height = 0.3 + np.random.default_rng(4).normal(scale=0.05, size=(len(vertices), 1))
    return SurfaceTree(vertices + height * normals, faces)


@pytest.mark.parametrize("size", [1024, 4096])
def test_displacement_map(benchmark: BenchmarkFixture, base: Mesh, tree: SurfaceTree, size: int) -> None:
    found = benchmark.pedantic(displacement_map, (base, tree, size), rounds=3, warmup_rounds=1)
    assert np.isfinite(found.values).mean() > 0.5


def test_displacement_map_1024_by_rays_of_open3d(benchmark: BenchmarkFixture, base: Mesh, tree: SurfaceTree) -> None:
    """What the walk over the scan saves: the same rays, from 2 mm inside outwards, by a library's tree."""
    import open3d as o3d

    exact = displacement_map(base, tree, 1024)
    points = displaced_points(base, exact)
    known = np.isfinite(points[..., 0])
    inner = displaced_points(base, type(exact)(np.where(known, np.float32(-2.0), np.float32(np.nan)), 2.0))
    directions = (points - inner)[known]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    rays = np.concatenate([inner[known], directions], axis=1).astype(np.float32)

    def cast() -> np.ndarray:
        scene = o3d.t.geometry.RaycastingScene()
        scene.add_triangles(
            o3d.core.Tensor(tree.vertices.astype(np.float32)), o3d.core.Tensor(tree.faces.astype(np.uint32))
        )
        return scene.cast_rays(o3d.core.Tensor(rays))["t_hit"].numpy() - 2.0

    theirs = benchmark.pedantic(cast, rounds=3, warmup_rounds=1)
    assert np.mean(np.abs(theirs - exact.values[known]) < 1e-3) > 0.98
