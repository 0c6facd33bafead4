"""All points of a sample at once: what people placed, where it lies on the scan, and where the other views show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from faceapp.core.arrays import BoolArray, FloatArray, IntArray
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, LandmarkScheme, PlacedBy, Visibility
from faceapp.core.rig import CameraModel
from faceapp.landmarks.history import SCAN, Placed
from faceapp.landmarks.lifting import Lifter, in_space, project_landmarks

GRAZING = 0.3
"""Cosine between skin and line of sight below which the depth of a point is not known: a silhouette."""

ASTRAY = 4.0
"""Sigmas of a first guess beyond which a point from another picture contradicts it."""

State = Mapping[tuple[str, int], Placed | None]


@dataclass(frozen=True, eq=False)
class BoardView:
    """A picture on the board.

    Parameters
    ----------
    name : str
        Camera or picture.
    camera : CameraModel or None
        Calibrated; without it the picture stands alone.
    lifter : Lifter or None
        Onto what the picture's group sees of the scan.
    """

    name: str
    camera: CameraModel | None
    lifter: Lifter | None


@dataclass(frozen=True, eq=False)
class _Lifts:
    """What was asked of a view's lifter, and its answers."""

    pixels: FloatArray
    visible: BoolArray
    points: FloatArray
    normals: FloatArray


