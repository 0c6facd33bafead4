"""Webcams and files over OpenCV, with lossless files played as a camera."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceapp.core.errors import DeviceError, FrameLost
from faceapp.devices.records import CameraOrder
from faceapp.devices.registry import load_camera_driver


@pytest.fixture
def frames() -> np.ndarray:
    """(5, 96, 128, 3) RGB of noise: nothing lossy would bring it back."""
    return np.random.default_rng(4).integers(0, 256, (5, 96, 128, 3), dtype=np.uint8)


def film(file: Path, frames: np.ndarray) -> Path:
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"FFV1"), 30, (frames.shape[2], frames.shape[1]))
    assert writer.isOpened()
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return file


def camera_of(serial: str, role: str = "rgb", folder: Path = Path()) -> Any:
    camera = load_camera_driver("video").make_camera(CameraOrder("cam", "g", role, serial, folder=folder))
    camera.open()
    return camera


def burst(camera: Any, count: int) -> np.ndarray:
    buffer = np.zeros((count, *camera.info.frame_shape), camera.info.dtype)
    camera.arm(buffer)

    def fire() -> None:
        for _ in range(count):
            camera.fire()
            time.sleep(0.01)

    thread = threading.Thread(target=fire)
    thread.start()
    camera.wait(3.0)
    thread.join()
    return buffer


def test_a_lossless_film_plays_exactly_and_anew_at_each_burst(tmp_path: Path, frames: np.ndarray) -> None:
    film(tmp_path / "film.avi", frames)
    camera = camera_of("film.avi", folder=tmp_path)
    for _ in range(2):
        np.testing.assert_array_equal(burst(camera, 5), frames)
    np.testing.assert_array_equal(burst(camera, 7)[5:], frames[:2])
    camera.close()


def test_a_grey_film_is_an_infrared_camera(tmp_path: Path, frames: np.ndarray) -> None:
    grey = np.repeat(frames[..., :1], 3, axis=-1)
    camera = camera_of(str(film(tmp_path / "film.avi", grey)), "ir")
    np.testing.assert_array_equal(burst(camera, 5), grey[..., 0])
    camera.close()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_numbered_pictures_play_in_order(tmp_path: Path, kind: type) -> None:
    pictures = np.random.default_rng(1).integers(0, np.iinfo(kind).max, (4, 30, 40)).astype(kind)
    for k, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"{k:03d}.png"), picture)
    camera = camera_of(str(tmp_path), "ir")
    assert camera.info.bits == np.iinfo(kind).bits
    np.testing.assert_array_equal(burst(camera, 4), pictures)
    camera.close()


def test_a_picture_of_another_size_loses_the_burst(tmp_path: Path) -> None:
    for k, side in enumerate((30, 30, 20)):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.full((side, 40), 9, np.uint8))
    camera = camera_of(str(tmp_path), "ir")
    with pytest.raises(FrameLost, match="delivered 2 of 3 frames and the next one has 40 x 20 pixels, 40 x 30 are"):
        burst(camera, 3)
    camera.close()


def test_what_is_no_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"there is no file and no folder .*nothing\.avi; a webcam is a number"):
        camera_of("nothing.avi", folder=tmp_path)
    (tmp_path / "text.avi").write_text("no film")
    with pytest.raises(DeviceError, match=r"text\.avi is no video"):
        camera_of("text.avi", folder=tmp_path)
    with pytest.raises(DeviceError, match="has no pictures"):
        camera_of(str(tmp_path))


@pytest.mark.skipif(Path("/dev/video77").exists(), reason="there is a webcam of this number")
def test_a_webcam_that_is_not_there_is_named() -> None:
    with pytest.raises(DeviceError, match="the webcam 77 is missing or busy"):
        camera_of("77")


class QueuedWebcam:
    """A webcam of 50 pictures a second whose driver keeps the four oldest that nobody has fetched."""

    def __init__(self, number: int) -> None:
        del number
        self.start, self.queue, self.at = time.perf_counter(), list[int](), 0

    def isOpened(self) -> bool:  # noqa: N802 (OpenCV's name)
        return True

    def _fill(self) -> None:
        now = int((time.perf_counter() - self.start) / 0.02)
        while self.at < now:
            self.at += 1
            if len(self.queue) < 4:
                self.queue.append(self.at)

    def grab(self) -> bool:
        self._fill()
        while not self.queue:
            time.sleep(0.001)
            self._fill()
        self.queue.pop(0)
        return True

    def read(self) -> tuple[bool, np.ndarray]:
        self._fill()
        while not self.queue:
            time.sleep(0.001)
            self._fill()
        return True, np.full((4, 4, 3), self.queue.pop(0), np.uint8)

    def set(self, what: int, value: float) -> bool:
        return bool(what or value)

    def release(self) -> None:
        self.queue.clear()


def test_a_pulse_takes_no_picture_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver of a webcam keeps old pictures while nobody fetches any: they show what stood there before."""
    monkeypatch.setattr(cv2, "VideoCapture", QueuedWebcam)
    camera = load_camera_driver("video").make_camera(CameraOrder("middle-cam-1", "middle", "ir", "0"))
    camera.open()
    webcam = camera._source._capture  # type: ignore[attr-defined]
    buffer = np.zeros((2, 4, 4), np.uint8)
    camera.arm(buffer)
    for frame in range(2):
        time.sleep(0.3)
        pulse = int((time.perf_counter() - webcam.start) / 0.02)
        camera.fire()  # type: ignore[attr-defined]
        time.sleep(0.1)
        assert buffer[frame].max() > pulse
    camera.wait(2)
    camera.close()
