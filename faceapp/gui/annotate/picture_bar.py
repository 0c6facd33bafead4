"""The tools over the large picture of Annotate."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSlider, QToolButton, QVBoxLayout, QWidget, QWidgetAction
from typing_extensions import override

from faceapp.gui.picture.tones import MOST, Tones
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Button, Segmented, ToolButton
from faceapp.gui.widgets.labels import label

_MARGINS, _GAP = 28, 4
MODES = (("select", "Select"), ("curve", "Draw curve"))


class TonesButton(ToolButton):
    """Opens two sliders, brightness and contrast.

    Signals
    -------
    tonesChanged(object)
        `Tones`.
    """

    tonesChanged = Signal(object)  # noqa: N815 - a Qt name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("sun", "Brightness and contrast", parent=parent)
        self._sliders = {name: _slider() for name in ("Brightness", "Contrast")}
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(12, 8, 12, 10)
        for name, slider in self._sliders.items():
            column.addWidget(label(name, "secondary"))
            column.addWidget(slider)
            slider.valueChanged.connect(lambda _: self.tonesChanged.emit(self.tones))
        plain = Button("As taken")
        plain.clicked.connect(lambda: self.set_tones(Tones()))
        column.addWidget(plain)
        menu = QMenu(self)
        inside = QWidgetAction(menu)
        inside.setDefaultWidget(box)
        menu.addAction(inside)
        self.setMenu(menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    @property
    def tones(self) -> Tones:
        """What the sliders say."""
        return Tones(self._sliders["Brightness"].value(), self._sliders["Contrast"].value())

    def set_tones(self, tones: Tones) -> None:
        """Move the sliders."""
        self._sliders["Brightness"].setValue(tones.brightness)
        self._sliders["Contrast"].setValue(tones.contrast)


def _slider() -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(-MOST, MOST)
    slider.setPageStep(20)
    slider.setFixedWidth(200)
    return slider


class PictureBar(QWidget):
    """What the mouse does, what is shown, and the acts on the whole face."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        self.setFixedHeight(44)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(4)
        self.mode = Segmented(MODES)
        self.follow = ToolButton("frame-corners", "Zoom follows the group", checkable=True)
        self.symmetric = ToolButton("flip-horizontal", "Move both sides alike", checkable=True)
        self.linked = ToolButton("link", "Eye centres and pupils move together", checkable=True)
        self.live = ToolButton("path", "The rest of the face follows each placed point", checkable=True)
        self.names = ToolButton("tag", "Names of the group's points", checkable=True)
        self.loupe = ToolButton("magnifying-glass-plus", "Loupe", checkable=True)
        self.hide_points = ToolButton("eye-slash", "Hide the points", checkable=True)
        self.blink = ToolButton("lightning", "Blink the points", checkable=True)
        self.tones = TonesButton()
        self.fit = ToolButton("arrows-out", "Whole face")
        self.undo = ToolButton("arrow-counter-clockwise", "Undo")
        self.redo = ToolButton("arrow-clockwise", "Redo")
        self.refit = Button("Refit", "quiet", icon_name="magic-wand")
        self.propagate = Button("Propagate…", "quiet", icon_name="share-network")
        self.submit = Button("Submit", "primary", key="Return")
        row.addWidget(self.mode)
        row.addSpacing(4)
        switches = (self.follow, self.live, self.symmetric, self.linked, self.names, self.loupe)
        for widget in (*switches, self.hide_points, self.blink, self.tones, self.fit, self.undo, self.redo):
            row.addWidget(widget)
        row.addSpacing(4)
        row.addWidget(self.refit)
        row.addWidget(self.propagate)
        row.addStretch()
        row.addWidget(self.submit)
        for button in (self.loupe, self.follow, self.linked, self.live):
            button.setChecked(True)

        # What is in the menus too, and goes first where there is little room.
        self._spare: tuple[QWidget, ...] = (
            self.redo, self.undo, self.fit, self.blink, self.names, self.loupe, self.linked, self.propagate,
            self.tones, self.symmetric, self.hide_points, self.follow, self.live,
        )  # fmt: skip
        self._kept: tuple[QWidget, ...] = (self.mode, self.refit, self.submit)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        room = self.width() - _MARGINS - sum(w.sizeHint().width() + _GAP for w in self._kept)
        shown: list[QWidget] = []
        for widget in reversed(self._spare):
            width = widget.minimumSize().width() or widget.sizeHint().width()
            if width + _GAP > room:
                break
            room -= width + _GAP
            shown.append(widget)
        for widget in self._spare:
            widget.setVisible(widget in shown)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(200, 44)
