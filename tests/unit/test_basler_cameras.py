"""Basler's driver over pylon's own camera emulation: what the machines here can show of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.core.errors import DeviceError, FrameLost, UsageError
from faceapp.devices.records import CameraOrder, CameraSettings, TriggeredFrame
from faceapp.devices.registry import load_camera_driver
from faceapp.formats.capture_bundle import read_bundle
from tests.emulated_bench import colour_picture, need_pylon, write_bench

PERIOD = 1 / 60


@pytest.fixture(autouse=True)
def _pylon() -> None:
    need_pylon()


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Opens cameras of 320 x 256 pixels and closes them in the end."""

    def made(serial: str = "0815-0000", **changes: Any) -> Any:
        order = CameraOrder("middle-ir-1", "middle", "ir", serial, 320, 256, "Mono8")
        camera = load_camera_driver("basler").make_camera(CameraOrder(**{**vars(order), **changes}))
        request.addfinalizer(camera.close)
        camera.open()
        return camera

    return made


def buffer_of(camera: Any, frames: int = 14) -> np.ndarray:
    return np.zeros((frames, *camera.info.frame_shape), camera.info.dtype)


def pulses(camera: Any, count: int, period: float = PERIOD) -> threading.Thread:
    def fire() -> None:
        for _ in range(count):
            camera.fire()
            time.sleep(period)

    thread = threading.Thread(target=fire)
    thread.start()
    return thread


