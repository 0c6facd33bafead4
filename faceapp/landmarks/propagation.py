"""Landmarks from one expression of a subject to another: the template, bent onto both scans, says what went where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.spatial import cKDTree

from faceapp.core.arrays import BoolArray, FloatArray, IntArray
from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.core.template import Template
from faceapp.core.transforms import Similarity
from faceapp.geometry.deformation import Attraction, DeformationSolver, bending_matrix
from faceapp.geometry.rigid import align_pairs, voxel_subset

_AROUND_MM = 22.0
"""How far from its landmarks a template takes part."""
_THIN_MM = 1.2
_LEAST_LANDMARKS = 8
_REACHES = (18.0, 12.0, 8.0, 6.0, 5.0, 4.0, 3.0, 3.0)
"""How far points of the scan may be, round after round, mm."""
_AGREE = 0.6
"""Cosine that normals must have in common."""
_MODE_WEIGHT = 0.06
"""Of a mode at its limit (1 squared), against a point-to-plane error of 1 mm squared, per vertex with data."""
_SAMPLED, _STARTS, _MISFIT_MM = 2500, 3, 6.0
"""Vertices by which starts are compared, how many beside the face at rest are followed, and the most that one adds."""
_STAGES = ((30.0, 4.0), (3.0, 2.5))
"""Stiffness and reach of the free bending that follows the modes."""
_LANDMARK_WEIGHT = 60.0


@dataclass(frozen=True, eq=False)
class ScanPoints:
    """A scan made ready to be searched.

    Parameters
    ----------
    points, normals : (N, 3) float64
        Rig frame, mm; unit, outward.
    tree : cKDTree
        Of the points.
    """

    points: FloatArray
    normals: FloatArray
    tree: cKDTree

    @staticmethod
    def of(points: npt.ArrayLike, normals: npt.ArrayLike, spacing: float = _THIN_MM) -> ScanPoints:
        """Thin a scan and build its tree."""
        p, n = np.asarray(points, np.float64), np.asarray(normals, np.float64)
        keep = voxel_subset(p, spacing)
        return ScanPoints(p[keep], n[keep], cKDTree(p[keep]))

    def closest(
        self, points: FloatArray, normals: FloatArray, reach: float
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
        """Return rows that have a partner of like normal within reach, the partners, and all distances."""
        distance, nearest = (np.asarray(v) for v in self.tree.query(points, distance_upper_bound=reach))
        near = np.isfinite(distance)
        pair = np.where(near, nearest, 0)
        near &= np.einsum("nd,nd->n", normals, self.normals[pair]) > _AGREE
        rows = np.flatnonzero(near)
        return rows, nearest[rows], distance


@dataclass(frozen=True, eq=False)
class PersonalFace:
    """The template bent onto one scan of a person, ready to follow the others.

    Parameters
    ----------
    vertices : (V, 3) float64
        On the scan, mm.
    faces : (F, 3) int32
        Of the part round the landmarks.
    expressions : (K, V, 3) float64
        What expressions do to it, mm.
    rows : (n, V) sparse
        Weights of the corners that each landmark lies between.
    offset : (n, 3) float64
        From there to the landmark; NaN for one that is not carried.
    """

    vertices: FloatArray
    faces: IntArray
    expressions: FloatArray
    rows: sp.csr_array
    offset: FloatArray


@dataclass(frozen=True, eq=False)
class CarriedPoints:
    """Landmarks on another scan.

    Parameters
    ----------
    points : (n, 3) float64
        mm; NaN where not carried.
    normals : (n, 3) float64
        Of the skin there, unit, outward; NaN where not known.
    sigma : (n,) float64
        Expected error, mm.
    """

    points: FloatArray
    normals: FloatArray
    sigma: FloatArray


def personal_face(
    template: Template,
    identity: npt.ArrayLike,
    expressions: npt.ArrayLike,
    scan: ScanPoints,
    landmarks: npt.ArrayLike,
) -> PersonalFace:
    """Bend the template onto a scan whose landmarks are known.

    Parameters
    ----------
    template : Template
        Its anchors are the landmarks.
    identity, expressions : (K, V, 3) array_like
        Modes of the template, one standard deviation or full each.
    scan : ScanPoints
        Of the person.
    landmarks : (n, 3) array_like
        On the scan; NaN is not known.

    Raises
    ------
    DataError
        Too few landmarks lie on the scan.
    """
    marks = np.asarray(landmarks, np.float64)
    anchors = template.landmarks_of(template.mesh.vertices)
    known = np.asarray(np.isfinite(marks).all(axis=1) & np.isfinite(anchors).all(axis=1))
    if known.sum() < _LEAST_LANDMARKS:
        raise DataError(
            f"{int(known.sum())} landmarks lie on the scan; {_LEAST_LANDMARKS} are needed to propagate them"
        )
    keep = _round_landmarks(template, anchors)
    part = template.mesh.submesh(keep)
    start = align_pairs(anchors[known], marks[known], scale=True)
    vertices = start.apply(part.vertices.astype(np.float64))
    modes = _turned(np.concatenate([identity, expressions])[:, keep], start)
    rows = _landmark_rows(template, keep)
    pull = np.where(known[:, None], marks, np.nan)
    vertices, modes = _follow_modes(vertices, part.faces, modes, scan, rows, pull)
    vertices = _bend(vertices, part.faces, scan, rows, pull)
    has_place = np.diff(rows.indptr) > 0
    offset = np.where(has_place[:, None], marks - rows @ vertices, np.nan)
    return PersonalFace(vertices, part.faces, modes[-len(np.asarray(expressions)) :], rows, offset)


def carry(face: PersonalFace, scan: ScanPoints) -> CarriedPoints:
    """Bend a person's face onto another scan, and return where its landmarks are there.

    Parameters
    ----------
    face : PersonalFace
        From `personal_face`.
    scan : ScanPoints
        Of another expression, in the same frame up to how the head moved.

    Notes
    -----
    Amberg et al., Optimal step nonrigid ICP algorithms for surface registration (2007), with expression modes first.
    The error of a point grows with how far the skin had to go, with how badly the face lies there, and with how much of
    the way was free bending, which may slide.
    """
    nothing = np.full_like(face.offset, np.nan)
    moved = _best_of_starts(face, scan, nothing)
    bent = _bend(moved, face.faces, scan, face.rows, nothing)
    turn = align_pairs(face.vertices, bent).rigid
    on_face = face.rows @ bent
    points = on_face + turn.turn(face.offset)
    normals = Mesh(bent.astype(np.float32), face.faces).vertex_normals().astype(np.float64)
    rows, _, distance = scan.closest(bent, normals, 4.0)
    gap = np.full(len(bent), 4.0)
    gap[rows] = distance[rows]
    way = np.linalg.norm(bent - turn.apply(face.vertices), axis=1)
    slid = np.linalg.norm(bent - moved, axis=1)
    share = abs(face.rows)
    sigma = 0.3 + 0.12 * (share @ way) + 0.6 * (share @ slid) + 0.5 * np.maximum(share @ gap - 0.3, 0)
    sigma[~np.isfinite(points).all(axis=1)] = np.nan
    outward = face.rows @ normals
    length = np.linalg.norm(outward, axis=1, keepdims=True)
    return CarriedPoints(points, np.where(length > 0, outward / np.where(length > 0, length, 1), np.nan), sigma)


def _best_of_starts(face: PersonalFace, scan: ScanPoints, nothing: FloatArray) -> FloatArray:
    """Follow the modes from the face at rest and from the expressions that look most like the scan already.

    A mouth that opened far is another valley: closest points alone never leave the closed one.
    """
    sample = np.unique(np.linspace(0, len(face.vertices) - 1, _SAMPLED).astype(int))
    guesses = [np.zeros(len(face.expressions)), *np.eye(len(face.expressions))]
    looks = [
        _misfit(face.vertices[sample] + np.tensordot(weights, face.expressions[:, sample], 1), scan)
        for weights in guesses
    ]
    best = [0, *(k for k in np.argsort(looks) if k != 0)][: 1 + _STARTS]
    found = [
        _follow_modes(face.vertices, face.faces, face.expressions, scan, face.rows, nothing, guesses[k])[0]
        for k in best
    ]
    return min(found, key=lambda shape: _misfit(shape[sample], scan))


def _misfit(points: FloatArray, scan: ScanPoints) -> float:
    """Mean distance to the scan; what the scan does not show counts as a little."""
    distance = np.asarray(scan.tree.query(points, distance_upper_bound=_MISFIT_MM)[0])
    return float(np.minimum(distance, _MISFIT_MM).mean())


def _round_landmarks(template: Template, anchors: FloatArray) -> BoolArray:
    tree = cKDTree(anchors[np.isfinite(anchors).all(axis=1)])
    near = np.asarray(tree.query(template.mesh.vertices)[0]) < _AROUND_MM
    used = template.anchor_triangles[template.anchor_triangles[:, 0] >= 0]
    near[used.ravel()] = True
    return np.asarray(near)


def _landmark_rows(template: Template, keep: BoolArray) -> sp.csr_array:
    """(n, V') weights of each landmark's corners; an empty row where the template has no such point."""
    new = np.cumsum(keep) - 1
    has = np.flatnonzero(template.anchor_triangles[:, 0] >= 0)
    corners, weights = new[template.anchor_triangles[has]], template.anchor_weights[has]
    place = (np.repeat(has, 3), corners.ravel())
    return sp.csr_array(sp.coo_array((weights.ravel(), place), (len(template.anchor_triangles), int(keep.sum()))))


def _turned(modes: FloatArray, start: Similarity) -> FloatArray:
    return np.asarray(start.scale * start.rigid.turn(modes.astype(np.float64)))


def _follow_modes(
    vertices: FloatArray,
    faces: IntArray,
    modes: FloatArray,
    scan: ScanPoints,
    rows: sp.csr_array,
    landmarks: FloatArray,
    start: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Gauss-Newton of motion and modes on closest points, point to plane; returns the shape and the turned modes."""
    base, weights = vertices, np.zeros(len(modes)) if start is None else start.copy()
    known = np.flatnonzero(np.isfinite(landmarks).all(axis=1))
    for reach in _REACHES:
        shape = base + np.tensordot(weights, modes, 1)
        normals = Mesh(shape.astype(np.float32), faces).vertex_normals().astype(np.float64)
        near, pair, _ = scan.closest(shape, normals, reach)
        if len(near) < 100:
            break
        jacobian, gap = _plane_rows(shape[near], modes[:, near], scan, pair)
        left, right = jacobian.T @ jacobian, jacobian.T @ gap
        if len(known):
            spot = rows[known]
            at, basis = spot @ shape, np.stack([spot @ mode for mode in modes])
            more, away = _point_rows(at, basis, landmarks[known])
            scale = len(near) / max(len(known), 1) * 0.5
            left, right = left + scale * more.T @ more, right + scale * more.T @ away
        k = len(modes)
        prior = np.full(k, _MODE_WEIGHT * len(near))
        left[range(k), range(k)] += prior
        right[:k] -= prior * weights
        step = np.asarray(np.linalg.solve(left + 1e-6 * np.eye(len(left)), right), np.float64)
        weights = np.clip(weights + step[:k], -3.0, 3.0)
        turned = np.asarray(_rotated(base + np.tensordot(weights, modes, 1), step[k : k + 3], step[k + 3 :]))
        motion = align_pairs(base + np.tensordot(weights, modes, 1), turned).rigid
        base, modes = motion.apply(base), motion.turn(modes)
    return base + np.tensordot(weights, modes, 1), modes


def _plane_rows(
    shape: FloatArray, modes: FloatArray, scan: ScanPoints, pair: npt.NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    n = scan.normals[pair]
    along = np.einsum("knd,nd->nk", modes, n)
    jacobian = np.concatenate([along, np.cross(shape, n), n], axis=1)
    return jacobian, np.einsum("nd,nd->n", scan.points[pair] - shape, n)


def _point_rows(at: FloatArray, modes: FloatArray, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
    parts = []
    for axis in range(3):
        unit = np.zeros(3)
        unit[axis] = 1.0
        parts.append(np.concatenate([modes[:, :, axis].T, np.cross(at, unit), np.tile(unit, (len(at), 1))], axis=1))
    return np.concatenate(parts), (targets - at).T.ravel()


def _rotated(points: FloatArray, turn: FloatArray, shift: FloatArray) -> FloatArray:
    return points + np.cross(turn, points) + shift


def _bend(
    vertices: FloatArray, faces: IntArray, scan: ScanPoints, rows: sp.csr_array, landmarks: FloatArray
) -> FloatArray:
    """Free bending towards the scan, stiff first; landmarks hold where they are known."""
    known = np.flatnonzero(np.isfinite(landmarks).all(axis=1))
    held, targets = sp.csr_array(rows[known]), landmarks[known]
    rest = vertices
    mesh = Mesh(rest.astype(np.float32), faces)
    bending = bending_matrix(rest, faces, mesh.vertex_areas(), np.ones(len(rest)))
    displacement = np.zeros_like(rest)
    for stiffness, reach in _STAGES:
        solver = DeformationSolver(sp.csc_array(stiffness * bending), held, _LANDMARK_WEIGHT)
        for _ in range(2):
            now = rest + displacement
            normals = Mesh(now.astype(np.float32), faces).vertex_normals().astype(np.float64)
            near, pair, _ = scan.closest(now, normals, reach)
            weight = np.zeros(len(rest))
            weight[near] = 1.0
            target, normal = now.copy(), normals.copy()
            target[near], normal[near] = scan.points[pair], scan.normals[pair]
            pull = Attraction(weight, target, normal, 0.01)
            displacement = solver.solve(rest, displacement, pull, targets)
    return rest + displacement
