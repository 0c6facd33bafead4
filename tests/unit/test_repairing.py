"""Repairs of a reviewer: a journal that can be undone, and what plugins make of pins and stiffer parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.plugin_check import small_input
from faceapp.app.repairing import (
    FILE,
    move_landmark,
    pin_vertex,
    read_repairs,
    redo_repair,
    set_part_stiffness,
    undo_repair,
)
from faceapp.core.errors import UsageError
from faceapp.core.landmarks import Landmarks3D, PlacedBy
from faceapp.core.subject import Sample
from faceapp.landmarks.scheme import load_scheme
from faceapp.pipeline.contract import Job
from faceapp.pipeline.stages import Pin, RegistrationInput
from faceapp.store.project import Project
from faceapp_plugins.registration import nicp
from faceapp_plugins.registration.scan_search import landmark_rows, part_stiffness, yielding_rows


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Project, Sample]]:
    with Project.create(tmp_path / "p") as project:
        project.add_subject()
        with project.new_sample("S0001", "smile") as (sample, _):
            pass
        yield project, sample


def test_repairs_can_be_undone_and_done_again(place: tuple[Project, Sample]) -> None:
    project, sample = place
    folder = project.sample_folder(sample)
    assert not read_repairs(folder)
    move_landmark(project, sample, 84, (1, 2, 3), (1, 2, 4), "MH")
    pin_vertex(project, sample, 12, (5, 6, 7), "MH")
    set_part_stiffness(project, sample, "lips", 3.0, "MH")
    repairs = read_repairs(folder)
    assert repairs.landmarks[84].point == (1.0, 2.0, 3.0)
    assert repairs.pinned == (Pin(12, (5.0, 6.0, 7.0)),)
    assert repairs.part_stiffness == "lips=3"
    assert undo_repair(project, sample, "MH") and undo_repair(project, sample, "MH")
    assert not read_repairs(folder).pins and read_repairs(folder).landmarks
    assert redo_repair(project, sample, "MH")
    assert read_repairs(folder).pins
    pin_vertex(project, sample, 12, None, "MH")
    assert not read_repairs(folder).pins
    assert not redo_repair(project, sample, "MH")  # something else was done since
    with (folder / FILE).open("a") as stream:
        stream.write('{"kind": "pin", "ver')
    assert read_repairs(folder).landmarks
    with pytest.raises(UsageError, match="multiplied"):
        set_part_stiffness(project, sample, "lips", 1e6, "MH")


def test_a_landmark_moved_in_annotate_since_counts_more(place: tuple[Project, Sample]) -> None:
    project, sample = place
    move_landmark(project, sample, 1, (9, 9, 9), (1, 1, 1), "MH")
    repairs = read_repairs(project.sample_folder(sample))
    stood = Landmarks3D(points=np.array([[0, 0, 0], [1, 1, 1]], float))
    assert repairs.apply(stood).points[1].tolist() == [9, 9, 9]
    assert repairs.apply(stood).placed_by[1] is PlacedBy.PERSON
    moved = Landmarks3D(points=np.array([[0, 0, 0], [1, 1, 3]], float))
    assert repairs.apply(moved).points[1].tolist() == [1, 1, 3]


def run(subject: RegistrationInput, **values: object) -> np.ndarray:
    job = Job(lambda kind, done, text: None, Path())
    return nicp.register(job, subject, nicp.Parameters(**values)).vertices  # type: ignore[arg-type]


def test_a_pin_takes_its_vertex_there() -> None:
    subject = small_input("register")
    assert isinstance(subject, RegistrationInput)
    template = subject.template
    plain = run(subject)
    cheek = int(np.flatnonzero(template.parts == template.part_names.index("cheeks"))[100])
    scan = subject.scan.vertices.astype(np.float64)
    away = np.linalg.norm(scan - plain[cheek], axis=1)
    aim = scan[np.argmin(np.abs(away - 4.0))]  # on the scan, 4 mm along the skin
    pinned = run(RegistrationInput(subject.scan, template, subject.landmarks, pins=(Pin(cheek, tuple(aim)),)))
    assert np.linalg.norm(plain[cheek] - aim) > 3.5
    assert np.linalg.norm(pinned[cheek] - aim) < 1.0
    with pytest.raises(UsageError, match="vertex 999999"):
        landmark_rows(template, None, (Pin(999_999, (0, 0, 0)),))


def test_the_outline_leads_with_its_weight_or_not_at_all() -> None:
    subject = small_input("register")
    assert isinstance(subject, RegistrationInput)
    template, marks = subject.template, subject.landmarks
    assert marks is not None
    rows, targets = landmark_rows(template, marks)
    light, light_targets = landmark_rows(template, marks, contour_weight=0.25)
    inner, _ = landmark_rows(template, marks, contour_weight=0.0)
    contour = sum(marks.placed[i] for i in load_scheme(template.scheme).silhouette)
    assert contour > 10
    assert rows.shape[0] == light.shape[0] == inner.shape[0] + contour
    np.testing.assert_allclose(np.sort(light.sum(axis=1)), np.r_[np.full(contour, 0.5), np.ones(inner.shape[0])])
    np.testing.assert_allclose(light_targets, light.sum(axis=1)[:, None] * targets)


def test_a_landmark_yields_to_what_leads_its_vertices_and_a_pin_does_not() -> None:
    subject = small_input("register")
    assert isinstance(subject, RegistrationInput)
    template = subject.template
    lips = template.parts == template.part_names.index("lips")
    pin = Pin(int(np.flatnonzero(lips)[0]), (0.0, 0.0, 0.0))
    rows, targets = landmark_rows(template, subject.landmarks, (pin,))
    light, light_targets = yielding_rows(rows, targets, 0.75 * lips, pins=1)
    before, after = rows.sum(axis=1), light.sum(axis=1)
    within = abs(rows) @ lips == abs(rows).sum(axis=1)
    within[-1] = False
    assert 10 < within.sum() < len(before) - 30
    np.testing.assert_allclose(after[within], 0.5 * before[within])
    np.testing.assert_allclose(light_targets[within], 0.5 * targets[within])
    assert after[-1] == before[-1]
    beyond = abs(rows) @ lips == 0
    np.testing.assert_allclose(after[beyond], before[beyond])


def test_a_stiffer_part_is_stiffer() -> None:
    subject = small_input("register")
    assert isinstance(subject, RegistrationInput)
    template = subject.template
    lips = template.parts == template.part_names.index("lips")
    plain, stiff = part_stiffness(template), part_stiffness(template, "lips=5, nose = 0.5")
    assert np.median(stiff[lips] / plain[lips]) > 3
    with pytest.raises(UsageError, match="no part 'lip'"):
        part_stiffness(template, "lip=5")
    with pytest.raises(UsageError, match="positive"):
        part_stiffness(template, "lips=soft")
