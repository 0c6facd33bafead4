"""What a projector tells of itself and what it is set to: faults, heat, interlock, brightness, trigger out."""

from __future__ import annotations

import time
import zlib

import pytest

from faceapp.core.errors import DeviceError
from faceapp.core.sequence import Dark, Flood, FringeSequence, GrayBit
from faceapp.devices.projector_records import ProjectorInfo, ProjectorSettings
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.messages import FaultBit, LightsOut, Settings, State, Upload, pack_begin
from faceapp_hardware.projectors.serial_projector import SerialProjector
from faceapp_hardware.projectors.wire import Kind, Message, Status
from faceapp_hardware.simulated.firmware import Firmware
from tests.unit.test_serial_projector import PERIOD, SEQUENCE, Bench, Line, bench, projector_on, send

__all__ = ["bench"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (FaultBit.INTERLOCK_OPEN, "gives no light: its interlock is open. Close the housing, then go on"),
        (FaultBit.LIGHT, "gives no light: its light source is defective, have it repaired"),
        (FaultBit.SUPPLY | FaultBit.FAN, "gives no light: its supply voltage is out of range"),
    ],
)
def test_no_light_while_something_is_wrong(bench: Bench, fault: FaultBit, words: str) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    projector.load(SEQUENCE, 0.05)
    bench.firmware.faults = fault
    with pytest.raises(DeviceError, match=f"middle-projector {words}"):
        projector.play()
    assert bench.firmware.lightings == 0
    assert projector.state().faults == fault.sentences
    bench.firmware.faults = FaultBit(0)
    projector.play()
    assert bench.firmware.is_lit
    bench.firmware.faults = fault
    bench.firmware.watch()
    assert not bench.firmware.is_lit
    answer = send(bench.firmware, Kind.STATE)
    assert State.unpack(answer.payload[1:]).lights_out is LightsOut.FAULT
    projector.close()


def test_heat_ends_the_light_and_is_told(bench: Bench) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    projector.load(SEQUENCE, PERIOD)
    assert projector.state().temperature_c == 38.5
    bench.firmware.temperature_c = 71.2
    with pytest.raises(DeviceError, match="it is too hot, let it cool down"):
        projector.play()
    state = projector.state()
    assert (state.temperature_c, state.faults) == (71.2, ("it is too hot, let it cool down",))
    bench.firmware.temperature_c, bench.firmware.faults = 40.0, FaultBit.FAN
    projector.play()  # a fan that stands still is told; the light goes off when it gets hot
    assert projector.state().faults == ("its fan stands still, clean or replace it",)
    projector.close()


def test_brightness_and_trigger_are_set_told_and_kept_over_a_reset(bench: Bench) -> None:
    wanted = ProjectorSettings(0.5, 0.0005, 0.002)
    projector = SerialProjector("p", "g", "memory", lambda path: Line(bench.firmware), settings=wanted)
    projector.open()
    assert projector.info.timing.trigger_delay_s == 0.002
    took = projector.state().settings
    assert took.brightness == pytest.approx(0.5, abs=1e-5)
    assert (took.trigger_width_s, took.trigger_delay_s) == (0.0005, 0.002)
    assert projector.adjust(ProjectorSettings(brightness=0.25)).brightness == pytest.approx(0.25, abs=1e-5)
    bench.firmware.reset()
    projector.load(SEQUENCE, PERIOD)
    assert bench.firmware.settings == Settings(round(0.25 * 65535), 500, 2000)
    for wrong, words in (
        (ProjectorSettings(trigger_width_s=1.0), r"trigger out takes a width of 0.01 to 10 ms and a delay of 0 to 100"),
        (ProjectorSettings(brightness=1.5), "a brightness of 1.5 is not possible; give 0 to 1"),
    ):
        with pytest.raises(DeviceError, match=words):
            projector.adjust(wrong)
    projector.play()
    with pytest.raises(DeviceError, match="is busy"):
        projector.adjust(wanted)
    projector.close()


def test_the_trigger_comes_after_its_delay() -> None:
    stamps: list[float] = []
    firmware = Firmware((0, 0), 64, 0.004, lambda k: stamps.append(time.perf_counter()))
    projector = SerialProjector(
        "p", "g", "m", lambda path: Line(firmware), settings=ProjectorSettings(None, None, 0.03)
    )
    projector.open()
    projector.load(SEQUENCE, 0.04)
    start = time.perf_counter()
    projector.play()
    time.sleep(0.1)
    projector.close()
    assert stamps[0] - start >= 0.03
    assert stamps[1] - stamps[0] == pytest.approx(0.04, abs=0.02)


def test_faster_where_there_is_light_and_no_light_alone(bench: Bench) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    gray = FringeSequence(tuple(GrayBit(k, 7) for k in range(7)))
    assert projector.info.shortest_binary_period_s == 0.0005
    assert gray.is_binary and not SEQUENCE.is_binary
    assert FringeSequence((Flood(), Dark())).is_binary and not FringeSequence((Flood(0.5),)).is_binary
    assert (projector.info.shortest_for(gray), projector.info.shortest_for(SEQUENCE)) == (0.0005, 0.004)
    assert ProjectorInfo("p", "g", 0, 0, 14, 0.01).shortest_for(gray) == 0.01
    projector.load(gray, 0.001)
    with pytest.raises(DeviceError, match=r"cannot show 7 exposures at 0.10 ms; it holds 64 and needs 0.50 ms"):
        projector.load(gray, 0.0001)
    projector.close()


def test_another_version_of_the_protocol_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(bench.firmware)
    monkeypatch.setattr(line, "write", lambda data: setattr(line, "back", old_frame()))
    with pytest.raises(DeviceError, match="speaks version 1 of the protocol, this program speaks 2"):
        projector_on(lambda path: line)


def old_frame() -> bytes:
    body = bytes([1]) + wire.cobs_decode(wire.encode(Message(Kind.HELLO, 1, is_answer=True))[:-1])[1:-4]
    return wire.cobs_encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def test_what_is_asked_wrongly_is_refused_and_nothing_happens(bench: Bench) -> None:
    firmware = bench.firmware
    assert send(firmware, 99).status is Status.UNKNOWN
    assert send(firmware, Kind.PLAY, b"?").status is Status.BAD_VALUE
    assert send(firmware, Kind.SET, b"?").status is Status.BAD_VALUE
    assert send(firmware, Kind.BEGIN, pack_begin(Upload.SEQUENCE, 1, 0)[:-1]).status is Status.BAD_VALUE
    assert send(firmware, Kind.BEGIN, pack_begin(Upload.SEQUENCE, 10**6, 0)).status is Status.WRONG_SIZE
    assert send(firmware, Kind.WRITE, bytes(4) + b"data").status is Status.BAD_OFFSET
    assert firmware.lightings == 0
