"""Exposure, gain and light that set themselves up, before light and dark skin of the simulated rig."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.capturing import capture_sample
from faceapp.app.exposure_use import Lit, give_light, keep_exposure, plan_of, use_kept
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.exposure_setup import MOST_SATURATED, TARGET, brightness_of, longest_exposure_ms, set_up_exposure
from faceapp.capture.plan import plan_for
from faceapp.cli.main import main
from faceapp.core.errors import DataError, DeviceError, UsageError
from faceapp.core.mesh import Mesh
from faceapp.devices.projector_records import ProjectorInfo, ProjectorTiming
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraInfo
from faceapp.formats.ply import write_mesh
from faceapp.store.project import Project
from tests.accuracy.test_scan_table import one_group_rig

LIGHT_SKIN, DARK_SKIN = 0, 5


@contextmanager
def rig(folder: Path, **options: object) -> Iterator[ConnectedRig]:
    devices = connect_described_rig("simulated", {"seed": 3, "scale": 0.2, "rig": one_group_rig(folder), **options})
    try:
        devices.prepare("S0001", "neutral", 1)
        yield devices
    finally:
        devices.close()


def light_of(devices: ConnectedRig, settings: object, name: str) -> float:
    mine = settings[name]  # type: ignore[index]
    return float(mine.exposure_ms * 10 ** (mine.gain_db / 20))


def test_light_and_dark_skin_use_the_range_without_saturation(tmp_path: Path) -> None:
    given = {}
    for tone in (LIGHT_SKIN, DARK_SKIN):
        with rig(tmp_path, tone=tone, lamp=1.0) as devices:
            setup = set_up_exposure(devices)
            assert setup.notes == ()
            assert setup.more_exposures_ms == ()
            for seen in setup.seen.values():
                assert abs(seen.peak / TARGET - 1) < 0.1
                assert seen.saturated <= MOST_SATURATED
            given[tone] = light_of(devices, setup.settings, "middle-ir-1")
            groups: list[GroupCapture] = []
            CaptureEngine(devices).capture(setup.plan(plan_for(devices)), groups.append)
            brightest = max(stack.frames.max() for stack in groups[0].stacks.values())
            assert brightest > 0.7 * 255
            lit = np.mean([(s.frames.max(axis=0) >= 255).mean() for s in groups[0].stacks.values()])
            assert lit <= MOST_SATURATED
    assert given[DARK_SKIN] > 1.3 * given[LIGHT_SKIN]


@pytest.mark.figures
def test_exposure_comes_before_gain_and_the_projector_is_dimmed_last(tmp_path: Path) -> None:
    with rig(tmp_path, tone=DARK_SKIN, lamp=0.4) as devices:
        weak = set_up_exposure(devices)
        longest = longest_exposure_ms(
            devices.cameras["middle-ir-1"].info, devices.projectors["middle"].info, plan_for(devices).period_s
        )
        assert weak.settings["middle-ir-1"].exposure_ms == longest
        assert weak.settings["middle-ir-1"].gain_db > 6
        assert weak.brightness == {"middle": 1.0}
    with rig(tmp_path, tone=LIGHT_SKIN, lamp=150.0) as devices:
        glaring = set_up_exposure(devices)
        assert glaring.notes == ()
        assert glaring.settings["middle-ir-1"].gain_db == 0
        assert glaring.brightness["middle"] < 0.8
        assert all(abs(seen.peak / TARGET - 1) < 0.1 for seen in glaring.seen.values())


def test_what_cannot_be_reached_is_told(tmp_path: Path) -> None:
    with rig(tmp_path, tone=DARK_SKIN, lamp=0.05) as devices:
        setup = set_up_exposure(devices)
    assert len(setup.notes) == 2
    assert "of the range only" in setup.notes[0] and "lower the rate" in setup.notes[0]


def two_toned(file: Path) -> Path:
    """A ball whose left half reflects a thirtieth of the light of the right one."""
    v, u = np.mgrid[0 : np.pi : 60j, 0 : 2 * np.pi : 120j]
    points = 80 * np.stack([np.sin(v) * np.cos(u), np.cos(v), np.sin(v) * np.sin(u)], axis=-1).reshape(-1, 3)
    at = np.arange(60 * 120).reshape(60, 120)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
    centre = points[faces].mean(axis=1)
    normal = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    inward = (normal * centre).sum(axis=1) < 0
    faces[inward] = faces[inward][:, ::-1]
    colours = np.where(points[:, :1] < 0, 8, 240).astype(np.uint8).repeat(3, axis=1)
    write_mesh(file, Mesh(points.astype(np.float32), faces.astype(np.int32), None, colours))
    return file


def test_where_one_exposure_cannot_serve_a_second_one_is_suggested(tmp_path: Path) -> None:
    with rig(tmp_path, head=two_toned(tmp_path / "ball.ply"), lamp=6.0) as devices:
        setup = set_up_exposure(devices)
        assert len(setup.more_exposures_ms) == 1
        longer = setup.more_exposures_ms[0]
        assert longer > 1.5 * max(s.exposure_ms for s in setup.settings.values())
        groups: list[GroupCapture] = []
        CaptureEngine(devices).capture(setup.plan(plan_for(devices)), groups.append)
        assert [exposure for exposure, _ in groups[0].more] == [longer]


def test_a_project_keeps_what_was_set_up_and_captures_with_it(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project, rig(tmp_path, tone=DARK_SKIN, lamp=3.0) as devices:
        project.add_subject()
        setup = set_up_exposure(devices)
        keep_exposure(project, devices, setup)
        assert plan_of(project, devices).own_settings == setup.settings
        sample = capture_sample(project, devices, "S0001", "neutral").sample
        described = json.loads((project.sample_folder(sample) / "capture" / "capture.json").read_text())
        kept = {c["name"]: c.get("exposure_ms") for c in described["groups"][0]["cameras"]}
        assert kept["middle-ir-1"] == setup.settings["middle-ir-1"].exposure_ms
        assert kept["middle-rgb"] is None
        project.change_settings({"exposure": {"rig": devices.rig.name, "cameras": {"middle-ir-1": {}}}})
        with pytest.raises(DataError, match="set up the exposure again"):
            plan_of(project, devices)


def test_a_light_that_was_given_is_kept_where_there_is_a_place(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project, rig(tmp_path) as devices:
        projector = devices.projectors["middle"]
        assert give_light(None, devices, "simulated", "middle", 0.5) == Lit(pytest.approx(0.5, abs=0.01), ())
        assert "exposure" not in project.settings
        assert give_light(project, devices, "simulated", "middle", 0.25).kept == ("the project",)
        assert plan_of(project, devices) == plan_for(devices)  # no camera was set up
        give_light(None, devices, "simulated", "middle", 1.0)
        use_kept(project, devices)
        assert projector.state().settings.brightness == pytest.approx(0.25, abs=0.01)  # type: ignore[attr-defined]
        with pytest.raises(DeviceError, match=r"a brightness of 1\.5 is not possible"):
            give_light(project, devices, "simulated", "middle", 1.5)
        assert project.settings["exposure"]["brightness"] == {"middle": 0.25}


def test_the_command_tells_and_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "small.toml"
    group = one_group_rig(tmp_path)
    file.write_text(f'driver = "simulated"\nrig = "{group}"\nscale = 0.2\nlamp = 2.0\ntone = 0\n')
    Project.create(tmp_path / "project", rig=str(file)).close()
    assert main(["devices", str(file), "--set-exposure", "--project", str(tmp_path / "project")]) == 0
    out = capsys.readouterr().out
    assert "middle-ir-1: 3." in out and "of the range" in out and "kept in" in out
    with Project.open(tmp_path / "project", read_only=True) as project:
        assert project.settings["exposure"]["cameras"]["middle-ir-1"]["exposure_ms"] == pytest.approx(3.4, abs=0.4)


def test_the_longest_exposure_is_what_light_and_sensor_allow() -> None:
    camera = CameraInfo("c", "g", "ir", 10, 10, readout_s=0.002, overlap=False)
    timing = ProjectorTiming(rise_s=0.0005, light_on_s=0.008, trigger_delay_s=0.001, trigger_jitter_s=0.0001)
    projector = ProjectorInfo("p", "g", 10, 10, 64, 0.004, timing=timing)
    assert longest_exposure_ms(camera, projector, 0.01) == pytest.approx(6.89, abs=0.011)  # 8 - 1 - 0.1
    assert longest_exposure_ms(camera, projector, 0.0085) == pytest.approx(6.49, abs=0.011)  # 8.5 - 2
    with pytest.raises(UsageError, match="cannot repeat"):
        longest_exposure_ms(camera, projector, 0.002)


def test_nothing_lit_is_no_brightness() -> None:
    assert brightness_of(np.zeros((2, 50, 50), np.uint8), 255).peak == 0
