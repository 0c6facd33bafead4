"""Where texture leads: near what is clear, and nowhere without contrast."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.app.template import own_template
from faceapp.core.mesh import Mesh
from faceapp.landmarks.scheme import load_scheme
from faceapp_plugins.registration.scan_search import ScanSearch
from faceapp_plugins.registration.t_icp import led_by_texture
from faceapp_plugins.registration.texture_model import UNKNOWN_DEVIATION, TextureModel, texture_model
from faceapp_plugins.registration.texture_search import TextureSearch
from tests.unit.test_shape_signs import sheet


def search_on(scan: Mesh, mean: np.ndarray, fitted: np.ndarray, *, gradients: bool = False) -> TextureSearch:
    """Return the search for a template that is its scan, of colours (V, 3), 0 to 1."""
    deviation = np.full(len(mean), UNKNOWN_DEVIATION, np.float32)
    model = TextureModel(mean.astype(np.float32), np.zeros((0, *mean.shape), np.float32), deviation)
    colors = np.rint(255 * mean).astype(np.uint8)
    rules = {"weight_mm": 10.0, "threshold": 0.2, "pull": 0.5}
    return TextureSearch(scan, colors, model, scan.faces, fitted, ScanSearch(scan, 50.0), gradients=gradients, **rules)


def sheet_search(color: np.ndarray, *, face: bool, gradients: bool = False) -> tuple[np.ndarray, TextureSearch]:
    """Return the vertices of a sheet of these colours (V,), 0 to 1, and the search on it."""
    vertices, triangles = sheet(41, lambda x, y: 0 * x)
    scan = Mesh(vertices.astype(np.float32), triangles.astype(np.int32))
    colors = np.repeat(color[:, None], 3, axis=1)
    return vertices, search_on(scan, colors, np.full(len(vertices), face), gradients=gradients)


def led(color: np.ndarray, *, face: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the vertices of such a sheet, and how clearly its texture leads each."""
    vertices, search = sheet_search(color, face=face)
    return vertices, search.led(vertices)


@pytest.mark.parametrize("face", [True, False])
def test_texture_leads_near_an_edge_and_not_far_from_it(face: bool) -> None:
    vertices, _ = sheet(41)
    places, found = led(np.where(vertices[:, 0] > 0, 0.8, 0.2), face=face)
    away = np.abs(places[:, 0])
    assert found[away < 15].min() > 0.9
    assert found[away > 30].max() < 0.01


def test_one_colour_leads_nowhere() -> None:
    vertices, _ = sheet(41)
    assert led(np.full(len(vertices), 0.5), face=True)[1].max() == 0.0


@pytest.mark.parametrize("gradients", [True, False])
def test_an_edge_of_colour_holds_across_it_and_not_along_it(gradients: bool) -> None:
    vertices, _ = sheet(41)
    places, search = sheet_search(np.where(vertices[:, 0] > 0, 0.8, 0.2), face=True, gradients=gradients)
    up = np.tile([0.0, 0.0, 1.0], (len(places), 1))
    found = search.attraction(places, up, 5.0, np.ones(len(places))).tangential
    assert isinstance(found, np.ndarray)
    # at the rim of the sheet the mean colour about a vertex is that of one side
    inside = (np.abs(places[:, :2]).max(axis=1) < 30.0) | (not gradients)
    at_edge = inside & (np.abs(places[:, 0]) < 1.0)
    assert found[at_edge, 0, 0].min() > 0.4
    assert np.abs(found[at_edge, 1, 1] - 0.01).max() < 1e-6
    away = inside & (np.abs(places[:, 0]) > 10.0)
    assert np.abs(found[away] - 0.01 * np.eye(3)).max() < 1e-6


def test_landmarks_yield_to_brows_and_not_to_a_mouth_that_opens() -> None:
    template = own_template()
    scan = Mesh(template.mesh.vertices, template.mesh.faces)
    found = led_by_texture(template, search_on(scan, texture_model(template).mean, template.face))
    corners = template.anchor_triangles

    def at(group: str) -> np.ndarray:
        (points,) = [g.indices for g in load_scheme(template.scheme).groups if g.name == group]
        there = corners[list(points)]
        return found[there[there >= 0]]

    assert at("brow_left").min() > 0.8 and at("brow_right").min() > 0.8
    assert at("contour").max() == 0.0 and at("mouth_inner").max() == 0.0
    assert 0.5 < at("mouth_outer").max() <= 0.75
