"""What a path holds, and whether it is whole: ``faceapp info`` and ``faceapp verify``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.app.landmark_conversion import is_foreign_json, read_any_landmarks
from faceapp.app.project_template import project_template
from faceapp.app.rigs import describe_rig
from faceapp.app.sample_stages import runs_of, stale_reasons
from faceapp.core.errors import DataError, FaceappError
from faceapp.core.subject import Sample
from faceapp.formats.calibration_files import read_calibration
from faceapp.formats.capture_bundle import FILE, CaptureBundle, read_bundle
from faceapp.formats.images import PICTURES, read_image
from faceapp.formats.mesh_files import read_any_mesh
from faceapp.formats.ply import read_ply
from faceapp.formats.reports import read_report
from faceapp.formats.schemas import read_json, schema_of
from faceapp.formats.template_files import read_template
from faceapp.fringe.decode import check_sequence
from faceapp.store.project import Project, read_sample


def describe_path(path: Path) -> dict[str, Any]:
    """Return what a project, sample, bundle, mesh, template, report or landmark file holds, as JSON values.

    Raises
    ------
    DataError
        It is none of these, missing or damaged.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist")
    if (path / "project.json").is_file():
        return _describe_project(path)
    if (path / "sample.json").is_file():
        return _describe_sample(path)
    if (path / FILE).is_file():
        return _describe_bundle(read_bundle(path))
    if (path / "report.json").is_file():
        files = sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file())
        return {"kind": "result", **_report(path / "report.json"), "files": files}
    reader = None if path.is_dir() else _READERS.get(path.suffix.lower())
    if reader is not None:
        return reader(path)
    raise DataError(
        f"{path} is nothing that faceapp knows: expected a project, a sample, a capture bundle, a result, "
        f"or a file of the kinds {', '.join(_READERS)}"
    )


def _describe_project(path: Path) -> dict[str, Any]:
    with Project.open(path, read_only=True) as project:
        return {
            "kind": "project",
            "name": project.settings["name"],
            "rig": project.settings["rig"],
            "template": project.settings["template"],
            "subjects": [
                {"code": s.code, "age": s.age, "gender": s.gender, "consent": list(s.consent)}
                for s in project.subjects()
            ],
            "samples": [
                {
                    "sample": f"{s.subject}/{s.expression}/{s.take}",
                    "verdict": s.verdict.value,
                    "captured_at": s.captured_at,
                    "stale": _stale(project, s),
                }
                for s in project.samples()
            ],
            "problems": project.problems,
        }


def _stale(project: Project, sample: Sample) -> list[str]:
    """Why the newest registration of a sample would be another one now; empty where it would not, or there is none."""
    runs = runs_of(project, sample, "register")
    return list(stale_reasons(project, sample, runs[0])) if runs else []


def _describe_sample(path: Path) -> dict[str, Any]:
    sample = read_sample(path)
    home = path.resolve().parents[2]
    stale: list[str] = []
    if (home / "project.json").is_file():
        with Project.open(home, read_only=True) as project:
            stale = _stale(project, sample)
    return {
        "kind": "sample",
        "sample": f"{sample.subject}/{sample.expression}/{sample.take}",
        "captured_at": sample.captured_at,
        "verdict": sample.verdict.value,
        "has": sorted(p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")),
        "runs": sorted(p.name for p in path.glob("runs/*") if not p.name.startswith(".")),
        "stale": stale,
    }


def _describe_bundle(bundle: CaptureBundle) -> dict[str, Any]:
    return {
        "kind": "capture bundle",
        "id": bundle.id,
        "captured_at": bundle.captured_at,
        "subject": bundle.subject,
        "expression": bundle.expression,
        "exposures": len(bundle.sequence),
        "frequencies": list(bundle.sequence.frequencies),
        "groups": [
            {
                "name": g.name,
                "cameras": [f"{c.name} ({c.role}, {'calibrated' if c.model else 'not calibrated'})" for c in g.cameras],
                "projector": f"{g.projector.name} ({'calibrated' if g.projector.optics else 'not calibrated'})",
            }
            for g in bundle.groups
        ],
        "truth": (bundle.folder / "truth").is_dir(),
    }


def _describe_ply(path: Path) -> dict[str, Any]:
    data = read_ply(path)
    points = data.columns("x", "y", "z")
    low, high = (points.min(axis=0), points.max(axis=0)) if points is not None and len(points) else (None, None)
    return {
        "kind": "mesh" if len(data.faces) else "point cloud",
        "vertices": 0 if points is None else len(points),
        "faces": len(data.faces),
        "properties": list(data.vertex),
        "box_mm": None if low is None or high is None else _box(low, high),
    }


def _box(low: np.ndarray, high: np.ndarray) -> list[list[float]]:
    return [[round(float(x), 2) for x in corner] for corner in (low, high)]


def _describe_mesh(path: Path) -> dict[str, Any]:
    mesh = read_any_mesh(path)
    return {
        "kind": "mesh" if len(mesh.faces) else "point cloud",
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "texture": None if mesh.texture is None else f"{mesh.texture.shape[1]} x {mesh.texture.shape[0]}",
        "box_mm": _box(mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)),
    }


