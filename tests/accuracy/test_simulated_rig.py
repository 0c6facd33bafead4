"""A capture of the simulated rig, decoded, lies where its truth says, with the noise that its sigma says.

The simulator and the decoder share the definition of the patterns and nothing else; sim-a is the independent judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy
from faceapp.formats.landmark_files import read_landmarks
from faceapp.formats.ply import read_mesh
from faceapp.fringe.decode import GroupScan, decode_group
from tests.accuracy.scan_errors import measure, robust

GROUPS = ("left", "middle", "right")


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, GroupCapture]]]:
    folder = tmp_path_factory.mktemp("truth")
    rig = connect_described_rig("simulated", {"seed": 11, "scale": 0.5})
    groups: dict[str, GroupCapture] = {}
    try:
        rig.prepare("S0001", "smile", 1)
        CaptureEngine(rig).capture(CapturePlan(), lambda group: groups.update({group.group.name: group}))
        assert rig.write_truth(folder)
    finally:
        rig.close()
    yield folder, groups


def decode(group: GroupCapture) -> GroupScan:
    return decode_group(group.group, dict(group.stacks), dict.fromkeys(group.stacks, 255.0), None)


@pytest.mark.parametrize("name", GROUPS)
def test_points_are_where_the_surface_is(captured: tuple[Path, dict[str, GroupCapture]], name: str) -> None:
    folder, groups = captured
    scan = decode(groups[name])
    errors = measure(folder, groups[name].group, scan)
    microns = 1000 * errors.error[errors.front]
    ratio = errors.error[errors.front] / errors.sigma[errors.front]
    spread = robust(ratio)
    print(
        f"{name}: {len(scan.cloud)} points, bias {np.median(microns):.2f}, robust {robust(microns):.1f}, "
        f"error/sigma {spread:.3f}, complete {errors.complete:.4f}, in front {errors.complete_front:.4f}"
    )
    assert len(microns) > 40_000
    assert abs(np.median(microns)) < 5
    assert 0.9 < spread < 1.1
    assert errors.complete_front > 0.99
    # The middle projector grazes both sides of the head: there is hardly any light to measure with.
    assert errors.complete > (0.92 if name == "middle" else 0.95)


@pytest.mark.parametrize("name", GROUPS)
def test_light_is_as_the_rig_file_says(captured: tuple[Path, dict[str, GroupCapture]], name: str) -> None:
    _, groups = captured
    first, second = groups[name].stacks.values()
    flood, dark = first.frames[12].astype(float), first.frames[13]
    assert abs(np.percentile(flood[flood > 10], 99.5) - 200) < 12
    assert dark.max() <= 10
    assert dark[flood > 100].mean() > 1
    assert (second.frames[12] > 100).sum() > 10_000
    # Nothing but reading noise where nothing is: less than one count in a thousand pixels.
    assert (first.frames[:, :3, :3] > 1).sum() == 0


@pytest.mark.parametrize("name", GROUPS)
def test_noise_is_that_of_the_sensor(captured: tuple[Path, dict[str, GroupCapture]], name: str) -> None:
    """The sum of opposite steps is free of fringes: its scatter between frequencies is noise alone."""
    _, groups = captured
    frames = next(iter(groups[name].stacks.values())).frames.astype(float)
    means = frames[4:8].mean(axis=0), frames[8:12].mean(axis=0)
    lit = (means[0] > 30) & (frames.max(axis=0) < 250)
    expected = 2 * ((means[0] * 39.215686 + 25) / 39.215686**2 + 1 / 12) / 4
    ratio = np.mean((means[0] - means[1])[lit] ** 2 / expected[lit])
    assert 0.95 < ratio < 1.05


def test_truth_is_complete(captured: tuple[Path, dict[str, GroupCapture]]) -> None:
    folder, groups = captured
    surface = read_mesh(folder / "surface.ply")
    assert len(surface.faces) > 200_000
    marks = read_landmarks(folder / "landmarks.json")
    assert isinstance(marks, Landmarks3D)
    assert marks.placed.all()
    assert set(marks.placed_by) == {PlacedBy.SIMULATION}
    distance, _ = cKDTree(surface.vertices).query(marks.points)
    assert distance.max() < 1.5
    for name in GROUPS:
        rgb = groups[name].group.rgb
        assert rgb is not None
        flat = read_landmarks(folder / f"landmarks-{rgb.name}.json")
        assert isinstance(flat, Landmarks2D)
        np.testing.assert_allclose(flat.points, rgb.project(marks.points)[0], atol=1e-3)
        assert (folder / "depth" / f"{rgb.name}.tiff").is_file()
        hidden = sum(v.value == "occluded" for v in flat.visibility)
        assert (hidden > 20) is (name != "middle"), f"{name}: {hidden} hidden landmarks"
