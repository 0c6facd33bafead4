"""A reconstructed face over its photograph, and beside it: drawn from a depth image, without a graphics library."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from faceapp.core.arrays import UInt8Array
from faceapp.core.landmarks import Landmarks2D
from faceapp.core.mesh import Mesh
from faceapp.core.rig import CameraModel
from faceapp.formats.images import write_png
from faceapp.geometry.depth_rendering import render_depth


def shade_from_camera(mesh: Mesh, camera: CameraModel) -> tuple[UInt8Array, UInt8Array]:
    """Return grey shading (H, W) uint8 of a mesh seen by a camera, and its mask (H, W) uint8 (255 where it is)."""
    depth = render_depth(mesh.vertices, mesh.faces, camera)
    seen = np.isfinite(depth)
    filled = np.where(seen, depth, np.nanmax(depth) if seen.any() else 1.0).astype(np.float32)
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32)
    x = (columns - np.float32(camera.K[0, 2])) / np.float32(camera.K[0, 0]) * filled
    y = (rows - np.float32(camera.K[1, 2])) / np.float32(camera.K[1, 1]) * filled
    points = np.stack([x, y, filled], axis=-1)
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normals = np.cross(across, down)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    light = np.array([0.3, -0.45, -1.0]) / np.linalg.norm([0.3, -0.45, -1.0])
    shade = np.clip(np.abs(normals @ light), 0, 1)
    inside = cv2.erode(seen.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(inside, 40 + 205 * shade, 0).astype(np.uint8), np.where(inside, 255, 0).astype(np.uint8)


def overlay(
    picture: UInt8Array,
    mesh: Mesh,
    camera: CameraModel,
    marks: Landmarks2D | None = None,
    fitted: Landmarks2D | None = None,
) -> UInt8Array:
    """Return the photograph, the face over it, and the face alone, side by side.

    Parameters
    ----------
    picture : (H, W, 3) uint8
        RGB.
    mesh : Mesh
        In the camera's rig frame.
    camera : CameraModel
        Of the photograph.
    marks, fitted : Landmarks2D, optional
        Landmarks that were given (rings) and where the model has them (dots).
    """
    shade, mask = shade_from_camera(mesh, camera)
    face = np.repeat(shade[..., None], 3, axis=2)
    share = (0.62 * (mask > 0))[..., None]
    over = np.clip(picture * (1 - share) + face * share, 0, 255).astype(np.uint8)
    radius = max(round(max(picture.shape[:2]) / 320), 2)
    left = picture.copy()
    if marks is not None:
        for u, v in marks.points[marks.visible]:
            cv2.circle(left, (round(u), round(v)), radius, (63, 224, 255), 1, cv2.LINE_AA)
    if fitted is not None:
        for u, v in fitted.points[fitted.visible]:
            cv2.circle(left, (round(u), round(v)), max(radius // 2, 1), (255, 184, 77), -1, cv2.LINE_AA)
    alone = np.where(mask[..., None] > 0, face, 24).astype(np.uint8)
    return np.concatenate([left, over, alone], axis=1)


def write_overlays(file: Path, pictures: list[UInt8Array], max_width: int = 2400) -> None:
    """Write overlays of several views, one below the other, thinned to a width that a viewer opens at once."""
    width = min(max_width, max(p.shape[1] for p in pictures))
    scaled = [
        cv2.resize(p, (width, round(p.shape[0] * width / p.shape[1])), interpolation=cv2.INTER_AREA) for p in pictures
    ]
    write_png(file, np.concatenate(scaled), compression=3)
