"""What goes wrong in a lab goes wrong on order in the simulated rig, and is found, named and survived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture, State, Status
from faceapp.capture.plan import CapturePlan
from faceapp.capture.stills import take_stills
from faceapp.core.errors import DataError, DeviceError, FrameLost, UsageError
from faceapp.devices.records import LiveFrame, TriggeredFrame
from faceapp_hardware.simulated.rig import SimulatedRig

OPTIONS = {"seed": 5, "scale": 0.2, "first_id": 65530}


def connect(**more: object) -> SimulatedRig:
    rig = connect_described_rig("simulated", {**OPTIONS, **more})
    assert isinstance(rig, SimulatedRig)
    return rig


@pytest.fixture(scope="module")
def rig() -> Iterator[SimulatedRig]:
    rig = connect()
    rig.prepare("S0001", "neutral", 1)
    yield rig
    rig.close()


def shoot(rig: SimulatedRig, *, retries: int = 1) -> tuple[dict[str, GroupCapture], list[str]]:
    """Capture; returns the groups and which groups were armed, in order."""
    groups: dict[str, GroupCapture] = {}
    armed: list[str] = []
    engine = CaptureEngine(rig)

    def note(status: Status) -> None:
        if status.state is State.ARMING:
            armed.append(status.group)

    engine.status_changed.connect(note)
    engine.capture(CapturePlan(retries=retries), lambda group: groups.update({group.group.name: group}))
    return groups, armed


def is_gone(pid: int, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_sixteen_bit_ids_are_unwrapped(rig: SimulatedRig) -> None:
    groups, _ = shoot(rig)
    ids = next(iter(groups["left"].stacks.values())).frame_ids
    assert ids is not None
    assert ids.tolist() == list(range(65530, 65544))


@pytest.mark.parametrize(
    "fault", ["drop middle-ir-1 5", "miss middle-ir-2 0", "swap middle-ir-1 4 5", "stale middle-ir-2 9"]
)
def test_a_fault_of_one_frame_is_found_and_shot_again(rig: SimulatedRig, fault: str) -> None:
    rig.inject(fault)
    groups, armed = shoot(rig)
    assert armed == ["left", "middle", "middle", "right"]
    assert not any(signs.is_doubt for group in groups.values() for signs in group.signs.values())


def test_a_lost_frame_is_told_by_its_number(rig: SimulatedRig) -> None:
    rig.inject("drop left-ir-1 3")
    with pytest.raises(FrameLost, match="left-ir-1 delivered 13 of 14 frames"):
        shoot(rig, retries=0)


def test_exchanged_frames_are_found_by_their_looks(rig: SimulatedRig) -> None:
    rig.inject("swap left-ir-2 8 10")
    with pytest.raises(FrameLost, match="left-ir-2: the frames do not show the patterns that were played"):
        shoot(rig, retries=0)


def test_a_fault_that_stays_ends_the_capture(rig: SimulatedRig) -> None:
    rig.inject("swap left-ir-1 5 6", "swap left-ir-1 5 6")
    with pytest.raises(FrameLost):
        shoot(rig)
    groups, armed = shoot(rig)
    assert len(groups) == len(armed) == 3


def test_a_projector_that_restarts_is_loaded_again(rig: SimulatedRig) -> None:
    rig.inject("reset middle-projector")
    groups, armed = shoot(rig)
    assert armed == ["left", "middle", "middle", "right"]
    assert len(groups) == 3


@pytest.mark.parametrize(
    "fault",
    ["burn middle-ir-1", "drop middle-ir-9 1", "drop middle-ir-1", "pull middle-ir-1 3", "reset middle-ir-1", ""],
)
def test_unknown_faults_are_refused(rig: SimulatedRig, fault: str) -> None:
    with pytest.raises(UsageError, match="fault"):
        rig.inject(fault)


def test_noise_is_never_the_same_twice(rig: SimulatedRig) -> None:
    first, second = shoot(rig)[0], shoot(rig)[0]
    for name, stack in first["left"].stacks.items():
        difference = stack.frames.astype(int) - second["left"].stacks[name].frames
        assert 0.3 < difference.std() < 4


def test_exposure_scales_the_light(rig: SimulatedRig) -> None:
    plan = CapturePlan(settings=type(CapturePlan().settings)(exposure_ms=3.5))
    short: list[GroupCapture] = []
    CaptureEngine(rig).capture(plan, short.append)
    usual = shoot(rig)[0]["left"]
    for name, stack in short[0].stacks.items():
        assert stack.frames[12].mean() / usual.stacks[name].frames[12].mean() == pytest.approx(0.5, abs=0.02)


def test_pictures_in_plain_light_show_it_right_after_fringes(rig: SimulatedRig) -> None:
    """Cameras are armed beside the upload: what they were armed with is not what is shown."""
    flood = {name: stack.frames[12].astype(int) for name, stack in shoot(rig)[0]["middle"].stacks.items()}
    pictures = take_stills(rig)
    for name, expected in flood.items():
        assert np.abs(pictures[name] - expected).mean() < 2


def test_pulled_cables_are_named(rig: SimulatedRig) -> None:
    """Last of its rig: what is pulled stays out."""
    rig.inject("pull right-projector", "pull middle-ir-2")
    with pytest.raises(DeviceError, match="middle-ir-2: its cable was pulled") as caught:
        shoot(rig)
    assert not isinstance(caught.value, FrameLost)
    with pytest.raises(DeviceError, match=r"middle-ir-2: .*connect the rig again"):
        rig.cameras["middle-ir-2"].arm(np.zeros((1, *rig.cameras["middle-ir-2"].info.frame_shape), np.uint8))
    camera, projector = rig.cameras["right-ir-1"], rig.projectors["right"]
    camera.arm(np.zeros((14, *camera.info.frame_shape), np.uint8))
    projector.load(CapturePlan().sequence, 1 / 120)
    projector.play()
    with pytest.raises(FrameLost):
        camera.wait(0.5)
    with pytest.raises(DeviceError, match=r"right-projector: the line to the projector broke"):
        projector.load(CapturePlan().sequence, 1 / 120)


def test_a_world_that_dies_is_an_error_and_never_a_hang() -> None:
    rig = connect()
    try:
        camera = rig.cameras["left-ir-1"]
        camera.arm(np.zeros((14, *camera.info.frame_shape), np.uint8))
        pictures: list[LiveFrame] = []
        rig.cameras["left-rgb"].stream(pictures.append)
        timer = threading.Timer(0.2, os.kill, (rig.process_id, signal.SIGKILL))
        timer.start()
        start = time.monotonic()
        with pytest.raises(DeviceError, match=r"left-ir-1: its world has ended .*connect") as caught:
            camera.wait(30.0)
        assert not isinstance(caught.value, FrameLost)
        assert time.monotonic() - start < 5
        with pytest.raises(DeviceError, match="its world has ended"):
            rig.prepare("S0001", "smile", 1)
        timer.join()
    finally:
        rig.close()
    with pytest.raises(DeviceError, match="closed"):
        rig.prepare("S0001", "smile", 1)


def test_a_frame_taken_while_the_world_dies_is_no_error_of_its_thread() -> None:
    """The slot of that frame cannot be given back any more; an error there would end the link's thread unheard."""
    rig = connect()
    taken = threading.Event()

    def take(_: TriggeredFrame) -> None:
        os.kill(rig.process_id, signal.SIGKILL)
        assert is_gone(rig.process_id, 5.0)
        taken.set()

    try:
        rig.prepare("S0001", "neutral", 1)
        camera, projector = rig.cameras["left-ir-1"], rig.projectors["left"]
        projector.load(CapturePlan().sequence, 1 / 120)
        camera.follow(take)
        projector.loop()
        assert taken.wait(10.0)
        with pytest.raises(DeviceError, match=r"its world (has ended|does not listen)"):
            rig.prepare("S0001", "smile", 1)
    finally:
        rig.close()


