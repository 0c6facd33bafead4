"""First guesses: the template's face laid onto a scan, or the scheme's mean shape placed in a photograph's face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from faceapp.core.arrays import FloatArray, UInt8Array
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, LandmarkScheme, PlacedBy, Visibility
from faceapp.core.template import Template
from faceapp.core.transforms import RigidTransform, Similarity
from faceapp.geometry.rigid import align_pairs, icp, voxel_subset
from faceapp.landmarks.network_points import as_landmarks, shipped_detector

_HALF_TURNS = np.array([[1.0, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]])
"""Upright, upside down, looking away, and both: quarter turns are found by ICP itself."""

_CLOSE_MM, _LOOKS_THE_SAME = 2.5, 0.7
_CLEARLY_COVERED, _CLEARLY_BETTER, _LEAST_COVERED = 0.7, 0.08, 0.3
"""Of the face: heads that fit cover 0.5 to 0.9, half turned ones 0.15 to 0.55, a chair 0.06."""

_STARTS_MM = [(0.0, y, z) for y in (0.0, 25.0, -25.0) for z in (0.0, 20.0)]


@dataclass(frozen=True, eq=False)
class FittedTemplate:
    """A template laid onto a scan by a similarity.

    Parameters
    ----------
    start : Similarity
        Scan from template.
    vertices : (V, 3) float64
        The template there.
    residual : float
        Trimmed root mean square distance, mm.
    covered : float
        Share of the template's face that the scan lies close to and looks the same way as.
    """

    start: Similarity
    vertices: FloatArray
    residual: float
    covered: float = 0.0


def fit_template(
    template: Template, points: npt.ArrayLike, normals: npt.ArrayLike, modes: npt.ArrayLike | None = None
) -> FittedTemplate:
    """Lay a template's face onto a scan that stands as the conventions say (y up, z out of the face) or is half turned.

    Parameters
    ----------
    template : Template
        Its ``face`` part is what is laid on.
    points, normals : (N, 3) array_like
        The scan, rig frame, mm.
    modes : (K, V, 3) array_like, optional
        Shape modes, one standard deviation each; with them the face takes the scan's proportions too.

    Raises
    ------
    DataError
        No start brings enough of the face near the scan: it is no face, not in mm, or turned by something else.
    """
    scan, scan_normals = np.asarray(points, np.float64), np.asarray(normals, np.float64)
    found: list[FittedTemplate] = []
    for turn in _HALF_TURNS:
        try:
            fitted = _fit_upright(template, scan * turn, scan_normals * turn, modes)
        except DataError:
            continue
        back = RigidTransform(np.diag(turn), np.zeros(3))
        start = Similarity(
            fitted.start.scale,
            RigidTransform(np.diag(turn) @ fitted.start.rigid.rotation, back.apply(fitted.start.rigid.translation)),
        )
        found.append(FittedTemplate(start, back.apply(fitted.vertices), fitted.residual, fitted.covered))
        if found[0].covered >= _CLEARLY_COVERED:
            break
    # a half turn must be clearly better: what does not stand upright is the exception
    best = max(found, key=lambda f: f.covered - (0.0 if f is found[0] else _CLEARLY_BETTER), default=None)
    if best is None or best.covered < _LEAST_COVERED:
        raise DataError(
            "the template's face was not found in the scan; it should be a face, in mm, with y up and z out of the "
            "face. Give landmarks (--landmarks) to say where it is"
        )
    return best


def _fit_upright(
    template: Template, scan: FloatArray, scan_normals: FloatArray, modes: npt.ArrayLike | None
) -> FittedTemplate:
    thin = voxel_subset(scan, 2.0)
    scan, scan_normals = scan[thin], scan_normals[thin]
    face = np.flatnonzero(template.face)
    source = template.mesh.vertices.astype(np.float64)
    source_normals = template.mesh.vertex_normals().astype(np.float64)
    face = face[voxel_subset(source[face], 3.0)]
    tree = cKDTree(scan)
    # The nose is the frontmost thing of a face: where the scan's is, is a start that needs no luck.
    tip = source[face][np.argmax(source[face][:, 2])]
    front = scan[np.argsort(scan[:, 2])[-max(len(scan) // 200, 5) :]].mean(axis=0)
    best: tuple[float, Similarity] | None = None
    for base in (np.zeros(3), front - tip):
        for offset in _STARTS_MM:
            found = _try_start(source[face], source_normals[face], scan, scan_normals, tree, base + offset)
            if found is not None and (best is None or found[0] < best[0]):
                best = found
    if best is None:
        raise DataError("the template's face was not found in the scan")
    shape = source
    start = best[1]
    if modes is not None:
        shape, start = _fit_modes(template, np.asarray(modes, np.float64), face, scan, scan_normals, tree, start)
    placed = start.apply(shape)
    distance, nearest = (np.asarray(v) for v in tree.query(placed[face]))
    facing = template.mesh.with_vertices(placed).vertex_normals()[face]
    agree = np.einsum("nd,nd->n", facing, scan_normals[nearest]) > _LOOKS_THE_SAME
    return FittedTemplate(start, placed, best[0], float(((distance < _CLOSE_MM) & agree).mean()))


def _try_start(
    source: FloatArray,
    normals: FloatArray,
    scan: FloatArray,
    scan_normals: FloatArray,
    tree: cKDTree,
    offset: FloatArray,
) -> tuple[float, Similarity] | None:
    scale, shape = 1.0, source + offset
    try:
        for reach in (40.0, 15.0, 8.0):
            result = icp(shape, normals, scan, scan_normals, keep=0.8, max_distance=reach, rounds=15, tree=tree)
            moved = result.transform.apply(shape)
            distance, nearest = (np.asarray(v) for v in tree.query(moved, distance_upper_bound=reach))
            near = np.isfinite(distance)
            near &= distance <= np.quantile(distance[near], 0.8)
            fit = align_pairs(source[near], scan[nearest[near]], scale=True)
            scale = float(np.clip(fit.scale, 0.85, 1.15))
            shape = Similarity(scale, align_pairs(scale * source[near], scan[nearest[near]]).rigid).apply(source)
            normals = result.transform.turn(normals)
    except DataError:
        return None
    distance = np.asarray(tree.query(shape)[0])
    limit = np.quantile(distance, 0.8)
    rigid = align_pairs(scale * source, shape).rigid
    return float(np.sqrt(np.mean(distance[distance <= limit] ** 2))), Similarity(scale, rigid)


def _fit_modes(
    template: Template,
    modes: FloatArray,
    face: npt.NDArray[np.intp],
    scan: FloatArray,
    scan_normals: FloatArray,
    tree: cKDTree,
    start: Similarity,
) -> tuple[FloatArray, Similarity]:
    """Alternate closest points and a ridge regression of the modes: point to plane, two millimetres of noise."""
    mean = template.mesh.vertices.astype(np.float64)
    basis = modes[:, face]
    weights = np.zeros(len(modes))
    for reach in (12.0, 8.0, 6.0, 5.0, 4.0, 4.0):
        shape = mean + np.tensordot(weights, modes, 1)
        placed = start.apply(shape[face])
        mesh_normals = start.rigid.turn(template.mesh.with_vertices(shape).vertex_normals()[face])
        distance, nearest = (np.asarray(v) for v in tree.query(placed, distance_upper_bound=reach))
        near = np.isfinite(distance)
        pair = nearest[near]
        agree = np.einsum("nd,nd->n", mesh_normals[near], scan_normals[pair]) > 0.6
        rows, pair = np.flatnonzero(near)[agree], pair[agree]
        if len(rows) < 50:
            break
        n = scan_normals[pair]
        turned = start.scale * start.rigid.turn(basis[:, rows])
        jacobian = np.concatenate(
            [
                np.einsum("knd,nd->nk", turned, n),
                np.cross(placed[rows], n),
                n,
                np.einsum("nd,nd->n", placed[rows], n)[:, None],
            ],
            axis=1,
        )
        gap = np.einsum("nd,nd->n", scan[pair] - placed[rows], n)
        k = len(modes)
        prior = np.zeros(k + 7)
        prior[:k] = 4.0 * len(rows) / 100
        target = jacobian.T @ gap
        target[:k] -= prior[:k] * weights
        step = np.linalg.solve(jacobian.T @ jacobian + np.diag(prior + 1e-6), target)
        weights = np.clip(weights + step[:k], -3.0, 3.0)
        shape = mean + np.tensordot(weights, modes, 1)
        moved = placed[rows] + (jacobian @ step)[:, None] * n
        pose = align_pairs(shape[face][rows], moved, scale=True)
        start = Similarity(float(np.clip(pose.scale, 0.85, 1.15)), pose.rigid)
    return mean + np.tensordot(weights, modes, 1), start


def prefill_scan(
    template: Template, points: npt.ArrayLike, normals: npt.ArrayLike, modes: npt.ArrayLike | None = None
) -> Landmarks3D:
    """Return the 106 points of the fitted template, each drawn onto the nearest point of the scan where one is near.

    Parameters
    ----------
    template, points, normals, modes
        As in `fit_template`.
    """
    fitted = fit_template(template, points, normals, modes)
    marks = template.landmarks_of(fitted.vertices)
    scan = np.asarray(points, np.float64)
    placed = np.isfinite(marks).all(axis=1)
    distance, nearest = (np.asarray(v) for v in cKDTree(scan).query(marks[placed], distance_upper_bound=6.0))
    near = np.isfinite(distance)
    rows = np.flatnonzero(placed)[near]
    marks[rows] = scan[nearest[near]]
    return Landmarks3D(points=marks, placed_by=(PlacedBy.PREFILL,) * len(marks))


def prefill_photograph(image: UInt8Array, scheme: LandmarkScheme, view: str = "") -> Landmarks2D:
    """Return the points of the most prominent face of a photograph, by the network that ships with the program.

    Parameters
    ----------
    image : (H, W, 3) uint8
        RGB.
    scheme : LandmarkScheme
        Its order, and its mean shape.
    view : str
        Name of the picture.

    Returns
    -------
    Landmarks2D
        With the sigma of each point. Where no face is found, the mean shape in the middle of the picture, without one.
    """
    guess = find_points(image, scheme, view)
    return mean_shape_guess(image, scheme, view) if guess is None else guess


def find_points(image: UInt8Array, scheme: LandmarkScheme, view: str = "") -> Landmarks2D | None:
    """Return the network's points of the most prominent face, or ``None``; see `prefill_photograph`."""
    guess = shipped_detector().detect(image)
    return None if guess is None else as_landmarks(guess, scheme, (image.shape[1], image.shape[0]), view)


