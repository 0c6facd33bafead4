"""Compile fusion, meshing and texture, or load them compiled, before anybody waits for them."""

from __future__ import annotations

import numpy as np

from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.geometry.fusion import fuse
from faceapp.geometry.texture import TextureView, textured
from faceapp.geometry.voronoi_mesh import VoronoiMesher, VoronoiSettings

_ACROSS = 80
_SPACING_MM = 0.5
_HOLE_MM = 5.0


def warm_geometry() -> None:
    """Fuse, mesh and paint a small wavy plate with a hole: afterwards no scan waits for a compiler.

    Takes a minute the first time on a machine, then two seconds a process.
    """
    fused = fuse({"middle": _plate(0.0), "left": _plate(0.05)})
    settings = VoronoiSettings(800, curvature=0.5, fill_holes=_HOLE_MM)
    vertices, normals, faces = VoronoiMesher(fused.cloud, settings).run(lambda done, text: None)
    grey = np.full((len(vertices), 3), 128, np.uint8)
    mesh = Mesh(vertices.astype(np.float32), faces, normals.astype(np.float32), grey)
    k = np.array([[400.0, 0, 79.5], [0, 400.0, 59.5], [0, 0, 1]])
    pose = RigidTransform(np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, 300.0]))
    camera = CameraModel("warm", 160, 120, k, np.zeros(5), pose)
    textured(mesh, [TextureView(camera, np.full((120, 160, 3), 128, np.uint8), vertices)])


def _plate(shift: float) -> PointCloud:
    line = (np.arange(_ACROSS) - _ACROSS / 2) * _SPACING_MM
    x, y = (v.ravel() for v in np.meshgrid(line, line))
    keep = np.hypot(x - 4, y) > _HOLE_MM / 2 - 1
    x, y = x[keep], y[keep]
    points = np.stack([x, y, np.sin(x / 5) + shift * np.cos(y / 4)], axis=1)
    normals = np.stack([-np.cos(x / 5) / 5, shift * np.sin(y / 4) / 4, np.ones_like(x)], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    count = len(x)
    return PointCloud(
        points.astype(np.float32),
        normals.astype(np.float32),
        np.full((count, 3), 128, np.uint8),
        np.full(count, 0.03, np.float32),
        (points[:, :2] / _SPACING_MM).astype(np.float32),
    )
