"""The self-test of the wiring: every wrong wiring of the simulated rig is found and named, and a right one is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.burst import make_quiet
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.capture.self_test import Seen, WiringReport, check_wiring
from faceapp.cli.main import main
from faceapp.core.errors import UsageError
from tests.ui.test_rig_devices import pattern_rig


def report_of(**options: object) -> WiringReport:
    devices = connect_described_rig("simulated", {"seed": 5, "scale": 0.2, **options})
    try:
        devices.prepare("S0001", "neutral", 1)
        return check_wiring(devices)
    finally:
        devices.close()


def test_a_rig_that_is_wired_well_is_good_and_works_on() -> None:
    devices = connect_described_rig("simulated", {"seed": 5, "scale": 0.2})
    try:
        devices.prepare("S0001", "neutral", 1)
        report = check_wiring(devices)
        assert report.is_good
        for group in devices.rig.groups:
            own = {model.name for model in group.cameras}
            seen = report.seen[group.name]
            assert {name for name, had in seen.items() if had is Seen.LIGHT} == own
            assert {name for name, had in seen.items() if had is Seen.NOTHING} == set(devices.cameras) - own
            assert make_quiet(devices, group.name) == []
        groups: list[GroupCapture] = []
        CaptureEngine(devices).capture(CapturePlan(), groups.append)
        assert len(groups) == 3
    finally:
        devices.close()


def test_several_wrong_wirings_at_once_are_all_named() -> None:
    report = report_of(swaps="middle-ir-1 middle-ir-2", mirrors="left", triggers="right-ir-2 none")
    told = {finding.devices: finding.what for finding in report.findings}
    assert "each shows the other's view" in told.pop(("middle-ir-1", "middle-ir-2"))
    assert "mirrored" in told.pop(("left-projector",))
    assert "triggered by no projector" in told.pop(("right-ir-2",))
    assert not told


_ALL = "left-ir-1 right,left-ir-2 right,left-rgb right,right-ir-1 left,right-ir-2 left,right-rgb left"


@pytest.mark.figures
@pytest.mark.parametrize(
    ("options", "devices", "words"),
    [
        ({"swaps": "middle-ir-1 middle-ir-2"}, ["middle-ir-1", "middle-ir-2"], "each shows the other's view"),
        ({"mirrors": "left"}, ["left-projector"], "mirrored"),
        ({"triggers": "left-ir-2 middle"}, ["left-ir-2", "middle-projector"], "triggered by middle-projector, not by"),
        ({"triggers": "middle-rgb none"}, ["middle-rgb"], "triggered by no projector"),
        ({"triggers": "left-ir-1 right,right-ir-1 left"}, ["left-ir-1", "right-ir-1"], "The trigger cables of"),
        (
            {"triggers": "left-ir-1 right,right-ir-1 left", "swaps": "left-ir-1 right-ir-1"},
            ["left-ir-1", "right-ir-1"],
            "each stands in the other's place",
        ),
        ({"triggers": _ALL}, ["left-projector", "right-projector"], "The cameras of left follow right-projector"),
    ],
)
def test_a_wrong_wiring_is_named(options: dict[str, object], devices: list[str], words: str) -> None:
    report = report_of(**options)
    assert len(report.findings) == 1
    assert list(report.findings[0].devices) == devices
    assert words in report.findings[0].what
    assert report.findings[0].todo


@pytest.mark.figures
def test_a_camera_that_is_gone_is_a_finding_and_the_others_are_report_of() -> None:
    report = report_of(faults="pull-idle left-ir-1")
    assert [f.devices for f in report.findings] == [("left-ir-1",)]
    assert "its cable was pulled" in report.findings[0].what
    assert report.seen["left"]["left-ir-2"] is Seen.LIGHT


@pytest.mark.parametrize("options", [{"triggers": "left-ir-1"}, {"triggers": "left up"}, {"mirrors": "up"}])
def test_impossible_wirings_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="expected"):
        connect_described_rig("simulated", options)


def test_drawn_cameras_of_a_bench_are_triggered(tmp_path: Path) -> None:
    """Their pictures move at each trigger as if fringes went over them; nobody has calibrated them."""
    devices = connect_described_rig(str(pattern_rig(tmp_path)))
    try:
        report = check_wiring(devices)
    finally:
        devices.close()
    assert set(report.seen["middle"].values()) == {Seen.LIGHT}
    assert not [f for f in report.findings if "trigger" in f.what]


def test_the_command_tells_and_exits_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text('driver = "simulated"\nscale = 0.2\nmirrors = ["middle"]\n')
    assert main(["devices", str(rig), "--self-test"]) == 3
    out = capsys.readouterr().out
    assert "middle-projector" in out and "mirrored" in out and "Turn the projector" in out
