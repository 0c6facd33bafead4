"""A process that edits landmarks at random and says each act once it is done; for tests that kill it."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from faceapp.app import landmark_edits as edits
from faceapp.app.annotating import AnnotationSession
from faceapp.app.annotation_data import AnnotationData
from faceapp.app.sample_views import AnnotationView
from faceapp.core.landmarks import Landmarks2D, PlacedBy
from faceapp.landmarks.scheme import load_scheme

SIDE = 900


def open_session(folder: Path) -> AnnotationSession:
    """One picture prefilled with the mean shape."""
    points = load_scheme().mean_shape * 300 + 440
    marks = Landmarks2D(points=points, placed_by=(PlacedBy.PREFILL,) * 106, view="front", image_size=(SIDE, SIDE))
    view = AnnotationView("front", "front", np.zeros((SIDE, SIDE, 3), np.uint8), None)
    return AnnotationSession(folder, "AB", AnnotationData((view,), prefill={"front": marks}))


def fingerprint(session: AnnotationSession) -> str:
    """All points as the screen would show them."""
    marks = session.landmarks("front")
    told = [np.round(marks.points, 1).tolist(), [p.value for p in marks.placed_by], [v.value for v in marks.visibility]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def act(session: AnnotationSession, rng: np.random.Generator) -> None:
    """Do one act that a person could do."""
    index = int(rng.integers(0, 106))
    what = rng.choice(["place", "place", "place", "undo", "redo", "even", "refit", "mirror", "reset", "write"])
    if what == "place":
        u, v = session.landmarks("front").points[index] + rng.normal(0, 4, 2)
        session.place("front", index, float(np.clip(u, 0, SIDE - 1)), float(np.clip(v, 0, SIDE - 1)))
    elif what == "undo":
        session.undo()
    elif what == "redo":
        session.redo()
    elif what == "even":
        edits.space_evenly(session, "front", int(rng.integers(0, 104)) % 66)
    elif what == "refit" and session.done_count("front"):
        edits.refit_untouched(session)
    elif what == "mirror":
        edits.mirror(session, "front", 35)
    elif what == "reset":
        session.reset("front", index)
    elif what == "write":
        session.close()


def main() -> None:
    """Edit until killed."""
    session, rng = open_session(Path(sys.argv[1])), np.random.default_rng(int(sys.argv[2]))
    print("ready", fingerprint(session), flush=True)
    while True:
        act(session, rng)
        print("done", fingerprint(session), flush=True)


if __name__ == "__main__":
    main()
