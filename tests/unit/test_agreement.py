"""Agreement of annotators: known offsets give known figures, drift is told, gold is hidden in the queue."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.agreement import agreement_of, drifts, figures_of, tangents
from faceapp.app.annotating import AnnotationSession
from faceapp.app.annotation_data import AnnotationData
from faceapp.app.annotation_plan import (
    AnnotationPlan,
    Standing,
    change_plan,
    is_blind,
    make_gold,
    next_for,
    plan_of,
    queue_of,
)
from faceapp.app.annotation_work import read_work
from faceapp.app.landmark_conversion import mean_face
from faceapp.cli.main import main
from faceapp.core.errors import UsageError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.subject import Sample
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import write_mesh
from faceapp.landmarks.history import SCAN
from faceapp.landmarks.scheme import load_scheme
from faceapp.store.project import Project

SCHEME = load_scheme()


def face() -> np.ndarray:
    points = mean_face().copy()
    for centre, lids in ((74, range(66, 74)), (83, range(75, 83)), (104, range(66, 74)), (105, range(75, 83))):
        points[centre] = points[list(lids)].mean(axis=0)
    return points


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Twelve samples of a scan alone."""
    with Project.create(tmp_path / "p") as project:
        project.add_subject()
        for _ in range(12):
            with project.new_sample("S0001", "neutral") as (_sample, folder):
                (folder / "scan").mkdir()
                mesh = Mesh(face().astype(np.float32), np.array([[0, 1, 2]], np.int32))
                write_mesh(folder / "scan" / "mesh.ply", mesh)
                write_landmarks(folder / "landmarks" / "prefill" / "scan.json", Landmarks3D(points=face()))
        yield project


def annotate(project: Project, sample: Sample, who: str, moves: dict[int, np.ndarray], *, submit: bool = True) -> None:
    folder = project.sample_folder(sample)
    data = AnnotationData((), scan_prefill=Landmarks3D(points=face()))
    session = AnnotationSession(folder / "landmarks" / who, who, data)
    for index, by in moves.items():
        session.move(SCAN, {index: face()[index] + by}, "place")
    if submit:
        session.submit()
    else:
        session.close()


def test_known_offsets_give_known_figures(project: Project) -> None:
    sample = project.samples()[0]
    way = tangents(SCHEME, face())[8]
    side = np.cross(way, (0.0, 0.0, 1.0))
    side /= np.linalg.norm(side)
    annotate(project, sample, "AA", {8: 3.0 * way + 4.0 * side, 54: np.array([0.0, 0.0, 2.0])})
    annotate(project, sample, "BB", {8: np.zeros(3)})
    found = agreement_of(project)
    (pair,) = found.comparisons
    eyes = np.linalg.norm(face()[66] - face()[79])
    assert (pair.annotator, pair.reference, pair.gold) == ("AA", "BB", False)
    assert pair.mm[8] == pytest.approx(5.0, abs=2e-3)
    assert pair.along[8] * eyes == pytest.approx(3.0, abs=2e-3)
    assert pair.across[8] * eyes == pytest.approx(4.0, abs=2e-3)
    table = {f.name: f for f in figures_of(found.chosen(gold=False))}
    assert table["contour"].mm == pytest.approx(5.0 / 33, abs=2e-3)
    assert table["nose_bridge"].mm == pytest.approx(2.0 / 4, abs=2e-3)
    assert table["all"].moved == 2
    points = {f.name: f for f in figures_of(found.chosen(gold=False), "point")}
    assert points[SCHEME.names[54]].mm == pytest.approx(2.0, abs=2e-3)


def test_what_was_not_handed_in_counts_where_it_was_placed(project: Project) -> None:
    sample = project.samples()[0]
    annotate(project, sample, "AA", {8: np.array([1.0, 0, 0]), 54: np.zeros(3)}, submit=False)
    annotate(project, sample, "BB", {54: np.array([0, 1.0, 0])})
    (pair,) = agreement_of(project).comparisons
    assert np.flatnonzero(np.isfinite(pair.mm)).tolist() == [8, 54]


def test_who_drifts_from_the_gold_is_told(project: Project) -> None:
    rng = np.random.default_rng(2)
    for k, sample in enumerate(project.samples()):
        annotate(project, sample, "GG", {54: np.zeros(3)})
        make_gold(project, sample, "GG")
        annotate(project, sample, "AA", {i: (1 + 0.4 * k) * rng.normal(size=3) for i in range(51, 66)})
        annotate(project, sample, "BB", {i: 2 * rng.normal(size=3) for i in range(51, 66)})
    found = agreement_of(project)
    assert all(c.reference == "GG" and c.gold for c in found.comparisons)
    alarms = drifts(found)
    assert [(d.annotator, d.against) for d in alarms] == [("AA", "gold")]
    assert alarms[0].last > 2 * alarms[0].first


def test_files_that_a_kill_left_behind_are_not_believed(project: Project) -> None:
    sample = project.samples()[0]
    annotate(project, sample, "AA", {54: np.zeros(3)})
    annotate(project, sample, "BB", {54: np.zeros(3)})
    folder = project.sample_folder(sample)
    data = AnnotationData((), scan_prefill=Landmarks3D(points=face()))
    killed = AnnotationSession(folder / "landmarks" / "AA", "AA", data)
    killed.move(SCAN, {54: face()[54] + (0.0, 0.0, 7.0)}, "place")
    (pair,) = agreement_of(project).comparisons
    assert pair.mm[54] == pytest.approx(7.0, abs=2e-3)


