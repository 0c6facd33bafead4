"""Non-rigid ICP with a stiffness of its own for each part of the face.

Two stages, as pixel-face.txt 4.1 has them: landmarks and rigid ICP, then a deformation whose stiffness varies in
space (Eq. 3, lambda_p). Unknown is the displacement of each vertex, its smoothness is bending alone: with per-vertex
transformations, as Eq. 3 is printed (preset ``paper``), the same landmarks leave larger correspondence errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from faceapp.core.arrays import FloatArray
from faceapp.core.mesh import Mesh
from faceapp.core.results import Registration
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.deformation import DeformationSolver, bending_matrix
from faceapp.geometry.untangling import untangled
from faceapp.pipeline.contract import Job, plugin
from faceapp.pipeline.parameters import Between, Choice, Unit, Value
from faceapp.pipeline.stages import RegistrationInput
from faceapp_plugins.registration.nicp_eq3 import fit_transformations
from faceapp_plugins.registration.rigid_start import from_own_neutral, rigid_start
from faceapp_plugins.registration.scan_search import (
    ScanSearch,
    Search,
    judge,
    landmark_rows,
    part_stiffness,
    takes_data,
    yielding_rows,
)


@dataclass(frozen=True, kw_only=True)
class BendingParameters:
    """Of a template that bends onto a scan."""

    stiffness: Annotated[float, Between(0.05, 20.0)] = 1.0
    """Multiplies the stiffness of every part: higher is smoother, lower follows the scan more closely."""

    landmark_weight: Annotated[float, Between(0.0, 20.0)] = 1.0
    """How strongly landmarks lead while the template is stiff; they fade at the end."""

    contour_weight: Annotated[float, Between(0.0, 1.0)] = 0.3
    """How strongly the points of the outline lead beside the others, for they slide; 0 leaves them out."""

    max_distance: Annotated[float, Between(0.5, 50.0), Unit("mm")] = 15.0
    """Points of the scan farther than this are ignored in the first rounds; the limit falls to a fifth."""

    max_angle: Annotated[float, Between(10.0, 90.0), Unit("deg")] = 50.0
    """Points whose normal differs by more are another surface."""

    rounds: Annotated[int, Between(1, 20)] = 4
    """Rounds of closest points at each stiffness."""

    scale: bool = True
    """Whether the template may change its size as a whole before it bends."""

    part_stiffness: str = ""
    """Parts that are stiffer or softer than the template says, each with its factor, such as lips=3, nose=0.5."""


@dataclass(frozen=True, kw_only=True)
class Parameters(BendingParameters):
    """Of the non-rigid ICP."""

    method: Annotated[str, Choice("bending", "transformations")] = "bending"
    """What is unknown: a displacement of each vertex that bends, or a transformation of each (Eq. 3 as printed)."""

    PRESETS: ClassVar[dict[str, dict[str, Value]]] = {
        "smooth": {"stiffness": 3.0},
        "close": {"stiffness": 0.3},
        "paper": {"method": "transformations", "rounds": 2},
    }


@dataclass(frozen=True, eq=False)
class Stage:
    """Rounds at one stiffness.

    Parameters
    ----------
    stiffness : float
        Weight of bending.
    landmark_weight : float
        mm^2, of each landmark.
    reach : float
        Share of the largest distance.
    search : Search, optional
        What leads; by default closest points.
    yielded : (V,) float64, optional
        Share of its weight that a landmark loses at each vertex, 0 to 1; pins lose nothing.
    resumes : bool
        Whether bending is measured from where the stage before ended instead of from rest: what that stage held back
        for the template's sake is then free, and only what comes after is smooth.
    """

    stiffness: float
    landmark_weight: float
    reach: float
    search: Search | None = None
    yielded: FloatArray | None = None
    resumes: bool = False


_COARSE = (Stage(1e5, 40.0, 1.0), Stage(1e4, 40.0, 0.8), Stage(1e3, 40.0, 0.6))
"""On the thinned template."""

_FINE = (Stage(1e2, 20.0, 0.4), Stage(10.0, 5.0, 0.25), Stage(1.0, 2.0, 0.2))
"""On the template itself: landmarks are noisier than the surface, so they fade."""

_COARSE_VERTICES = 3000


@plugin(stage="register", name="nicp", version="1.3.0", title="Non-rigid ICP", family="open3d")
def register(job: Job, subject: RegistrationInput, parameters: Parameters) -> Registration:
    """Lay the template onto the scan."""
    fit = fit_transformations if parameters.method == "transformations" else fit_displacements
    return replace(fit(job, from_own_neutral(subject, job), parameters), template=subject.template)


def fit_displacements(
    job: Job,
    subject: RegistrationInput,
    parameters: BendingParameters,
    fine: tuple[Stage, ...] = _FINE,
) -> Registration:
    """Lay the template onto the scan by a displacement of each vertex that bends little.

    Parameters
    ----------
    job : Job
        Told of progress.
    subject : RegistrationInput
        Scan, template, landmarks.
    parameters : BendingParameters
        Of the method.
    fine : tuple of Stage
        On the template itself, after its thinned copy was led by closest points.
    """
    template, scan = subject.template, subject.scan
    job.progress(0.02, "building the search tree")
    surface = ScanSearch(scan, parameters.max_angle)
    start = rigid_start(subject, scale=parameters.scale, job=job)
    rest = start.apply(template.mesh.vertices)
    rows, targets = landmark_rows(template, subject.landmarks, subject.pins, parameters.contour_weight)
    stiffness = parameters.stiffness * part_stiffness(template, parameters.part_stiffness)
    shape = _Shape(rest, template.mesh.faces, stiffness, takes_data(template), rows)
    job.progress(0.15, "coarse fit")
    displacement = _coarse_fit(job, shape, surface, targets, parameters)
    step = (0.94 - 0.4) / len(fine)
    for i, stage in enumerate(fine):
        held, there = shape, targets
        if stage.yielded is not None:
            rows, there = yielding_rows(shape.landmark_rows, targets, stage.yielded, pins=len(subject.pins))
            held = replace(shape, landmark_rows=rows)
        span = (0.4 + step * i, 0.4 + step * (i + 1))
        displacement = _fit_stage(job, held, displacement, stage.search or surface, there, stage, parameters, span)
    job.progress(0.94, "taking back folds")
    bending = bending_matrix(rest, shape.faces, shape.mesh.vertex_areas(), stiffness)
    displacement = untangled(rest, displacement, shape.faces, bending, template.face)
    job.progress(0.96, "measuring")
    vertices = rest + displacement
    distance, confidence = judge(surface, vertices, template.mesh.faces, shape.takes_data)
    return Registration(template, vertices.astype(np.float32), distance, confidence, start)


@dataclass(frozen=True, eq=False)
class _Shape:
    """A template (or its thinned copy) at rest on the scan."""

    rest: FloatArray
    faces: npt.NDArray[np.int32]
    stiffness: FloatArray
    takes_data: npt.NDArray[np.bool_]
    landmark_rows: sp.csr_array

    @property
    def mesh(self) -> Mesh:
        return Mesh(self.rest.astype(np.float32), self.faces)


def _coarse_fit(
    job: Job, shape: _Shape, surface: ScanSearch, targets: FloatArray, parameters: BendingParameters
) -> FloatArray:
    """Fit a thinned copy, then carry its displacement over to the template."""
    if len(shape.rest) <= 2 * _COARSE_VERTICES:
        displacement = np.zeros_like(shape.rest)
        for i, stage in enumerate(_COARSE):
            low = 0.15 + 0.08 * i
            displacement = _fit_stage(job, shape, displacement, surface, targets, stage, parameters, (low, low + 0.08))
        return displacement
    thin, rows, weights = _thinned(shape)
    moved = np.zeros_like(thin.rest)
    for i, stage in enumerate(_COARSE):
        low = 0.15 + 0.08 * i
        moved = _fit_stage(job, thin, moved, surface, targets, stage, parameters, (low, low + 0.08))
    return np.asarray(np.einsum("nk,nkd->nd", weights, moved[rows]))


def _thinned(shape: _Shape) -> tuple[_Shape, npt.NDArray[np.int32], FloatArray]:
    """Return a decimated copy, and for each template vertex the corners and weights of its place on the copy."""
    import open3d as o3d

    dense = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(shape.rest), o3d.utility.Vector3iVector(shape.faces.astype(np.int32))
    )
    ratio = _COARSE_VERTICES / len(shape.rest)
    light = dense.simplify_quadric_decimation(int(len(shape.faces) * ratio))
    light.remove_degenerate_triangles()
    light.remove_unreferenced_vertices()
    vertices, faces = np.asarray(light.vertices), np.asarray(light.triangles).astype(np.int32)
    place = SurfaceTree(vertices, faces).query(shape.rest)
    corners = faces[place.face]
    back = SurfaceTree(shape.rest, shape.faces).query(vertices)
    near = shape.faces[back.face]
    stiffness = np.einsum("nk,nk->n", back.weights, shape.stiffness[near])
    takes = np.einsum("nk,nk->n", back.weights, shape.takes_data[near].astype(np.float64)) > 0.5
    n = len(shape.rest)
    carry = sp.coo_array(
        (place.weights.ravel(), (np.repeat(np.arange(n), 3), corners.ravel())), (n, len(vertices))
    ).tocsr()
    return _Shape(vertices, faces, stiffness, takes, sp.csr_array(shape.landmark_rows @ carry)), corners, place.weights


def _fit_stage(
    job: Job,
    shape: _Shape,
    displacement: FloatArray,
    search: Search,
    targets: FloatArray,
    stage: Stage,
    parameters: BendingParameters,
    span: tuple[float, float],
) -> FloatArray:
    before = displacement if stage.resumes else np.zeros_like(displacement)
    displacement = displacement - before
    shape = replace(shape, rest=shape.rest + before)
    areas = shape.mesh.vertex_areas()
    bending = bending_matrix(shape.rest, shape.faces, areas, shape.stiffness)
    weight_of_marks = stage.landmark_weight * parameters.landmark_weight
    solver = DeformationSolver(stage.stiffness * bending, shape.landmark_rows, weight_of_marks)
    for done in range(parameters.rounds):
        job.progress(
            span[0] + (span[1] - span[0]) * done / parameters.rounds, f"fitting at stiffness {stage.stiffness:g}"
        )
        now = Mesh((shape.rest + displacement).astype(np.float32), shape.faces)
        normals = now.vertex_normals().astype(np.float64)
        weight = np.where(shape.takes_data, areas, 0.0)
        pull = search.attraction(shape.rest + displacement, normals, stage.reach * parameters.max_distance, weight)
        displacement = solver.solve(shape.rest, displacement, pull, targets)
    return before + displacement
