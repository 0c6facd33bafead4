"""Acts on many points at once: refit, mirror, even spacing, sliding, a drawn curve, five clicks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.app.annotating import AnnotationSession
from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.errors import UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy
from faceapp.landmarks.curves import along_stroke, even_spacing, path_of, slide
from faceapp.landmarks.history import SCAN, Change
from faceapp.landmarks.refit import Refitted, refit
from faceapp.landmarks.spline import FIVE_POINTS, shape_on_clicks
from faceapp.landmarks.symmetry import from_other_side, mirror_targets, reflection

Place = tuple[float, float]
_CLEAR = 0.35
"""Cosine between skin and line of sight from which a view tells the others where its points are."""
_STEP_PX = 0.05
"""A refit leaves points that it would move by less."""
_TOGETHER = 1.5
"""Errors of points from another view go together, so that each tells less than it would alone."""
_LIFT_MM = 0.7
"""What is unsure of a point on the scan besides its place in the picture."""


def _fitting(session: AnnotationSession, view: str, moves: Mapping[int, FloatArray]) -> dict[int, FloatArray]:
    """Bring new positions into the picture, or onto the surface where they are points of the scan."""
    rows = [i for i, at in moves.items() if np.isfinite(at).all()]
    if not rows:
        return {}
    if view == SCAN:
        placed = session.onto_scan(np.array([moves[i] for i in rows]))
        return {i: placed[k] for k, i in enumerate(rows)}
    height, width = next(w.picture.shape for w in session.views if w.name == view)[:2]
    return {i: np.clip(moves[i], 0.0, (width - 1.0, height - 1.0)) for i in rows}


def refit_untouched(session: AnnotationSession) -> int:
    """Move what no person touched after what a person placed, in every view; return how many points moved.

    Raises
    ------
    UsageError
        No person has placed a point yet.
    """
    changes = _refitted(session)
    if changes is None:
        raise UsageError("place a few points first: a refit moves the rest after them")
    session.act(changes, "refit")
    return len(changes)


def place_and_refit(session: AnnotationSession, view: str, index: int, u: float, v: float) -> None:
    """Place a point, and move what no person touched after it, in one act.

    Raises
    ------
    DataError
        Outside the picture, or the point is locked.
    """
    placed = session.placing(view, index, u, v)
    with session.as_if(placed):
        said = {(c.view, c.index) for c in placed}
        followed = (c for c in _refitted(session) or [] if (c.view, c.index) not in said)
        session.act([*placed, *followed], "place")


def _refitted(session: AnnotationSession) -> list[Change] | None:
    """What a refit changes; ``None`` where no person has placed a point.

    The view with the most points of a person comes first; where the scan shows its other points to be, and how surely,
    the other views are told.
    """
    changes: list[Change] = []
    views = sorted(_all_views(session), key=lambda view: -_placed_count(view[1]))
    if not any(_is_pinned(marks).any() for _, marks, _ in views):
        return None
    carried: Carried | None = None
    for name, marks, guess in views:
        pinned = _is_pinned(marks)
        fixed, noise = np.where(pinned[:, None], marks.points, np.nan), np.full(len(pinned), np.nan)
        if carried is not None:
            there, error = carried.in_view(session, name)
            free = ~pinned & np.isfinite(there).all(axis=1)
            fixed[free], noise[free] = there[free], error[free]
        if not np.isfinite(fixed).any():
            continue
        found = refit(session.scheme, guess.points, fixed, guess.sigma, noise)
        wanted = found.points
        with np.errstate(invalid="ignore"):
            moved = ~pinned & (np.abs(wanted - marks.points).max(axis=1) > _STEP_PX)
        moves = _fitting(session, name, {int(i): wanted[i] for i in np.flatnonzero(moved)})
        changes += session.changes(name, moves, PlacedBy.PREFILL)
        carried = carried or Carried.of(session, name, found)
    return changes


def _is_pinned(marks: Landmarks2D | Landmarks3D) -> BoolArray:
    return np.array([by in (PlacedBy.PERSON, PlacedBy.PROJECTION) for by in marks.placed_by], bool)


def _placed_count(marks: Landmarks2D | Landmarks3D) -> int:
    return sum(by is PlacedBy.PERSON for by in marks.placed_by)


@dataclass(frozen=True, eq=False)
class Carried:
    """Where a refit of one view puts the points on the scan.

    Parameters
    ----------
    points, normals : (n, 3) float64
        Of the scan under each point; NaN where there is none, or where it is seen edge-on.
    error : (n,) float64
        One standard deviation in the plane of the picture, mm.
    towards : (n, 3) float64
        Unit, to the camera.
    """

    points: FloatArray
    normals: FloatArray
    error: FloatArray
    towards: FloatArray

    @staticmethod
    def of(session: AnnotationSession, view: str, found: Refitted) -> Carried | None:
        """Return what a view tells of the others; ``None`` without a camera and a scan."""
        camera = next((v.camera for v in session.views if v.name == view), None)
        lifted = session.under(view, found.points)
        if camera is None or lifted is None:
            return None
        points, normals = lifted
        way = camera.centre - points
        far = np.linalg.norm(way, axis=1)
        towards = way / far[:, None]
        with np.errstate(invalid="ignore"):
            clear = np.einsum("nd,nd->n", towards, normals) >= _CLEAR
        clear[list(session.scheme.silhouette)] = False  # a pixel beside the contour is an ear, or nothing
        points = np.where(clear[:, None], points, np.nan)
        return Carried(points, normals, found.sigma * far / float(camera.K[0, 0]), towards)

    def in_view(self, session: AnnotationSession, view: str) -> tuple[FloatArray, FloatArray]:
        """Return the points (n, 2) in another view and their errors (n,), pixels; NaN where nothing is told."""
        camera = next((v.camera for v in session.views if v.name == view), None)
        if camera is None:
            return np.full((len(self.points), 2), np.nan), np.full(len(self.points), np.nan)
        pixels, depth = camera.project(self.points)
        # A step in the plane of the picture is a longer one on skin that turns away from it.
        slant = np.maximum(np.einsum("nd,nd->n", self.towards, self.normals), _CLEAR)
        return pixels, _TOGETHER * np.hypot(self.error / slant, _LIFT_MM) / depth * float(camera.K[0, 0])


def _all_views(session: AnnotationSession) -> list[tuple[str, Landmarks2D | Landmarks3D, Landmarks2D | Landmarks3D]]:
    """Name, points and first guess of every picture, or of the scan where there is none."""
    if not session.views and session.data.scan_prefill is not None:
        return [(SCAN, session.landmarks_3d, session.data.scan_prefill)]
    return [(v.name, session.landmarks(v.name), session.first_guess(v.name)) for v in session.views]


def mirror(session: AnnotationSession, view: str, index: int) -> list[int]:
    """Put the group of a point, or its side of a group that spans both, where the other side's mirror image is.

    Raises
    ------
    UsageError
        The point is in the middle of the face, or too little of the face is placed.
    """
    targets = mirror_targets(session.scheme, index)
    if not targets:
        raise UsageError("this point lies in the middle of the face and has no other side")
    found = _mirrored(session, view, targets)
    if not found:
        raise UsageError("too few points of both sides are placed to tell how the face lies")
    session.move(view, found, "mirror")
    return list(found)


def _mirrored(session: AnnotationSession, view: str, targets: list[int]) -> dict[int, FloatArray]:
    """In space where the scan knows the other side, else in the picture."""
    camera = next((v.camera for v in session.views if v.name == view), None)
    in_space = from_other_side(session.scheme, session.landmarks_3d.points, targets)
    if view == SCAN:
        return _fitting(session, view, in_space)
    flat = from_other_side(session.scheme, session.positions(view), targets)
    if camera is not None and in_space:
        rows = list(in_space)
        pixels, _ = camera.project(np.array([in_space[i] for i in rows]))
        flat |= {i: uv for i, uv in zip(rows, pixels, strict=True) if np.isfinite(uv).all()}
    return _fitting(session, view, flat)


def place_symmetric(session: AnnotationSession, view: str, index: int, u: float, v: float) -> None:
    """Place a point, and move its partner on the other side as the mirror image moves."""
    points, partner = session.positions(view), int(session.scheme.mirror[index])
    found = reflection(points, session.scheme.mirror, np.ones(len(points), bool))
    if partner == index or found is None or not np.isfinite(points[[index, partner]]).all():
        session.place(view, index, u, v)
        return
    other = points[partner] + found[0] @ (np.array([u, v]) - points[index])
    session.move(view, {index: (u, v), **_fitting(session, view, {partner: other})}, "place on both sides")


def space_evenly(session: AnnotationSession, view: str, index: int) -> list[int]:
    """Space the points of a point's curve evenly along it; corners and locked points stay.

    Raises
    ------
    UsageError
        The point is on no curve.
    """
    path = path_of(session.scheme, index)
    if path is None:
        raise UsageError("this point is on no curve")
    fixed = [i for i in path.indices if session.is_locked(view, i)]
    moves = _fitting(session, view, even_spacing(session.positions(view), path, fixed))
    session.move(view, moves, "even spacing")
    return list(moves)


def slide_along(session: AnnotationSession, view: str, index: int, u: float, v: float) -> Place:
    """Return the place on a point's curve that is nearest to the mouse; the mouse where there is no curve."""
    path = path_of(session.scheme, index)
    if path is None:
        return u, v
    at = slide(session.positions(view), path, index, (u, v))
    return float(at[0]), float(at[1])


