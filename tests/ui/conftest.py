"""The window's tests: without a display, without traces in a person's settings, nothing left running."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from faceapp.core.landmarks import Landmarks2D, LandmarkScheme
from faceapp.core.mesh import Mesh
from faceapp.gui.picture.model import LandmarkModel
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.theme import theme
from faceapp.landmarks.scheme import load_scheme

KEPT = ("faceapp-rows", "faceapp-warm")  # the decoder's, of the process and not of a window


@pytest.fixture(autouse=True)
def _clean(qapp: QApplication) -> Iterator[None]:
    theme().apply("dark", False)
    before = set(threading.enumerate())
    yield
    for widget in qapp.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qapp.processEvents()
    gc.collect()
    new = (t.name for t in set(threading.enumerate()) - before if t.is_alive())
    left = [name for name in new if name.startswith("faceapp") and not name.startswith(KEPT)]
    assert not left, f"threads still run: {left}"


@pytest.fixture
def settings(tmp_path: Path) -> WindowSettings:
    return WindowSettings(tmp_path / "window.ini")


@pytest.fixture
def scheme() -> LandmarkScheme:
    return load_scheme()


@pytest.fixture
def model(scheme: LandmarkScheme) -> LandmarkModel:
    """Landmarks on a face of 200 px between the outer eyes, in a picture of 800 x 800."""
    return LandmarkModel(scheme, Landmarks2D(points=scheme.mean_shape * 200 + (400, 330), image_size=(800, 800)))


@pytest.fixture
def ball() -> Mesh:
    """A ball of 80 mm round the origin."""
    rows, columns = 40, 60
    t, p = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns, endpoint=False), indexing="ij")
    xyz = 80 * np.stack([np.sin(t) * np.cos(p), np.cos(t), -np.sin(t) * np.sin(p)], axis=-1).reshape(-1, 3)
    a = (np.arange(rows - 1)[:, None] * columns + np.arange(columns)).ravel()
    b = (np.arange(rows - 1)[:, None] * columns + (np.arange(columns) + 1) % columns).ravel()
    faces = np.concatenate([np.stack([a, a + columns, b + columns], 1), np.stack([a, b + columns, b], 1)])
    mesh = Mesh(xyz.astype(np.float32), faces.astype(np.int32))
    if (mesh.vertex_normals() * mesh.vertices).sum() < 0:
        mesh = Mesh(mesh.vertices, mesh.faces[:, ::-1])
    return mesh
