"""The finest fringes alone, their orders told by the geometry, against all frequencies and against the truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.core.frames import FrameStack
from faceapp.core.rig import CameraGroup
from faceapp.formats.capture_bundle import read_bundle
from faceapp.fringe.decode import GroupScan, decode_group
from faceapp.fringe.order_by_geometry import finest_frames
from tests.accuracy.scan_errors import measure, table

GROUPS = ("left", "middle", "right")


def both_ways(group: CameraGroup, stacks: dict[str, FrameStack]) -> tuple[GroupScan, GroupScan]:
    """Decoded with all frequencies, and with the finest alone."""
    white = dict.fromkeys(stacks, 255.0)
    finest = {name: finest_frames(stack) for name, stack in stacks.items()}
    assert all(len(stack.sequence) == 4 for stack in finest.values())
    return (
        decode_group(group, stacks, white, depth_images=False),
        decode_group(group, finest, white, depth_images=False),
    )


@pytest.fixture(scope="module")
def captured() -> Iterator[dict[str, GroupCapture]]:
    rig = connect_described_rig("simulated", {"seed": 11, "scale": 0.4})
    groups: dict[str, GroupCapture] = {}
    try:
        rig.prepare("S0001", "smile", 1)
        CaptureEngine(rig).capture(CapturePlan(), lambda group: groups.update({group.group.name: group}))
    finally:
        rig.close()
    yield groups


@pytest.mark.parametrize("name", GROUPS)
def test_one_frequency_gives_the_cloud_of_all(captured: dict[str, GroupCapture], name: str) -> None:
    capture = captured[name]
    every, one = both_ways(capture.group, dict(capture.stacks))
    _, a, b = np.intersect1d(every.cells, one.cells, return_indices=True)
    apart = np.linalg.norm(every.cloud.points[a] - one.cloud.points[b], axis=1)
    sigma = every.cloud.sigma
    assert sigma is not None
    within = np.sum(apart < 3 * sigma[a]) / len(every.cells)
    gross = np.mean(apart > 2)
    extra = len(one.cells) - len(b)
    print(f"{name}: {len(every.cells)} points, {within:.4f} of them again, {gross:.5f} over 2 mm, {extra} others")
    assert within > 0.95
    assert gross < 0.005
    assert extra < 0.01 * len(every.cells)


def test_sim_a_by_its_finest_frequency_alone(data) -> None:  # type: ignore[no-untyped-def]
    bundle = read_bundle(data / "fringe" / "sim-a")
    rows: dict[str, dict[str, float]] = {}
    for group in bundle.groups:
        model = group.model()
        scans = both_ways(model, {c.name: bundle.stack(c) for c in group.cameras if c.role == "ir"})
        for kind, scan in zip(("all", "one"), scans, strict=True):
            errors = measure(data / "fringe" / "sim-a" / "truth", model, scan)
            rows[f"{group.name}, {kind}"] = errors.figures() | {
                "over 0.5 mm": 100 * float(np.mean(np.abs(errors.error) > 0.5)),
                "over 2 mm": 100 * float(np.mean(np.abs(errors.error) > 2)),
            }
    print(f"\nsim-a, measured points\n{table(rows)}")
    for name in GROUPS:
        every, one = rows[f"{name}, all"], rows[f"{name}, one"]
        assert one["over 2 mm"] < 0.1 and one["over 0.5 mm"] < 0.5
        assert one["front"] > 99.5
        assert one["complete"] > (96 if name != "middle" else 94)
        assert one["points"] > 0.95 * every["points"]
        assert abs(one["bias"]) < 3 and one["robust"] < 38 and one["p95"] < 80
        assert 0.9 < one["error/sigma"] < 1.1
