"""Annotating one sample: a journal on the disk, one undo stack that survives a restart, and what follows from it."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from faceapp.app.annotation_data import AnnotationData, read_annotation_data
from faceapp.app.sample_views import AnnotationView, joined_cloud
from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError, ProjectError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, LandmarkScheme, PlacedBy, Visibility
from faceapp.core.mesh import Mesh
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.formats.atomic import append_line
from faceapp.formats.landmark_files import write_landmarks
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.landmarks.history import SCAN, Act, Change, LandmarkJournal, Placed
from faceapp.landmarks.scheme import load_scheme
from faceapp.store.project import Project, utc_now

JOURNAL, SUBMITTED = "journal.jsonl", "submitted.jsonl"

Moves = Mapping[int, npt.ArrayLike]
"""New positions by point: ``(u, v)`` of a view, ``(x, y, z)`` on the scan."""


def submitted_revision(folder: Path) -> int:
    """Return the revision at which an annotator last handed the work of a sample in; -1 where that never was."""
    try:
        lines = (folder / SUBMITTED).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return -1
    for line in reversed(lines):
        try:
            return int(json.loads(line)["revision"])
        except (ValueError, KeyError, TypeError):
            continue  # half a line that a kill left, or one of a version that did not say
    return -1


def standing_of(folder: Path) -> str:
    """Return ``submitted`` or ``in work``, or ``from files`` for landmarks that nobody placed in this program."""
    if not (folder / JOURNAL).is_file():
        return "from files"
    return "submitted" if submitted_revision(folder) == LandmarkJournal(folder / JOURNAL).revision else "in work"


class AnnotationSession:
    """The landmarks of one sample by one annotator.

    Every act is in the journal on the disk when its method returns. Points that no person placed in a view follow
    the scan: they are where the joined 3D point projects, with the occlusion flag from the geometry.

    Parameters
    ----------
    folder : Path
        ``landmarks/ANNOTATOR`` of the sample.
    annotator : str
        Initials.
    data : AnnotationData
        Pictures, scan and first guess.
    paper : bool
        Whether points go onto the nearest projected vertex alone, as the paper does it.
    """

    def __init__(self, folder: Path, annotator: str, data: AnnotationData, *, paper: bool = False) -> None:
        self.folder, self.annotator, self.data = folder, annotator, data
        self._views = {v.name: v for v in data.views}
        self._journal = LandmarkJournal(folder / JOURNAL)
        self._journal_at = _stamp_of(folder / JOURNAL)
        self._submitted = submitted_revision(folder)
        self.saved_at: datetime | None = None
        self.linked = True
        self.use_paper_mode(paper)

    @staticmethod
    def of(
        folder: Path,
        annotator: str,
        views: tuple[AnnotationView, ...],
        clouds: dict[str, PointCloud],
        depths: dict[str, Float32Array],
        mesh: Mesh | None,
        prefill: dict[str, Landmarks2D],
    ) -> AnnotationSession:
        """Return a session over views and a scan that are at hand."""
        return AnnotationSession(folder, annotator, AnnotationData(views, clouds, depths, mesh, prefill))

    @staticmethod
    def open(project: Project, sample: Sample, annotator: str, reporter: Reporter | None = None) -> AnnotationSession:
        """Read pictures and scan, and prefill what nobody has placed; slow, so call it off the window's thread.

        Raises
        ------
        DataError
            The sample has neither a picture nor a scan.
        ProjectError
            The project is read-only.
        """
        if project.read_only:
            raise ProjectError(f"{project.folder} is open read-only; landmarks cannot be saved")
        if not annotator or not all(c.isalnum() or c in "_-" for c in annotator):
            raise DataError(f"initials {annotator!r}: use letters, digits, _ and - only")
        folder = project.sample_folder(sample)
        data = read_annotation_data(folder, reporter)
        return AnnotationSession(folder / "landmarks" / annotator, annotator, data)

    def use_paper_mode(self, on: bool) -> None:
        """Put points onto the nearest projected vertex, or where their rays meet the surface."""
        self.paper = on
        self._board = self.data.board(paper=on)
        self._refresh()

    # Reading

    @property
    def scheme(self) -> LandmarkScheme:
        """The scheme of the points."""
        return load_scheme()

    @property
    def views(self) -> tuple[AnnotationView, ...]:
        """Pictures, the frontal one first; none where there is a scan alone."""
        return self.data.views

    @property
    def mesh(self) -> Mesh | None:
        """The fused mesh, where there is one."""
        return self.data.mesh

    @functools.cached_property
    def scan(self) -> PointCloud | None:
        """All groups' points in one cloud, for the 3D view."""
        return joined_cloud(self.data.clouds) if self.data.clouds else None

    def landmarks(self, view: str) -> Landmarks2D:
        """Return the points of a view: a person's where one placed them, else those that follow the scan."""
        return self._board.shown[view]

    def first_guess(self, view: str) -> Landmarks2D:
        """Return the points of a view before anybody touched them."""
        return self.data.prefill[view]

    @property
    def landmarks_3d(self) -> Landmarks3D:
        """The points on the scan, joined from the views."""
        return self._board.joined

    def positions(self, view: str) -> npt.NDArray[np.float64]:
        """Return the (n, 2) points of a picture or, for `SCAN`, the (n, 3) points on the scan."""
        return self.landmarks_3d.points if view == SCAN else self.landmarks(view).points

    def onto_scan(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the points of the scan's surface that are nearest to (k, 3) points."""
        wanted = np.asarray(points, np.float64).reshape(-1, 3)
        if isinstance(self._surface, SurfaceTree):
            return self._surface.query(wanted).points
        return np.asarray(self._surface.data[self._surface.query(wanted)[1]], np.float64)

    @functools.cached_property
    def _surface(self) -> SurfaceTree | cKDTree:
        if self.mesh is not None:
            return SurfaceTree(self.mesh.vertices, self.mesh.faces)
        if self.scan is None:
            raise DataError("the sample has no scan")
        return cKDTree(self.scan.points)

    def under(self, view: str, pixels: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """Return the places (k, 3) on the scan under pixels (k, 2) of a view, and normals; ``None`` without a scan."""
        return self._board.under(view, pixels)

    def state_of(self, view: str, index: int) -> Placed | None:
        """Return what was said of a point in a view, ``None`` where nothing was."""
        return self._journal.state.get((view, index))

    def is_locked(self, view: str, index: int) -> bool:
        """Return whether a point must not move."""
        state = self.state_of(view, index)
        return state is not None and state.locked

    def residual(self, view: str, index: int) -> float:
        """Return how far a view's own lifted point is from the joined one, mm; NaN where it was not lifted."""
        return self._board.residual(view, index)

    def spread(self, index: int) -> float:
        """Return how far apart the views are in which a person placed a point, mm; NaN for fewer than two."""
        return self._board.spread(index)

    def done_count(self, view: str) -> int:
        """Return how many points of a view a person placed or judged."""
        return sum(1 for (v, _), s in self._journal.state.items() if v == view and s is not None and _is_person(s))

    @property
    def is_stale(self) -> bool:
        """Whether the journal grew on the disk since this session read it."""
        return _stamp_of(self.folder / JOURNAL) != self._journal_at

    @property
    def can_undo(self) -> bool:
        """Whether an act can be taken back."""
        return self._journal.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether an act that was taken back can be done again."""
        return self._journal.can_redo

    # Acting

    def place(self, view: str, index: int, u: float, v: float) -> None:
        """Place a point in a view, and the one that is linked with it; on the disk when this returns.

        Raises
        ------
        DataError
            Outside the picture, or the point is locked.
        """
        self.act(self.placing(view, index, u, v), "place")

    def placing(self, view: str, index: int, u: float, v: float) -> list[Change]:
        """Return what `place` changes; raises as it does."""
        if self.is_locked(view, index):
            raise DataError(f"point {index} is locked; L unlocks it")
        return self.changes(view, dict.fromkeys((index, *self._linked_with(index)), (u, v)))

    @contextlib.contextmanager
    def as_if(self, changes: Iterable[Change]) -> Iterator[None]:
        """Let the points stand as if something had been done, until the block does it in an act or fails."""
        state = {**self._journal.state, **{(c.view, c.index): c.state for c in changes}}
        self._board.update(state, self.annotator, self._journal.revision)
        try:
            yield
        except BaseException:
            self._refresh()
            raise

    def place_on_scan(self, index: int, position: npt.ArrayLike) -> None:
        """Place a point on the surface itself; every picture follows."""
        if self.is_locked(SCAN, index):
            raise DataError(f"point {index} is locked; L unlocks it")
        self.move(SCAN, dict.fromkeys((index, *self._linked_with(index)), position), "place on the scan")

    def move(self, view: str, moves: Moves, title: str, by: PlacedBy = PlacedBy.PERSON) -> None:
        """Move points of a view, or of the scan, in one act; locked ones stay.

        Raises
        ------
        DataError
            A position is outside the picture.
        """
        self.act(self.changes(view, moves, by), title)

    def changes(self, view: str, moves: Moves, by: PlacedBy = PlacedBy.PERSON) -> list[Change]:
        """Return what moving some points of a view changes; what a person says here counts, not what was said there."""
        made: list[Change] = []
        for index, position in moves.items():
            if self.is_locked(view, index):
                continue
            at = tuple(float(x) for x in np.asarray(position, np.float64))
            self._check(view, index, at)
            seen = Visibility.VISIBLE if view == SCAN else self.landmarks(view).visibility[index]
            seen = Visibility.VISIBLE if seen is Visibility.OUTSIDE else seen
            made.append(Change(view, index, Placed(at, seen, by)))
            if by is PlacedBy.PERSON:
                made += self._given_up(view, index)
        return made

    def set_visibility(self, view: str, index: int, visibility: Visibility) -> None:
        """Say whether a view sees a point; its position becomes the person's."""
        u, v = self.landmarks(view).points[index]
        position = (float(u), float(v)) if np.isfinite([u, v]).all() else (0.0, 0.0)
        self.act([Change(view, index, Placed(position, visibility))], "visibility")

    def set_locked(self, view: str, index: int, locked: bool) -> None:
        """Keep a point where it is, or let it go; it counts as a person's."""
        state = self.state_of(view, index)
        if state is None:
            at = tuple(float(x) for x in self.positions(view)[index])
            seen = Visibility.VISIBLE if view == SCAN else self.landmarks(view).visibility[index]
            state = Placed(at, seen)
        changed = replace(state, by=PlacedBy.PERSON, locked=locked)
        self.act([Change(view, index, changed)], "lock" if locked else "unlock")

    def reset(self, view: str, index: int) -> None:
        """Give a point back to the first guess."""
        self.act([Change(view, index, None), *self._given_up(view, index)], "reset")

    def act(self, changes: Iterable[Change], title: str) -> bool:
        """Do something in one act; returns whether there was anything to do."""
        made = tuple(changes)
        if not made:
            return False
        self._journal.append(Act(made, title), self._stamp())
        self._after()
        return True

    def undo(self) -> bool:
        """Take the last act back; returns whether there was one."""
        return self._stepped(self._journal.undo(self._stamp()))

    def redo(self) -> bool:
        """Do the act again that was taken back last; returns whether there was one."""
        return self._stepped(self._journal.redo(self._stamp()))

    def submit(self) -> None:
        """Write the landmarks of every view and the 3D ones as files, and mark the work as done."""
        self._write_files()
        revision = self._journal.revision
        append_line(self.folder / SUBMITTED, json.dumps({"at": utc_now(), "by": self.annotator, "revision": revision}))
        self._submitted = revision

    @property
    def submitted(self) -> bool:
        """Whether the work was handed in and nothing was done since."""
        return self._submitted == self._journal.revision

    def close(self) -> None:
        """Write the files; the journal holds every act already."""
        if self._journal.state:
            self._write_files()

    def _linked_with(self, index: int) -> list[int]:
        pairs = self.scheme.linked if self.linked else ()
        return [b if a == index else a for a, b in pairs if index in (a, b)]

    def _given_up(self, view: str, index: int) -> list[Change]:
        """A point placed in a picture is no longer where it was put on the scan, and the other way round."""
        others = [SCAN] if view != SCAN else [v.name for v in self.views]
        return [Change(v, index, None) for v in others if self.state_of(v, index) is not None]

    def _check(self, view: str, index: int, at: tuple[float, ...]) -> None:
        if view == SCAN:
            if len(at) != 3 or not np.isfinite(at).all():
                raise DataError(f"point {index}: a place on the scan is expected, mm")
            return
        height, width = self._views[view].picture.shape[:2]
        u, v = at
        if not (np.isfinite([u, v]).all() and -0.5 <= u <= width - 0.5 and -0.5 <= v <= height - 0.5):
            raise DataError(f"point {index}: ({u:.1f}, {v:.1f}) is outside the picture of {view}")

    def _stepped(self, act: Act | None) -> bool:
        if act is None:
            return False
        self._after()
        return True

    def _stamp(self) -> dict[str, str]:
        return {"by": self.annotator, "at": utc_now()}

    def _after(self) -> None:
        self.saved_at = datetime.now(UTC)
        self._journal_at = _stamp_of(self.folder / JOURNAL)
        self._refresh()

    def _refresh(self) -> None:
        self._board.update(self._journal.state, self.annotator, self._journal.revision, utc_now())

    def _write_files(self) -> None:
        for view in self.views:
            write_landmarks(self.folder / f"{view.name}.json", self.landmarks(view.name))
        write_landmarks(self.folder / "landmarks3d.json", self.landmarks_3d)


def _is_person(state: Placed) -> bool:
    return state.by is PlacedBy.PERSON


def _stamp_of(file: Path) -> Any:
    try:
        told = file.stat()
    except OSError:
        return None
    return told.st_size, told.st_mtime_ns
