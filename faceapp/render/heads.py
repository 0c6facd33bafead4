"""Off-screen pictures of heads and sheets of such pictures with a caption below each."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pyvista

from faceapp.core.arrays import UInt8Array
from faceapp.core.errors import UsageError
from faceapp.core.mesh import Mesh

_BACKGROUND = (0.78, 0.81, 0.85)
_CAPTION_PX = 22


def head_picture(
    meshes: Sequence[Mesh],
    *,
    azimuth_deg: float = 0.0,
    elevation_deg: float = 0.0,
    size: tuple[int, int] = (320, 400),
    centre: tuple[float, float, float] = (0.0, -12.0, 10.0),
    height_mm: float = 290.0,
    plain: bool = False,
) -> UInt8Array:
    """Render a head with soft light from above the camera.

    Parameters
    ----------
    meshes : sequence of Mesh
        Pieces in the rig frame, mm; a texture is used before colours per vertex, and colours before plain grey.
    azimuth_deg, elevation_deg : float
        Direction the camera looks from; 0, 0 is the front, positive azimuth the subject's left.
    size : (width, height)
        Pixels.
    centre : (3,)
        Point that is looked at, mm.
    height_mm : float
        What the picture's height shows at the centre, mm.
    plain : bool
        Leave colours away, to judge the shape.

    Returns
    -------
    (H, W, 3) uint8
        RGB.
    """
    plotter = pyvista.Plotter(off_screen=True, window_size=list(size), lighting="none")
    plotter.set_background(_BACKGROUND)
    for mesh in meshes:
        _add(plotter, mesh, plain=plain)
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    direction = np.array([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    target, distance, angle = np.array(centre), 900.0, 2 * np.degrees(np.arctan(height_mm / 1800))
    plotter.camera_position = [tuple(target + distance * direction), tuple(target), (0, 1, 0)]
    plotter.camera.view_angle = angle
    right = np.cross([0.0, 1.0, 0.0], direction)
    for offset, strength in ((0.7 * right + [0, 0.9, 0], 0.62), (-0.9 * right + [0, 0.3, 0], 0.34), (0 * right, 0.22)):
        light = pyvista.Light(position=tuple(target + distance * (direction + offset)), focal_point=tuple(target))
        light.intensity = strength
        plotter.add_light(light)
    plotter.enable_anti_aliasing("ssaa")
    picture = np.asarray(plotter.screenshot(return_img=True), np.uint8)[:, :, :3]
    plotter.close()
    return np.ascontiguousarray(picture)


def _add(plotter: pyvista.Plotter, mesh: Mesh, *, plain: bool) -> None:
    look = {"smooth_shading": True, "split_sharp_edges": False, "ambient": 0.12, "specular": 0.08, "specular_power": 20}
    if mesh.texture is not None and mesh.uv is not None and not plain:
        # VTK keeps one texture coordinate a point, so each corner becomes a point; normals keep it smooth.
        corners = np.arange(3 * len(mesh.faces)).reshape(-1, 3)
        data = _poly(mesh.vertices[mesh.faces.ravel()], corners)
        data.point_data["Normals"] = mesh.vertex_normals()[mesh.faces.ravel()]
        data.active_texture_coordinates = mesh.uv.reshape(-1, 2)
        look["smooth_shading"] = False
        actor = plotter.add_mesh(data, texture=pyvista.Texture(mesh.texture), **look)
        actor.prop.interpolation = "Gouraud"
        return
    data = _poly(mesh.vertices, mesh.faces)
    if mesh.colors is None or plain:
        plotter.add_mesh(data, color=(0.80, 0.66, 0.58), **look)
    else:
        data.point_data["rgb"] = mesh.colors
        plotter.add_mesh(data, scalars="rgb", rgb=True, **look)


def _poly(points: np.ndarray, faces: np.ndarray) -> pyvista.PolyData:
    cells = np.column_stack([np.full(len(faces), 3), faces]).ravel()
    return pyvista.PolyData(np.ascontiguousarray(points, np.float32), cells)


def contact_sheet(pictures: Sequence[UInt8Array], captions: Sequence[str], columns: int) -> UInt8Array:
    """Lay pictures of one size out in rows, a caption below each.

    Parameters
    ----------
    pictures : sequence of (H, W, 3) uint8
        RGB.
    captions : sequence of str
        As many.
    columns : int
        Pictures per row.

    Raises
    ------
    UsageError
        There are none, or not as many captions, or the sizes differ.
    """
    if not pictures or len(pictures) != len(captions) or len({p.shape for p in pictures}) != 1:
        raise UsageError("contact sheet: needs pictures of one size and a caption for each")
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + _CAPTION_PX), columns * width, 3), 255, np.uint8)
    for k, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        y, x = (k // columns) * (height + _CAPTION_PX), (k % columns) * width
        sheet[y : y + height, x : x + width] = picture
        place = (x + 4, y + height + _CAPTION_PX - 7)
        cv2.putText(sheet, caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (20, 20, 20), 1, cv2.LINE_AA)
    return sheet
