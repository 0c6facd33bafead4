"""The capture engine: arm, play, read, one group after the other; a lost frame is found and shot again, never decoded.

IDLE > ARMING > PLAYING > READING > (next group) > IDLE. A capture that fails or is stopped says so, FAILED or
CANCELLED, and then the engine is IDLE as well: the next one can begin. What comes out is whole; what is done with it
(decode, write, show) is up to the caller.
"""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from faceapp.capture.burst import make_quiet, reopen, shoot_burst
from faceapp.capture.frame_signs import FAULT_FLOOD, FrameSigns, frame_signs
from faceapp.capture.plan import CapturePlan, check_plan
from faceapp.core.errors import Cancelled, DeviceError, FrameLost
from faceapp.core.frames import FrameStack
from faceapp.core.rig import CameraGroup
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import BurstRecord, CameraInfo, CameraSettings


@enum.unique
class State(enum.Enum):
    """Where the engine is."""

    IDLE = "idle"
    ARMING = "arming"
    PLAYING = "playing"
    READING = "reading"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Status:
    """A snapshot of the engine.

    Parameters
    ----------
    state : State
        Where it is.
    group : str
        Which group is at work; empty between captures.
    text : str
        For people; while IDLE how the last capture ended.
    """

    state: State = State.IDLE
    group: str = ""
    text: str = ""


@dataclass(frozen=True, eq=False)
class GroupCapture:
    """What one group delivered.

    Parameters
    ----------
    group : CameraGroup
        Its calibrated facts.
    stacks : dict of str to FrameStack
        Of the infrared cameras.
    pictures : dict of str to (H, W, 3) uint8
        Of the colour cameras.
    infos : dict of str to CameraInfo
        Of all its cameras.
    signs : dict of str to FrameSigns
        Of the infrared cameras.
    seconds : float
        From arming to the last frame.
    more : tuple of (float, dict of str to FrameStack)
        Other exposures in ms, and what the infrared cameras saw with them.
    retried : tuple of str
        Why it had to be shot again, for people; empty where the first burst was whole.
    """

    group: CameraGroup
    stacks: dict[str, FrameStack]
    pictures: dict[str, npt.NDArray[np.uint8]]
    infos: dict[str, CameraInfo]
    signs: dict[str, FrameSigns]
    seconds: float
    more: tuple[tuple[float, dict[str, FrameStack]], ...] = ()
    retried: tuple[str, ...] = ()


