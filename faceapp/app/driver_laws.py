"""The laws of devices: what every camera and every rig must keep, ours and a stranger's.

Each law is a function that raises `Broken` with a sentence; the tests and ``faceapp devices --check`` run the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DeviceError, FrameLost
from faceapp.core.sequence import FringeSequence, multi_frequency
from faceapp.devices.protocols import Camera, ConnectedRig, Projector
from faceapp.devices.records import BurstRecord, CameraSettings, LiveFrame, TriggeredFrame


class Broken(AssertionError):
    """A law that a driver does not keep."""


@dataclass(frozen=True)
class Examined:
    """A rig whose devices are open, to try laws on.

    Parameters
    ----------
    rig : ConnectedRig
        The devices.
    sequence : FringeSequence
        That its projectors can play.
    period_s : float
        Of an exposure.
    sees_fringes : bool
        Whether the cameras see what the projectors show; a camera on a table does not.
    """

    rig: ConnectedRig
    sequence: FringeSequence
    period_s: float = 1 / 120
    sees_fringes: bool = True

    @property
    def projector(self) -> Projector:
        """Of the first group."""
        return self.rig.projectors[self.rig.rig.groups[0].name]

    @property
    def infrared(self) -> Camera:
        """The first infrared camera of the first group."""
        return self.rig.cameras[self.rig.rig.groups[0].infrared[0].name]

    @property
    def cameras(self) -> list[Camera]:
        """All of the first group."""
        return [self.rig.cameras[m.name] for m in self.rig.rig.groups[0].cameras]

    def buffer(self, camera: Camera) -> npt.NDArray[Any]:
        """Return a buffer for the burst of a camera."""
        n = len(self.sequence) if camera.info.role == "ir" else 1
        return np.zeros((n, *camera.info.frame_shape), camera.info.dtype)

    def play(self, period_s: float = 0.0) -> None:
        """Play the sequence once."""
        self.projector.load(self.sequence, period_s or self.period_s)
        self.projector.play()

    @property
    def patience_s(self) -> float:
        """How long a burst may take, on a machine that does much else as well."""
        return 10.0 + 2 * len(self.sequence) * self.period_s

    def quiet(self) -> None:
        """Leave the rig dark, disarmed and without a live view."""
        for camera in self.rig.cameras.values():
            camera.stop_stream()
            camera.disarm()
        for projector in self.rig.projectors.values():
            projector.stop()


Law = Callable[[Examined], None]


def demand(kept: bool, sentence: str) -> None:
    """Raise `Broken` unless something is so."""
    if not kept:
        raise Broken(sentence)


def refused(what: str, words: str, kind: type[Exception], call: Callable[[], object]) -> None:
    """Raise `Broken` unless a call raises an error of a kind with some words in its message."""
    try:
        call()
    except kind as error:
        demand(words in str(error), f"{what} is refused with {str(error)!r}; the message must say {words!r}")
        return
    except Exception as error:
        raise Broken(f"{what} raises {type(error).__name__}: {error}; {kind.__name__} is expected") from error
    raise Broken(f"{what} is not refused")


def settings_come_back(rig: Examined) -> None:
    """`configure` returns what the camera then has, and the same again when asked for the same."""
    wanted = CameraSettings(exposure_ms=7.0)
    settings = rig.infrared.configure(wanted)
    off = abs(settings.exposure_ms - 7.0)
    demand(off <= 0.7, f"an exposure of 7 ms is asked for, the camera has {settings.exposure_ms:g} ms")
    demand(rig.infrared.configure(wanted) == settings, "the same settings asked for twice give two answers")


def bursts_are_whole(rig: Examined) -> None:
    """All cameras of a group deliver every frame; ids rise by one, time goes on, and the buffer is filled."""
    buffers = [rig.buffer(camera) for camera in rig.cameras]
    for camera, buffer in zip(rig.cameras, buffers, strict=True):
        camera.arm(buffer)
    rig.play()
    for camera, buffer in zip(rig.cameras, buffers, strict=True):
        record = camera.wait(rig.patience_s)
        name = camera.info.name
        demand(len(record.frame_ids) == len(record.timestamps_ns) == len(buffer), f"{name}: ids of all frames are due")
        demand(bool((np.diff(record.frame_ids) == 1).all()), f"{name}: ids {record.frame_ids.tolist()} have a gap")
        demand(bool((np.diff(record.timestamps_ns) > 0).all()), f"{name}: time stamps do not rise")
        demand(bool(buffer.reshape(len(buffer), -1).any(axis=1).all()), f"{name}: a frame of the buffer is empty")
    if rig.sees_fringes:
        first = buffers[0].astype(float)
        demand(np.abs(first[0] - first[1]).max() > 50, "two steps of a fringe look alike")


def _count_at_rest(ids: list[int], pause_s: float) -> int:
    """How many frames have come when none came for a while: on a busy computer the last ones are late."""
    end = time.monotonic() + 5
    count = -1
    while count != len(ids) and time.monotonic() < end:
        count = len(ids)
        time.sleep(pause_s)
    return len(ids)


def bursts_keep_the_projectors_time(rig: Examined) -> None:
    """The time between two frames is the projector's period, or on a busy computer that of a slower sequence."""
    seen = []
    for slower in (1, 2, 4):
        period = slower * max(0.02, 1.2 * rig.period_s)
        rig.infrared.arm(rig.buffer(rig.infrared))
        rig.play(period)
        record = rig.infrared.wait(rig.patience_s + 2 * len(rig.sequence) * period)
        median = float(np.median(np.diff(record.timestamps_ns))) / 1e9
        if abs(median / period - 1) < 0.2:
            return
        seen.append(f"{1000 * median:.1f} where {1000 * period:.1f} are due")
    raise Broken(f"frames come every {', '.join(seen)} ms")


