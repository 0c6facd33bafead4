"""A sample on the desk of an annotator: the session, its pictures ready to draw, and facts. No widgets."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from faceapp.core.landmarks import LandmarkGroup, Landmarks2D, LandmarkScheme, PlacedBy, Visibility
from faceapp.core.subject import Sample
from faceapp.gui.picture.model import LandmarkModel, OtherMarks
from faceapp.gui.picture.pyramid import Pyramid
from faceapp.gui.widgets.grouplist import GroupEntry, Progress
from faceapp.landmarks.history import SCAN

if TYPE_CHECKING:
    from faceapp.app.annotating import AnnotationSession
    from faceapp.core.signals import Reporter
    from faceapp.store.project import Project

RESIDUAL_FROM_MM = 1.0
_ORIGINS = {
    PlacedBy.DETECTOR: "the detector",
    PlacedBy.PROJECTION: "another view",
    PlacedBy.PROPAGATION: "another expression",
    PlacedBy.PREFILL: "the first guess",
    PlacedBy.SIMULATION: "the simulation",
    PlacedBy.UNKNOWN: "nobody knows",
}
SEEN_WORDS = {Visibility.VISIBLE: "Visible", Visibility.OCCLUDED: "Occluded", Visibility.OUTSIDE: "Outside"}
NEXT_SEEN = {
    Visibility.VISIBLE: Visibility.OCCLUDED,
    Visibility.OCCLUDED: Visibility.OUTSIDE,
    Visibility.OUTSIDE: Visibility.VISIBLE,
}


_BY_PERSON = -2
"""Of what `Desk.state` tells of a point: whether a person placed it."""


@dataclass(eq=False)
class Desk:
    """One open sample.

    Parameters
    ----------
    sample : Sample
        Which one.
    session : AnnotationSession
        Its landmarks; acts are on the disk when they return.
    scheme : LandmarkScheme
        Groups and names.
    pyramids : dict of str to Pyramid
        By view.
    others : dict of str to tuple of OtherMarks
        By view, the points of other annotators.
    """

    sample: Sample
    session: AnnotationSession
    scheme: LandmarkScheme
    pyramids: dict[str, Pyramid]
    others: dict[str, tuple[OtherMarks, ...]] = field(default_factory=dict)
    models: dict[str, LandmarkModel] = field(default_factory=dict)
    others_shown: bool = False
    seconds: int = 0
    """How long it was on the screen."""
    watched: bool = False
    """Whether the workspace is told of changes of the models."""

    def __post_init__(self) -> None:
        for name in self.names:
            model = LandmarkModel(self.scheme, self._marks(name))
            model.walked = model.group_walk  # as it was at first: a walk whose order changes leads nowhere
            self.models[name] = model

    @property
    def names(self) -> tuple[str, ...]:
        """Views, the frontal one first; the scan where there is no picture."""
        return tuple(view.name for view in self.session.views) or (SCAN,)

    @property
    def has_pictures(self) -> bool:
        """Whether there is anything but a scan."""
        return bool(self.session.views)

    def _marks(self, view: str) -> Landmarks2D:
        if view != SCAN:
            return self.session.landmarks(view)
        marks = self.session.landmarks_3d  # from the front, for the walk through groups and points
        return Landmarks2D(
            points=marks.points[:, :2] * (1, -1), placed_by=marks.placed_by, visibility=marks.visibility, view=SCAN
        )

    def others_than(self, view: str) -> list[str]:
        """Return the other views, the subject's right first as on the screen."""
        places = {v.name: float(v.camera.centre[0]) if v.camera else 0.0 for v in self.session.views}
        return sorted((name for name in self.names if name != view), key=lambda name: places.get(name, 0.0))

    def point_title(self, index: int) -> str:
        """Return ``mouth_right_corner`` as ``Mouth right corner``."""
        words = re.sub(r"(?<=[a-z])(?=\d)", " ", self.scheme.names[index].replace("_", " "))
        return words[:1].upper() + words[1:]

    def title(self, view: str) -> str:
        """Return ``Middle · RGB``, or the name of a picture from outside."""
        shown = next((v for v in self.session.views if v.name == view), None)
        if shown is None:
            return "Scan"
        return f"{shown.group.capitalize()} · RGB" if shown.camera is not None else shown.name

    @property
    def state_words(self) -> str:
        """What an annotator must know of the whole: a guess that nobody looked at, or work that is handed in."""
        if self.session.submitted:
            return "Submitted"
        touched = any(self.session.done_count(name) for name in self.names)
        return "" if touched else "First guess, nothing checked yet"

    def refresh(self) -> None:
        """Take the landmarks of all views from the session."""
        for view, model in self.models.items():
            model.residuals = self.residuals(view) if view != SCAN else {}
            model.locked = frozenset(i for i in range(len(self.scheme)) if self.session.is_locked(view, i))
            model.set_landmarks(self._marks(view))

    def residuals(self, view: str) -> dict[int, tuple[float, float, float]]:
        """Return where the other views want the points that a person placed here, from 1 mm."""
        marks = self.session.landmarks(view)
        placed = [i for i, by in enumerate(marks.placed_by) if by is PlacedBy.PERSON]
        gaps = {i: self.session.residual(view, i) for i in placed}
        steady = [i for i in gaps if i not in self.scheme.silhouette]  # a silhouette is another line in each view
        far = [i for i in steady if math.isfinite(gaps[i]) and gaps[i] >= RESIDUAL_FROM_MM]
        camera = next(v.camera for v in self.session.views if v.name == view)
        if not far or camera is None:
            return {}
        pixels, _ = camera.project(self.session.landmarks_3d.points[far])
        return {i: (float(u), float(v), gaps[i]) for i, (u, v) in zip(far, pixels, strict=True)}

    def between_views(self, index: int) -> float:
        """Return how far the views that a person placed a point in are apart, mm; NaN for fewer than two."""
        return self.session.spread(index)

    def from_first_guess(self, view: str, index: int) -> float:
        """Return how far a point is from where the first guess put it, pixels of the picture."""
        if view == SCAN:
            return math.nan
        moved = self.session.landmarks(view).points[index] - self.session.first_guess(view).points[index]
        return float(np.hypot(*moved))

    def median_residual(self, view: str) -> float:
        """Return the median distance of a view's own points on the scan to the joined ones, mm; NaN for none."""
        marks = self.session.landmarks(view)
        placed = [i for i, by in enumerate(marks.placed_by) if by is PlacedBy.PERSON]
        gaps = [gap for i in placed if math.isfinite(gap := self.session.residual(view, i))]
        return float(np.median(gaps)) if gaps else math.nan

    def origin_words(self, view: str, index: int) -> str:
        """Return by whom or what a point was placed."""
        by = self._marks(view).placed_by[index]
        return self.session.annotator if by is PlacedBy.PERSON else _ORIGINS[by]

    def scan_words(self, index: int) -> str:
        """Return the coordinates of a point on the scan, mm."""
        point = self.session.landmarks_3d.points[index]
        if not np.isfinite(point).all():
            return "not on the scan"
        return ", ".join(f"{v:.2f}" for v in point).replace("-", "\N{MINUS SIGN}")

    def on_scan(self) -> int:
        """Return how many points are on the scan."""
        return int(self.session.landmarks_3d.placed.sum())

    def entries(self, view: str) -> list[GroupEntry]:
        """Return the rows of the list of groups."""
        return [self._entry(view, group) for group in self.scheme.groups]

    def _entry(self, view: str, group: LandmarkGroup) -> GroupEntry:
        model = self.models[view]
        done, total = model.done_in(group), len(group.indices)
        wrong = any(i in model.residuals for i in group.indices)
        if wrong:
            progress = Progress.WRONG
        else:
            progress = Progress.DONE if done == total else Progress.PARTLY if done else Progress.UNTOUCHED
        count = f"{done} of {total}" if done else "prefilled"
        return GroupEntry(group.name, group.title, count, progress)

    def show_others(self, shown: bool) -> None:
        """Show or hide the points of other annotators in all views."""
        self.others_shown = shown
        for view, model in self.models.items():
            model.others = self.others.get(view, ()) if shown else ()
            model.changed()

    def submit(self) -> None:
        """Write the landmarks as files and mark the work as done; on a thread."""
        self.session.submit()

    def annotators(self) -> tuple[tuple[str, str], ...]:
        """Return who placed points and how far, the one who works first."""
        total = len(self.scheme)
        done = max(self.session.done_count(view) for view in self.names)
        others = {marks.initials: marks.standing for found in self.others.values() for marks in found}
        mine = "submitted" if self.session.submitted else "in work"
        return ((f"{self.session.annotator}, {mine}", f"{done} of {total}"), *others.items())

    def differs(self, before: dict[str, list[tuple[float, ...]]]) -> int:
        """Return the point that an undo or redo is about, or -1: what a person placed, not what only followed it."""
        followed = -1
        for view in self.names:
            for i, (old, new) in enumerate(zip(before[view], self.state(view), strict=True)):
                if old != new:
                    if max(old[_BY_PERSON], new[_BY_PERSON]) > 0:
                        return i
                    followed = i if followed < 0 else followed
        return followed

    def state(self, view: str) -> list[tuple[float, ...]]:
        """Return what an act can change of each point, to compare."""
        marks = self._marks(view)
        ranks = list(Visibility)
        return [
            (*(-1.0 if math.isnan(v) else float(v) for v in xy), float(by is PlacedBy.PERSON), float(ranks.index(seen)))
            for xy, by, seen in zip(marks.points, marks.placed_by, marks.visibility, strict=True)
        ]


