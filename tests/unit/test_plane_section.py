"""Where a plane cuts a mesh."""

from __future__ import annotations

import numpy as np

from faceapp.geometry.plane_section import plane_section


def test_a_plane_cuts_a_pyramid_in_its_outline() -> None:
    vertices = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1], [0, 2, 0]], float)
    faces = np.array([[0, 4, 1], [1, 4, 2], [2, 4, 3], [3, 4, 0]])
    segments = plane_section(vertices, faces, 1, 1.0)
    assert segments.shape == (4, 2, 3)
    np.testing.assert_allclose(segments[..., 1], 1.0)
    np.testing.assert_allclose(np.abs(segments[..., [0, 2]]), 0.5)
    np.testing.assert_allclose(np.linalg.norm(segments[:, 0] - segments[:, 1], axis=1).sum(), 4.0)


def test_a_plane_beside_the_mesh_or_through_a_hole_gives_nothing() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, np.nan, 0]])
    faces = np.array([[0, 1, 2]])
    assert plane_section(vertices, faces, 0, 5.0).shape == (0, 2, 3)
    assert plane_section(vertices, faces, 0, 0.5).shape == (0, 2, 3)