_CLIENT = """
import sys, time
from faceapp.app.rigs import connect_described_rig
rig = connect_described_rig("simulated", {"scale": 0.2})
print(rig.process_id, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_client_that_dies_takes_its_world_along(how: signal.Signals) -> None:
    client = subprocess.Popen([sys.executable, "-c", _CLIENT], stdout=subprocess.PIPE, text=True)
    try:
        assert client.stdout is not None
        world = int(client.stdout.readline())
        assert not is_gone(world, 0.1)
        client.send_signal(how)
        client.wait(5)
        assert is_gone(world, 5.0)
    finally:
        client.kill()
        client.wait()
        if client.stdout is not None:
            client.stdout.close()


def test_a_head_that_cannot_be_used_is_told_when_it_sits_down(tmp_path: Path) -> None:
    (tmp_path / "head.ply").write_bytes(b"ply\nformat ascii 1.0\nend_header\n")
    rig = connect(head=tmp_path / "head.ply")
    try:
        with pytest.raises(DataError, match=r"head\.ply"):
            rig.prepare("S0001", "neutral", 1)
        # The world is still there, and says it again.
        with pytest.raises(DataError, match=r"head\.ply"):
            rig.prepare("S0001", "neutral", 2)
    finally:
        rig.close()


def test_a_strong_gamma_is_no_fault(tmp_path: Path) -> None:
    """The fringes of such a projector are darker on average than half of its flood."""
    from faceapp_resources import path

    text = path("rigs", "default.toml").read_text().replace("gamma = 1.0 ", "gamma = 2.2 ")
    assert "gamma = 2.2" in text
    (tmp_path / "bent.toml").write_text(text)
    devices = connect(rig=tmp_path / "bent.toml")
    try:
        devices.prepare("S0001", "neutral", 1)
        groups, armed = shoot(devices, retries=0)
        assert armed == ["left", "middle", "right"]
        assert all(signs.flood < 0.15 for group in groups.values() for signs in group.signs.values())
    finally:
        devices.close()
