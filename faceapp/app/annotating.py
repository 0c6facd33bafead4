"""Annotating one sample: pictures, scan, a journal on the disk, and undo that survives a restart."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from faceapp.app.sample_views import AnnotationView, joined_cloud, prefill_views, read_scan, read_views
from faceapp.core.arrays import Float32Array
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError, ProjectError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy, Visibility
from faceapp.core.mesh import Mesh
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.formats.atomic import append_line
from faceapp.formats.capture_bundle import read_bundle
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import read_mesh
from faceapp.landmarks.history import Act, LandmarkJournal
from faceapp.landmarks.lifting import Lifter, join_views, project_landmarks
from faceapp.landmarks.scheme import load_scheme
from faceapp.store.project import Project, utc_now

_JOURNAL, _SUBMITTED = "journal.jsonl", "submitted.jsonl"


def submitted_revision(folder: Path) -> int:
    """Return the revision at which an annotator last handed the work of a sample in; -1 where that never was."""
    try:
        lines = (folder / _SUBMITTED).read_text(encoding="utf-8").splitlines()
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
    if not (folder / _JOURNAL).is_file():
        return "from files"
    return "submitted" if submitted_revision(folder) == LandmarkJournal(folder / _JOURNAL).revision else "in work"


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
    views : tuple of AnnotationView
        Front view first.
    clouds : dict of str to PointCloud
        By group.
    depths : dict of str to (H, W) float32
        By view, what it sees of the scan.
    mesh : Mesh or None
        Where the sample was fused.
    prefill : dict of str to Landmarks2D
        By view.
    """

    def __init__(
        self,
        folder: Path,
        annotator: str,
        views: tuple[AnnotationView, ...],
        clouds: dict[str, PointCloud],
        depths: dict[str, Float32Array],
        mesh: Mesh | None,
        prefill: dict[str, Landmarks2D],
    ) -> None:
        self.folder, self.annotator, self.views, self.mesh = folder, annotator, views, mesh
        self._clouds, self._depths, self._prefill = clouds, depths, prefill
        self._views = {v.name: v for v in views}
        self._lifters: dict[str, Lifter] = {}
        self._journal = LandmarkJournal(folder / _JOURNAL)
        self._submitted = submitted_revision(folder)
        self.saved_at: datetime | None = None
        self._refresh()

    @staticmethod
    def open(project: Project, sample: Sample, annotator: str, reporter: Reporter | None = None) -> AnnotationSession:
        """Read pictures and scan, and prefill what nobody has placed; slow, so call it off the window's thread.

        Raises
        ------
        DataError
            The sample has no picture or no scan.
        ProjectError
            The project is read-only.
        """
        if project.read_only:
            raise ProjectError(f"{project.folder} is open read-only; landmarks cannot be saved")
        if not annotator or not all(c.isalnum() or c in "_-" for c in annotator):
            raise DataError(f"initials {annotator!r}: use letters, digits, _ and - only")
        reporter = reporter or Reporter()
        reporter.progress(0.0, "reading the pictures")
        folder = project.sample_folder(sample)
        bundle = read_bundle(folder / "capture")
        views = read_views(bundle)
        if not views:
            raise DataError(
                f"{folder}: the capture has no colour picture of a calibrated camera, so there is nothing to annotate"
            )
        reporter.progress(0.3, "reading the scan")
        clouds, depths = read_scan(folder, bundle, views)
        known = (folder / "landmarks" / "prefill").is_dir()
        reporter.progress(0.6, "reading the points" if known else "first guess of the points")
        prefill = prefill_views(folder / "landmarks" / "prefill", views, clouds, depths)
        mesh_file = folder / "scan" / "mesh.ply"
        mesh = read_mesh(mesh_file) if mesh_file.is_file() else None
        session = AnnotationSession(folder / "landmarks" / annotator, annotator, views, clouds, depths, mesh, prefill)
        reporter.progress(1.0, "ready")
        return session

    @functools.cached_property
    def scan(self) -> PointCloud:
        """All groups' points in one cloud, for the 3D view."""
        return joined_cloud(self._clouds)

    # Reading

    def landmarks(self, view: str) -> Landmarks2D:
        """Return the points of a view: a person's where one placed them, else those that follow the scan."""
        return self._shown[view]

    @property
    def landmarks_3d(self) -> Landmarks3D:
        """The points on the scan, joined from the views."""
        return self._joined

    def residual(self, view: str, index: int) -> float:
        """Return how far a view's own lifted point is from the joined one, mm; NaN where it was not lifted."""
        group = self._views[view].group
        own = self._lifted.get(group)
        if own is None:
            return float("nan")
        return float(np.linalg.norm(own.points[index] - self._joined.points[index]))

    def done_count(self, view: str) -> int:
        """Return how many points of a view a person placed or judged."""
        return sum(1 for (v, _), state in self._journal.state.items() if v == view and state is not None)

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
        """Place a point in a view; it is on the disk when this returns."""
        camera = self._views[view].camera
        if not (np.isfinite([u, v]).all() and -0.5 <= u <= camera.width - 0.5 and -0.5 <= v <= camera.height - 0.5):
            raise DataError(f"point {index}: ({u:.1f}, {v:.1f}) is outside the picture of {view}")
        visibility = self.landmarks(view).visibility[index]
        if visibility is Visibility.OUTSIDE:
            visibility = Visibility.VISIBLE
        self._act(Act(view, index, (float(u), float(v)), visibility))

    def set_visibility(self, view: str, index: int, visibility: Visibility) -> None:
        """Say whether a view sees a point; its position becomes the person's."""
        u, v = self.landmarks(view).points[index]
        position = (float(u), float(v)) if np.isfinite([u, v]).all() else (0.0, 0.0)
        self._act(Act(view, index, position, visibility))

    def reset(self, view: str, index: int) -> None:
        """Give a point back to the prefill."""
        self._act(Act(view, index, None, Visibility.VISIBLE))

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
        append_line(self.folder / _SUBMITTED, json.dumps({"at": utc_now(), "by": self.annotator, "revision": revision}))
        self._submitted = revision

    @property
    def submitted(self) -> bool:
        """Whether the work was handed in and nothing was done since."""
        return self._submitted == self._journal.revision

    def close(self) -> None:
        """Write the files; the journal holds every act already."""
        if self._journal.state:
            self._write_files()

    def _act(self, act: Act) -> None:
        self._journal.append(act, self._stamp())
        self._after(act.view, act.index)

    def _stepped(self, act: Act | None) -> bool:
        if act is None:
            return False
        self._after(act.view, act.index)
        return True

    def _stamp(self) -> dict[str, str]:
        return {"by": self.annotator, "at": utc_now()}

    def _after(self, view: str, index: int) -> None:
        self.saved_at = datetime.now(UTC)
        self._refresh_point(view, index)

    # Deriving

    def _lifter(self, view: str) -> Lifter | None:
        group = self._views[view].group
        if group not in self._clouds:
            return None
        if view not in self._lifters:
            self._lifters[view] = Lifter(self._clouds[group].points, self._views[view].camera, self._depths.get(view))
        return self._lifters[view]

    def _own(self, view: str) -> Landmarks2D:
        """The prefill with a person's points on top."""
        marks = self._prefill[view]
        points, seen, origins = marks.points.copy(), list(marks.visibility), list(marks.placed_by)
        for (name, index), state in self._journal.state.items():
            if name == view and state is not None:
                points[index], seen[index] = state.position, state.visibility
                origins[index] = PlacedBy.PERSON
        return replace(
            marks,
            points=points,
            visibility=tuple(seen),
            placed_by=tuple(origins),
            annotator=self.annotator,
            revision=self._journal.revision,
            created_at=utc_now(),
        )

    def _refresh(self) -> None:
        """Lift and project all points: at the start and after acts that touch many."""
        self._own_marks = {v.name: self._own(v.name) for v in self.views}
        self._lifted: dict[str, Landmarks3D] = {}
        for view in self.views:
            lifter = self._lifter(view.name)
            if lifter is not None:
                self._lifted[view.group] = lifter.lift_all(self._own_marks[view.name])
        self._join()
        self._shown = {v.name: self._show(v) for v in self.views}

    def _refresh_point(self, view: str, index: int) -> None:
        """After one act: lift one point, join, project; a few milliseconds whatever the size of the scan."""
        group = self._views[view].group
        marks = self._own_marks[view] = self._own(view)
        lifter = self._lifter(view)
        if lifter is not None:
            found = lifter.lift(marks.points[index]) if marks.visible[index] else None
            point = np.full(3, np.nan) if found is None else found.point
            self._lifted[group] = self._lifted[group].with_point(
                index, point, marks.placed_by[index], marks.visibility[index]
            )
        self._join()
        self._shown = {v.name: self._show(v) for v in self.views}

    def _join(self) -> None:
        n = len(load_scheme())
        if not self._lifted:
            self._joined = Landmarks3D(points=np.full((n, 3), np.nan), annotator=self.annotator)
            return
        person_first = sorted(self._lifted, key=lambda g: g != self.views[0].group)
        self._joined = join_views(self._lifted, tuple(person_first))

    def _show(self, view: AnnotationView) -> Landmarks2D:
        """A person's points stay; the others go where the joined point projects, if a person moved it elsewhere."""
        own = self._own_marks[view.name]
        by_person = {i for (_, i), state in self._journal.state.items() if state is not None}
        if not by_person:
            return own
        seen_from = project_landmarks(self._joined, view.camera, self._depths.get(view.name))
        points, seen, origins = own.points.copy(), list(own.visibility), list(own.placed_by)
        for i in by_person:
            if own.placed_by[i] is not PlacedBy.PERSON and np.isfinite(seen_from.points[i]).all():
                points[i], seen[i] = seen_from.points[i], seen_from.visibility[i]
                origins[i] = PlacedBy.PROJECTION
        return replace(own, points=points, visibility=tuple(seen), placed_by=tuple(origins))

    def _write_files(self) -> None:
        for view in self.views:
            write_landmarks(self.folder / f"{view.name}.json", self.landmarks(view.name))
        write_landmarks(self.folder / "landmarks3d.json", replace(self._joined, annotator=self.annotator))
