"""Self-test of the wiring: one projector at a time is lit, all cameras listen, and who sees what tells what is wrong.

A face must be before the rig, or a mannequin's: cameras that show each other's view are told by what bulges.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from faceapp.capture.burst import make_quiet
from faceapp.capture.plan import plan_for
from faceapp.capture.wiring_signs import (
    LIT_SHARE,
    direction_of_fringes,
    expected_direction,
    fits_in_place,
    is_inside_out,
    lit_share,
    mean_direction,
)
from faceapp.core.errors import DeviceError, FaceappError, FrameLost
from faceapp.core.frames import FrameStack
from faceapp.core.rig import CameraGroup
from faceapp.core.sequence import FringeSequence
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraSettings

_RATE_HZ = 50.0
_LATE_S = 0.6
_NEXT_S = 0.05
_MOST_EXPOSURE = 0.9
_MIRRORED = -0.5


@enum.unique
class Seen(enum.Enum):
    """What a camera had of a projector."""

    NOTHING = "no trigger"
    PART = "some triggers"
    DARK = "triggered, no light"
    LIGHT = "triggered, sees the light"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Parameters
    ----------
    devices : tuple of str
        Which are concerned.
    what : str
        What is wrong with them, in a sentence.
    todo : str
        What to do.
    """

    devices: tuple[str, ...]
    what: str
    todo: str


@dataclass(frozen=True)
class WiringReport:
    """What a self-test found.

    Parameters
    ----------
    seen : dict of str to (dict of str to Seen)
        By group whose projector was lit, by camera.
    findings : tuple of Finding
        Empty where all is as it should be.
    """

    seen: dict[str, dict[str, Seen]]
    findings: tuple[Finding, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass(eq=False)
class _Play:
    """What all cameras had of one projector."""

    seen: dict[str, Seen] = field(default_factory=dict)
    stacks: dict[str, FrameStack] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)


def check_wiring(devices: ConnectedRig, on_group: Callable[[str], None] | None = None) -> WiringReport:
    """Light one projector after the other and look which cameras see it.

    Parameters
    ----------
    devices : ConnectedRig
        Open devices that nobody else uses now.
    on_group : callable, optional
        Called with the name of each group before it is lit; may raise to stop.

    Returns
    -------
    WiringReport
        Devices that fail are findings of it as well.
    """
    plays: dict[str, _Play] = {}
    for group in devices.rig.groups:
        if on_group is not None:
            on_group(group.name)
        plays[group.name] = _listen(devices, group.name)
    findings = [finding for play in plays.values() for finding in play.faults]
    findings += _wrong_triggers(devices, plays)
    for group in devices.rig.groups:
        findings += _wrong_light(devices, group, plays[group.name])
    return WiringReport({name: play.seen for name, play in plays.items()}, tuple(dict.fromkeys(findings)))


def _listen(devices: ConnectedRig, lit: str) -> _Play:
    """Play the sequence of one projector while all cameras are armed."""
    plan, play = plan_for(devices), _Play()
    infos = {name: camera.info for name, camera in devices.cameras.items()}
    projector = devices.projectors[lit]
    shortest = [projector.info.shortest_period_s, *(i.shortest_period_s for i in infos.values())]
    period = max(1 / _RATE_HZ, *shortest)
    buffers: dict[str, npt.NDArray[np.uint8]] = {}
    try:
        projector.load(plan.sequence, period)
        for name, camera in devices.cameras.items():
            info = infos[name]
            try:
                if info.role == "ir":
                    wanted = plan.own_settings.get(name, plan.settings)
                    exposure = min(wanted.exposure_ms, 1000 * _MOST_EXPOSURE * period)
                    camera.configure(CameraSettings(exposure, wanted.gain_db))
                count = len(plan.sequence) if info.role == "ir" else 1
                buffers[name] = np.zeros((count, *info.frame_shape), info.dtype)
                camera.arm(buffers[name])
            except DeviceError as error:
                buffers.pop(name, None)
                play.faults.append(_failed(name, error))
        projector.play()
    except DeviceError as error:
        play.faults.append(_failed(projector.info.name, error))
    else:
        patience = len(plan.sequence) * period + _LATE_S
        for name, buffer in buffers.items():
            _read(devices, play, name, buffer, plan.sequence, patience)
            patience = _NEXT_S
    finally:
        for group in devices.rig.groups:
            make_quiet(devices, group.name)
    return play


def _failed(name: str, error: FaceappError) -> Finding:
    return Finding((name,), f"{name} does not work: {error}", "Put that right first, then test again")


def _read(
    devices: ConnectedRig,
    play: _Play,
    name: str,
    buffer: npt.NDArray[np.uint8],
    sequence: FringeSequence,
    patience_s: float,
) -> None:
    """Hear what a camera had of the light."""
    try:
        record = devices.cameras[name].wait(patience_s)
    except FrameLost:
        play.seen[name] = Seen.PART if buffer.any() else Seen.NOTHING
        return
    except DeviceError as error:
        play.faults.append(_failed(name, error))
        return
    info = devices.cameras[name].info
    if info.role != "ir":
        play.seen[name] = Seen.LIGHT
        return
    play.stacks[name] = FrameStack(name, buffer, sequence, None, record.timestamps_ns)
    lit = lit_share(buffer, (1 << info.bits) - 1) > LIT_SHARE
    play.seen[name] = Seen.LIGHT if lit else Seen.DARK