def buffers_that_do_not_fit_are_refused(rig: Examined) -> None:
    """A buffer of another size or type is refused, and the camera can be armed after it."""
    camera = rig.infrared
    height, width = camera.info.frame_shape
    words = f"{camera.info.name}: a buffer of"
    for wrong in (np.zeros((3, height, width + 1), camera.info.dtype), np.zeros((3, height, width), np.float32)):
        refused("a buffer that does not fit", words, DeviceError, partial(camera.arm, wrong))
    camera.arm(rig.buffer(camera))


def arming_twice_is_refused(rig: Examined) -> None:
    """An armed camera is not armed again; disarming twice does no harm."""
    camera = rig.infrared
    camera.arm(rig.buffer(camera))
    words = f"{camera.info.name} is armed already"
    refused("arming twice", words, DeviceError, lambda: camera.arm(rig.buffer(camera)))
    camera.disarm()
    camera.disarm()
    camera.arm(rig.buffer(camera))


def waiting_unarmed_is_refused(rig: Examined) -> None:
    """Nobody waits for a burst that was not armed."""
    refused("waiting unarmed", "is not armed", DeviceError, lambda: rig.infrared.wait(0.1))


def bursts_that_do_not_come_are_lost(rig: Examined) -> None:
    """After the time that was given `wait` says how many of how many frames came; then the camera is free."""
    camera = rig.infrared
    camera.arm(rig.buffer(camera))
    words = f"{camera.info.name} delivered 0 of"
    refused("a burst that does not come", words, FrameLost, lambda: camera.wait(0.1))
    camera.arm(rig.buffer(camera))


def disarming_ends_a_wait(rig: Examined) -> None:
    """`disarm` on another thread ends a wait at once, with an error."""
    camera = rig.infrared
    camera.arm(rig.buffer(camera))
    timer = threading.Timer(0.1, camera.disarm)
    timer.start()
    start = time.monotonic()
    refused("a wait that is disarmed", "", DeviceError, lambda: camera.wait(10.0))
    timer.join()
    demand(time.monotonic() - start < 2, "a wait goes on after it was disarmed")


def unarmed_triggers_leave_no_gap(rig: Examined) -> None:
    """What a camera did not listen to is not counted: its ids go on from burst to burst."""
    ids: list[int] = []
    for _ in range(2):
        rig.infrared.arm(rig.buffer(rig.infrared))
        rig.play()
        ids += rig.infrared.wait(rig.patience_s).frame_ids.tolist()
        rig.play()
        time.sleep((len(rig.sequence) + 3) * rig.period_s)
    demand(set(np.diff(ids).tolist()) == {1}, f"the ids of two bursts are {ids}")


def too_long_sequences_are_refused(rig: Examined) -> None:
    """A projector refuses what it cannot hold, and holds what it can after that."""
    long = multi_frequency((1.0, 8.0), (100, 100))
    name = rig.projector.info.name
    refused("a sequence of 200 exposures", name, DeviceError, lambda: rig.projector.load(long, rig.period_s))
    rig.projector.load(rig.sequence, rig.period_s)