def mean_shape_guess(image: UInt8Array, scheme: LandmarkScheme, view: str = "") -> Landmarks2D:
    """Return the scheme's mean shape placed in the largest upright frontal face that a cascade finds.

    Where it finds none, a face that fills the middle of the picture.
    """
    height, width = image.shape[:2]
    box = find_face(image)
    if box is None:
        side = 0.5 * min(width, height)
        box = ((width - side) / 2, (height - side) / 2, side, side)
    u, v, w, h = box
    mean = scheme.mean_shape
    # Measured on frontal photographs: the cascade's box is 2.1 outer-eye distances wide, eyes at 0.38 of its height.
    scale = w / 2.1
    points = mean * scale + (u + w / 2, v + 0.38 * h)
    inside = np.asarray(((points >= 0) & (points <= (width - 1, height - 1))).all(axis=1))
    return Landmarks2D(
        points=points,
        placed_by=(PlacedBy.PREFILL,) * len(points),
        visibility=tuple(Visibility.VISIBLE if i else Visibility.OUTSIDE for i in inside.tolist()),
        view=view,
        image_size=(width, height),
    )


def find_face(image: UInt8Array) -> tuple[float, float, float, float] | None:
    """Return ``(u, v, width, height)`` of the largest frontal face, pixels, or ``None`` (OpenCV's Haar cascade)."""
    factor = min(1.0, 800 / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else image
    grey = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    folder = Path(cv2.__file__).parent / "data"
    cascade = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))
    least = max(int(0.08 * min(grey.shape)), 24)
    faces = cascade.detectMultiScale(grey, 1.08, 5, minSize=(least, least))
    if not len(faces):
        return None
    u, v, w, h = max(faces, key=lambda f: int(f[2]) * int(f[3]))
    return float(u / factor), float(v / factor), float(w / factor), float(h / factor)
