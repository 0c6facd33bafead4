"""Which registration of the neutral an expression is bent from."""

from __future__ import annotations

from pathlib import Path

from faceapp.app.sample_stages import own_neutral
from faceapp.app.template import own_template
from faceapp.core.results import Provenance, Report
from faceapp.core.subject import Sample
from faceapp.formats.ply import write_mesh
from faceapp.formats.reports import write_report
from faceapp.store.project import Project


def registered(project: Project, sample: Sample, name: str) -> Path:
    run = project.sample_folder(sample) / "runs" / name
    run.mkdir(parents=True)
    write_mesh(run / "registered.ply", own_template().mesh)
    write_report(run / "report.json", Report((), Provenance("register", "1")))
    return run


def test_a_rigid_registration_is_no_shape_of_the_subject(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p") as project:
        code = project.add_subject(consent=("record",)).code
        samples = []
        for expression in ("neutral", "smile"):
            with project.new_sample(code, expression) as (sample, _):
                samples.append(sample)
        neutral, smile = samples
        assert own_neutral(project, smile) is None
        registered(project, neutral, "register-rigid-0123456789")
        assert own_neutral(project, smile) is None
        bent = registered(project, neutral, "register-nicp-0123456789")
        assert own_neutral(project, smile) == bent
        assert own_neutral(project, neutral) is None
