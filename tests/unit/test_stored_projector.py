"""A projector that plays what is stored in it: 12 bytes, no number, no upload; the light never twice for one order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceapp.app.device_trial import try_group
from faceapp.app.driver_check import check_driver
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.plan import check_plan, plan_for
from faceapp.capture.stills import take_stills
from faceapp.core.errors import DeviceError, UsageError
from faceapp.core.sequence import multi_frequency
from faceapp.devices.projector_records import ProjectorOrder, ProjectorSettings
from faceapp.devices.registry import load_projector_driver
from faceapp_hardware.projectors.stored_command import LENGTH, Answer, Command, answers_in, unpack
from faceapp_hardware.projectors.stored_projector import StoredProjector
from faceapp_hardware.simulated.firmware_line import FirmwareLine
from faceapp_hardware.simulated.stored_firmware import StoredFirmware
from tests.unit.test_bench_rigs import calibrate

SHORT = multi_frequency((1.0, 8.0), (3, 3))
STORED = {1: multi_frequency(), 4: SHORT}
PERIOD = 0.01


class Bench:
    """A projector at one end of a pseudo-terminal, its firmware at the other."""

    def __init__(self, damage: float = 0.0, seed: int = 0, **order: Any) -> None:
        self.triggers: list[int] = []
        self.firmware = StoredFirmware(STORED, 120, self.triggers.append)
        self.line = FirmwareLine(self.firmware, damage, seed)
        self.projector = StoredProjector(
            ProjectorOrder("middle-projector", "middle", self.line.path, **order), STORED, 120, "stored"
        )
        self.projector.open()

    def close(self) -> None:
        self.projector.close()
        self.line.pull()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_a_command_is_twelve_bytes() -> None:
    command = Command(4, 100, 0x8001, 9000)
    assert command.pack().hex(" ") == "36 aa 04 64 01 80 28 23 00 00 aa aa"
    assert len(command.pack()) == LENGTH
    assert unpack(command.pack()) == command
    assert answers_in(b"alive\r\n\x01alive\r\n\x06") == [Answer.DONE, Answer.PARAMETER]


def test_it_plays_what_is_stored_once_and_in_order(bench: Bench) -> None:
    bench.projector.load(SHORT, PERIOD)
    bench.projector.play()
    bench.projector.stop()  # returns when it is dark
    assert not bench.firmware.is_lit
    assert bench.triggers == list(range(8))
    assert bench.firmware.shown == [Command(4, 100, 65535, 10_000)]


def test_what_it_cannot_is_data_and_a_sentence(bench: Bench) -> None:
    projector, info = bench.projector, bench.projector.info
    assert (info.uploads, info.loops, info.stops, info.updates, info.reports) == (False,) * 5
    assert info.stored == (multi_frequency(), SHORT)
    assert "plays only the sequences that are stored in it" in info.cannot
    with pytest.raises(
        DeviceError,
        match=r"cannot show 6 exposures \(1 fringes in 4 steps, flood, dark\): it plays only what",
    ) as told:
        projector.load(multi_frequency((1.0,), (4,)), PERIOD)
    assert "class 4: 8 exposures (1 fringes in 3 steps, 8 fringes in 3 steps, flood, dark)" in str(told.value)
    with pytest.raises(DeviceError, match=r"cannot show an exposure in 5.00 ms; it needs 8.33 ms"):
        projector.load(SHORT, 0.005)
    with pytest.raises(DeviceError, match=r"cannot show 12.50 exposures a second; it knows whole numbers"):
        projector.load(SHORT, 0.08)
    with pytest.raises(DeviceError, match="cannot repeat its sequence: a live scan needs a projector that can"):
        projector.loop()
    with pytest.raises(DeviceError, match="no sequence chosen"):
        projector.play()


@pytest.mark.parametrize("answer", [Answer.CANNOT_TRIGGER, Answer.LIGHT, Answer.DEVICE, Answer.PARAMETER])
def test_a_refusal_is_a_sentence_and_the_next_order_works(bench: Bench, answer: Answer) -> None:
    bench.projector.load(SHORT, PERIOD)
    bench.firmware.fault = answer
    with pytest.raises(DeviceError) as told:
        bench.projector.play()
    assert str(told.value) == f"middle-projector {answer.sentence}"
    bench.firmware.fault = None
    bench.projector.play()
    bench.projector.stop()
    assert bench.firmware.lightings == 1


def test_only_what_was_certainly_not_done_is_asked_again(bench: Bench) -> None:
    receive, answers = bench.firmware.receive, [Answer.BROKEN, Answer.BROKEN]

    def broken_twice(data: bytes) -> bytes:
        return bytes([answers.pop()]) if answers else receive(data)

    bench.firmware.receive = broken_twice  # type: ignore[method-assign]
    bench.projector.load(SHORT, PERIOD)
    bench.projector.play()
    bench.projector.stop()
    assert (answers, bench.firmware.lightings) == ([], 1)


def test_a_lost_answer_is_no_reason_to_light_again(bench: Bench) -> None:
    bench.projector.load(SHORT, PERIOD)
    watch = bench.firmware.watch
    bench.firmware.watch = lambda: b""  # type: ignore[method-assign]
    bench.projector.play()
    with pytest.raises(DeviceError, match="whether there was light is not known, so nothing was repeated"):
        bench.projector.stop()
    bench.firmware._out = b""
    bench.firmware.watch = watch  # type: ignore[method-assign]
    assert bench.firmware.lightings == 1
    bench.projector.play()
    bench.projector.stop()
    assert bench.firmware.lightings == 2


@pytest.mark.parametrize("damage", [1e-4, 1e-3, 1e-2])
def test_never_twice_for_one_order_though_bytes_break(damage: float) -> None:
    """Nothing of this protocol finds a broken byte: an order may fail, but it lights once at most."""
    bench = Bench(damage, seed=3)
    for ordered in range(1, 9):
        before = bench.firmware.lightings
        try:
            bench.projector.load(SHORT, 1 / 120)
            bench.projector.play()
            bench.projector.stop()
        except DeviceError as error:
            assert "middle-projector" in str(error)
        while bench.firmware.is_lit:
            time.sleep(0.005)
        assert bench.firmware.lightings - before <= 1, ordered
    bench.close()


def test_brightness_travels_with_each_order_and_nothing_else_is_set() -> None:
    bench = Bench(settings=ProjectorSettings(0.5))
    bench.projector.load(SHORT, PERIOD)
    bench.projector.play()
    bench.projector.stop()
    assert bench.projector.adjust(ProjectorSettings(0.25)) == ProjectorSettings(0.25)
    bench.projector.play()
    bench.projector.stop()
    assert [command.brightness for command in bench.firmware.shown] == [32768, 16384]
    with pytest.raises(DeviceError, match="width and delay of its trigger out cannot be set over this line"):
        bench.projector.adjust(ProjectorSettings(trigger_delay_s=0.001))
    bench.close()


def test_a_port_where_nothing_lives_and_a_pulled_cable_are_named(bench: Bench) -> None:
    bench.projector.load(SHORT, 0.05)
    bench.projector.play()
    bench.line.pull()
    with pytest.raises(DeviceError, match=r"the line to the projector broke .*Check its cable"):
        bench.projector.stop()
    mute = StoredFirmware({}, 120, lambda exposure: None)
    mute.watch = lambda: b""  # type: ignore[method-assign]
    line = FirmwareLine(mute)
    with pytest.raises(DeviceError, match="middle-projector is not heard on"):
        StoredProjector(ProjectorOrder("middle-projector", "m", line.path), STORED, 120, "stored").open()
    line.pull()


RIG = """driver = "bench"
trigger = "software"
[[groups]]
name = "middle"
[groups.projector]
driver = "emulated-stored"
options = { fastest_hz = 100, sequences = [ { class = 4, frequencies = [1, 8], steps = [3, 3] } ] }
[[groups.cameras]]
name = "middle-ir-1"
role = "ir"
driver = "pattern"
serial = "1"
[[groups.cameras]]
name = "middle-ir-2"
role = "ir"
driver = "pattern"
serial = "2"
"""


def test_a_rig_of_one_plans_with_what_is_stored(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text(RIG)
    rig = connect_described_rig(str(tmp_path / "lab.toml"))
    plan = plan_for(rig)
    assert plan.sequence == SHORT
    assert plan.rate_hz == pytest.approx(100)
    trial = try_group(rig, "middle")
    assert trial.is_good, trial
    assert [camera.frames for camera in trial.cameras] == [8, 8]
    rig.close()


def test_boards_are_taken_in_the_light_of_a_stored_flood(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text(RIG)
    rig = connect_described_rig(str(tmp_path / "lab.toml"))
    pictures = take_stills(rig)
    fetched = {name: camera._source._number for name, camera in rig.cameras.items()}  # type: ignore[attr-defined]
    assert fetched == {"middle-ir-1": 8, "middle-ir-2": 8}
    source: Any = rig.cameras["middle-ir-1"]._source  # type: ignore[attr-defined]
    np.testing.assert_array_equal(pictures["middle-ir-1"], source._draw(SHORT.floods()[0] + 1))
    rig.close()
    (tmp_path / "lab.toml").write_text(RIG.replace("steps = [3, 3]", "steps = [3, 3], flood = false"))
    rig = connect_described_rig(str(tmp_path / "lab.toml"))
    with pytest.raises(DeviceError, match="stores none with uniform light, so no picture of a board can be taken"):
        take_stills(rig)
    rig.close()


def test_a_plan_with_another_sequence_is_refused_before_anything_moves(tmp_path: Path) -> None:
    calibrate(tmp_path, ("middle-ir-1", "middle-ir-2"))
    small = RIG.replace('driver = "pattern"', 'driver = "pattern"\nwidth = 64\nheight = 48')
    (tmp_path / "lab.toml").write_text('calibration = "calibration.json"\n' + small)
    rig = connect_described_rig(str(tmp_path / "lab.toml"))
    plan = plan_for(rig)
    check_plan(plan, rig)
    with pytest.raises(UsageError, match="takes no sequence; the plan has one of 14 exposures"):
        check_plan(replace(plan, sequence=multi_frequency()), rig)
    projector: Any = rig.projectors["middle"]
    projector._info = replace(projector.info, is_master=False)
    with pytest.raises(UsageError, match="middle-projector triggers no camera, and nothing else in this rig does"):
        check_plan(plan, rig)
    rig.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lamp": 1}, "option 'lamp' is unknown; there are sequences, fastest_hz"),
        ({"fastest_hz": 400}, "option fastest_hz: a whole number from 1 to 255 is expected"),
        ({"sequences": 3}, "option sequences: a list is expected"),
        ({"sequences": [{"class": 1}]}, r"option sequences\[0\]: class, frequencies and steps are expected"),
        ({"sequences": [{"class": 1, "frequencies": [1], "steps": [2]}]}, r"sequences\[0\]: .*needs at least 3"),
        ({"sequences": [{"class": 300, "frequencies": [1], "steps": [4]}]}, r"\[0\]\.class: a whole number from 0"),
        ({}, "the port is missing"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=f"p: .*{words}"):
        load_projector_driver("stored").make_projector(ProjectorOrder("p", "middle", options=options))


@pytest.mark.parametrize("name", ["emulated", "emulated-stored"])
def test_projector_drivers_keep_the_laws(name: str) -> None:
    assert [finding.fault for finding in check_driver(name)] == [""] * 3