class CaptureEngine:
    """Runs captures on a connected rig.

    Parameters
    ----------
    devices : ConnectedRig
        Open devices.

    Notes
    -----
    `capture` blocks: call it on a thread of its own. `cancel` may be called from any thread.
    """

    status_changed = Signal(Status)

    def __init__(self, devices: ConnectedRig) -> None:
        self._devices = devices
        self._cancelled = threading.Event()
        self._busy = threading.Lock()
        self._lost: set[str] = set()
        self.status = Status()

    def capture(self, plan: CapturePlan, deliver: Callable[[GroupCapture], None]) -> None:
        """Shoot every group once; ``deliver`` gets each group as soon as its frames are whole.

        Raises
        ------
        DeviceError
            A capture runs already, or a device fails in the retries too, though it was opened again.
        FrameLost
            A frame was lost in the retries too; the light is off and the cameras are disarmed.
        Cancelled
            `cancel` was called.
        """
        if not self._busy.acquire(blocking=False):
            raise DeviceError("a capture runs already; wait for it or cancel it")
        try:
            self._cancelled.clear()
            check_plan(plan, self._devices)
            for group in self._devices.rig.groups:
                deliver(self._shoot_with_retries(group, plan))
            self._set(Status(State.IDLE, "", "captured"))
        except Cancelled:
            self._end(State.CANCELLED, "stopped")
            raise
        except BaseException as error:
            self._end(State.FAILED, str(error))
            raise
        finally:
            self._busy.release()

    def cancel(self) -> None:
        """Stop the capture that runs: light off, cameras disarmed."""
        self._cancelled.set()
        group = self.status.group
        if group:
            self._quiet(group)

    def _shoot_with_retries(self, group: CameraGroup, plan: CapturePlan) -> GroupCapture:
        retried: list[str] = []
        for attempt in range(plan.retries + 1):
            try:
                self._reopen_lost(group.name)
                return replace(self._shoot(group, plan), retried=tuple(retried))
            except BaseException as error:
                are_quiet = self._quiet(group.name)
                if isinstance(error, DeviceError) and not (are_quiet and isinstance(error, FrameLost)):
                    self._lost.add(group.name)
                if self._cancelled.is_set():
                    raise Cancelled("the capture was stopped") from error
                if attempt == plan.retries or not isinstance(error, DeviceError):
                    raise
                retried.append(str(error))
        raise FrameLost(f"group {group.name}: no attempt is allowed")

    def _reopen_lost(self, group: str) -> None:
        """Look for devices that failed: a loose cable may sit again, a projector may have started anew."""
        if group in self._lost:
            self._set(Status(State.ARMING, group, f"opening the devices of {group} again"))
            reopen(self._devices, group)
            self._lost.discard(group)

    def _shoot(self, group: CameraGroup, plan: CapturePlan) -> GroupCapture:
        start = time.perf_counter()
        names = [m.name for m in group.cameras]
        wanted = {name: plan.own_settings.get(name, plan.settings) for name in names}
        buffers, records = self._burst(group, plan, wanted)
        infos = {name: self._devices.cameras[name].info for name in names}
        stacks = _stacks(buffers, records, plan)
        pictures = {name: buffer[0] for name, buffer in buffers.items() if infos[name].role == "rgb"}
        signs = _judge_all(stacks, group)
        more = []
        for exposure in plan.more_exposures_ms:
            settings = {m.name: replace(wanted[m.name], exposure_ms=exposure) for m in group.infrared}
            again = _stacks(*self._burst(group, plan, settings), plan)
            _judge_all(again, group)
            more.append((exposure, again))
        return GroupCapture(group, stacks, pictures, infos, signs, time.perf_counter() - start, tuple(more))

    def _burst(
        self, group: CameraGroup, plan: CapturePlan, settings: dict[str, CameraSettings]
    ) -> tuple[dict[str, npt.NDArray[np.uint8]], dict[str, BurstRecord]]:
        """Play the sequence once before some cameras of the group."""
        patience = plan.patience_s + 3 * len(plan.sequence) * plan.period_s
        return shoot_burst(
            self._devices,
            group.name,
            plan.sequence,
            plan.period_s,
            settings,
            patience,
            lambda step: self._step(State(step), group.name),
        )

    def _step(self, state: State, group: str) -> None:
        if self._cancelled.is_set():
            raise Cancelled("the capture was stopped")
        self._set(Status(state, group, f"{state.value} {group}"))

    def _set(self, status: Status) -> None:
        self.status = status
        self.status_changed.emit(status)

    def _end(self, state: State, text: str) -> None:
        """Tell how a capture ended, and be ready for the next one."""
        self._set(Status(state, self.status.group if state is State.FAILED else "", text))
        self._set(Status(State.IDLE, "", text))

    def _quiet(self, group: str) -> bool:
        """Light off and cameras disarmed, whatever state they are in; returns whether every device obeyed."""
        return not make_quiet(self._devices, group)


def _stacks(
    buffers: dict[str, npt.NDArray[np.uint8]], records: dict[str, BurstRecord], plan: CapturePlan
) -> dict[str, FrameStack]:
    """The bursts that are whole sequences; a colour camera takes a single picture."""
    return {
        name: FrameStack(name, buffer, plan.sequence, records[name].frame_ids, records[name].timestamps_ns)
        for name, buffer in buffers.items()
        if buffer.ndim == 3
    }


def _judge_all(stacks: dict[str, FrameStack], group: CameraGroup) -> dict[str, FrameSigns]:
    """Judge the cameras of a group side by side: its decoding waits for it."""
    with ThreadPoolExecutor(len(stacks), "faceapp-signs") as pool:
        return dict(zip(stacks, pool.map(lambda stack: _judge(stack, group), stacks.values()), strict=True))


def _judge(stack: FrameStack, group: CameraGroup) -> FrameSigns:
    from faceapp.formats.capture_bundle import white_level

    model = next(m for m in group.infrared if m.name == stack.camera)
    white = white_level(stack.frames, model.sensor.white_level)
    signs = frame_signs(stack, model.sensor, white)
    # infinite: too little is lit to judge, which the verdict on the take says
    if not np.isinf(signs.step) and signs.is_fault:
        off = f", flood and dark off by {signs.flood:.0%}" if signs.flood > FAULT_FLOOD else ""
        raise FrameLost(
            f"{stack.camera}: the frames do not show the patterns that were played "
            f"(step {signs.step:.1f}, residual {signs.residual:.1f}; a still head gives 1{off}). "
            "Check the trigger cable and the exposure, and ask the subject to hold still"
        )
    return signs
