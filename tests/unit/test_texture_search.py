"""Where texture leads: near what is clear, and nowhere without contrast."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.core.mesh import Mesh
from faceapp_plugins.registration.scan_search import ScanSearch
from faceapp_plugins.registration.texture_model import TextureModel
from faceapp_plugins.registration.texture_search import TextureSearch
from tests.unit.test_shape_signs import sheet


def led(color: np.ndarray, *, face: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the vertices of a sheet of these colours (V,), 0 to 1, and how clearly its texture leads each."""
    vertices, triangles = sheet(41, lambda x, y: 0 * x)
    faces = triangles.astype(np.int32)
    scan = Mesh(vertices.astype(np.float32), faces)
    mean = np.repeat(color[:, None], 3, axis=1).astype(np.float32)
    model = TextureModel(mean, np.zeros((0, *mean.shape), np.float32))
    search = TextureSearch(
        scan,
        (255 * mean).astype(np.uint8),
        model,
        faces,
        np.full(len(vertices), face),
        ScanSearch(scan, 50.0),
        weight_mm=10.0,
        threshold=0.2,
        pull=0.5,
    )
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
