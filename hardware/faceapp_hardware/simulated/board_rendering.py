"""A renderer of a printed board: as any surface, but its print is drawn exactly. World side only."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from faceapp.core.arrays import Float32Array
from faceapp.core.rig import CameraModel
from faceapp_hardware.simulated import kernels
from faceapp_hardware.simulated.boards import PlacedBoard, print_seen, window_of
from faceapp_hardware.simulated.description import Light
from faceapp_hardware.simulated.heads import Surface
from faceapp_hardware.simulated.photographs import BACKGROUND
from faceapp_hardware.simulated.rendering import LitView, Renderer, Window

_ROOM_LIGHT = 0.55


class BoardRenderer(Renderer):
    """Looks at a board.

    Parameters
    ----------
    surface : Surface
        The board as a mesh.
    light : Light
        Figures of the rig.
    board : PlacedBoard
        What is printed on it.
    """

    def __init__(self, surface: Surface, light: Light, board: PlacedBoard) -> None:
        super().__init__(surface, light)
        self._board = board

    @override
    def window(self, camera: CameraModel) -> Window:
        left, top, width, height = window_of(camera, self._board)
        return Window(left, top, width, height) if width else Window(0, 0, 1, 1)

    @override
    def lit_view(self, camera: CameraModel, projector: CameraModel, window: Window | None = None) -> LitView:
        window = window or self.window(camera)
        box = window.left, window.top, window.width, window.height
        albedo, places = print_seen(camera, self._board, box)
        on = np.isfinite(places[..., 0])
        points = np.full((*albedo.shape, 3), np.nan, np.float32)
        points[on] = self._board.surface_points(places[on])
        normal = -self._board.rig_from_board.rotation[:, 2]
        normals = np.broadcast_to(normal.astype(np.float32), points.shape).reshape(-1, 3).copy()
        field, light = np.zeros((2, albedo.size), np.float32)
        rule, pose = self._light, projector.rig_from_camera
        figures = (rule.specular, rule.specular_exponent, rule.reference_mm, rule.field_over_distance)
        flat = points.reshape(-1, 3), normals, albedo.ravel()
        kernels.projector_light(*flat, camera.centre, pose.rotation, pose.translation, figures, field, light)
        shape = (*albedo.shape, 1)
        return LitView(window, field.reshape(shape), light.reshape(shape), albedo)

    def photograph(self, camera: CameraModel) -> Float32Array:
        """Return the (H, W, 3) picture of a colour camera in 8-bit sRGB counts, before noise and rounding."""
        window = self.window(camera)
        albedo, places = print_seen(camera, self._board, (window.left, window.top, window.width, window.height))
        background = (np.array(BACKGROUND, np.float32) / 255) ** 2.2
        seen = np.isfinite(places[..., :1])
        linear = np.where(seen, _ROOM_LIGHT * albedo[..., None], background).astype(np.float32)
        picture = np.tile(np.array(BACKGROUND, np.float32), (camera.height, camera.width, 1))
        picture[window.slices] = 255 * self.through_lens(linear) ** np.float32(1 / 2.2)
        return picture
