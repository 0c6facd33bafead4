"""The journal of one annotator on one sample: each act on the disk before the screen shows it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceapp.core.errors import DataError
from faceapp.core.landmarks import PlacedBy, Visibility
from faceapp.formats.atomic import append_line

SCAN = "scan"
"""The view whose points are placed on the surface itself: ``(x, y, z)`` in mm instead of pixels."""


@dataclass(frozen=True)
class Placed:
    """What was said of a point.

    Parameters
    ----------
    position : tuple of float
        Pixels, or mm on the scan; kept to a thousandth, so that what is shown now is what is read later.
    visibility : Visibility
        Whether the view shows it.
    by : PlacedBy
        A person, whose points nothing else moves, or what moved it for a person (a refit).
    locked : bool
        Whether even a person moves it only after unlocking it.
    """

    position: tuple[float, ...]
    visibility: Visibility
    by: PlacedBy = PlacedBy.PERSON
    locked: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "position", tuple(round(float(x), 3) for x in self.position))


@dataclass(frozen=True)
class Change:
    """One point of one view; ``state`` ``None`` gives it back to the first guess."""

    view: str
    index: int
    state: Placed | None


@dataclass(frozen=True)
class Act:
    """What a person did at once, and what one undo takes back.

    Parameters
    ----------
    changes : tuple of Change
        At most one for each point of a view.
    title : str
        For people: ``even spacing``.
    """

    changes: tuple[Change, ...]
    title: str = "place"

    @staticmethod
    def of_point(view: str, index: int, position: tuple[float, ...] | None, visibility: Visibility) -> Act:
        """Return the act of a person on one point; ``position`` ``None`` gives it back to the first guess."""
        state = None if position is None else Placed(position, visibility)
        return Act((Change(view, index, state),), "reset" if position is None else "place")


_Before = tuple[tuple[tuple[str, int], Placed | None], ...]


class LandmarkJournal:
    """An append-only list of acts, undos and redos; the state is what they add up to.

    Parameters
    ----------
    file : Path
        JSON lines. A half line that a kill left behind is skipped.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._done: list[tuple[Act, _Before]] = []
        self._undone: list[tuple[Act, _Before]] = []
        self.state: dict[tuple[str, int], Placed | None] = {}
        self.revision = 0
        self.skipped = 0
        if file.is_file():
            self._read()

    @property
    def can_undo(self) -> bool:
        """Whether an act can be taken back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether an act that was taken back can be done again."""
        return bool(self._undone)

    @property
    def by_person(self) -> bool:
        """Whether a person has placed or judged any point."""
        return any(state is not None and state.by is PlacedBy.PERSON for state in self.state.values())

    def append(self, act: Act, stamp: dict[str, str]) -> None:
        """Record an act; it is on the disk when this returns.

        Raises
        ------
        DataError
            The disk refuses; the state is as before.
        """
        append_line(self._file, json.dumps({"act": "edit", "title": act.title, **stamp} | {"changes": _told(act)}))
        self._do(act)

    def undo(self, stamp: dict[str, str]) -> Act | None:
        """Take the last act back and return it; ``None`` when there is none."""
        if not self._done:
            return None
        append_line(self._file, json.dumps({"act": "undo", **stamp}))
        return self._undo()

    def redo(self, stamp: dict[str, str]) -> Act | None:
        """Do the act again that was taken back last and return it; ``None`` when there is none."""
        if not self._undone:
            return None
        append_line(self._file, json.dumps({"act": "redo", **stamp}))
        return self._redo()

    def _do(self, act: Act) -> None:
        self._done.append((act, self._apply(act)))
        self._undone.clear()

    def _apply(self, act: Act) -> _Before:
        before = tuple(((c.view, c.index), self.state.get((c.view, c.index))) for c in act.changes)
        self.state.update({(c.view, c.index): c.state for c in act.changes})
        self.revision += 1
        return before

    def _undo(self) -> Act:
        act, before = self._done.pop()
        self._undone.append((act, before))
        self.state.update(before)
        self.revision += 1
        return act

    def _redo(self) -> Act:
        act, _ = self._undone.pop()
        self._done.append((act, self._apply(act)))
        return act

    def _read(self) -> None:
        try:
            lines = self._file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            raise DataError(f"{self._file} cannot be read: {error}") from error
        for line in lines:
            try:
                self._replay(json.loads(line))
            except (ValueError, KeyError, TypeError):
                self.skipped += 1

    def _replay(self, data: dict[str, Any]) -> None:
        if data["act"] == "undo":
            if self._done:
                self._undo()
        elif data["act"] == "redo":
            if self._undone:
                self._redo()
        elif data["act"] == "edit":
            self._do(Act(tuple(_heard(data["changes"])), str(data.get("title", ""))))
        else:  # of a version whose acts were of one point each
            position = data["position"]
            where = None if position is None else (float(position[0]), float(position[1]))
            self._do(Act.of_point(data["view"], int(data["point"]), where, Visibility(data["visibility"])))


def _told(act: Act) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for change in act.changes:
        line: dict[str, Any] = {"view": change.view, "point": change.index, "position": None}
        if change.state is not None:
            line["position"] = list(change.state.position)
            line |= {"visibility": change.state.visibility.value, "by": change.state.by.value}
            if change.state.locked:
                line["locked"] = True
        lines.append(line)
    return lines


def _heard(lines: Iterable[dict[str, Any]]) -> Iterable[Change]:
    for line in lines:
        state = None
        if line["position"] is not None:
            position = tuple(float(x) for x in line["position"])
            by = PlacedBy(line.get("by", "person"))
            state = Placed(position, Visibility(line["visibility"]), by, bool(line.get("locked", False)))
        yield Change(str(line["view"]), int(line["point"]), state)
