"""Which drivers are there, which of them can be used, and what is plugged in."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from faceapp.core.errors import FaceappError
from faceapp.devices.records import FoundCamera, FoundDevice
from faceapp.devices.registry import (
    camera_driver_names,
    driver_names,
    load_camera_driver,
    load_driver,
    load_projector_driver,
    load_trigger_driver,
    projector_driver_names,
    trigger_driver_names,
)


@enum.unique
class Standing(enum.Enum):
    """Whether a driver can be used."""

    FOUND = "found"
    NOTHING = "no device"
    MISSING = "missing"
    WRONG = "wrong"


@dataclass(frozen=True)
class DriverEntry:
    """A driver and what it finds.

    Parameters
    ----------
    kind : {"rig", "camera", "projector", "trigger"}
        What it drives.
    name, title : str
        As a rig file and as people name it; the title is empty where the driver cannot be loaded.
    standing : Standing
        Whether it can be used.
    sentence : str
        Why not, or what to do; empty where all is well.
    cameras : tuple of FoundCamera
        Plugged in now.
    projectors : tuple of FoundDevice
        Plugged in now; serial drivers list ports.
    triggers : tuple of FoundDevice
        Plugged in now; serial drivers list ports.
    """

    kind: str
    name: str
    title: str
    standing: Standing
    sentence: str = ""
    cameras: tuple[FoundCamera, ...] = ()
    projectors: tuple[FoundDevice, ...] = ()
    triggers: tuple[FoundDevice, ...] = ()


def list_drivers() -> tuple[DriverEntry, ...]:
    """Return all drivers and the devices that they see now; what fails is a sentence of its entry.

    Enumerating a network takes up to seconds: not on the interface's thread.
    """
    cameras = tuple(_camera_entry(name) for name in camera_driver_names())
    projectors = tuple(_projector_entry(name) for name in projector_driver_names())
    triggers = tuple(_trigger_entry(name) for name in trigger_driver_names())
    return (*cameras, *projectors, *triggers, *(_rig_entry(name) for name in driver_names()))


def _rig_entry(name: str) -> DriverEntry:
    try:
        return DriverEntry("rig", name, load_driver(name).title, Standing.FOUND)
    except FaceappError as error:
        return DriverEntry("rig", name, "", Standing.WRONG, str(error))


def _camera_entry(name: str) -> DriverEntry:
    title = ""
    try:
        driver = load_camera_driver(name)
        title = driver.title
        if missing := driver.missing():
            return DriverEntry("camera", name, title, Standing.MISSING, missing)
        found = driver.discover()
    except Exception as error:  # a stranger's driver may raise anything; the others are listed all the same
        return DriverEntry("camera", name, title, Standing.WRONG, _words(error))
    faults = [f"{camera.serial}: {camera.wrong}" for camera in found if camera.wrong]
    if faults:
        return DriverEntry("camera", name, title, Standing.WRONG, "; ".join(faults), found)
    standing = Standing.FOUND if found else Standing.NOTHING
    return DriverEntry("camera", name, title, standing, "" if found else "no camera is plugged in", found)


def _projector_entry(name: str) -> DriverEntry:
    title = ""
    try:
        driver = load_projector_driver(name)
        title = driver.title
        if missing := driver.missing():
            return DriverEntry("projector", name, title, Standing.MISSING, missing)
        found = driver.discover()
    except Exception as error:  # as above
        return DriverEntry("projector", name, title, Standing.WRONG, _words(error))
    standing = Standing.FOUND if found else Standing.NOTHING
    sentence = "" if found else "no port or projector is plugged in"
    return DriverEntry("projector", name, title, standing, sentence, projectors=found)


def _trigger_entry(name: str) -> DriverEntry:
    title = ""
    try:
        driver = load_trigger_driver(name)
        title = driver.title
        if missing := driver.missing():
            return DriverEntry("trigger", name, title, Standing.MISSING, missing)
        found = driver.discover()
    except Exception as error:  # as above
        return DriverEntry("trigger", name, title, Standing.WRONG, _words(error))
    standing = Standing.FOUND if found else Standing.NOTHING
    sentence = "" if found else "no port or trigger box is plugged in"
    return DriverEntry("trigger", name, title, standing, sentence, triggers=found)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, FaceappError) else f"{type(error).__name__}: {error}"
