"""``faceapp devices --check NAME``: the laws of devices, run over any driver that is installed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from faceapp.app.driver_laws import CAMERA_LAWS, PROJECTOR_LAWS, Examined, Law, demand, refused
from faceapp.app.driver_rig_laws import RIG_LAWS
from faceapp.app.driver_trigger_laws import TRIGGER_LAWS
from faceapp.app.rigs import connect_described_rig, describe_rig, open_devices
from faceapp.capture.plan import plan_for
from faceapp.core.errors import DeviceError, FaceappError, UsageError
from faceapp.core.signals import Reporter
from faceapp.devices.projector_records import ProjectorOrder
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraOrder
from faceapp.devices.registry import (
    camera_driver_names,
    connect_rig,
    driver_names,
    load_camera_driver,
    load_driver,
    load_projector_driver,
    projector_driver_names,
    trigger_driver_names,
)

_RATE_HZ = 50.0
_STRANGE = {"no_such_option": 1}


@dataclass(frozen=True)
class Finding:
    """What came of one law.

    Parameters
    ----------
    law : str
        In a sentence.
    fault : str
        Against it; empty: it is kept.
    """

    law: str
    fault: str = ""


def check_driver(name: str, device: str = "", reporter: Reporter | None = None) -> tuple[Finding, ...]:
    """Run the laws over a driver.

    Parameters
    ----------
    name : str
        Of a driver of rigs, cameras or projectors; or a rig as in `connect_described_rig`.
    device : str
        Serial number or port to take; without it the first that is found.
    reporter : Reporter, optional
        Hears of each law.

    Raises
    ------
    UsageError
        There is no such driver.
    DeviceError
        Its software or its device is missing: there is nothing to check.
    """
    reporter = reporter or Reporter()
    if name in camera_driver_names():
        return _check_camera_driver(name, device, reporter)
    if name in projector_driver_names():
        return _check_projector_driver(name, device, reporter)
    if name in trigger_driver_names():
        return tuple(_tried(law, partial(law, name, device)) for law in TRIGGER_LAWS)
    try:
        driver, options = describe_rig(name)
    except UsageError as error:
        there = sorted({*driver_names(), *camera_driver_names(), *projector_driver_names(), *trigger_driver_names()})
        raise UsageError(f"there is no driver {name!r}; installed are {', '.join(there)}") from error
    first = [_tried(life_of_a_rig_driver, lambda: life_of_a_rig_driver(driver, options))]
    with _rig(connect_described_rig(name)) as rig:
        rig.prepare("S0001", "neutral", 1)
        examined = Examined(rig, plan_for(rig).sequence, _period_of(rig))
        return (*first, *run_laws(RIG_LAWS, examined, reporter))


def run_laws(laws: tuple[Law, ...], examined: Examined, reporter: Reporter) -> tuple[Finding, ...]:
    """Run laws one after the other; each begins with devices that are quiet."""
    findings = []
    for i, law in enumerate(laws):
        reporter.progress(i / len(laws), sentence_of(law))
        findings.append(_tried(law, partial(law, examined)))
        examined.quiet()
    reporter.progress(1.0, "done")
    return tuple(findings)


def sentence_of(law: Any) -> str:
    """Return the first sentence of a law's description."""
    return str(law.__doc__).strip().splitlines()[0]


def life_of_a_rig_driver(name: str, options: dict[str, Any]) -> None:
    """The driver says who it is, names what it does not know, and leaves no thread behind when closed twice."""
    driver = load_driver(name)
    demand(driver.name == name, f"the driver {name} calls itself {driver.name}")
    demand(bool(driver.title), "it has no title")
    refused("an unknown option", "no_such_option", UsageError, lambda: driver.connect({**options, **_STRANGE}))
    before = set(threading.enumerate())
    rig = driver.connect(options)
    try:
        for _ in range(2):
            open_devices(rig)
        camera = next(iter(rig.cameras.values()))
        for _ in range(2):
            camera.close()
    finally:
        for _ in range(2):
            rig.close()
    _demand_no_threads(before)


def life_of_a_camera_driver(name: str, serial: str) -> None:
    """The driver says who it is, finds the camera, names unknown options and a camera that is not there."""
    driver = load_camera_driver(name)
    demand(driver.name == name, f"the driver {name} calls itself {driver.name}")
    demand(bool(driver.title), "it has no title")
    demand(serial in [found.serial for found in driver.discover()], f"the camera {serial} is not found a second time")
    order = CameraOrder("check-ir-1", "check", "ir", serial)
    strange = replace(order, options=_STRANGE)
    refused("an unknown option", "no_such_option", UsageError, lambda: driver.make_camera(strange))
    gone = replace(order, serial="no-such-camera")
    refused("a camera that is not there", "no-such-camera", DeviceError, lambda: driver.make_camera(gone).open())
    before = set(threading.enumerate())
    camera = driver.make_camera(order)
    for act in (camera.open, camera.open, camera.close, camera.close):
        act()
    _demand_no_threads(before)


