"""Compile the decoder, or load it compiled, before anybody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np

from faceapp.core.frames import FrameArray, FrameStack
from faceapp.core.rig import CameraGroup, CameraModel, ProjectorModel
from faceapp.core.sequence import multi_frequency
from faceapp.core.transforms import RigidTransform
from faceapp.fringe.decode import decode_group, prepare_group
from faceapp.fringe.demodulation import decode_wrapped_phase
from faceapp.fringe.order_by_geometry import finest_frames, finest_fringes, order_phases

_WIDTH, _HEIGHT, _FOCAL, _DISTANCE = 128, 96, 300.0, 700.0
_FIELD = 350.0


def warm_decoder() -> None:
    """Decode a tiny plane in every type of frame: afterwards no capture waits for a compiler.

    Takes seconds the first time on a machine, then a second a process.
    """
    sequence = multi_frequency((1.0, 8.0, 32.0))  # 64 fringes are too fine for so few pixels to be one region
    group = _tiny_group()
    picture = np.full((_HEIGHT, _WIDTH, 3), 128, np.uint8)
    finest = finest_fringes(sequence)
    kinds: tuple[tuple[type[np.uint8] | type[np.uint16], float], ...] = ((np.uint8, 255.0), (np.uint16, 4095.0))
    for dtype, white in kinds:
        stacks = {}
        for camera in group.infrared:
            u = np.arange(_WIDTH)
            x = ((u - camera.K[0, 2]) / _FOCAL * _DISTANCE + camera.centre[0]) / _FIELD + 0.5
            light = np.stack([sequence.pattern(i, np.tile(x, (_HEIGHT, 1))) for i in range(len(sequence))])
            counts = np.rint(white * (0.1 + 0.7 * light))
            frames: FrameArray = counts.astype(np.uint8) if dtype is np.uint8 else counts.astype(np.uint16)
            stacks[camera.name] = FrameStack(camera.name, frames, sequence)
        scan = decode_group(group, stacks, dict.fromkeys(stacks, white), picture)
        if not len(scan.faces):
            raise AssertionError("the plane that warms the decoder was not found")
        wrapped = tuple(
            decode_wrapped_phase(finest_frames(stacks[c.name]), c.sensor, white, threads=1) for c in group.infrared
        )
        order_phases(group, wrapped, finest.axis)


def warm_in_background(groups: Iterable[CameraGroup] = ()) -> threading.Thread:
    """Run `warm_decoder` and prepare groups on a thread of its own, which does not keep the process alive.

    Parameters
    ----------
    groups : iterable of CameraGroup
        That will be decoded.
    """

    def work() -> None:
        try:
            warm_decoder()
            for group in groups:
                prepare_group(group)
        except RuntimeError as error:
            # a program that ends closes the pools first (Python tells it by these words alone); nobody waits any more
            if "shutdown" not in str(error):
                raise

    thread = threading.Thread(target=work, name="faceapp-warm", daemon=True)
    thread.start()
    return thread


def _tiny_group() -> CameraGroup:
    k = np.array([[_FOCAL, 0, (_WIDTH - 1) / 2], [0, _FOCAL, (_HEIGHT - 1) / 2], [0, 0, 1.0]])

    def camera(name: str, x: float) -> CameraModel:
        pose = RigidTransform(np.diag([1.0, -1.0, -1.0]), np.array([x, 0.0, _DISTANCE]))
        return CameraModel(name, _WIDTH, _HEIGHT, k, np.zeros(5), pose)

    views = camera("one", -30.0), camera("two", 30.0)
    return CameraGroup("warm", views, camera("rgb", 0.0), ProjectorModel("light", camera("light", 0.0)))
