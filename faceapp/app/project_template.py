"""The registration template of a project: our own head, or a mesh of the lab's that the project keeps a copy of."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceapp.app.template import OWN_TEMPLATE, load_template
from faceapp.app.template_making import MadeTemplate, make_template
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.core.template import Template
from faceapp.formats.ply import read_mesh
from faceapp.formats.template_files import read_template, write_template
from faceapp.store.project import Project

FOLDER = "templates"


def template_file(project: Project) -> Path | None:
    """Return the JSON file of a project's template; ``None`` is our own head."""
    named = str(project.settings.get("template", OWN_TEMPLATE))
    return None if named == OWN_TEMPLATE else project.folder / named


def template_files(project: Project) -> tuple[Path, ...]:
    """Return the templates that a project keeps, by name."""
    return tuple(sorted((project.folder / FOLDER).glob("*.json")))


def project_template(project: Project) -> tuple[Template, npt.NDArray[np.float32] | None]:
    """Return a project's template and its modes, as `faceapp.app.template.load_template`.

    Raises
    ------
    DataError
        Its file is missing or wrong; the message says how to choose another.
    """
    file = template_file(project)
    if file is None:
        return load_template(None)
    try:
        stats = [f.stat() for f in (file, file.with_suffix(".ply"))]
        return _read_once(file, *(s.st_mtime_ns for s in stats))
    except (OSError, DataError) as error:
        raise DataError(
            f"the project's template cannot be read ({error}); choose another in Review, Register, or with: "
            f"faceapp template use {project.folder} {OWN_TEMPLATE}"
        ) from error


@functools.lru_cache(maxsize=4)
def _read_once(file: Path, *changed: int) -> tuple[Template, npt.NDArray[np.float32] | None]:
    del changed  # they make the key
    return load_template(file)


def use_template(project: Project, file: Path | None) -> Template:
    """Register the samples of a project with this template from now on; the project keeps a copy of it.

    Parameters
    ----------
    project : Project
        Open for writing.
    file : Path or None
        Its JSON file; ``None`` or ``faceapp-head`` is our own head.

    Raises
    ------
    DataError
        The file is missing or wrong.
    UsageError
        The project keeps another template of that name.
    """
    project.must_write()
    if file is None or str(file) == OWN_TEMPLATE:
        project.change_settings({"template": OWN_TEMPLATE})
        return load_template(None)[0]
    template = read_template(file)
    if file.resolve().parent != (project.folder / FOLDER).resolve():
        file = _keep(project, template, file.stem)
    project.change_settings({"template": f"{FOLDER}/{file.name}"})
    return template


def make_project_template(
    project: Project,
    sample: Sample,
    landmarks: Landmarks3D,
    name: str,
    *,
    licence: str = "",
    reporter: Reporter | None = None,
) -> tuple[Path, MadeTemplate]:
    """Make a template of a sample's scan, whose vertex order becomes the template's; the project keeps it.

    Parameters
    ----------
    project : Project
        Open for writing.
    sample : Sample
        A mesh from outside, or a fused capture.
    landmarks : Landmarks3D
        On its scan: they become the anchors.
    name : str
        Letters, digits, ``-`` and ``_``: of the template and its files.
    licence : str
        Of the mesh.
    reporter : Reporter, optional
        Told of progress; can stop the work.

    Returns
    -------
    Path
        The template's JSON file.
    MadeTemplate
        The template, and which landmarks have no anchor.

    Raises
    ------
    UsageError
        The name cannot be that of a file, or is taken.
    DataError
        The sample has no mesh, or the landmarks do not lie on it.
    """
    project.must_write()
    _check_name(name)
    if (project.folder / FOLDER / f"{name}.json").exists():
        raise UsageError(f"the project has a template {name} already; choose another name")
    mesh_file = project.sample_folder(sample) / "scan" / "mesh.ply"
    if not mesh_file.is_file():
        raise DataError(f"{sample.subject} {sample.expression} has no mesh; fuse it first, or import a mesh")
    made = make_template(read_mesh(mesh_file), name, landmarks, licence, reporter)
    return _write(project, made.template, name), made


def _keep(project: Project, template: Template, name: str) -> Path:
    _check_name(name)
    kept = project.folder / FOLDER / f"{name}.json"
    if kept.exists() and not _same(read_template(kept), template):
        raise UsageError(f"the project keeps another template {name} already; rename the new one's file")
    return _write(project, template, name)


def _same(one: Template, other: Template) -> bool:
    pairs = (
        (one.mesh.vertices, other.mesh.vertices),
        (one.mesh.faces, other.mesh.faces),
        (one.anchor_triangles, other.anchor_triangles),
        (one.parts, other.parts),
        (one.face, other.face),
    )
    # A weight is written with six digits, and NaN where there is no anchor.
    weights = np.allclose(one.anchor_weights, other.anchor_weights, atol=1e-6, equal_nan=True)
    return weights and one.stiffness == other.stiffness and all(np.array_equal(a, b) for a, b in pairs)


def _write(project: Project, template: Template, name: str) -> Path:
    folder = project.folder / FOLDER
    folder.mkdir(exist_ok=True)
    write_template(folder / f"{name}.json", template)
    return folder / f"{name}.json"


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UsageError(f"the name {name!r} of a template must be letters, digits, - and _")
    if name == OWN_TEMPLATE:
        raise UsageError(f"{OWN_TEMPLATE} is our own template; choose another name")
