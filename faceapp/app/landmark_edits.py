"""Acts on many points at once: refit, mirror, even spacing, sliding, a drawn curve, five clicks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from faceapp.app.annotating import AnnotationSession
from faceapp.core.arrays import FloatArray
from faceapp.core.errors import UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy
from faceapp.landmarks.curves import along_stroke, even_spacing, path_of, slide
from faceapp.landmarks.history import SCAN, Change
from faceapp.landmarks.refit import refit
from faceapp.landmarks.spline import FIVE_POINTS, shape_on_clicks
from faceapp.landmarks.symmetry import from_other_side, mirror_targets, reflection

Place = tuple[float, float]


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
    changes: list[Change] = []
    any_pinned = False
    for name, marks, guess in _all_views(session):
        pinned = np.array([by in (PlacedBy.PERSON, PlacedBy.PROJECTION) for by in marks.placed_by])
        if not pinned.any():
            continue
        any_pinned = True
        fixed = np.where(pinned[:, None], marks.points, np.nan)
        wanted = refit(session.scheme, guess.points, fixed, guess.sigma)
        free = np.flatnonzero(~pinned & np.isfinite(wanted).all(axis=1))
        moves = _fitting(session, name, {int(i): wanted[i] for i in free})
        changes += session.changes(name, moves, PlacedBy.PREFILL)
    if not any_pinned:
        raise UsageError("place a few points first: a refit moves the rest after them")
    session.act(changes, "refit")
    return len(changes)


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