def pictures(folder: Path, count: int, make: Callable[[int], np.ndarray], ending: str = "tiff") -> Path:
    folder.mkdir()
    for k in range(count):
        assert cv2.imwrite(str(folder / f"{k:03d}.{ending}"), make(k), [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    return folder


def test_cameras_come_and_go_as_they_are_plugged() -> None:
    driver = load_camera_driver("basler")
    for count in (9, 2, 5):
        os.environ["PYLON_CAMEMU"] = str(count)
        assert [c.serial for c in driver.discover()] == [f"0815-{k:04d}" for k in range(count)]


def test_an_unplugged_camera_is_named(make: Callable[..., Any]) -> None:
    os.environ["PYLON_CAMEMU"] = "2"
    with pytest.raises(DeviceError, match=r"no Basler camera with the serial number 0815-0007; found are 0815-0000, "):
        make("0815-0007")


def test_the_trigger_is_the_cable(make: Callable[..., Any]) -> None:
    camera = make()
    node = camera._source._camera
    assert (node.TriggerSelector.Value, node.TriggerMode.Value, node.TriggerSource.Value) == (
        "FrameStart",
        "On",
        "Line1",
    )
    assert camera.info.trigger == "Line1"


@pytest.mark.parametrize(("pixel_format", "bits"), [("Mono8", 8), ("Mono12", 12)])
def test_counts_come_as_they_are(make: Callable[..., Any], tmp_path: Path, pixel_format: str, bits: int) -> None:
    kind = np.uint8 if bits == 8 else np.uint16
    rng = np.random.default_rng(2)
    frames = rng.integers(0, 1 << bits, (3, 256, 320)).astype(kind)
    # Files hold 16 bits, of which a camera of 12 gives the upper ones.
    folder = pictures(tmp_path / "frames", 3, lambda k: frames[k] << (0 if bits == 8 else 4))
    camera = make(pixel_format=pixel_format, options={"pictures": str(folder)})
    assert camera.info.bits == bits
    buffer = buffer_of(camera, 3)
    camera.arm(buffer)
    pulses(camera, 3)
    camera.wait(3.0)
    np.testing.assert_array_equal(buffer, frames)


@pytest.mark.parametrize("pattern", ["RG", "GR", "GB", "BG"])
def test_bayer_becomes_rgb(make: Callable[..., Any], tmp_path: Path, pattern: str) -> None:
    """A picture of one colour seen through the mosaic comes back as that colour."""
    colour = {"R": 200, "G": 120, "B": 40}
    first, second = {"RG": ("RG", "GB"), "GR": ("GR", "BG"), "GB": ("GB", "RG"), "BG": ("BG", "GR")}[pattern]
    tile = np.array([[colour[c] for c in first], [colour[c] for c in second]], np.uint8)
    folder = pictures(tmp_path / "frames", 1, lambda k: np.tile(tile, (128, 160)))
    camera = make(role="rgb", pixel_format=f"Bayer{pattern}8", options={"pictures": str(folder)})
    buffer = buffer_of(camera, 1)
    camera.arm(buffer)
    pulses(camera, 1)
    camera.wait(3.0)
    assert buffer.shape == (1, 256, 320, 3)
    np.testing.assert_array_equal(buffer[0, 2:-2, 2:-2].reshape(-1, 3), [[200, 120, 40]] * (252 * 316))


def test_a_burst_lies_in_the_buffer_of_the_caller_without_a_copy(make: Callable[..., Any]) -> None:
    """pylon's frames bear the addresses of the array, in order; more than its default of ten."""
    camera = make()
    seen: list[int] = []
    taken = camera._source._taken
    camera._source._taken = lambda result, into: (seen.append(result.BufferContext), taken(result, into))[1]
    buffer = buffer_of(camera)
    camera.arm(buffer)
    pulses(camera, 14)
    record = camera.wait(3.0)
    assert seen == [frame.ctypes.data for frame in buffer]
    assert np.diff(record.frame_ids).tolist() == [1] * 13


def test_a_failed_frame_loses_the_burst_and_the_next_is_whole(make: Callable[..., Any]) -> None:
    camera = make()
    camera.arm(buffer_of(camera))
    node = camera._source._camera
    node.ForceFailedBufferCount.Value = 1
    node.ForceFailedBuffer.Execute()
    thread = pulses(camera, 14)
    with pytest.raises(FrameLost, match=r"delivered \d+ of 14 frames and the next one failed in the camera"):
        camera.wait(3.0)
    thread.join()
    camera.arm(buffer_of(camera))
    pulses(camera, 14)
    assert len(camera.wait(3.0).frame_ids) == 14


def test_a_failed_frame_leaves_a_gap_for_who_follows(make: Callable[..., Any]) -> None:
    camera = make()
    ids: list[int] = []

    def take(frame: TriggeredFrame) -> None:
        ids.append(frame.frame_id)

    camera.follow(take)
    pulses(camera, 3).join()
    node = camera._source._camera
    node.ForceFailedBufferCount.Value = 1
    node.ForceFailedBuffer.Execute()
    pulses(camera, 6).join()
    time.sleep(0.1)
    camera.disarm()
    assert len(ids) == 8
    assert sorted(np.diff(ids).tolist()) == [1] * 6 + [2]


def test_a_picture_of_another_size_is_refused(make: Callable[..., Any], tmp_path: Path) -> None:
    folder = pictures(tmp_path / "frames", 3, lambda k: np.full((256, 320) if k != 1 else (128, 160), 99, np.uint8))
    camera = make(options={"pictures": str(folder)})
    camera.arm(buffer_of(camera, 3))
    pulses(camera, 3)
    with pytest.raises(FrameLost, match="delivered 1 of 3 frames and the next one has 160 x 128 pixels, 320 x 256 are"):
        camera.wait(3.0)


def test_a_broken_file_is_a_failed_frame(make: Callable[..., Any], tmp_path: Path) -> None:
    folder = pictures(tmp_path / "frames", 3, lambda k: np.full((256, 320), 99, np.uint8))
    (folder / "001.tiff").write_bytes(b"no picture")
    camera = make(options={"pictures": str(folder)})
    camera.arm(buffer_of(camera, 3))
    pulses(camera, 3)
    with pytest.raises(FrameLost, match="delivered 1 of 3 frames"):
        camera.wait(1.0)


class _ClosesMeanwhile:
    """A device whose camera is closed by another thread while a pulse waits for it to be ready."""

    def __init__(self, device: Any, close: Callable[[], None]) -> None:
        self._device, self._close = device, close

    def WaitForFrameTriggerReady(self, *args: Any) -> bool:  # noqa: N802 - pylon's name
        self._close()
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)


def test_a_pulse_to_a_camera_that_is_closed_meanwhile_is_lost(make: Callable[..., Any]) -> None:
    camera = make()
    camera.arm(buffer_of(camera))
    source = camera._source
    source._camera = _ClosesMeanwhile(source._camera, source.close)
    source.fire()
    assert source._camera is None
    assert source.fetch(0.01, None) is None


def test_a_wait_ends_when_the_time_is_over_or_someone_cancels(make: Callable[..., Any]) -> None:
    camera = make()
    camera.arm(buffer_of(camera))
    pulses(camera, 3).join()
    with pytest.raises(FrameLost, match=r"delivered 3 of 14 frames and waited 0\.2 s"):
        camera.wait(0.2)
    camera.arm(buffer_of(camera))
    timer = threading.Timer(0.1, camera.disarm)
    timer.start()
    start = time.monotonic()
    with pytest.raises(FrameLost, match="was disarmed"):
        camera.wait(10.0)
    assert time.monotonic() - start < 2
    timer.join()


def test_what_it_cannot_be_is_refused(make: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pixel format 'Mono12p' cannot be used"):
        make(pixel_format="Mono12p")
    with pytest.raises(DeviceError, match="does not fit the role ir"):
        make(pixel_format="RGB8")
    with pytest.raises(DeviceError, match="fewer than 100000 pixels: 4096"):
        make(width=100_000)
    with pytest.raises(UsageError, match=r"the folder .*nowhere is not there"):
        make(options={"pictures": str(tmp_path / "nowhere")})
    with pytest.raises(UsageError, match="no feature 'GevSpeedOfLight'"):
        make(options={"features": {"GevSpeedOfLight": 1}})
    with pytest.raises(UsageError, match=r"option 'picture' is unknown to this driver; it takes pictures, features"):
        make(options={"picture": "x"})


def test_the_words_of_the_maker_come_without_its_sources(make: Callable[..., Any]) -> None:
    with pytest.raises(DeviceError) as caught:
        make(options={"features": {"Width": 1_000_000}})
    assert "InstantCamera" not in str(caught.value) and ".cpp" not in str(caught.value)
    assert str(caught.value).startswith("middle-ir-1: ")


def test_settings_that_it_took_come_back(make: Callable[..., Any]) -> None:
    camera = make()
    took = camera.configure(CameraSettings(3.25, 100.0))
    assert took.exposure_ms == 3.25
    assert took.gain_db == pytest.approx(48.0, abs=1e-3)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield write_bench(tmp_path_factory.mktemp("bench"))


def test_nine_cameras_deliver_fringes_bit_for_bit(bench: Path) -> None:
    bundle = read_bundle(bench.parent / "bundle")
    rig = connect_described_rig(str(bench))
    try:
        assert len(rig.cameras) == 9
        captured: list[GroupCapture] = []
        CaptureEngine(rig).capture(CapturePlan(rate_hz=60.0), captured.append)
        for g, capture in enumerate(captured):
            for camera in bundle.group(capture.group.name).cameras:
                np.testing.assert_array_equal(capture.stacks[camera.name].frames, bundle.stack(camera).frames)
            (picture,) = capture.pictures.values()
            np.testing.assert_array_equal(picture, colour_picture(g))
    finally:
        rig.close()


def test_the_engine_shoots_again_after_a_failed_frame(bench: Path) -> None:
    rig = connect_described_rig(str(bench))
    try:
        node = rig.cameras["middle-ir-2"]._source._camera  # type: ignore[attr-defined]
        node.ForceFailedBufferCount.Value = 1
        node.ForceFailedBuffer.Execute()
        captured: list[GroupCapture] = []
        CaptureEngine(rig).capture(CapturePlan(rate_hz=60.0), captured.append)
        assert len(captured) == 3
    finally:
        rig.close()


def test_two_rigs_are_open_in_turn(bench: Path) -> None:
    for _ in range(2):
        rig = connect_described_rig(str(bench))
        assert all(camera.info.width == 200 for camera in rig.cameras.values())
        rig.close()
