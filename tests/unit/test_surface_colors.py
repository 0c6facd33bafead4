"""Averages and gradients of colours on a mesh, and how even a scan is."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.core.mesh import Mesh
from faceapp.geometry.deformation import smooth_over_mesh
from faceapp_plugins.registration.surface_colors import blurred, gradients, roughness, slopes
from faceapp_plugins.registration.t_icp import follows_gradients
from tests.unit.test_shape_signs import sheet


def bowl(across: np.ndarray) -> Mesh:
    """Return a bowl as wide as a face, points 0.7 mm apart, that is uneven by ``across`` (19881,) in mm."""
    vertices, faces = sheet(141, lambda x, y: 0.004 * (x**2 + y**2))
    smooth = Mesh(vertices.astype(np.float32), faces.astype(np.int32))
    moved = vertices + across[:, None] * smooth.vertex_normals()
    return Mesh(moved.astype(np.float32), smooth.faces)


def test_the_gradient_of_a_ramp_is_its_slope_everywhere() -> None:
    vertices, faces = sheet(31, lambda x, y: 0 * x)
    colors = vertices[:, :1] * 0.02 - vertices[:, 1:2] * 0.01
    found = gradients(vertices, faces.astype(np.int32), colors)
    np.testing.assert_allclose(found[:, :, 0], np.tile([0.02, -0.01, 0.0], (len(vertices), 1)), atol=1e-9)
    tensor = slopes(vertices, faces.astype(np.int32), colors)
    np.testing.assert_allclose(tensor, found @ found.swapaxes(1, 2), atol=1e-9)


def test_an_average_is_as_wide_as_it_says() -> None:
    vertices, faces = sheet(141, lambda x, y: 0 * x)
    peak = np.zeros((len(vertices), 1))
    middle = int(np.argmin(np.linalg.norm(vertices, axis=1)))
    peak[middle] = 1.0
    spread = blurred(peak, vertices, faces.astype(np.int32), 1.5)[:, 0]
    away = vertices - vertices[middle]
    deviation = np.sqrt((spread[:, None] * away[:, :2] ** 2).sum(axis=0).mean() / spread.sum())
    assert deviation == pytest.approx(1.5, rel=0.25)


def test_a_depth_camera_is_rough_and_the_rig_is_not() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=141 * 141)
    even = bowl(0.05 * noise)
    lumps = smooth_over_mesh(noise, even.faces, 12)
    assert roughness(bowl(0 * noise)) < 0.02
    assert roughness(even) < 0.06
    lumpy = bowl(0.5 * lumps / lumps.std())
    assert roughness(lumpy) > 0.1
    assert follows_gradients(even, "auto") and not follows_gradients(lumpy, "auto")
    assert follows_gradients(lumpy, "gradients") and not follows_gradients(even, "places")
