"""Texture mapping: each point takes the colour of the pixel it falls on, where the colour camera sees it."""

from __future__ import annotations

import cv2
import numpy as np

from faceapp.core.arrays import Float32Array, UInt8Array
from faceapp.core.rig import CameraModel
from faceapp.geometry.depth_rendering import visible_points


def colour_points(
    points: Float32Array, camera: CameraModel, picture: UInt8Array, depth: Float32Array, hidden: UInt8Array
) -> UInt8Array:
    """Return the (N, 3) uint8 RGB colour of each point (pixel-face.txt 3.1, texture mapping).

    Parameters
    ----------
    points : (N, 3) float32
        Rig frame, mm.
    camera : CameraModel
        The colour camera.
    picture : (H, W, 3) uint8
        RGB.
    depth : (H, W) float32
        Depth image of the surface in that camera; what it hides takes no colour from the picture.
    hidden : (N, 3) uint8
        Colour of points that the camera does not see.
    """
    seen = visible_points(points, camera, depth, tolerance=1.5)
    pixels, _ = camera.project(points[seen])
    colors = np.array(hidden, np.uint8)
    if seen.any():
        # cv2.remap takes at most 32767 rows: a long list of points is sampled as a wide table
        n = len(pixels)
        width = 1024
        padded = np.zeros((-(-n // width) * width, 2), np.float32)
        padded[:n] = pixels
        table = padded.reshape(-1, width, 2)
        sampled = cv2.remap(picture, table[..., 0], table[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        colors[seen] = sampled.reshape(-1, 3)[:n]
    return colors
