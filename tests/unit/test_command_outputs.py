"""Where commands write: nothing that is not an earlier result is ever replaced, and several inputs never meet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faceapp.cli.main import main
from faceapp.store.project import Project
from tests.unit.bundles import SIZE, K, pose, write_bundle


def _listing(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_force_never_replaces_the_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_bundle(tmp_path / "capture")
    before = _listing(tmp_path)
    for out in (bundle, tmp_path, bundle / "frames" / ".."):
        assert main(["decode", str(bundle), "--out", str(out), "--force"]) == 2
        assert "holds the input" in capsys.readouterr().err
    assert _listing(tmp_path) == before


def test_force_replaces_results_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_bundle(tmp_path / "capture")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    main(["new", str(tmp_path / "pilot")])
    for folder in ("thesis", "pilot"):
        assert main(["decode", str(bundle), "--out", str(tmp_path / folder), "--force"]) == 2
        assert "--force leaves it alone" in capsys.readouterr().err
    assert (tmp_path / "thesis" / "chapter.txt").is_file()
    assert (tmp_path / "pilot" / "project.json").is_file()


def test_a_file_cannot_take_a_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_bundle(tmp_path / "capture")
    (tmp_path / "out").write_text("a file")
    assert main(["decode", str(bundle), "--out", str(tmp_path / "out")]) == 2
    assert "is a file; name a folder" in capsys.readouterr().err


@pytest.mark.parametrize("with_out", [True, False])
def test_inputs_of_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_out: bool) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("x/a", "x/b", "y/a"):
        write_bundle(tmp_path / place / "take")
    inputs = ["x/a/take", "x/b/take/capture.json", "y/a/take", "./x/a/take"]
    assert main(["decode", *inputs, *(["--out", "out"] if with_out else [])]) == 0
    found = {p.parent.name for p in tmp_path.rglob("middle.ply")}
    assert found == {f"{n}{'' if with_out else '-decoded'}" for n in ("a-take-1", "b-take", "a-take-2")}


def test_a_full_disk_names_the_file_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    bundle = write_bundle(tmp_path / "capture")
    monkeypatch.setattr("faceapp.formats.atomic.os.fsync", full)
    assert main(["decode", str(bundle), "--out", str(tmp_path / "out")]) == 1
    assert f"cannot write {tmp_path / 'out' / 'middle.ply'}: No space left" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["capture"]


def test_a_dot_in_the_name_of_a_folder_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "tägliche Aufnahme 3.2")
    assert main(["decode", "tägliche Aufnahme 3.2"]) == 0
    assert (tmp_path / "tägliche Aufnahme 3.2-decoded" / "report.json").is_file()


def test_a_new_project_does_not_speak_of_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", str(tmp_path / "pilot")]) == 0
    assert main(["new", str(tmp_path / "pilot")]) == 2
    error = capsys.readouterr().err
    assert "choose another name" in error
    assert "--force" not in error


def test_a_project_remembers_where_its_rig_file_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rig.toml").write_text('driver = "simulated"\nscale = 0.35\n')
    assert main(["new", "pilot", "--rig", "rig.toml"]) == 0
    assert json.loads(Path("pilot/project.json").read_text())["rig"] == str(tmp_path / "rig.toml")
    assert main(["new", "other", "--rig", "rgi.toml"]) == 2
    assert not Path("other").exists()


def test_a_calibration_stands_in_for_that_of_the_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_bundle(tmp_path / "capture")
    optics = {"width": SIZE[0], "height": SIZE[1], "K": K, "distortion": [0.0] * 5, "rig_from_camera": pose(-60.0)}
    data = {"schema": "faceapp/calibration", "schema_version": 1, "cameras": {"middle-ir-1": optics}}
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps(data))
    arguments = ["decode", str(bundle), "--calibration", str(file), "--out"]
    assert main([*arguments, str(tmp_path / "out")]) == 0
    optics["K"] = [[1, 0], [0, 1]]
    file.write_text(json.dumps(data))
    assert main([*arguments, str(tmp_path / "out2")]) == 1
    assert "field cameras.middle-ir-1.K" in capsys.readouterr().err


def test_a_sample_is_named_inside_its_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with Project.create(tmp_path / "pilot") as project:
        project.add_subject()
        with project.new_sample("S0001", "smile") as (sample, folder):
            write_bundle(folder / "capture")
    assert main(["decode", "S0001/smile/1", "--project", "pilot", "--out", "out"]) == 0
    assert main(["decode", "S0001/smile/1", "--project", "pilot"]) == 0
    assert (tmp_path / f"{sample.id}-decoded" / "middle.ply").is_file()
    assert main(["decode", "S0001/smile/7", "--project", "pilot"]) == 2
    assert "there is no sample S0001/smile/7" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["fuse", "register", "reconstruct"])
def test_landmarks_are_those_of_one_input(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    inputs = [str(write_bundle(tmp_path / name)) for name in "ab"]
    assert main([command, *inputs, "--landmarks", str(tmp_path / "a.json"), "--out", str(tmp_path / "out")]) == 2
    assert "one at a time" in capsys.readouterr().err


def test_what_holds_no_scan_cannot_be_registered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, told in ((tmp_path, "holds no mesh.ply and no capture.json"), (tmp_path / "x", "does not exist")):
        assert main(["register", str(path), "--out", str(tmp_path / "out")]) == 1
        assert told in capsys.readouterr().err


def test_doctor_says_that_no_project_can_lie_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["doctor", str(tmp_path / "file")]) == 1
    assert "file is a file, so no project can lie there" in capsys.readouterr().out
