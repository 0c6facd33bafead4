"""What acts on many points promise: curves, refit, mirror, five clicks, undo as one act, the same on a scan alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceapp.app import landmark_edits as edits
from faceapp.app.annotating import AnnotationSession
from faceapp.app.annotation_data import AnnotationData
from faceapp.app.sample_views import AnnotationView
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy, Visibility
from faceapp.core.mesh import Mesh
from faceapp.formats.landmark_files import read_landmarks
from faceapp.landmarks.curves import along_stroke, curve_through, even_spacing, path_of, paths_of, slide
from faceapp.landmarks.history import SCAN, LandmarkJournal
from faceapp.landmarks.refit import face_size, refit
from faceapp.landmarks.scheme import load_scheme
from faceapp.landmarks.spline import FIVE_POINTS, shape_on_clicks
from faceapp.landmarks.symmetry import mirror_targets

SIZE = (900, 900)
SCHEME = load_scheme()
FACE = SCHEME.mean_shape * 300 + 440
MOUTH_CORNERS = (84, 90)


def photograph(folder: Path, guess: np.ndarray | None = None, sigma: np.ndarray | None = None) -> AnnotationSession:
    """One picture without a camera, prefilled with the mean shape."""
    marks = Landmarks2D(
        points=FACE if guess is None else guess,
        placed_by=(PlacedBy.PREFILL,) * 106,
        view="front",
        image_size=SIZE,
        sigma=sigma,
    )
    view = AnnotationView("front", "front", np.zeros((SIZE[1], SIZE[0], 3), np.uint8), None)
    return AnnotationSession(folder / "AB", "AB", AnnotationData((view,), prefill={"front": marks}))


def test_paths_are_the_curves_of_the_groups() -> None:
    paths = paths_of(SCHEME)
    assert [p.indices for p in paths if not p.closed] == [tuple(range(33)), (51, 52, 53, 54), tuple(range(55, 66))]
    mouth = path_of(SCHEME, 86)
    assert mouth is not None
    assert set(MOUTH_CORNERS) <= mouth.corners
    assert mouth.pieces()[0] == tuple(range(84, 91))
    assert path_of(SCHEME, 104) is None


def test_even_spacing_leaves_the_curve_and_its_corners() -> None:
    t = np.linspace(0, np.pi, 33) ** 1.3 / np.pi**0.3
    points = np.full((106, 2), np.nan)
    points[:33] = 200 * np.column_stack([-np.cos(t), np.sin(t)])
    contour = path_of(SCHEME, 5)
    assert contour is not None
    moved = even_spacing(points, contour, fixed=[7])
    assert 0 not in moved and 7 not in moved and 16 not in moved
    after = points.copy()
    after[list(moved)] = list(moved.values())
    np.testing.assert_allclose(np.linalg.norm(after[:33], axis=1), 200, atol=0.4)  # still on the circle
    steps = np.linalg.norm(np.diff(after[:33], axis=0), axis=1)
    for part in (steps[:7], steps[7:16], steps[16:]):
        np.testing.assert_allclose(part, part.mean(), rtol=0.02)


def test_a_sliding_point_stays_on_its_curve_between_its_neighbours() -> None:
    t = np.linspace(0, np.pi, 33)
    points = np.full((106, 2), np.nan)
    points[:33] = 200 * np.column_stack([-np.cos(t), np.sin(t)])
    contour = path_of(SCHEME, 10)
    assert contour is not None
    at = slide(points, contour, 10, 1.2 * points[10] + (3, 0))
    assert np.linalg.norm(at) == pytest.approx(200, abs=0.3)
    far = slide(points, contour, 10, points[20])
    np.testing.assert_allclose(far, points[11], atol=0.5)


def test_a_stroke_takes_the_points_between_its_ends() -> None:
    contour = path_of(SCHEME, 10)
    assert contour is not None
    stroke = curve_through(FACE[4:13]) + np.array([6.0, 0.0])
    moved = along_stroke(FACE, contour, stroke, locked=[6])
    assert set(moved) == {4, 5, 7, 8, 9, 10, 11, 12}
    for i, at in moved.items():
        assert np.linalg.norm(stroke - at, axis=1).min() < 1.5, i
    assert along_stroke(FACE, contour, stroke[:1]) == {}


def test_refit_pins_what_a_person_placed_and_takes_the_rest_along() -> None:
    truth = FACE * 1.08 + (14, -9)
    pinned = np.full((106, 2), np.nan)
    for i in (0, 16, 32, 33, 46, 66, 79, 54, 60, 84, 90, 87, 93):
        pinned[i] = truth[i]
    after = refit(SCHEME, FACE, pinned).points
    np.testing.assert_allclose(after[84], truth[84])
    before = np.linalg.norm(FACE - truth, axis=1).mean()
    assert np.linalg.norm(after - truth, axis=1).mean() < 0.1 * before


def test_refit_moves_certain_points_less() -> None:
    pinned = np.full((106, 2), np.nan)
    pinned[84] = FACE[84] + (12, 0)
    sigma = np.full(106, 6.0)
    sigma[85] = 0.5
    after = refit(SCHEME, FACE, pinned, sigma).points
    assert after[85, 0] - FACE[85, 0] < 0.4 * (after[95, 0] - FACE[95, 0])
    assert np.abs(after[35] - FACE[35]).max() < 5  # a brow does not follow a mouth corner


def test_the_size_of_a_face_is_its_outer_eye_distance() -> None:
    assert face_size(SCHEME, FACE) == pytest.approx(300)


def test_five_clicks_bend_the_mean_shape() -> None:
    clicks = FACE[list(FIVE_POINTS)] + np.array([[0, 0], [5, 2], [0, 4], [-3, 0], [4, 1]])
    shape = shape_on_clicks(SCHEME, clicks)
    np.testing.assert_allclose(shape[list(FIVE_POINTS)], clicks, atol=1e-6)
    assert np.linalg.norm(shape - FACE, axis=1).max() < 25
    with pytest.raises(UsageError, match="on a line"):
        shape_on_clicks(SCHEME, [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]])


def test_five_clicks_pin_five_points_in_one_act(tmp_path: Path) -> None:
    session = photograph(tmp_path, FACE + 80)
    edits.place_five(session, "front", FACE[list(FIVE_POINTS)])
    marks = session.landmarks("front")
    np.testing.assert_allclose(marks.points, FACE, atol=0.01)
    assert session.done_count("front") == 5
    assert marks.placed_by[10] is PlacedBy.PREFILL
    assert session.undo()
    np.testing.assert_allclose(session.landmarks("front").points, FACE + 80)
    assert not session.can_undo


def test_refit_is_one_act_and_moves_no_pinned_point(tmp_path: Path) -> None:
    session = photograph(tmp_path)
    with pytest.raises(UsageError, match="place a few points"):
        edits.refit_untouched(session)
    session.place("front", 84, *(FACE[84] + (12, 6)))
    session.place("front", 33, *FACE[33])
    assert 90 < edits.refit_untouched(session) <= 104  # those that would stay are left
    marks = session.landmarks("front")
    np.testing.assert_allclose(marks.points[84], FACE[84] + (12, 6), atol=1e-3)
    np.testing.assert_allclose(marks.points[33], FACE[33], atol=1e-3)
    assert marks.placed_by[85] is PlacedBy.PREFILL
    assert marks.points[85, 0] > FACE[85, 0] + 2
    again = session.landmarks("front").points.copy()
    edits.refit_untouched(session)
    np.testing.assert_allclose(session.landmarks("front").points, again, atol=2e-3)  # a second one changes nothing
    session.undo()
    session.undo()
    np.testing.assert_allclose(session.landmarks("front").points[85], FACE[85])


def test_mirror_takes_the_other_sides_brow(tmp_path: Path) -> None:
    bent = FACE.copy()
    bent[33:42] += (20, 10)
    session = photograph(tmp_path, bent)
    assert edits.mirror(session, "front", 35) == mirror_targets(SCHEME, 35)
    np.testing.assert_allclose(session.landmarks("front").points[33:42], FACE[33:42], atol=0.5)
    with pytest.raises(UsageError, match="middle of the face"):
        edits.mirror(session, "front", 54)


def test_symmetric_editing_moves_the_partner_the_other_way(tmp_path: Path) -> None:
    session = photograph(tmp_path)
    edits.place_symmetric(session, "front", 84, FACE[84, 0] - 8, FACE[84, 1] + 4)
    moved = session.landmarks("front").points - FACE
    np.testing.assert_allclose(moved[84], (-8, 4), atol=1e-3)
    np.testing.assert_allclose(moved[90], (8, 4), atol=0.05)
    session.undo()
    np.testing.assert_allclose(session.landmarks("front").points, FACE)


def test_linked_points_go_together_until_they_are_unlinked(tmp_path: Path) -> None:
    session = photograph(tmp_path)
    session.place("front", 74, 300.0, 310.0)
    np.testing.assert_allclose(session.landmarks("front").points[104], (300, 310))
    session.linked = False
    session.place("front", 104, 305.0, 310.0)
    np.testing.assert_allclose(session.landmarks("front").points[74], (300, 310))


def test_a_locked_point_stays_whatever_is_done(tmp_path: Path) -> None:
    session = photograph(tmp_path)
    session.set_locked("front", 5, True)
    with pytest.raises(DataError, match="locked"):
        session.place("front", 5, 10.0, 10.0)
    edits.space_evenly(session, "front", 8)
    np.testing.assert_allclose(session.landmarks("front").points[5], FACE[5], atol=1e-3)
    again = photograph(tmp_path)  # after a restart too
    assert again.is_locked("front", 5)
    again.set_locked("front", 5, False)
    again.place("front", 5, 10.0, 10.0)
    np.testing.assert_allclose(again.landmarks("front").points[5], (10, 10))


def test_the_files_say_what_undo_left(tmp_path: Path) -> None:
    session = photograph(tmp_path)
    session.place("front", 84, *(FACE[84] + 5))
    edits.draw_curve(session, "front", 10, FACE[4:13] + np.array([6, 0]))
    edits.mirror(session, "front", 84)
    for _ in range(4):
        session.close()
        written = read_landmarks(session.folder / "front.json")
        shown = session.landmarks("front")
        np.testing.assert_allclose(written.points, shown.points, atol=1e-3)
        assert written.placed_by == shown.placed_by
        assert written.revision == shown.revision
        session.undo()


def test_sigma_goes_where_a_person_placed(tmp_path: Path) -> None:
    session = photograph(tmp_path, sigma=np.full(106, 4.0))
    session.place("front", 84, *FACE[84])
    sigma = session.landmarks("front").sigma
    assert sigma is not None
    assert np.isnan(sigma[84])
    assert sigma[85] == 4


def plate() -> tuple[Mesh, np.ndarray]:
    x, y = np.meshgrid(np.arange(-150, 151, 3.0), np.arange(-150, 151, 3.0))
    mesh_points = np.stack([x, y, 60 - (x**2 + y**2) / 400], axis=-1).reshape(-1, 3)
    n = x.shape[1]
    a = (np.arange(x.shape[0] - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + n + 1], 1), np.stack([a, a + n + 1, a + n], 1)])
    marks = np.column_stack([SCHEME.mean_shape * (90, -90), np.zeros(106)])
    marks[:, 2] = 60 - (marks[:, 0] ** 2 + marks[:, 1] ** 2) / 400
    return Mesh(mesh_points.astype(np.float32), faces.astype(np.int32)), marks


def test_a_scan_without_pictures_is_annotated_in_space(tmp_path: Path) -> None:
    mesh, marks = plate()
    guess = Landmarks3D(points=marks, placed_by=(PlacedBy.PREFILL,) * 106)
    session = AnnotationSession(tmp_path / "AB", "AB", AnnotationData((), mesh=mesh, scan_prefill=guess))
    session.place_on_scan(84, session.onto_scan(marks[84] + np.array([3, 0, 0]))[0])
    assert session.landmarks_3d.placed_by[84] is PlacedBy.PERSON
    edits.refit_untouched(session)
    moved = session.landmarks_3d.points
    assert moved[85, 0] > marks[85, 0] + 0.5
    height = 60 - (moved[:, 0] ** 2 + moved[:, 1] ** 2) / 400
    np.testing.assert_allclose(moved[:, 2], height, atol=0.05)  # all on the surface
    edits.space_evenly(session, SCAN, 10)
    edits.mirror(session, SCAN, 84)
    session.close()
    assert read_landmarks(session.folder / "landmarks3d.json").revision == 4
    for _ in range(4):
        assert session.undo()
    np.testing.assert_allclose(session.landmarks_3d.points, marks, atol=1e-9)


def test_acts_of_an_older_version_are_read(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    line = '{"act": "place", "view": "front", "point": 3, "position": [10.0, 1.0], "visibility": "occluded"}\n'
    file.write_text(line + '{"act": "undo"}\n{"act": "redo"}\n')
    state = LandmarkJournal(file).state["front", 3]
    assert state is not None
    assert (state.position, state.visibility, state.by) == ((10.0, 1.0), Visibility.OCCLUDED, PlacedBy.PERSON)
