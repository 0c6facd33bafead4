"""The VTK side of a view: actors of the layers, an off-screen window, pictures in slices."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkFloatArray, vtkLogger, vtkPoints, vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkLight, vtkPolyDataMapper, vtkRenderer, vtkRenderWindow, vtkTexture

from faceapp.core.arrays import UInt8Array
from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.gui.view3d.camera import OrbitCamera
from faceapp.gui.view3d.layers import ColorBy, Edges, SceneLayer, layer_colors
from faceapp.gui.view3d.pieces import Piece, Pieces

assert vtkmodules.vtkRenderingOpenGL2  # imported for its side effect: the OpenGL factories
vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)  # without a display VTK warns, then finds another way
RGB = tuple[int, int, int]


@dataclass(eq=False)
class _Held:
    """A layer with its colours and the actors that were made of it so far."""

    layer: SceneLayer
    colors: UInt8Array | None
    actors: dict[int, Any] = field(default_factory=dict)  # -1 is the proxy


class Scene:
    """The off-screen window that draws layers. All calls on one thread, also the making."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._renderer: Any = vtkRenderer()
        self._window: Any = vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetShowWindow(False)
        self._window.SetMultiSamples(0)  # without a GPU it costs more than it gives
        self._window.AddRenderer(self._renderer)
        self._renderer.SetAutomaticLightCreation(0)
        for position, strength in (((-0.5, 0.7, 1.0), 0.72), ((0.9, 0.1, 0.6), 0.28), ((0.0, 0.0, 1.0), 0.18)):
            light: Any = vtkLight()
            light.SetLightTypeToCameraLight()
            light.SetPosition(*position)
            light.SetFocalPoint(0, 0, 0)
            light.SetIntensity(strength)
            self._renderer.AddLight(light)
        self._renderer.GradientBackgroundOn()
        self._queue: list[Any] = []
        self._first = True

    def set_background(self, top: RGB, bottom: RGB) -> None:
        """Set the ground, a gradient."""
        self._renderer.SetBackground(*(c / 255 for c in bottom))
        self._renderer.SetBackground2(*(c / 255 for c in top))

    def hold(self, layers: Mapping[str, SceneLayer]) -> None:
        """Have these layers and no others; what was made of those that stay is kept."""
        self._held = {
            name: held
            if (held := self._held.get(name)) is not None and held.layer is layer
            else _Held(layer, layer_colors(layer.data, layer.style, layer.scalars))
            for name, layer in layers.items()
        }

    def render_proxy(self, camera: OrbitCamera, width: int, height: int, only: Collection[str]) -> None:
        """Draw the proxies of these layers at once."""
        self._aim(camera, width, height)
        self._clear_actors()
        for name in only:
            if name in self._held:
                self._renderer.AddActor(self._actor(self._held[name], -1, camera, height))
        self._preserve(False)
        self._window.Render()

    def begin(
        self,
        camera: OrbitCamera,
        width: int,
        height: int,
        only: Collection[str],
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Prepare to draw these layers in slices; call `step` until it returns True.

        ``shift`` moves the picture by a part of a pixel.
        """
        self._aim(camera, width, height)
        self._renderer.GetActiveCamera().SetWindowCenter(2 * shift[0] / width, 2 * shift[1] / height)
        self._queue = [
            (self._held[name], i, camera, height)
            for name in only
            if name in self._held
            for i in range(len(self._held[name].layer.pieces.whole))
        ]
        self._first = True

    def step(self) -> bool:
        """Draw the next slice over what is there; return whether the picture is whole."""
        self._clear_actors()
        if self._queue:
            self._renderer.AddActor(self._actor(*self._queue.pop(0)))
        self._preserve(not self._first)
        self._first = False
        self._window.Render()
        return not self._queue

    def pixels(self) -> UInt8Array:
        """Return the picture, (H, W, 4) RGBA, first row at the bottom."""
        width, height = self._window.GetSize()
        store: Any = vtkUnsignedCharArray()
        self._window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, store)
        return vtk_to_numpy(store).reshape(height, width, 4)

    def distances(self) -> npt.NDArray[np.float32]:
        """Return the distance along the view of each pixel, (H, W), first row at the bottom; the ground is infinite."""
        width, height = self._window.GetSize()
        store: Any = vtkFloatArray()
        self._window.GetZbufferData(0, 0, width - 1, height - 1, store)
        z = vtk_to_numpy(store).reshape(height, width)
        near, far = self._renderer.GetActiveCamera().GetClippingRange()
        with np.errstate(divide="ignore"):
            result = (near * far / (far - z * (far - near))).astype(np.float32)
        result[z >= 1] = np.inf
        return result

    def close(self) -> None:
        """Let the graphics context go."""
        self._clear_actors()
        self._held.clear()
        self._window.Finalize()

    def _preserve(self, on: bool) -> None:
        self._renderer.SetPreserveColorBuffer(on)
        self._renderer.SetPreserveDepthBuffer(on)

    def _clear_actors(self) -> None:
        self._renderer.RemoveAllViewProps()

    def _aim(self, camera: OrbitCamera, width: int, height: int) -> None:
        if tuple(self._window.GetSize()) != (width, height):
            self._window.SetSize(width, height)
        vtk_camera = self._renderer.GetActiveCamera()
        vtk_camera.SetWindowCenter(0, 0)
        vtk_camera.SetPosition(*camera.position)
        vtk_camera.SetFocalPoint(*camera.focus)
        vtk_camera.SetViewUp(*camera.rotation[1])
        vtk_camera.SetViewAngle(camera.view_angle_deg)
        vtk_camera.SetClippingRange(*camera.clipping)

    def _actor(self, held: _Held, which: int, camera: OrbitCamera, height: int) -> Any:
        layer = held.layer
        key = 0 if which == -1 and layer.pieces.small else which
        actor = held.actors.get(key)
        if actor is None:
            piece = layer.pieces.proxy if which == -1 else layer.pieces.whole[which]
            actor = held.actors[key] = _make(layer, held.colors, piece)
        if isinstance(layer.data, PointCloud):
            spacing = layer.pieces.spacing
            if which == -1:
                spacing *= (len(layer.data) / max(1, layer.pieces.proxy.count)) ** 0.5
            size = layer.style.point_size or min(9.0, max(1.5, 1.2 * spacing / camera.mm_per_pixel(height)))
            actor.GetProperty().SetPointSize(size)
        return actor


def _make(layer: SceneLayer, colors: UInt8Array | None, piece: Piece) -> Any:
    textured = (
        isinstance(layer.data, Mesh)
        and layer.style.color_by is ColorBy.TEXTURE
        and layer.data.texture is not None
        and layer.data.uv is not None
    )
    poly = _textured(layer, piece) if textured else _poly(layer, colors, piece)
    mapper: Any = vtkPolyDataMapper()
    mapper.SetInputData(poly)
    mapper.SetScalarModeToUsePointData()
    mapper.SetColorModeToDirectScalars()
    mapper.SetScalarVisibility(not textured and colors is not None)
    if layer.style.behind:  # two noisy surfaces in one place would come out as speckle
        mapper.SetResolveCoincidentTopologyToPolygonOffset()
        mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(0.0, layer.style.behind)
    actor: Any = vtkActor()
    actor.SetMapper(mapper)
    actor.ForceOpaqueOn() if layer.style.opacity >= 1 else actor.ForceTranslucentOn()
    if textured:
        actor.SetTexture(_texture(layer.data.texture))  # type: ignore[union-attr,arg-type]
    _paint(actor.GetProperty(), layer, colors is not None, textured)
    return actor


def _poly(layer: SceneLayer, colors: UInt8Array | None, piece: Piece) -> Any:
    points = layer.data.vertices if isinstance(layer.data, Mesh) else layer.data.points
    poly: Any = vtkPolyData()
    _set_points(poly, points[piece.vertices])
    if piece.faces is None:
        n = len(piece.vertices)
        poly.SetVerts(_cells(np.arange(n, dtype=np.int64), 1))
    else:
        poly.SetPolys(_cells(piece.faces.ravel(), 3))
    if layer.pieces.normals is not None:
        poly.GetPointData().SetNormals(numpy_to_vtk(layer.pieces.normals[piece.vertices], deep=True))
    if colors is not None:
        poly.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(colors[piece.vertices]), deep=True))
    return poly


def _textured(layer: SceneLayer, piece: Piece) -> Any:
    """Give each corner a point of its own, because a seam has two texture coordinates at one vertex."""
    mesh = layer.data
    assert isinstance(mesh, Mesh) and piece.faces is not None and mesh.uv is not None
    if len(piece.vertices) == 0:
        return vtkPolyData()
    corners = piece.vertices[piece.faces]
    start = _first_face(layer.pieces, piece)
    uv = mesh.uv[start : start + len(corners)] if start >= 0 else _nearest_uv(mesh, corners)
    poly: Any = vtkPolyData()
    _set_points(poly, mesh.vertices[corners.ravel()])
    poly.SetPolys(_cells(np.arange(corners.size, dtype=np.int64), 3))
    if layer.pieces.normals is not None:
        poly.GetPointData().SetNormals(numpy_to_vtk(layer.pieces.normals[corners.ravel()], deep=True))
    poly.GetPointData().SetTCoords(numpy_to_vtk(np.ascontiguousarray(uv.reshape(-1, 2)), deep=True))
    return poly


def _first_face(pieces: Pieces, piece: Piece) -> int:
    start = 0
    for other in pieces.whole:
        if other is piece:
            return start
        start += other.count
    return -1


def _nearest_uv(mesh: Mesh, corners: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return one of the texture coordinates of each vertex: seams smear, but only while the hand moves."""
    assert mesh.uv is not None
    table = np.zeros((len(mesh.vertices), 2), np.float32)
    table[mesh.faces.ravel()] = mesh.uv.reshape(-1, 2)
    return table[corners]


def _set_points(poly: Any, points: npt.NDArray[np.float32]) -> None:
    store: Any = vtkPoints()
    store.SetData(numpy_to_vtk(np.ascontiguousarray(points), deep=True))
    poly.SetPoints(store)


def _cells(corners: npt.NDArray[np.int64], n: int) -> Any:
    cells: Any = vtkCellArray()
    offsets = np.arange(0, len(corners) + 1, n, dtype=np.int64)
    cells.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(corners, deep=True))
    return cells


