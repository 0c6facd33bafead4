"""What the surface kernel is given and what it fills, as named tuples that a compiler takes apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, UInt8Array


class Grid(NamedTuple):
    """Inverse depth on a pinhole grid.

    Parameters
    ----------
    inverse, sigma : (H, W) float32
        1/mm and its standard deviation; inverse depth is below zero where there is no surface.
    spans : (H, 2) int32
        Columns of each row between which there may be surface.
    fitted : (H, W) float32
        From `fit_rows` where points take the value of the fit; without pixels else.
    calm : (H, W / 32) uint8
        From `calm_rows`.
    focal, cx, cy : float32
        Pixels.
    """

    inverse: Float32Array
    sigma: Float32Array
    spans: npt.NDArray[np.int32]
    fitted: Float32Array
    calm: UInt8Array
    focal: np.float32
    cx: np.float32
    cy: np.float32


class SurfaceLimits(NamedTuple):
    """When a pixel is kept.

    Parameters
    ----------
    near : float32
        Largest relative step of inverse depth from pixel to pixel on one surface.
    min_neighbours : float32
        Of the fit.
    max_sigma_px : float32
        Largest sigma in pixel footprints.
    smooth : bool
        Whether points take the value of the fit.
    """

    near: np.float32
    min_neighbours: np.float32
    max_sigma_px: np.float32
    smooth: bool


class Points(NamedTuple):
    """Arrays that `pack_rows` fills, one row a point.

    Parameters
    ----------
    points, normals : (N, 3) float32
        Rig frame, mm; unit, towards the camera.
    sigma : (N,) float32
        Along the ray, mm.
    pixels : (N, 2) float32
        Of the group's first camera.
    cells : (N,) int32
        Place in the grid, ``row * W + column``.
    places : (4, N) float32
        Pixel in the colour camera, depth along its z in mm, and cosine between normal and ray; without columns where
        there is no such camera.
    """

    points: Float32Array
    normals: Float32Array
    sigma: Float32Array
    pixels: Float32Array
    cells: npt.NDArray[np.int32]
    places: Float32Array


class Poses(NamedTuple):
    """Where things stand.

    Parameters
    ----------
    map_u, map_v : (H, W) float32
        Pixel of the real picture of each grid pixel.
    rotation : (9,) float32
        Grid to rig, row by row.
    centre : (3,) float32
        Of the camera, mm.
    colour : (25,) float32
        The colour camera: camera-from-rig rotation and translation, ``fx skew cx fy cy``, distortion, centre; empty
        if none.
    """

    map_u: Float32Array
    map_v: Float32Array
    rotation: Float32Array
    centre: Float32Array
    colour: Float32Array
