"""The simulated head moves when it is told to, and the decoder notices."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.core.errors import UsageError
from faceapp.fringe.decode import decode_group
from faceapp.fringe.motion import motion_of
from faceapp.geometry.rigid import icp


def capture(**options: object) -> dict[str, GroupCapture]:
    devices = connect_described_rig("simulated", {"seed": 5, "scale": 0.3, "pose": 0, **options})
    found: dict[str, GroupCapture] = {}
    try:
        devices.prepare("S0001", "neutral", 1)
        CaptureEngine(devices).capture(CapturePlan(), lambda g: found.__setitem__(g.group.name, g))
    finally:
        devices.close()
    return found


def scores(groups: dict[str, GroupCapture]) -> list[bool]:
    phases = [
        phase
        for g in groups.values()
        for phase in decode_group(g.group, dict(g.stacks), dict.fromkeys(g.stacks, 255.0), depth_images=False).phases
    ]
    return [motion_of(phase).is_doubtful for phase in phases]


@pytest.mark.figures
def test_a_head_that_moves_during_the_burst_is_told_from_a_still_one() -> None:
    assert not any(scores(capture()))
    assert sum(scores(capture(velocity="0,0,5"))) >= 4


def test_a_head_that_moves_between_the_groups_stands_elsewhere_for_each() -> None:
    still, moved = capture(), capture(shift="0,0.8,0")
    for name, expected in (("left", -0.8), ("middle", 0.0), ("right", 0.8)):
        clouds = [
            decode_group(g.group, dict(g.stacks), dict.fromkeys(g.stacks, 255.0), depth_images=False).cloud
            for g in (still[name], moved[name])
        ]
        (p, n), (q, m) = ((c.points[::7].astype(float), c.normals[::7].astype(float)) for c in clouds)
        moved_by = icp(p, n, q, m, max_distance=3.0).transform.apply(p) - p
        assert np.median(moved_by[:, 1]) == pytest.approx(expected, abs=0.15)


def test_a_velocity_that_is_no_vector_is_refused() -> None:
    with pytest.raises(UsageError, match="3 numbers"):
        connect_described_rig("simulated", {"velocity": "5"})
