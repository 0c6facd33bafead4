"""A project keeps what it was told, through restarts, second windows and kills."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from faceapp.cli.main import main
from faceapp.core.errors import DataError, ProjectError, UsageError
from faceapp.core.subject import Verdict
from faceapp.store.project import Project
from tests.unit.bundles import write_bundle


def _captured(project: Project, expression: str = "smile"):
    with project.new_sample("S0001", expression) as (sample, folder):
        write_bundle(folder / "capture")
    return sample


@pytest.fixture
def project(tmp_path: Path):
    with Project.create(tmp_path / "pilot") as project:
        project.add_subject(age=34, gender="female", consent=("record", "research"))
        yield project


def test_subjects_are_numbered_and_come_back(project: Project) -> None:
    assert project.add_subject(age=61).code == "S0002"
    project.close()
    with Project.open(project.folder) as again:
        assert [(s.code, s.age, s.gender) for s in again.subjects()] == [
            ("S0001", 34, "female"),
            ("S0002", 61, "unknown"),
        ]


def test_takes_are_counted_and_verdicts_last(project: Project) -> None:
    first, second = _captured(project), _captured(project)
    assert (first.take, second.take) == (1, 2)
    project.give_verdict(first, Verdict.RETAKEN, by="MH")
    project.give_verdict(second, Verdict.ACCEPTED, by="MH")
    project.close()
    with Project.open(project.folder) as again:
        assert [s.verdict for s in again.samples()] == [Verdict.RETAKEN, Verdict.ACCEPTED]


def test_a_wrong_subject_or_expression_is_put_right_everywhere(project: Project) -> None:
    project.add_subject()
    sample = _captured(project)
    changed = project.correct_sample(sample, by="MH", subject="S0002", expression="grin")
    assert not project.sample_folder(sample).exists()
    described = json.loads((project.sample_folder(changed) / "capture" / "capture.json").read_text())
    assert (described["subject"], described["expression"]) == ("S0002", "grin")
    assert [(s.subject, s.expression, s.take) for s in project.samples()] == [("S0002", "grin", 1)]
    with pytest.raises(UsageError, match="no subject S0009"):
        project.correct_sample(changed, by="MH", subject="S0009")


def test_a_correction_cut_in_half_is_finished_at_the_next_start(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = _captured(project)
    monkeypatch.setattr(Project, "_move", staticmethod(lambda old, new: (_ for _ in ()).throw(KeyboardInterrupt)))
    with pytest.raises(KeyboardInterrupt):
        project.correct_sample(sample, by="MH", expression="grin")
    monkeypatch.undo()
    project.close()
    with Project.open(project.folder) as again:
        (found,) = again.samples()
        assert found.expression == "grin"
        assert again.sample_folder(found).is_dir()


def test_a_capture_that_fails_leaves_nothing(project: Project) -> None:
    with pytest.raises(RuntimeError), project.new_sample("S0001", "smile") as (_, folder):
        (folder / "half").write_text("x")
        raise RuntimeError
    assert project.samples() == ()
    assert [p.name for p in (project.folder / "subjects" / "S0001").iterdir()] == ["subject.json"]


def test_remains_of_a_kill_are_cleared_at_the_next_start(project: Project) -> None:
    remains = project.folder / "subjects" / "S0001" / ".20260101T000000Z-smile-1.abc.part"
    remains.mkdir()
    (remains / "sample.json").write_text("{")
    project.close()
    with Project.open(project.folder) as again:
        assert again.samples() == ()
        assert not remains.exists()


def test_a_second_window_says_who_has_the_project(project: Project) -> None:
    code = (
        "import sys; from pathlib import Path; from faceapp.store.project import Project; "
        "Project.open(Path(sys.argv[1]))"
    )
    second = subprocess.run(
        [sys.executable, "-c", code, str(project.folder)], capture_output=True, text=True, check=False
    )
    assert second.returncode != 0
    assert "open for writing in another window (on " in second.stderr
    with Project.open(project.folder, read_only=True) as reader:
        assert len(reader.subjects()) == 1
        with pytest.raises(ProjectError, match="read-only"):
            reader.add_subject()


def test_a_damaged_index_is_made_anew(project: Project) -> None:
    _captured(project)
    project.close()
    (project.folder / "index.sqlite").write_bytes(b"not a database, surely" * 100)
    with Project.open(project.folder) as again:
        assert len(again.samples()) == 1


def test_a_damaged_sample_is_named_and_the_rest_opens(project: Project) -> None:
    sample = _captured(project)
    _captured(project, "grin")
    (project.sample_folder(sample) / "sample.json").write_text("{")
    project.close()
    with Project.open(project.folder) as again:
        assert [s.expression for s in again.samples()] == ["grin"]
        assert "sample.json is not valid JSON" in again.problems[0]


def test_a_newer_project_is_left_alone(project: Project) -> None:
    file = project.folder / "project.json"
    project.close()
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema_version": 9}))
    with pytest.raises(ProjectError, match="newer than this program"):
        Project.open(project.folder)


def test_what_is_no_project_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="faceapp new"):
        Project.open(tmp_path)


def test_a_bad_subject_is_refused(project: Project) -> None:
    with pytest.raises(DataError, match="age 200"):
        project.add_subject(age=200)
    with pytest.raises(DataError, match="consent 'everything'"):
        project.add_subject(consent=("everything",))


def test_the_commands_do_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "lab")
    assert main(["new", folder]) == 0
    capsys.readouterr()
    assert main(["subject", "add", folder, "--age", "34", "--gender", "female", "--consent", "record,shape"]) == 0
    assert capsys.readouterr().out.strip() == "S0001"
    assert main(["subject", "change", folder, "S0001", "--age", "35"]) == 0
    assert main(["info", folder, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["subjects"] == [{"code": "S0001", "age": 35, "gender": "female", "consent": ["record", "shape"]}]
    assert main(["new", folder]) == 2
    assert main(["verify", folder]) == 0
    assert main(["index", folder]) == 0


def test_a_take_is_judged_and_moved_from_the_command_line(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    _captured(project)
    project.add_subject()
    project.close()
    folder = str(project.folder)
    assert main(["sample", "accept", folder, "S0001/smile/1", "--by", "MH"]) == 0
    assert main(["sample", "move", folder, "S0001/smile/1"]) == 2
    assert main(["sample", "move", folder, "S0001/smile/1", "--subject", "S0002", "--expression", "grin"]) == 0
    assert "S0002/grin/1: accepted" in capsys.readouterr().out
    assert main(["sample", "retake", folder, "S0001/smile/1"]) == 2
    assert "no sample S0001/smile/1" in capsys.readouterr().err
