"""Non-rigid ICP with a stiffness of its own for each part of the face.

Two stages, as pixel-face.txt 4.1 has them: landmarks and rigid ICP, then a deformation whose stiffness varies in
space (Eq. 3, lambda_p). Unknown is the displacement of each vertex, its smoothness is bending alone: with per-vertex
transformations, as Eq. 3 is printed, the same landmarks leave larger correspondence errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from faceapp.core.arrays import FloatArray
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Registration
from faceapp.core.template import Template
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.deformation import Attraction, DeformationSolver, bending_matrix, smooth_over_mesh
from faceapp.landmarks.scheme import load_scheme
from faceapp.pipeline.contract import Job, plugin
from faceapp.pipeline.parameters import Between, Unit
from faceapp.pipeline.stages import RegistrationInput
from faceapp_plugins.registration.rigid_start import rigid_start

_NO_DATA_PARTS = {"mouth_interior", "mouth interior", "nostrils", "lid_insides", "eyeballs", "teeth", "inner_mouth"}
"""Parts that no scanner sees as the template means them: the skin round them carries them along."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Of the non-rigid ICP."""

    stiffness: Annotated[float, Between(0.05, 20.0)] = 1.0
    """Multiplies the stiffness of every part: higher is smoother, lower follows the scan more closely."""

    landmark_weight: Annotated[float, Between(0.0, 20.0)] = 1.0
    """How strongly landmarks lead while the template is stiff; they fade at the end."""

    max_distance: Annotated[float, Between(0.5, 50.0), Unit("mm")] = 15.0
    """Points of the scan farther than this are ignored in the first rounds; the limit falls to a fifth."""

    max_angle: Annotated[float, Between(10.0, 90.0), Unit("deg")] = 50.0
    """Points whose normal differs by more are another surface."""

    rounds: Annotated[int, Between(1, 20)] = 4
    """Rounds of closest points at each stiffness."""

    scale: bool = True
    """Whether the template may change its size as a whole before it bends."""


_COARSE = ((1e5, 40.0, 1.0), (1e4, 40.0, 0.8), (1e3, 40.0, 0.6))
"""Stiffness, landmark weight (mm^2), share of the largest distance: on the thinned template."""

_FINE = ((1e2, 20.0, 0.4), (10.0, 5.0, 0.25), (1.0, 2.0, 0.2))
"""The same, on the template itself: landmarks are noisier than the surface, so they fade."""

_TANGENTIAL = 0.01
_COARSE_VERTICES = 3000


@plugin(stage="register", name="nicp", version="1.0.0", title="Non-rigid ICP", family="open3d")
def register(job: Job, subject: RegistrationInput, parameters: Parameters) -> Registration:
    """Lay the template onto the scan."""
    template, scan = subject.template, subject.scan
    job.progress(0.02, "building the search tree")
    surface = _Scan(scan, parameters.max_angle)
    start = rigid_start(subject, scale=parameters.scale, job=job)
    rest = start.apply(template.mesh.vertices)
    displacement = np.zeros_like(rest)
    if subject.start is not None:
        displacement = np.asarray(subject.start, np.float64) - rest
    rows, targets = _landmark_rows(template, subject.landmarks)
    stiffness = parameters.stiffness * _part_stiffness(template)
    shape = _Shape(rest, template.mesh.faces, stiffness, _takes_data(template), rows)
    job.progress(0.15, "coarse fit")
    if subject.start is None:
        displacement = _coarse_fit(job, shape, surface, targets, parameters)
    for i, stage in enumerate(_FINE):
        low = 0.4 + 0.18 * i
        displacement = _fit_stage(job, shape, displacement, surface, targets, stage, parameters, (low, low + 0.18))
    job.progress(0.95, "measuring")
    vertices = rest + displacement
    distance, confidence = _judge(surface, vertices, shape)
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


