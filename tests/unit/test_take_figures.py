"""What a take is judged by comes back from the disk as it was."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest

from faceapp.app.capturing import capture_sample
from faceapp.app.rigs import connect_described_rig
from faceapp.app.take_figures import FILE, GroupFigures, TakeFigures, read_take_figures, write_take_figures
from faceapp.core.errors import DataError
from faceapp.store.project import Project
from tests.accuracy.test_scan_table import one_group_rig

FIGURES = TakeFigures(
    {"left": GroupFigures(14, 14, 0.012, 0.7, 300_000, 0.95, 61.5), "right": GroupFigures(13, 14, 0.0, 2.5)},
    {"right": "the sequence cannot be unwrapped"},
    7.25,
)


def test_figures_come_back(tmp_path: Path) -> None:
    write_take_figures(tmp_path, FIGURES)
    found = read_take_figures(tmp_path)
    assert found is not None
    assert found.groups["left"] == FIGURES.groups["left"]
    assert (found.groups["right"].frames, found.groups["right"].motion) == (13, 2.5)
    assert math.isnan(found.groups["right"].coverage)
    assert isinstance(found.groups["left"].points, int)
    assert found.failures == FIGURES.failures
    assert found.seconds == 7.25


def test_a_take_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    assert read_take_figures(tmp_path) is None


def test_a_file_without_a_figure_is_named(tmp_path: Path) -> None:
    write_take_figures(tmp_path, FIGURES)
    data = json.loads((tmp_path / FILE).read_text())
    data["metrics"] = [m for m in data["metrics"] if m["name"] != "left.motion"]
    (tmp_path / FILE).write_text(json.dumps(data))
    with pytest.raises(DataError, match=FILE):
        read_take_figures(tmp_path)


def test_what_the_frames_tell_comes_before_what_the_cloud_tells_and_never_over_it(tmp_path: Path) -> None:
    told: list[str] = []

    def on_frames(name: str, figures: GroupFigures) -> None:
        time.sleep(0.5)
        told.append(f"frames of {name}")

    devices = connect_described_rig("simulated", {"seed": 3, "scale": 0.2, "rig": one_group_rig(tmp_path)})
    try:
        with Project.create(tmp_path / "project") as project:
            project.add_subject()
            capture = capture_sample(
                project,
                devices,
                "S0001",
                "neutral",
                on_frames=on_frames,
                on_scan=lambda name, scan, figures: told.append(f"cloud of {name}"),
            )
    finally:
        devices.close()
    assert told == ["frames of middle", "cloud of middle"]
    assert capture.figures.groups["middle"].points > 0
