"""Layers of a view: made ready on a thread where they are large, with the pickers that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QTimer

from faceapp.core.arrays import FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.gui.bridge import Background, Relay
from faceapp.gui.view3d.layers import LayerStyle, Scalars, SceneLayer
from faceapp.gui.view3d.picking import CloudPicker, MeshPicker, Pick
from faceapp.gui.view3d.pieces import Pieces, cut, size_of

_AT_ONCE = 20_000  # triangles or points that are cut and indexed within a few milliseconds
_PICKER_AFTER = 1500  # ms: pictures come first, for building a picker keeps the interpreter to itself for a while
_PICK_PIXELS = 5.0
_END_S = 0.5  # s that the making of a picker has to end when the view closes

Picker = MeshPicker | CloudPicker


class LayerStore:
    """The layers of one view.

    Parameters
    ----------
    relay : Relay
        Where threads report.
    changed : callable
        Called when a layer that was made ready on a thread has arrived, with its identifier.
    """

    def __init__(self, relay: Relay, changed: Callable[[str], None]) -> None:
        self._relay, self._changed = relay, changed
        self._background: Background | None = None
        self._ready: dict[str, SceneLayer] = {}
        self._pickers: dict[str, Picker] = {}
        self._wanted: dict[str, object] = {}
        self._looks: dict[str, tuple[LayerStyle, Scalars | None, bool]] = {}

    # Filling

    def put(
        self,
        identifier: str,
        data: Mesh | PointCloud,
        style: LayerStyle,
        scalars: Scalars | None,
        visible: bool,
        pieces: Pieces | None = None,
    ) -> bool:
        """Add or exchange a layer; return whether it is ready now, as one is that was cut before."""
        self._pickers.pop(identifier, None)
        self._looks[identifier] = style, scalars, visible
        token = self._wanted[identifier] = object()
        if pieces is not None and size_of(data) > _AT_ONCE:
            self._arrive(identifier, data, token, pieces)
            QTimer.singleShot(_PICKER_AFTER, partial(self._make_picker, identifier, data, token, pieces))
            return True
        if size_of(data) <= _AT_ONCE:
            pieces = pieces or cut(data)
            self._arrive(identifier, data, token, pieces)
            self._pickers[identifier] = _picker(data, pieces)
            return True
        self._work(partial(cut, data), partial(self._arrive_later, identifier, data, token))
        return False

    def put_ready(self, identifier: str, data: PointCloud, pieces: Pieces, style: LayerStyle) -> None:
        """Add or exchange a layer that a thread has cut and another will follow at once; it cannot be picked."""
        visible = self._looks[identifier][2] if identifier in self._looks else True
        self._pickers.pop(identifier, None)
        self._wanted[identifier] = object()
        self._looks[identifier] = style, None, visible
        self._ready[identifier] = SceneLayer(data, pieces, style, fleeting=True)

    def shows(self, drawn: Mapping[str, SceneLayer]) -> bool:
        """Return whether a picture of these layers is still one of what there is."""
        ready = self.ready
        return drawn.keys() == ready.keys() and all(
            layer is ready[name] or (layer.fleeting and ready[name].fleeting) for name, layer in drawn.items()
        )

    def _work(self, work: Callable[[], Any], done: Callable[[Any], object]) -> None:
        if self._background is None:
            self._background = Background(self._relay, 1)
        self._background.run(work, done)

    def _make_picker(self, identifier: str, data: Mesh | PointCloud, token: object, pieces: Pieces) -> None:
        if self._wanted.get(identifier) is token:
            self._work(partial(_picker, data, pieces), partial(self._picker_arrived, identifier, token))

    def _arrive(self, identifier: str, data: Mesh | PointCloud, token: object, pieces: Pieces) -> bool:
        if self._wanted.get(identifier) is not token:
            return False  # exchanged or taken away meanwhile
        style, scalars, _ = self._looks[identifier]
        self._ready[identifier] = SceneLayer(data, pieces, style, scalars)
        return True

    def _arrive_later(self, identifier: str, data: Mesh | PointCloud, token: object, pieces: Pieces) -> None:
        if self._arrive(identifier, data, token, pieces):
            self._work(partial(_picker, data, pieces), partial(self._picker_arrived, identifier, token))
            self._changed(identifier)

    def _picker_arrived(self, identifier: str, token: object, picker: Picker) -> None:
        if self._wanted.get(identifier) is token:
            self._pickers[identifier] = picker

    def drop(self, identifier: str) -> None:
        """Take a layer away."""
        tables: tuple[dict[str, Any], ...] = (self._pickers, self._wanted, self._looks, self._ready)
        for table in tables:
            table.pop(identifier, None)

    def restyle(self, identifier: str, style: LayerStyle, scalars: Scalars | None) -> None:
        """Give a layer another look.

        Raises
        ------
        KeyError
            There is no such layer.
        """
        _, _, visible = self._looks[identifier]
        self._looks[identifier] = style, scalars, visible
        if identifier in self._ready:
            self._ready[identifier] = replace(self._ready[identifier], style=style, scalars=scalars)

    def set_visible(self, identifier: str, visible: bool) -> None:
        """Show or hide a layer."""
        style, scalars, _ = self._looks[identifier]
        self._looks[identifier] = style, scalars, visible

    # Reading

    def look(self, identifier: str) -> tuple[LayerStyle, Scalars | None, bool]:
        """Return style, scalars and visibility of a layer."""
        return self._looks[identifier]

    @property
    def names(self) -> tuple[str, ...]:
        """Identifiers, in the order in which they came."""
        return tuple(self._looks)

    @property
    def ready(self) -> Mapping[str, SceneLayer]:
        """The layers that can be drawn, in the order in which they came."""
        return {name: self._ready[name] for name in self._looks if name in self._ready}

    @property
    def visible(self) -> Mapping[str, SceneLayer]:
        """Those of them that are to be seen."""
        return {name: layer for name, layer in self.ready.items() if self._looks[name][2]}

    def box(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """Return the corners of the box round the visible layers."""
        shown = [layer.pieces for layer in self.visible.values()]
        if not shown:
            return None
        return np.min([p.low for p in shown], axis=0), np.max([p.high for p in shown], axis=0)

    def pick(self, origin: FloatArray, direction: FloatArray, reach: float, mm_per_pixel: float) -> Pick | None:
        """Return the foremost hit on a visible layer; one whose picker is still being built is not hit."""
        hits: list[Pick] = []
        for identifier, layer in self.visible.items():
            picker, hit = self._pickers.get(identifier), None
            if isinstance(picker, MeshPicker):
                hit = picker.pick(identifier, origin, direction, reach)
            elif isinstance(picker, CloudPicker):
                tolerance = max(_PICK_PIXELS * mm_per_pixel, 0.75 * layer.pieces.spacing)
                hit = picker.pick(identifier, origin, direction, tolerance)
            if hit is not None:
                hits.append(hit)
        return min(hits, key=lambda hit: hit.distance, default=None)

    def close(self) -> None:
        """Stop the thread."""
        self._wanted.clear()
        if self._background is not None:
            self._background.close(_END_S)
            self._background = None


def _picker(data: Mesh | PointCloud, pieces: Pieces) -> Picker:
    return MeshPicker(data) if isinstance(data, Mesh) else CloudPicker(data, pieces.spacing)