def test_work_leaves_pauses_out(tmp_path: Path) -> None:
    lines = []
    for at in ("09:00:00.000", "09:00:10.000", "09:05:00.000", "09:05:20.000"):
        change = {"view": "v", "point": 1, "position": [1, 2], "visibility": "visible", "by": "person"}
        lines.append(json.dumps({"act": "edit", "title": "place", "at": f"2026-01-02T{at}Z", "changes": [change]}))
    lines.append(json.dumps({"act": "undo", "at": "2026-01-02T09:05:21.000Z"}))
    (tmp_path / "AB").mkdir()
    (tmp_path / "AB" / "journal.jsonl").write_text("\n".join(lines) + '\n{"act": "ed')
    work = read_work(tmp_path / "AB" / "journal.jsonl", "s")
    assert (work.acts, work.undone, work.points) == (4, 1, 1)
    assert work.seconds == pytest.approx(31.0)
    assert not work.submitted


def test_samples_are_dealt_out_by_the_plan(project: Project) -> None:
    change_plan(project, AnnotationPlan(("AA", "BB", "CC"), gold_share=0.0, double_share=0.0))
    queues = {who: {q.sample.id for q in queue_of(project, who)} for who in ("AA", "BB", "CC", "DD")}
    assert not queues["DD"]
    assert sum(len(q) for q in queues.values()) == 12
    assert not queues["AA"] & queues["BB"]
    change_plan(project, AnnotationPlan(("AA", "BB", "CC"), gold_share=0.0, double_share=1.0))
    again = {who: {q.sample.id for q in queue_of(project, who)} for who in ("AA", "BB", "CC")}
    assert sum(len(q) for q in again.values()) == 24
    assert all(is_blind(project, s) for s in project.samples())
    with Project.open(project.folder, read_only=True) as other:
        assert plan_of(other).double_share == 1.0
    with pytest.raises(UsageError, match="share between 0 and 1"):
        AnnotationPlan(gold_share=3)


def test_gold_is_mixed_into_the_queue_and_looks_like_any_other(project: Project) -> None:
    samples = project.samples()
    for sample in samples[:4]:
        annotate(project, sample, "GG", {54: np.zeros(3)})
        make_gold(project, sample, "GG")
    change_plan(project, AnnotationPlan(gold_share=0.5, double_share=0.0))
    queue = queue_of(project, "AA")
    ids = [q.sample.id for q in queue]
    gold = [i for i in ids if i in {s.id for s in samples[:4]}]
    assert 1 <= len(gold) <= 4
    assert all(q.standing is Standing.TO_DO for q in queue)
    change_plan(project, AnnotationPlan(gold_share=0.0, double_share=0.0))
    assert len(queue_of(project, "AA")) == 8
    with pytest.raises(UsageError, match="has not annotated"):
        make_gold(project, samples[5], "ZZ")


def test_the_next_sample_is_one_that_is_not_handed_in(project: Project) -> None:
    samples = project.samples()
    annotate(project, samples[0], "AA", {54: np.zeros(3)})
    annotate(project, samples[3], "AA", {54: np.zeros(3)}, submit=False)
    annotate(project, samples[4], "BB", {54: np.zeros(3)})
    change_plan(project, AnnotationPlan(gold_share=0.0, double_share=0.0))
    assert next_for(project, "AA") == samples[3]
    assert next_for(project, "AA", after=samples[3]) == samples[1]
    assert samples[4] not in [q.sample for q in queue_of(project, "AA")]


def test_the_commands(project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = project.samples()[0]
    annotate(project, sample, "AA", {54: np.array([0.0, 0.0, 2.0])})
    annotate(project, sample, "BB", {54: np.zeros(3)})
    project.close()
    folder, out = str(project.folder), tmp_path / "tables"
    assert main(["landmarks", "agreement", folder, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "Between annotators, 1 comparisons" in said
    assert "Against gold samples: no sample yet" in said
    with (out / "others-groups.csv").open() as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert float(rows["nose_bridge"]["mm"]) == pytest.approx(0.5, abs=1e-3)
    assert {f.name for f in out.iterdir()} >= {"pairs.csv", "work.csv", "drift.csv", "gold-points.csv"}
    assert main(["landmarks", "agreement", folder, "--out", str(out)]) == 2
    capsys.readouterr()
    assert main(["landmarks", "gold", folder, "S0001/neutral/1", "--annotator", "BB"]) == 0
    assert main(["landmarks", "plan", folder, "--annotators", "AA,BB", "--gold-share", "0.2"]) == 0
    assert "20% of a queue" in capsys.readouterr().out
    assert main(["landmarks", "agreement", folder, "--json", "--points"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {r["name"]: r for r in told["gold"]}[SCHEME.names[54]]["mm"] == pytest.approx(2.0, abs=1e-3)
    assert main(["landmarks", "queue", folder, "--annotator", "AA", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["queue"]
