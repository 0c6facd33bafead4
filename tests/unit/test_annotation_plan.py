"""The plan of annotation: whose each sample is, by the plan and by hand, and what a changed plan leaves alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.annotation_overview import overview_of
from faceapp.app.annotation_plan import (
    AnnotationPlan,
    PlannedSample,
    Standing,
    assign,
    assigned_to,
    change_plan,
    gold_annotator,
    is_blind,
    make_gold,
    planned_samples,
    queue_from,
    queue_of,
)
from faceapp.cli.main import main
from faceapp.core.errors import ProjectError, UsageError
from faceapp.core.subject import Sample, Verdict
from faceapp.store.project import Project
from tests.unit.test_agreement import annotate


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Ten empty samples."""
    with Project.create(tmp_path / "p") as project:
        project.add_subject()
        for _ in range(10):
            with project.new_sample("S0001", "neutral"):
                pass
        yield project


def place(project: Project, sample: Sample, who: str, *, submit: bool = True) -> None:
    annotate(project, sample, who, {54: np.zeros(3)}, submit=submit)


def ids(project: Project, who: str) -> list[str]:
    return [q.sample.id for q in queue_of(project, who)]


def test_each_sample_gets_as_many_annotators_as_the_plan_says(project: Project) -> None:
    change_plan(project, AnnotationPlan(("AA", "BB", "CC", "DD"), 0.0, 0.0, per_sample=3), by="LL")
    owners = [p.owners for p in planned_samples(project)]
    assert all(len(set(o)) == 3 for o in owners)
    assert sum(len(ids(project, who)) for who in ("AA", "BB", "CC", "DD")) == 30
    assert all(is_blind(project, s) for s in project.samples())
    assert project.settings["annotation"]["by"] == "LL"
    with pytest.raises(UsageError, match="one annotator at least"):
        AnnotationPlan(per_sample=0)
    with pytest.raises(UsageError, match="letters and digits"):
        change_plan(project, AnnotationPlan(("AA", "../x")))
    with pytest.raises(UsageError, match="listed twice"):
        change_plan(project, AnnotationPlan(("AA", "AA")))


def test_one_annotator_more_takes_samples_from_others_and_gives_them_none(project: Project) -> None:
    change_plan(project, AnnotationPlan(("AA", "BB"), 0.0, 0.0))
    before = {who: set(ids(project, who)) for who in ("AA", "BB")}
    change_plan(project, AnnotationPlan(("AA", "BB", "CC"), 0.0, 0.0))
    assert all(set(ids(project, who)) <= before[who] for who in ("AA", "BB"))


def test_who_has_begun_keeps_a_sample_when_the_plan_changes(project: Project) -> None:
    samples = project.samples()
    place(project, samples[0], "AA", submit=False)
    place(project, samples[1], "ZZ")
    place(project, samples[2], "ZZ", submit=False)
    for others in (("AA", "BB"), ("AA", "CC", "DD", "EE")):
        change_plan(project, AnnotationPlan(others, 0.0, 0.0))
        planned = planned_samples(project)
        assert planned[0].owners == ("AA",)
        assert planned[1].owners == ("ZZ",)  # handed in by somebody who has left: not to be done again
        assert "ZZ" not in planned[2].owners  # only begun: dealt out anew
        assert ids(project, "AA")[0] == samples[0].id


def test_without_a_list_enough_is_enough_and_who_has_begun_goes_on(project: Project) -> None:
    change_plan(project, AnnotationPlan(gold_share=0.0, double_share=0.0))
    sample = project.samples()[3]
    for who in ("AA", "BB"):
        place(project, sample, who, submit=False)
    assert ids(project, "AA")[0] == ids(project, "BB")[0] == sample.id
    assert sample.id not in ids(project, "CC")


def test_a_person_gives_samples_to_whom_the_plan_would_not(project: Project) -> None:
    change_plan(project, AnnotationPlan(("AA", "BB"), 0.0, 0.0))
    sample = project.samples()[4]
    before = planned_samples(project)[4].owners
    assert not is_blind(project, sample)
    assign(project, sample, ("CC", "AA"), by="LL")
    assert planned_samples(project)[4].owners == ("CC", "AA")
    assert ids(project, "CC") == [sample.id]
    assert sample.id in ids(project, "AA")
    assert sample.id not in ids(project, "BB")
    assert is_blind(project, sample)
    assign(project, sample, (), by="LL")
    assert planned_samples(project)[4].owners == before
    with pytest.raises(UsageError, match="cannot be initials"):
        assign(project, sample, ("prefill",))
    file = project.sample_folder(sample) / "landmarks" / "assigned.jsonl"
    file.write_text(file.read_text() + '{"annotators": ["B')  # a kill
    assert assigned_to(project.sample_folder(sample)) == ()
    assert [json.loads(line)["by"] for line in file.read_text().splitlines()[:2]] == ["LL", "LL"]