class _Scan:
    """The scan with its tree, and the tests that a closest point must pass."""

    def __init__(self, scan: Mesh, max_angle_deg: float) -> None:
        self.tree = SurfaceTree(scan.vertices, scan.faces)
        self._normals = scan.vertex_normals().astype(np.float64)
        self._faces = scan.faces
        self._border = self.tree.border_faces()
        self._cosine = np.cos(np.radians(max_angle_deg))

    def closest(
        self, vertices: FloatArray, normals: FloatArray, max_distance: float
    ) -> tuple[npt.NDArray[np.bool_], FloatArray, FloatArray]:
        """Return which vertices have a closest point worth following, the points, and the scan's normals there."""
        found = self.tree.query(vertices, max_distance)
        known = found.face >= 0
        face = np.where(known, found.face, 0)
        weights = np.where(known[:, None], found.weights, 0.0)
        there = np.einsum("nk,nkd->nd", weights, self._normals[self._faces[face]])
        length = np.linalg.norm(there, axis=1, keepdims=True)
        there /= np.where(length > 0, length, 1.0)
        # The scan ends at its border: following it would pull the template's rim inwards.
        good = known & ~self._border[face] & (np.einsum("nd,nd->n", there, normals) > self._cosine)
        return good, np.where(known[:, None], found.points, 0.0), there


def _part_stiffness(template: Template) -> FloatArray:
    values = np.array([template.stiffness.get(name, 1.0) for name in template.part_names])
    return smooth_over_mesh(values[template.parts], template.mesh.faces)


def _takes_data(template: Template) -> npt.NDArray[np.bool_]:
    hidden = [i for i, name in enumerate(template.part_names) if name.lower() in _NO_DATA_PARTS]
    return ~np.isin(template.parts, hidden)


def _landmark_rows(template: Template, marks: Landmarks3D | None) -> tuple[sp.csr_array, FloatArray]:
    """Rows and targets of the landmarks that both have; silhouettes slide, so they do not lead."""
    v = len(template.mesh.vertices)
    if marks is None:
        return sp.csr_array((0, v)), np.zeros((0, 3))
    silhouette = set(load_scheme(template.scheme).silhouette)
    usable = [
        i
        for i in range(len(marks.points))
        if marks.placed[i] and template.anchor_triangles[i, 0] >= 0 and i not in silhouette
    ]
    rows = np.repeat(np.arange(len(usable)), 3)
    matrix = sp.coo_array(
        (template.anchor_weights[usable].ravel(), (rows, template.anchor_triangles[usable].ravel())), (len(usable), v)
    )
    return matrix.tocsr(), marks.points[usable]


def _coarse_fit(job: Job, shape: _Shape, surface: _Scan, targets: FloatArray, parameters: Parameters) -> FloatArray:
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
    surface: _Scan,
    targets: FloatArray,
    stage: tuple[float, float, float],
    parameters: Parameters,
    span: tuple[float, float],
) -> FloatArray:
    stiffness, beta, reach = stage
    areas = shape.mesh.vertex_areas()
    bending = bending_matrix(shape.rest, shape.faces, areas, shape.stiffness)
    solver = DeformationSolver(stiffness * bending, shape.landmark_rows, beta * parameters.landmark_weight)
    for done in range(parameters.rounds):
        job.progress(span[0] + (span[1] - span[0]) * done / parameters.rounds, f"fitting at stiffness {stiffness:g}")
        now = Mesh((shape.rest + displacement).astype(np.float32), shape.faces)
        good, target, normal = surface.closest(
            shape.rest + displacement, now.vertex_normals().astype(np.float64), reach * parameters.max_distance
        )
        weight = np.where(good & shape.takes_data, areas, 0.0)
        displacement = solver.solve(shape.rest, displacement, Attraction(weight, target, normal, _TANGENTIAL), targets)
    return displacement


def _judge(
    surface: _Scan, vertices: FloatArray, shape: _Shape
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Signed distance to the scan and confidence of each vertex; NaN and 0 where the scan shows nothing."""
    normals = Mesh(vertices.astype(np.float32), shape.faces).vertex_normals().astype(np.float64)
    good, target, there = surface.closest(vertices, normals, 5.0)
    gap = vertices - target
    distance = np.sign(np.einsum("nd,nd->n", gap, there)) * np.linalg.norm(gap, axis=1)
    seen = good & shape.takes_data
    distance = np.where(seen, distance, np.nan)
    confidence = np.where(seen, np.exp(-((distance / 1.0) ** 2)), 0.0)
    return distance.astype(np.float32), confidence.astype(np.float32)
