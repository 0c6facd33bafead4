"""From a request to a picture: the proxies at once, or everything in slices between which one may stop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from faceapp.gui.view3d.camera import OrbitCamera
from faceapp.gui.view3d.layers import SceneLayer
from faceapp.gui.view3d.scene import RGB, Scene

# Shifts of less than a pixel; the mean of the four pictures has smooth edges.
_JITTER = ((0.125, 0.375), (-0.375, 0.125), (-0.125, -0.375), (0.375, -0.125))
_MOST_SLICES = 6  # above, one pass must do


@dataclass(frozen=True, eq=False)
class Request:
    """A picture that a view wants.

    Parameters
    ----------
    layers : mapping of str to SceneLayer
        All that there are; what was made of those that are missing is thrown away.
    sets : tuple of tuple of str
        Which of them are in each picture: one, or the two sides of a split view.
    camera : OrbitCamera
        Where from.
    width, height : int
        Pixels.
    ground : (RGB, RGB)
        Colours of the ground, top and bottom.
    depth : bool
        Whether the distance of each pixel is wanted.
    whole : bool
        Everything with smooth edges; else the proxies, as they are.
    """

    layers: Mapping[str, SceneLayer]
    sets: tuple[tuple[str, ...], ...]
    camera: OrbitCamera
    width: int
    height: int
    ground: tuple[RGB, RGB]
    depth: bool = False
    whole: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """What came of a request.

    Parameters
    ----------
    request : Request
        Which one.
    images : tuple of QImage
        One for each of its sets.
    depths : (H, W) float32 or None
        Distances along the view in the first, first row at the bottom, mm; the ground is infinite.
    seconds : float
        How long it took.
    """

    request: Request
    images: tuple[QImage, ...]
    depths: npt.NDArray[np.float32] | None
    seconds: float


def draw(scene: Scene, request: Request) -> Iterator[Picture | None]:
    """Draw a picture; ``None`` comes between two slices, the picture last."""
    begun = time.perf_counter()
    scene.hold(request.layers)
    scene.set_background(*request.ground)
    images: list[QImage] = []
    depths = None
    for only in request.sets:
        if request.whole:
            for image in _whole(scene, request, only):
                if image is None:
                    yield None
                else:
                    images.append(image)
        else:
            scene.render_proxy(request.camera, request.width, request.height, only)
            images.append(_image(scene.pixels()))
        if request.depth and depths is None:
            depths = scene.distances()
    yield Picture(request, tuple(images), depths, time.perf_counter() - begun)


def _whole(scene: Scene, request: Request, only: tuple[str, ...]) -> Iterator[QImage | None]:
    slices = sum(len(request.layers[name].pieces.whole) for name in only if name in request.layers)
    passes = _JITTER if slices <= _MOST_SLICES else ((0.0, 0.0),)
    total: npt.NDArray[np.uint16] | None = None
    for shift in passes:
        scene.begin(request.camera, request.width, request.height, only, shift)
        while not scene.step():
            yield None
        pixels = scene.pixels().astype(np.uint16)
        total = pixels if total is None else total + pixels
        yield None
    assert total is not None
    yield _image((total // len(passes)).astype(np.uint8))


def _image(pixels: npt.NDArray[np.uint8]) -> QImage:
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGBX8888)
    # VTK's rows start at the bottom; the flip also copies, so VTK may reuse its memory.
    return image.flipped(Qt.Orientation.Vertical).convertToFormat(QImage.Format.Format_RGB32)
