"""Trigger boxes over the wire, and the flash of a group: fired once a sequence, outside its infrared exposures."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceapp.app.device_trial import try_group
from faceapp.app.driver_check import check_driver
from faceapp.app.projector_care import report_projectors
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.plan import CapturePlan, check_plan
from faceapp.capture.timing import check_timing
from faceapp.core.errors import DeviceError, UsageError
from faceapp.core.sequence import multi_frequency
from faceapp.devices.projector_records import ProjectorInfo, ProjectorTiming
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraInfo
from faceapp.devices.trigger_records import FlashTiming, Pulse, TriggerProgram
from faceapp_hardware.bench import rig as bench
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.serial_projector import SerialProjector
from faceapp_hardware.projectors.wire import WireError
from faceapp_hardware.simulated.box_firmware import BoxFirmware
from faceapp_hardware.simulated.firmware import Firmware
from faceapp_hardware.simulated.firmware_line import FirmwareLine
from faceapp_hardware.triggers.program_bytes import pack_program, unpack_program
from faceapp_hardware.triggers.serial_box import SerialTriggerBox
from tests.unit.test_bench_rigs import calibrate
from tests.unit.test_serial_projector import Line

FLASH = TriggerProgram(5, (Pulse(2, 0.004, 0.001, 4, 4), Pulse(1, 0.002, 0.001, 4, 4)), input=1)


@pytest.fixture
def firmware() -> Iterator[BoxFirmware]:
    firmware = BoxFirmware(2, 4, lambda output: None)
    yield firmware
    firmware.light_off()
    assert not [t for t in threading.enumerate() if t.name.startswith(("beat", "box"))]


def box_on(firmware: BoxFirmware, damage: float = 0.0, seed: int = 0) -> SerialTriggerBox:
    box = SerialTriggerBox("box", "memory", lambda path: Line(firmware, damage, seed))  # type: ignore[arg-type]
    box.open()
    return box


def wait_fired(firmware: BoxFirmware, count: int) -> list[int]:
    end = time.monotonic() + 2
    while (len(firmware.fired) < count or firmware.is_armed) and time.monotonic() < end:
        time.sleep(0.005)
    return [output for output, _ in firmware.fired]


TIMES = st.integers(0, 2**32 - 1).map(lambda us: us / 1e6)


@given(
    st.integers(1, 65535),
    st.lists(
        st.builds(Pulse, st.integers(0, 255), TIMES, TIMES, st.integers(0, 65535), st.integers(0, 65535)), max_size=8
    ),
    st.integers(0, 255),
    TIMES,
)
def test_a_program_comes_back(count: int, pulses: list[Pulse], number: int, period: float) -> None:
    program = TriggerProgram(count, tuple(pulses), number, period)
    assert unpack_program(pack_program(program)) == program


@given(st.binary(max_size=60))
def test_any_bytes_are_a_program_or_refused(data: bytes) -> None:
    try:
        unpack_program(data)
    except WireError:
        return
    assert len(data) >= 8


def test_it_counts_pulses_fires_once_and_is_done(firmware: BoxFirmware) -> None:
    box = box_on(firmware)
    assert (box.info.inputs, box.info.outputs, box.info.serial) == (2, 4, "EMULATED-BOX")
    box.program(FLASH)
    firmware.pulse(1)  # not armed: nobody counts
    box.arm()
    assert box.is_armed()
    for _ in range(3):
        firmware.pulse(2)  # another input
    for _ in range(5):
        firmware.pulse(1)
    assert wait_fired(firmware, 2) == [1, 2]  # by their delays
    assert not box.is_armed()
    firmware.pulse(1)
    assert len(firmware.fired) == 2
    box.arm()
    for _ in range(5):
        firmware.pulse(1)
    assert wait_fired(firmware, 4) == [1, 2, 1, 2]
    box.close()


def test_a_late_pulse_of_an_early_exposure_comes_though_the_last_has_none(firmware: BoxFirmware) -> None:
    box = box_on(firmware)
    box.program(TriggerProgram(3, (Pulse(4, 0.05, 0.001, 0, 0), Pulse(1, 0.0, 0.001, 2, 2)), input=1))
    box.arm()
    for _ in range(3):
        firmware.pulse(1)
    assert wait_fired(firmware, 2) == [1, 4]
    box.close()


def test_its_own_clock_triggers_each_exposure(firmware: BoxFirmware) -> None:
    box = box_on(firmware)
    box.program(TriggerProgram(4, (Pulse(3, 0.0, 0.001, 0, 3),), period_s=0.02))
    box.arm()
    assert wait_fired(firmware, 4) == [3, 3, 3, 3]
    first, *_, last = (at for _, at in firmware.fired)
    assert last - first == pytest.approx(0.06, abs=0.03)
    box.close()


@pytest.mark.parametrize("seed", range(4))
def test_one_flash_for_each_arming_on_a_bad_line(firmware: BoxFirmware, seed: int) -> None:
    box = box_on(firmware, damage=0.1, seed=seed)
    for armed in range(1, 5):
        box.program(FLASH)
        box.arm()
        for _ in range(5):
            firmware.pulse(1)
        assert wait_fired(firmware, 2 * armed) == armed * [1, 2]
    box.close()


def test_stop_reset_and_silence_keep_the_flash_dark(firmware: BoxFirmware) -> None:
    box = box_on(firmware)
    box.program(FLASH)
    box.arm()
    box.stop()
    assert not firmware.is_armed
    box.arm()
    firmware.reset()
    box.arm()  # programmed again
    assert firmware.is_armed
    box._end_beat()  # as when the host is gone
    time.sleep(wire.WATCHDOG_S + 0.1)
    firmware.watch()
    assert not firmware.is_armed
    assert firmware.fired == []
    box.close()


def test_the_wrong_device_on_a_port_is_named(firmware: BoxFirmware) -> None:
    with pytest.raises(DeviceError, match="lamp: a trigger box hangs on memory, no projector"):
        SerialProjector("lamp", "middle", "memory", lambda path: Line(firmware)).open()  # type: ignore[arg-type]
    projector = Firmware((0, 0), 64, 0.004, lambda exposure: None)
    with pytest.raises(DeviceError, match="box: a projector hangs on memory, no"):
        box_on(projector)  # type: ignore[arg-type]


def test_the_same_over_a_pseudo_terminal_until_the_cable_is_pulled(firmware: BoxFirmware) -> None:
    line = FirmwareLine(firmware, 1e-3, 4)
    box = SerialTriggerBox("box", line.path)
    box.open()
    for armed in range(1, 8):
        box.program(FLASH)
        box.arm()
        for _ in range(5):
            firmware.pulse(1)
        assert wait_fired(firmware, 2 * armed) == armed * [1, 2]
    line.pull()
    with pytest.raises(DeviceError, match=r"box: the line to the trigger box broke .*Check its cable"):
        box.program(FLASH)
    box.close()


def test_the_emulated_box_keeps_the_laws() -> None:
    assert [finding.fault for finding in check_driver("emulated-trigger")] == [""] * 3


RIG = """driver = "bench"
trigger = "software"
calibration = "calibration.json"
[[trigger_boxes]]
name = "box"
driver = "emulated-trigger"
[[groups]]
name = "middle"
projector = { driver = "emulated", timing = { trigger_delay_ms = 0.1, trigger_jitter_ms = 0.05 } }
flash = { box = "box", input = 1, light = 1, camera = 2, delay_ms = 8.0, width_ms = 2.0 }
cameras = [
  { name = "middle-ir-1", role = "ir", driver = "pattern", serial = "1", width = 64, height = 48 },
  { name = "middle-ir-2", role = "ir", driver = "pattern", serial = "2", width = 64, height = 48 },
  { name = "middle-rgb", role = "rgb", driver = "pattern", serial = "3", width = 64, height = 48, exposure_ms = 12.0 },
]
"""


def connected(folder: Path, *changes: tuple[str, str]) -> ConnectedRig:
    text = RIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    calibrate(folder)
    (folder / "lab.toml").write_text(text)
    return connect_described_rig(str(folder / "lab.toml"))


def fires(rig: ConnectedRig) -> dict[str, list[float]]:
    """Note when each camera is triggered."""
    noted: dict[str, list[float]] = {name: [] for name in rig.cameras}
    for name, camera in rig.cameras.items():
        source: Any = camera._source  # type: ignore[attr-defined]

        def fire(name: str = name, act: Any = source.fire) -> None:
            noted[name].append(time.perf_counter())
            act()

        source.fire = fire
    return noted


def test_the_flash_and_the_colour_camera_come_after_the_last_infrared_exposure(tmp_path: Path) -> None:
    rig = connected(tmp_path)
    noted = fires(rig)
    for shot in (1, 2):
        trial = try_group(rig, "middle")
        assert trial.is_good, trial
        assert [camera.frames for camera in trial.cameras] == [14, 14, 1]
        assert [len(at) for at in noted.values()] == [14 * shot, 14 * shot, shot]
        assert noted["middle-rgb"][-1] - noted["middle-ir-1"][-1] >= 0.008
        fired = rig._boxes["box"]._firmware.fired  # type: ignore[attr-defined]
        assert sorted(output for output, _ in fired) == shot * [1] + shot * [2]
    projector = rig.projectors["middle"]
    projector.loop()
    time.sleep(0.3)
    projector.stop()
    assert len(noted["middle-rgb"]) == 2  # a live scan flashes nobody
    assert report_projectors(rig)[0].state is not None
    rig.close()
    rig.close()


def test_a_flash_that_would_shine_into_an_exposure_is_refused_with_its_inequality(tmp_path: Path) -> None:
    rig = connected(tmp_path)
    plan = CapturePlan()
    check_plan(plan, rig)
    late = replace(plan, rate_hz=100.0, settings=replace(plan.settings, exposure_ms=8.0), own_settings={})
    with pytest.raises(UsageError, match=r"flash at middle-projector .*flash delay >= exposure \+ jitter is broken"):
        check_plan(late, rig)
    rig.close()


@pytest.mark.parametrize(
    ("flash", "words"),
    [
        (FlashTiming(0.00705, 0.002), ""),
        (FlashTiming(0.0070, 0.002), r"flash delay >= exposure \+ jitter is broken, 7\.00 < 7\.00 \+ 0\.05 ms"),
        (FlashTiming(0.00705, 0.0012, after=3), ""),
        (
            FlashTiming(0.00705, 0.0013, after=3),
            r"flash delay \+ width \+ jitter <= period is broken, 7\.05 \+ 1\.30 \+ 0\.05 > 8\.33 ms; fire it after",
        ),
    ],
)
def test_the_inequalities_of_the_flash(flash: FlashTiming, words: str) -> None:
    camera = CameraInfo("ir", "middle", "ir", 1280, 1024)
    timing = ProjectorTiming(trigger_delay_s=0.0005, trigger_jitter_s=0.00005)
    projector = ProjectorInfo("lamp", "middle", 0, 0, 64, 0.004, timing=timing, flash=flash)
    if not words:
        check_timing(camera, projector, 0.007, 1 / 120)
        return
    with pytest.raises(UsageError, match=words):
        check_timing(camera, projector, 0.007, 1 / 120)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ('box = "box", input', 'box = "bix", input'),
            r"\[0\]\.flash\.box: there is no trigger box 'bix'; .* box",
        ),
        (("width_ms = 2.0", "width_ms = 20.0"), r"flash: width <= exposure of middle-rgb is broken, 20\.00 > 12\.00"),
        (("camera = 2", "camera = 1"), r"flash: output 1 of box has two cables"),
        (("light = 1", "light = 0"), r"groups\[0\]\.flash\.light: 0 is less than the minimum of 1"),
        (('"emulated-trigger"', '"morse"'), "there is no trigger box driver 'morse'; installed are emulated-trigger"),
        (('"emulated-trigger"', '"serial-trigger"'), "box: the port is missing"),
        (('"emulated-trigger"', '"emulated-trigger"\noptions = { lamp = 1 }'), "box: option 'lamp' is unknown"),
        (('role = "rgb"', 'role = "ir"'), "the group middle has no colour camera to flash for"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        connected(tmp_path, change)


def test_a_flash_the_box_cannot_give_is_refused_at_loading(tmp_path: Path) -> None:
    rig = connected(tmp_path, ("light = 1", "light = 9"))
    words = "box cannot run this program: it has 4 inputs and 8 outputs, pulses of 0.01 to 100 ms"
    with pytest.raises(DeviceError, match=words):
        rig.projectors["middle"].load(multi_frequency(), 0.02)
    rig.close()
    rig = connected(tmp_path, ("width_ms = 2.0", "width_ms = 2.0, after = 20"))
    with pytest.raises(DeviceError, match="fire after exposure 20, but the sequence has 14"):
        rig.projectors["middle"].load(multi_frequency(), 0.02)
    rig.close()


def test_a_box_that_only_wires_pulse_is_refused_where_calls_play_the_cables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware = BoxFirmware(2, 4, lambda output: None)

    class Driver:
        def missing(self) -> str:
            return ""

        def make_trigger(self, order: Any) -> SerialTriggerBox:
            return SerialTriggerBox(order.name, "memory", lambda path: Line(firmware))  # type: ignore[arg-type]

    monkeypatch.setattr(bench, "load_trigger_driver", lambda name: Driver())
    with pytest.raises(UsageError, match=r"the trigger box box .* takes no pulse by a call; set trigger to hardware"):
        connected(tmp_path)
