"""The index: SQLite through SQLAlchemy, made anew from the folders whenever it is missing or does not fit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import create_engine, delete, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from faceapp.core.subject import Sample, Verdict


class _Base(DeclarativeBase):
    pass


class _SampleRow(_Base):
    __tablename__ = "samples"

    subject: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    expression: Mapped[str] = mapped_column(index=True)
    take: Mapped[int]
    captured_at: Mapped[str]
    verdict: Mapped[str] = mapped_column(index=True)


class SampleIndex:
    """Answers questions about many samples without walking their folders.

    Parameters
    ----------
    file : Path
        The SQLite file; one that is damaged is replaced, for the folders hold the truth.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._open()
        except DatabaseError:
            self._engine.dispose()
            file.unlink(missing_ok=True)
            self._open()

    def _open(self) -> None:
        self._engine = create_engine(f"sqlite:///{self._file}")
        _Base.metadata.create_all(self._engine)

    def replace(self, samples: Iterable[Sample]) -> None:
        """Make the index say exactly what the folders say."""
        with Session(self._engine) as session:
            session.execute(delete(_SampleRow))
            session.add_all([_row(sample) for sample in samples])
            session.commit()

    def put(self, sample: Sample) -> None:
        """Add or update one sample."""
        with Session(self._engine) as session:
            session.merge(_row(sample))
            session.commit()

    def remove(self, subject: str, sample_id: str) -> None:
        """Forget one sample."""
        with Session(self._engine) as session:
            session.execute(delete(_SampleRow).where(_SampleRow.subject == subject, _SampleRow.id == sample_id))
            session.commit()

    def samples(self, *, subject: str | None = None, expression: str | None = None) -> tuple[Sample, ...]:
        """Return samples in the order of their capture."""
        query = select(_SampleRow).order_by(_SampleRow.captured_at, _SampleRow.id)
        if subject is not None:
            query = query.where(_SampleRow.subject == subject)
        if expression is not None:
            query = query.where(_SampleRow.expression == expression)
        with Session(self._engine) as session:
            return tuple(
                Sample(row.id, row.subject, row.expression, row.take, row.captured_at, Verdict(row.verdict))
                for row in session.scalars(query)
            )

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


def _row(sample: Sample) -> _SampleRow:
    return _SampleRow(
        subject=sample.subject,
        id=sample.id,
        expression=sample.expression,
        take=sample.take,
        captured_at=sample.captured_at,
        verdict=sample.verdict.value,
    )