def draw_curve(session: AnnotationSession, view: str, index: int, stroke: npt.ArrayLike) -> list[int]:
    """Lay the points of a point's curve onto a stroke of the mouse.

    Raises
    ------
    UsageError
        The point is on no curve, or the stroke is too short.
    """
    path = path_of(session.scheme, index)
    if path is None:
        raise UsageError("this point is on no curve; choose a group that has one")
    locked = [i for i in path.indices if session.is_locked(view, i)]
    moves = along_stroke(session.positions(view), path, stroke, locked)
    if not moves:
        raise UsageError("the stroke is too short: draw from one point of the curve to another")
    session.move(view, _fitting(session, view, moves), "draw curve")
    return list(moves)


def place_five(session: AnnotationSession, view: str, clicks: npt.ArrayLike) -> None:
    """Bend the mean shape onto five clicks: these count as a person's, the rest as a guess that no person touched.

    Raises
    ------
    UsageError
        The clicks fall together or lie on a line.
    """
    at = np.asarray(clicks, np.float64)
    points = shape_on_clicks(session.scheme, at)
    marks = session.landmarks(view)
    free = [i for i, by in enumerate(marks.placed_by) if by is not PlacedBy.PERSON and i not in FIVE_POINTS]
    changes = session.changes(view, _fitting(session, view, {i: points[i] for i in free}), PlacedBy.PREFILL)
    changes += session.changes(view, {i: at[k] for k, i in enumerate(FIVE_POINTS)})
    session.act(changes, "five clicks")
