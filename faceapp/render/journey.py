"""Pictures of the steps from a capture to a registered head: clouds and meshes seen from three sides, and a sheet."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pyvista

from faceapp.core.arrays import UInt8Array
from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.render.distance import distance_colours
from faceapp.render.heads import contact_sheet, head_picture

_AZIMUTHS = (-50.0, 0.0, 50.0)
_SIZE = (480, 600)
_GROUP_COLOURS = np.array([[230, 159, 0], [86, 180, 233], [0, 158, 115], [204, 121, 167]], np.uint8)
"""Safe for the colour-blind (Okabe and Ito 2008)."""


def mesh_views(mesh: Mesh, distance: np.ndarray | None, limit: float = 0.6) -> UInt8Array:
    """Return a mesh from three sides, coloured by a signed distance where one is given."""
    if distance is not None:
        mesh = Mesh(mesh.vertices, mesh.faces, colors=distance_colours(distance, limit))
    middle = _centre(mesh.vertices)
    return np.concatenate([head_picture([mesh], azimuth_deg=a, size=_SIZE, centre=middle) for a in _AZIMUTHS], axis=1)


def cloud_views(cloud: PointCloud, colour_by: str) -> UInt8Array:
    """Return a cloud from three sides, in its colours or by group."""
    colours = cloud.colors
    if colour_by == "group" and cloud.group is not None:
        colours = _GROUP_COLOURS[cloud.group % len(_GROUP_COLOURS)]
    if colours is None:
        colours = np.full((len(cloud), 3), 200, np.uint8)
    return np.concatenate([_cloud_picture(cloud, colours, a) for a in _AZIMUTHS], axis=1)


def _cloud_picture(cloud: PointCloud, colours: UInt8Array, azimuth_deg: float) -> UInt8Array:
    plotter = pyvista.Plotter(off_screen=True, window_size=list(_SIZE), lighting="none")
    plotter.set_background((0.08, 0.085, 0.095))
    azimuth = np.radians(azimuth_deg)
    direction = np.array([np.sin(azimuth), 0.0, np.cos(azimuth)])
    shown, shade = np.ones(len(cloud), bool), np.ones(len(cloud))
    if cloud.normals is not None:
        towards = cloud.normals @ direction
        shown = towards > 0.05  # points of the far side would shine through the gaps
        shade = np.clip(0.35 + 0.65 * towards, 0, 1)
    data = pyvista.PolyData(np.ascontiguousarray(cloud.points[shown]))
    data.point_data["rgb"] = np.clip(colours[shown] * shade[shown, None], 0, 255).astype(np.uint8)
    plotter.add_mesh(data, scalars="rgb", rgb=True, point_size=2.0, lighting=False)
    target = np.array(_centre(cloud.points))
    plotter.camera_position = [tuple(target + 900 * direction), tuple(target), (0, 1, 0)]
    plotter.camera.view_angle = 2 * np.degrees(np.arctan(290 / 1800))
    picture = np.asarray(plotter.screenshot(return_img=True), np.uint8)[:, :, :3]
    plotter.close()
    return np.ascontiguousarray(picture)


def _centre(points: np.ndarray) -> tuple[float, float, float]:
    low, high = np.percentile(points, [1, 99], axis=0)
    x, y, z = ((low + high) / 2).tolist()
    return float(x), float(y), float(z)


def sheet(pictures: Sequence[UInt8Array], captions: Sequence[str]) -> UInt8Array:
    """Return a contact sheet of pictures of any size, two in a row."""
    width, height = 960, 520
    tiles = []
    for picture in pictures:
        factor = min(width / picture.shape[1], height / picture.shape[0])
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        tile = np.full((height, width, 3), 26, np.uint8)
        top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
        tile[top : top + small.shape[0], left : left + small.shape[1]] = small
        tiles.append(tile)
    return contact_sheet(tiles, captions, 2)
