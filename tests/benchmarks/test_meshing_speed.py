"""Fusion, mesh and texture at full count, and other ways to a mesh in the same run.

``pytest tests/benchmarks/test_meshing_speed.py --benchmark-only -s`` prints how regular each mesh is. The row of pyacvd
needs that package (``pip install pyacvd``), which the program does not.
"""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from faceapp.capture.engine import GroupCapture
from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.fringe.decode import decode_group
from faceapp.geometry.fusion import FusedScan, fuse
from faceapp.geometry.mesh_repair import smallest_angles
from faceapp.geometry.texture import TextureView, textured
from faceapp.geometry.voronoi_mesh import VoronoiMesher, VoronoiSettings
from faceapp.pipeline.registry import get_plugin
from faceapp.pipeline.stages import MeshingInput
from faceapp.pipeline.workers import WorkerPool

VERTICES = 100_000


@pytest.fixture(scope="module")
def clouds(captured: dict[str, GroupCapture]) -> dict[str, PointCloud]:
    return {
        name: decode_group(
            c.group, dict(c.stacks), dict.fromkeys(c.stacks, 255.0), next(iter(c.pictures.values())), depth_images=False
        ).cloud
        for name, c in captured.items()
    }


@pytest.fixture(scope="module")
def fused(clouds: dict[str, PointCloud]) -> FusedScan:
    return fuse(clouds)


def tell(what: str, vertices: np.ndarray, faces: np.ndarray) -> None:
    angles = smallest_angles(vertices, faces)
    print(
        f"\n{what}: {len(vertices)} vertices, mean smallest angle {angles.mean():.1f} degrees, "
        f"{np.mean(angles < 20):.3%} under 20 degrees"
    )


def meshed(fused: FusedScan, vertices: int = VERTICES) -> Mesh:
    corners, normals, faces = VoronoiMesher(fused.cloud, VoronoiSettings(vertices)).run(lambda done, text: None)
    colors = np.full((len(corners), 3), 128, np.uint8)
    return Mesh(corners.astype(np.float32), faces, normals.astype(np.float32), colors)


def test_fusion(benchmark: BenchmarkFixture, clouds: dict[str, PointCloud]) -> None:
    result = benchmark.pedantic(fuse, (clouds,), rounds=3, iterations=1, warmup_rounds=1)
    assert len(result.cloud) > 300_000


def test_voronoi_mesh(benchmark: BenchmarkFixture, fused: FusedScan) -> None:
    mesh = benchmark.pedantic(meshed, (fused,), rounds=3, iterations=1, warmup_rounds=1)
    tell("Voronoi", mesh.vertices, mesh.faces)


def test_fusion_and_voronoi_mesh(benchmark: BenchmarkFixture, clouds: dict[str, PointCloud]) -> None:
    benchmark.pedantic(lambda: meshed(fuse(clouds)), rounds=3, iterations=1, warmup_rounds=1)


def test_poisson_mesh(benchmark: BenchmarkFixture, fused: FusedScan) -> None:
    """The other plugin, in its worker, as `faceapp fuse --plugin poisson` runs it."""
    with WorkerPool() as pool:
        pool.warm("open3d")
        run = benchmark.pedantic(
            lambda: pool.run(get_plugin("mesh", "poisson"), MeshingInput(fused.cloud, VERTICES)), rounds=1, iterations=1
        )
    tell("Poisson", run.value.vertices, run.value.faces)


def test_quadric_decimation(benchmark: BenchmarkFixture, fused: FusedScan) -> None:
    """Of a dense mesh of the same surface: the quick way, without the time that the dense mesh takes."""
    import open3d as o3d

    dense = meshed(fused, 250_000)
    surface = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(dense.vertices.astype(float)), o3d.utility.Vector3iVector(np.array(dense.faces))
    )
    thin = benchmark.pedantic(
        lambda: surface.simplify_quadric_decimation(2 * VERTICES), rounds=1, iterations=1, warmup_rounds=0
    )
    tell("quadric decimation", np.asarray(thin.vertices), np.asarray(thin.triangles))


def test_pyacvd(benchmark: BenchmarkFixture, fused: FusedScan) -> None:
    """Clusters of a dense mesh's vertices, the public way to a Voronoi mesh."""
    pyacvd = pytest.importorskip("pyacvd", reason="pip install pyacvd in an environment of its own")
    import pyvista as pv

    dense = meshed(fused, 250_000)
    surface = pv.PolyData(dense.vertices, np.insert(dense.faces, 0, 3, axis=1).ravel())

    def work() -> pv.PolyData:
        clusters = pyacvd.Clustering(surface)
        clusters.subdivide(2)
        clusters.cluster(VERTICES)
        return clusters.create_mesh()

    thin = benchmark.pedantic(work, rounds=1, iterations=1)
    tell("pyacvd", thin.points, thin.faces.reshape(-1, 4)[:, 1:])


def test_texture(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture], fused: FusedScan) -> None:
    mesh = meshed(fused)
    points = mesh.vertices.astype(float)
    views = [
        TextureView(c.group.rgb, next(iter(c.pictures.values())), points)
        for c in captured.values()
        if c.group.rgb is not None
    ]
    benchmark.pedantic(textured, (mesh, views), rounds=3, iterations=1, warmup_rounds=1)
