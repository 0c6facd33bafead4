"""The journal of one annotator on one sample: each act on the disk before the screen shows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceapp.core.errors import DataError
from faceapp.core.landmarks import Visibility
from faceapp.formats.atomic import append_line


@dataclass(frozen=True)
class Placed:
    """What a person said of a point."""

    position: tuple[float, float]
    visibility: Visibility


@dataclass(frozen=True)
class Act:
    """One act on one point of one view; ``position`` ``None`` gives the point back to the prefill."""

    view: str
    index: int
    position: tuple[float, float] | None
    visibility: Visibility

    @property
    def state(self) -> Placed | None:
        """The point after the act."""
        return None if self.position is None else Placed(self.position, self.visibility)


class LandmarkJournal:
    """An append-only list of acts, undos and redos; the state is what they add up to.

    Parameters
    ----------
    file : Path
        JSON lines. A half line that a kill left behind is skipped.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._done: list[tuple[Act, Placed | None]] = []
        self._undone: list[tuple[Act, Placed | None]] = []
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

    def append(self, act: Act, stamp: dict[str, str]) -> None:
        """Record an act; it is on the disk when this returns.

        Raises
        ------
        DataError
            The disk refuses; the state is as before.
        """
        line: dict[str, Any] = {"act": "place", "view": act.view, "point": act.index, **stamp}
        line["position"] = None if act.position is None else [round(x, 3) for x in act.position]
        line["visibility"] = act.visibility.value
        append_line(self._file, json.dumps(line))
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
        key = (act.view, act.index)
        self._done.append((act, self.state.get(key)))
        self._undone.clear()
        self.state[key] = act.state
        self.revision += 1

    def _undo(self) -> Act:
        act, before = self._done.pop()
        self._undone.append((act, before))
        self.state[(act.view, act.index)] = before
        self.revision += 1
        return act

    def _redo(self) -> Act:
        act, before = self._undone.pop()
        self._done.append((act, before))
        self.state[(act.view, act.index)] = act.state
        self.revision += 1
        return act

    def _read(self) -> None:
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
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
        else:
            position = data["position"]
            where = None if position is None else (float(position[0]), float(position[1]))
            self._do(Act(data["view"], int(data["point"]), where, Visibility(data["visibility"])))
