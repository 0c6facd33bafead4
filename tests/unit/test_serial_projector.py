"""The serial projector against the emulated firmware: over a lossy line, through resets, and with the cable pulled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from faceapp.core.errors import DeviceError
from faceapp.core.sequence import FringeSequence, multi_frequency
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.serial_projector import SerialProjector
from faceapp_hardware.projectors.wire import Kind, Message, Status
from faceapp_hardware.simulated.firmware import Firmware, FirmwareLine

SEQUENCE = multi_frequency()
PERIOD = 1 / 200


class Bench:
    """A firmware whose triggers and sequences are noted down."""

    def __init__(self) -> None:
        self.triggers: list[int] = []
        self.sequences: list[FringeSequence] = []
        self.firmware = Firmware((1280, 1024), 64, 0.004, self.triggers.append, self.sequences.append)

    def wait_dark(self) -> None:
        end = time.monotonic() + 3
        while self.firmware.is_lit and time.monotonic() < end:
            time.sleep(0.005)
        assert not self.firmware.is_lit


class Line:
    """A line in memory; a share of what is written and read is damaged."""

    def __init__(self, firmware: Firmware, damage: float = 0.0, seed: int = 0) -> None:
        self.firmware, self.damage = firmware, damage
        self.rng = np.random.default_rng(seed)
        self.back = b""
        self.written = 0

    @property
    def in_waiting(self) -> int:
        return len(self.back)

    def read(self, size: int) -> bytes:
        if not self.back:
            time.sleep(0.002)
        data, self.back = self.back[:size], self.back[size:]
        return self._through(data)

    def write(self, data: bytes) -> int:
        self.written += len(data)
        self.back += self.firmware.receive(self._through(data))
        return len(data)

    def close(self) -> None:
        self.firmware.light_off()

    def _through(self, data: bytes) -> bytes:
        if not data or self.rng.random() >= self.damage:
            return data
        at = int(self.rng.integers(len(data)))
        lost = self.rng.random() < 0.5
        return data[:at] + (b"" if lost else bytes([data[at] ^ 0x24])) + data[at + 1 :]


def projector_on(open_port: Callable[[str], Line]) -> SerialProjector:
    projector = SerialProjector("middle-projector", "middle", "memory", open_port)
    projector.open()
    return projector


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.firmware.light_off()
    assert not [t for t in threading.enumerate() if t.name.startswith(("beat", "light"))]


def test_plays_once_in_order(bench: Bench) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    assert projector.info.longest_sequence == 64
    assert projector.info.is_master
    projector.load(SEQUENCE, PERIOD)
    assert bench.sequences == [SEQUENCE]
    projector.play()
    bench.wait_dark()
    assert bench.triggers == list(range(14))
    projector.close()
    projector.close()


def test_a_sequence_that_is_there_is_not_sent_again(bench: Bench) -> None:
    line = Line(bench.firmware)
    projector = projector_on(lambda path: line)
    projector.load(SEQUENCE, PERIOD)
    sent = line.written
    projector.load(SEQUENCE, PERIOD)
    assert line.written - sent < 20
    projector.load(SEQUENCE, 2 * PERIOD)
    assert len(bench.sequences) == 2
    projector.close()


@pytest.mark.parametrize("seed", range(8))
def test_one_lighting_for_each_play_on_a_bad_line(bench: Bench, seed: int) -> None:
    projector = projector_on(lambda path: Line(bench.firmware, damage=0.1, seed=seed))
    for played in range(1, 4):
        projector.load(multi_frequency((1.0, 8.0), (3, 3 + played)), PERIOD)
        projector.play()
        bench.wait_dark()
        assert bench.firmware.lightings == played
    assert bench.triggers == [k for played in range(1, 4) for k in range(6 + played + 2)]
    projector.close()


def test_a_repeated_request_gets_the_same_answer_and_no_second_act(bench: Bench) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    projector.load(SEQUENCE, PERIOD)
    play = wire.encode(Message(Kind.PLAY, 4711, (9).to_bytes(4, "little")))
    assert bench.firmware.receive(play) == bench.firmware.receive(play)
    # Another number but the same run: a host that repeats itself after a reset of its own.
    bench.firmware.receive(wire.encode(Message(Kind.PLAY, 4712, (9).to_bytes(4, "little"))))
    assert bench.firmware.lightings == 1
    projector.close()


def test_a_reset_between_load_and_play_loads_again(bench: Bench) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    projector.load(SEQUENCE, PERIOD)
    bench.firmware.reset()
    projector.play()
    bench.wait_dark()
    assert bench.triggers == list(range(14))
    assert len(bench.sequences) == 2
    projector.close()


def test_a_reset_while_it_plays_puts_the_light_off(bench: Bench) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    projector.load(SEQUENCE, 0.02)
    projector.play()
    time.sleep(0.07)
    bench.firmware.reset()
    assert not bench.firmware.is_lit
    assert 0 < len(bench.triggers) < 14
    projector.load(SEQUENCE, PERIOD)
    assert len(bench.sequences) == 2
    projector.close()


def test_upload_goes_on_where_the_projector_is(bench: Bench) -> None:
    """A reset in the middle of an upload sends it back to the start."""
    line = Line(bench.firmware)
    projector = projector_on(lambda path: line)
    receive, writes = bench.firmware.receive, 0

    def once_reset(data: bytes) -> bytes:
        nonlocal writes
        if wire.decode(data[:-1]).kind is Kind.WRITE:
            writes += 1
            if writes == 2:
                bench.firmware.reset()
        return receive(data)

    bench.firmware.receive = once_reset  # type: ignore[method-assign]
    projector.load(SEQUENCE, PERIOD)
    assert bench.sequences == [SEQUENCE]
    assert writes == 4
    projector.close()


def test_stop_and_close_put_the_light_off(bench: Bench) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    projector.load(SEQUENCE, 0.05)
    for end in (projector.stop, projector.close):
        projector.play()
        assert bench.firmware.is_lit
        end()
        assert not bench.firmware.is_lit


def test_watchdog_ends_the_light_of_a_silent_host(bench: Bench) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    projector.load(SEQUENCE, 0.2)
    play = Message(Kind.PLAY, 1, (1).to_bytes(4, "little"))
    bench.firmware.receive(wire.encode(play))
    bench.firmware.watch()
    assert bench.firmware.is_lit
    time.sleep(wire.WATCHDOG_S + 0.1)
    bench.firmware.watch()
    assert not bench.firmware.is_lit
    projector.close()


def test_the_beat_keeps_a_long_sequence_lit(bench: Bench) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    projector.load(SEQUENCE, 0.06)
    projector.play()
    end = time.monotonic() + wire.WATCHDOG_S + 0.25
    while time.monotonic() < end:
        bench.firmware.watch()
        assert bench.firmware.is_lit
        time.sleep(0.02)
    projector.close()


def test_what_it_cannot_show_is_refused(bench: Bench) -> None:
    projector = projector_on(lambda path: Line(bench.firmware))
    with pytest.raises(DeviceError, match="middle-projector holds no sequence"):
        projector.play()
    with pytest.raises(DeviceError, match=r"cannot show 14 exposures at 1.00 ms"):
        projector.load(SEQUENCE, 0.001)
    with pytest.raises(DeviceError, match="cannot show 82 exposures"):
        projector.load(multi_frequency((1.0, 8.0), (40, 40)), PERIOD)
    answer = bench.firmware.receive(wire.encode(Message(Kind.COMMIT, 900, bytes(8))))
    assert wire.decode(answer[:-1]).status is Status.BAD_SEQUENCE
    projector.close()
    with pytest.raises(DeviceError, match="is not open"):
        projector.load(SEQUENCE, PERIOD)


def test_a_dead_line_is_named(bench: Bench) -> None:
    with pytest.raises(DeviceError, match="does not answer on memory"):
        projector_on(lambda path: Line(bench.firmware, damage=1.0))
    with pytest.raises(DeviceError, match=r"port .*nowhere cannot be opened"):
        SerialProjector("p", "g", "nowhere").open()


def test_the_same_over_a_pseudo_terminal_until_the_cable_is_pulled(bench: Bench) -> None:
    line = FirmwareLine(bench.firmware)
    projector = SerialProjector("middle-projector", "middle", line.path)
    try:
        projector.open()
        projector.open()
        for _ in range(2):
            projector.load(SEQUENCE, PERIOD)
            projector.play()
            bench.wait_dark()
        assert bench.triggers == 2 * list(range(14))
        projector.load(SEQUENCE, 0.1)
        projector.play()
        line.pull()
        assert not bench.firmware.is_lit
        with pytest.raises(DeviceError, match=r"middle-projector: the line to the projector broke .*Check its cable"):
            projector.load(SEQUENCE, PERIOD)
    finally:
        projector.close()
        line.pull()
