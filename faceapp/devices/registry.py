"""Drivers by name: installed packages announce theirs under entry points.

``faceapp.drivers`` connect whole rigs, ``faceapp.cameras``, ``faceapp.projectors`` and ``faceapp.triggers`` single
devices for rig files.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.drivers import CameraDriver, ProjectorDriver, TriggerDriver
from faceapp.devices.protocols import ConnectedRig, RigDriver

RIGS, CAMERAS, PROJECTORS = "faceapp.drivers", "faceapp.cameras", "faceapp.projectors"
TRIGGERS = "faceapp.triggers"


def driver_names() -> tuple[str, ...]:
    """Return the names of all installed drivers of rigs."""
    return _names(RIGS)


def camera_driver_names() -> tuple[str, ...]:
    """Return the names of all installed drivers of cameras."""
    return _names(CAMERAS)


def projector_driver_names() -> tuple[str, ...]:
    """Return the names of all installed drivers of projectors."""
    return _names(PROJECTORS)


def trigger_driver_names() -> tuple[str, ...]:
    """Return the names of all installed drivers of trigger boxes."""
    return _names(TRIGGERS)


def load_driver(name: str) -> RigDriver:
    """Return a driver of rigs.

    Raises
    ------
    UsageError
        There is none of that name.
    DeviceError
        Its package cannot be loaded.
    """
    made: RigDriver = _load(RIGS, name, RigDriver, "rig")
    return made


def load_camera_driver(name: str) -> CameraDriver:
    """Return a driver of cameras.

    Raises
    ------
    UsageError
        There is none of that name.
    DeviceError
        Its package cannot be loaded.
    """
    made: CameraDriver = _load(CAMERAS, name, CameraDriver, "camera")
    return made


def load_projector_driver(name: str) -> ProjectorDriver:
    """Return a driver of projectors.

    Raises
    ------
    UsageError
        There is none of that name.
    DeviceError
        Its package cannot be loaded.
    """
    made: ProjectorDriver = _load(PROJECTORS, name, ProjectorDriver, "projector")
    return made


def load_trigger_driver(name: str) -> TriggerDriver:
    """Return a driver of trigger boxes.

    Raises
    ------
    UsageError
        There is none of that name.
    DeviceError
        Its package cannot be loaded.
    """
    made: TriggerDriver = _load(TRIGGERS, name, TriggerDriver, "trigger box")
    return made


def connect_rig(name: str, options: Mapping[str, Any] | None = None) -> ConnectedRig:
    """Return the connected rig of a driver (see `RigDriver.connect`)."""
    return load_driver(name).connect(options or {})


def _names(group: str) -> tuple[str, ...]:
    return tuple(sorted({entry.name for entry in importlib.metadata.entry_points(group=group)}))


def _load(group: str, name: str, kind: Any, word: str) -> Any:
    for entry in importlib.metadata.entry_points(group=group):
        if entry.name == name:
            try:
                made = entry.load()()
            except Exception as error:  # a stranger's package may fail in any way, and the others still work
                raise DeviceError(f"the driver {name} cannot be loaded: {error}. Install what it needs") from error
            if not isinstance(made, kind):
                promised = sorted(n for n in _promises(kind) if not hasattr(made, n))
                raise DeviceError(
                    f"the driver {name} of {entry.value} is not a {word} driver (it lacks {', '.join(promised)})"
                )
            return made
    raise UsageError(f"there is no {word} driver {name!r}; installed are {', '.join(_names(group)) or 'none'}")


def _promises(kind: Any) -> set[str]:
    methods = {name for name in vars(kind) if not name.startswith("_")}
    return methods | set(vars(kind).get("__annotations__", {}))
