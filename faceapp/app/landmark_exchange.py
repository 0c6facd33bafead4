"""Landmarks in and out of a project, onto scans, and first guesses, without a window."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from faceapp.app.decoding import decode_bundle, resolve_bundle
from faceapp.app.fusing import colour_cameras, lift_views
from faceapp.app.outputs import check_file
from faceapp.app.sample_landmarks import PREFILL, current_landmarks, landmarks_from_outside
from faceapp.app.sample_stages import landmarks_on_scan
from faceapp.app.sample_views import read_views
from faceapp.app.template import own_modes, own_template
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy
from faceapp.core.subject import Sample
from faceapp.formats.atomic import append_line
from faceapp.formats.capture_bundle import FILE, read_bundle
from faceapp.formats.images import read_image
from faceapp.formats.landmark_files import read_landmarks, write_landmarks
from faceapp.formats.mesh_files import SUFFIXES, read_any_mesh
from faceapp.landmarks.foreign_models import detect_by_mapping, read_mapping
from faceapp.landmarks.history import Act, Change, LandmarkJournal, Placed
from faceapp.landmarks.lifting import join_views, project_landmarks
from faceapp.landmarks.prefill import find_points, prefill_photograph, prefill_scan
from faceapp.landmarks.scheme import load_scheme
from faceapp.store.project import Project, utc_now


def import_landmarks(project: Project, sample: Sample, file: Path, annotator: str, view: str | None = None) -> str:
    """Bring a 2D landmark file into a sample as an annotator's work; each point goes through the journal.

    Returns
    -------
    str
        The view.

    Raises
    ------
    UsageError
        The file is 3D, or it is not said which view it belongs to.
    """
    project.must_write()
    _check_annotator(annotator)
    marks = read_landmarks(file)
    if not isinstance(marks, Landmarks2D):
        raise UsageError(f"{file}: 2D landmarks of a view are expected; a sample's 3D landmarks come from its pictures")
    folder = project.sample_folder(sample)
    views = {v.name for v in read_views(read_bundle(folder / "capture"))}
    name = view or marks.view
    if name not in views:
        known = ", ".join(sorted(views))
        raise UsageError(f"{file}: {name!r} is no picture of {sample.id}; say which with --view ({known})")
    journal = LandmarkJournal(folder / "landmarks" / annotator / "journal.jsonl")
    stamp = {"by": annotator, "at": utc_now(), "from": file.name}
    placed = np.flatnonzero(marks.placed).tolist()
    states = {i: Placed((float(marks.points[i][0]), float(marks.points[i][1])), marks.visibility[i]) for i in placed}
    if states:
        journal.append(Act(tuple(Change(name, i, state) for i, state in states.items()), "import"), stamp)
    return name


def export_landmarks(
    project: Project, sample: Sample, out: Path, kind: str = "json", *, force: bool = True
) -> list[Path]:
    """Write the landmarks that count of each view, and the 3D ones where the sample is fused.

    Returns
    -------
    list of Path
        What was written.
    """
    folder = project.sample_folder(sample)
    stem = f"{sample.subject}-{sample.expression}-{sample.take}"
    if not (folder / "capture" / FILE).is_file():
        return _write_all({out / f"{stem}-{n}.{kind}": m for n, m in landmarks_from_outside(folder).items()}, force)
    marks, who = current_landmarks(folder, read_bundle(folder / "capture"))
    files: dict[Path, Landmarks2D | Landmarks3D] = {
        out / f"{stem}-{name}.{kind}": replace(view, annotator=who) for name, view in marks.items()
    }
    if kind == "json" and (folder / "scan" / "fused.ply").is_file():
        files[out / f"{stem}-3d.json"] = landmarks_on_scan(folder)[0]
    if not files:
        raise DataError(f"{sample.id} has no calibrated colour picture, so it has no landmarks")
    return _write_all(files, force)


def _write_all(files: Mapping[Path, Landmarks2D | Landmarks3D], force: bool) -> list[Path]:
    """Write landmark files, none before all may be written."""
    for file in files:
        check_file(file, force=force)
    for file, marks in files.items():
        write_landmarks(file, marks)
    return list(files)


def lift_landmarks(bundle_path: Path, files: list[Path], out: Path, *, force: bool = True) -> Landmarks3D:
    """Lift 2D landmark files of a capture onto its scan and write the 3D landmarks.

    Raises
    ------
    UsageError
        No file, or a 3D one.
    DataError
        A view is no camera of the capture, or no point lies on the scan.
    """
    check_file(out, force=force)
    bundle = read_bundle(resolve_bundle(bundle_path))
    views: dict[str, Landmarks2D] = {}
    for file in files:
        marks = read_landmarks(file)
        if not isinstance(marks, Landmarks2D):
            raise UsageError(f"{file}: 2D landmarks are expected")
        views[marks.view] = marks
    if not views:
        raise UsageError("name at least one 2D landmark file with --landmarks")
    decoded = decode_bundle(bundle)
    lifted = lift_views(decoded, colour_cameras(bundle), views)
    if not lifted:
        raise DataError(f"{bundle_path}: none of the views belongs to a group with a cloud")
    joined = join_views(lifted, ("middle",))
    if not joined.placed.any():
        raise DataError(f"{bundle_path}: no landmark lies on the scan; are they of this capture?")
    write_landmarks(out, joined)
    return joined


def prefill_to_folder(path: Path, out: Path, *, model: Path | None = None, force: bool = True) -> list[Path]:
    """Write a first guess for a photograph, a mesh or a capture.

    Parameters
    ----------
    path : Path
        What to look at.
    out : Path
        Folder.
    model : Path, optional
        Mapping file of somebody else's landmark model, for a photograph; by default the program's own network.
    force : bool
        Write over what is there.

    Returns
    -------
    list of Path
        What was written: one file a picture, and ``3d.json`` where there is a surface.
    """
    if path.suffix.lower() in SUFFIXES:
        mesh = read_any_mesh(path)
        if not len(mesh.faces):
            raise DataError(f"{path} has no triangles; a surface is needed")
        file = out / f"{path.stem}-3d.json"
        check_file(file, force=force)
        guess = prefill_scan(own_template(), mesh.vertices, mesh.vertex_normals(), own_modes())
        return _write_all({file: guess}, force)
    if path.is_file() and path.name != "capture.json":
        image = read_image(path)
        if image.ndim != 3:
            raise DataError(f"{path}: a colour picture is expected")
        file = out / f"{path.stem}.json"
        check_file(file, force=force)
        if model is None:
            return _write_all({file: prefill_photograph(image, load_scheme(), path.name)}, force)
        return _write_all({file: detect_by_mapping(image, read_mapping(model), load_scheme(), path.name)}, force)
    if model is not None:
        raise UsageError("--model is for a photograph; a capture is prefilled by the program's own network")
    return _write_all(_prefill_capture(resolve_bundle(path), out), force)


def _prefill_capture(folder: Path, out: Path) -> dict[Path, Landmarks2D | Landmarks3D]:
    bundle = read_bundle(folder)
    decoded = decode_bundle(bundle)
    scans = [s for s in decoded.scans.values() if s.cloud.normals is not None]
    if not scans:
        raise DataError(f"{folder}: no group could be decoded")
    points = np.concatenate([s.cloud.points for s in scans])
    normals = np.concatenate([s.cloud.normals for s in scans if s.cloud.normals is not None])
    marks = prefill_scan(own_template(), points, normals, own_modes())
    files: dict[Path, Landmarks2D | Landmarks3D] = {out / "3d.json": marks}
    for view in read_views(bundle):
        depth = decoded.scans[view.group].depths.get(view.name) if view.group in decoded.scans else None
        found = find_points(view.picture, load_scheme(), view.name)
        if found is not None:
            files[out / f"{view.name}.json"] = found
        elif view.camera is not None:
            files[out / f"{view.name}.json"] = project_landmarks(marks, view.camera, depth, placed_by=PlacedBy.PREFILL)
    return files


def select_annotator(project: Project, sample: Sample, annotator: str) -> None:
    """Say whose landmarks of a sample count."""
    project.must_write()
    folder = project.sample_folder(sample) / "landmarks"
    if annotator != PREFILL:
        _check_annotator(annotator)
    if not (folder / annotator).is_dir():
        raise UsageError(f"{annotator} has not annotated {sample.id}; there are: {_annotators(folder)}")
    append_line(folder / "selected.jsonl", json.dumps({"annotator": annotator, "at": utc_now()}))


def _check_annotator(name: str) -> None:
    """Initials name a folder: they may not leave it, hide in it, or be taken for the first guess."""
    if name == PREFILL or not re.fullmatch(r"[\w-]{1,40}", name):
        raise UsageError(f"--annotator {name!r}: initials are expected, letters, digits, _ and - only, such as A03")


def _annotators(folder: Path) -> str:
    return ", ".join(sorted(json.dumps(p.name) for p in folder.glob("*") if p.is_dir())) or "nobody"
