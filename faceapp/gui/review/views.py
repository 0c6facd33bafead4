"""The two views of Review: the result with its heat map, and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.core.arrays import FloatArray
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.gui.picture.view import PictureView
from faceapp.gui.review.results import Result, SampleResults, key_of, millimetres
from faceapp.gui.theme import MARKS, surface
from faceapp.gui.view3d.camera import OrbitCamera
from faceapp.gui.view3d.layers import ColorBy, Edges, LayerStyle, Scalars
from faceapp.gui.view3d.linking import link
from faceapp.gui.view3d.overlay import Strokes
from faceapp.gui.view3d.pieces import Pieces
from faceapp.gui.view3d.view import View3D
from faceapp.landmarks.scheme import load_scheme

LIMIT_MM = {"register": 0.6, "reconstruct": 3.0}
MODEL_TINT = (0xA9, 0xC4, 0xE6)
LABELLED_MM = 1.0
"""From this residual on a landmark's line has its millimetres beside it."""

_MOST_LABELS = 3
_NAMES = {"register": "Registration", "reconstruct": "Reconstruction"}
_SLIDER = 220
_SECOND_AFTER = 250  # ms in which the heat map has the machine for itself
_ROUND_FACE_MM, _FOREHEAD_MM, _HEAD_MM = 8.0, 30.0, 260.0
_ELSEWHERE_MM = 25.0
"""From here on the next head is another one in another place, not the same with another expression."""


