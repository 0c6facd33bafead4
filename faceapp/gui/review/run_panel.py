"""Choosing a stage and a plugin, and its parameters in a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from faceapp.gui.forms.form import ParameterForm
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Button, Segmented
from faceapp.gui.widgets.labels import label

if TYPE_CHECKING:
    from faceapp.pipeline.contract import Plugin

_STAGES = (("fuse", "Fuse"), ("register", "Register"), ("reconstruct", "Reconstruct"))
_WORDS = {
    "fuse": "Joins the clouds of the three groups into one cloud and a mesh, and puts the landmarks onto it.",
    "register": "Lays the template onto the mesh; a sample that is not fused yet is fused first.",
    "reconstruct": "Makes a face from the photographs alone and measures it against the scan.",
}
_OWN = "Own values"
_VERBS = {"fuse": "Fuse", "register": "Register", "reconstruct": "Reconstruct"}


class RunPanel(QWidget):
    """What to run on the sample.

    Signals
    -------
    wanted(str, bool)
        Stage, and whether on all samples that are listed.
    """

    wanted = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        self._plugins: dict[str, list[Plugin]] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        self._presets: dict[str, dict[str, Any]] = {}
        self.form: ParameterForm | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        self.stage = Segmented(_STAGES)
        self.stage.changed.connect(lambda _: self.show_stage())
        column.addWidget(self.stage, 0, Qt.AlignmentFlag.AlignLeft)
        self._words = label("", "body2", wrap=True)
        column.addWidget(self._words)
        self.template = QComboBox()
        column.addWidget(self.template)
        self.plugin = QComboBox()
        self.plugin.activated.connect(lambda _: self._show_form())
        column.addWidget(self.plugin)
        self.preset = QComboBox()
        self.preset.setAccessibleName("Preset")
        self.preset.activated.connect(lambda _: self._take_preset())
        column.addWidget(self.preset)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(self._scroll, 1)
        self._broken = label("", "check", wrap=True)
        self._broken.hide()
        column.addWidget(self._broken)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.run_one = Button("Fuse", tall=True)
        self.run_all = Button("On all samples", "quiet", tall=True)
        self.run_one.clicked.connect(lambda: self.wanted.emit(self.stage.current, False))
        self.run_all.clicked.connect(lambda: self.wanted.emit(self.stage.current, True))
        row.addWidget(self.run_one, 1)
        row.addWidget(self.run_all, 1)
        column.addLayout(row)
        self.show_stage()

    def set_plugins(self, plugins: tuple[Plugin, ...], broken: tuple[str, ...]) -> None:
        """Offer these plugins; those that cannot be loaded are named."""
        self._plugins = {}
        for plugin in plugins:
            self._plugins.setdefault(plugin.stage, []).append(plugin)
        self._broken.setText("\n".join(broken))
        self._broken.setVisible(bool(broken))
        self.show_stage()

    def show_stage(self) -> None:
        """Show the plugins of the stage."""
        self._keep()
        stage = self.stage.current
        self._words.setText(_WORDS[stage])
        self.plugin.clear()
        for plugin in self._plugins.get(stage, []):
            self.plugin.addItem(f"{plugin.title}  {plugin.version}", plugin.name)
        self.template.setVisible(stage == "register")
        self.plugin.setVisible(stage != "fuse")
        self.run_one.set_words(_VERBS[stage])
        self._show_form()

    def _show_form(self) -> None:
        from faceapp.pipeline.parameters import describe

        self._keep()
        self.form = None
        chosen = self._chosen()
        self.preset.setVisible(chosen is not None)
        if chosen is None:
            self._scroll.setWidget(QWidget())
            return
        self.form = ParameterForm(describe(chosen.parameters))
        self.form.valueChanged.connect(self._show_preset)
        self.form.setProperty("plugin", f"{chosen.stage}/{chosen.name}")
        self.form.setValue(self._kept.get(f"{chosen.stage}/{chosen.name}", {}))
        self._scroll.setWidget(self.form)
        self._fill_presets(chosen)

    def _fill_presets(self, plugin: Plugin) -> None:
        """Offer the named sets of values of a plugin."""
        from faceapp.pipeline.parameters import describe, presets_of

        defaults = {info.name: info.default for info in describe(plugin.parameters)}
        self._presets = {"Defaults": defaults}
        self._presets |= {
            name[:1].upper() + name[1:]: defaults | dict(values)
            for name, values in presets_of(plugin.parameters).items()
        }
        self.preset.clear()
        self.preset.addItems([*self._presets, _OWN])
        self._show_preset()

    def _show_preset(self) -> None:
        """Name the preset that the form agrees with."""
        values = self.form.value() if self.form is not None else {}
        same = next((name for name, preset in self._presets.items() if preset == values), _OWN)
        self.preset.setCurrentText(same)

    def _take_preset(self) -> None:
        values = self._presets.get(self.preset.currentText())
        if values is not None and self.form is not None:
            self.form.setValue(values)
        self._show_preset()

    def _keep(self) -> None:
        if self.form is not None:
            self._kept[str(self.form.property("plugin"))] = self.form.value()

    def _chosen(self) -> Plugin | None:
        if self.stage.current == "fuse":
            return None
        name = self.plugin.currentData()
        return next((p for p in self._plugins.get(self.stage.current, []) if p.name == name), None)

    def choice(self, stage: str) -> tuple[str | None, dict[str, Any] | None]:
        """Return plugin and parameters of a stage: as shown, else as they were, else the defaults."""
        if stage == self.stage.current and (chosen := self._chosen()) is not None and self.form is not None:
            return chosen.name, self.form.value()
        names = [p.name for p in self._plugins.get(stage, [])]
        return (names[0], self._kept.get(f"{stage}/{names[0]}")) if names else (None, None)

    def values(self) -> dict[str, dict[str, Any]]:
        """Return the last values of every form."""
        self._keep()
        return dict(self._kept)

    def set_values(self, values: dict[str, dict[str, Any]]) -> None:
        """Put the last values back."""
        self.form = None
        self._kept = {k: v for k, v in values.items() if isinstance(v, dict)}
        self._show_form()
