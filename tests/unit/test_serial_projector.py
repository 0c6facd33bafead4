"""The serial projector against the emulated firmware: over a lossy line, through resets, and with the cable pulled."""

from __future__ import annotations

import itertools
import threading
import time
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from faceapp.core.errors import DeviceError
from faceapp.core.sequence import FringeSequence, multi_frequency
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.messages import (
    Upload,
    pack_begin,
    pack_commit,
    pack_play,
)
from faceapp_hardware.projectors.sequence_bytes import pack_sequence
from faceapp_hardware.projectors.serial_projector import SerialProjector
from faceapp_hardware.projectors.wire import Kind, Message, Status
from faceapp_hardware.simulated.firmware import EVERYTHING, Firmware
from faceapp_hardware.simulated.firmware_line import FirmwareLine

SEQUENCE = multi_frequency()
LONG = multi_frequency((1.0, 8.0), (31, 31))
PERIOD = 1 / 200
NUMBERS = itertools.count(30_000)


class Bench:
    """A firmware whose triggers and sequences are noted down."""

    def __init__(self) -> None:
        self.triggers: list[int] = []
        self.sequences: list[FringeSequence] = []
        self.firmware = Firmware((1280, 1024), 64, 0.004, self.triggers.append, self.sequences.append, EVERYTHING)

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


def kinds_in(data: bytes) -> list[int]:
    return [wire.decode(frame).kind for frame in data.split(b"\0") if frame]


def send(firmware: Firmware, kind: int, payload: bytes = b"", number: int = 0) -> Message:
    """Send one request past any host; return its answer."""
    number = number or next(NUMBERS)
    return wire.decode(firmware.receive(wire.encode(Message(kind, number, payload)))[:-1])


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
    play = wire.encode(Message(Kind.PLAY, 4711, pack_play(9, False)))
    assert bench.firmware.receive(play) == bench.firmware.receive(play)
    # Another number but the same run: a host that repeats itself after a reset of its own.
    bench.firmware.receive(wire.encode(Message(Kind.PLAY, 4712, pack_play(9, False))))
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


@pytest.mark.parametrize("reset_at", [1, 2, 3])
def test_upload_goes_on_where_the_projector_is(bench: Bench, reset_at: int) -> None:
    """A reset before or in the middle of an upload, or before its end, sends it back to the start."""
    projector = projector_on(lambda path: Line(bench.firmware))
    receive, heard = bench.firmware.receive, 0

    def once_reset(data: bytes) -> bytes:
        nonlocal heard
        if kinds_in(data)[0] in (Kind.WRITE, Kind.COMMIT):
            heard += 1
            if heard == reset_at:
                bench.firmware.reset()
        return receive(data)

    bench.firmware.receive = once_reset  # type: ignore[method-assign]
    projector.load(LONG, PERIOD)
    assert bench.sequences == [LONG]
    assert heard >= reset_at
    projector.close()


def test_a_host_that_comes_back_goes_on_with_the_upload(bench: Bench) -> None:
    data = pack_sequence(LONG, PERIOD)
    send(bench.firmware, Kind.BEGIN, pack_begin(Upload.SEQUENCE, len(data), zlib.crc32(data)))
    send(bench.firmware, Kind.WRITE, bytes(4) + data[:500])
    projector = projector_on(lambda path: Line(bench.firmware))
    receive = bench.firmware.receive
    offsets: list[int] = []

    def noting(data: bytes) -> bytes:
        found = [wire.decode(frame) for frame in data.split(b"\0") if frame]
        offsets.extend(int.from_bytes(m.payload[:4], "little") for m in found if m.kind is Kind.WRITE)
        return receive(data)

    bench.firmware.receive = noting  # type: ignore[method-assign]
    projector.load(LONG, PERIOD)
    assert offsets[0] == 500
    assert bench.sequences == [LONG]
    projector.close()


def test_blocks_are_on_the_line_together(bench: Bench) -> None:
    """An adapter that needs 16 ms for each way must not cost so much for each block."""
    projector = projector_on(lambda path: Line(bench.firmware))
    receive, together = bench.firmware.receive, []

    def noting(data: bytes) -> bytes:
        together.append(kinds_in(data).count(Kind.WRITE))
        return receive(data)

    bench.firmware.receive = noting  # type: ignore[method-assign]
    projector.load(LONG, PERIOD)
    assert [n for n in together if n] == [4, 3]
    projector.close()


def test_another_hosts_numbers_do_not_matter(bench: Bench) -> None:
    """A program that is started anew plays the same run with the same number: the light goes on all the same."""
    for played in (1, 2):
        projector = projector_on(lambda path: Line(bench.firmware))
        assert projector._run != 0
        projector._exchange._number = 100
        projector.load(SEQUENCE, PERIOD)
        projector.play()
        bench.wait_dark()
        assert bench.firmware.lightings == played
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
    play = Message(Kind.PLAY, 1, pack_play(1, False))
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
    assert send(bench.firmware, Kind.COMMIT, bytes(8)).status is Status.BAD_CHECK
    for nonsense in (
        b"no sequence",
        pack_sequence(SEQUENCE, 0.001),
        pack_sequence(multi_frequency((1.0,), (80,)), 1.0),
    ):
        send(bench.firmware, Kind.BEGIN, pack_begin(Upload.SEQUENCE, len(nonsense), zlib.crc32(nonsense)))
        for at in range(0, len(nonsense), 900):
            send(bench.firmware, Kind.WRITE, at.to_bytes(4, "little") + nonsense[at : at + 900])
        assert send(bench.firmware, Kind.COMMIT, pack_commit(nonsense)).status is Status.BAD_SEQUENCE
    projector.close()
    with pytest.raises(DeviceError, match="is not open"):
        projector.load(SEQUENCE, PERIOD)


def test_a_dead_line_is_named(bench: Bench) -> None:
    mute = Line(bench.firmware)
    bench.firmware.receive = lambda data: b""  # type: ignore[method-assign]
    start = time.monotonic()
    with pytest.raises(DeviceError, match="does not answer on memory"):
        projector_on(lambda path: mute)
    assert time.monotonic() - start > 1.9  # six tries, each more patient
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
