"""A capture bundle from outside, decoded and turned under the mouse, without a project."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.core.mesh import Mesh
from faceapp.core.signals import Reporter
from faceapp.gui.capture.figures import surface_of
from faceapp.gui.capture.stage import BEHIND
from faceapp.gui.program.program import Program, ProjectWorkspace
from faceapp.gui.theme import surface
from faceapp.gui.view3d.layers import ColorBy, LayerStyle
from faceapp.gui.view3d.view import View3D
from faceapp.gui.widgets.labels import Fact, SectionHead, label
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.core.results import Report

Shown = tuple[dict[str, Mesh], "Report", dict[str, str]]


class BundleWorkspace(ProjectWorkspace):
    """Shows one bundle.

    Parameters
    ----------
    program : Program
        Runs the decoding.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.folder: Path | None = None
        self.view = View3D()
        self.panel = QWidget()
        surface(self.panel, "panel")
        self.panel.setFixedWidth(348)
        self._column = QVBoxLayout(self.panel)
        self._column.setContentsMargins(12, 10, 12, 12)
        self._column.setSpacing(2)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        surface(self, "line")
        row.addWidget(self.view, 1)
        row.addWidget(self.panel)

    @override
    def enter(self) -> None:
        self.crumbsChanged.emit(["Bundle", self.folder.name] if self.folder else ["Bundle"])

    def show_bundle(self, folder: Path) -> None:
        """Decode a bundle as a job and show it."""
        self.folder = folder
        self.enter()
        self.view.clear()
        empty_layout(self._column)
        self._column.addWidget(label(folder.name, "title"))
        self._column.addWidget(label("Decoding…", "body2"))
        self._column.addStretch()
        title = f"Decoding {folder.name}"
        self.program.jobs.run(title, partial(_decode, folder), self._show, partial(self._failed, folder))

    def _show(self, shown: Shown) -> None:
        surfaces, report, failures = shown
        for name, mesh in surfaces.items():
            self.view.set_layer(name, mesh, LayerStyle(ColorBy.COLOR, behind=BEHIND.get(name, 0.0)))
        empty_layout(self._column)
        add = self._column.addWidget
        add(label(self.folder.name if self.folder else "", "title"))
        extra = report.extra
        add(label(f"{extra.get('subject', '')}  {extra.get('expression', '')}", "body2"))
        for name in surfaces:
            add(SectionHead(name.capitalize()))
            add(Fact("Points", _figure(report, f"{name}.points")))
            add(Fact("Spacing", _figure(report, f"{name}.spacing")))
            add(Fact("Depth error, median", _figure(report, f"{name}.sigma_median")))
            add(Fact("Time", _figure(report, f"{name}.seconds")))
        for name, text in failures.items():
            add(MessageBar(f"{name.capitalize()} has no cloud", text, "", State.BAD, closable=False))
        for text in report.warnings:
            if text.removeprefix("group ").split(":", 1)[0] not in failures:
                add(label(text, "check", wrap=True))
        self._column.addStretch()
        points = sum(len(m.vertices) for m in surfaces.values())
        self.view.set_caption(f"{points:,} points")

    def _failed(self, folder: Path, error: BaseException) -> None:
        empty_layout(self._column)
        self._column.addWidget(label(folder.name, "title"))
        self._column.addWidget(label("Not decoded", "body2"))
        self._column.addStretch()
        self.program.show_failure("The bundle cannot be shown", error)

    @override
    def shut_down(self) -> None:
        self.view.shut_down()
        super().shut_down()


def _decode(folder: Path, reporter: Reporter) -> Shown:
    from faceapp.app.decoding import decode_bundle, report_decoding, resolve_bundle
    from faceapp.formats.capture_bundle import read_bundle
    from faceapp.fringe.decode import DecodeSettings

    bundle = read_bundle(resolve_bundle(folder))
    settings = DecodeSettings()
    decoded = decode_bundle(bundle, settings, reporter, depth_images=False)
    report = report_decoding(bundle, decoded, settings)
    failures = {name: str(error) for name, error in decoded.failures.items()}
    return {name: surface_of(scan) for name, scan in decoded.scans.items()}, report, failures


def _figure(report: Report, name: str) -> str:
    value: Any = report.value(name)
    unit = next(m.unit for m in report.metrics if m.name == name)
    if value is None:
        return "–"
    if unit == "1":
        return f"{value:,.0f}"
    if unit == "mm" and value < 0.1:
        return f"{1000 * value:.0f}\N{NO-BREAK SPACE}µm"
    return f"{value:.2f}\N{NO-BREAK SPACE}{unit}"
