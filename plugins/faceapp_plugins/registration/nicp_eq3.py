"""Eq. 3 of pixel-face.txt as printed: a transformation for each vertex, a stiffness for each part.

``sum_i w_i dist(T, X_i v_i)^2 + lambda_p sum_ij |X_i - X_j|^2`` with 3 x 4 transformations, solved by least squares in
rounds of closest points while the stiffness falls (Amberg, Romdhani, Vetter, CVPR 2007). The default method of ``nicp``
leaves smaller correspondence errors; this one is its preset ``paper``, to be compared with.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from faceapp.core.arrays import FloatArray
from faceapp.core.mesh import Mesh
from faceapp.core.results import Registration
from faceapp.pipeline.contract import Job
from faceapp.pipeline.stages import RegistrationInput
from faceapp_plugins.registration.rigid_start import rigid_start
from faceapp_plugins.registration.scan_search import (
    ScanSearch,
    judge,
    landmark_rows,
    part_stiffness,
    takes_data,
)

_UNIT_MM = 100.0
"""Coordinates are scaled to about 1, so that the linear part and the shift of a transformation weigh alike."""

_LADDER = ((100.0, 5.0, 1.0), (30.0, 5.0, 0.8), (10.0, 3.0, 0.6), (3.0, 1.0, 0.4), (1.0, 0.3, 0.3), (0.3, 0.1, 0.2))
"""Stiffness, landmark weight, share of the largest distance."""


class FitParameters(Protocol):
    """What the fit asks of the parameters of ``nicp``."""

    @property
    def stiffness(self) -> float: ...  # noqa: D102
    @property
    def landmark_weight(self) -> float: ...  # noqa: D102
    @property
    def contour_weight(self) -> float: ...  # noqa: D102
    @property
    def max_distance(self) -> float: ...  # noqa: D102
    @property
    def max_angle(self) -> float: ...  # noqa: D102
    @property
    def rounds(self) -> int: ...  # noqa: D102
    @property
    def scale(self) -> bool: ...  # noqa: D102
    @property
    def part_stiffness(self) -> str: ...  # noqa: D102


def fit_transformations(job: Job, subject: RegistrationInput, parameters: FitParameters) -> Registration:
    """Lay the template onto the scan by a 3 x 4 transformation of each vertex.

    Parameters
    ----------
    job : Job
        Told of progress.
    subject : RegistrationInput
        Scan, template, landmarks.
    parameters : FitParameters
        Those of ``nicp``.
    """
    template = subject.template
    surface = ScanSearch(subject.scan, parameters.max_angle)
    start = rigid_start(subject, scale=parameters.scale, job=job)
    rest = start.apply(template.mesh.vertices)
    centre = rest.mean(axis=0)
    points = np.column_stack([(rest - centre) / _UNIT_MM, np.ones(len(rest))])
    rows, targets = landmark_rows(template, subject.landmarks, subject.pins, parameters.contour_weight)
    smooth = _edge_stiffness(template.mesh.faces, part_stiffness(template, parameters.part_stiffness))
    seen = takes_data(template)
    vertices = rest
    total = len(_LADDER) * parameters.rounds
    for step in range(total):
        stiffness, beta, reach = _LADDER[step // parameters.rounds]
        job.progress(0.1 + 0.85 * step / total, f"fitting at stiffness {stiffness:g}")
        normals = Mesh(vertices.astype(np.float32), template.mesh.faces).vertex_normals().astype(np.float64)
        good, closest, _ = surface.closest(vertices, normals, reach * parameters.max_distance)
        moved = _solve(
            points,
            parameters.stiffness * stiffness * smooth,
            (good & seen).astype(np.float64),
            (closest - centre) / _UNIT_MM,
            rows,
            (targets - centre) / _UNIT_MM,
            beta * parameters.landmark_weight,
        )
        vertices = moved * _UNIT_MM + centre
    job.progress(0.97, "measuring")
    distance, confidence = judge(surface, vertices, template.mesh.faces, seen)
    return Registration(template, vertices.astype(np.float32), distance, confidence, start)


def _edge_stiffness(faces: npt.NDArray[np.int32], stiffness: FloatArray) -> sp.csc_array:
    """Return the (V, V) Laplacian of the edges, each weighed by lambda_p of the part that it lies in."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges = np.unique(edges, axis=0)
    weight = stiffness[edges].mean(axis=1)
    n = len(stiffness)
    rows = np.repeat(np.arange(len(edges)), 2)
    signs = np.tile([1.0, -1.0], len(edges)) * np.sqrt(np.repeat(weight, 2))
    incidence = sp.coo_array((signs, (rows, edges.ravel())), (len(edges), n)).tocsc()
    return sp.csc_array(incidence.T @ incidence)


def _solve(
    points: FloatArray,
    smooth: sp.csc_array,
    weight: FloatArray,
    closest: FloatArray,
    rows: sp.csr_array,
    targets: FloatArray,
    beta: float,
) -> FloatArray:
    """Return the (V, 3) vertices after the best transformations: 4 V unknowns, three right-hand sides."""
    n = len(points)
    index = np.arange(n)
    place = sp.coo_array((points.ravel(), (np.repeat(index, 4), np.arange(4 * n))), (n, 4 * n)).tocsr()
    marks = rows @ place
    normal = sp.kron(smooth, sp.eye_array(4), format="csc")
    normal = normal + place.T @ sp.diags_array(weight) @ place + beta * (marks.T @ marks)
    right = place.T @ (weight[:, None] * closest) + beta * (marks.T @ targets)
    factor = splu(
        sp.csc_matrix(normal + 1e-9 * sp.eye_array(4 * n)),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return np.asarray(place @ factor.solve(np.asarray(right)))
