"""A rig file for the devices that are plugged in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from faceapp.core.errors import UsageError
from faceapp.devices.records import FoundCamera, FoundDevice
from faceapp.formats.atomic import write_bytes

PLACES = tuple(f"{group}-{place}" for group in ("left", "middle", "right") for place in ("ir-1", "ir-2", "rgb"))
"""Names of the cameras of a full rig, left and right of the subject."""


_TRIGGERS = {
    "software": "the projector calls the cameras",
    "hardware": "the projector's trigger out is wired to each camera",
}


def places_for(cameras: Sequence[FoundCamera]) -> dict[str, str]:
    """Return a first guess of which camera stands where, by serial number: people put it right.

    Parameters
    ----------
    cameras : sequence of FoundCamera
        Nine make a full rig; fewer than six make the middle group.

    Returns
    -------
    dict of str to str
        Name of the place by serial number.
    """
    order = PLACES if len(cameras) >= 6 else PLACES[3:6]
    if len(cameras) == 6:
        order = tuple(place for place in PLACES if not place.endswith("rgb"))
    return dict(zip(sorted(c.serial for c in cameras), order, strict=False))


def rig_text(
    cameras: Sequence[FoundCamera], places: Mapping[str, str], projectors: Sequence[FoundDevice], name: str
) -> str:
    """Return a rig file.

    Parameters
    ----------
    cameras : sequence of FoundCamera
        That may be named.
    places : mapping of str to str
        ``GROUP-ir-1``, ``GROUP-ir-2`` or ``GROUP-rgb`` by serial number; cameras without one are left out.
    projectors : sequence of FoundDevice
        Given to the groups in turn; groups without one get the emulated projector.
    name : str
        Of the rig.

    Raises
    ------
    UsageError
        A serial number is not plugged in, a place is taken twice, or a name of a place is none.
    """
    by_serial = {camera.serial: camera for camera in cameras}
    placed: dict[str, dict[str, FoundCamera]] = {}
    for serial, place in places.items():
        group, _, kind = place.partition("-")
        if serial not in by_serial:
            raise UsageError(f"no camera {serial} is plugged in; there are {', '.join(by_serial) or 'none'}")
        if not group or kind not in ("ir-1", "ir-2", "rgb"):
            raise UsageError(f"{place!r} is no place of a camera; say GROUP-ir-1, GROUP-ir-2 or GROUP-rgb")
        if kind in placed.setdefault(group, {}):
            raise UsageError(f"two cameras are to stand at {place}")
        placed[group][kind] = by_serial[serial]
    if not placed:
        raise UsageError("no camera has a place; plug cameras in, or name places with --place SERIAL=middle-ir-1")
    cameras_used = [camera for group in placed.values() for camera in group.values()]
    emulated = all(camera.where == "emulated" for camera in cameras_used)
    webcams = all(camera.driver == "video" for camera in cameras_used)
    trigger = "software" if emulated or webcams else "hardware"
    lines = [
        "# Written by faceapp. Check serial numbers and wiring, then calibrate and name the file below.",
        'driver = "bench"',
        f"name = {_quoted(name)}",
        '# calibration = "calibration.json"',
        f'trigger = "{trigger}"     # {_TRIGGERS[trigger]}',
    ]
    # A port is listed by each driver that may speak to what hangs on it; an emulated projector has none. Webcams have
    # no trigger input, so a screen calls them.
    fit = [p for p in projectors if p.serial and not p.wrong and (p.driver == "screen") == webcams]
    ports = list({p.serial: p for p in reversed(fit)}.values())[::-1] if not emulated else []
    for i, (group, members) in enumerate(sorted(placed.items())):
        lines += [
            "",
            "[[groups]]",
            f"name = {_quoted(group)}",
            _projector_line(ports[i] if i < len(ports) else None, webcams),
        ]
        for kind, camera in sorted(members.items()):
            lines += _camera_lines(f"{group}-{kind}", camera)
    return "\n".join(lines) + "\n"


def write_rig(file: Path, text: str, *, force: bool = False) -> None:
    """Write a rig file whole.

    Raises
    ------
    UsageError
        It is no ``.toml``, or it is there already.
    """
    if file.suffix != ".toml":
        raise UsageError(f"{file}: a rig file ends in .toml")
    if file.exists() and not force:
        raise UsageError(f"{file} is there already; give another name, or --force")
    write_bytes(file, text.encode("utf-8"))


def write_brightness(file: Path, group: str, share: float) -> None:
    """Write the brightness of a group's projector into a rig file; all else in it stays as people wrote it.

    Parameters
    ----------
    file : Path
        A rig file of the driver ``bench``.
    group : str
        Of the file.
    share : float
        0 to 1.

    Raises
    ------
    UsageError
        The file cannot be read, or has no such group.
    DataError
        The disk refuses.
    """
    try:
        described = tomlkit.parse(file.read_text(encoding="utf-8"))
        place = next(entry for entry in described["groups"] if entry["name"] == group)
        projector = place["projector"]
    except (OSError, UnicodeDecodeError, TOMLKitError, KeyError, StopIteration) as error:
        raise UsageError(f"{file}: the brightness of {group} cannot be written into it; is it still there?") from error
    if "settings" not in projector:
        projector["settings"] = tomlkit.inline_table()
    projector["settings"]["brightness"] = share
    write_bytes(file, tomlkit.dumps(described).encode("utf-8"))


def _projector_line(port: FoundDevice | None, webcams: bool) -> str:
    if port is None and webcams:
        return 'projector = { driver = "screen" }  # the last screen; or serial = its name'
    if port is None:
        return 'projector = { driver = "emulated" }  # or: driver = "serial", serial = the port'
    return f"projector = {{ driver = {_quoted(port.driver)}, serial = {_quoted(port.serial)} }}"


def _camera_lines(name: str, camera: FoundCamera) -> list[str]:
    infrared = not name.endswith("rgb")
    # What a network camera gives is set here; a file or a webcam gives what it has.
    asks = camera.driver in ("basler", "genicam", "gige", "aravis")
    lines = [
        "[[groups.cameras]]",
        f"name = {_quoted(name)}",
        f'role = "{"ir" if infrared else "rgb"}"',
        f"driver = {_quoted(camera.driver)}",
        f"serial = {_quoted(camera.serial)}  # {camera.model}".rstrip(" #"),
    ]
    if asks and infrared:
        lines.append('pixel_format = "Mono8"')
    if asks:
        lines.append('trigger = "Line1"')
    return [*lines, "exposure_ms = 7.0", "gain_db = 0.0"]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
