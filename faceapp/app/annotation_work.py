"""Who did how much in what time, from the time stamps of the journals."""

from __future__ import annotations

import contextlib
import itertools
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from faceapp.app.annotating import JOURNAL, submitted_revision
from faceapp.app.sample_landmarks import PREFILL
from faceapp.landmarks.history import LandmarkJournal
from faceapp.store.project import Project

PAUSE_S = 60.0
"""Longer gaps between two acts are pauses, and no work."""


@dataclass(frozen=True)
class SampleWork:
    """What one annotator did on one sample.

    Parameters
    ----------
    sample, annotator : str
        ``S0001/smile/1``, initials.
    acts, undone : int
        Edits, and steps of undo.
    points : int
        Points of views that a person placed or judged.
    seconds : float
        From act to act, pauses left out; what was looked at before the first act is not known.
    submitted : bool
        Whether it was handed in.
    last_at : datetime or None
        Of the last act.
    """

    sample: str
    annotator: str
    acts: int
    undone: int
    points: int
    seconds: float
    submitted: bool
    last_at: datetime | None


@dataclass(frozen=True)
class Work:
    """What one annotator did in a project; the median is over samples that were handed in."""

    annotator: str
    begun: int
    submitted: int
    acts: int
    undone: int
    points: int
    hours: float
    median_seconds: float


def sample_works(project: Project) -> tuple[SampleWork, ...]:
    """Return what everybody did on every sample."""
    found = []
    for sample in project.samples():
        folder = project.sample_folder(sample)
        name = f"{sample.subject}/{sample.expression}/{sample.take}"
        journals = sorted(folder.glob(f"landmarks/*/{JOURNAL}"))
        found += [read_work(file, name) for file in journals if file.parent.name != PREFILL]
    return tuple(found)


def read_work(journal: Path, sample: str) -> SampleWork:
    """Return what one journal tells."""
    times: list[datetime] = []
    edits = undone = 0
    for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):  # half a line after a kill
            data = json.loads(line)
            undone += data["act"] == "undo"
            edits += data["act"] not in ("undo", "redo")
            times.append(datetime.fromisoformat(data["at"].replace("Z", "+00:00")))
    gaps = np.array([(b - a).total_seconds() for a, b in itertools.pairwise(times)])
    state = LandmarkJournal(journal)
    return SampleWork(
        sample=sample,
        annotator=journal.parent.name,
        acts=edits,
        undone=undone,
        points=sum(1 for s in state.state.values() if s is not None and s.by.value == "person"),
        seconds=float(gaps[(gaps >= 0) & (gaps <= PAUSE_S)].sum()),
        submitted=submitted_revision(journal.parent) == state.revision,
        last_at=times[-1] if times else None,
    )


def summed(works: tuple[SampleWork, ...]) -> tuple[Work, ...]:
    """Return one line an annotator, who did most first."""
    made = []
    for who in {w.annotator for w in works}:
        mine = [w for w in works if w.annotator == who]
        done = [w.seconds for w in mine if w.submitted]
        made.append(
            Work(
                annotator=who,
                begun=len(mine),
                submitted=len(done),
                acts=sum(w.acts for w in mine),
                undone=sum(w.undone for w in mine),
                points=sum(w.points for w in mine),
                hours=sum(w.seconds for w in mine) / 3600,
                median_seconds=float(np.median(done)) if done else float("nan"),
            )
        )
    return tuple(sorted(made, key=lambda w: (-w.submitted, -w.acts, w.annotator)))
