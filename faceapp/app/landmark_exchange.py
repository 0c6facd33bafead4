"""Landmarks in and out of a project, onto scans, and first guesses, without a window."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from faceapp.app.annotation_data import PICTURE_SUFFIXES, PICTURES, read_annotation_data
from faceapp.app.decoding import decode_bundle, resolve_bundle
from faceapp.app.fusing import colour_cameras, lift_views
from faceapp.app.landmark_conversion import OWN, ending_of, holds, read_any_landmarks, write_any_landmarks
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
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.mesh_files import SUFFIXES, read_any_mesh
from faceapp.formats.point_files import SOLID_KINDS
from faceapp.landmarks.foreign_models import detect_by_mapping, read_mapping
from faceapp.landmarks.history import SCAN, Act, Change, LandmarkJournal, Placed
from faceapp.landmarks.lifting import join_views, project_landmarks
from faceapp.landmarks.prefill import find_points, prefill_photograph, prefill_scan
from faceapp.landmarks.scheme import load_scheme
from faceapp.store.project import Project, utc_now

_ON_SCAN_MM = 10.0
"""Median distance to the scan up to which points in space are taken for this sample's."""


@dataclass(frozen=True)
class Imported:
    """What an import did: the view (`SCAN` for points in space), the order that the file had, and how many points."""

    view: str
    order: str
    count: int


def import_landmarks(
    project: Project, sample: Sample, file: Path, annotator: str, view: str | None = None, order: str | None = None
) -> Imported:
    """Bring a landmark file into a sample as an annotator's work; each point goes through the journal.

    Points of a picture go into that view, points in space onto the scan. Points that the file's order does not have
    stay as they are.

    Raises
    ------
    UsageError
        It is not said which view the file belongs to.
    DataError
        The file cannot be read, its order cannot be told, or its points do not lie on the sample's scan.
    """
    project.must_write()
    _check_annotator(annotator)
    found = read_any_landmarks(file, order)
    marks = found.marks
    folder = project.sample_folder(sample)
    name = _view_of(folder, sample, marks, file, view) if isinstance(marks, Landmarks2D) else SCAN
    if isinstance(marks, Landmarks3D):
        _check_on_scan(folder, marks, file)
    placed = np.flatnonzero(marks.placed).tolist()
    states = {i: Placed(tuple(float(x) for x in marks.points[i]), marks.visibility[i]) for i in placed}
    if states:
        journal = LandmarkJournal(folder / "landmarks" / annotator / "journal.jsonl")
        stamp = {"by": annotator, "at": utc_now(), "from": file.name}
        journal.append(Act(tuple(Change(name, i, state) for i, state in states.items()), "import"), stamp)
    return Imported(name, found.order, len(states))


def _view_of(folder: Path, sample: Sample, marks: Landmarks2D, file: Path, view: str | None) -> str:
    if (folder / "capture" / FILE).is_file():
        views = {v.name for v in read_views(read_bundle(folder / "capture"))}
    else:
        views = {f.stem for f in folder.glob(f"{PICTURES}/*") if f.suffix.lower() in PICTURE_SUFFIXES}
    name = view or marks.view or (next(iter(views)) if len(views) == 1 else "")
    if name not in views:
        known = ", ".join(sorted(views))
        raise UsageError(f"{file}: {name!r} is no picture of {sample.id}; say which with --view ({known})")
    return name


def _check_on_scan(folder: Path, marks: Landmarks3D, file: Path) -> None:
    data = read_annotation_data(folder)
    clouds = [data.mesh.vertices] if data.mesh is not None else [c.points for c in data.clouds.values()]
    if not clouds:
        raise DataError(f"{file}: points in space are for a sample with a scan, and {folder.name} has none")
    gap = np.asarray(cKDTree(np.concatenate(clouds)).query(marks.points[marks.placed])[0])
    if not len(gap) or float(np.median(gap)) > _ON_SCAN_MM:
        told = f"{float(np.median(gap)):.0f} mm from it" if len(gap) else "none is placed"
        raise DataError(
            f"{file}: the points do not lie on the scan of {folder.name} (half are more than {told}); they must be in "
            "mm and in the frame of its mesh"
        )


def export_landmarks(
    project: Project,
    sample: Sample,
    out: Path,
    kind: str = "json",
    *,
    order: str | None = None,
    force: bool = True,
) -> list[Path]:
    """Write the landmarks that count of each view, and the 3D ones where there are any, as far as the kind holds them.

    Parameters
    ----------
    project, sample : Project, Sample
        Whose.
    out : Path
        Folder.
    kind : str
        One of `landmark_conversion.ALL_KINDS`.
    order : str, optional
        Of the points; the scheme's by default.
    force : bool
        Write over what is there.

    Returns
    -------
    list of Path
        What was written.
    """
    folder = project.sample_folder(sample)
    stem = f"{sample.subject}-{sample.expression}-{sample.take}"
    found: dict[str, Landmarks2D | Landmarks3D] = {}
    if (folder / "capture" / FILE).is_file():
        marks, who = current_landmarks(folder, read_bundle(folder / "capture"))
        found |= {name: replace(view, annotator=who) for name, view in marks.items()}
        if (folder / "scan" / "fused.ply").is_file():
            found["3d"] = landmarks_on_scan(folder)[0]
        if not found:
            raise DataError(f"{sample.id} has no calibrated colour picture, so it has no landmarks")
    else:
        found |= landmarks_from_outside(folder)
    held = {name: m for name, m in found.items() if holds(kind, m)}
    if not held:
        lacks = "3D landmarks, fuse it first" if kind in SOLID_KINDS else "landmarks of pictures"
        raise DataError(f"{sample.id} has no {lacks}; --format {kind} holds no others")
    return _write_all({out / f"{stem}-{n}{ending_of(kind)}": m for n, m in held.items()}, force, kind, order)


def _write_all(
    files: Mapping[Path, Landmarks2D | Landmarks3D], force: bool, kind: str = OWN, order: str | None = None
) -> list[Path]:
    """Write landmark files, none before all may be written."""
    for file in files:
        check_file(file, force=force)
    for file, marks in files.items():
        write_any_landmarks(file, marks, kind, order)
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
        marks = read_any_landmarks(file).marks
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
