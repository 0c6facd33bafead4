"""The GenTL driver with the test producer of the genicam wheel: colour or Mono8, no trigger."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.records import CameraOrder, LiveFrame
from faceapp.devices.registry import load_camera_driver

genicam = pytest.importorskip("genicam", reason="genicam is not installed (faceapp[genicam])")
pytest.importorskip("genicam.genapi", reason="genicam cannot be loaded (Debian: libpython3.11)", exc_type=ImportError)
pytest.importorskip("harvesters", reason="harvesters is not installed (faceapp[genicam])")


@pytest.fixture(autouse=True)
def _producer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENICAM_GENTL64_PATH", str(Path(genicam.__file__).parent))


def camera_of(serial: str = "1", **changes: Any) -> Any:
    wanted: dict[str, Any] = {"width": 320, "height": 256, "pixel_format": "Mono8", "trigger": "none"}
    return load_camera_driver("genicam").make_camera(CameraOrder("ir", "g", "ir", serial, **{**wanted, **changes}))


def test_without_a_producer_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENICAM_GENTL64_PATH", os.devnull)
    driver = load_camera_driver("genicam")
    assert "no GenTL producer is installed; install the one of the camera's maker" in driver.missing()
    assert driver.discover() == ()
    with pytest.raises(DeviceError, match="ir: no GenTL producer is installed"):
        camera_of().open()


def test_the_producer_shows_its_cameras() -> None:
    assert [c.serial for c in load_camera_driver("genicam").discover()] == ["0", "1", "2"]


def test_bursts_fill_the_buffer_and_the_live_view_runs() -> None:
    camera = camera_of()
    camera.open()
    assert (camera.info.width, camera.info.height, camera.info.bits) == (320, 256, 8)
    buffer = np.zeros((5, 256, 320), np.uint8)
    for _ in range(2):
        camera.arm(buffer)
        record = camera.wait(3.0)
        assert np.diff(record.frame_ids).tolist() == [1] * 4
        assert (np.diff(record.timestamps_ns) > 0).all()
        assert buffer.reshape(5, -1).any(axis=1).all()
    seen: list[LiveFrame] = []
    camera.stream(seen.append)
    time.sleep(0.6)
    camera.stop_stream()
    assert len(seen) >= 5 and seen[-1].image.shape == (256, 320)
    camera.close()
    camera.close()


def test_a_stalled_host_shows_as_a_jump_of_the_ids() -> None:
    camera = camera_of()
    camera.open()
    ids: list[int] = []

    def take(frame: Any) -> None:
        ids.append(frame.frame_id)
        if len(ids) == 2:
            time.sleep(1.5)  # longer than its buffers last

    camera.follow(take)
    time.sleep(3.0)
    camera.disarm()
    camera.close()
    steps = np.diff(ids)
    assert (steps >= 1).all() and steps.max() > 1


def test_two_cameras_deliver_at_once() -> None:
    cameras = [camera_of(serial) for serial in ("0", "2")]
    buffers = [np.zeros((5, 256, 320), np.uint8) for _ in cameras]
    for camera, buffer in zip(cameras, buffers, strict=True):
        camera.open()
        camera.arm(buffer)
    assert all(len(camera.wait(3.0).frame_ids) == 5 for camera in cameras)
    for camera in cameras:
        camera.close()


def test_what_it_cannot_be_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"no trigger input, so it cannot follow a projector"):
        camera_of(trigger="Line1").open()
    with pytest.raises(DeviceError, match="no pixel format Mono12; it has RGBa8, Mono8"):
        camera_of(pixel_format="Mono12").open()
    with pytest.raises(DeviceError, match="no GenTL producer sees a camera 77; they see 0, 1, 2"):
        camera_of("77").open()
    with pytest.raises(UsageError, match="no feature 'Nonsense'"):
        camera_of(options={"features": {"Nonsense": 1}}).open()
