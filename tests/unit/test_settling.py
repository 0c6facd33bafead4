"""What settles moves across the surface alone, and what the scan does not show stays."""

from __future__ import annotations

import numpy as np

from faceapp.core.mesh import Mesh
from faceapp.geometry.deformation import DeformationSolver, bending_matrix, vertex_links
from faceapp_plugins.registration.scan_search import ScanSearch
from faceapp_plugins.registration.settling import Settling
from tests.unit.test_shape_signs import sheet


def test_vertices_take_the_height_of_the_scan_and_stay_along_it() -> None:
    rest, triangles = sheet(41, lambda x, y: 0 * x)
    faces = triangles.astype(np.int32)
    wave = np.stack([0 * rest[:, 0], 0 * rest[:, 0], 0.4 * np.sin(rest[:, 0] / 6)], axis=1)
    scan = Mesh((rest + wave).astype(np.float32), faces)
    rim = np.abs(rest[:, :2]).max(axis=1) > 32
    covered = np.linalg.norm(rest - (9, 0, 0), axis=1) < 10
    areas = Mesh(rest.astype(np.float32), faces).vertex_areas()
    bending = bending_matrix(rest, faces, areas, np.ones(len(rest)))
    none = vertex_links(faces, len(rest))[:0]
    settling = Settling(ScanSearch(scan, 50.0), covered)
    solver = DeformationSolver(bending, none, 0.0)
    displacement = np.zeros_like(rest)
    for _ in range(4):
        now = Mesh((rest + displacement).astype(np.float32), faces)
        normals = now.vertex_normals().astype(np.float64)
        pull = settling.attraction(rest + displacement, normals, 3.0, areas)
        displacement = solver.solve(rest, displacement, pull, np.zeros((0, 3)))
    shown = ~covered & ~rim
    inside = covered & (vertex_links(faces, len(rest)) @ ~covered == 0)
    gap = displacement - wave
    assert np.abs(gap[shown, 2]).mean() < 0.05 * np.abs(wave[shown, 2]).mean()
    assert np.abs(displacement[shown, :2]).max() < 0.05
    assert np.abs(displacement[inside]).max() < 0.1 * np.abs(wave[inside, 2]).max()