def life_of_a_projector_driver(name: str) -> None:
    """The driver says who it is, lists its devices, and names unknown options."""
    driver = load_projector_driver(name)
    demand(driver.name == name, f"the driver {name} calls itself {driver.name}")
    demand(bool(driver.title), "it has no title")
    driver.discover()
    strange = ProjectorOrder("check-projector", "check", "nowhere", options=_STRANGE)
    refused("an unknown option", "no_such_option", UsageError, lambda: driver.make_projector(strange))


def play_once_stop_and_close(examined: Examined) -> None:
    """A projector plays only what it holds, ends when told, may be stopped twice, and opens again when closed."""
    projector = examined.projector
    projector.load(examined.sequence, examined.period_s)
    words = projector.info.name
    for act in (projector.play, projector.stop, projector.stop):
        act()
    if projector.info.loops:
        projector.loop()
        projector.stop()
    else:
        refused("a loop, which it says it cannot", f"{words} cannot repeat", DeviceError, projector.loop)
    for _ in range(2):
        projector.close()
    refused("loading a closed one", words, DeviceError, lambda: projector.load(examined.sequence, examined.period_s))
    projector.open()
    refused("playing what is not loaded", words, DeviceError, projector.play)


def _check_camera_driver(name: str, device: str, reporter: Reporter) -> tuple[Finding, ...]:
    driver = load_camera_driver(name)
    if missing := driver.missing():
        raise DeviceError(f"{name} cannot be checked: {missing}")
    serials = [found.serial for found in driver.discover() if not found.wrong]
    serial = device or (serials[0] if serials else "")
    if not serial:
        raise DeviceError(f"{name} finds no camera to check it with; plug one in")
    first = _tried(life_of_a_camera_driver, lambda: life_of_a_camera_driver(name, serial))
    camera = {"name": "check-ir-1", "role": "ir", "driver": name, "serial": serial, "trigger": "software"}
    with _rig(_table([camera], {"driver": "emulated"})) as rig:
        examined = Examined(rig, plan_for(rig).sequence, _period_of(rig), sees_fringes=False)
        return (first, *run_laws(CAMERA_LAWS, examined, reporter))


def _check_projector_driver(name: str, device: str, reporter: Reporter) -> tuple[Finding, ...]:
    driver = load_projector_driver(name)
    if missing := driver.missing():
        raise DeviceError(f"{name} cannot be checked: {missing}")
    found = [f.serial for f in driver.discover() if not f.wrong]
    if not device and not found:
        raise DeviceError(f"{name} finds no projector to check it with; name its port with --device")
    first = _tried(life_of_a_projector_driver, lambda: life_of_a_projector_driver(name))
    camera = {"name": "check-ir-1", "role": "ir", "driver": "pattern", "serial": "1"}
    with _rig(_table([camera], {"driver": name, "serial": device or found[0]})) as rig:
        examined = Examined(rig, plan_for(rig).sequence, _period_of(rig), sees_fringes=False)
        return (first, *run_laws((*PROJECTOR_LAWS, play_once_stop_and_close), examined, reporter))


def _table(cameras: list[dict[str, Any]], projector: dict[str, Any]) -> ConnectedRig:
    """Return devices on a table as a rig that nobody has calibrated; calls play the trigger cable."""
    group = {"name": "check", "projector": projector, "cameras": cameras}
    rig = connect_rig("bench", {"groups": [group], "trigger": "software"})
    open_devices(rig)
    return rig


def _period_of(rig: ConnectedRig) -> float:
    """Half as fast as every camera can: an emulation on a busy machine is late, and loses triggers then."""
    projectors = [projector.info.shortest_period_s for projector in rig.projectors.values()]
    return max(1 / _RATE_HZ, *projectors, *(2 * camera.info.shortest_period_s for camera in rig.cameras.values()))


@contextlib.contextmanager
def _rig(rig: ConnectedRig) -> Iterator[ConnectedRig]:
    try:
        yield rig
    finally:
        rig.close()


def _tried(law: Any, run: Any) -> Finding:
    try:
        run()
    except (AssertionError, FaceappError) as error:
        return Finding(sentence_of(law), str(error) or "it is not kept")
    except Exception as error:  # a stranger's driver may raise anything; that is a fault, and the next law is tried
        return Finding(sentence_of(law), f"{type(error).__name__}: {error}")
    return Finding(sentence_of(law))


def _demand_no_threads(before: set[threading.Thread]) -> None:
    end = time.monotonic() + 2
    while (left := [t for t in threading.enumerate() if t not in before]) and time.monotonic() < end:
        time.sleep(0.02)
    demand(not left, f"threads are left: {', '.join(t.name for t in left)}")
