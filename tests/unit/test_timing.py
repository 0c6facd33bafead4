"""Plans that cannot work are refused with the inequality that breaks; those at its edge are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine
from faceapp.capture.plan import plan_for
from faceapp.capture.timing import check_timing
from faceapp.core.errors import UsageError
from faceapp.devices.projector_records import ProjectorInfo, ProjectorTiming
from faceapp.devices.records import CameraInfo
from tests.emulated_bench import need_pylon, write_bench

CAMERA = CameraInfo("ir", "middle", "ir", 1280, 1024, readout_s=0.004)
PROJECTOR = ProjectorInfo("lamp", "middle", 0, 0, 64, 0.004)
PERIOD = 1 / 120


def projector(**milliseconds: float) -> ProjectorInfo:
    timing = {f"{name}_s": value / 1000 for name, value in milliseconds.items()}
    return replace(PROJECTOR, timing=ProjectorTiming(**timing))


@pytest.mark.parametrize(
    ("timing", "exposure_ms"),
    [
        ({}, 8.33),
        ({"trigger_delay": 1.0, "trigger_jitter": 0.2, "rise": 0.8}, 7.0),
        ({"light_on": 8.0, "trigger_delay": 0.5, "trigger_jitter": 0.5}, 7.0),
    ],
)
def test_what_fits_to_the_edge_is_taken(timing: dict[str, float], exposure_ms: float) -> None:
    check_timing(CAMERA, projector(**timing), exposure_ms / 1000, PERIOD)


@pytest.mark.parametrize(
    ("timing", "exposure_ms", "words"),
    [
        ({"rise": 0.5}, 7.0, r"delay - jitter >= rise is broken, 0\.00 - 0\.00 < 0\.50 ms; delay the trigger"),
        ({"trigger_delay": 1.0, "trigger_jitter": 0.3, "rise": 0.8}, 6.0, r"1\.00 - 0\.30 < 0\.80 ms"),
        ({"light_on": 6.0}, 7.0, r"delay \+ exposure \+ jitter <= light on is broken, 0\.00 \+ 7\.00 \+ 0\.00 > 6\.00"),
        ({"trigger_delay": 1.0, "trigger_jitter": 0.5}, 7.0, r"1\.00 \+ 7\.00 \+ 0\.50 > 8\.33 ms; shorten"),
    ],
)
def test_light_and_exposure_that_miss_each_other_are_refused(
    timing: dict[str, float], exposure_ms: float, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        check_timing(CAMERA, projector(**timing), exposure_ms / 1000, PERIOD)


def test_a_sensor_that_cannot_repeat_is_refused() -> None:
    check_timing(CAMERA, PROJECTOR, 0.007, PERIOD)
    with pytest.raises(UsageError, match=r"exposure \+ readout <= period is broken, 11\.00 > 8\.33 ms"):
        check_timing(replace(CAMERA, overlap=False), PROJECTOR, 0.007, PERIOD)
    with pytest.raises(UsageError, match=r"max\(exposure, readout\) <= period is broken, 9\.00 > 8\.33 ms"):
        check_timing(replace(CAMERA, readout_s=0.009), PROJECTOR, 0.007, PERIOD)


def test_a_rig_file_states_what_was_measured_and_nothing_moves_that_cannot_work(tmp_path: Path) -> None:
    need_pylon()
    file = write_bench(tmp_path, groups=1)
    timing = 'driver = "emulated", timing = { rise_ms = 0.4, trigger_delay_ms = 0.5 }, '
    text = file.read_text().replace('driver = "emulated", ', timing)
    assert timing in text
    file.write_text(text.replace('role = "ir"', 'role = "ir"\nexposure_ms = 11.0\nreadout_ms = 6.0', 1))
    rig = connect_described_rig(str(file))
    try:
        plan = plan_for(rig)
        assert plan.rate_hz == pytest.approx(80.0)
        assert plan.own_settings["middle-ir-1"].exposure_ms == 11.0
        assert plan.own_settings["middle-ir-2"].exposure_ms == 7.0
        taken: list[str] = []
        CaptureEngine(rig).capture(plan, lambda group: taken.append(group.group.name))
        assert taken == ["middle"]
        too_long = {**plan.own_settings, "middle-ir-2": replace(plan.settings, exposure_ms=12.2)}
        with pytest.raises(
            UsageError, match=r"middle-ir-2 would expose into the next pattern .* 0\.50 \+ 12\.20 \+ 0\.00"
        ):
            CaptureEngine(rig).capture(replace(plan, own_settings=too_long), lambda group: None)
    finally:
        rig.close()
