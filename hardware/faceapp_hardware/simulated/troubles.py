"""The troubles that the simulated rig offers in a menu; which device and which frame is drawn."""

from __future__ import annotations

from faceapp.devices.troubles import Trouble

_CAMERA, _FRAMES, _PROJECTOR, _COMPUTER = "Camera", "Frames", "Projector", "Computer"

TROUBLES = (
    Trouble("pull-idle left-ir-1", "Unplug left-ir-1 now", _CAMERA),
    Trouble("pull-armed middle-ir-1", "Unplug middle-ir-1 when it is armed", _CAMERA),
    Trouble("pull middle-ir-2", "Unplug middle-ir-2 in the next burst", _CAMERA),
    Trouble("loosen right-ir-1", "Loosen the cable of right-ir-1 in the next burst", _CAMERA),
    Trouble("stall ? ?", "Let a camera stall in the next burst", _CAMERA),
    Trouble("resize ?", "Let a camera deliver another size once", _CAMERA),
    Trouble("drop ? ?", "Lose a frame, with a gap in the ids", _FRAMES),
    Trouble("miss ? ?", "Lose a frame, without a gap in the ids", _FRAMES),
    Trouble("double ? ?", "Double a frame", _FRAMES),
    Trouble("swap ? ? ?", "Swap two frames", _FRAMES),
    Trouble("stale ? ?", "Show a stale frame", _FRAMES),
    Trouble("tear ? ?", "Tear a frame", _FRAMES),
    Trouble("mute ? 3", "Let a projector be mute for 3 s", _PROJECTOR),
    Trouble("reset ?", "Let a projector restart in the next burst", _PROJECTOR),
    Trouble("slow middle-projector 50", "Let middle-projector be slow", _PROJECTOR),
    Trouble("noise middle-projector 10000", "Break one byte in 10,000 of middle-projector", _PROJECTOR),
    Trouble("noise middle-projector 1000", "Break one byte in 1,000 of middle-projector", _PROJECTOR),
    Trouble("pull right-projector", "Unplug right-projector in the next burst", _PROJECTOR),
    Trouble("lose ? ?", "Lose a trigger", _PROJECTOR),
    Trouble("twice ? ?", "Double a trigger", _PROJECTOR),
    Trouble("full disk 20", "Fill the disk during the next take", _COMPUTER),
    Trouble("read-only disk", "Make the disk read-only", _COMPUTER),
    Trouble("slow disk 50", "Make the disk slow", _COMPUTER),
    Trouble("vanish disk 20", "Unplug the disk during the next take", _COMPUTER),
    Trouble("jump clock -86400", "Set the clock back by a day", _COMPUTER),
    Trouble("die rig", "End the rig's process in the next burst", _COMPUTER),
    Trouble("heal rig", "Make everything whole again", "Whole"),
)
"""In the order of the menu."""
