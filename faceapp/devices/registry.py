"""Drivers by name: installed packages announce theirs under the entry point ``faceapp.drivers``."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.protocols import ConnectedRig, RigDriver

GROUP = "faceapp.drivers"


def driver_names() -> tuple[str, ...]:
    """Return the names of all installed drivers."""
    return tuple(sorted(entry.name for entry in importlib.metadata.entry_points(group=GROUP)))


def load_driver(name: str) -> RigDriver:
    """Return a driver.

    Raises
    ------
    UsageError
        There is none of that name.
    DeviceError
        Its package cannot be loaded.
    """
    for entry in importlib.metadata.entry_points(group=GROUP):
        if entry.name == name:
            try:
                made = entry.load()()
            except ImportError as error:
                raise DeviceError(f"the driver {name} cannot be loaded: {error}. Install what it needs") from error
            if not isinstance(made, RigDriver):
                raise DeviceError(
                    f"the driver {name} of {entry.value} is not a rig driver (it lacks name, title or connect)"
                )
            return made
    raise UsageError(f"there is no rig driver {name!r}; installed are {', '.join(driver_names()) or 'none'}")


def connect_rig(name: str, options: Mapping[str, Any] | None = None) -> ConnectedRig:
    """Return the connected rig of a driver (see `RigDriver.connect`)."""
    return load_driver(name).connect(options or {})
