"""The GigE Vision driver against a peer on the loopback: packets lost, ids that wrap, control taken away."""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from faceapp.app.driver_check import check_driver
from faceapp.core.errors import DeviceError, FrameLost
from faceapp.devices.records import CameraInfo, CameraOrder, CameraSettings, TriggeredFrame
from faceapp.devices.registry import load_camera_driver
from faceapp_hardware.cameras.grabbing import GrabbingCamera
from faceapp_hardware.cameras.source import Fetched, Mode

testing = pytest.importorskip("viva_genicam.testing", reason="viva-genicam is not installed (faceapp[genicam])")


@contextlib.contextmanager
def peer(**options: Any) -> Iterator[Any]:
    """A camera on the loopback; there can be one on a machine, so other processes wait."""
    with (Path(tempfile.gettempdir()) / "faceapp-gige-peer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with testing.FakeGigeCamera(width=320, height=240, fps=60, **options) as fake:
            yield fake


def camera_of(fake: Any, **options: Any) -> GrabbingCamera:
    order = CameraOrder("ir", "g", "ir", fake.MAC, 320, 240, "Mono8", "software", options=options)
    camera = load_camera_driver("gige").make_camera(order)
    camera.open()
    assert isinstance(camera, GrabbingCamera)
    return camera


def burst(camera: GrabbingCamera, frames: int = 6) -> npt.NDArray[np.int64]:
    camera.arm(np.zeros((frames, 240, 320), np.uint8))

    def fire() -> None:
        for _ in range(frames):
            camera.fire()
            time.sleep(0.03)

    thread = threading.Thread(target=fire)
    thread.start()
    try:
        return camera.wait(2.0).frame_ids
    finally:
        thread.join()


def test_it_keeps_the_laws() -> None:
    with peer():
        assert [f"{f.law} {f.fault}" for f in check_driver("gige") if f.fault] == []


def test_lost_packets_are_asked_for_again() -> None:
    with peer(drop_packets=[(2, 5), (4, 7)]) as fake:
        camera = camera_of(fake)
        assert np.diff(burst(camera)).tolist() == [1] * 5
        camera.close()


def test_packets_that_stay_lost_lose_the_burst_with_a_reason() -> None:
    with peer(packet_resend=False, drop_packets=[(3, 5)]) as fake:
        camera = camera_of(fake, resend=False)
        with pytest.raises(FrameLost, match="ir delivered 2 of 6 frames and the next one lost 1 packets; check cable"):
            burst(camera)
        assert len(burst(camera, 2)) == 2
        camera.close()


def test_who_follows_sees_the_gap_of_a_broken_frame() -> None:
    with peer(packet_resend=False, drop_packets=[(3, 5)]) as fake:
        camera = camera_of(fake, resend=False)
        ids: list[int] = []

        def take(frame: TriggeredFrame) -> None:
            ids.append(frame.frame_id)

        camera.follow(take)
        for _ in range(6):
            camera.fire()
            time.sleep(0.04)
        time.sleep(0.2)
        camera.disarm()
        assert np.diff(ids).tolist() == [1, 2, 1, 1]
        camera.close()


def test_control_that_is_taken_away_is_taken_back_before_the_next_burst() -> None:
    with peer() as fake:
        camera = camera_of(fake)
        assert len(burst(camera)) == 6
        fake.revoke_control()
        camera.arm(np.zeros((2, 240, 320), np.uint8))
        with pytest.raises(DeviceError):
            camera.wait(5.0)
        assert len(burst(camera)) == 6
        assert fake.controller() is not None
        camera.close()


def test_a_camera_that_is_not_there_is_named() -> None:
    order = CameraOrder("ir", "g", "ir", "00:11:22:33:44:55")
    with peer() as fake, pytest.raises(DeviceError, match=f"address 00:11:22:33:44:55; found are {fake.MAC}"):
        load_camera_driver("gige").make_camera(order).open()


def test_settings_reach_the_camera() -> None:
    with peer() as fake:
        camera = camera_of(fake)
        assert camera.configure(CameraSettings(3.5, 6.0)) == CameraSettings(3.5, 6.0)
        camera.close()


class ScriptedSource:
    """Frames with given ids, as many as there are."""

    holds_bursts = True

    def __init__(self, ids: list[int]) -> None:
        self._ids = ids

    def open(self) -> CameraInfo:
        return CameraInfo("ir", "g", "ir", 4, 3)

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        return wanted

    def begin(self, mode: Mode, buffer: npt.NDArray[Any] | None) -> None: ...

    def fetch(self, timeout_s: float, into: npt.NDArray[Any] | None) -> Fetched | None:
        if not self._ids:
            time.sleep(0.01)
            return None
        return Fetched(self._ids.pop(0), time.monotonic_ns())

    def end(self) -> None: ...

    def fire(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("wire", "steps"),
    [
        ([65533, 65534, 65535, 1, 2], [1, 1, 1, 1]),
        ([65534, 1, 2, 3, 4], [2, 1, 1, 1]),
        ([65535, 2, 3, 4, 5], [2, 1, 1, 1]),
        ([7, 8, 10, 11, 12], [1, 2, 1, 1]),
    ],
)
def test_ids_of_16_bits_wrap_from_65535_to_1(wire: list[int], steps: list[int]) -> None:
    camera = GrabbingCamera(CameraOrder("ir", "g", "ir", "1"), ScriptedSource(list(wire)), "scripted")
    camera.open()
    camera.arm(np.zeros((5, 3, 4), np.uint8))
    assert np.diff(camera.wait(2.0).frame_ids).tolist() == steps
    camera.close()