def cameras_follow_a_loop(rig: Examined) -> None:
    """While a projector loops a camera hands on each frame, read-only; both end when told, and bursts work again."""
    camera, projector, n = rig.infrared, rig.projector, len(rig.sequence)
    if not projector.info.loops:
        projector.load(rig.sequence, rig.period_s)
        refused("a loop, which it says it cannot", "cannot repeat", DeviceError, projector.loop)
        return
    ids: list[int] = []
    pictures: list[npt.NDArray[Any]] = []
    wrong: list[str] = []

    def take(frame: TriggeredFrame) -> None:
        if (frame.camera, frame.image.shape) != (camera.info.name, camera.info.frame_shape):
            wrong.append(f"a frame of {frame.camera} has the shape {frame.image.shape}")
        if frame.image.dtype != np.dtype(camera.info.dtype) or frame.image.flags.writeable:
            wrong.append(f"a frame is {frame.image.dtype}, and can be written: {frame.image.flags.writeable}")
        ids.append(frame.frame_id)
        pictures.append(frame.image.copy())

    camera.follow(take)
    words = "is armed already"
    refused("following twice", words, DeviceError, lambda: camera.follow(take))
    refused("arming one that follows", words, DeviceError, lambda: camera.arm(rig.buffer(camera)))
    projector.load(rig.sequence, rig.period_s)
    projector.loop()
    deadline = time.monotonic() + 10
    while len(ids) < 2 * n + 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    projector.stop()
    count = _count_at_rest(ids, 0.1 + 3 * rig.period_s)
    demand(not wrong, "; ".join(wrong[:1]))
    demand(count >= 2 * n + 3, f"{count} frames came of a loop that ran for seconds")
    demand(bool((np.diff(ids) >= 1).all()), "ids do not rise")
    if rig.sees_fringes:
        demand(ids[0] + n in ids, "the frame one round later is missing")
        again = pictures[ids.index(ids[0] + n)].astype(int)
        demand(np.abs(again - pictures[0]).mean() < 5, "the loop shows another exposure in the same place")
    time.sleep(0.2)
    demand(len(ids) == count, "frames came after the projector was stopped")
    camera.disarm()
    demand(len(_burst(rig).frame_ids) == n, "a burst after the loop is not whole")
    demand(rig.rig.processor_seconds() >= 0, "processor_seconds is below zero")


def live_views_run_and_end(rig: Examined) -> None:
    """Every camera shows a live view of at least 4 pictures a second; when ended it shows nothing more."""
    seen: dict[str, list[LiveFrame]] = {name: [] for name in rig.rig.cameras}
    for name, camera in rig.rig.cameras.items():
        camera.stream(seen[name].append)
    deadline = time.monotonic() + 5
    time.sleep(1.0)
    while min(map(len, seen.values())) < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    for camera in rig.rig.cameras.values():
        camera.stop_stream()
        camera.stop_stream()
    counts = {name: len(frames) for name, frames in seen.items()}
    demand(min(counts.values()) >= 5, f"pictures of the live view: {counts}")
    for name, frames in seen.items():
        shape = rig.rig.cameras[name].info.frame_shape
        last = frames[-1].image
        demand(all(frame.camera == name for frame in frames), f"{name}: a picture bears another name")
        demand(int(np.diff([frame.number for frame in frames]).min()) >= 1, f"{name}: numbers do not rise")
        fits = last.ndim == len(shape) and last.dtype == np.uint8 and last.shape[0] <= shape[0]
        demand(fits, f"{name}: a live picture of {last.shape} {last.dtype} for frames of {shape}")
    time.sleep(0.2)
    demand(counts == {name: len(frames) for name, frames in seen.items()}, "pictures came after the end")


def live_view_and_burst_do_not_disturb_each_other(rig: Examined) -> None:
    """A burst in the middle of a live view is whole."""
    pictures: list[LiveFrame] = []
    rig.infrared.stream(pictures.append)
    demand(bool((np.diff(_burst(rig).frame_ids) == 1).all()), "a burst beside the live view has a gap")
    rig.infrared.stop_stream()


def closed_devices_open_again(rig: Examined) -> None:
    """A closed camera refuses to be armed, opens again, and then delivers."""
    camera = rig.infrared
    for _ in range(2):
        camera.close()
    words = camera.info.name
    refused("arming a closed camera", words, DeviceError, lambda: camera.arm(rig.buffer(camera)))
    for _ in range(2):
        camera.open()
    demand(len(_burst(rig).frame_ids) == len(rig.sequence), "a camera that was opened again delivers no burst")


def _burst(rig: Examined) -> BurstRecord:
    rig.infrared.arm(rig.buffer(rig.infrared))
    rig.play()
    return rig.infrared.wait(rig.patience_s)


CAMERA_LAWS: tuple[Law, ...] = (
    settings_come_back,
    bursts_are_whole,
    bursts_keep_the_projectors_time,
    buffers_that_do_not_fit_are_refused,
    arming_twice_is_refused,
    waiting_unarmed_is_refused,
    bursts_that_do_not_come_are_lost,
    disarming_ends_a_wait,
    unarmed_triggers_leave_no_gap,
    cameras_follow_a_loop,
    live_views_run_and_end,
    live_view_and_burst_do_not_disturb_each_other,
    closed_devices_open_again,
)
"""On a rig of whatever the driver has."""

PROJECTOR_LAWS: tuple[Law, ...] = (too_long_sequences_are_refused,)
