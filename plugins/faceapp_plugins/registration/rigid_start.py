"""Where the template begins: landmarks first, the shapes themselves where there are none, then trimmed ICP."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from faceapp.core.errors import DataError
from faceapp.core.transforms import Similarity
from faceapp.geometry.rigid import align_pairs, icp, voxel_subset
from faceapp.landmarks.prefill import fit_template
from faceapp.landmarks.scheme import load_scheme
from faceapp.pipeline.contract import Job
from faceapp.pipeline.stages import RegistrationInput


def from_own_neutral(subject: RegistrationInput, job: Job) -> RegistrationInput:
    """Return the subject with its own neutral as the rest shape, where there is one.

    The shape at rest is what bending is counted from: an expression is much closer to the person's own neutral than to
    the average face.
    """
    if subject.start is None:
        return subject
    job.log("the rest shape is the subject's own neutral")
    neutral = replace(subject.template, mesh=subject.template.mesh.with_vertices(subject.start))
    return replace(subject, template=neutral, start=None)


def rigid_start(subject: RegistrationInput, *, scale: bool, job: Job) -> Similarity:
    """Return the similarity that lays the template onto the scan (pixel-face.txt 4.1, first stage).

    Parameters
    ----------
    subject : RegistrationInput
        Scan, template, landmarks.
    scale : bool
        Whether the size is free.
    job : Job
        Told what served as the start.
    """
    template, scan = subject.template, subject.scan
    job.progress(0.06, "finding the start")
    marks = subject.landmarks
    silhouette = set(load_scheme(template.scheme).silhouette)
    anchors = template.landmarks_of(template.mesh.vertices)
    pairs = []
    if marks is not None:
        pairs = [
            i for i in range(len(anchors)) if i not in silhouette and marks.placed[i] and np.isfinite(anchors[i]).all()
        ]
    if marks is not None and len(pairs) >= 6:
        start = align_pairs(anchors[pairs], marks.points[pairs], scale=scale)
        job.log(f"start by {len(pairs)} landmarks, scale {start.scale:.3f}")
    else:
        fitted = fit_template(template, scan.vertices, scan.vertex_normals())
        start = fitted.start
        job.warning("no landmarks lead the registration; its start was found from the shapes alone")
    return _refined(subject, start, job)


def _refined(subject: RegistrationInput, start: Similarity, job: Job) -> Similarity:
    """Trimmed ICP of the face on the scan; the landmarks' start stays where the surfaces do not overlap enough."""
    template, scan = subject.template, subject.scan
    face = np.flatnonzero(template.face)
    face = face[voxel_subset(template.mesh.vertices[face].astype(np.float64), 3.0)]
    source = start.scale * template.mesh.vertices[face].astype(np.float64)
    normals = template.mesh.vertex_normals()[face].astype(np.float64)
    thin = voxel_subset(scan.vertices.astype(np.float64), 1.5)
    try:
        found = icp(
            source,
            normals,
            scan.vertices[thin].astype(np.float64),
            scan.vertex_normals()[thin].astype(np.float64),
            start=start.rigid,
            keep=0.8,
            max_distance=10.0,
            rounds=25,
        )
    except DataError as error:
        job.warning(f"rigid ICP was left out: {error}")
        return start
    job.log(f"rigid ICP: {found.residual:.2f} mm over {found.pairs} pairs in {found.rounds} rounds")
    return Similarity(start.scale, found.transform)