def open_desk(project: Project, sample: Sample, annotator: str, reporter: Reporter) -> Desk:
    """Open a sample; slow, so on a thread.

    Who annotates gold, or what two people get, sees nobody else's points before handing in.
    """
    from faceapp.app.annotating import AnnotationSession
    from faceapp.app.annotation_plan import is_blind
    from faceapp.landmarks.scheme import load_scheme

    session = AnnotationSession.open(project, sample, annotator, reporter)
    pyramids = {view.name: Pyramid.build(view.picture) for view in session.views}
    blind = is_blind(project, sample) and not session.submitted
    others = {} if blind else {view.name: _others(session, view.name) for view in session.views}
    _ = session.scan  # joined here, not when the window asks for it
    return Desk(sample, session, load_scheme(), pyramids, others)


def _others(session: AnnotationSession, view: str) -> tuple[OtherMarks, ...]:
    from faceapp.app.annotating import standing_of
    from faceapp.core.errors import DataError
    from faceapp.formats.landmark_files import read_landmarks

    found: list[OtherMarks] = []
    for file in sorted(session.folder.parent.glob(f"*/{view}.json")):
        who = file.parent.name
        if who in (session.annotator, "prefill"):
            continue
        try:
            marks = read_landmarks(file)
        except DataError:
            continue  # verify names it; the work here goes on
        if marks.points.shape[1] == 2:
            found.append(OtherMarks(who, marks.points, standing_of(file.parent)))
    return tuple(found)
