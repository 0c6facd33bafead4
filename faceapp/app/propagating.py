"""Carry the landmarks of one sample to the other expressions of its subject, as their first guess with a sigma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceapp.app.annotation_data import SCAN_PREFILL, AnnotationData, read_annotation_data
from faceapp.app.sample_landmarks import PREFILL, selected_annotator
from faceapp.app.sample_views import joined_cloud
from faceapp.app.template import own_template
from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.formats.landmark_files import write_landmarks
from faceapp.geometry.rigid import align_pairs
from faceapp.landmarks.history import LandmarkJournal
from faceapp.landmarks.lifting import project_landmarks
from faceapp.landmarks.propagation import CarriedPoints, PersonalFace, ScanPoints, carry, personal_face
from faceapp.landmarks.scheme import load_scheme
from faceapp.morphable.head import load_head
from faceapp.store.project import Project, utc_now

_LEAST_STEADY = 4
_EYE_SIGMA_MM = 1.0
"""Of a pupil: the head's template has none, and a gaze may turn between two takes."""


@dataclass(frozen=True, eq=False)
class Propagated:
    """What a sample got.

    Parameters
    ----------
    sample : Sample
        Which.
    points : (n, 3) float64
        On its scan, mm; NaN where not carried.
    sigma : (n,) float64
        Expected error, mm.
    """

    sample: Sample
    points: FloatArray
    sigma: FloatArray


def propagate_sample(
    project: Project,
    source: Sample,
    targets: Sequence[Sample] | None = None,
    annotator: str | None = None,
    reporter: Reporter | None = None,
) -> list[Propagated]:
    """Carry landmarks to other samples of the subject; what people placed there stays.

    Parameters
    ----------
    project : Project
        Open for writing.
    source : Sample
        Whose landmarks.
    targets : sequence of Sample, optional
        By default all others of the subject.
    annotator : str, optional
        Whose landmarks of the source; by default those that count.
    reporter : Reporter, optional
        Told of progress and of samples that did not work; can stop the work.

    Raises
    ------
    UsageError
        There is nothing to carry, or no sample to carry it to.
    DataError
        None of the targets has a scan that the face could be bent onto.
    """
    project.must_write()
    reporter = reporter or Reporter()
    wanted = [s for s in targets or project.samples(subject=source.subject) if s.id != source.id]
    if not wanted:
        raise UsageError(f"{source.subject} has no other sample than {source.id}")
    reporter.progress(0.0, "bending the face onto the scan")
    folder = project.sample_folder(source)
    data = read_annotation_data(folder)
    marks = landmarks_on(data, folder, annotator)
    head = load_head(2)
    face = personal_face(
        own_template(), head.identity_basis, head.expression_basis, scan_points(data, folder), marks.points
    )
    made: list[Propagated] = []
    for i, target in enumerate(wanted):
        reporter.progress((i + 1) / (len(wanted) + 1), target.expression)
        try:
            made.append(_propagate(project, face, marks.points, target))
        except DataError as error:
            reporter.warning(f"{target.id}: {error}")
    if not made:
        raise DataError(f"none of the {len(wanted)} samples could take the landmarks of {source.id}")
    reporter.progress(1.0, "propagated")
    return made


def landmarks_on(data: AnnotationData, folder: Path, annotator: str | None = None) -> Landmarks3D:
    """Return the landmarks of an annotator on a sample's scan; without a name, those that count."""
    who = annotator or selected_annotator(folder)
    board = data.board()
    journal = LandmarkJournal(folder / "landmarks" / who / "journal.jsonl")
    board.update(journal.state if who != PREFILL else {}, who, journal.revision)
    return board.joined


def scan_points(data: AnnotationData, folder: Path) -> ScanPoints:
    """Return a sample's scan ready to be searched.

    Raises
    ------
    DataError
        There is none, or it has no normals.
    """
    if data.clouds:
        cloud = joined_cloud(data.clouds)
        if cloud.normals is None:
            raise DataError(f"the scan of {folder.name} has no normals")
        return ScanPoints.of(cloud.points, cloud.normals)
    if data.mesh is None:
        raise DataError(f"{folder.name} has no scan, so landmarks cannot be carried over it")
    return ScanPoints.of(data.mesh.vertices, data.mesh.vertex_normals())


def _propagate(project: Project, face: PersonalFace, source: FloatArray, target: Sample) -> Propagated:
    folder = project.sample_folder(target)
    data = read_annotation_data(folder)
    carried = with_eyes(carry(face, scan_points(data, folder)), source)
    marks = Landmarks3D(
        points=carried.points,
        sigma=carried.sigma,
        placed_by=(PlacedBy.PROPAGATION,) * len(carried.points),
        created_at=utc_now(),
    )
    out = folder / "landmarks" / PREFILL
    for view in data.views:
        if view.camera is None:
            continue
        there = project_landmarks(marks, view.camera, data.depths.get(view.name), normals=carried.normals)
        _, depth = view.camera.project(carried.points)
        scale = float(view.camera.K[0, 0]) / depth
        write_landmarks(
            out / f"{view.name}.json", _filled(replace(there, sigma=carried.sigma * scale), data, view.name)
        )
    if not data.views:
        write_landmarks(out / SCAN_PREFILL, marks)
    return Propagated(target, carried.points, carried.sigma)


def with_eyes(carried: CarriedPoints, source: FloatArray) -> CarriedPoints:
    """Give the pupils, which no template has on its skin, the motion of head and lids."""
    scheme = load_scheme()
    points, sigma = carried.points.copy(), carried.sigma.copy()
    both = np.asarray(np.isfinite(points).all(axis=1) & np.isfinite(source).all(axis=1))
    steady = [i for i in scheme.rigid_anchors if both[i]]
    if len(steady) < _LEAST_STEADY:
        return carried
    motion = align_pairs(source[steady], points[steady]).rigid
    for pair in scheme.linked:
        lids = [i for i in scheme.group_of(pair[0]).indices if both[i]]
        for i in pair:
            if lids and not np.isfinite(points[i]).all() and np.isfinite(source[i]).all():
                with_lids = (points[lids] - motion.apply(source[lids])).mean(axis=0)
                points[i] = motion.apply(source[i]) + with_lids
                sigma[i] = _EYE_SIGMA_MM
    return replace(carried, points=points, sigma=sigma)


def _filled(there: Landmarks2D, data: AnnotationData, view: str) -> Landmarks2D:
    """Points that were not carried keep the first guess that the view had."""
    old = data.prefill[view]
    missing = np.asarray(~np.isfinite(there.points).all(axis=1))
    points = np.where(missing[:, None], old.points, there.points)
    both = list(zip(missing.tolist(), there.visibility, old.visibility, strict=True))
    origins = list(zip(missing.tolist(), there.placed_by, old.placed_by, strict=True))
    return replace(
        there,
        points=points,
        visibility=tuple(b if gone else a for gone, a, b in both),
        placed_by=tuple(b if gone else a for gone, a, b in origins),
    )
