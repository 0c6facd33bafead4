"""Landmarks: the scheme's laws, onto the scan and back, the journal through restarts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceapp.app.template import own_modes, own_template
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy, Visibility
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.landmarks.history import Act, LandmarkJournal
from faceapp.landmarks.lifting import Lifter, join_views, project_landmarks
from faceapp.landmarks.prefill import prefill_photograph, prefill_scan
from faceapp.landmarks.scheme import load_scheme
from faceapp.morphable.head import load_head, random_parameters

STAMP = {"by": "MH", "at": "2026-01-01T00:00:00Z"}


def test_the_mirror_is_its_own_inverse_and_maps_groups_to_groups() -> None:
    scheme = load_scheme()
    assert len(scheme) == 106
    np.testing.assert_array_equal(scheme.mirror[scheme.mirror], np.arange(106))
    for group in scheme.groups:
        other = {scheme.group_of(int(i)).name for i in scheme.mirror[list(group.indices)]}
        assert len(other) == 1
    for a, b in scheme.edges:
        assert scheme.group_of(int(a)) == scheme.group_of(int(b))


def front() -> CameraModel:
    k = np.array([[1000.0, 0, 319.5], [0, 1000.0, 239.5], [0, 0, 1]])
    pose = RigidTransform(np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, 700.0]))
    return CameraModel("front", 640, 480, k, np.zeros(5), pose)


def test_a_landmark_finds_the_vertex_whose_projection_is_nearest() -> None:
    points = np.random.default_rng(1).uniform(-80, 80, size=(5000, 3)) * (1, 0.7, 0.2)
    lifter, pixels = Lifter(points, front()), front().project(points)[0]
    for pixel in ((320, 240), (400.4, 200.2), (250.5, 300.9)):
        found = lifter.lift(pixel)
        assert found is not None
        assert found.vertex == np.linalg.norm(pixels - pixel, axis=1).argmin()


def test_a_landmark_off_the_scan_is_not_lifted() -> None:
    lifter = Lifter([[0.0, 0, 0]], front())
    assert lifter.lift((10.0, 10.0)) is None
    assert lifter.lift((np.nan, 10.0)) is None


def test_projection_sets_the_occlusion_flag_from_the_geometry() -> None:
    marks = Landmarks3D(points=np.array([[0.0, 0, 10], [0, 0, -60], [900, 0, 0]]))
    depth = np.full((480, 640), 690.0, np.float32)
    seen = project_landmarks(marks, front(), depth)
    assert seen.visibility == (Visibility.VISIBLE, Visibility.OCCLUDED, Visibility.OUTSIDE)


def test_joined_views_take_the_median_and_keep_who_placed() -> None:
    nothing = [np.nan] * 3
    views = {
        "a": Landmarks3D(points=np.array([[0.0, 0, 0], nothing]), placed_by=(PlacedBy.PREFILL,) * 2),
        "b": Landmarks3D(points=np.array([[1.0, 0, 0], nothing]), placed_by=(PlacedBy.PERSON,) * 2),
        "c": Landmarks3D(points=np.array([[9.0, 0, 0], nothing]), placed_by=(PlacedBy.PREFILL,) * 2),
    }
    joined = join_views(views)
    np.testing.assert_allclose(joined.points[0], (1, 0, 0))
    assert joined.placed_by[0] is PlacedBy.PERSON
    assert not joined.placed[1]


def test_a_person_in_one_view_is_not_outvoted_by_guesses_in_two() -> None:
    guess = Landmarks3D(points=np.array([[9.0, 0, 0]]), placed_by=(PlacedBy.PREFILL,))
    person = Landmarks3D(points=np.array([[1.0, 0, 0]]), placed_by=(PlacedBy.PERSON,))
    np.testing.assert_allclose(join_views({"a": guess, "b": person, "c": guess}).points[0], (1, 0, 0))


def _act(index: int, u: float) -> Act:
    return Act.of_point("front", index, (u, 1.0), Visibility.VISIBLE)


def test_undo_and_redo_go_through_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    journal = LandmarkJournal(file)
    journal.append(_act(3, 10.0), STAMP)
    journal.append(_act(3, 20.0), STAMP)
    journal.append(_act(4, 30.0), STAMP)
    assert journal.undo(STAMP) == _act(4, 30.0)
    again = LandmarkJournal(file)
    assert again.state == journal.state
    assert again.can_redo
    again.undo(STAMP)
    state = again.state["front", 3]
    assert state is not None
    assert state.position == (10.0, 1.0)
    assert LandmarkJournal(file).redo(STAMP) == _act(3, 20.0)
    assert again.undo(STAMP) is not None
    assert again.undo(STAMP) is None


def test_a_new_act_forgets_what_could_be_redone(tmp_path: Path) -> None:
    journal = LandmarkJournal(tmp_path / "journal.jsonl")
    journal.append(_act(1, 1.0), STAMP)
    journal.undo(STAMP)
    journal.append(_act(2, 2.0), STAMP)
    assert not journal.can_redo


def test_half_a_line_of_a_kill_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    LandmarkJournal(file).append(_act(1, 1.0), STAMP)
    with file.open("a") as stream:
        stream.write('{"act": "place", "view": "fro')
    again = LandmarkJournal(file)
    assert again.skipped == 1
    again.append(_act(2, 2.0), STAMP)
    assert set(LandmarkJournal(file).state) == {("front", 1), ("front", 2)}


def test_a_photograph_without_a_face_gets_the_mean_shape_in_its_middle() -> None:
    marks = prefill_photograph(np.full((300, 400, 3), 128, np.uint8), load_scheme(), "plain")
    assert marks.placed.all()
    np.testing.assert_allclose(marks.points.mean(axis=0), (200, 150), atol=60)


def test_the_mean_shape_sits_in_the_faces_of_photographs(data: Path) -> None:
    """Against a detector's points (not truth): the eyes' centres within a quarter of their distance."""
    import json

    from faceapp.formats.images import read_image

    reference = json.loads((data / "photos" / "reference_points.json").read_text())["pictures"]
    for name in ("astronaut.png", "portrait_047.jpg", "portrait_057.jpg"):
        marks: Landmarks2D = prefill_photograph(read_image(data / "photos" / name), load_scheme())
        points = np.array(reference[name]["dlib68"])
        right, left = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
        apart = np.linalg.norm(left - right)
        assert np.linalg.norm(marks.points[74] - right) < 0.25 * apart, name
        assert np.linalg.norm(marks.points[83] - left) < 0.25 * apart, name


def test_the_face_is_found_in_a_scan_however_it_is_turned_and_not_in_a_ball() -> None:
    head = load_head(2).shape(random_parameters(4), "neutral")
    scan, template = head.skin, own_template()
    normals = scan.vertex_normals()
    for turn in ([-1.0, -1, 1], [-1, 1, -1]):
        marks = prefill_scan(template, scan.vertices * turn, normals * turn, own_modes())
        gap = np.linalg.norm(marks.points - head.landmarks * turn, axis=1)[33:]
        assert np.nanmean(gap) < 5
    directions = np.random.default_rng(1).normal(size=(8000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    with pytest.raises(DataError, match="not found in the scan"):
        prefill_scan(template, 400 * directions, directions, own_modes())
