"""Who is captured, and one capture of them: pseudonymous codes, never names."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from faceapp.core.errors import DataError, UsageError

CONSENT_SCOPES = ("record", "research", "pictures", "shape", "publish")
GENDERS = ("female", "male", "other", "unknown")


@enum.unique
class Verdict(enum.Enum):
    """What the operator said of a take."""

    OPEN = "open"
    ACCEPTED = "accepted"
    RETAKEN = "retaken"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Subject:
    """A person under a code.

    Parameters
    ----------
    code : str
        ``S`` and four or more digits.
    age : int or None
        Years.
    gender : str
        One of `GENDERS`.
    consent : tuple of str
        Scopes out of `CONSENT_SCOPES`.
    note : str
        Free text without names.

    Raises
    ------
    DataError
        A value is not of its kind.
    """

    code: str
    age: int | None = None
    gender: str = "unknown"
    consent: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"S\d{4,}", self.code):
            raise DataError(f"subject code {self.code!r}: expected S and at least four digits, such as S0001")
        if self.age is not None and not 0 <= self.age <= 120:
            raise DataError(f"subject {self.code}: age {self.age} is not between 0 and 120")
        if self.gender not in GENDERS:
            raise DataError(f"subject {self.code}: gender {self.gender!r} is not one of {', '.join(GENDERS)}")
        unknown = [scope for scope in self.consent if scope not in CONSENT_SCOPES]
        if unknown:
            raise DataError(f"subject {self.code}: consent {unknown[0]!r} is not one of {', '.join(CONSENT_SCOPES)}")


def check_expression(name: str) -> None:
    """Refuse a name of an expression that makes no name of a folder.

    Raises
    ------
    UsageError
        It is empty, or holds more than letters, digits and ``_``.
    """
    if not name or not all(c.isalnum() or c == "_" for c in name):
        raise UsageError(f"expression {name!r}: use letters, digits and _ only")


@dataclass(frozen=True)
class Sample:
    """One take of one expression of one subject.

    Parameters
    ----------
    id : str
        Name of its folder, unique for the subject.
    subject : str
        Code.
    expression : str
        Name of the 22, or any.
    take : int
        From 1.
    captured_at : str
        ISO 8601, UTC.
    verdict : Verdict
        The operator's.
    """

    id: str
    subject: str
    expression: str
    take: int
    captured_at: str
    verdict: Verdict = Verdict.OPEN
