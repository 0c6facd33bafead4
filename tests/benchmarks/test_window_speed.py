"""How long the interface's thread is held up while a large cloud is turned.

The figure of a drag is its worst turn (max), against the 50 ms of `design/interface.md`.
"""

from __future__ import annotations

import os
import time
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from faceapp.core.cloud import PointCloud
from faceapp.gui.view3d.layers import ColorBy, LayerStyle
from faceapp.gui.view3d.view import View3D

POINTS = 1_600_000
"""Of three groups of the simulated rig at its full size."""


@pytest.mark.parametrize("size", [(1150, 820), (1440, 900), (3840, 2160)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_turning_a_large_cloud(benchmark: Any, qapp: QApplication, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(POINTS, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    colors = rng.integers(0, 255, (POINTS, 3)).astype(np.uint8)
    view = View3D()
    view.resize(*size)
    view.show()
    view.set_layer("cloud", PointCloud(80 * normals, normals=normals, colors=colors), LayerStyle(ColorBy.COLOR))
    while view._picture is None or not view._picture.request.whole:
        qapp.processEvents()
        time.sleep(0.01)

    def pause() -> None:
        time.sleep(0.008)  # between two moves of a mouse

    def turn() -> None:
        view.set_camera(view.camera.turned(4, 1, size[1]))
        qapp.processEvents()

    benchmark.pedantic(turn, setup=pause, rounds=150)
    view.shut_down()
    view.close()
