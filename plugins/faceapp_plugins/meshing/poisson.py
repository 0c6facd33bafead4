"""Screened Poisson reconstruction, trimmed to where the scan has points and thinned to the asked number of vertices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from scipy.spatial import cKDTree

from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.pipeline.contract import Job, plugin
from faceapp.pipeline.parameters import Between, Unit
from faceapp.pipeline.stages import MeshingInput


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Of the Poisson surface."""

    cell: Annotated[float, Between(0.3, 5.0), Unit("mm")] = 1.2
    """Size of the finest cells: smaller keeps more detail and more noise, and takes longer."""

    max_hole: Annotated[float, Between(0.2, 20.0), Unit("mm")] = 1.2
    """Surface farther from every measured point is left out: holes are left, not invented."""

    min_part: Annotated[float, Between(0.0, 1.0)] = 0.02
    """Parts smaller than this share of the largest are left out."""


@plugin(stage="mesh", name="poisson", version="1.0.0", title="Poisson surface", family="open3d")
def mesh(job: Job, scan: MeshingInput, parameters: Parameters) -> Mesh:
    """Mesh a fused cloud.

    Notes
    -----
    Kazhdan and Hoppe, Screened Poisson Surface Reconstruction, ACM TOG 32(3), 2013, as Open3D ships it; quadric
    decimation after Garland and Heckbert (1997).
    """
    import open3d as o3d

    cloud = scan.cloud
    if cloud.normals is None:
        raise DataError("Poisson needs normals in the cloud")
    if len(cloud) < 100:
        raise DataError(f"Poisson needs at least 100 points, got {len(cloud)}")
    job.progress(0.05, "thinning the cloud")
    points = o3d.geometry.PointCloud()
    points.points = o3d.utility.Vector3dVector(cloud.points.astype(np.float64))
    points.normals = o3d.utility.Vector3dVector(cloud.normals.astype(np.float64))
    thin = points.voxel_down_sample(parameters.cell * 0.6)
    extent = float(np.max(cloud.points.max(axis=0) - cloud.points.min(axis=0))) * 1.1
    depth = int(np.clip(np.ceil(np.log2(extent / parameters.cell)), 5, 11))
    job.log(f"{len(cloud)} points thinned to {len(thin.points)}, octree depth {depth}")
    job.progress(0.15, "solving for the surface")
    surface, _ = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(
        thin, depth=depth, linear_fit=True, n_threads=1
    )
    job.progress(0.6, "leaving holes open")
    tree = cKDTree(cloud.points)
    _trim(surface, tree, parameters.max_hole)
    job.progress(0.7, f"thinning to {scan.vertices:,} vertices")
    if len(surface.vertices) > scan.vertices:
        faces = len(surface.triangles)
        wanted = int(faces * scan.vertices / len(surface.vertices))
        surface = surface.simplify_quadric_decimation(wanted)
    _drop_crumbs(surface, parameters.min_part)
    job.progress(0.9, "colouring")
    return _finish(surface, cloud, tree)


def _trim(surface: Any, tree: cKDTree, reach: float) -> None:
    distance = np.asarray(tree.query(np.asarray(surface.vertices), workers=2, distance_upper_bound=reach)[0])
    surface.remove_vertices_by_mask(~np.isfinite(distance))
    surface.remove_unreferenced_vertices()


def _drop_crumbs(surface: Any, share: float) -> None:
    surface.remove_degenerate_triangles()
    surface.remove_duplicated_triangles()
    surface.remove_non_manifold_edges()
    labels, counts, _ = surface.cluster_connected_triangles()
    counts = np.asarray(counts)
    if len(counts):
        surface.remove_triangles_by_mask(counts[np.asarray(labels)] < share * counts.max())
    surface.remove_unreferenced_vertices()


def _finish(surface: Any, cloud: Any, tree: cKDTree) -> Mesh:
    vertices = np.asarray(surface.vertices)
    if not len(vertices):
        raise DataError("no surface is left; the cloud is too sparse for the largest hole allowed")
    distance, nearest = tree.query(vertices, k=8, workers=2)
    weight = 1 / (np.asarray(distance) ** 2 + 0.04)
    weight /= weight.sum(axis=1, keepdims=True)
    nearest = np.asarray(nearest)
    colors = None
    if cloud.colors is not None:
        mixed = np.einsum("nk,nkc->nc", weight, cloud.colors[nearest].astype(np.float64))
        colors = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    sigma = None if cloud.sigma is None else np.einsum("nk,nk->n", weight, cloud.sigma[nearest]).astype(np.float32)
    bare = Mesh(vertices.astype(np.float32), np.asarray(surface.triangles).astype(np.int32))
    return Mesh(bare.vertices, bare.faces, bare.vertex_normals(), colors, sigma)