def _describe_picture(path: Path) -> dict[str, Any]:
    image = read_image(path)
    return {
        "kind": "picture",
        "width": image.shape[1],
        "height": image.shape[0],
        "colour": image.ndim == 3,
        "type": str(image.dtype),
    }


def _describe_rig(path: Path) -> dict[str, Any]:
    driver, options = describe_rig(str(path))
    return {"kind": "rig", "driver": driver, "options": {name: str(value) for name, value in options.items()}}


def _describe_json(path: Path) -> dict[str, Any]:
    kind = schema_of(path)
    if kind in ("project", "sample", "capture"):
        return describe_path(path.absolute().parent)
    if is_foreign_json(path):
        return {"kind": "landmarks", **_landmarks(path)}
    readers = {"landmarks": _landmarks, "template": _template, "report": _report, "subject": _subject}
    reader = {**readers, "calibration": _calibration}.get(kind)
    if reader is None:
        raise DataError(
            f"{path}: field schema: expected faceapp/ and one of landmarks, template, report, calibration, capture, "
            "project, sample or subject"
        )
    return {"kind": kind, **reader(path)}


def _calibration(path: Path) -> dict[str, Any]:
    found = read_calibration(path)
    facts: dict[str, Any] = {"id": found.id, "made_at": found.made_at, "made_by": found.made_by, "rig": found.rig}
    facts["cameras"] = {name: f"{c.width} x {c.height}, focal {c.K[0, 0]:.1f} px" for name, c in found.cameras.items()}
    return facts | {"projectors": list(found.projectors), "poses": found.extra.get("poses")}


def _subject(path: Path) -> dict[str, Any]:
    return {k: v for k, v in read_json(path, "subject").items() if k not in ("schema", "schema_version")}


def _landmarks(path: Path) -> dict[str, Any]:
    found = read_any_landmarks(path)
    marks = found.marks
    return {
        "scheme": marks.scheme,
        "order": found.order,
        "dimension": marks.points.shape[1],
        "placed": int(marks.placed.sum()),
        "points": len(marks.points),
        "annotator": marks.annotator,
        "revision": marks.revision,
    }


def _template(path: Path) -> dict[str, Any]:
    template = read_template(path)
    return {
        "name": template.name,
        "vertices": len(template.mesh.vertices),
        "anchors": int((template.anchor_triangles[:, 0] >= 0).sum()),
        "parts": list(template.part_names),
    }


def _report(path: Path) -> dict[str, Any]:
    report = read_report(path)
    return {
        "made_by": report.provenance.made_by,
        "metrics": {m.name: m.value for m in report.metrics},
        "warnings": list(report.warnings),
    }


_READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".ply": _describe_ply,
    ".obj": _describe_mesh,
    ".stl": _describe_mesh,
    ".json": _describe_json,
    **dict.fromkeys((".pts", ".ljson", ".fcsv", ".pp"), lambda path: {"kind": "landmarks", **_landmarks(path)}),
    ".toml": _describe_rig,
    **dict.fromkeys(PICTURES, _describe_picture),
}


def verify_path(path: Path) -> list[str]:
    """Return every fault of a project, a sample or a bundle, read to the last frame; empty when it is whole.

    Raises
    ------
    ProjectError
        A project cannot be opened at all.
    """
    if not path.exists():
        return [f"{path} does not exist"]
    if (path / "project.json").is_file():
        with Project.open(path, read_only=True) as project:
            faults = [*project.problems, *_fault(lambda: project_template(project))]
            for sample in project.samples():
                faults += _verify_sample(project.sample_folder(sample))
            return faults
    if (path / "sample.json").is_file():
        return _verify_sample(path)
    return _verify_bundle(path)


def _verify_sample(folder: Path) -> list[str]:
    faults = _verify_bundle(folder / "capture") if (folder / "capture").is_dir() else []
    for file in sorted(folder.rglob("*")):
        if file.name.startswith(".") or any(p.startswith(".") for p in file.relative_to(folder).parts):
            faults += [f"{file}: a half-written remain"] if file.name.endswith(".part") else []
        elif file.suffix == ".ply" or (file.suffix == ".json" and "landmarks" in file.parts):
            faults += _fault(lambda f=file: describe_path(f))
    return faults


def _verify_bundle(folder: Path) -> list[str]:
    try:
        bundle = read_bundle(folder)
    except FaceappError as error:
        return [str(error)]
    faults: list[str] = []
    for group in bundle.groups:
        faults += _fault(lambda group=group: check_sequence(group.model(), bundle.sequence))
        for camera in group.cameras:
            read = bundle.stack if camera.role == "ir" else bundle.picture
            faults += _fault(lambda read=read, camera=camera: read(camera))
            faults += _fault(lambda camera=camera: bundle.more_stacks(camera))
    return faults


def _fault(act: Any) -> list[str]:
    try:
        act()
    except FaceappError as error:
        return [str(error)]
    return []
