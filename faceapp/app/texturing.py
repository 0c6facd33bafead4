"""The mesh of a capture with its colour pictures as texture."""

from __future__ import annotations

import numpy as np

from faceapp.core.mesh import Mesh
from faceapp.formats.capture_bundle import CaptureBundle
from faceapp.geometry.fusion import FusedScan
from faceapp.geometry.texture import TextureView, textured


def texture_views(bundle: CaptureBundle, fused: FusedScan, mesh: Mesh) -> list[TextureView]:
    """Return a view for each calibrated colour camera whose group was fused.

    Raises
    ------
    BundleError
        A picture is missing or broken.
    """
    vertices = mesh.vertices.astype(np.float64)
    views: list[TextureView] = []
    for group in bundle.groups:
        if group.name not in fused.cloud.groups:
            continue
        motion = fused.motions.get(group.name)
        points = vertices if motion is None else motion.undo(vertices)
        views += [
            TextureView(camera.model, bundle.picture(camera), points)
            for camera in group.cameras
            if camera.role == "rgb" and camera.model is not None
        ]
    return views


def with_texture(bundle: CaptureBundle, fused: FusedScan, mesh: Mesh) -> tuple[Mesh, tuple[str, ...]]:
    """Return the mesh with texture, or as it is and the reason why it can have none."""
    views = texture_views(bundle, fused, mesh)
    if not views:
        return mesh, ("no texture: the capture has no colour picture of a calibrated camera",)
    if mesh.colors is None:
        return mesh, ("no texture: the mesh has no colours for what no camera sees",)
    return textured(mesh, views), ()