def _texture(picture: UInt8Array) -> Any:
    height, width = picture.shape[:2]
    image: Any = vtkImageData()
    image.SetDimensions(width, height, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(picture[::-1]).reshape(-1, 3), deep=True))
    texture: Any = vtkTexture()
    texture.SetInputData(image)
    texture.InterpolateOn()
    texture.SetColorModeToDirectScalars()
    return texture


def _paint(prop: Any, layer: SceneLayer, coloured: bool, textured: bool) -> None:
    style = layer.style
    photograph = textured or (style.color_by is ColorBy.COLOR and coloured)
    cloud = isinstance(layer.data, PointCloud)
    lit = style.lit if style.lit is not None else not (photograph or cloud) or (cloud and not coloured)
    prop.SetColor(*(c / 255 for c in style.tint))
    prop.SetLighting(bool(lit and layer.pieces.normals is not None))
    prop.SetAmbient(0.10)
    prop.SetDiffuse(0.92)
    prop.SetSpecular(0.04 if coloured else 0.10)
    prop.SetSpecularPower(18)
    prop.SetOpacity(style.opacity)
    prop.SetInterpolationToPhong()
    if not cloud and style.edges is Edges.OVER:
        prop.EdgeVisibilityOn()
        prop.SetEdgeColor(*(c / 255 for c in style.edge_tint))
    if not cloud and style.edges is Edges.ONLY:
        prop.SetRepresentationToWireframe()
        prop.SetLighting(False)
        prop.SetColor(*(c / 255 for c in style.edge_tint))
