"""Rays onto a surface: what cameras see of the light. Needs Open3D, so it is imported in the world only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import open3d

from faceapp.core.arrays import BoolArray, Float32Array, FloatArray
from faceapp.core.rig import CameraModel
from faceapp.core.sequence import Flood, Fringe, FringeSequence
from faceapp_hardware.simulated import kernels
from faceapp_hardware.simulated.description import Light
from faceapp_hardware.simulated.heads import Surface

_TABLE = 65536
_MARGIN_PX = 3
_CLEAR_MM = 0.05
"""A point is no shadow on itself: rays to lamps start this far off it."""
_BLOCK_ROWS = 96


@dataclass(frozen=True, eq=False)
class Window:
    """The part of a picture in which the head is.

    Parameters
    ----------
    left, top, width, height : int
        Pixels.
    """

    left: int
    top: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True, eq=False)
class LitView:
    """What an infrared camera sees of its projector, ray by ray.

    Parameters
    ----------
    window : Window
        Where; all else is dark.
    field, light : (h, w, S) float32
        Position in the projector's field; light before the gain, 0 where there is none.
    ambient : (h, w) float32
        Mean albedo of the pixel.
    """

    window: Window
    field: Float32Array
    light: Float32Array
    ambient: Float32Array


class Renderer:
    """Looks at one surface.

    Parameters
    ----------
    surface : Surface
        In the rig frame.
    light : Light
        Figures of the rig.
    """

    def __init__(self, surface: Surface, light: Light) -> None:
        assert surface.mesh.normals is not None
        self.surface, self._light = surface, light
        self._vertices, self._normals = surface.mesh.vertices, surface.mesh.normals
        self._faces = surface.mesh.faces
        self._scene = open3d.t.geometry.RaycastingScene()
        self._scene.add_triangles(_tensor(np.array(self._vertices)), _tensor(self._faces.astype(np.uint32)))
        side = light.rays_per_side
        steps = (np.arange(side) + 0.5) / side - 0.5
        self._offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        self.rays_per_pixel = side * side

    def window(self, camera: CameraModel) -> Window:
        """Return where the head is in a camera's picture."""
        pixels, _ = camera.project(self._vertices)
        pixels = pixels[np.isfinite(pixels).all(axis=1)]
        if not len(pixels):
            return Window(0, 0, 1, 1)
        size = np.array([camera.width, camera.height])
        low = np.clip(np.floor(pixels.min(axis=0)) - _MARGIN_PX, 0, size - 1).astype(int)
        high = np.clip(np.ceil(pixels.max(axis=0)) + _MARGIN_PX + 1, low + 1, size).astype(int)
        return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))

    def lit_view(self, camera: CameraModel, projector: CameraModel, window: Window | None = None) -> LitView:
        """Return what an infrared camera sees of a projector, in a window or where the head is."""
        window = window or self.window(camera)
        shape = (window.height, window.width, len(self._offsets))
        field, light, albedo = (np.zeros(shape, np.float32) for _ in range(3))
        pose = projector.rig_from_camera
        rule = self._light
        figures = (rule.specular, rule.specular_exponent, rule.reference_mm, rule.field_over_distance)
        for rows in self.blocks(window):
            triangles, places = self._hits(camera, window, rows, self._offsets)
            points, normals = self._points(triangles, places)
            share = self.interpolate(self.surface.infrared[:, None], triangles, places)[:, 0]
            x, bright = np.empty(len(points), np.float32), np.empty(len(points), np.float32)
            kernels.projector_light(
                points, normals, share, camera.centre, pose.rotation, pose.translation, figures, x, bright
            )
            lit = np.flatnonzero(bright > 0)
            bright[lit[self.hidden(points[lit], pose.translation)]] = 0
            field[rows], light[rows], albedo[rows] = (v.reshape(-1, *shape[1:]) for v in (x, bright, share))
        return LitView(window, field, light, mean_of_rays(albedo))

    def exposures(self, view: LitView, sequence: FringeSequence, which: tuple[int, ...] | None = None) -> Float32Array:
        """Return (E, h, w) noiseless pictures of a sequence, or of some of it, before the gain, through the lens."""
        which = tuple(range(len(sequence))) if which is None else which
        table = np.ascontiguousarray(self._pattern_table(sequence)[:, which])
        pictures = np.empty((len(which), view.field.shape[0] * view.field.shape[1]), np.float32)
        rays = view.field.shape[2]
        kernels.expose(view.field.reshape(-1, rays), view.light.reshape(-1, rays), table, pictures)
        shaped = pictures.reshape(len(which), *view.field.shape[:2])
        for picture in shaped:
            picture[:] = self.through_lens(picture)
        return shaped

    def through_lens(self, picture: Float32Array) -> Float32Array:
        """Return a picture (h, w) or (h, w, 3) blurred by the lens."""
        sigma = self._light.lens_blur_px
        if sigma <= 0:
            return picture
        # Pictures end where the head does, in the dark.
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)

    def _pattern_table(self, sequence: FringeSequence) -> Float32Array:
        x = np.linspace(0, 1, _TABLE + 1)
        table = np.empty((_TABLE + 1, len(sequence)), np.float32)
        for k, exposure in enumerate(sequence.exposures):
            pattern = sequence.pattern(k, x)
            if isinstance(exposure, Fringe | Flood):
                pattern = pattern**self._light.gamma
            if isinstance(exposure, Fringe):
                blur = np.exp(-2 * (np.pi * exposure.frequency * self._light.blur_sigma_field) ** 2)
                pattern = 0.5 + blur * (pattern - 0.5)
            table[:, k] = pattern
        return table

    def depth(self, camera: CameraModel) -> Float32Array:
        """Return the (H, W) depth along the camera's z at the centre of each pixel, mm; NaN where nothing is."""
        window = self.window(camera)
        image = np.full((camera.height, camera.width), np.nan, np.float32)
        centre = np.zeros((1, 2))
        for rows in self.blocks(window):
            triangles, places = self._hits(camera, window, rows, centre)
            points, _ = self._points(triangles, places)
            z = camera.rig_from_camera.inverse().apply(points)[:, 2]
            inside = slice(window.top + rows.start, window.top + rows.stop)
            image[inside, window.slices[1]] = z.reshape(-1, window.width)
        return image

    def points_of(self, camera: CameraModel, every: int) -> tuple[Float32Array, Float32Array]:
        """Return points and normals (n, 3) that a camera sees at the centres of every so many columns and rows."""
        rays = np.empty((-(-camera.height // every), -(-camera.width // every), 1, 6), np.float32)
        self._fill(camera, (0, 0), every, np.zeros((1, 2)), rays)
        triangles, places = self._cast(rays)
        hit = triangles != kernels.MISS
        return self._points(triangles[hit], places[hit])

    def sees(self, camera: CameraModel, points: npt.NDArray[np.floating], clear_mm: float = _CLEAR_MM) -> BoolArray:
        """Return which points (n, 3) are in a camera's picture and not hidden from it."""
        pixels, _ = camera.project(points)
        with np.errstate(invalid="ignore"):
            inside = (pixels > -0.5).all(axis=1) & (pixels < [camera.width - 0.5, camera.height - 0.5]).all(axis=1)
        return np.asarray(inside & ~self.hidden(points.astype(np.float32), camera.centre, clear_mm))

    def hidden(self, points: Float32Array, lamp: FloatArray, clear_mm: float = _CLEAR_MM) -> BoolArray:
        """Return which points (n, 3) something stands before, seen from a place."""
        if not len(points):
            return np.zeros(0, bool)
        rays = np.empty((len(points), 6), np.float32)
        shortest = kernels.rays_to(points, np.asarray(lamp, np.float64), rays)
        found = self._scene.test_occlusions(_tensor(rays), tnear=clear_mm, tfar=shortest - 1.0)
        return np.asarray(found.numpy(), bool)

    def hits(
        self, camera: CameraModel, window: Window, rows: slice
    ) -> tuple[kernels.UIntArray, Float32Array, Float32Array, Float32Array]:
        """Return triangles, places, points and normals of all rays of some rows of a window."""
        triangles, places = self._hits(camera, window, rows, self._offsets)
        return triangles, places, *self._points(triangles, places)

    def blocks(self, window: Window) -> list[slice]:
        """Return the rows of a window in portions that fit the caches."""
        return [slice(r, min(r + _BLOCK_ROWS, window.height)) for r in range(0, window.height, _BLOCK_ROWS)]

    def _hits(
        self, camera: CameraModel, window: Window, rows: slice, offsets: FloatArray
    ) -> tuple[kernels.UIntArray, Float32Array]:
        rays = np.empty((rows.stop - rows.start, window.width, len(offsets), 6), np.float32)
        self._fill(camera, (window.left, window.top + rows.start), 1, offsets, rays)
        return self._cast(rays)

    @staticmethod
    def _fill(camera: CameraModel, first: tuple[int, int], every: int, offsets: FloatArray, rays: Float32Array) -> None:
        pose = camera.rig_from_camera
        kernels.pixel_rays(first, every, offsets, camera.K, camera.distortion, pose.rotation, pose.translation, rays)

    def _cast(self, rays: Float32Array) -> tuple[kernels.UIntArray, Float32Array]:
        found = self._scene.cast_rays(_tensor(rays.reshape(-1, 6)))
        return found["primitive_ids"].numpy(), found["primitive_uvs"].numpy()

    def _points(self, triangles: kernels.UIntArray, places: Float32Array) -> tuple[Float32Array, Float32Array]:
        points, normals = np.empty((2, len(triangles), 3), np.float32)
        kernels.surface_points(triangles, places, self._vertices, self._normals, self._faces, points, normals)
        return points, normals

    def interpolate(self, values: Float32Array, triangles: kernels.UIntArray, places: Float32Array) -> Float32Array:
        """Return (n, k) values of vertices (V, k) at hits; 0 where nothing was hit."""
        found = np.empty((len(triangles), values.shape[1]), np.float32)
        kernels.values_at(values, triangles, places, self._faces, found)
        return found


def mean_of_rays(values: Float32Array) -> Float32Array:
    """Return (h, w) means of (h, w, S) values."""
    # A product is ten times quicker than a mean along so short an axis.
    return values @ np.full(values.shape[2], 1 / values.shape[2], np.float32)


def _tensor(values: npt.NDArray[Any]) -> Any:
    # Open3D's stubs know of no array.
    make: Any = open3d.core.Tensor
    return make(values)
