"""The Aravis driver with the GigE Vision peer that Aravis brings, where its system bindings can be imported."""

from __future__ import annotations

import fcntl
import importlib.util
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceapp.app.driver_check import check_driver
from faceapp.core.errors import DeviceError, FrameLost
from faceapp.devices.records import CameraOrder
from faceapp.devices.registry import load_camera_driver

needs_aravis = pytest.mark.skipif(
    importlib.util.find_spec("gi") is None or bool(load_camera_driver("aravis").missing()),
    reason="gi with Aravis cannot be imported (python3-gi, gir1.2-aravis-0.8, --system-site-packages)",
)


@pytest.fixture(scope="module")
def peer() -> Iterator[str]:
    """The serial number of a camera on the loopback; there can be one on a machine, so other processes wait."""
    import gi

    gi.require_version("Aravis", "0.8")
    from gi.repository import Aravis

    with (Path(tempfile.gettempdir()) / "faceapp-gige-peer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fake = Aravis.GvFakeCamera.new("127.0.0.1", "GV77")
        assert fake.is_running()
        yield "GV77"
        del fake


@pytest.fixture
def slow_peer(peer: str) -> Iterator[str]:
    """The peer at 10 frames a second: it looks for its trigger once in a frame's time, and laws trigger half as often.

    At its own 25 frames a second a busy machine lets it sleep over two triggers, and it takes them for one.
    """
    set_frame_rate(10.0)
    yield peer
    set_frame_rate(25.0)


def set_frame_rate(rate_hz: float) -> None:
    from gi.repository import Aravis

    Aravis.update_device_list()
    camera = Aravis.Camera.new(None)
    camera.set_frame_rate(rate_hz)
    assert camera.get_frame_rate() == pytest.approx(rate_hz)


def camera_of(**changes: Any) -> Any:
    wanted: dict[str, Any] = {"width": 320, "height": 256, "pixel_format": "Mono8", "trigger": "software"}
    camera = load_camera_driver("aravis").make_camera(CameraOrder("ir", "g", "ir", "GV77", **{**wanted, **changes}))
    camera.open()
    return camera


def burst(camera: Any, buffer: np.ndarray) -> np.ndarray:
    camera.arm(buffer)

    def fire() -> None:
        for _ in range(len(buffer)):
            camera.fire()
            time.sleep(0.15)  # the peer looks for its trigger 25 times a second, and until its first frame 10 times

    thread = threading.Thread(target=fire)
    thread.start()
    record = camera.wait(10.0)
    thread.join()
    return np.asarray(record.frame_ids)


@pytest.mark.skipif(importlib.util.find_spec("gi") is not None, reason="gi is there")
def test_without_the_bindings_it_says_how_to_get_them() -> None:
    assert load_camera_driver("aravis").missing().startswith("gi cannot be imported; install python3-gi and gir1.2")


@needs_aravis
def test_it_keeps_the_laws(slow_peer: str) -> None:
    assert [f"{f.law} {f.fault}" for f in check_driver("aravis", slow_peer) if f.fault] == []


@needs_aravis
@pytest.mark.parametrize(("pause_s", "frames"), [(0.0, 1), (0.25, 2)], ids=["at once", "two frames apart"])
def test_the_peer_takes_triggers_of_one_frame_time_for_one(slow_peer: str, pause_s: float, frames: int) -> None:
    """Why laws are tried at its slower rate: a trigger that it has not looked at yet is lost without a gap in ids."""
    with closing(camera_of()) as camera:
        camera.arm(np.zeros((3, 256, 320), np.uint8))
        for _ in range(2):
            camera.fire()
            time.sleep(pause_s)
        with pytest.raises(FrameLost, match=f"delivered {frames} of 3 frames and waited"):
            camera.wait(0.6)


@needs_aravis
def test_ids_wrap_at_16_bits_without_a_gap(peer: str) -> None:
    """Its first id is 65401: the wrap comes after 135 frames."""
    with closing(camera_of()) as camera:
        ids = np.concatenate([burst(camera, np.zeros((50, 256, 320), np.uint8)) for _ in range(3)])
    assert np.diff(ids).tolist() == [1] * 149


@needs_aravis
@pytest.mark.parametrize(("pixel_format", "role"), [("Mono16", "ir"), ("RGB8", "rgb"), ("BayerRG8", "rgb")])
def test_formats_fill_the_buffers(peer: str, pixel_format: str, role: str) -> None:
    order = CameraOrder("cam", "g", role, peer, 320, 256, pixel_format, "software")
    with closing(load_camera_driver("aravis").make_camera(order)) as camera:
        camera.open()
        buffer = np.zeros((4, *camera.info.frame_shape), camera.info.dtype)
        burst(camera, buffer)
        assert buffer.reshape(4, -1).any(axis=1).all()


@needs_aravis
def test_a_camera_that_is_not_there_is_named(peer: str) -> None:
    order = CameraOrder("ir", "g", "ir", "77")
    with pytest.raises(DeviceError, match="Aravis sees no camera with the serial number 77; it sees GV77"):
        load_camera_driver("aravis").make_camera(order).open()
