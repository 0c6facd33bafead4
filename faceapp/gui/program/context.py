"""What is current: project, subject, sample, who sits here. No Qt; all is read and set on the interface's thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from psygnal import Signal

from faceapp.core.subject import Sample, Subject, Verdict

if TYPE_CHECKING:
    from faceapp.store.project import Project

_MOST_RECENT = 8


class Settings(Protocol):
    """Texts that outlive the window."""

    def text(self, name: str, default: str = "") -> str:
        """Return a text."""
        ...

    def set_text(self, name: str, value: str) -> None:
        """Keep a text."""
        ...


@dataclass(frozen=True)
class Content:
    """Subjects and samples of a project as they were read last: the interface's thread reads no folders."""

    subjects: tuple[Subject, ...] = ()
    samples: tuple[Sample, ...] = ()

    @staticmethod
    def read(project: Project) -> Content:
        """Read a project; on a thread."""
        return Content(project.subjects(), project.samples())


class Context:
    """What all workspaces share.

    Parameters
    ----------
    settings : Settings
        Where the operator, the recent projects and the sample are remembered.
    """

    project_changed = Signal()
    subject_changed = Signal()
    samples_changed = Signal()
    sample_changed = Signal()
    operator_changed = Signal()
    rig_wanted = Signal()
    template_changed = Signal()

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.project: Project | None = None
        self.content = Content()
        self.subject = ""
        self.sample: Sample | None = None

    # Who

    @property
    def operator(self) -> str:
        """Initials of who sits here; empty until asked."""
        return self._settings.text("operator/initials")

    @operator.setter
    def operator(self, initials: str) -> None:
        self._settings.set_text("operator/initials", initials)
        self.operator_changed.emit()

    # The project

    @property
    def can_write(self) -> bool:
        """Whether a project is open and may be changed."""
        return self.project is not None and not self.project.read_only

    @property
    def recent(self) -> tuple[Path, ...]:
        """Projects that were open, the last one first; those that are gone are left out."""
        kept = self._settings.text("project/recent").split("\n")
        return tuple(Path(line) for line in kept if line and (Path(line) / "project.json").is_file())

    def take_project(self, project: Project | None, content: Content | None = None) -> Project | None:
        """Make a project current, with the subject and sample of the last time; return the one before."""
        before, self.project = self.project, project
        self.subject, self.sample = "", None
        self.content = content or Content()
        if project is not None:
            folder = str(project.folder)
            lines = [folder, *(str(p) for p in self.recent if str(p) != folder)][:_MOST_RECENT]
            self._settings.set_text("project/recent", "\n".join(lines))
            self._restore()
        self._settings.set_text("project/last", str(project.folder) if project else "")
        self.project_changed.emit()
        return before

    def _restore(self) -> None:
        codes = [s.code for s in self.content.subjects]
        kept = self._settings.text("project/subject")
        self.subject = kept if kept in codes else codes[0] if codes else ""
        kept = self._settings.text("project/sample")
        self.sample = next((s for s in self.samples() if f"{s.subject}/{s.id}" == kept), None)

    def announce_template(self) -> None:
        """Say that the project has another template, or one more: registrations may be stale now."""
        self.template_changed.emit()
        self.samples_changed.emit()

    def take_content(self, content: Content) -> None:
        """Show what a thread has read from the project anew."""
        self.content = content
        if self.sample is not None and self.sample not in content.samples:
            mine = self.sample
            same = (s for s in content.samples if (s.captured_at, s.take) == (mine.captured_at, mine.take))
            self.sample = next(same, None)
        self.samples_changed.emit()

    @property
    def last_project(self) -> Path | None:
        """The project that was open when the window was closed."""
        text = self._settings.text("project/last")
        return Path(text) if text and (Path(text) / "project.json").is_file() else None

    @property
    def project_name(self) -> str:
        """What people call the project."""
        return "" if self.project is None else str(self.project.settings.get("name") or self.project.folder.name)

    # Subject and sample

    def set_subject(self, code: str) -> None:
        """Make a subject current."""
        if code != self.subject:
            self.subject = code
            self._settings.set_text("project/subject", code)
            self.subject_changed.emit()

    def set_sample(self, sample: Sample | None) -> None:
        """Make a sample current, and its subject."""
        changed = sample != self.sample
        self.sample = sample
        if sample is not None:
            self._settings.set_text("project/sample", f"{sample.subject}/{sample.id}")
            self.set_subject(sample.subject)
        if changed:
            self.sample_changed.emit()

    def samples(self) -> tuple[Sample, ...]:
        """Return the samples that are worth working on: not those that were taken again or skipped."""
        return tuple(s for s in self.content.samples if s.verdict in (Verdict.OPEN, Verdict.ACCEPTED))

    def neighbour(self, step: int) -> Sample | None:
        """Return the sample before or after the current one."""
        samples = self.samples()
        if not samples:
            return None
        at = next((i for i, s in enumerate(samples) if self.sample is not None and s.id == self.sample.id), None)
        if at is None:
            return samples[0]
        return samples[at + step] if 0 <= at + step < len(samples) else None

    # The rig

    @property
    def rig(self) -> str:
        """Which rig to connect: chosen for this project here, else the project's own."""
        if self.project is None:
            return ""
        return self._settings.text(f"rig/{self._key}") or str(self.project.settings.get("rig", ""))

    @property
    def _key(self) -> str:
        """The project's folder as a name in the settings, where a slash would make groups."""
        return "" if self.project is None else self.project.folder.resolve().as_posix().replace("/", "|")

    def calibration_file(self) -> Path | None:
        """Return the calibration that this project's captures use; ``None`` where the rig's own figures count."""
        told = "" if self.project is None else str(self.project.settings.get("calibration") or "")
        return self.project.folder / told if told and self.project is not None else None

    def set_rig(self, rig: str) -> None:
        """Choose another rig for this project on this machine."""
        if self.project is not None:
            self._settings.set_text(f"rig/{self._key}", rig)
            self.rig_wanted.emit()
