"""Folds are bent smooth, and nothing else moves."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.app.template import own_template
from faceapp.core.mesh import Mesh
from faceapp.geometry.deformation import bending_matrix
from faceapp.geometry.untangling import turned_over, untangled
from faceapp.morphable.head import load_head, random_parameters
from tests.unit.test_shape_signs import sheet


def test_a_fold_is_taken_back_and_the_rest_stays() -> None:
    rest, triangles = sheet(31)
    faces = triangles.astype(np.int32)
    mesh = Mesh(rest.astype(np.float32), faces)
    bending = bending_matrix(rest, faces, mesh.vertex_areas(), np.ones(len(rest)))
    smooth = np.stack([0.03 * rest[:, 1], np.sin(rest[:, 0] / 30), 0.02 * rest[:, 0]], axis=1)
    tangled = smooth.copy()
    pushed = np.argsort(((rest - (10, 5, 2)) ** 2).sum(axis=1))[:2]
    tangled[pushed] += [[9.0, 4.0, 0.0], [-8.0, 5.0, 1.0]]
    everywhere = np.ones(len(rest), bool)
    assert turned_over(mesh.with_vertices(rest + tangled), everywhere).any()
    found = untangled(rest, tangled, faces, bending, everywhere)
    assert not turned_over(mesh.with_vertices(rest + found), everywhere).any()
    far = np.linalg.norm(rest - rest[pushed].mean(axis=0), axis=1) > 20
    np.testing.assert_array_equal(found[far], tangled[far])
    assert np.abs(found - smooth).max() < 0.5


def test_what_does_not_fold_is_left_alone() -> None:
    rest, triangles = sheet()
    faces = triangles.astype(np.int32)
    mesh = Mesh(rest.astype(np.float32), faces)
    bending = bending_matrix(rest, faces, mesh.vertex_areas(), np.ones(len(rest)))
    moved = 0.1 * rest
    assert untangled(rest, moved, faces, bending, np.ones(len(rest), bool)) is moved


@pytest.mark.parametrize("seed", [9200, 9203, 9208])
def test_slivers_at_the_lids_of_a_real_shape_are_no_fold(seed: int) -> None:
    template = own_template()
    rest, faces = template.mesh.vertices.astype(np.float64), template.mesh.faces
    bending = bending_matrix(rest, faces, template.mesh.vertex_areas(), np.ones(len(rest)))
    moved = load_head(2).shape(random_parameters(seed)).skin.vertices - rest
    found = untangled(rest, moved, faces, bending, template.face)
    assert np.abs(found - moved).max() < 0.5


def test_what_folds_at_rest_is_spread_evenly() -> None:
    flat, triangles = sheet(31)
    faces = triangles.astype(np.int32)
    creased = flat.copy()
    pushed = np.argsort(((flat - (10, 5, 2)) ** 2).sum(axis=1))[:2]
    creased[pushed] += [[9.0, 4.0, 0.0], [-8.0, 5.0, 1.0]]
    mesh = Mesh(creased.astype(np.float32), faces)
    bending = bending_matrix(creased, faces, mesh.vertex_areas(), np.ones(len(flat)))
    everywhere = np.ones(len(flat), bool)
    assert turned_over(mesh, everywhere).any()
    found = creased + untangled(creased, np.zeros_like(creased), faces, bending, everywhere)
    assert not turned_over(mesh.with_vertices(found), everywhere).any()
    moved = np.linalg.norm(found - creased, axis=1) > 0
    assert np.linalg.norm((creased - (10, 5, 2))[moved], axis=1).max() < 12
    assert np.linalg.norm(found - flat, axis=1).max() < 2.5


def test_a_small_piece_that_folds_keeps_to_its_place() -> None:
    large, triangles = sheet(31)
    small, few = sheet(3)
    rest = np.concatenate([large, small + np.array([0, 0, 50])])
    faces = np.concatenate([triangles, few + len(large)]).astype(np.int32)
    mesh = Mesh(rest.astype(np.float32), faces)
    bending = bending_matrix(rest, faces, mesh.vertex_areas(), np.ones(len(rest)))
    moved = np.zeros_like(rest)
    middle, corner = len(large) + 4, len(large) + 8
    moved[middle] = 1.5 * (rest[corner] - rest[middle])
    everywhere = np.ones(len(rest), bool)
    assert turned_over(mesh.with_vertices(rest + moved), everywhere).any()
    found = untangled(rest, moved, faces, bending, everywhere)
    np.testing.assert_array_equal(found[: len(large)], 0.0)
    assert not turned_over(mesh.with_vertices(rest + found), everywhere).any()
    middle_of = (rest + found)[len(large) :].mean(axis=0) - rest[len(large) :].mean(axis=0)
    assert np.linalg.norm(middle_of) < 40
