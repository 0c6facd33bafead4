"""Verdicts, kappa, the order of the queue, the tables, and the page for any browser."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.review_export import export_reviews
from faceapp.app.review_queue import QueueEntry, in_order, review_queue
from faceapp.app.reviewing import (
    TAKEN_BACK,
    Review,
    agreements,
    cohens_kappa,
    give_review,
    reviews_of,
    seconds_each,
    standing_reviews,
)
from faceapp.cli.main import main
from faceapp.core.errors import UsageError
from faceapp.core.mesh import Mesh
from faceapp.core.results import Metric, Provenance, Report
from faceapp.core.subject import Sample
from faceapp.formats.images import write_png
from faceapp.formats.ply import write_mesh
from faceapp.formats.reports import write_report
from faceapp.store.project import Project

TRIANGLE = Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))


def write_run(folder: Path, signs: dict[str, float], made_by: str = "register/gone") -> Path:
    (folder / "scan").mkdir(exist_ok=True)
    write_mesh(folder / "scan" / "mesh.ply", TRIANGLE)
    run = folder / "runs" / "register-nicp-0123456789"
    run.mkdir(parents=True)
    write_mesh(run / "registered.ply", TRIANGLE, {"distance": np.zeros(3, np.float32)})
    metrics = (
        Metric("face.residual_mean", 0.05),
        Metric("face.residual_p95", 0.2),
        Metric("face.seen", 0.9, "1"),
        Metric("lips.residual_mean", 0.1),
        Metric("lips.residual_p95", 0.3),
        Metric("lips.seen", 1.0, "1"),
    )
    write_report(run / "report.json", Report(metrics, Provenance(made_by, "1.0"), (), {"signs": signs}))
    write_png(run / "distance.png", np.full((60, 1920, 3), 200, np.uint8))
    return run


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Six samples of two subjects, one of them with lips far from the scan."""
    rng = np.random.default_rng(3)
    with Project.create(tmp_path / "p") as project:
        project.add_subject(consent=("record", "shape"))
        project.add_subject(consent=("record",))
        for i in range(6):
            with project.new_sample(f"S000{1 + i % 2}", ("neutral", "smile", "anger")[i // 2]) as (_, folder):
                signs = {f"residual.{part}": float(0.1 * rng.uniform(0.9, 1.1)) for part in ("nose", "chin", "brows")}
                write_run(folder, signs | {"residual.lips": 2.0 if i == 4 else 0.1, "folds": 40.0 if i == 4 else 0.0})
        yield project


def test_kappa_is_cohens() -> None:
    pairs = [("accept", "accept")] * 20 + [("accept", "reject")] * 5 + [("reject", "accept")] * 10
    pairs += [("reject", "reject")] * 15
    found = cohens_kappa(pairs, ("AB", "CD"))
    assert found.observed == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)  # the textbook's table: 0.7 against 0.5 by chance
    assert found.error == pytest.approx(math.sqrt(0.7 * 0.3 / (50 * 0.25)))
    assert found.table == ((20, 0, 5), (0, 0, 0), (10, 0, 15))


def test_kappa_says_nothing_where_nothing_can_be_told() -> None:
    assert math.isnan(cohens_kappa([("accept", "accept")] * 9).kappa)
    assert math.isnan(cohens_kappa([]).observed)


def test_verdicts_of_two_reviewers_stand_side_by_side(project: Project) -> None:
    sample = project.samples()[0]
    run = project.sample_folder(sample) / "runs" / "register-nicp-0123456789"
    give_review(project, sample, run, "accept", "AB")
    give_review(project, sample, run, "reject", "CD", "folds")
    assert {by: r.verdict for by, r in standing_reviews(project, sample)[run.name].items()} == {
        "AB": "accept",
        "CD": "reject",
    }
    assert reviews_of(project, sample)[run.name]["verdict"] == "reject"
    give_review(project, sample, run, TAKEN_BACK, "CD")
    assert reviews_of(project, sample)[run.name]["verdict"] == "accept"
    with pytest.raises(UsageError, match="not one of"):
        give_review(project, sample, run, "perhaps", "AB")
    with pytest.raises(UsageError, match="initials"):
        give_review(project, sample, run, "accept", "../AB")


def test_half_a_line_after_a_kill_is_passed_over(project: Project) -> None:
    sample = project.samples()[0]
    run = project.sample_folder(sample) / "runs" / "register-nicp-0123456789"
    give_review(project, sample, run, "accept", "AB")
    with (project.sample_folder(sample) / "reviews" / "AB.jsonl").open("a") as stream:
        stream.write('{"run": "regis')
    assert reviews_of(project, sample)[run.name]["verdict"] == "accept"


def test_pauses_do_not_count_as_work() -> None:
    stamps = ("09:00:00", "09:00:06", "09:00:14", "12:00:00", "12:00:10")
    reviews = [Review("r", "accept", "AB", f"2026-03-14T{stamp}.000Z") for stamp in stamps]
    assert seconds_each(reviews) == {"AB": 8.0}


def entry(i: int, score: float) -> QueueEntry:
    return QueueEntry(Sample(f"id{i:03d}", "S0001", "smile", i, ""), Path(), score, "", 0.1, 0.2, 0.9)


def test_the_suspicious_come_first_and_each_fifth_place_is_by_chance() -> None:
    entries = [entry(i, 8.0 - 0.1 * i if i < 20 else 1.0) for i in range(120)]
    ordered = in_order(entries, 0.1, "Pilot 2026-03-14")
    assert len({e.sample.id for e in ordered}) == 120
    head = ordered[:24]
    assert [i for i, e in enumerate(head) if e.drawn] == [4, 9, 14, 19]
    scores = [e.score for e in head if not e.drawn]
    assert scores == sorted(scores, reverse=True)
    assert sum(e.drawn for e in ordered) == 10
    again = in_order(entries[::-1], 0.1, "Pilot 2026-03-14")
    assert [e.sample.id for e in again if e.drawn] == [e.sample.id for e in ordered if e.drawn]
    tomorrow = in_order(entries, 0.1, "Pilot 2026-03-15")
    assert {e.sample.id for e in tomorrow if e.drawn} != {e.sample.id for e in ordered if e.drawn}


def test_all_or_none_can_be_drawn() -> None:
    entries = [entry(i, 0.5) for i in range(7)]
    assert not any(e.drawn for e in in_order(entries, 0.0, "x"))
    assert all(e.drawn for e in in_order(entries, 1.0, "x"))


def test_who_has_to_look_at_what() -> None:
    said = lambda by, verdict: Review("run", verdict, by, "")  # noqa: E731

    def due(reviews: tuple[Review, ...], drawn: bool = False, score: float = 5.0) -> bool:
        e = entry(0, score)
        return QueueEntry(
            e.sample, e.run, score, "", 0.1, 0.2, 0.9, drawn=drawn, reviews=reviews
        ).is_due("AB")  # fmt: skip

    assert due(())
    assert not due((), score=1.0)
    assert due((), drawn=True, score=1.0)
    assert not due((said("AB", "maybe"),))
    assert due((said("CD", "maybe"),))  # a second reviewer looks
    assert not due((said("CD", "accept"),))
    assert due((said("CD", "accept"),), drawn=True)  # both look at these: for kappa
    assert not due((said("CD", "maybe"), said("EF", "accept")))


def test_the_queue_of_a_project_begins_with_the_bad_one(project: Project) -> None:
    queue = review_queue(project, share=0.0)
    assert len(queue) == 6
    bad = project.samples()[4]
    assert queue[0].sample == bad
    assert queue[0].suspicious and "lips" in queue[0].words
    assert not any(e.suspicious for e in queue[1:])


def test_landmarks_that_texture_does_not_follow_are_usual_for_it(tmp_path: Path) -> None:
    """Clicks 1 mm off: what texture led lies nearly as far from them, and what they led half as far."""
    groups = ("eye_left", "eye_right", "brow_left", "brow_right", "nose_wings", "mouth_outer")
    signs = {f"landmarks.{group}": 0.9 for group in groups}
    with Project.create(tmp_path / "p") as project:
        project.add_subject(consent=("record",))
        for plugin in ("nicp", "t-icp"):
            with project.new_sample("S0001", "neutral") as (_, folder):
                write_run(folder, signs, f"register/{plugin}")
        shape, texture = project.samples()
        scores = {entry.sample: entry.score for entry in review_queue(project, share=0.0)}
    assert scores[texture] < 1.0
    assert scores[shape] > scores[texture] + 1.0


def test_a_lone_registration_by_another_plugin_is_not_compared_with_itself(project: Project) -> None:
    """With a template that the program knows nothing of."""
    project.change_settings({"template": "somebody's"})
    with project.new_sample("S0001", "neutral") as (_, folder):
        write_run(folder, {"residual.nose": 3.0, "residual.chin": 3.0, "residual.brows": 3.0}, "register/other")
    alone = project.samples()[-1]
    queue = review_queue(project, share=0.0, with_stale=False)
    (score,) = [entry.score for entry in queue if entry.sample == alone]
    assert score > 3.0


def test_tables_and_page(project: Project, tmp_path: Path) -> None:
    for sample in project.samples()[:3]:
        run = project.sample_folder(sample) / "runs" / "register-nicp-0123456789"
        give_review(project, sample, run, "accept", "AB")
        give_review(project, sample, run, "accept" if sample.take == 1 else "reject", "CD", "<folds>")
    verdicts, figures, page = export_reviews(project, tmp_path / "out", share=0.5)
    rows = list(csv.DictReader(io.StringIO(verdicts.read_text())))
    assert len(rows) == 6 and {row["by"] for row in rows} == {"AB", "CD"}
    table = list(csv.DictReader(io.StringIO(figures.read_text())))
    assert [float(row["lips.residual_p95 [mm]"]) for row in table] == [0.3] * 6
    assert float(table[0]["suspicion"]) > float(table[1]["suspicion"])
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") == 3  # of the subject who consented
    assert "http" not in text and "src='data" in text
    assert "<folds>" not in text
    with pytest.raises(UsageError, match="exists"):
        export_reviews(project, tmp_path / "out")
    assert agreements(project)[0].count == 3


def test_the_same_from_the_command_line(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = str(project.folder)
    project.close()

    def run(*arguments: str) -> dict:
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    queue = run("review", "queue", folder, "--share", "0")["queue"]
    assert len(queue) == 6 and queue[0]["suspicious"]
    first = queue[0]["sample"]
    assert run("review", "queue", folder, "--share", "0", "--by", "AB")["queue"][0]["sample"] == first
    run("review", "give", folder, first, "reject", "--by", "ab", "--reason", "mouth")
    assert run("review", "queue", folder, "--share", "0", "--by", "AB")["queue"] == []
    run("review", "give", folder, first, "maybe", "--by", "CD")
    table = run("review", "agreement", folder)["agreement"]
    assert (table[0]["count"], table[0]["observed"]) == (1, 0.0)
    run("review", "give", folder, first, "take-back", "--by", "CD")
    assert run("review", "agreement", folder)["agreement"] == []
    assert len(run("review", "export", folder, "--out", "told")["files"]) == 3
    assert main(["review", "give", folder, "S0009/smile/1", "accept", "--by", "AB"]) == 2
