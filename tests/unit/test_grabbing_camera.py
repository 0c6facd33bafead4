"""`GrabbingCamera` over scripted sources: what every maker's camera gets from it, trouble in the middle included."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from faceapp.core.errors import DeviceError, FrameLost
from faceapp.devices.records import CameraInfo, CameraOrder, CameraSettings, LiveFrame
from faceapp_hardware.cameras import source
from faceapp_hardware.cameras.grabbing import GrabbingCamera
from faceapp_hardware.cameras.source import Fetched, Mode, await_ready


class Scripted:
    """A source whose next frames are given as callables."""

    def __init__(self, holds_bursts: bool, *frames: Callable[[], Fetched | None]) -> None:
        self.holds_bursts = holds_bursts
        self.frames = list(frames)
        self.acts: list[str] = []

    def open(self) -> CameraInfo:
        self.acts.append("open")
        return CameraInfo("ir", "g", "ir", 4, 3, bits=12)

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        return wanted

    def begin(self, mode: Mode, buffer: npt.NDArray[Any] | None) -> None:
        self.acts.append(mode.value)

    def fetch(self, timeout_s: float, into: npt.NDArray[Any] | None) -> Fetched | None:
        if not self.frames:
            time.sleep(0.01)
            return None
        return self.frames.pop(0)()

    def end(self) -> None:
        self.acts.append("end")

    def fire(self) -> None:
        self.acts.append("fire")

    def close(self) -> None:
        self.acts.append("close")


def frame(number: int, **more: Any) -> Callable[[], Fetched]:
    return lambda: Fetched(number, time.monotonic_ns(), **more)


def unplug() -> Fetched:
    raise DeviceError("ir was unplugged")


def camera_over(made: Scripted, **order: Any) -> GrabbingCamera:
    camera = GrabbingCamera(CameraOrder("ir", "g", "ir", "1", **order), made, "scripted")
    camera.open()
    return camera


def buffer(frames: int = 3) -> npt.NDArray[np.uint16]:
    return np.zeros((frames, 3, 4), np.uint16)


@pytest.mark.parametrize("holds", [True, False])
def test_unplugged_in_the_middle_of_a_burst_it_says_so_and_the_next_burst_works(holds: bool) -> None:
    made = Scripted(holds, frame(1), unplug)
    camera = camera_over(made)
    camera.arm(buffer())
    with pytest.raises(DeviceError, match="ir was unplugged"):
        camera.wait(2.0)
    made.frames = [frame(1), frame(2), frame(3)]
    camera.arm(buffer())
    assert len(camera.wait(2.0).frame_ids) == 3
    camera.close()


@pytest.mark.parametrize("holds", [True, False])
def test_a_stall_is_a_burst_that_is_lost_with_its_count(holds: bool) -> None:
    camera = camera_over(Scripted(holds, frame(1), lambda: None, frame(2)))
    camera.arm(buffer())
    with pytest.raises(FrameLost, match=r"ir delivered 2 of 3 frames and waited 0\.15 s"):
        camera.wait(0.15)
    camera.close()


@pytest.mark.parametrize("holds", [True, False])
def test_a_broken_frame_ends_the_burst_with_its_reason(holds: bool) -> None:
    camera = camera_over(Scripted(holds, frame(1), frame(2, fault="lost 7 packets"), frame(3)))
    camera.arm(buffer())
    with pytest.raises(FrameLost, match="ir delivered 1 of 3 frames and the next one lost 7 packets"):
        camera.wait(2.0)
    camera.close()


def test_the_live_view_gives_way_to_a_burst_and_comes_back() -> None:
    picture = np.full((3, 4), 4095, np.uint16)
    made = Scripted(True)
    camera = camera_over(made)
    seen: list[LiveFrame] = []
    camera.stream(seen.append)
    made.frames = [frame(1, image=picture)]
    end = time.monotonic() + 2
    while not seen and time.monotonic() < end:
        time.sleep(0.01)
    assert seen[0].image.dtype == np.uint8 and int(seen[0].image.max()) == 255
    camera.arm(buffer(1))
    made.frames = [frame(1)]
    camera.wait(2.0)
    camera.close()
    modes = [act for act in made.acts if act in ("free", "burst")]
    assert modes == ["free", "burst", "free"]
    assert made.acts[-1] == "close"


def test_it_is_triggered_by_a_call_only_while_it_is_armed() -> None:
    made = Scripted(True)
    camera = camera_over(made)
    camera.fire()
    assert "fire" not in made.acts
    camera.arm(buffer())
    camera.fire()
    assert made.acts.count("fire") == 1
    camera.close()


def test_another_size_than_the_rig_asks_for_is_refused_and_given_back() -> None:
    made = Scripted(True)
    with pytest.raises(DeviceError, match=r"ir \(\) gives 4 x 3 pixels, the rig asks for 1280 x 1024"):
        camera_over(made, width=1280, height=1024)
    assert made.acts == ["open", "close"]


def test_nobody_waits_for_ever_for_a_camera_that_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, True])
    await_ready("ir", lambda: next(answers))
    monkeypatch.setattr(source, "READY_S", 0.05)
    with pytest.raises(DeviceError, match=r"ir is not ready for its trigger after 0\.05 s"):
        await_ready("ir", lambda: False)
