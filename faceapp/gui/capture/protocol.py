"""The 22 expressions and the repeat of neutral, and how far a subject is with them. No Qt."""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import faceapp_resources
from faceapp.core.subject import Sample, Verdict

_TITLES = {
    "lip_puckerer": "Lip pucker",
    "lip_funneler": "Lip funnel",
    "cheek_blowing": "Cheek blow",
    "eye_closed": "Eyes closed",
    "neutral_repeat": "Neutral again",
}


@dataclass(frozen=True)
class Expression:
    """One of the protocol.

    Parameters
    ----------
    name : str
        As in a sample.
    title, prompt : str
        For the operator, and what the subject is told.
    """

    name: str
    title: str
    prompt: str


def title_of(name: str) -> str:
    """Return ``mouth_stretch`` as ``Mouth stretch``."""
    words = name.replace("_", " ").replace("-", " ")
    return _TITLES.get(name, words[:1].upper() + words[1:])


@functools.cache
def load_expressions() -> tuple[Expression, ...]:
    """Return the protocol in the order of capture."""
    data = json.loads(faceapp_resources.path("schemes", "expressions22.json").read_text(encoding="utf-8"))
    prompts = {entry["name"]: entry["prompt"] for entry in data["expressions"]}
    neutral = prompts["neutral"]
    return tuple(Expression(name, title_of(name), prompts.get(name, neutral)) for name in data["capture_order"])


@enum.unique
class Standing(enum.Enum):
    """How far an expression of a subject is."""

    ACCEPTED = "accepted"
    TAKEN = "taken"
    SKIPPED = "skipped"
    OPEN = "open"


@dataclass(frozen=True)
class Stand:
    """An expression of a subject.

    Parameters
    ----------
    expression : Expression
        Which one.
    standing : Standing
        How far.
    takes : tuple of Sample
        In the order of their capture.
    reason : str
        Why it was skipped.
    """

    expression: Expression
    standing: Standing
    takes: tuple[Sample, ...] = ()
    reason: str = ""

    @property
    def last(self) -> Sample | None:
        """The newest take."""
        return self.takes[-1] if self.takes else None

    @property
    def words(self) -> str:
        """State in a word or two."""
        if self.standing is Standing.SKIPPED:
            return "Skipped"
        if self.last is None:
            return ""
        number = f"Take {self.last.take}"
        return number if self.standing is Standing.ACCEPTED else f"{number}, open" if self._is_open else "Retake"

    @property
    def _is_open(self) -> bool:
        return self.last is not None and self.last.verdict is Verdict.OPEN


def stands_of(samples: Sequence[Sample], subject: str, skipped: Mapping[str, str]) -> tuple[Stand, ...]:
    """Return how far each expression of a subject is.

    Parameters
    ----------
    samples : sequence of Sample
        Of all subjects.
    subject : str
        Code.
    skipped : mapping of str to str
        Expressions that were left out without a take, and why.
    """
    result: list[Stand] = []
    for expression in load_expressions():
        mine = (s for s in samples if s.subject == subject and s.expression == expression.name)
        takes = tuple(sorted(mine, key=lambda s: s.take))  # not by time: the computer's clock may have been set back
        if any(s.verdict is Verdict.ACCEPTED for s in takes):
            standing = Standing.ACCEPTED
        elif takes and takes[-1].verdict is Verdict.SKIPPED:
            standing = Standing.SKIPPED
        elif takes:
            standing = Standing.TAKEN
        else:
            standing = Standing.SKIPPED if expression.name in skipped else Standing.OPEN
        result.append(Stand(expression, standing, takes, skipped.get(expression.name, "")))
    return tuple(result)


def next_open(stands: Sequence[Stand], after: str) -> str:
    """Return the expression to do next: the first after this one that is neither accepted nor skipped, round."""
    names = [s.expression.name for s in stands]
    at = names.index(after) if after in names else -1
    order = [*stands[at + 1 :], *stands[: at + 1]]
    left = (s for s in order if s.standing in (Standing.OPEN, Standing.TAKEN))
    return next((s.expression.name for s in left), after)
