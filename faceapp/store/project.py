"""A project: a folder of subjects and samples. The folders are the truth, the database is the index."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from faceapp.core.errors import DataError, ProjectError, UsageError
from faceapp.core.host import wall_clock
from faceapp.core.subject import Sample, Subject, Verdict, check_expression
from faceapp.formats.atomic import append_line, new_folder, write_json
from faceapp.formats.capture_bundle import FILE, rename_capture
from faceapp.formats.schemas import read_json
from faceapp.store.index import SampleIndex
from faceapp.store.lock import WriteLock


class Project:
    """An open project. Use `create` or `open`; close it when done (or use it in a ``with`` block).

    Parameters
    ----------
    folder : Path
        Where it is.
    lock : WriteLock or None
        ``None`` is read-only.
    """

    def __init__(self, folder: Path, lock: WriteLock | None) -> None:
        self.folder = folder
        self._lock = lock
        self.settings = read_json(folder / "project.json", "project", ProjectError)
        self.problems: list[str] = []
        if lock is not None:
            self._clear_remains()
        self._index = SampleIndex(folder / "index.sqlite") if lock is not None else None
        self._known = tuple(self._read_samples())
        if self._index is not None:
            self._index.replace(self._known)

    @staticmethod
    def create(folder: Path, *, name: str = "", rig: str = "simulated", template: str = "faceapp-head") -> Project:
        """Make a project and open it.

        Raises
        ------
        UsageError
            The folder holds something already.
        DataError
            The disk refuses.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder} exists already and is not empty; choose another name for the project")
        with new_folder(folder) as temporary:
            (temporary / "subjects").mkdir()
            (temporary / "calibrations").mkdir()
            write_json(
                temporary / "project.json",
                {
                    "schema": "faceapp/project",
                    "schema_version": 1,
                    "name": name or folder.name,
                    "rig": rig,
                    "landmark_scheme": "jd106",
                    "template": template,
                    "created_at": utc_now(),
                },
            )
        return Project.open(folder)

    @staticmethod
    def open(folder: Path, *, read_only: bool = False) -> Project:
        """Open a project.

        Raises
        ------
        ProjectError
            It is no project, damaged, newer than this program, or held by another window.
        """
        if not (folder / "project.json").is_file():
            raise ProjectError(
                f"{folder} is not a faceapp project (it has no project.json); make one with: faceapp new {folder}"
            )
        read_json(folder / "project.json", "project", ProjectError)  # refuse before anything is locked or cleared
        return Project(folder, None if read_only else WriteLock(folder / ".lock"))

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written."""
        return self._lock is None

    def close(self) -> None:
        """Give the project back."""
        if self._index is not None:
            self._index.close()
            self._index = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Write fields of ``project.json``; the others stay.

        Raises
        ------
        ProjectError
            The project is read-only.
        """
        self.must_write()
        settings = {**self.settings, **changes}
        write_json(self.folder / "project.json", settings)
        self.settings = settings

    # Subjects

    def subjects(self) -> tuple[Subject, ...]:
        """Return all subjects, by code."""
        return tuple(self.subject(f.parent.name) for f in sorted(self.folder.glob("subjects/S*/subject.json")))

    def subject(self, code: str) -> Subject:
        """Return one subject.

        Raises
        ------
        UsageError
            There is none of that code.
        """
        file = self.folder / "subjects" / code / "subject.json"
        if not file.is_file():
            known = ", ".join(sorted(f.parent.name for f in self.folder.glob("subjects/S*/subject.json"))) or "none"
            raise UsageError(
                f"there is no subject {code} in {self.folder} (there are: {known}); "
                f"add one with: faceapp subject add {self.folder}"
            )
        data = read_json(file, "subject")
        return Subject(
            data["code"],
            data.get("age"),
            data.get("gender", "unknown"),
            tuple(data.get("consent", ())),
            data.get("note", ""),
        )

    def add_subject(
        self, *, age: int | None = None, gender: str = "unknown", consent: tuple[str, ...] = (), note: str = ""
    ) -> Subject:
        """Make a subject with the next free code and write it to the disk.

        Raises
        ------
        DataError
            A value is not of its kind.
        """
        self.must_write()
        taken = [int(p.name[1:]) for p in self.folder.glob("subjects/S*") if p.name[1:].isdigit()]
        subject = Subject(f"S{max(taken, default=0) + 1:04d}", age, gender, consent, note)
        self.put_subject(subject)
        return subject

    def put_subject(self, subject: Subject) -> None:
        """Write a subject, new or changed, to the disk."""
        self.must_write()
        write_json(
            self.folder / "subjects" / subject.code / "subject.json",
            {
                "schema": "faceapp/subject",
                "schema_version": 1,
                "code": subject.code,
                "age": subject.age,
                "gender": subject.gender,
                "consent": list(subject.consent),
                "note": subject.note,
            },
        )

    # Samples

    def samples(self, *, subject: str | None = None, expression: str | None = None) -> tuple[Sample, ...]:
        """Return samples in the order of their capture."""
        if self._index is not None:
            return self._index.samples(subject=subject, expression=expression)
        return tuple(
            s
            for s in self._known
            if (subject is None or s.subject == subject) and (expression is None or s.expression == expression)
        )

    def sample_folder(self, sample: Sample) -> Path:
        """Return the folder of a sample."""
        return self.folder / "subjects" / sample.subject / sample.id

    def find_sample(self, reference: str) -> Sample:
        """Return the sample of ``S0001/smile/1``, ``S0001/ID``, or the path of its folder.

        Raises
        ------
        UsageError
            There is none.
        """
        parts = Path(reference).parts
        for sample in self.samples():
            names = (sample.subject, sample.expression, str(sample.take)), (sample.subject, sample.id)
            if parts in names or Path(reference).resolve() == self.sample_folder(sample).resolve():
                return sample
        raise UsageError(f"there is no sample {reference} in {self.folder}; see: faceapp info {self.folder}")

    @contextlib.contextmanager
    def new_sample(self, subject: str, expression: str) -> Iterator[tuple[Sample, Path]]:
        """Give a sample and its folder to fill; it becomes visible, whole, when the block ends well.

        Raises
        ------
        UsageError
            There is no such subject, or the expression makes no name of a folder.
        """
        self.must_write()
        self._must_be_there()
        self.subject(subject)
        check_expression(expression)
        takes = [s.take for s in self.samples(subject=subject, expression=expression)]
        at = utc_now()
        take = max(takes, default=0) + 1
        stamp = at[:19].replace("-", "").replace(":", "")
        sample = Sample(f"{stamp}Z-{expression}-{take}", subject, expression, take, at)
        with new_folder(self.sample_folder(sample)) as temporary:
            _write_sample(temporary, sample)
            yield sample, temporary
            self._must_be_there()
        if self._index is not None:
            self._index.put(sample)

    def give_verdict(self, sample: Sample, verdict: Verdict, *, by: str, reason: str = "") -> Sample:
        """Record what the operator says of a take; on the disk when this returns."""
        self.must_write()
        line = {"verdict": verdict.value, "by": by, "at": utc_now(), "reason": reason}
        append_line(self.sample_folder(sample) / "verdicts.jsonl", json.dumps(line, ensure_ascii=False))
        changed = replace(sample, verdict=verdict)
        if self._index is not None:
            self._index.put(changed)
        return changed

    def correct_sample(
        self, sample: Sample, *, by: str, subject: str | None = None, expression: str | None = None
    ) -> Sample:
        """Put a wrong subject or expression right; the take number follows the new place.

        Raises
        ------
        UsageError
            There is no such subject, or the expression makes no name of a folder.
        """
        self.must_write()
        subject, expression = subject or sample.subject, expression or sample.expression
        self.subject(subject)
        check_expression(expression)
        if (subject, expression) == (sample.subject, sample.expression):
            return sample
        takes = [s.take for s in self.samples(subject=subject, expression=expression)]
        take = max(takes, default=0) + 1
        stamp = sample.id.split("-", 1)[0]
        changed = replace(sample, id=f"{stamp}-{expression}-{take}", subject=subject, expression=expression, take=take)
        old = self.sample_folder(sample)
        line = {"was": [sample.subject, sample.id], "by": by, "at": utc_now()}
        append_line(old / "corrections.jsonl", json.dumps(line))
        if (old / "capture" / FILE).is_file():
            write_json(old / "capture" / FILE, rename_capture(old / "capture", subject=subject, expression=expression))
        _write_sample(old, changed)
        self._move(old, self.sample_folder(changed))
        if self._index is not None:
            self._index.remove(sample.subject, sample.id)
            self._index.put(changed)
        return changed

    @staticmethod
    def _move(old: Path, new: Path) -> None:
        try:
            new.parent.mkdir(parents=True, exist_ok=True)
            os.replace(old, new)
        except OSError as error:
            raise DataError(f"cannot move {old} to {new}: {error.strerror}") from error

    # The folders

    def must_write(self) -> None:
        """Raise `ProjectError` where the project is read-only."""
        if self.read_only:
            raise ProjectError(f"{self.folder} is open read-only; close the other window and open it again to write")

    def _must_be_there(self) -> None:
        """A disk that is unplugged takes the project along, and its empty place would be written to all the same."""
        if not (self.folder / "project.json").is_file():
            raise ProjectError(f"{self.folder} is gone. Check that its disk is plugged in, then try again")

    def _clear_remains(self) -> None:
        """A killed process leaves folders under temporary names; nobody was told that they were saved."""
        for remains in [*self.folder.glob("subjects/*/.*.part"), *self.folder.glob("subjects/*/*/.*.part")]:
            if remains.is_dir():
                shutil.rmtree(remains, ignore_errors=True)
            else:
                remains.unlink(missing_ok=True)

    def _read_samples(self) -> Iterator[Sample]:
        for file in sorted(self.folder.glob("subjects/S*/*/sample.json")):
            if file.parent.name.startswith("."):
                continue
            try:
                yield self._finish_move(file.parent, read_sample(file.parent))
            except DataError as error:
                self.problems.append(str(error))

    def _finish_move(self, folder: Path, sample: Sample) -> Sample:
        """A kill between the two halves of a correction leaves a sample in its old place: move it now."""
        place = self.sample_folder(sample)
        if place != folder and not self.read_only and not place.exists():
            self._move(folder, place)
        return sample


def _write_sample(folder: Path, sample: Sample) -> None:
    write_json(
        folder / "sample.json",
        {
            "schema": "faceapp/sample",
            "schema_version": 1,
            "id": sample.id,
            "subject": sample.subject,
            "expression": sample.expression,
            "take": sample.take,
            "captured_at": sample.captured_at,
        },
    )


def read_sample(folder: Path) -> Sample:
    """Return the sample of a folder, its verdict the last one given.

    Raises
    ------
    DataError
        ``sample.json`` is missing or damaged.
    """
    data = read_json(folder / "sample.json", "sample")
    verdict = Verdict.OPEN
    with contextlib.suppress(FileNotFoundError):
        for line in (folder / "verdicts.jsonl").read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError, KeyError):  # a kill may leave half a last line
                verdict = Verdict(json.loads(line)["verdict"])
    subject = data.get("subject", folder.parent.name)
    return Sample(data["id"], subject, data["expression"], data["take"], data["captured_at"], verdict)


def utc_now() -> str:
    """Return the time, ISO 8601 in UTC with milliseconds."""
    return wall_clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
