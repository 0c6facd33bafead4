"""Captures that faceapp did not make decode to what their publishers and an independent decoder found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faceapp.app.decoding import decode_bundle
from faceapp.formats.capture_bundle import CaptureBundle, read_bundle
from faceapp.fringe.decode import DecodeSettings, GroupScan
from tests.accuracy.scan_errors import ScanErrors, measure

GROUPS = ("left", "middle", "right")


def decode(folder: Path, *, smooth: bool = False) -> tuple[CaptureBundle, dict[str, GroupScan]]:
    bundle = read_bundle(folder)
    result = decode_bundle(bundle, DecodeSettings(smooth=smooth))
    assert not result.failures
    return bundle, result.scans


def box(scan: GroupScan) -> np.ndarray:
    return np.percentile(scan.cloud.points, [1, 99], axis=0).T.ravel()


@pytest.fixture(scope="module")
def simulated(data: Path) -> tuple[CaptureBundle, dict[str, GroupScan]]:
    return decode(data / "fringe" / "sim-a")


@pytest.fixture(scope="module")
def simulated_smooth(data: Path) -> tuple[CaptureBundle, dict[str, GroupScan]]:
    return decode(data / "fringe" / "sim-a", smooth=True)


def test_the_sphere_is_round_and_of_the_right_size(data: Path) -> None:
    _, scans = decode(data / "fringe" / "sphere-stereo")
    (scan,) = scans.values()
    points = scan.cloud.points.astype(float)
    assert 500_000 <= len(points) <= 680_000
    centre, radius, keep = _fit_sphere(points)
    residual = np.linalg.norm(points[keep] - centre, axis=1) - radius
    assert 20.97 <= 2 * radius <= 21.04
    assert np.sqrt(np.mean(residual**2)) < 0.025
    assert keep.mean() > 0.95
    assert np.mean(np.abs(residual) < 4 * residual.std()) > 0.99
    np.testing.assert_allclose(centre, (0.02, 0.02, -0.06), atol=0.05)
    np.testing.assert_allclose(box(scan), (-7.1, 9.5, -8.9, 9.0, 3.0, 10.4), atol=0.4)


def test_steps_are_read_by_their_number_not_by_their_place(data: Path) -> None:
    """The steps of this capture start at 6: taken by place, the phase runs backwards inside every half fringe."""
    _, scans = decode(data / "fringe" / "sphere-stereo")
    phase = next(iter(scans.values())).phases[0]
    rise = np.diff(phase.phase, axis=1)
    rise = rise[np.isfinite(rise)]
    assert np.mean(rise > 0) > 0.97
    assert np.mean(np.abs(rise) > 0.3 * 2 * np.pi) < 1e-3


def _fit_sphere(points: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    keep = np.ones(len(points), bool)
    centre, radius = np.zeros(3), 10.0
    for limit in (2.0, 0.5, 0.1, 0.1):
        p = points[keep]
        solution, *_ = np.linalg.lstsq(np.c_[2 * p, np.ones(len(p))], np.sum(p**2, axis=1), rcond=None)
        centre, radius = solution[:3], float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))
        keep = np.abs(np.linalg.norm(points - centre, axis=1) - radius) < limit
    return centre, radius, keep


@pytest.mark.parametrize(
    ("name", "low", "high", "corners", "tolerance"),
    [
        ("skull-projector", 300_000, 420_000, (-48.0, 49.0, -82.1, 83.1, -3.7, 51.9), 1.5),
        ("eye-projector", 195_000, 225_000, (-97.0, 96.7, -90.2, 89.0, -38.0, 40.9), 1.5),
    ],
)
def test_one_camera_with_a_projector(
    data: Path, name: str, low: int, high: int, corners: tuple[float, ...], tolerance: float
) -> None:
    _, scans = decode(data / "fringe" / name)
    (scan,) = scans.values()
    assert low <= len(scan.cloud) <= high
    np.testing.assert_allclose(box(scan), corners, atol=tolerance)


def _errors(folder: Path, bundle: CaptureBundle, group: str, scan: GroupScan) -> ScanErrors:
    return measure(folder / "truth", bundle.group(group).model(), scan)


@pytest.mark.parametrize("group", GROUPS)
def test_measured_points_are_where_the_surface_is(
    data: Path, simulated: tuple[CaptureBundle, dict[str, GroupScan]], group: str
) -> None:
    bundle, scans = simulated
    errors = _errors(data / "fringe" / "sim-a", bundle, group, scans[group])
    e = errors.error[errors.front] * 1000
    robust = 1.4826 * np.median(np.abs(e - np.median(e)))
    normalised = errors.error[errors.front] / errors.sigma[errors.front]
    print(
        f"\n{group}: bias {np.median(e):.1f} um, robust {robust:.1f}, mean {np.mean(np.abs(e)):.1f}, "
        f"p95 {np.percentile(np.abs(e), 95):.1f}"
    )
    count = {"left": 346_321, "middle": 290_334, "right": 370_085}[group]
    assert abs(len(scans[group].cloud) / count - 1) < 0.05
    assert abs(np.median(e)) < 3
    assert 27 < robust < 38
    assert np.mean(np.abs(e)) < 32
    assert np.percentile(np.abs(e), 95) < 80
    assert 0.9 < 1.4826 * np.median(np.abs(normalised - np.median(normalised))) < 1.1
    assert np.mean(np.abs(errors.error) > 0.5) < 0.005


@pytest.mark.parametrize("group", GROUPS)
def test_fitted_points_are_less_noisy_and_hardly_biased(
    data: Path, simulated_smooth: tuple[CaptureBundle, dict[str, GroupScan]], group: str
) -> None:
    bundle, scans = simulated_smooth
    errors = _errors(data / "fringe" / "sim-a", bundle, group, scans[group])
    e = errors.error[errors.front] * 1000
    assert abs(np.median(e)) < 6
    assert 1.4826 * np.median(np.abs(e - np.median(e))) < 20
    assert np.mean(np.abs(e)) < 22
    assert np.percentile(np.abs(e), 95) < 58


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_seen_is_covered_and_normals_are_right(
    data: Path, simulated: tuple[CaptureBundle, dict[str, GroupScan]], group: str
) -> None:
    from faceapp.formats.ply import read_ply

    _, scans = simulated
    cloud = scans[group].cloud
    truth = read_ply(data / "fringe" / "sim-a" / "truth" / f"{group}.ply")
    points, normals = truth.columns("x", "y", "z"), truth.columns("nx", "ny", "nz")
    assert points is not None and normals is not None
    distance, nearest = cKDTree(cloud.points).query(points)
    covered = distance < 0.7
    assert covered.mean() > (0.94 if group == "middle" else 0.96)
    assert covered[truth.vertex["cos"] > 0.5].mean() > 0.995
    cosine = np.einsum("nd,nd->n", normals, cloud.normals[nearest])[covered & (truth.vertex["cos"] > 0.5)]
    angles = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    assert np.median(angles) < 2.0
    assert np.percentile(angles, 95) < 5.0


def test_a_residual_that_may_be_the_projector_s_is_not_taken_for_motion(data: Path) -> None:
    """The noise of this capture is not stated, and its three steps leave a residual of their own."""
    bundle = read_bundle(data / "fringe" / "skull-projector")
    clouds = [
        next(
            iter(decode_bundle(bundle, DecodeSettings(compensate_motion=wanted), depth_images=False).scans.values())
        ).cloud
        for wanted in (False, True)
    ]
    np.testing.assert_array_equal(clouds[0].points, clouds[1].points)
