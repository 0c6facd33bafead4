"""One fringe frequency and a calibrated rig: the orders are those of the truth, or there are none."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceapp.app.decoding import decode_bundle
from faceapp.app.inspection import verify_path
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.live import LiveScan, LiveScanner
from faceapp.capture.plan import plan_for
from faceapp.cli.main import main
from faceapp.core.errors import SequenceError
from faceapp.core.frames import UNKNOWN
from faceapp.core.rig import CameraGroup, CameraModel, ProjectorModel
from faceapp.core.transforms import RigidTransform
from faceapp.formats.capture_bundle import read_bundle
from faceapp.fringe.decode import DecodeSettings, GroupScan, check_sequence
from faceapp.fringe.order_by_geometry import depth_range_of, finest_fringes, three_views
from faceapp.fringe.spatial_unwrapping import NO_REGION, unwrap_regions
from faceapp.fringe.three_views import depth_at
from tests.unit.bundles import PLANE_Z, edit, phase_steps, pose, write_bundle
from tests.unit.spheres import ALL, FINEST, PROJECTOR, distance_to_balls, write_spheres

FREQUENCY = np.float32(64)


def regions_of(cycles: np.ndarray, dark: np.ndarray | None = None, smallest: int = 20) -> tuple[np.ndarray, ...]:
    """Labels, unwrapped cycles and sizes of the regions of a phase whose whole fringes are hidden."""
    position = ((cycles - np.floor(cycles)) / FREQUENCY).astype(np.float32)
    if dark is not None:
        position[dark] = UNKNOWN
    labels, order = np.empty(position.shape, np.int32), np.empty(position.shape, np.int16)
    sizes = unwrap_regions(position, FREQUENCY, np.zeros(position.shape, np.uint8), smallest, labels, order)
    return labels, position * FREQUENCY + order, sizes


@given(
    slope=st.floats(-0.2, 0.2),
    tilt=st.floats(-0.2, 0.2),
    height=st.floats(0, 3),
    wave=st.floats(20, 60),
    noise=st.floats(0, 0.006),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_a_smooth_surface_is_one_region_and_continuous(
    slope: float, tilt: float, height: float, wave: float, noise: float, seed: int
) -> None:
    v, u = np.mgrid[:60, :90]
    # slope of the wave: at most 0.12 cycles a pixel; noise: twice that of the default rig
    bump = min(height, 0.12 * wave / (2 * np.pi)) * np.sin(2 * np.pi * u / wave) * np.cos(2 * np.pi * v / wave)
    true = 20 + slope * u + tilt * v + bump + noise * np.random.default_rng(seed).normal(size=u.shape)
    labels, found, sizes = regions_of(true)
    assert (labels == 0).all() and sizes.tolist() == [60 * 90]
    difference = found - true
    np.testing.assert_allclose(difference, difference[0, 0], atol=1e-3)


@pytest.mark.parametrize("jump", [0.4, 1.5, -2.47, 7.6])
def test_a_depth_edge_parts_two_regions_that_are_each_continuous(jump: float) -> None:
    v, u = np.mgrid[:60, :90]
    behind = (u - 45) ** 2 + (v - 30) ** 2 > 400
    true = 10 + 0.12 * u + 0.02 * v + jump * behind
    labels, found, sizes = regions_of(true)
    assert len(sizes) == 2
    assert np.mean(labels == NO_REGION) < 0.005  # a row's last few pixels at the rim
    for part in (behind, ~behind):
        inside = part & (labels != NO_REGION)
        assert len(np.unique(labels[inside])) == 1
        difference = (found - true)[inside]
        np.testing.assert_allclose(difference, difference[0], atol=1e-3)


def test_dark_gaps_part_regions_and_small_ones_do_not_count() -> None:
    _, u = np.mgrid[:40, :80]
    dark = (np.abs(u - 30) < 2) | (u == 70)
    labels, _, sizes = regions_of(0.1 * u, dark, smallest=500)
    assert sorted(sizes.tolist()) == [29 * 40, 38 * 40]
    assert (labels[:, 71:] == NO_REGION).all() and (labels[dark] == NO_REGION).all()


def test_fringes_too_fine_for_the_pixels_are_no_region() -> None:
    """Every pixel is a run of its own then; the buffers hold them."""
    _, u = np.mgrid[:50, :70]
    labels, _, sizes = regions_of(0.45 * u)
    assert not len(sizes) and (labels == NO_REGION).all()


def decoded(folder: Path, settings: DecodeSettings = DecodeSettings()) -> GroupScan:
    result = decode_bundle(read_bundle(folder), settings, depth_images=False)
    assert not result.failures, result.complaints
    return result.scans["middle"]


def test_two_balls_are_found_as_with_all_frequencies(tmp_path: Path) -> None:
    wanted = decoded(write_spheres(tmp_path / "all", ALL))
    scan = decoded(write_spheres(tmp_path / "one", FINEST))
    distance = distance_to_balls(scan.cloud.points)
    error = np.abs(distance).min(axis=1)
    shared = np.isin(wanted.cells, scan.cells).mean()
    print(f"{len(scan.cloud)} points, {shared:.4f} of those of all, {np.mean(error > 2):.5f} over 2 mm")
    assert shared > 0.95
    assert np.mean(error > 2) < 0.005
    assert np.median(error) < 1.1 * np.median(np.abs(distance_to_balls(wanted.cloud.points)).min(axis=1))
    # both balls, though they lie two fringe orders apart
    assert (np.bincount(np.argmin(np.abs(distance), axis=1), minlength=2) > 3000).all()
    assert scan.phases[0].frequency == 64.0
    assert 0 < scan.phases[0].order_residual < 0.05


def with_projector(folder: Path) -> Path:
    def change(data: dict) -> None:  # type: ignore[type-arg]
        data["groups"][0]["projector"] |= {"calibration": PROJECTOR, "rig_from_projector": pose(0.0)}

    edit(folder, change)
    return folder


def test_a_flat_wall_square_to_the_rig_is_not_guessed_but_a_narrow_depth_range_tells_it(tmp_path: Path) -> None:
    """With the projector midway between the cameras every order of such a wall agrees in both."""
    folder = with_projector(write_bundle(tmp_path / "wall", phase_steps(32, 4)))
    refused = decode_bundle(read_bundle(folder)).failures["middle"]
    assert "depth range" in str(refused)
    cloud = decoded(folder, DecodeSettings(depth_range_mm=(660.0, 720.0))).cloud
    assert len(cloud) > 10_000
    assert abs(np.median(cloud.points[:, 2]) - PLANE_Z) < 0.1


def test_two_cameras_alone_need_a_depth_range_that_holds_one_order(tmp_path: Path) -> None:
    """The cameras see the same phase every 250 mm of depth at 8 fringes, every 31 mm at 64."""
    coarse = write_bundle(tmp_path / "coarse", phase_steps(8, 4))
    assert "calibrated projector" in str(decode_bundle(read_bundle(coarse)).failures["middle"])
    cloud = decoded(coarse, DecodeSettings(depth_range_mm=(600.0, 780.0))).cloud
    assert len(cloud) > 10_000
    error = np.abs(cloud.points[:, 2] - PLANE_Z)
    assert np.median(error) < 0.5 and np.percentile(error, 99) < 3
    fine = read_bundle(write_bundle(tmp_path / "fine", phase_steps(64, 4)))
    failed = decode_bundle(fine, DecodeSettings(depth_range_mm=(600.0, 780.0))).failures["middle"]
    assert "cannot be unwrapped" in str(failed) and "more than once" in str(failed)
    cloud = decoded(tmp_path / "fine", DecodeSettings(depth_range_mm=(680.0, 700.0))).cloud
    assert abs(np.median(cloud.points[:, 2]) - PLANE_Z) < 0.1


def test_two_cameras_alone_find_both_balls_in_a_field_of_their_own(tmp_path: Path) -> None:
    bare = write_spheres(tmp_path / "bare", phase_steps(3, 12), projector=False)
    scan = decoded(bare, DecodeSettings(depth_range_mm=(620.0, 800.0)))
    distance = distance_to_balls(scan.cloud.points)
    error = np.abs(distance).min(axis=1)
    print(f"{len(scan.cloud)} points, median {np.median(error):.3f} mm, {np.mean(error > 5):.5f} over 5 mm")
    assert (np.bincount(np.argmin(np.abs(distance), axis=1), minlength=2) > 3000).all()
    assert np.median(error) < 1 and np.mean(error > 5) < 0.005


@given(
    axis=st.sampled_from("uv"),
    bend=st.floats(-0.2, 0.2),
    skew=st.sampled_from([0.0, 4.0]),
    ray=st.tuples(st.floats(-0.15, 0.15), st.floats(-0.12, 0.12)),
    depth=st.floats(520, 880),
)
@settings(max_examples=60, deadline=None)
def test_a_ray_meets_the_column_of_a_bent_projector_where_it_is_seen(
    axis: str, bend: float, skew: float, ray: tuple[float, float], depth: float
) -> None:
    def camera(name: str, x: float, y: float, bend: float, skew: float) -> CameraModel:
        k = np.array([[1500.0, skew, 320.0], [0, 1500.0, 256.0], [0, 0, 1]])
        lens = np.array([bend, bend / 2, 0.001, -0.002, 0.0])
        at = RigidTransform(np.diag([1.0, -1.0, -1.0]), np.array([x, y, 700.0]))
        return CameraModel(name, 8, 6, k, lens, at)

    # light from above or from beside, across the fringes
    projector = camera("light", 60.0 * (axis == "u"), 60.0 * (axis == "v"), bend, skew)
    group = CameraGroup(
        "g", (camera("a", 0, 0, 0, 0), camera("b", 90, 0, 0, 0)), None, ProjectorModel("light", projector)
    )
    views = three_views(group, axis, (500.0, 900.0), 64.0, 0.06)
    point = group.infrared[0].rig_from_camera.apply(np.array([[ray[0] * depth, ray[1] * depth, depth]]))
    wanted = projector.project(point)[0][0, "uv".index(axis)]
    assert depth_at(ray[0], ray[1], wanted, views) == pytest.approx(depth, rel=1e-4)


def group_of(folder: Path) -> CameraGroup:
    return read_bundle(folder).groups[0].model()


def test_what_the_calibration_lacks_is_said(tmp_path: Path) -> None:
    whole = group_of(write_spheres(tmp_path / "whole", FINEST))
    sequence = read_bundle(tmp_path / "whole").sequence
    assert check_sequence(whole, sequence) is False
    no_light = CameraGroup("middle", whole.infrared, None, ProjectorModel("dark"))
    with pytest.raises(SequenceError, match=r"cannot be unwrapped.*calibrated projector"):
        check_sequence(no_light, sequence)
    alone = CameraGroup("middle", whole.infrared[:1], None, whole.projector)
    with pytest.raises(SequenceError, match=r"cannot be unwrapped.*second calibrated infrared camera"):
        check_sequence(alone, sequence)
    away = RigidTransform(whole.infrared[0].rig_from_camera.rotation, np.array([900.0, 0.0, 700.0]))
    aside = replace(whole.infrared[0], rig_from_camera=away)
    elsewhere = CameraGroup("middle", (aside, whole.infrared[1]), None, whole.projector)
    with pytest.raises(SequenceError, match=r"cannot be unwrapped.*depth_range_mm"):
        check_sequence(elsewhere, sequence)
    assert check_sequence(elsewhere, sequence, (500.0, 900.0)) is False


def test_the_depth_range_lies_about_the_origin(tmp_path: Path) -> None:
    found = depth_range_of(group_of(write_spheres(tmp_path / "capture", FINEST)))
    assert found is not None
    assert sum(found) / 2 == pytest.approx(700)
    assert found[1] - found[0] == pytest.approx(700 * 400 / 900)


def test_an_impossible_depth_range_is_refused(tmp_path: Path) -> None:
    bundle = read_bundle(write_spheres(tmp_path / "capture", FINEST))
    failed = decode_bundle(bundle, DecodeSettings(depth_range_mm=(800.0, 600.0))).failures
    assert "800 to 600 mm is not possible" in str(failed["middle"])


def test_the_command_line_decodes_one_frequency(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_spheres(tmp_path / "one", FINEST)
    assert main(["verify", str(folder)]) == 0
    assert not verify_path(folder)
    assert main(["decode", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "middle.ply").is_file()
    assert main(["decode", str(folder), "--out", str(tmp_path / "far"), "--depth-range", "2000", "2400"]) == 1
    assert "depth range" in capsys.readouterr().err
    bare = write_spheres(tmp_path / "bare", FINEST, projector=False)
    assert main(["decode", str(bare), "--out", str(tmp_path / "none")]) == 1
    error = capsys.readouterr().err
    assert "cannot be unwrapped" in error and "calibrated projector" in error


def test_live_scanning_uses_the_finest_fringes_alone(tmp_path: Path) -> None:
    devices = connect_described_rig(str(write_spheres(tmp_path / "all", ALL)))
    found: list[LiveScan] = []
    try:
        scanner = LiveScanner(devices, "middle", plan_for(devices), step=1, one_frequency=True)
        scanner.scanned.connect(found.append)
        scanner.start()
        deadline = time.monotonic() + 30
        while sum(s.cloud is not None for s in found) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        scanner.stop()
    finally:
        devices.close()
    cloud = found[-1].cloud
    assert cloud is not None, found[-1].note
    error = np.abs(distance_to_balls(cloud.points)).min(axis=1)
    assert np.mean(error > 2) < 0.005
    # the phases come from the geometry: no block knows of a second frequency
    assert not found[-1].phases[0].blocks[..., 1].any()


def test_the_live_command_scans_with_one_frequency(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write_spheres(tmp_path / "one", FINEST)
    assert main(["live", str(one), "--seconds", "4", "--step", "1", "--fringes", "one", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["clouds"] > 1 and result["points"] > 5000
    bare = write_spheres(tmp_path / "bare", ALL, projector=False)
    assert main(["live", str(bare), "--seconds", "1", "--fringes", "one"]) == 1
    assert "calibrated projector" in capsys.readouterr().err


def test_the_finest_fringes_keep_their_steps_in_order(tmp_path: Path) -> None:
    sequence = read_bundle(write_spheres(tmp_path / "all", [*FINEST[::-1], *phase_steps(1, 4)])).sequence
    assert [e.step for e in finest_fringes(sequence).exposures] == [0, 1, 2, 3]  # type: ignore[union-attr]