def test_gold_needs_work_that_is_handed_in(project: Project) -> None:
    sample = project.samples()[0]
    place(project, sample, "GG", submit=False)
    with pytest.raises(UsageError, match="has not submitted"):
        make_gold(project, sample, "GG")
    place(project, sample, "GG")
    make_gold(project, sample, "GG", by="LL")
    assert gold_annotator(project.sample_folder(sample)) == "GG"
    make_gold(project, sample, "", by="LL")
    assert gold_annotator(project.sample_folder(sample)) == ""


def test_gold_has_its_share_of_each_queue_and_what_was_begun_stays(project: Project) -> None:
    for sample in project.samples()[:4]:
        place(project, sample, "GG")
        make_gold(project, sample, "GG")
    gold = {s.id for s in project.samples()[:4]}
    change_plan(project, AnnotationPlan(("AA", "BB"), 0.25, 0.0))
    for who in ("AA", "BB"):
        mine = ids(project, who)
        own = len(mine) - len(gold & set(mine))
        assert len(gold & set(mine)) == min(int(np.ceil(own / 3)), 4)
        assert mine[-1] not in gold
    assert not gold & set(ids(project, "XX"))
    begun = next(s for s in project.samples() if s.id in gold and s.id in ids(project, "AA"))
    place(project, begun, "AA")
    change_plan(project, AnnotationPlan(("AA", "BB"), 0.0, 0.0))
    assert gold & set(ids(project, "AA")) == {begun.id}
    assert not gold & set(ids(project, "BB"))


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9, 1.0])
def test_a_queue_holds_no_sample_twice(share: float) -> None:
    def sample(k: int) -> Sample:
        return Sample(f"20260101T00000{k}Z-neutral-{k}", "S0001", "neutral", k, "2026-01-01T00:00:00Z")

    planned = [PlannedSample(sample(k), ("AA",), 0, False, "GG" if k > 6 else "", {}) for k in range(10)]
    queue = [q.sample.take for q in queue_from(AnnotationPlan(("AA",), share, 0.0), planned, "AA")]
    assert sorted(t for t in queue if t <= 6) == list(range(7))
    assert len(queue) == len(set(queue))
    assert len(queue) - 7 == min(3, int(np.ceil(7 * share / (1 - share))) if share < 1 else 3)


def test_the_overview_says_who_has_how_much(project: Project) -> None:
    samples = project.samples()
    place(project, samples[0], "GG")
    make_gold(project, samples[0], "GG")
    place(project, samples[1], "AA")
    place(project, samples[2], "AA", submit=False)
    change_plan(project, AnnotationPlan(("AA", "BB"), 0.1, 0.0))
    overview = overview_of(project)
    loads = {row.annotator: row for row in overview.loads}
    assert list(loads) == ["AA", "BB", "GG"]
    assert (loads["AA"].in_work, loads["AA"].submitted, loads["AA"].gold) == (1, 1, 1)
    assert loads["AA"].to_do + loads["BB"].to_do == 7 + 2  # and the gold one for each
    assert loads["BB"].work is None
    assert not loads["GG"].planned
    assert overview.gold_count == 1
    assert overview.samples[2].standings == {"AA": Standing.IN_WORK}


def test_the_commands_say_and_change_whose_samples_are(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    place(project, project.samples()[0], "AA")
    project.close()
    folder = str(project.folder)
    plan = ["landmarks", "plan", folder, "--annotators", "AA, BB", "--per-sample", "2", "--by", "LL", "--samples"]
    assert main([*plan, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["per_sample"] == 2
    assert sorted(told["samples"][9]["annotators"]) == ["AA", "BB"]
    assert told["samples"][0]["standings"] == {"AA": "submitted"}
    assert main(["landmarks", "assign", folder, "S0001/neutral/2", "S0001/neutral/3", "--annotators", "CC"]) == 0
    assert "2 samples for CC" in capsys.readouterr().out
    assert main(["landmarks", "work", folder]) == 0
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert rows["CC"][1:5] == ["2", "0", "0", "0"]
    assert rows["AA"][1:4] == ["7", "0", "1"]
    assert main(["landmarks", "assign", folder, "S0001/neutral/2", "--annotators", ""]) == 0
    assert main(["landmarks", "plan", folder, "--samples"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("by hand" in line for line in lines) == 1
    assert main(["landmarks", "gold", folder, "S0001/neutral/4", "--annotator", "BB"]) == 2


def test_a_read_only_project_takes_no_orders(project: Project) -> None:
    project.close()
    with Project.open(project.folder, read_only=True) as other:
        with pytest.raises(ProjectError, match="read-only"):
            assign(other, other.samples()[0], ("AA",))
        with pytest.raises(ProjectError, match="read-only"):
            make_gold(other, other.samples()[0], "")
        with pytest.raises(ProjectError, match="read-only"):
            change_plan(other, AnnotationPlan(("AA",)))


def test_takes_that_were_done_again_are_dealt_to_nobody(project: Project) -> None:
    change_plan(project, AnnotationPlan(("AA",), 0.0, 0.0))
    bad = project.samples()[2]
    project.give_verdict(bad, Verdict.RETAKEN, by="LL")
    assert bad.id not in ids(project, "AA")
    assert len(ids(project, "AA")) == 9
