"""What the set-up compiles is what a scan needs: fusing, meshing and painting one compiles nothing more."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
from numba.core.dispatcher import Dispatcher

import faceapp.geometry
from faceapp.core.mesh import Mesh
from faceapp.geometry.fusion import fuse
from faceapp.geometry.texture import TextureView, textured
from faceapp.geometry.voronoi_mesh import VoronoiMesher, VoronoiSettings
from faceapp.geometry.warming import warm_geometry
from tests.unit.test_fusion import bent, view
from tests.unit.test_texture import camera


def compiled() -> dict[str, int]:
    found = {}
    for info in pkgutil.iter_modules(faceapp.geometry.__path__):
        module = importlib.import_module(f"faceapp.geometry.{info.name}")
        for name, value in vars(module).items():
            if isinstance(value, Dispatcher):
                found[f"{value.__module__}.{name}"] = len(value.signatures)
    return found


def test_after_the_set_up_no_scan_waits_for_a_compiler() -> None:
    warm_geometry()
    before = compiled()
    fused = fuse({"middle": view(-30, 30, 1), "left": bent(view(-25, 51, 2), 0.2)})
    vertices, normals, faces = VoronoiMesher(fused.cloud, VoronoiSettings(3000)).run(lambda done, text: None)
    colors = np.full((len(vertices), 3), 90, np.uint8)
    mesh = Mesh(vertices.astype(np.float32), faces, normals.astype(np.float32), colors)
    textured(mesh, [TextureView(camera("front", 0.0), np.zeros((480, 640, 3), np.uint8), vertices)])
    assert compiled() == before
