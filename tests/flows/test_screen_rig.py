"""A hobbyist's rig: two webcams and a screen that is a projector. The cameras see what really stands on the screen.

Xvfb keeps its screen in a file; the cameras read that file at each trigger, through a plane before them and a screen
whose light is the 2.2th power of its pixels.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.calibrating import measure_gammas
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import plan_for
from faceapp.core.errors import DeviceError
from faceapp.core.sequence import FringeSequence, GrayBit, multi_frequency
from faceapp.core.signals import Reporter
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraOrder, FoundCamera
from faceapp.fringe.decode import decode_group
from faceapp_hardware.bench import rig as bench
from faceapp_hardware.cameras.grabbing import GrabbingCamera
from faceapp_hardware.cameras.pattern import PatternSource
from faceapp_hardware.projectors.screen_window import pattern_image
from tests.unit.bundles import PLANE_Z, SIZE, K, field_position, pose

SCREEN = (640, 480)
CENTRES = {"middle-cam-1": -60.0, "middle-cam-2": 60.0}


def screen_pixels(file: Path) -> np.ndarray:
    """(H, W) uint8 grey of what stands on the screen of Xvfb, whose file is an X window dump."""
    data = file.read_bytes()
    header = struct.unpack(">25I", data[:100])
    width, height, line = header[4], header[5], header[12]
    start = header[0] + 12 * header[19]
    rows = np.frombuffer(data, np.uint8, line * height, start).reshape(height, line)
    return rows[:, : 4 * width].reshape(height, width, 4)[..., 1]


class SeeingSource(PatternSource):
    """A webcam before a plane that the screen lights."""

    file = Path()

    def __init__(self, order: CameraOrder) -> None:
        super().__init__(order)
        self._field = field_position(CENTRES[order.name])
        self._rng = np.random.default_rng(len(order.name))

    def _draw(self, number: int) -> np.ndarray:
        row = screen_pixels(self.file)[SCREEN[1] // 2]
        place = np.clip(self._field * SCREEN[0] - 0.5, 0, SCREEN[0] - 1)
        pixel = np.interp(place, np.arange(SCREEN[0]), row)
        counts = 12 + 200 * (pixel / 255) ** 2.2 + self._rng.normal(0, 0.7, place.shape)
        return np.clip(np.rint(counts), 0, 255).astype(np.uint8)


class SeeingDriver:
    name = "seeing"
    title = "Cameras that see the screen of Xvfb"

    def missing(self) -> str:
        return ""

    def discover(self) -> tuple[FoundCamera, ...]:
        return ()

    def make_camera(self, order: CameraOrder) -> GrabbingCamera:
        return GrabbingCamera(order, SeeingSource(order), self.name)


@pytest.fixture
def screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a screen; windows of other processes open on it."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed (apt-get install xvfb)")
    read, write = os.pipe()
    size = f"{SCREEN[0]}x{SCREEN[1]}x24"
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-fbdir", str(tmp_path), "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    monkeypatch.setenv("DISPLAY", f":{number}")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.setattr(SeeingSource, "file", tmp_path / "Xvfb_screen0")
    monkeypatch.setattr(bench, "load_camera_driver", lambda name: SeeingDriver())
    yield tmp_path / "Xvfb_screen0"
    process.terminate()
    process.wait()


def connected(folder: Path, options: str = "") -> ConnectedRig:
    optics = {"width": SIZE[0], "height": SIZE[1], "K": K, "distortion": [0.0] * 5}
    cameras = {name: {**optics, "rig_from_camera": pose(x)} for name, x in CENTRES.items()}
    data = {"schema": "faceapp/calibration", "schema_version": 1, "id": "today", "cameras": cameras}
    (folder / "calibration.json").write_text(json.dumps(data))
    (folder / "hobby.toml").write_text(f"""driver = "bench"
