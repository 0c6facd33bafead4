"""Calibration in small: derivatives, refusals with reasons, links, board, guidance, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceapp.app.calibration_use import age_days, calibration_state, rig_of_calibration, use_calibration
from faceapp.calibration.board_pdf import board_pdf
from faceapp.calibration.checking import check_rig
from faceapp.calibration.coverage import coverage_of, links_between, next_pose, tilt_of
from faceapp.calibration.detection import BoardDetector
from faceapp.calibration.observations import BoardView, seat_of
from faceapp.calibration.projection import State, project, project_with_derivatives
from faceapp.calibration.rotations import rotation_of, vector_of
from faceapp.calibration.solving import scale_against, solve_rig
from faceapp.calibration.starting import corners_of, lens_of
from faceapp.calibration.target import BoardTarget
from faceapp.calibration.wiring import swapped_cables
from faceapp.core.errors import DataError, UsageError
from faceapp.core.rig import Rig
from faceapp.formats.calibration_files import CalibrationFile, read_calibration, write_calibration
from faceapp.store.project import Project
from faceapp_hardware.simulated.assembly import Knock, assembled, knocked
from faceapp_hardware.simulated.boards import PlacedBoard, blurred, board_pose, bowed, print_seen, window_of
from faceapp_hardware.simulated.description import default_rig_file, read_rig_description

TARGET = BoardTarget()
SEEN_TO_DEG = 65.0


def drawn() -> Rig:
    return read_rig_description(default_rig_file()).rig


def made_views(rig: Rig, numbers: range, *, noise: float = 0.05, target: BoardTarget = TARGET) -> list[BoardView]:
    """Corners as a detector would find them, of the seeded poses; a board bowed by 0.1 mm."""
    rng = np.random.default_rng(3)
    found = []
    for number in numbers:
        board = PlacedBoard(target, board_pose(4, number), bowed(target, 0.1, 4))
        points = board.surface_points(target.corners()[:, :2])
        for camera in rig.cameras:
            way = camera.centre - board.rig_from_board.translation
            facing = -(way / np.linalg.norm(way)) @ board.rig_from_board.rotation[:, 2]
            pixels = camera.project(points)[0] + noise * rng.standard_normal((len(points), 2))
            inside = (pixels > 3).all(axis=1) & (pixels < [camera.width - 4, camera.height - 4]).all(axis=1)
            if facing > np.cos(np.radians(SEEN_TO_DEG)) and inside.sum() > 20:
                ids = np.flatnonzero(inside)
                found.append(BoardView(camera.name, number, (camera.width, camera.height), ids, pixels[inside]))
    return found


def board_picture(number: int = 0) -> np.ndarray:
    camera = drawn().camera("middle-ir-1")
    board = PlacedBoard(TARGET, board_pose(1, number))
    left, top, width, height = window_of(camera, board)
    picture = np.zeros((camera.height, camera.width), np.float32)
    seen = print_seen(camera, board, (left, top, width, height))[0]
    picture[top : top + height, left : left + width] = seen
    noise = np.random.default_rng(0).normal(0, 1.5, picture.shape)
    return np.clip(blurred(picture, 0.5) * 200 + noise, 0, 255).astype(np.uint8)


def test_rotation_vectors_go_there_and_back() -> None:
    for vector in ([0, 0, 0], [0.3, -0.2, 0.1], [1e-9, 0, 0], [np.pi - 1e-9, 0, 0], [0, 2.0, 1.0]):
        np.testing.assert_allclose(rotation_of(vector_of(rotation_of(vector))), rotation_of(vector), atol=1e-7)


def test_derivatives_are_those_of_the_projection() -> None:
    rng = np.random.default_rng(0)
    rig = assembled(drawn(), 1)
    views = made_views(rig, range(2))
    names, poses = [c.name for c in rig.cameras], [0, 1]
    corners = corners_of(views, names, poses, TARGET)
    inverse = [c.rig_from_camera.inverse() for c in rig.cameras]
    placed = [board_pose(4, n) for n in poses]
    state = State(
        np.stack([lens_of(c) for c in rig.cameras]),
        np.stack([p.rotation for p in inverse]),
        np.stack([p.translation for p in inverse]),
        np.stack([p.rotation for p in placed]),
        np.stack([p.translation for p in placed]),
        0.05 * rng.standard_normal(7),
    )
    _, slopes = project_with_derivatives(state, corners)
    step = 1e-6
    for k in range(slopes.shape[2]):
        moves = np.zeros((len(names), 15)), np.zeros((2, 6)), np.zeros(7)
        if k < 15:
            moves[0][:, k] = step
        elif k < 21:
            moves[1][:, k - 15] = step
        else:
            moves[2][k - 21] = step
        ahead = project(state.moved(*moves), corners)
        back = project(state.moved(*(-m for m in moves)), corners)
        expected = (ahead - back) / (2 * step)
        np.testing.assert_allclose(slopes[:, :, k], expected, atol=1e-4 * max(np.abs(expected).max(), 1))


def test_a_rig_is_found_though_some_corners_are_wrong() -> None:
    rig = assembled(drawn(), 5)
    views = made_views(rig, range(16))
    spoiled = []
    for i, view in enumerate(views):
        pixels = view.pixels.copy()
        if i % 3 == 0:
            pixels[::9] += 6.0
        spoiled.append(replace(view, pixels=pixels))
    solution = solve_rig(spoiled, TARGET, [seat_of(c.name) for c in rig.cameras])
    for camera in rig.cameras:
        assert solution.cameras[camera.name].K[0, 0] == pytest.approx(camera.K[0, 0], rel=5e-4)
    assert TARGET.bow_mm(solution.adjustment.state.shape) == pytest.approx(0.1, abs=0.005)
    assert 0.02 < 1 - solution.adjustment.used.mean() < 0.06
    middle = solution.cameras["middle-ir-1"].centre
    assert np.linalg.norm(middle - rig.camera("middle-ir-1").centre) < 20  # the frame stands where the rig's stood


def test_groups_that_no_pose_joins_are_named() -> None:
    rig = drawn()
    views = made_views(rig, range(24))
    alone = [v for v in views if (v.camera.startswith("left")) == (v.pose % 8 == 2)]
    seats = [seat_of(c.name) for c in rig.cameras]
    with pytest.raises(DataError, match="show the board between left and middle"):
        solve_rig(alone, TARGET, seats)
    with pytest.raises(DataError, match="left-rgb saw no board"):
        solve_rig([v for v in views if v.camera != "left-rgb"], TARGET, seats)


def test_cables_exchanged_before_a_calibration_are_named() -> None:
    rig, built = drawn(), assembled(drawn(), 3)
    cameras = {c.name: c for c in built.cameras}
    assert swapped_cables(cameras, rig) is None
    for a, b in (("middle-ir-1", "middle-ir-2"), ("left-rgb", "right-rgb")):
        swapped = {**cameras, a: cameras[b], b: cameras[a]}
        assert set(swapped_cables(swapped, rig) or ()) == {a, b}


def test_another_size_of_squares_shows_in_the_distances() -> None:
    rig = drawn()
    seats = [seat_of(c.name) for c in rig.cameras]
    solution = solve_rig(made_views(rig, range(16)), BoardTarget(14, 11, 15.3), seats)
    assert scale_against(solution, rig) == pytest.approx(1.02, abs=5e-4)


@pytest.mark.parametrize("turn", [(0.05, 0, 0), (0, -0.05, 0), (0, 0, 0.05)])
def test_a_knocked_camera_is_named(turn: tuple[float, float, float]) -> None:
    rig, camera = drawn(), "left-rgb"
    shape = bowed(TARGET, 0.1, 4)
    cameras = {c.name: c for c in rig.cameras}
    sigma = dict.fromkeys(cameras, 0.05)
    hit = knocked(rig, [Knock(camera, turn)])
    answer = check_rig(made_views(hit, range(1, 4)), TARGET, cameras, shape, sigma)
    assert (answer.verdict, answer.cameras) == ("moved", (camera,))
    assert answer.suspects[0].turn_deg == pytest.approx(0.05, abs=0.03)


def test_swapped_cables_and_a_wrong_board_are_named() -> None:
    rig = drawn()
    shape, cameras = bowed(TARGET, 0.1, 4), {c.name: c for c in rig.cameras}
    views = made_views(rig, range(1, 4))
    assert check_rig(views, TARGET, cameras, shape).is_good
    other = {"left-ir-1": "left-ir-2", "left-ir-2": "left-ir-1"}
    answer = check_rig([replace(v, camera=other.get(v.camera, v.camera)) for v in views], TARGET, cameras, shape)
    assert (answer.verdict, set(answer.cameras)) == ("swapped", set(other))
    answer = check_rig(views, BoardTarget(14, 11, 15.2), cameras, shape)
    assert answer.verdict == "board"
    assert answer.square_mm == pytest.approx(15.0, abs=0.01)


def test_pictures_are_refused_with_the_reason() -> None:
    detector, good = BoardDetector(TARGET), board_picture()
    assert detector.find("c", 1, good).refusal == ""
    assert len(detector.find("c", 1, good)) == TARGET.corner_count
    motion = cv2.filter2D(good, -1, np.full((1, 9), 1 / 9, np.float32))
    assert detector.find("c", 1, motion).refusal.startswith("blurred")
    twice = (good.astype(np.float32) / 2 + np.roll(good, 2, axis=1) / 2).astype(np.uint8)
    assert detector.find("c", 1, twice).refusal.startswith("doubled")
    torn = good.copy()
    torn[500:] = np.roll(good, 4, axis=1)[500:]
    assert detector.find("c", 1, torn).refusal.startswith("torn")
    cut = good.copy()
    cut[:, 300:] = 0
    assert detector.find("c", 1, cut).refusal.startswith("cut")
    assert detector.find("c", 1, np.zeros_like(good)).refusal == "no board in the picture"
    other = BoardDetector(BoardTarget(12, 9, 15)).find("c", 1, good)
    assert other.refusal


def test_guidance_asks_for_links_then_tilt_then_area() -> None:
    rig = drawn()
    seats = [seat_of(c.name) for c in rig.cameras]
    asked = next_pose([], TARGET, seats)
    assert asked is not None
    assert asked.groups == ("left",)
    views = made_views(rig, range(40))
    facing = [v for v in views if v.camera.split("-")[0] == {0: "middle", 2: "left", 6: "right"}.get(v.pose % 8)]
    asked = next_pose(facing, TARGET, seats)
    assert asked is not None
    assert set(asked.groups) == {"left", "middle"}
    assert min(links_between(views, seats).values()) >= 4
    covered = coverage_of(views, TARGET, "middle-ir-1")
    assert covered.views > 10
    assert 0.3 < covered.share <= 1
    later = next_pose(views, TARGET, seats)
    assert later is None or len(later.groups) == 1


def test_tilt_is_read_from_a_picture() -> None:
    camera = drawn().camera("middle-rgb")
    for turn, direction in (((0, -30, 0), 0.0), ((0, 30, 0), 180.0), ((30, 0, 0), 90.0)):
        flat = TARGET.corners() @ rotation_of(np.radians(turn)).T + (0, 0, 700)
        pixels, _ = camera.project(camera.rig_from_camera.apply(flat))
        view = BoardView("c", 1, (1280, 1024), np.arange(len(flat)), pixels)
        tilt, way = tilt_of(view, TARGET)
        assert tilt == pytest.approx(30, abs=2)
        assert abs((way - direction + 180) % 360 - 180) < 5


def test_board_as_pdf_is_in_true_size() -> None:
    data = board_pdf(TARGET, "A4")
    assert data.startswith(b"%PDF-1.4")
    assert b"/MediaBox [0 0 841.8898 595.2756]" in data  # A4 across
    with pytest.raises(UsageError, match="--paper A3"):
        board_pdf(BoardTarget(14, 11, 22), "A4")
    measured = TARGET.with_measured(210.42, 164.9)
    assert measured.square_mm == pytest.approx(15.03)
    assert measured.size_mm == pytest.approx((210.42, 164.9))
    with pytest.raises(DataError, match="measured"):
        TARGET.with_measured(180, 165)


def test_a_project_uses_a_calibration_and_says_how_old_it_is(tmp_path: Path) -> None:
    rig = drawn()
    file = CalibrationFile("c-1", "2026-03-01T10:00:00Z", "MH", "rig", {c.name: c for c in rig.cameras})
    assert [g.name for g in rig_of_calibration(file).groups] == ["left", "middle", "right"]
    with Project.create(tmp_path / "p", rig="simulated") as project:
        assert calibration_state(project).level == "doubtful"
        place = project.folder / "calibrations" / "rig" / "x" / "calibration.json"
        write_calibration(place, file)
        use_calibration(project, place)
        assert project.settings["calibration"] == "calibrations/rig/x/calibration.json"
        back = read_calibration(place)
        np.testing.assert_allclose(back.cameras["left-rgb"].K, rig.camera("left-rgb").K)
        assert back.of_rig(rig).calibration_id == "c-1"
        import datetime

        now = datetime.datetime(2026, 3, 11, 10, tzinfo=datetime.UTC)
        assert age_days(back, now) == pytest.approx(10)
        assert calibration_state(project, now).level == "doubtful"
        assert "10 days" in calibration_state(project, now).text
