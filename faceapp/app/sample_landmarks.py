"""Whose landmarks of a sample count: the selected annotator's, else the newest by a person, else the prefill."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from faceapp.app.sample_views import prefill_views, read_scan, read_views
from faceapp.core.landmarks import Landmarks2D, PlacedBy
from faceapp.formats.capture_bundle import CaptureBundle
from faceapp.formats.landmark_files import read_landmarks
from faceapp.landmarks.history import LandmarkJournal
from faceapp.landmarks.lifting import Lifter, join_views, project_landmarks

PREFILL = "prefill"


def annotators_of(sample_folder: Path) -> tuple[str, ...]:
    """Return who annotated a sample, the newest first."""
    journals = [f for f in sample_folder.glob("landmarks/*/journal.jsonl") if LandmarkJournal(f).state]
    newest = sorted(journals, key=lambda f: f.stat().st_mtime, reverse=True)
    return tuple(f.parent.name for f in newest)


def selected_annotator(sample_folder: Path) -> str:
    """Return whose landmarks count; ``prefill`` when no person placed any."""
    there = annotators_of(sample_folder)
    chosen = sample_folder / "landmarks" / "selected.jsonl"
    if chosen.is_file():
        for line in reversed(chosen.read_text(encoding="utf-8").splitlines()):
            with contextlib.suppress(ValueError, KeyError):  # half a line after a kill
                name = str(json.loads(line)["annotator"])
                if name in there:
                    return name
    return next(iter(there), PREFILL)


def current_landmarks(sample_folder: Path, bundle: CaptureBundle) -> tuple[dict[str, Landmarks2D], str]:
    """Return the landmarks that count, by view, and whose they are.

    Parameters
    ----------
    sample_folder : Path
        With ``capture`` and ``landmarks``.
    bundle : CaptureBundle
        Its capture.

    Notes
    -----
    A view that its annotator did not touch follows the others over the scan, so that three views agree.
    """
    views = read_views(bundle)
    clouds, depths = read_scan(sample_folder, bundle, views)
    marks = prefill_views(sample_folder / "landmarks" / PREFILL, views, clouds, depths)
    who = selected_annotator(sample_folder)
    if who == PREFILL:
        return marks, who
    journal = LandmarkJournal(sample_folder / "landmarks" / who / "journal.jsonl")
    files = {v.name: sample_folder / "landmarks" / who / f"{v.name}.json" for v in views}
    if not journal.state:
        found = {name: read_landmarks(f) for name, f in files.items() if f.is_file()}
        return {n: m for n, m in found.items() if isinstance(m, Landmarks2D)}, who
    own: dict[str, Landmarks2D] = {}
    for name, guess in marks.items():
        points, seen, origins = guess.points.copy(), list(guess.visibility), list(guess.placed_by)
        for (where, index), state in journal.state.items():
            if where == name and state is not None:
                points[index], seen[index], origins[index] = state.position, state.visibility, PlacedBy.PERSON
        own[name] = replace(
            guess,
            points=points,
            visibility=tuple(seen),
            placed_by=tuple(origins),
            annotator=who,
            revision=journal.revision,
        )
    lifted = {
        v.group: Lifter(clouds[v.group].points, v.camera, depths.get(v.name)).lift_all(own[v.name])
        for v in views
        if v.group in clouds
    }
    if not lifted:
        return own, who
    joined = join_views(lifted, (views[0].group,))
    touched = {i for (_, i), state in journal.state.items() if state is not None}
    for view in views:
        there = project_landmarks(joined, view.camera, depths.get(view.name))
        for i in touched:
            if own[view.name].placed_by[i] is not PlacedBy.PERSON and np.isfinite(there.points[i]).all():
                own[view.name] = own[view.name].with_point(i, there.points[i], PlacedBy.PROJECTION, there.visibility[i])
    return own, who
