"""What is edited in a picture: landmarks, the active group and point, what else is shown. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.core.landmarks import LandmarkGroup, Landmarks2D, LandmarkScheme, PlacedBy, Visibility


@dataclass(frozen=True, eq=False)
class OtherMarks:
    """Points of another annotator, shown as plus signs with initials; how far that work is, in words."""

    initials: str
    points: FloatArray
    standing: str = "in work"


@dataclass(eq=False)
class LandmarkModel:
    """Landmarks of one picture with the state of editing.

    Parameters
    ----------
    scheme : LandmarkScheme
        Groups, curves, names.
    landmarks : Landmarks2D, optional
        None yet: all points are not placed.
    """

    scheme: LandmarkScheme
    landmarks: Landmarks2D = None  # type: ignore[assignment]
    active_group: str = ""
    active_point: int = -1
    selection: frozenset[int] = frozenset()
    residuals: Mapping[int, tuple[float, float, float]] = field(default_factory=dict)
    """Of a point: where the other views want it, ``(u, v)``, and how far that is, mm."""
    others: tuple[OtherMarks, ...] = ()
    walked: tuple[str, ...] = ()
    """Groups in the order in which they are walked; without them in that of `group_walk`."""
    locked: frozenset[int] = frozenset()
    """Points that stay where they are until they are unlocked."""
    _listeners: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.landmarks is None:
            self.landmarks = Landmarks2D(points=np.full((len(self.scheme), 2), np.nan), scheme=self.scheme.id)

    def on_change(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call ``listener`` after each change; return a function that stops it."""
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def changed(self) -> None:
        """Tell the views; for those who set fields themselves."""
        for listener in tuple(self._listeners):
            listener()

    def set_landmarks(self, landmarks: Landmarks2D) -> None:
        """Exchange all points."""
        self.landmarks = landmarks
        self.changed()

    def place(
        self, index: int, u: float, v: float, by: PlacedBy = PlacedBy.PERSON, visibility: Visibility | None = None
    ) -> None:
        """Put a point somewhere."""
        self.landmarks = self.landmarks.with_point(index, (u, v), by, visibility)
        self.changed()

    def set_visibility(self, index: int, visibility: Visibility) -> None:
        """Say whether the camera sees a point."""
        old = self.landmarks
        self.landmarks = old.with_point(index, old.points[index], old.placed_by[index], visibility)
        self.changed()

    def activate(self, group: str, point: int = -1) -> None:
        """Make a group and one of its points active; without a point the first one not placed by a person."""
        self.active_group = group
        if point < 0 and group:
            members = self.walk
            open_ones = [i for i in members if self.landmarks.placed_by[i] is not PlacedBy.PERSON]
            point = open_ones[0] if open_ones else members[0] if members else -1
        self.active_point = point
        self.changed()

    def activate_point(self, point: int) -> None:
        """Make a point active, and its group; -1 for none."""
        if point >= 0:
            self.active_group = self.scheme.group_of(point).name
        self.active_point = point
        self.changed()

    @property
    def group(self) -> LandmarkGroup | None:
        """The active group."""
        return next((g for g in self.scheme.groups if g.name == self.active_group), None)

    @property
    def walk(self) -> tuple[int, ...]:
        """Points of the active group in the order in which they are shown: the least certain first, where it is known.

        Those that a person placed come last then.
        """
        group = self.group
        if group is None:
            return ()
        sigma = self.landmarks.sigma
        if sigma is None or not np.isfinite(sigma[list(group.indices)]).any():
            return group.indices
        return tuple(sorted(group.indices, key=lambda i: -float(np.nan_to_num(sigma[i], nan=-1.0))))

    @property
    def group_walk(self) -> tuple[str, ...]:
        """Groups in the order in which they are shown: the least certain first, where it is known."""
        sigma = self.landmarks.sigma
        names = [g.name for g in self.scheme.groups]
        if sigma is None or not np.isfinite(sigma).any():
            return tuple(names)
        doubt = {g.name: float(np.nan_to_num(sigma[list(g.indices)]).mean()) for g in self.scheme.groups}
        return tuple(sorted(names, key=lambda name: -doubt[name]))

    def next_group(self, step: int = 1) -> None:
        """Walk to the next group, round and round."""
        names = self.walked or self.group_walk
        at = names.index(self.active_group) if self.active_group in names else -1 if step > 0 else 0
        self.activate(names[(at + step) % len(names)])

    def next_point(self, step: int = 1) -> None:
        """Walk to the next point of the active group, round and round."""
        members = self.walk
        if not members:
            self.next_group()
            return
        at = members.index(self.active_point) if self.active_point in members else -1
        self.active_point = members[(at + step) % len(members)]
        self.changed()

    def nearest(self, u: float, v: float, only_active: bool = False) -> tuple[int, float]:
        """Return the nearest placed point and its distance in pixels; -1 where there is none.

        With ``only_active`` points of other groups do not count.
        """
        distance = np.hypot(self.landmarks.points[:, 0] - u, self.landmarks.points[:, 1] - v)
        if only_active:
            allowed = np.zeros(len(distance), bool)
            allowed[list(self.group.indices if self.group else range(len(distance)))] = True
            distance = np.where(allowed, distance, np.nan)
        if not np.isfinite(distance).any():
            return -1, float("inf")
        index = int(np.nanargmin(distance))
        return index, float(distance[index])

    def target_of_click(self, u: float, v: float) -> int:
        """Return the point that a click moves: the nearest of the active group, or one that has no place yet."""
        index, _ = self.nearest(u, v, only_active=True)
        if index < 0 and self.group is not None:
            return self.active_point if self.active_point in self.group.indices else self.group.indices[0]
        return index

    def done_in(self, group: LandmarkGroup) -> int:
        """Return how many points of a group a person has placed."""
        return sum(self.landmarks.placed_by[i] is PlacedBy.PERSON for i in group.indices)
