"""The laws of trigger boxes; see `faceapp.app.driver_laws`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from faceapp.app.driver_laws import demand, refused
from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.protocols import TriggerBox
from faceapp.devices.registry import load_trigger_driver
from faceapp.devices.trigger_records import Pulse, TriggerOrder, TriggerProgram

_PERIOD_S, _COUNT = 0.02, 5


def life_of_a_trigger_driver(name: str, device: str) -> None:
    """The driver says who it is, lists its devices, and names unknown options."""
    driver = load_trigger_driver(name)
    demand(driver.name == name, f"the driver {name} calls itself {driver.name}")
    demand(bool(driver.title), "it has no title")
    driver.discover()
    strange = TriggerOrder("check-box", device or "nowhere", {"no_such_option": 1})
    refused("an unknown option", "no_such_option", UsageError, lambda: driver.make_trigger(strange))


def programs_that_cannot_run_are_refused(name: str, device: str) -> None:
    """A box refuses outputs that it has not and widths that it cannot, and arms only what it holds."""
    with _opened(name, device) as box:
        info = box.info
        refused("arming an empty box", info.name, DeviceError, box.arm)
        for wrong in (
            Pulse(info.outputs + 1, 0.0, info.least_width_s, 0, 0),
            Pulse(1, 0.0, 2 * info.most_width_s, 0, 0),
            Pulse(1, 2 * info.most_delay_s, info.least_width_s, 0, 0),
        ):
            program = TriggerProgram(1, (wrong,), 0, _PERIOD_S)
            refused("a program that cannot run", f"{info.name} cannot run", DeviceError, _programmed(box, program))
        box.program(_clocked(box))


def a_box_clocks_stops_and_opens_again(name: str, device: str) -> None:
    """A box runs its program once by its own clock, stops when told, may be stopped twice, and opens again."""
    with _opened(name, device) as box:
        box.program(_clocked(box))
        box.arm()
        time.sleep(2 * _PERIOD_S)
        for act in (box.stop, box.stop, box.arm, box.close, box.close):
            act()
        refused("arming a closed box", box.info.name, DeviceError, box.arm)
        box.open()
        refused("arming what is not held", box.info.name, DeviceError, box.arm)


@contextmanager
def _opened(name: str, device: str) -> Iterator[TriggerBox]:
    driver = load_trigger_driver(name)
    found = [f.serial for f in driver.discover()]
    if not device and not found:
        raise DeviceError(f"{name} finds no trigger box to check it with; name its port with --device")
    box = driver.make_trigger(TriggerOrder("check-box", device or found[0]))
    try:
        for _ in range(2):
            box.open()
        yield box
    finally:
        box.close()


def _clocked(box: TriggerBox) -> TriggerProgram:
    width = box.info.least_width_s
    return TriggerProgram(_COUNT, (Pulse(1, 0.0, width, 0, _COUNT - 1),), 0, _PERIOD_S)


def _programmed(box: TriggerBox, program: TriggerProgram) -> Callable[[], None]:
    return lambda: box.program(program)


TRIGGER_LAWS: tuple[Callable[[str, str], None], ...] = (
    life_of_a_trigger_driver,
    programs_that_cannot_run_are_refused,
    a_box_clocks_stops_and_opens_again,
)
"""On a box of whatever the driver has; nothing need hang on its outputs."""