calibration = "calibration.json"
trigger = "software"
[[groups]]
name = "middle"
[groups.projector]
driver = "screen"
serial = "0"
options = {{ period_ms = 60, settle_ms = 30{options} }}
[[groups.cameras]]
name = "middle-cam-1"
role = "ir"
driver = "seeing"
serial = "1"
[[groups.cameras]]
name = "middle-cam-2"
role = "ir"
driver = "seeing"
serial = "2"
""")
    return connect_described_rig(str(folder / "hobby.toml"))


def test_two_webcams_and_a_screen_scan_a_plane(screen: Path, tmp_path: Path) -> None:
    rig = connected(tmp_path)
    info = rig.projectors["middle"].info
    assert (info.width, info.height, info.serial) == (*SCREEN, "screen")
    captured: list[GroupCapture] = []
    plan = plan_for(rig)
    assert plan.rate_hz == pytest.approx(1 / 0.06)
    CaptureEngine(rig).capture(plan, captured.append)
    assert screen_pixels(screen).max() == 0  # black when it is over
    rig.close()
    cloud = decode_group(captured[0].group, dict(captured[0].stacks), dict.fromkeys(CENTRES, 255.0), None).cloud
    assert len(cloud) > 10_000
    off = cloud.points[:, 2] - PLANE_Z
    assert abs(float(np.median(off))) < 0.05
    assert float(np.percentile(np.abs(off), 95)) < 0.3


@pytest.mark.parametrize(("options", "expected"), [("", 2.2), (", gamma = 2.2", 1.0)])
def test_gamma_is_measured_and_can_be_bent_against(screen: Path, tmp_path: Path, options: str, expected: float) -> None:
    rig = connected(tmp_path, options)
    found = measure_gammas(rig, Reporter())["middle-projector"]
    rig.close()
    assert found.gamma == pytest.approx(expected, abs=0.02)
    assert found.is_linear == (expected == 1.0)


def is_black_soon(screen: Path) -> bool:
    """Whether the screen gets black; a busy display takes a while to paint what it was told."""
    end = time.monotonic() + 10
    while screen_pixels(screen).max() > 0:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_the_screen_is_black_when_nobody_is_heard_any_more(screen: Path, tmp_path: Path) -> None:
    rig = connected(tmp_path)
    try:
        projector = rig.projectors["middle"]
        projector.load(plan_for(rig).sequence, 0.06)
        assert is_black_soon(screen)
        projector.loop()
        end = time.monotonic() + 10
        while screen_pixels(screen).max() <= 100 and time.monotonic() < end:
            time.sleep(0.02)
        assert screen_pixels(screen).max() > 100
        projector.stop()
        assert is_black_soon(screen)
        projector.loop()
        process = projector._process  # type: ignore[attr-defined]
        process.stdin.close()  # as when the program is killed
        process.wait(30)
        assert is_black_soon(screen)
        with pytest.raises(DeviceError, match=r"middle-projector: .*Check the projector's cable and the display"):
            projector.play()
    finally:
        rig.close()


def test_a_screen_that_is_not_there_is_named_with_those_that_are(screen: Path, tmp_path: Path) -> None:
    file = tmp_path / "hobby.toml"
    connected(tmp_path).close()
    text = file.read_text()
    file.write_text(text.replace('serial = "0"', 'serial = "HDMI-7"'))
    with pytest.raises(DeviceError, match="there is no screen 'HDMI-7'; there are screen, which a rig file may name"):
        connect_described_rig(str(file))
    file.write_text(text.replace('serial = "0"\n', ""))  # the only screen is not taken from people unasked
    with pytest.raises(DeviceError, match="there is no screen but that with people's windows; there are screen"):
        connect_described_rig(str(file))


def test_patterns_are_drawn_as_the_bundle_defines_them() -> None:
    gray = FringeSequence(tuple(GrayBit(k, 3) for k in range(3)), "v")
    codes = np.stack([pattern_image(gray, k, 4, 16, 1.0)[:, 0] > 0 for k in range(3)])
    words = "".join(f"{bits[0]}{bits[1]}{bits[2]} " for bits in codes.astype(int).T[::2])
    assert words == "000 001 011 010 110 111 101 100 "
    sequence = multi_frequency((8.0,), (4,))
    column = pattern_image(sequence, 1, 64, 2, 1.0)[0] / 255
    expected = 0.5 + 0.5 * np.cos(2 * np.pi * (8 * (np.arange(64) + 0.5) / 64 - 0.25))
    np.testing.assert_allclose(column, expected, atol=0.5 / 255 + 1e-9)
