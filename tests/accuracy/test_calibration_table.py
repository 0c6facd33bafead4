"""Calibration of the simulated rig from its own rendered pictures.

``pytest -m figures -s tests/accuracy/test_calibration_table.py`` prints the table of ten rigs with 40 poses each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.calibration.checking import check_rig
from faceapp.calibration.projection import LENS_TERMS
from faceapp.calibration.quality import epipolar_px, pairs_of, triangulate
from faceapp.calibration.rotations import angle_between
from faceapp.calibration.solving import Solution, head_points, solve_rig
from faceapp.calibration.starting import lens_of
from faceapp.calibration.target import BoardTarget
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.formats.ply import read_mesh
from faceapp.fringe.decode import decode_group
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.rigid import align_pairs
from faceapp_hardware.simulated.assembly import Knock, knocked
from tests.accuracy.calibration_pictures import BuiltRig, board_views, built_rig

CHECK = range(200, 203)


@dataclass(frozen=True)
class Errors:
    """Of a recovered calibration, against the truth."""

    focal: float
    epipolar_px: float
    head_mm: float
    rotation_deg: float
    in_deviations: float
    bow_um: float


def errors_of(built: BuiltRig, solution: Solution) -> Errors:
    """Points of a head, seen by the true cameras, triangulated by the recovered ones and laid onto the middle group."""
    points = head_points(20.0)
    true = {c.name: c for c in built.rig.cameras}
    focal = max(abs(solution.cameras[n].K[0, 0] / true[n].K[0, 0] - 1) for n in true)
    group_of = {s.name: s.group for s in built.seats}
    found, epipolar = {}, []
    for a, b in pairs_of(built.seats):
        seen = true[a].project(points)[0], true[b].project(points)[0]
        epipolar.append(epipolar_px(solution.cameras[a], solution.cameras[b], *seen))
        found[group_of[a]] = triangulate((solution.cameras[a], solution.cameras[b]), seen)
    middle = align_pairs(found["middle"], points).rigid
    distances = [np.linalg.norm(middle.apply(where) - points, axis=1) for where in found.values()]
    turns = [float(angle_between(middle.rotation, align_pairs(w, points).rigid.rotation)) for w in found.values()]
    deviations, _ = solution.adjustment.deviations()
    lens = np.stack([lens_of(true[s.name]) for s in solution.seats])
    off = (solution.adjustment.state.lens - lens) / np.where(
        deviations[:, :LENS_TERMS] > 0, deviations[:, :LENS_TERMS], np.inf
    )
    bow = built.target.bow_mm(solution.adjustment.state.shape) - built.bow_mm
    # k3 has a prior about 0, where it truly is: it says nothing of the pictures.
    return Errors(
        focal,
        float(np.percentile(np.concatenate(epipolar), 95)),
        float(np.percentile(np.concatenate(distances), 95)),
        float(np.degrees(max(turns))),
        float(np.sqrt((off[:, [0, 2, 3, 4, 5, 6, 7]] ** 2).mean())),
        1000 * abs(bow),
    )


def test_rig_from_twelve_poses_of_a_bowed_board() -> None:
    """Bounds of 40 poses, times the root of 40 / 12."""
    built = built_rig(1, 0.1)
    solution = solve_rig(board_views(built, range(12)), built.target, built.seats)
    errors, more = errors_of(built, solution), (40 / 12) ** 0.5
    assert errors.focal <= 0.0005 * more
    assert errors.epipolar_px <= 0.05 * more
    assert errors.head_mm <= 0.03 * more
    assert errors.rotation_deg <= 0.005 * more
    assert errors.bow_um <= 5.0
    assert 0.6 <= errors.in_deviations <= 1.5


@pytest.mark.figures
def test_ten_rigs() -> None:
    rows, z = [], []
    for seed in range(1, 11):
        built = built_rig(seed, 0.1 if seed % 2 else 0.0)
        solution = solve_rig(board_views(built, range(40)), built.target, built.seats)
        errors = errors_of(built, solution)
        rows.append(errors)
        z.append(errors.in_deviations)
        _check_faults(built, solution)
        print(
            f"rig {seed:2}  bow {built.bow_mm:.1f} mm  focal {errors.focal:.4%}  epipolar {errors.epipolar_px:.4f} px  "
            f"head {errors.head_mm:.4f} mm  rotation {errors.rotation_deg:.4f} deg  in deviations "
            f"{errors.in_deviations:.2f}  bow off by {errors.bow_um:.2f} um",
            flush=True,
        )
    assert max(e.focal for e in rows) <= 0.0005
    assert max(e.epipolar_px for e in rows) <= 0.05
    assert max(e.head_mm for e in rows) <= 0.03
    assert max(e.rotation_deg for e in rows) <= 0.005
    assert 0.8 <= float(np.sqrt(np.mean(np.square(z)))) <= 1.25


@pytest.mark.figures
@pytest.mark.parametrize("seed", [1, 4])
def test_scans_are_as_good_as_with_the_truth(seed: int, tmp_path: Path) -> None:
    """A head before a rig as it was built, decoded with the true and with the recovered calibration."""
    built = built_rig(seed, 0.1)
    solution = solve_rig(board_views(built, range(40)), built.target, built.seats)
    groups: list[GroupCapture] = []
    devices = connect_described_rig("simulated", {"seed": seed, "assembly": seed})
    try:
        devices.prepare("S0001", "neutral", 1)
        CaptureEngine(devices).capture(CapturePlan(), groups.append)
        devices.write_truth(tmp_path)
    finally:
        devices.close()
    surface = read_mesh(tmp_path / "surface.ply")
    tree = SurfaceTree(surface.vertices, surface.faces)
    points = head_points(20.0)
    pair = [built.rig.camera(f"middle-ir-{i}") for i in (1, 2)]
    seen = [c.project(points)[0] for c in pair]
    middle = align_pairs(triangulate([solution.cameras[c.name] for c in pair], seen), points).rigid
    true = {c.name: c for c in built.rig.cameras}
    recovered = {n: replace(c, rig_from_camera=middle @ c.rig_from_camera) for n, c in solution.cameras.items()}
    errors = {}
    for name, cameras in (("true", true), ("recovered", recovered)):
        for group in groups:
            models = tuple(replace(cameras[c.name], sensor=c.sensor) for c in group.group.infrared)
            known = replace(group.group, infrared=models, rgb=None)
            scan = decode_group(known, dict(group.stacks), dict.fromkeys(group.stacks, 255.0), None, depth_images=False)
            off = np.abs(tree.signed_distance(scan.cloud.points[::10], 2.0))
            off = off[np.isfinite(off)]
            errors[name, group.group.name] = float(off.mean()), float(np.percentile(off, 95))
            mean, p95 = errors[name, group.group.name]
            print(f"rig {seed}, {name:9} {group.group.name:6}: mean {mean:.4f} mm, p95 {p95:.4f} mm", flush=True)
    for group in groups:
        ours, best = errors["recovered", group.group.name], errors["true", group.group.name]
        assert ours[0] <= 1.1 * best[0]
        assert ours[1] <= 1.1 * best[1]


def _check_faults(built: BuiltRig, solution: Solution) -> None:
    """A knock of 0.05 degree about each axis of one camera, a swapped cable and a wrong board are found and named."""
    sigma = {s.name: float(x) for s, x in zip(solution.seats, solution.adjustment.sigma_px, strict=True)}
    shape = solution.adjustment.state.shape
    good = board_views(built, CHECK)

    def check(views, target=built.target):  # type: ignore[no-untyped-def]
        return check_rig(views, target, solution.cameras, shape, sigma)

    assert check(good).verdict == "good"
    seen = sorted({v.camera for v in good if v.is_good})
    camera = seen[built.seed % len(seen)]
    for axis in range(3):
        turn = [0.0, 0.0, 0.0]
        turn[axis] = 0.05 * (-1) ** (built.seed + axis)
        hit = knocked(built.rig, [Knock(camera, (turn[0], turn[1], turn[2]))])
        answer = check(board_views(built, CHECK, hit))
        assert (answer.verdict, answer.cameras) == ("moved", (camera,)), f"{camera} {turn}: {answer.text}"
    other = {seen[0]: seen[1], seen[1]: seen[0]}
    swapped = check([replace(v, camera=other.get(v.camera, v.camera)) for v in good])
    assert (swapped.verdict, set(swapped.cameras)) == ("swapped", set(other))
    wrong = check(good, BoardTarget(14, 11, 15.15))
    assert wrong.verdict == "board"
    assert wrong.square_mm == pytest.approx(15.0, rel=1e-3)
