"""Whose landmarks of a sample count: the selected annotator's, else the newest by a person, else the prefill."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from faceapp.app.annotation_data import AnnotationData, read_annotation_data
from faceapp.app.sample_views import prefill_views, read_scan, read_views
from faceapp.core.landmarks import Landmarks2D, Landmarks3D
from faceapp.formats.capture_bundle import CaptureBundle
from faceapp.formats.landmark_files import read_landmarks
from faceapp.landmarks.history import LandmarkJournal

PREFILL = "prefill"


def annotators_of(sample_folder: Path) -> tuple[str, ...]:
    """Return who annotated a sample, the newest first."""
    journals = [f for f in sample_folder.glob("landmarks/*/journal.jsonl") if LandmarkJournal(f).by_person]
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
    board = AnnotationData(views, clouds, depths, None, marks).board()
    board.update(journal.state, who, journal.revision)
    return board.shown, who


def landmarks_from_outside(sample_folder: Path) -> dict[str, Landmarks2D | Landmarks3D]:
    """Return the landmarks that count of a sample that was not captured here: by picture, or ``3d`` of a scan alone."""
    data = read_annotation_data(sample_folder)
    who = selected_annotator(sample_folder)
    journal = LandmarkJournal(sample_folder / "landmarks" / who / "journal.jsonl")
    board = data.board()
    board.update(journal.state if who != PREFILL else {}, who, journal.revision)
    return dict(board.shown) if data.views else {"3d": board.joined}
