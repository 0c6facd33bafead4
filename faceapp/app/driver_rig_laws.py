"""The laws of whole rigs: devices that fit the calibration, captures that decode, cancels that leave no light."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from faceapp.app.driver_laws import CAMERA_LAWS, PROJECTOR_LAWS, Examined, Law, demand, refused
from faceapp.capture.engine import CaptureEngine, GroupCapture, State, Status
from faceapp.capture.plan import CapturePlan
from faceapp.core.errors import Cancelled, FrameLost
from faceapp.fringe.decode import decode_group


def devices_fit_the_calibration(examined: Examined) -> None:
    """Every camera of the calibration is there, in its group, with its pixels and its role; every group has light."""
    rig = examined.rig
    demand({c.name for c in rig.rig.cameras} == set(rig.cameras), "cameras and calibration have other names")
    demand({g.name for g in rig.rig.groups} == set(rig.projectors), "groups and projectors have other names")
    for group in rig.rig.groups:
        projector = rig.projectors[group.name].info
        demand(projector.name == group.projector.name, f"the projector of {group.name} is called {projector.name}")
        enough = projector.longest_sequence >= len(examined.sequence)
        demand(enough, f"{projector.name} holds {projector.longest_sequence} exposures only")
        for model in group.cameras:
            info = rig.cameras[model.name].info
            fits = (info.group, info.width, info.height) == (group.name, model.width, model.height)
            demand(
                fits, f"{model.name} is {info.width} x {info.height} in {info.group}; its calibration says otherwise"
            )
            role = "rgb" if group.rgb is not None and model.name == group.rgb.name else "ir"
            demand(info.role == role, f"{model.name} has the role {info.role}, {role} in the calibration")


def captures_decode_to_a_cloud(examined: Examined) -> None:
    """A capture of all groups comes in order, its frames show what they should, and the cloud is where a head is."""
    captured: list[GroupCapture] = []
    engine = CaptureEngine(examined.rig)
    engine.capture(_plan(examined), captured.append)
    demand(engine.status.state is State.IDLE, f"the engine is {engine.status.state.value} after a capture")
    names = [g.name for g in examined.rig.rig.groups]
    demand([c.group.name for c in captured] == names, "groups come in another order")
    for capture in captured:
        doubtful = [name for name, signs in capture.signs.items() if signs.is_doubt]
        demand(not doubtful, f"frames of {', '.join(doubtful)} do not show what was played")
        scan = decode_group(capture.group, dict(capture.stacks), dict.fromkeys(capture.stacks, 255.0), None)
        demand(len(scan.cloud) > 5_000, f"group {capture.group.name}: {len(scan.cloud)} points only")
        middle = float(np.linalg.norm(np.median(scan.cloud.points, axis=0)))
        demand(middle < 120, f"group {capture.group.name}: the cloud is {middle:.0f} mm off the origin")


def cancels_leave_the_light_off(examined: Examined) -> None:
    """A cancelled capture ends within 3 s, the cameras are free and see no more triggers; the next one works."""
    engine = CaptureEngine(examined.rig)
    timers: list[threading.Timer] = []
    told: list[State] = []

    def stop_soon(status: Status) -> None:
        told.append(status.state)
        if status.state is State.READING and not timers:
            timers.append(threading.Timer(0.15, engine.cancel))
            timers[0].start()

    engine.status_changed.connect(stop_soon)
    start = time.monotonic()
    slow = _plan(examined, 10.0)
    refused("a cancelled capture", "", Cancelled, lambda: engine.capture(slow, lambda group: None))
    demand(time.monotonic() - start < 3, "a cancelled capture goes on")
    timers[0].join()
    demand(State.CANCELLED in told, "the engine does not say that it was cancelled")
    demand(engine.status.state is State.IDLE, f"the engine is {engine.status.state.value} after a cancel")
    camera = examined.infrared
    camera.arm(examined.buffer(camera))
    refused("a wait after a cancel", "delivered 0 of", FrameLost, lambda: camera.wait(0.3))
    engine.capture(_plan(examined), lambda group: None)


def truth_is_told_or_denied(examined: Examined) -> None:
    """`write_truth` writes a surface exactly when it says so."""
    with tempfile.TemporaryDirectory() as folder:
        known = examined.rig.write_truth(Path(folder) / "truth")
        there = (Path(folder) / "truth" / "surface.ply").is_file()
    demand(known is there, f"write_truth says {known}, a surface is there: {there}")


def _plan(examined: Examined, rate_hz: float = 0.0) -> CapturePlan:
    return CapturePlan(sequence=examined.sequence, rate_hz=rate_hz or 1 / examined.period_s)


RIG_LAWS: tuple[Law, ...] = (
    devices_fit_the_calibration,
    *CAMERA_LAWS,
    *PROJECTOR_LAWS,
    captures_decode_to_a_cloud,
    cancels_leave_the_light_off,
    truth_is_told_or_denied,
)
"""On a calibrated rig that sees its fringes."""