def _wrong_triggers(devices: ConnectedRig, plays: dict[str, _Play]) -> list[Finding]:
    """Cameras that do not listen to their own projector, or to others as well."""
    findings: list[Finding] = []
    heard = {
        name: [g for g, play in plays.items() if play.seen.get(name, Seen.NOTHING) is not Seen.NOTHING]
        for name in devices.cameras
    }
    own = {m.name: group.name for group in devices.rig.groups for m in group.cameras}
    wrong = {n: heard[n][0] for n in own if len(heard[n]) == 1 and heard[n][0] != own[n]}
    done: set[str] = set()
    for one, other in _exchanged_groups(devices, own, wrong):
        names = devices.projectors[one].info.name, devices.projectors[other].info.name
        done |= {n for n in wrong if own[n] in (one, other)}
        findings.append(
            Finding(
                names,
                f"The cameras of {one} follow {names[1]}, and those of {other} follow {names[0]}: the projectors, or "
                "all trigger cables of the two groups, are exchanged",
                f"Exchange the ports of {names[0]} and {names[1]} in the rig file, or the trigger cables",
            )
        )
    for name in wrong:
        partner = next((n for n in wrong if n not in done and _is_partner(devices, own, wrong, name, n)), None)
        if name not in done and partner is not None:
            done |= {name, partner}
            findings.append(_exchanged(devices, plays, own, name, partner))
    for name in own:
        projector = devices.projectors[own[name]].info.name
        if name in wrong and name not in done:
            other = devices.projectors[wrong[name]].info.name
            what = f"{name} is triggered by {other}, not by {projector}"
            findings.append(Finding((name, other), what, f"Plug its trigger cable into {projector}"))
        elif not heard[name] and not _has_failed(plays, name) and not _has_failed(plays, projector):
            what = f"{name} is triggered by no projector"
            findings.append(Finding((name,), what, f"Check its trigger cable, and that it goes to {projector}"))
        elif len(heard[name]) > 1:
            heard_from = " and ".join(devices.projectors[g].info.name for g in heard[name])
            what = f"{name} is triggered by {heard_from}"
            findings.append(Finding((name,), what, f"Leave only the trigger cable from {projector}"))
        elif plays[own[name]].seen.get(name) is Seen.PART:
            what = f"{name} takes only some of the triggers of {projector}"
            findings.append(Finding((name,), what, "Check the contact of its trigger cable"))
    return findings


def _has_failed(plays: dict[str, _Play], name: str) -> bool:
    return any(name in finding.devices for play in plays.values() for finding in play.faults)


def _exchanged_groups(devices: ConnectedRig, own: dict[str, str], wrong: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs of groups all of whose cameras follow the other's projector."""
    followed = {}
    for group in devices.rig.groups:
        mine = {wrong.get(m.name, "") for m in group.cameras}
        followed[group.name] = mine.pop() if len(mine) == 1 else ""
    return [(one, other) for one, other in followed.items() if other and one < other and followed.get(other) == one]


def _is_partner(devices: ConnectedRig, own: dict[str, str], wrong: dict[str, str], name: str, other: str) -> bool:
    same_role = devices.cameras[name].info.role == devices.cameras[other].info.role
    return same_role and wrong[name] == own[other] and wrong[other] == own[name]


def _exchanged(devices: ConnectedRig, plays: dict[str, _Play], own: dict[str, str], name: str, partner: str) -> Finding:
    """Tell whether two cameras of two groups are exchanged by name, or by their trigger cables only."""
    group = devices.rig.group(own[name])
    stacks = plays[group.name].stacks
    others = {m.name for m in group.infrared} - {name}
    if partner in stacks and others <= set(stacks) and devices.rig.calibration_id:
        if fits_in_place(group, {**stacks, name: stacks[partner]}):
            return Finding(
                (name, partner),
                f"{name} and {partner} are exchanged: each stands in the other's place",
                "Exchange their serial numbers in the rig file",
            )
        return Finding((name, partner), f"The trigger cables of {name} and {partner} are exchanged", "Exchange them")
    return Finding(
        (name, partner),
        f"{name} and {partner} follow each other's projector",
        "Exchange their trigger cables; where each shows the other's view, exchange their serial numbers in the rig "
        "file instead",
    )


def _wrong_light(devices: ConnectedRig, group: CameraGroup, play: _Play) -> list[Finding]:
    """What the cameras that were triggered say of the light of their own projector."""
    projector = devices.projectors[group.name].info.name
    mine = {m.name: play.seen[m.name] for m in group.infrared if m.name in play.stacks}
    dark = [name for name, seen in mine.items() if seen is Seen.DARK]
    if dark and len(dark) == len(mine):
        what = f"No camera of {group.name} sees light of {projector}"
        todo = "Check its lamp and its lens cap, and that a face or a board stands before the rig"
        return [Finding((projector,), what, todo)]
    findings = [
        Finding(
            (name,),
            f"{name} is triggered but sees no light of {projector}",
            "Take off its lens cap, and check where it looks and its exposure",
        )
        for name in dark
    ]
    lit = [m for m in group.infrared if mine.get(m.name) is Seen.LIGHT]
    directions = []
    for model in lit:
        stack = play.stacks[model.name]
        found = direction_of_fringes(stack, (1 << devices.cameras[model.name].info.bits) - 1)
        directions.append(found * expected_direction(model, group.projector.optics, stack.sequence))
    if mean_direction(directions) < _MIRRORED:
        what = f"The picture of {projector} is mirrored or upside down"
        todo = "Turn the projector, or switch off the mirroring in its settings, then test again"
        return [*findings, Finding((projector,), what, todo)]
    if len(lit) == 2 == len(group.infrared) and devices.rig.calibration_id:
        a, b = (m.name for m in lit)
        if is_inside_out(group, play.stacks):
            what = f"{a} and {b} are exchanged: each shows the other's view"
            findings.append(Finding((a, b), what, "Exchange their serial numbers in the rig file, or their cables"))
    return findings
