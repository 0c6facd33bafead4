"""Layers of a view: made ready on a thread where they are large, with the pickers that belong to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from faceapp.core.arrays import FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.gui.bridge import Background, Relay
from faceapp.gui.view3d.layers import LayerStyle, Scalars
from faceapp.gui.view3d.picking import CloudPicker, MeshPicker, Pick
from faceapp.gui.view3d.pieces import Pieces, cut, size_of
from faceapp.gui.view3d.scene import Scene, SceneLayer

_AT_ONCE = 120_000  # triangles or points that are cut and indexed within a frame or two
_PICK_PIXELS = 5.0
_END_S = 0.5  # s that the making of a picker has to end when the view closes


class LayerStore:
    """The layers of one view.

    Parameters
    ----------
    scene : Scene
        Where they are drawn.
    relay : Relay
        Where threads report.
    changed : callable
        Called when a layer that was made ready on a thread has arrived, with its identifier.
    """

    def __init__(self, scene: Scene, relay: Relay, changed: Callable[[str], None]) -> None:
        self._scene, self._relay, self._changed = scene, relay, changed
        self._background: Background | None = None
        self._pickers: dict[str, MeshPicker | CloudPicker | None] = {}
        self._wanted: dict[str, SceneLayer | None] = {}
        self._looks: dict[str, tuple[LayerStyle, Scalars | None, bool]] = {}

    def put(
        self, identifier: str, data: Mesh | PointCloud, style: LayerStyle, scalars: Scalars | None, visible: bool
    ) -> bool:
        """Add or exchange a layer; return whether it is ready now."""
        self._pickers.pop(identifier, None)
        self._looks[identifier] = style, scalars, visible
        token = object()
        self._wanted[identifier] = token  # type: ignore[assignment]
        if size_of(data) <= _AT_ONCE:
            self._arrive(identifier, data, token, cut(data))
            return True
        self._work(partial(cut, data), partial(self._arrive_later, identifier, data, token))
        return False

    def _work(self, work: Callable[[], Any], done: Callable[[Any], object]) -> None:
        if self._background is None:
            self._background = Background(self._relay, 1)
        self._background.run(work, done)

    def _arrive(self, identifier: str, data: Mesh | PointCloud, token: object, pieces: Pieces) -> bool:
        if self._wanted.get(identifier) is not token:
            return False  # exchanged or taken away meanwhile
        style, scalars, visible = self._looks[identifier]
        self._scene.put(identifier, SceneLayer(data, pieces, style, scalars, visible))
        if isinstance(data, PointCloud):
            self._pickers[identifier] = CloudPicker(data, pieces.spacing)
        elif size_of(data) > _AT_ONCE:
            self._pickers[identifier] = None
            self._work(partial(MeshPicker, data), partial(self._picker_arrived, identifier, token))
        return True

    def _arrive_later(self, identifier: str, data: Mesh | PointCloud, token: object, pieces: Pieces) -> None:
        if self._arrive(identifier, data, token, pieces):
            self._changed(identifier)

    def _picker_arrived(self, identifier: str, token: object, picker: MeshPicker) -> None:
        if self._wanted.get(identifier) is token:
            self._pickers[identifier] = picker

    def drop(self, identifier: str) -> None:
        """Take a layer away."""
        for table in (self._pickers, self._wanted, self._looks):
            table.pop(identifier, None)
        self._scene.drop(identifier)

    def restyle(self, identifier: str, style: LayerStyle, scalars: Scalars | None) -> None:
        """Give a layer another look.

        Raises
        ------
        KeyError
            There is no such layer.
        """
        _, _, visible = self._looks[identifier]
        self._looks[identifier] = style, scalars, visible
        if identifier in self._scene.layers:
            self._scene.restyle(identifier, style, scalars)

    def look(self, identifier: str) -> tuple[LayerStyle, Scalars | None, bool]:
        """Return style, scalars and visibility of a layer."""
        return self._looks[identifier]

    def set_visible(self, identifier: str, visible: bool) -> None:
        """Show or hide a layer."""
        style, scalars, _ = self._looks[identifier]
        self._looks[identifier] = style, scalars, visible
        if identifier in self._scene.layers:
            self._scene.layers[identifier].visible = visible

    @property
    def names(self) -> tuple[str, ...]:
        """Identifiers, in the order in which they came."""
        return tuple(self._looks)

    def pick(self, origin: FloatArray, direction: FloatArray, reach: float, mm_per_pixel: float) -> Pick | None:
        """Return the foremost hit on a visible layer."""
        best: Pick | None = None
        for identifier, layer in self._scene.layers.items():
            if not layer.visible:
                continue
            hit = self._pick(identifier, layer, origin, direction, reach, mm_per_pixel)
            if hit is not None and (best is None or hit.distance < best.distance):
                best = hit
        return best

    def _pick(
        self,
        identifier: str,
        layer: SceneLayer,
        origin: FloatArray,
        direction: FloatArray,
        reach: float,
        mm_per_pixel: float,
    ) -> Pick | None:
        picker = self._pickers.get(identifier)
        if picker is None and identifier not in self._pickers and isinstance(layer.data, Mesh):
            picker = self._pickers[identifier] = MeshPicker(layer.data)
        if isinstance(picker, MeshPicker):
            return picker.pick(identifier, origin, direction, reach)
        if isinstance(picker, CloudPicker):
            tolerance = max(_PICK_PIXELS * mm_per_pixel, 0.75 * layer.pieces.spacing)
            return picker.pick(identifier, origin, direction, tolerance)
        return None  # still being built

    def close(self) -> None:
        """Stop the thread."""
        self._wanted.clear()
        if self._background is not None:
            self._background.close(_END_S)
            self._background = None
