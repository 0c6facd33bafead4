"""A centroidal Voronoi tessellation of the fused points: near-equilateral triangles, as many vertices as asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from scipy.spatial import cKDTree

from faceapp.core.arrays import FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.geometry.mesh_repair import smallest_angles
from faceapp.geometry.moving_surface import MovingSurface
from faceapp.geometry.voronoi_mesh import VoronoiMesher, VoronoiSettings
from faceapp.pipeline.contract import Job, plugin
from faceapp.pipeline.parameters import Between, Unit
from faceapp.pipeline.stages import MeshingInput


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Of the Voronoi mesh."""

    curvature: Annotated[float, Between(0.0, 1.0)] = 0.0
    """How much smaller triangles are where the surface bends: 0 is one size everywhere."""

    fill_holes: Annotated[float, Between(0.0, 60.0), Unit("mm")] = 0.0
    """Holes up to this across are closed with surface that nobody measured; 0 leaves them open."""

    max_hole: Annotated[float, Between(0.2, 20.0), Unit("mm")] = 1.2
    """Surface farther from every measured point is left out: holes are left, not invented."""

    min_part: Annotated[float, Between(0.0, 1.0)] = 0.02
    """Parts smaller than this share of the largest are left out."""

    rounds: Annotated[int, Between(6, 100)] = 12
    """Rounds of relaxation: more make triangles more alike and take longer."""


@plugin(stage="mesh", name="cvt", version="1.0.0", title="Voronoi mesh", family="numba")
def mesh(job: Job, scan: MeshingInput, parameters: Parameters) -> Mesh:
    """Mesh a fused cloud.

    Notes
    -----
    Du, Faber and Gunzburger, Centroidal Voronoi Tessellations, SIAM Review 41(4), 1999. The Voronoi cells are those of
    an intrinsic Delaunay mesh, taken in each vertex's tangent plane, so no samples are clustered (compare Valette and
    Chassery, Computer Graphics Forum 23(3), 2004).
    """
    cloud = scan.cloud
    if cloud.normals is None:
        raise DataError("a Voronoi mesh needs normals in the cloud")
    if len(cloud) < 100:
        raise DataError(f"a Voronoi mesh needs at least 100 points, got {len(cloud)}")
    settings = VoronoiSettings(
        scan.vertices,
        parameters.rounds,
        parameters.max_hole,
        parameters.min_part,
        parameters.curvature,
        parameters.fill_holes,
    )
    job.progress(0.0, "sorting the points")
    mesher = VoronoiMesher(cloud, settings)
    vertices, normals, faces = mesher.run(job.progress)
    job.progress(0.97, "colouring")
    colors, sigma = _attributes(mesher.surface, cloud, vertices, normals)
    angles = smallest_angles(vertices, faces)
    job.log(
        f"{len(vertices)} vertices, {len(faces)} triangles, mean smallest angle {angles.mean():.1f} degrees, "
        f"{np.mean(angles < 20):.3%} under 20"
    )
    if len(vertices) != scan.vertices:
        job.warning(f"the mesh has {len(vertices):,} vertices, not {scan.vertices:,}: the cloud allows no other number")
    return Mesh(
        vertices.astype(np.float32), faces.astype(np.int32), normals.astype(np.float32), colors, sigma
    )  # fmt: skip


def _attributes(
    surface: MovingSurface, cloud: PointCloud, vertices: FloatArray, normals: FloatArray
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Colour and sigma of vertices from the points round them, or from the nearest where nothing was measured."""
    columns = []
    if cloud.colors is not None:
        columns.append(cloud.colors.astype(np.float32))
    if cloud.sigma is not None:
        columns.append(cloud.sigma[:, None])
    if not columns:
        return None, None
    table = np.concatenate(columns, axis=1)
    values = surface.blend(vertices, normals, table)
    far = np.isnan(values[:, 0])
    if far.any():
        values[far] = table[np.asarray(cKDTree(cloud.points).query(vertices[far])[1])]
    colors = None if cloud.colors is None else np.clip(np.rint(values[:, :3]), 0, 255).astype(np.uint8)
    sigma = None if cloud.sigma is None else values[:, -1].astype(np.float32)
    return colors, sigma
