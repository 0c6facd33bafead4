"""Rigs by name or by file: a driver and its options."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.registry import connect_rig, driver_names, load_driver
from faceapp.formats.capture_bundle import FILE
from faceapp.fringe.warming import warm_in_background


def connect_described_rig(rig: str, extra: Mapping[str, Any] | None = None) -> ConnectedRig:
    """Connect a rig and open all its devices.

    Parameters
    ----------
    rig : str
        The name of a driver; a ``.toml`` file with ``driver`` and its options; or a capture bundle to replay.
    extra : mapping, optional
        Options on top.

    Raises
    ------
    UsageError
        No such driver or file; the message lists what is there.
    DeviceError
        A device is missing, busy or broken.
    """
    driver, options = describe_rig(rig)
    devices = connect_rig(driver, {**options, **(extra or {})})
    if devices.rig.calibration_id:
        warm_in_background(devices.rig.groups)  # who connects a calibrated rig will decode
    open_devices(devices)
    return devices


def open_devices(devices: ConnectedRig) -> None:
    """Open all projectors and cameras; where one fails, the rig is closed."""
    try:
        for projector in devices.projectors.values():
            projector.open()
        for camera in devices.cameras.values():
            camera.open()
    except BaseException:
        devices.close()
        raise


def describe_rig(rig: str) -> tuple[str, dict[str, Any]]:
    """Return driver and options of a rig (see `connect_described_rig`), connecting nothing."""
    if rig in driver_names():
        return rig, {}
    path = Path(rig)
    if (path / FILE).is_file():
        return "replay", {"bundle": path}
    if path.suffix == ".toml" and path.is_file():
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, OSError) as error:
            raise DeviceError(f"{path} cannot be read: {error}") from error
        if not isinstance(data.get("driver"), str):
            raise DeviceError(f"{path}: field driver: the name of a driver is expected ({', '.join(driver_names())})")
        driver = data.pop("driver")
        return driver, {**data, "rig_file": path} if load_driver(driver).reads_rig_file else data
    raise UsageError(
        f"there is no rig {rig!r}: expected a driver ({', '.join(driver_names()) or 'none installed'}), "
        "a .toml file that names one, or a capture bundle to replay"
    )
