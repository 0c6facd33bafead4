"""Annotating a captured sample: a point placed once appears on the scan and in the other views, and stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.annotating import AnnotationSession
from faceapp.app.capturing import capture_sample
from faceapp.app.reviewing import give_review, reviews_of
from faceapp.app.rigs import connect_described_rig
from faceapp.app.sample_landmarks import current_landmarks
from faceapp.app.sample_stages import fuse_sample, landmarks_on_scan, register_sample, runs_of
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import PlacedBy, Visibility
from faceapp.core.subject import Sample
from faceapp.formats.capture_bundle import read_bundle
from faceapp.formats.landmark_files import read_landmarks
from faceapp.store.project import Project

FRONT, LEFT = "middle-rgb", "left-rgb"
NOSE_TIP, MOUTH_CORNER = 54, 90


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Sample]]:
    folder = tmp_path_factory.mktemp("annotation") / "pilot"
    devices = connect_described_rig("simulated", {"scale": 0.4, "seed": 11})
    try:
        with Project.create(folder) as project:
            project.add_subject()
            capture = capture_sample(project, devices, "S0001", "smile", truth=True)
            sample = capture.sample
    finally:
        devices.close()
    yield folder, sample


@pytest.fixture
def project(captured: tuple[Path, Sample]) -> Iterator[Project]:
    with Project.open(captured[0]) as project:
        yield project


def truth(project: Project, sample: Sample, name: str) -> np.ndarray:
    return read_landmarks(project.sample_folder(sample) / "capture" / "truth" / f"{name}.json").points


def test_the_prefill_is_near_the_truth_in_all_views(project: Project, captured: tuple[Path, Sample]) -> None:
    sample = captured[1]
    session = AnnotationSession.open(project, sample, "AB")
    assert session.views[0].name == FRONT
    for view in session.views:
        marks = session.landmarks(view.name)
        error = np.linalg.norm(marks.points - truth(project, sample, f"landmarks-{view.name}"), axis=1)[33:]
        assert np.nanmedian(error) < 12  # 6 mm at 0.65 mm a pixel
        assert set(marks.placed_by) == {PlacedBy.PREFILL}


def test_a_point_placed_once_is_on_the_scan_and_in_the_other_views(
    project: Project, captured: tuple[Path, Sample]
) -> None:
    sample = captured[1]
    session = AnnotationSession.open(project, sample, "MH")
    u, v = truth(project, sample, f"landmarks-{FRONT}")[MOUTH_CORNER]
    session.place(FRONT, MOUTH_CORNER, u, v)
    journal = project.sample_folder(sample) / "landmarks" / "MH" / "journal.jsonl"
    assert '"point": 90' in journal.read_text()  # on the disk before the screen may say so
    where = session.landmarks_3d.points[MOUTH_CORNER]
    assert np.linalg.norm(where - truth(project, sample, "landmarks")[MOUTH_CORNER]) < 1.5
    assert session.landmarks_3d.placed_by[MOUTH_CORNER] is PlacedBy.PERSON
    followed = session.landmarks(LEFT)
    assert followed.placed_by[MOUTH_CORNER] is PlacedBy.PROJECTION
    there = truth(project, sample, f"landmarks-{LEFT}")[MOUTH_CORNER]
    assert np.linalg.norm(followed.points[MOUTH_CORNER] - there) < 3
    session.close()


def test_undo_works_after_a_restart_and_after_a_kill(project: Project, captured: tuple[Path, Sample]) -> None:
    sample = captured[1]
    session = AnnotationSession.open(project, sample, "JK")
    before = session.landmarks(FRONT).points[NOSE_TIP].copy()
    session.place(FRONT, NOSE_TIP, *(before + 5))
    session.set_visibility(FRONT, NOSE_TIP, Visibility.OCCLUDED)
    del session  # neither closed nor submitted: as after a kill
    again = AnnotationSession.open(project, sample, "JK")
    np.testing.assert_allclose(again.landmarks(FRONT).points[NOSE_TIP], before + 5, atol=1e-3)
    assert again.landmarks(FRONT).visibility[NOSE_TIP] is Visibility.OCCLUDED
    assert again.undo()
    assert again.landmarks(FRONT).visibility[NOSE_TIP] is Visibility.VISIBLE
    assert again.undo()
    np.testing.assert_allclose(again.landmarks(FRONT).points[NOSE_TIP], before, atol=1e-3)
    assert not again.undo()
    assert again.redo()
    np.testing.assert_allclose(again.landmarks(FRONT).points[NOSE_TIP], before + 5, atol=1e-3)


def test_nonsense_is_refused_and_changes_nothing(project: Project, captured: tuple[Path, Sample]) -> None:
    session = AnnotationSession.open(project, captured[1], "CD")
    with pytest.raises(DataError, match="outside the picture"):
        session.place(FRONT, 3, -50.0, 10.0)
    with pytest.raises(DataError, match="outside the picture"):
        session.place(FRONT, 3, float("nan"), 10.0)
    assert not session.can_undo
    with pytest.raises(DataError, match="initials"):
        AnnotationSession.open(project, captured[1], "a/b")


def test_the_newest_person_counts_over_the_prefill(project: Project, captured: tuple[Path, Sample]) -> None:
    sample = captured[1]
    session = AnnotationSession.open(project, sample, "ZZ")
    target = session.landmarks(FRONT).points[NOSE_TIP] + 2
    session.place(FRONT, NOSE_TIP, *target)
    folder = project.sample_folder(sample)
    marks, who = current_landmarks(folder, read_bundle(folder / "capture"))
    assert who == "ZZ"
    np.testing.assert_allclose(marks[FRONT].points[NOSE_TIP], target, atol=1e-3)


def test_results_are_found_again_and_reviewed(project: Project, captured: tuple[Path, Sample]) -> None:
    sample = captured[1]
    scan = fuse_sample(project, sample, vertices=20_000)
    assert (scan / "mesh.ply").is_file()
    marks, _ = landmarks_on_scan(project.sample_folder(sample))
    assert marks.placed.sum() > 80
    run = register_sample(project, sample)
    made = (run / "registered.ply").stat().st_mtime_ns
    assert register_sample(project, sample) == run
    assert (run / "registered.ply").stat().st_mtime_ns == made  # the same key: not made again
    other = register_sample(project, sample, parameters={"stiffness": 3.0})
    assert other != run
    assert runs_of(project, sample, "register") == [other, run]
    give_review(project, sample, run, "accept", "MH")
    give_review(project, sample, other, "reject", "MH", "folds")
    assert {k: v["verdict"] for k, v in reviews_of(project, sample).items()} == {
        run.name: "accept",
        other.name: "reject",
    }
    give_review(project, sample, other, "taken back", "MH")
    assert set(reviews_of(project, sample)) == {run.name}
    with pytest.raises(UsageError, match="accept, maybe, reject"):
        give_review(project, sample, run, "fine", "MH")
