"""Lines whose bytes break: one light for each order, over a pseudo-terminal, with the driver as it is."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import pytest

from faceapp.core.errors import DeviceError
from faceapp.core.sequence import multi_frequency
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.serial_projector import SerialProjector
from faceapp_hardware.simulated.firmware_line import FirmwareLine
from tests.unit.test_serial_projector import PERIOD, Bench


@dataclass(frozen=True)
class Ordered:
    """What came of a number of orders on one line: bytes that broke, orders, lights."""

    broken: int
    orders: int
    lights: int


def play_again_and_again(damage: float, seed: int, plays: int) -> Ordered:
    """Load another sequence, light it, put it out, so many times."""
    bench = Bench()
    line = FirmwareLine(bench.firmware, damage, seed)
    projector = SerialProjector("middle-projector", "middle", line.path)
    projector.open()
    for played in range(1, plays + 1):
        projector.load(multi_frequency((1.0, 8.0), (30, 20 + played % 9)), PERIOD)
        projector.play()
        projector.stop()
        assert bench.firmware.lightings == played
        assert not bench.firmware.is_lit
    projector.close()
    line.pull()
    return Ordered(line.damaged, plays, bench.firmware.lightings)


@pytest.mark.parametrize("damage", [1e-4, 1e-3])
def test_light_once_for_each_order_though_bytes_break(damage: float) -> None:
    """One byte in ten thousand, one in a thousand, both ways."""
    assert sum(play_again_and_again(damage, seed, 12).broken for seed in range(2)) > 0


HOST = """
import sys, time
from faceapp.core.sequence import multi_frequency
from faceapp_hardware.projectors.serial_projector import SerialProjector
projector = SerialProjector("middle-projector", "middle", sys.argv[1])
projector.open()
projector.load(multi_frequency(), 0.02)
projector.loop()
print("lit", flush=True)
time.sleep(60)
"""


def test_a_killed_host_leaves_no_light() -> None:
    """The beat of the host keeps it lit for longer than the watchdog; without it the light goes off."""
    bench = Bench()
    line = FirmwareLine(bench.firmware)
    with subprocess.Popen([sys.executable, "-c", HOST, line.path], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None and host.stdout.readline() == "lit\n"
        time.sleep(2 * wire.WATCHDOG_S)
        assert bench.firmware.is_lit
        host.kill()
    time.sleep(wire.WATCHDOG_S + 0.3)
    assert not bench.firmware.is_lit
    assert bench.firmware.lightings == 1
    line.pull()


def test_a_port_that_is_just_given_back_is_waited_for() -> None:
    bench = Bench()
    line = FirmwareLine(bench.firmware)
    first, second = (SerialProjector(name, "middle", line.path) for name in ("first", "second"))
    first.open()
    timer = threading.Timer(0.3, first.close)
    timer.start()
    second.open()
    timer.join()
    first_again = SerialProjector("first", "middle", line.path)
    with pytest.raises(DeviceError, match=r"first: the port .* cannot be opened .*no other program has it"):
        first_again.open()
    second.close()
    line.pull()


@pytest.mark.figures
def test_table_of_lines_with_broken_bytes() -> None:
    print("\n| one byte in | orders | bytes that broke | lights |\n|---|---|---|---|")
    for one_in in (10_000, 1000, 300):
        came = [play_again_and_again(1 / one_in, seed, 30) for seed in range(40)]
        orders, lights = sum(c.orders for c in came), sum(c.lights for c in came)
        print(f"| {one_in} | {orders} | {sum(c.broken for c in came)} | {lights} |")
        assert lights == orders