class Board:
    """The points of one annotator, in every view and on the scan.

    Parameters
    ----------
    scheme : LandmarkScheme
        Which points slide along the silhouette.
    views : sequence of BoardView
        The frontal one first.
    prefill : dict of str to Landmarks2D
        First guess by view.
    scan_prefill : Landmarks3D, optional
        First guess on the scan, where there is no picture to lift one from.

    Notes
    -----
    A point that nobody placed in a view follows where a person placed it elsewhere, over the scan. Points on a
    silhouette are not carried over: where the skin turns away, a pixel of error is many millimetres of depth.
    """

    def __init__(
        self,
        scheme: LandmarkScheme,
        views: tuple[BoardView, ...],
        prefill: dict[str, Landmarks2D],
        scan_prefill: Landmarks3D | None = None,
    ) -> None:
        self._scheme, self._views, self._prefill = scheme, views, prefill
        self._scan_prefill = scan_prefill
        self._silhouette = np.zeros(len(scheme), bool)
        self._silhouette[list(scheme.silhouette)] = True
        self._lifts: dict[str, _Lifts] = {}
        self.shown: dict[str, Landmarks2D] = {}
        self.lifted: dict[str, Landmarks3D] = {}
        self.joined = self._empty()
        self.normals = np.full((len(scheme), 3), np.nan)

    def update(self, state: State, annotator: str = "", revision: int = 0, created_at: str = "") -> None:
        """Work out all points from what was placed."""
        stamp: dict[str, Any] = {"annotator": annotator, "revision": revision, "created_at": created_at}
        own = {v.name: self._own(v.name, state, stamp) for v in self._views}
        self.lifted = {v.name: self._lift(v.name, v.lifter, own[v.name]) for v in self._views if v.lifter is not None}
        normals = {name: self._lifts[name].normals for name in self.lifted}
        facing = {name: self._facing(name, normals[name]) for name in self.lifted}
        self._join(facing, normals, state)
        self.joined = replace(self.joined, **stamp)
        carried = self._carried(facing, state)
        likely = self._likely(state)
        self.shown = {v.name: self._show(v, own[v.name], carried, likely) for v in self._views}

    def under(self, view: str, pixels: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """Return the places (k, 3) on the scan under pixels (k, 2) of a view, and normals; ``None`` without a scan."""
        lifter = next((v.lifter for v in self._views if v.name == view), None)
        return None if lifter is None else lifter.on_scan(pixels)

    def residual(self, view: str, index: int) -> float:
        """Return how far a view's own point on the scan is from the joined one, mm; NaN where it was not lifted."""
        if view not in self.lifted:
            return float("nan")
        return float(np.linalg.norm(self.lifted[view].points[index] - self.joined.points[index]))

    def spread(self, index: int) -> float:
        """Return how far apart the views are in which a person placed a point, mm; NaN for fewer than two."""
        placed = [m.points[index] for m in self.lifted.values() if m.placed_by[index] is PlacedBy.PERSON]
        known = [p for p in placed if np.isfinite(p).all()]
        gaps = [float(np.linalg.norm(a - b)) for i, a in enumerate(known) for b in known[:i]]
        return max(gaps, default=float("nan"))

    def _empty(self) -> Landmarks3D:
        return Landmarks3D(points=np.full((len(self._scheme), 3), np.nan))

    def _own(self, view: str, state: State, stamp: dict[str, Any]) -> Landmarks2D:
        """The first guess with what was placed in this view on top."""
        marks = self._prefill[view]
        points, seen, origins = marks.points.copy(), list(marks.visibility), list(marks.placed_by)
        sigma = None if marks.sigma is None else marks.sigma.copy()
        for (name, index), placed in state.items():
            if name == view and placed is not None:
                points[index], seen[index], origins[index] = placed.position, placed.visibility, placed.by
                if sigma is not None and placed.by is PlacedBy.PERSON:
                    sigma[index] = np.nan
        changed: dict[str, Any] = {
            "points": points,
            "visibility": tuple(seen),
            "placed_by": tuple(origins),
            "sigma": sigma,
        }
        return replace(marks, **changed, **stamp)

    def _lift(self, view: str, lifter: Lifter, own: Landmarks2D) -> Landmarks3D:
        """The points of a view on the scan; only those that moved since the last time are looked for."""
        visible = own.visible
        last = self._lifts.get(view)
        if last is None:
            nothing = np.full((len(own.points), 3), np.nan)
            last = _Lifts(np.full_like(own.points, np.nan), np.zeros(len(visible), bool), nothing, nothing)
        stays = (own.points == last.pixels).all(axis=1) & (visible == last.visible)
        points, normals = (np.where(stays[:, None], values, np.nan) for values in (last.points, last.normals))
        rows = np.flatnonzero(~stays & visible)
        if len(rows):
            points[rows], normals[rows] = lifter.on_scan(own.points[rows])
        self._lifts[view] = _Lifts(own.points, visible, points, normals)
        return in_space(own, points)

    def _facing(self, view: str, normals: FloatArray) -> FloatArray:
        """(n,) cosine between normal and line of sight; 0 where it is not known."""
        camera = next(v.camera for v in self._views if v.name == view)
        assert camera is not None
        way = camera.centre - self.lifted[view].points
        with np.errstate(invalid="ignore"):
            way = way / np.linalg.norm(way, axis=1, keepdims=True)
            return np.nan_to_num(np.einsum("nd,nd->n", way, normals), nan=0.0)

    def _join(self, facing: dict[str, FloatArray], normals: dict[str, FloatArray], state: State) -> None:
        """One point on the scan out of those of the views; what a person placed is not outvoted by guesses."""
        base = self._scan_prefill or self._empty()
        points, origins = base.points.copy(), list(base.placed_by)
        self.normals = np.full_like(points, np.nan)
        if self.lifted:
            names = list(self.lifted)
            stack = np.stack([self.lifted[n].points for n in names])
            towards = np.stack([facing[n] for n in names])
            person = np.array([[by is PlacedBy.PERSON for by in self.lifted[n].placed_by] for n in names])
            used = np.asarray(np.isfinite(stack).all(axis=2))
            for better in (person, towards >= GRAZING):
                used = np.asarray(np.where((used & better).any(axis=0), used & better, used))
            rows = np.flatnonzero(used.any(axis=0))
            points[rows] = np.nanmedian(np.where(used[..., None], stack, np.nan)[:, rows], axis=0)
            best = np.where(used, towards, -2.0).argmax(axis=0)
            self.normals[rows] = np.stack([normals[n] for n in names])[best[rows], rows]
            for i in rows.tolist():
                origins[i] = self.lifted[names[best[i]]].placed_by[i]
        for (view, i), placed in state.items():
            if view == SCAN and placed is not None:
                points[i], origins[i] = placed.position, placed.by
                self.normals[i] = np.nan
        seen = tuple(Visibility.VISIBLE if np.isfinite(p).all() else Visibility.OCCLUDED for p in points)
        self.joined = Landmarks3D(points=points, placed_by=tuple(origins), visibility=seen)

    def _carried(self, facing: dict[str, FloatArray], state: State) -> BoolArray:
        """(n,) bool: which points go from where a person placed them into the other views."""
        result = np.zeros(len(self._scheme), bool)
        for (view, i), placed in state.items():
            if placed is None or placed.by is not PlacedBy.PERSON or placed.visibility is not Visibility.VISIBLE:
                continue
            clear = view == SCAN or not self._silhouette[i] or (view in facing and facing[view][i] >= GRAZING)
            result[i] |= clear
        return result

    def _likely(self, state: State) -> BoolArray:
        """(n,) bool: which points a person placed near enough to the guess of the same picture to believe guesses."""
        result = np.zeros(len(self._scheme), bool)
        for (view, i), placed in state.items():
            if placed is not None and placed.by is PlacedBy.PERSON and view in self._prefill:
                result[i] = not self._astray(view, np.array([i]), np.array([placed.position]))[0]
        return result

    def _astray(self, view: str, rows: IntArray, points: FloatArray) -> BoolArray:
        """Which points (k, 2) lie where a picture's first guess cannot be that wrong; none where it tells no error."""
        guess = self._prefill[view]
        if guess.sigma is None:
            return np.zeros(len(rows), bool)
        with np.errstate(invalid="ignore"):
            away = np.linalg.norm(points - guess.points[rows], axis=1)
            return np.asarray(away > ASTRAY * guess.sigma[rows])

    def _show(self, view: BoardView, own: Landmarks2D, carried: BoolArray, likely: BoolArray) -> Landmarks2D:
        """What was placed here stays; the rest of what a person placed goes where the point on the scan projects.

        But for what agrees with the guess where it was placed and contradicts it here: it went past an edge, into an
        open mouth or behind a nostril.
        """
        rows = [i for i in np.flatnonzero(carried).tolist() if own.placed_by[i] is not PlacedBy.PERSON]
        if view.camera is None or not rows:
            return own
        depth = view.lifter.depth if view.lifter is not None else None
        there = project_landmarks(
            Landmarks3D(points=self.joined.points[rows]), view.camera, depth, normals=self.normals[rows]
        )
        points, seen, origins = own.points.copy(), list(own.visibility), list(own.placed_by)
        past_edge = likely[rows] & self._astray(view.name, np.array(rows), there.points)
        for k, i in enumerate(rows):
            if np.isfinite(there.points[k]).all() and not past_edge[k]:
                points[i], seen[i], origins[i] = there.points[k], there.visibility[k], PlacedBy.PROJECTION
        return replace(own, points=points, visibility=tuple(seen), placed_by=tuple(origins))
