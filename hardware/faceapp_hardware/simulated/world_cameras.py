"""The cameras inside the world: armed or not, a counter of 16 bits, triggers that come whether one is ready or not."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from faceapp.core.rig import Rig
from faceapp_hardware.simulated.faults import Fault

LAST_ID = 65535
"""After this one comes 1, as GigE Vision 1 has it."""

_MOST_WAITING = 2
"""Pictures of a camera that follows its trigger which wait for a slot; more would be old when they come."""

_Frames = npt.NDArray[np.uint8]


class WorldCamera:
    """One camera's state.

    Parameters
    ----------
    name : str
        Of the camera.
    first_id : int
        Of its counter, 1 to 65535.
    deliver : callable
        Takes the picture, its id, its time stamp, and whether it may be dropped.
    """

    def __init__(self, name: str, first_id: int, deliver: Callable[[_Frames, int, int, bool], None]) -> None:
        self.name = name
        self._id = first_id
        self._deliver = deliver
        self._lock = threading.Lock()
        self._frames: _Frames | None = None
        self._left = 0.0
        self._follows = False
        self._is_stalled = False

    def arm(self, frames: _Frames, count: int) -> None:
        """Be ready for ``count`` triggers."""
        with self._lock:
            self._frames, self._left, self._follows, self._is_stalled = frames, count, False, False

    def follow(self, frames: _Frames) -> None:
        """Be ready for triggers without end; pictures that nobody fetches in time are dropped."""
        with self._lock:
            self._frames, self._left, self._follows, self._is_stalled = frames, math.inf, True, False

    def see(self, frames: _Frames) -> None:
        """See other frames, if it is armed: the projector was given another sequence meanwhile."""
        with self._lock:
            if self._frames is not None:
                self._frames = frames

    def disarm(self) -> None:
        """Take no trigger any more."""
        with self._lock:
            self._frames, self._left, self._follows = None, 0.0, False

    def trigger(self, index: int, stamp: int, faults: list[Fault]) -> bool:
        """Take a picture of exposure ``index`` if armed; returns whether one was taken."""
        with self._lock:
            frames = self._frames
            if frames is None or self._left < 1 or take_fault(faults, "miss", self.name, index):
                return False
            times = 2 if take_fault(faults, "double", self.name, index) else 1
            self._is_stalled |= take_fault(faults, "stall", self.name, index)
            lost = take_fault(faults, "drop", self.name, index)
            picture = _seen(faults, self.name, index, frames)
            for _ in range(times if self._left >= times else 1):
                self._left -= 1
                number, self._id = self._id, self._id % LAST_ID + 1
                if not lost and not self._is_stalled:
                    self._deliver(picture, number, stamp, self._follows)
            return True


def take_fault(faults: list[Fault], kind: str, device: str, *numbers: int) -> bool:
    """Return whether that fault is due, and strike it off."""
    for fault in list(faults):
        if (fault.kind, fault.device, fault.numbers) == (kind, device, numbers):
            faults.remove(fault)
            return True
    return False


def _seen(faults: list[Fault], camera: str, index: int, frames: _Frames) -> _Frames:
    """Return the picture that the camera takes: the right one, but for a fault."""
    right, before = frames[index % len(frames)], frames[max(index - 1, 0) % len(frames)]
    if take_fault(faults, "stale", camera, index):
        return before
    if take_fault(faults, "tear", camera, index):
        half = len(right) // 2
        return np.concatenate([right[:half], before[half:]])
    for fault in list(faults):
        if fault.kind == "swap" and fault.device == camera and index in fault.numbers:
            other = fault.numbers[1 - fault.numbers.index(index)]
            if index == max(fault.numbers):
                faults.remove(fault)
            return frames[other % len(frames)]
    return right


class Delivery:
    """A thread that carries pictures out, as slots of the shared memory become free.

    Parameters
    ----------
    slots : dict of str to list of array
        By camera.
    tell : callable
        Called with camera, number of the slot, id, time stamp, once the picture lies there.
    odd : callable
        Called with camera and shape of a picture that fits no slot.
    """

    def __init__(
        self,
        slots: dict[str, list[_Frames]],
        tell: Callable[[str, int, int, int], None],
        odd: Callable[[str, tuple[int, ...]], None],
    ) -> None:
        self._slots, self._tell, self._odd = slots, tell, odd
        self._free = {name: deque(range(len(mine))) for name, mine in slots.items()}
        self._waiting: dict[str, deque[tuple[_Frames, int, int]]] = {name: deque() for name in slots}
        self._wake = threading.Condition()
        threading.Thread(target=self._carry, name="delivery", daemon=True).start()

    def put(self, camera: str, picture: _Frames, number: int, stamp: int, may_drop: bool) -> None:
        """Take a picture to be carried; one that may be dropped is, where others wait already."""
        if picture.shape != self._slots[camera][0].shape:
            self._odd(camera, picture.shape)
            return
        with self._wake:
            if may_drop and len(self._waiting[camera]) >= _MOST_WAITING:
                return
            self._waiting[camera].append((picture, number, stamp))
            self._wake.notify()

    def free(self, camera: str, slot: int) -> None:
        """Hear that the client has copied a slot."""
        with self._wake:
            self._free[camera].append(slot)
            self._wake.notify()

    def _next(self) -> str | None:
        return next((name for name, waiting in self._waiting.items() if waiting and self._free[name]), None)

    def _carry(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._next() is not None)
                camera = self._next()
                assert camera is not None
                picture, number, stamp = self._waiting[camera].popleft()
                slot = self._free[camera].popleft()
            self._slots[camera][slot][:] = picture
            self._tell(camera, slot, number, stamp)


class Wire:
    """From each projector to the cameras of its group.

    Parameters
    ----------
    rig : Rig
        Who is wired to whom.
    cameras : dict of str to WorldCamera
        All of them.
    wired : mapping of str to str
        Cameras that hang on another group's projector, or on none.
    faults : list of Fault
        Struck off as they happen.
    taken : callable
        Called with the name of a camera that has taken its first picture of a burst.
    """

    def __init__(
        self,
        rig: Rig,
        cameras: dict[str, WorldCamera],
        wired: Mapping[str, str],
        faults: list[Fault],
        taken: Callable[[str], None],
    ) -> None:
        own = {m.name: g.name for g in rig.groups for m in g.cameras}
        self._groups = {g.name: [cameras[n] for n in own if wired.get(n, own[n]) == g.name] for g in rig.groups}
        self._projectors = {g.name: g.projector.name for g in rig.groups}
        self._faults, self._taken = faults, taken

    def cameras_of(self, group: str) -> list[str]:
        """Return the names of the cameras that hang on a group's projector."""
        return [camera.name for camera in self._groups[group]]

    def trigger(self, group: str, index: int) -> None:
        """Let the cameras of a group take exposure ``index``."""
        projector = self._projectors[group]
        if take_fault(self._faults, "lose", projector, index):
            return
        for _ in range(2 if take_fault(self._faults, "twice", projector, index) else 1):
            stamp = time.monotonic_ns()
            for camera in self._groups[group]:
                if camera.trigger(index, stamp, self._faults):
                    self._taken(camera.name)
