"""Rig files of real devices: what they say, what is wrong in them, and how they are written. No camera is needed."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from faceapp.app.device_listing import Standing, list_drivers
from faceapp.app.device_trial import try_group
from faceapp.app.rig_writing import places_for, rig_text, write_brightness, write_rig
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine
from faceapp.capture.plan import CapturePlan
from faceapp.cli.main import main
from faceapp.core.errors import DeviceError, FaceappError, UsageError
from faceapp.devices.records import FoundCamera, FoundDevice
from faceapp_hardware.projectors.firmware_image import pack_image
from faceapp_hardware.simulated.firmware_memory import PRODUCT
from tests.unit.bundles import K, pose

RIG = """driver = "bench"
trigger = "software"
[[groups]]
name = "middle"
projector = { driver = "emulated" }
cameras = [
  { name = "middle-ir-1", role = "ir", driver = "pattern", serial = "1", width = 64, height = 48 },
  { name = "middle-ir-2", role = "ir", driver = "pattern", serial = "2", width = 64, height = 48 },
  { name = "middle-rgb", role = "rgb", driver = "pattern", serial = "3", width = 64, height = 48 },
]
"""


def rig_file(folder: Path, *changes: tuple[str, str]) -> str:
    text = RIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "lab.toml").write_text(text)
    return str(folder / "lab.toml")


def calibrate(folder: Path, names: tuple[str, ...] = ("middle-ir-1", "middle-ir-2", "middle-rgb")) -> None:
    optics = {"width": 64, "height": 48, "K": K, "distortion": [0.0] * 5}
    cameras = {name: {**optics, "rig_from_camera": pose(60.0 * i)} for i, name in enumerate(names)}
    data = {"schema": "faceapp/calibration", "schema_version": 1, "id": "today", "cameras": cameras}
    (folder / "calibration.json").write_text(json.dumps(data))


def test_a_rig_nobody_has_calibrated_connects_and_shoots_but_captures_nothing(tmp_path: Path) -> None:
    rig = connect_described_rig(rig_file(tmp_path))
    try:
        assert rig.rig.calibration_id == ""
        trial = try_group(rig, "middle")
        assert trial.is_good, trial
        assert [c.frames for c in trial.cameras] == [14, 14, 1]
        assert [round(c.rate_hz / 50, 1) for c in trial.cameras[:2]] == [1.0, 1.0]
        with pytest.raises(UsageError, match="the rig lab is not calibrated, so no capture of it could be decoded"):
            CaptureEngine(rig).capture(CapturePlan(), lambda group: None)
    finally:
        rig.close()


def test_the_calibration_beside_the_file_is_the_rigs(tmp_path: Path) -> None:
    calibrate(tmp_path)
    rig = connect_described_rig(
        rig_file(tmp_path, ('trigger = "software"', 'trigger = "software"\ncalibration = "calibration.json"'))
    )
    assert rig.rig.calibration_id == "today"
    assert rig.rig.camera("middle-ir-2").centre.tolist() == [60.0, 0.0, 700.0]
    rig.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('role = "ir"', 'role = "red"'), r"lab\.toml: field groups\[0\]\.cameras\[0\]\.role: 'red' is not one of"),
        (('serial = "1", ', ""), r"groups\[0\]\.cameras\[0\]: 'serial' is a required property"),
        (('serial = "1"', 'seriel = "1", serial = "1"'), r"groups\[0\]\.cameras\[0\]: .*'seriel' was unexpected"),
        (('name = "middle-ir-2"', 'name = "middle-ir-1"'), "the camera 'middle-ir-1' is there twice"),
        (('serial = "2"', 'serial = "1"'), "the serial number 'pattern 1' is there twice"),
        ((", height = 48", ""), r"groups\[0\]\.cameras\[0\]: 'height' is a dependency of 'width'"),
        (
            ('driver = "pattern"', 'driver = "kodak"'),
            "there is no camera driver 'kodak'; installed are aravis, basler, ",
        ),
        (('driver = "emulated"', 'driver = "lamp"'), "there is no projector driver 'lamp'; installed are emulated"),
        (('serial = "1"', 'serial = "44"'), "middle-ir-1: there is no drawn camera '44'"),
        (('serial = "1"', 'serial = "1", options = { shutter = 1 }'), "middle-ir-1: option 'shutter' is unknown"),
        (('trigger = "software"', 'calibration = "gone.json"'), r"gone\.json is missing"),
        (('driver = "emulated"', 'driver = "emulated", options = { lamp = 1 }'), "option 'lamp' is unknown; there are"),
        (('{ driver = "emulated" }', '{ driver = "serial" }'), "middle-projector: the port is missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with pytest.raises(FaceappError, match=words):
        connect_described_rig(rig_file(tmp_path, change))


def test_a_calibration_that_lacks_a_camera_is_refused(tmp_path: Path) -> None:
    calibrate(tmp_path, ("middle-ir-1", "other"))
    file = rig_file(tmp_path, ('trigger = "software"', 'calibration = "calibration.json"'))
    with pytest.raises(UsageError, match="the calibration has no camera 'middle-ir-2'; it has middle-ir-1, other"):
        connect_described_rig(file)


def test_one_device_that_fails_leaves_none_open(tmp_path: Path) -> None:
    file = rig_file(tmp_path, ('serial = "3"', 'serial = "13"'))
    with pytest.raises(DeviceError, match="no drawn camera '13'"):
        connect_described_rig(file)
    rig = connect_described_rig(rig_file(tmp_path))
    rig.close()
    rig.close()


def found(*serials: str, where: str = "GigE") -> list[FoundCamera]:
    return [FoundCamera("basler", serial, "acA1300", where) for serial in serials]


def test_a_written_file_names_places_ports_and_what_to_check(tmp_path: Path) -> None:
    cameras = found("11", "12", "13")
    assert places_for(cameras) == {"11": "middle-ir-1", "12": "middle-ir-2", "13": "middle-rgb"}
    listed = [FoundDevice(name, "") for name in ("emulated", "emulated-stored")]
    listed += [FoundDevice(name, "/dev/ttyUSB0") for name in ("serial", "stored")]
    text = rig_text(cameras, places_for(cameras), listed, "lab")
    assert 'projector = { driver = "serial", serial = "/dev/ttyUSB0" }' in text
    assert 'trigger = "hardware"' in text
    write_rig(tmp_path / "lab.toml", text)
    with pytest.raises(UsageError, match="is there already"):
        write_rig(tmp_path / "lab.toml", text)
    with pytest.raises(DeviceError, match=r"middle-ir-1: .*(no Basler camera with the serial number 11|not installed)"):
        connect_described_rig(str(tmp_path / "lab.toml"))


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ({"99": "middle-ir-1"}, "no camera 99 is plugged in; there are 11, 12"),
        ({"11": "middle"}, "'middle' is no place of a camera"),
        ({"11": "middle-rgb", "12": "middle-rgb"}, "two cameras are to stand at middle-rgb"),
        ({}, "no camera has a place"),
    ],
)
def test_places_that_cannot_be_are_refused(places: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        rig_text(found("11", "12"), places, [], "lab")


def test_nine_cameras_make_a_full_rig_and_six_one_without_colour() -> None:
    assert list(places_for(found(*"123456789")).values())[:3] == ["left-ir-1", "left-ir-2", "left-rgb"]
    assert not any(place.endswith("rgb") for place in places_for(found(*"123456")).values())


def test_every_driver_is_listed_with_its_standing() -> None:
    entries = {entry.name: entry for entry in list_drivers()}
    assert {
        "basler",
        "bench",
        "emulated",
        "genicam",
        "gige",
        "pattern",
        "replay",
        "serial",
        "simulated",
        "video",
    } <= set(entries)
    for entry in entries.values():
        assert entry.title
        assert (entry.standing is Standing.FOUND) or entry.sentence


def last(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))


def test_the_command_tries_a_rig_and_fails_with_the_devices_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["devices", rig_file(tmp_path), "--json"]) == 0
    result = last(capsys)
    assert [c["frames"] for c in result["cameras"]] == [14, 14, 1]
    assert result["cameras"][0]["info"]["serial"] == "1"
    assert result["calibrated"] is False
    assert main(["devices", rig_file(tmp_path, ('serial = "1"', 'serial = "44"'))]) == 3
    assert main(["devices", "simulated", "--check", "pattern"]) == 2
    capsys.readouterr()


def test_the_command_checks_a_driver(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--check", "emulated", "--json"]) == 0
    assert last(capsys)["broken"] == 0


def test_the_command_lists_drivers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    assert "camera pattern: Drawn test pictures (no camera) [found]" in capsys.readouterr().out


def test_the_command_tells_how_projectors_are_and_puts_firmware_into_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = "settings = { brightness = 0.8, trigger_width_ms = 0.2, trigger_delay_ms = 1.0 }"
    file = rig_file(tmp_path, ('driver = "emulated"', f'driver = "emulated", {settings}'))
    assert main(["devices", file, "--json"]) == 0
    projector = last(capsys)["projectors"][0]
    assert (projector["version"], projector["serial"], projector["cannot"]) == ("2.0.0", "EMULATED-1", [])
    assert projector["state"]["temperature_c"] == 38.5
    assert projector["state"]["settings"]["trigger_delay_s"] == 0.001
    image = tmp_path / "new.img"
    image.write_bytes(pack_image(PRODUCT, (2, 3, 1), bytes(3000)))
    assert main(["devices", file, "--update-firmware", "middle-projector", str(image), "--json"]) == 0
    assert last(capsys) == {"event": "result", "projector": "middle-projector", "firmware": "2.3.1"}
    image.write_bytes(image.read_bytes()[:-1])
    assert main(["devices", file, "--update-firmware", "middle", str(image)]) == 3
    assert "it was cut off" in capsys.readouterr().err
    assert main(["devices", file, "--update-firmware", "lamp", str(image)]) == 2
    assert main(["devices", "--update-firmware", "middle", str(image)]) == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("brightness = 2", r"projector\.settings\.brightness: 2 is greater than the maximum of 1"),
        ("trigger_width_ms = 50", "its trigger out takes a width of 0.01 to 10 ms and a delay of 0 to 100 ms"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, settings: str, words: str) -> None:
    change = ('driver = "emulated"', f'driver = "emulated", settings = {{ {settings} }}')
    with pytest.raises(FaceappError, match=words):
        connect_described_rig(rig_file(tmp_path, change))


def test_webcams_get_a_screen_and_network_cameras_none() -> None:
    listed = [
        FoundDevice("screen", "eDP-1", "640 x 480", "windows of people are on it"),
        FoundDevice("screen", "HDMI-1", "1280 x 720"),
        FoundDevice("serial", "/dev/ttyS0"),
    ]
    webcams = [FoundCamera("video", number, "webcam") for number in "02"]
    text = rig_text(webcams, places_for(webcams), listed, "hobby")
    assert 'projector = { driver = "screen", serial = "HDMI-1" }' in text
    assert 'trigger = "software"' in text
    assert 'projector = { driver = "screen" }' in rig_text(webcams, places_for(webcams), [], "hobby")
    cameras = found("11", "12")
    assert 'serial = "/dev/ttyS0"' in rig_text(cameras, places_for(cameras), listed, "lab")


HAND_WRITTEN = """# Our lab
driver = "bench"
[[groups]]
name = "left"
projector = { driver = "emulated", settings = { brightness = 0.9, trigger_delay_ms = 0.1 } }  # the old one
cameras = []

