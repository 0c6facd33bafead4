"""What every rig driver must keep: the promises of `faceapp.devices.protocols`, one suite for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture, State, Status
from faceapp.capture.plan import CapturePlan
from faceapp.core.errors import Cancelled, DeviceError, FrameLost, UsageError
from faceapp.core.sequence import FringeSequence, multi_frequency
from faceapp.devices.protocols import Camera, ConnectedRig
from faceapp.devices.records import CameraSettings, LiveFrame, TriggeredFrame
from faceapp.devices.registry import driver_names, load_driver
from faceapp.fringe.decode import decode_group
from tests.unit.bundles import write_bundle

DRIVERS = ("replay", "simulated")
PERIOD = 1 / 120


@dataclass
class Connected:
    rig: ConnectedRig
    sequence: FringeSequence

    @property
    def group(self) -> str:
        return self.rig.rig.groups[0].name

    @property
    def infrared(self) -> Camera:
        return self.rig.cameras[self.rig.rig.groups[0].infrared[0].name]

    def buffer(self, camera: Camera, count: int | None = None) -> np.ndarray:
        n = (len(self.sequence) if camera.info.role == "ir" else 1) if count is None else count
        return np.zeros((n, *camera.info.frame_shape), camera.info.dtype)

    def plan(self, **changes: Any) -> CapturePlan:
        return CapturePlan(sequence=self.sequence, **changes)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "plane", groups=2, noise=0.3)


def options_of(driver: str, bundle: Path) -> dict[str, Any]:
    return {"bundle": bundle} if driver == "replay" else {"seed": 5, "scale": 0.25}


@pytest.fixture(scope="session", params=DRIVERS)
def rig_of_driver(request: pytest.FixtureRequest, bundle: Path) -> Iterator[Connected]:
    name: str = request.param
    rig = connect_described_rig(name, options_of(name, bundle))
    rig.prepare("S0001", "neutral", 1)
    yield Connected(rig, multi_frequency((1.0, 8.0), (4, 4)) if name == "replay" else multi_frequency())
    rig.close()
    rig.close()


@pytest.fixture
def connected(rig_of_driver: Connected) -> Iterator[Connected]:
    """The rig, shared by all tests; each leaves it dark, disarmed and without a live view."""
    yield rig_of_driver
    for camera in rig_of_driver.rig.cameras.values():
        camera.stop_stream()
        camera.disarm()
    for projector in rig_of_driver.rig.projectors.values():
        projector.stop()


def play(connected: Connected, period: float = PERIOD) -> None:
    projector = connected.rig.projectors[connected.group]
    projector.load(connected.sequence, period)
    projector.play()


def test_every_driver_is_tried() -> None:
    assert set(DRIVERS) <= set(driver_names())
    for name in DRIVERS:
        driver = load_driver(name)
        assert driver.name == name
        assert driver.title


@pytest.mark.parametrize("name", DRIVERS)
def test_unknown_options_are_named(name: str) -> None:
    with pytest.raises(UsageError, match="no_such_option"):
        load_driver(name).connect({"no_such_option": 1})


@pytest.mark.parametrize("name", DRIVERS)
def test_life_from_connect_to_close(name: str, bundle: Path) -> None:
    before = set(threading.enumerate())
    rig = load_driver(name).connect(options_of(name, bundle))
    camera = next(iter(rig.cameras.values()))
    with pytest.raises(DeviceError, match=camera.info.name):
        camera.arm(np.zeros((1, *camera.info.frame_shape), camera.info.dtype))
    for _ in range(2):
        camera.open()
        for projector in rig.projectors.values():
            projector.open()
    for _ in range(2):
        camera.close()
        rig.close()
    left = [t for t in threading.enumerate() if t not in before]
    assert not left, f"threads are left: {left}"


def test_devices_fit_the_calibration(connected: Connected) -> None:
    rig = connected.rig
    assert {c.name for c in rig.rig.cameras} == set(rig.cameras)
    assert {g.name for g in rig.rig.groups} == set(rig.projectors)
    for group in rig.rig.groups:
        assert rig.projectors[group.name].info.name == group.projector.name
        assert rig.projectors[group.name].info.longest_sequence >= len(connected.sequence)
        for model in group.cameras:
            info = rig.cameras[model.name].info
            assert (info.group, info.width, info.height) == (group.name, model.width, model.height)
            assert info.role == ("rgb" if group.rgb is not None and model.name == group.rgb.name else "ir")


def test_settings_come_back(connected: Connected) -> None:
    settings = connected.infrared.configure(CameraSettings(exposure_ms=7.0))
    assert settings.exposure_ms == 7.0


def test_a_burst_is_whole_and_its_ids_rise_by_one(connected: Connected) -> None:
    cameras = [connected.rig.cameras[m.name] for m in connected.rig.rig.groups[0].cameras]
    buffers = [connected.buffer(camera) for camera in cameras]
    for camera, buffer in zip(cameras, buffers, strict=True):
        camera.arm(buffer)
    play(connected)
    for camera, buffer in zip(cameras, buffers, strict=True):
        record = camera.wait(3.0)
        assert len(record.frame_ids) == len(record.timestamps_ns) == len(buffer)
        assert (np.diff(record.frame_ids) == 1).all()
        assert (np.diff(record.timestamps_ns) > 0).all()
        assert buffer.max() > 50
    first = buffers[0].astype(float)
    assert np.abs(first[0] - first[1]).max() > 50, "two steps of a fringe look alike"


def test_a_burst_takes_the_time_of_the_projector(connected: Connected) -> None:
    connected.infrared.arm(connected.buffer(connected.infrared))
    play(connected, 0.02)
    record = connected.infrared.wait(3.0)
    assert np.median(np.diff(record.timestamps_ns)) == pytest.approx(20e6, rel=0.2)


def test_a_buffer_that_does_not_fit_is_refused(connected: Connected) -> None:
    camera = connected.infrared
    height, width = camera.info.frame_shape
    for wrong in (np.zeros((3, height, width + 1), camera.info.dtype), np.zeros((3, height, width), np.float32)):
        with pytest.raises(DeviceError, match=f"{camera.info.name}: a buffer of"):
            camera.arm(wrong)
    camera.arm(connected.buffer(camera))


def test_arming_twice_is_refused(connected: Connected) -> None:
    camera = connected.infrared
    camera.arm(connected.buffer(camera))
    with pytest.raises(DeviceError, match=f"{camera.info.name} is armed already"):
        camera.arm(connected.buffer(camera))
    camera.disarm()
    camera.disarm()
    camera.arm(connected.buffer(camera))


def test_waiting_unarmed_is_refused(connected: Connected) -> None:
    with pytest.raises(DeviceError, match="is not armed"):
        connected.infrared.wait(0.1)


def test_a_burst_that_does_not_come_is_lost(connected: Connected) -> None:
    camera = connected.infrared
    camera.arm(connected.buffer(camera))
    with pytest.raises(FrameLost, match=f"{camera.info.name} delivered 0 of"):
        camera.wait(0.1)
    camera.arm(connected.buffer(camera))


def test_disarming_ends_a_wait(connected: Connected) -> None:
    camera = connected.infrared
    camera.arm(connected.buffer(camera))
    timer = threading.Timer(0.1, camera.disarm)
    timer.start()
    start = time.monotonic()
    with pytest.raises(DeviceError):
        camera.wait(10.0)
    assert time.monotonic() - start < 2
    timer.join()


def test_a_trigger_that_comes_unarmed_leaves_no_gap(connected: Connected) -> None:
    camera = connected.infrared
    ids: list[int] = []
    for _ in range(2):
        camera.arm(connected.buffer(camera))
        play(connected)
        ids += camera.wait(3.0).frame_ids.tolist()
        play(connected)
        time.sleep((len(connected.sequence) + 3) * PERIOD)
    assert np.diff(ids).tolist() == [1] * (2 * len(connected.sequence) - 1)


def test_too_long_a_sequence_is_refused(connected: Connected) -> None:
    projector = connected.rig.projectors[connected.group]
    with pytest.raises(DeviceError, match=projector.info.name):
        projector.load(multi_frequency((1.0, 8.0), (100, 100)), PERIOD)
    projector.load(connected.sequence, PERIOD)


def test_a_camera_follows_a_loop_until_both_are_stopped(connected: Connected) -> None:
    camera, projector = connected.infrared, connected.rig.projectors[connected.group]
    n = len(connected.sequence)
    ids: list[int] = []
    pictures: list[np.ndarray] = []

    def take(frame: TriggeredFrame) -> None:
        assert frame.camera == camera.info.name
        assert frame.image.shape == camera.info.frame_shape and frame.image.dtype == camera.info.dtype
        assert not frame.image.flags.writeable
        ids.append(frame.frame_id)
        pictures.append(frame.image.copy())

    camera.follow(take)
    with pytest.raises(DeviceError, match="is armed already"):
        camera.follow(take)
    with pytest.raises(DeviceError, match="is armed already"):
        camera.arm(connected.buffer(camera))
    projector.load(connected.sequence, PERIOD)
    projector.loop()
    deadline = time.monotonic() + 10
    while len(ids) < 2 * n + 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    projector.stop()
    time.sleep(3 * PERIOD)
    count = len(ids)
    assert count >= 2 * n + 3, "the loop ended by itself"
    assert (np.diff(ids) >= 1).all()
    assert ids[0] + n in ids
    again = pictures[ids.index(ids[0] + n)].astype(int)
    assert np.abs(again - pictures[0]).mean() < 5, "the loop shows another exposure in the same place"
    time.sleep(0.2)
    assert len(ids) == count, "frames came after the end"
    camera.disarm()
    buffer = connected.buffer(camera)
    camera.arm(buffer)
    play(connected)
    assert len(camera.wait(3.0).frame_ids) == n
    assert connected.rig.processor_seconds() >= 0


def test_live_view(connected: Connected) -> None:
    seen: dict[str, list[LiveFrame]] = {name: [] for name in connected.rig.cameras}
    for name, camera in connected.rig.cameras.items():
        camera.stream(seen[name].append)
    time.sleep(1.2)
    for camera in connected.rig.cameras.values():
        camera.stop_stream()
        camera.stop_stream()
    counts = {name: len(frames) for name, frames in seen.items()}
    assert min(counts.values()) >= 5, counts
    for name, frames in seen.items():
        shape = connected.rig.cameras[name].info.frame_shape
        assert all(frame.camera == name for frame in frames)
        assert np.diff([frame.number for frame in frames]).min() >= 1
        assert frames[-1].image.ndim == len(shape)
        assert frames[-1].image.dtype == np.uint8
        assert frames[-1].image.shape[0] <= shape[0]
    time.sleep(0.2)
    assert counts == {name: len(frames) for name, frames in seen.items()}, "pictures came after the end"


def test_live_view_and_burst_do_not_disturb_each_other(connected: Connected) -> None:
    camera = connected.infrared
    pictures: list[LiveFrame] = []
    camera.stream(pictures.append)
    buffer = connected.buffer(camera)
    camera.arm(buffer)
    play(connected)
    assert (np.diff(camera.wait(3.0).frame_ids) == 1).all()
    camera.stop_stream()


def test_a_capture_decodes_to_a_cloud(connected: Connected) -> None:
    captured: list[GroupCapture] = []
    engine = CaptureEngine(connected.rig)
    engine.capture(connected.plan(), captured.append)
    assert engine.status.state is State.IDLE
    assert [c.group.name for c in captured] == [g.name for g in connected.rig.rig.groups]
    for capture in captured:
        assert not any(signs.is_doubt for signs in capture.signs.values())
        scan = decode_group(capture.group, dict(capture.stacks), dict.fromkeys(capture.stacks, 255.0), None)
        assert len(scan.cloud) > 5_000
        assert np.linalg.norm(np.median(scan.cloud.points, axis=0)) < 120


def test_cancel_leaves_the_light_off_and_the_cameras_free(connected: Connected) -> None:
    engine = CaptureEngine(connected.rig)
    timers: list[threading.Timer] = []

    def stop_soon(status: Status) -> None:
        if status.state is State.READING and not timers:
            timers.append(threading.Timer(0.15, engine.cancel))
            timers[0].start()

    engine.status_changed.connect(stop_soon)
    start = time.monotonic()
    with pytest.raises(Cancelled):
        engine.capture(connected.plan(rate_hz=10.0), lambda group: None)
    assert time.monotonic() - start < 3
    timers[0].join()
    assert engine.status.state is State.CANCELLED
    camera = connected.infrared
    camera.arm(connected.buffer(camera))
    with pytest.raises(FrameLost, match="delivered 0 of"):
        camera.wait(0.3)
    engine.capture(connected.plan(), lambda group: None)


def test_truth_is_told_or_denied(connected: Connected, tmp_path: Path) -> None:
    known = connected.rig.write_truth(tmp_path / "truth")
    assert known is (tmp_path / "truth" / "surface.ply").is_file()
