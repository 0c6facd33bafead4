"""The guide of the annotator: the average head from the front, and where its landmarks are."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import cKDTree

import faceapp_resources
from faceapp.core.arrays import FloatArray, UInt8Array
from faceapp.core.errors import DataError
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.formats.atomic import write_json
from faceapp.formats.images import read_image
from faceapp.geometry.depth_rendering import render_depth
from faceapp.morphable.head import HeadParameters, load_head

_SIDE, _AWAY_MM, _FIELD_MM = 1000, 1500.0, 250.0
_LIGHT = np.array([0.35, 0.45, 0.82])
"""Towards the light, rig frame: from above and the subject's left."""
_PICTURE, _POINTS = "front.png", "front.json"


@dataclass(frozen=True, eq=False)
class GuidePicture:
    """A face with its landmarks.

    Parameters
    ----------
    picture : (H, W) uint8
        Grey.
    points : (n, 2) float64
        Pixels.
    """

    picture: UInt8Array
    points: FloatArray


@functools.cache
def guide_picture() -> GuidePicture:
    """Return the guide that comes with the program.

    Raises
    ------
    DataError
        The installation lacks it.
    """
    picture, points = (faceapp_resources.path("guide", name) for name in (_PICTURE, _POINTS))
    if not points.is_file():
        raise DataError(f"{points} is missing; reinstall faceapp")
    told = json.loads(points.read_text(encoding="utf-8"))
    return GuidePicture(read_image(picture), np.array(told["points"], np.float64))


def make_guide(folder: Path) -> GuidePicture:
    """Render the guide anew and write it; after a change of the average head."""
    head = load_head(3).shape(HeadParameters())
    assert head.mesh.colors is not None
    camera = _camera((head.landmarks.min(axis=0) + head.landmarks.max(axis=0)) / 2)
    depth = render_depth(head.mesh.vertices, head.mesh.faces, camera).astype(np.float64)
    step = _AWAY_MM / camera.K[0, 0]
    # In the rig frame, whose y goes up and whose z comes towards the camera, depth grows where the skin recedes.
    normal = np.stack([np.gradient(depth, axis=1) / step, -np.gradient(depth, axis=0) / step, np.ones_like(depth)])
    normal /= np.linalg.norm(normal, axis=0)
    shade = 0.25 + 0.75 * np.clip(np.einsum("d,dij->ij", _LIGHT / np.linalg.norm(_LIGHT), normal), 0, 1)
    albedo = _albedo(head.mesh.vertices, head.mesh.colors, camera, depth)
    grey = np.where(np.isfinite(shade), 20 + 225 * shade * albedo, 24)
    picture = cv2.GaussianBlur(np.clip(np.nan_to_num(grey, nan=24), 0, 255).astype(np.uint8), (0, 0), 0.8)
    points, _ = camera.project(head.landmarks)
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / _PICTURE), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    told = {"schema": "faceapp/guide", "schema_version": 1, "points": np.round(points, 1).tolist()}
    write_json(folder / _POINTS, told)
    return GuidePicture(picture, points)


def _camera(middle: FloatArray) -> CameraModel:
    focal = _SIDE * _AWAY_MM / _FIELD_MM
    k = np.array([[focal, 0, _SIDE / 2], [0, focal, _SIDE / 2], [0, 0, 1]])
    pose = RigidTransform(np.diag([1.0, -1.0, -1.0]), middle + np.array([0.0, 8.0, _AWAY_MM]))
    return CameraModel("guide", _SIDE, _SIDE, k, np.zeros(5), pose)


def _albedo(vertices: np.ndarray, colours: UInt8Array, camera: CameraModel, depth: FloatArray) -> FloatArray:
    """Brightness of the skin at each pixel, 0 to 1, from the vertices nearest to its point."""
    rows, columns = np.nonzero(np.isfinite(depth))
    points = camera.centre + camera.rays(np.column_stack([columns, rows])) * depth[rows, columns][:, None]
    away, nearest = cKDTree(vertices).query(points, k=4)
    weights = 1 / (np.asarray(away) + 0.2)
    bright = colours.astype(np.float64).mean(axis=1) / 200
    result = np.ones(depth.shape)
    result[rows, columns] = (bright[nearest] * weights).sum(axis=1) / weights.sum(axis=1)
    return np.clip(result, 0, 1)