[[groups]]
name = "middle"
# two lines
[groups.projector]
driver = "emulated"
[[groups.cameras]]
name = "middle-ir-1"  # at the top
"""


def test_a_brightness_is_written_where_people_wrote_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(HAND_WRITTEN)
    for share in (0.3, 0.45):
        write_brightness(file, "left", share)
        write_brightness(file, "middle", share)
    before, after = tomllib.loads(HAND_WRITTEN), tomllib.loads(file.read_text())
    assert after["groups"][0]["projector"].pop("settings") == {"brightness": 0.45, "trigger_delay_ms": 0.1}
    assert after["groups"][1]["projector"].pop("settings") == {"brightness": 0.45}
    before["groups"][0]["projector"].pop("settings")
    assert after == before
    gone = [line for line in HAND_WRITTEN.splitlines() if line not in file.read_text().splitlines()]
    assert gone == [line for line in HAND_WRITTEN.splitlines() if "0.9" in line]
    assert "# the old one" in file.read_text()


def test_a_brightness_needs_its_group_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    with pytest.raises(UsageError, match=r"the brightness of left cannot be written into it; is it still there\?"):
        write_brightness(file, "left", 0.5)
    file.write_text(HAND_WRITTEN)
    with pytest.raises(UsageError, match="the brightness of right"):
        write_brightness(file, "right", 0.5)
    assert file.read_text() == HAND_WRITTEN