class ReviewViews(QWidget):
    """Both views, side by side; the first can give way to a page that says what to do."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "line")
        self.heat, self.compare, self.picture = View3D(), View3D(), PictureView(editable=False)
        self.first_note = QWidget()
        surface(self.first_note, "window")
        QVBoxLayout(self.first_note)
        self._first, self._second = QStackedWidget(), QStackedWidget()
        for widget in (self.heat, self.first_note):
            self._first.addWidget(widget)
        for widget in (self.compare, self.picture):
            self._second.addWidget(widget)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        row.addWidget(self._first, 1)
        row.addWidget(self._second, 1)
        self.opacity = QSlider(Qt.Orientation.Horizontal, self.compare)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(50)
        self.opacity.setFixedWidth(_SLIDER)
        self.opacity.setAccessibleName("Opacity of the result over the scan")
        self.opacity.setToolTip("Left: the scan, right: the result  [B: blink]")
        self.opacity.valueChanged.connect(lambda value: self.compare.set_fade(value / 100))
        self.opacity.hide()
        self._second_later = QTimer(self)
        self._second_later.setSingleShot(True)
        self._second_later.setInterval(_SECOND_AFTER)
        self._second_later.timeout.connect(self.show_second)
        self.heat.pictured.connect(lambda _: self._heat_pictured())
        self._results: SampleResults | None = None
        self._result: Result | None = None
        self._texture: tuple[str, Mesh] | None = None
        self._unlink: Callable[[], None] | None = None
        self._middle: FloatArray | None = None
        self._marks: Landmarks3D | None = None
        self._section: tuple[Strokes, ...] = ()
        self._pins: Strokes | None = None
        self.mode, self.color, self.edges, self.points, self.repairing = "split", "signed", False, False, False

    # What is shown

    def show_result(self, results: SampleResults, result: Result) -> None:
        """Show a result beside its scan."""
        self._results, self._result = results, result
        self._follow(result.pieces)
        self._first.setCurrentWidget(self.heat)
        self._show_heat(self.heat, "heat", result)
        self._second_later.start()
        self.show_overlays()
        self.heat.hasten()

    def _heat_pictured(self) -> None:
        """Let the second view follow, once what was asked for stands."""
        if self._second_later.isActive():
            self._second_later.stop()
            self.show_second()

    def show_scan(self, results: SampleResults) -> None:
        """Show the scan beside the page that says what to do with it."""
        self._follow(results.scan_pieces)
        self._results, self._result = results, None
        self._first.setCurrentWidget(self.first_note)
        self.heat.clear()
        self.show_second()
        self.show_overlays()

    def clear(self) -> None:
        """Show nothing: what comes next is another sample's."""
        self._middle = None
        self._results = self._result = None
        for view in (self.heat, self.compare):
            view.clear()
            view.set_strokes()
            view.set_landmarks(None)

    def set_texture(self, sample: str, mesh: Mesh) -> None:
        """Have the textured scan of a sample."""
        self._texture = sample, mesh
        if self._results is not None and key_of(self._results.sample) == sample:
            self.show_second()

    @property
    def wants_texture(self) -> bool:
        """Whether the textured scan is to be seen and is not here."""
        if self._results is None or self._results.scan is None:
            return False
        here = self._texture is not None and self._texture[0] == key_of(self._results.sample)
        return not here and (self._result is None or self.mode == "texture")

    def _show_heat(self, view: View3D, layer: str, result: Result) -> None:
        limit = LIMIT_MM[result.stage]
        edges = Edges.OVER if self.edges else Edges.NONE
        if result.distance is None or self.color == "shape":
            view.set_layer(layer, result.mesh, LayerStyle(edges=edges, tint=MODEL_TINT), pieces=result.pieces)
            return
        if self.color == "absolute":
            scalars = Scalars(np.abs(result.distance), 0.0, limit, "batlow", "Distance to the scan")
        else:
            words = "Signed distance: − inside, + outside the scan"
            scalars = Scalars(result.distance, -limit, limit, "vik", words)
        view.set_layer(layer, result.mesh, LayerStyle(ColorBy.SCALARS, edges), scalars, pieces=result.pieces)

    def show_second(self) -> None:
        """Show what the result is compared with."""
        results, result, mode = self._results, self._result, self.mode
        self._second_later.stop()
        if results is None:
            return
        self._second.setCurrentIndex(int(mode == "photograph" and result is not None and result.overlay is not None))
        view = self.compare
        wanted: set[str] = set()
        sides: tuple[list[str], list[str]] | None = None
        view.set_chips()
        if mode == "before" and result is not None and results.before is not None and not self.repairing:
            self._show_heat(view, "before", results.before)
            view.set_chips("Before")
            wanted = {"before"}
        elif results.scan is None:
            assert result is not None
            self._put_result(result)
            wanted = {"result"}
        elif result is None or self.repairing or mode == "texture":
            self._put_scan(results.scan, results.scan_pieces, True)
            view.set_chips("Scan")
            wanted = {"scan"}
        else:
            self._put_scan(results.scan, results.scan_pieces, False)
            self._put_result(result)
            wanted, sides = {"scan", "result"}, (["scan"], ["result"])
        for name in set(view.layer_names) - wanted:
            view.remove_layer(name)
        fading = sides is not None and mode == "fade"
        self.opacity.setVisible(fading)
        view.set_fade(self.opacity.value() / 100 if fading else None)
        if sides is None:
            view.set_compare()
        else:
            view.set_compare(*sides, ("Scan", _NAMES[result.stage if result is not None else "register"]))
        self._place_slider()

    def _put_scan(self, scan: Mesh, pieces: Pieces | None, textured: bool) -> None:
        sample = key_of(self._results.sample) if self._results is not None else ""
        if textured and self._texture is not None and self._texture[0] == sample:
            self.compare.set_layer("scan", self._texture[1], LayerStyle(ColorBy.TEXTURE))
            return
        look = ColorBy.COLOR if scan.colors is not None else ColorBy.PLAIN
        self.compare.set_layer("scan", scan, LayerStyle(look), pieces=pieces)

    def _put_result(self, result: Result) -> None:
        edges = Edges.OVER if self.edges else Edges.NONE
        style = LayerStyle(edges=edges, tint=MODEL_TINT)
        self.compare.set_layer("result", result.mesh, style, pieces=result.pieces)

    # Landmarks, section, pins

    def set_marks(self, marks: Landmarks3D | None) -> None:
        """Show these landmarks instead of those that led the result (while repairing)."""
        self._marks = marks
        self.show_overlays()

    def set_section(self, strokes: tuple[Strokes, ...]) -> None:
        """Show where a plane cuts scan and result; nothing ends it."""
        self._section = strokes
        self.show_overlays()

    def set_pins(self, pins: Strokes | None) -> None:
        """Show pinned points with their places on the scan."""
        self._pins = pins
        self.show_overlays()

    def show_overlays(self) -> None:
        """Show landmarks with their residuals, the section and the pins over both views."""
        result = self._result
        marks = self._marks or (result.landmarks if result is not None else None)
        shown = marks if (self.points or self.repairing) and result is not None else None
        strokes = list(self._section)
        if shown is not None and result is not None and result.anchors is not None:
            strokes.append(residual_strokes(shown, result))
        if self._pins is not None:
            strokes.append(self._pins)
        scheme = load_scheme(shown.scheme) if shown is not None else None
        for view in (self.heat, self.compare):
            view.set_landmarks(shown, scheme)
            view.set_strokes(*strokes)
        self.compare.set_editable(self.repairing)

    def point_at(self, index: int) -> None:
        """Show one landmark in the middle of both views."""
        result = self._result
        if result is None or result.landmarks is None:
            return
        self.points = True
        self.show_overlays()
        scheme = load_scheme(result.landmarks.scheme)
        for view in (self.heat, self.compare):
            view.set_active(scheme.group_of(index).name, index)
        if self.heat.isVisible():
            self.heat.fly_to(self.heat.camera.focused(result.landmarks.points[index]))

    # Cameras

    def set_linked(self, linked: bool, others: tuple[View3D, ...] = ()) -> None:
        """Let the cameras move together, or each alone."""
        if self._unlink is not None:
            self._unlink()
        self._unlink = link(self.heat, self.compare, *others) if linked else None

    def _follow(self, pieces: Pieces | None) -> None:
        """Keep direction and distance of the cameras when the next head stands elsewhere."""
        if pieces is None:
            return
        middle = (pieces.low + pieces.high) / 2
        if self._middle is not None and np.linalg.norm(middle - self._middle) > _ELSEWHERE_MM:
            for view in (self.heat, self.compare):
                camera, shift = view.camera, middle - self._middle
                view.set_camera(replace(camera, focus=camera.focus + shift, centre=camera.centre + shift), quietly=True)
        elif self._middle is None:
            self._frame_face(fly=False)
        if self._middle is None or np.linalg.norm(middle - self._middle) > _ELSEWHERE_MM:
            self._middle = middle

    def home(self) -> None:
        """Look at the face from the front."""
        if not self._frame_face(fly=True):
            self.heat.home()
            self.compare.home()

    def _frame_face(self, *, fly: bool) -> bool:
        """Let the cameras show the face from the front; return whether it is known where that is."""
        marks = self._result.landmarks if self._result is not None else None
        if marks is None or not marks.placed.any():
            return False
        points = marks.points[marks.placed]
        low, high = points.min(axis=0) - _ROUND_FACE_MM, points.max(axis=0) + _ROUND_FACE_MM
        high[1] += _FOREHEAD_MM
        for view in (self.heat, self.compare):
            wide = OrbitCamera.home(low, high, view.width() / max(1, view.height()))
            camera = replace(wide, radius=max(wide.radius, _HEAD_MM))  # the back of the head is not cut away
            if fly and view is self.heat:
                view.fly_to(camera)
            elif not fly or self._unlink is None:
                view.set_camera(camera, quietly=fly)
        return True

    def blink(self) -> None:
        """Jump between scan alone and result alone."""
        if self.compare.fade is not None:
            self.opacity.setValue(0 if self.opacity.value() > 50 else 100)
        else:
            self.compare.set_split(0.0 if self.compare.split > 0.5 else 1.0)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_slider()

    def _place_slider(self) -> None:
        x = max(8, (self.compare.width() - _SLIDER) // 2)
        self.opacity.move(x, max(8, self.compare.height() - 44))

    def shut_down(self) -> None:
        """Let VTK go."""
        self._second_later.stop()
        self.heat.shut_down()
        self.compare.shut_down()


def residual_strokes(marks: Landmarks3D, result: Result) -> Strokes:
    """Return lines from each landmark on the scan to its place on a result, with millimetres where they are large."""
    assert result.anchors is not None
    silhouette = list(load_scheme(marks.scheme).silhouette)
    gaps = np.linalg.norm(result.anchors - marks.points, axis=1)
    gaps[silhouette] = np.nan
    known = np.flatnonzero(np.isfinite(gaps))
    segments = np.stack([marks.points[known], result.anchors[known]], axis=1)
    worst = set(known[np.argsort(-gaps[known])[:_MOST_LABELS]].tolist())
    labels = tuple(millimetres(float(gaps[i])) if i in worst and gaps[i] >= LABELLED_MM else "" for i in known.tolist())
    return Strokes(segments, MARKS.residual, 1.5, labels)
