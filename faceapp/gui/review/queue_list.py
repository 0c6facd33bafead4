"""The list at the left of Review: what is to be looked at by whom, and how each sample stands. No Qt but pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from PySide6.QtGui import QImage

from faceapp.app.review_queue import QueueEntry
from faceapp.app.reviewing import TAKEN_BACK, Review
from faceapp.core.subject import Sample
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.review.results import VERDICT_WORDS, SampleStanding, key_of, millimetres
from faceapp.gui.widgets.samples import SampleEntry
from faceapp.gui.widgets.states import State

_VERDICT_STATES = {"accept": State.GOOD, "maybe": State.CHECK, "reject": State.BAD}


_SHORT = {
    "residual": "far off", "unseen": "not seen", "landmarks": "landmarks off", "stretch": "stretched",
    "folds": "folded", "asymmetry": "one-sided", "misfit": "unlike a face", "shift": "landmarks shifted",
    "pull": "pulled", "uneven": "pulled on one side",
}  # fmt: skip
"""Of each sign, in a row of the list; the panel at the right has the sentence."""


@dataclass(frozen=True)
class QueueList:
    """The queue of one reviewer.

    Parameters
    ----------
    entries : tuple of QueueEntry
        In the order of looking; it stays while somebody works.
    by : str
        Initials of the reviewer.
    """

    entries: tuple[QueueEntry, ...] = ()
    by: str = ""

    def entry(self, sample: Sample) -> QueueEntry | None:
        """Return the entry of a sample, where it has a registration."""
        return next((entry for entry in self.entries if key_of(entry.sample) == key_of(sample)), None)

    @property
    def mine(self) -> tuple[QueueEntry, ...]:
        """Those that the reviewer has to look at, or has judged."""
        return tuple(entry for entry in self.entries if entry.is_due(self.by) or entry.verdict_of(self.by))

    @property
    def judged(self) -> int:
        """How many of these are judged."""
        return sum(bool(entry.verdict_of(self.by)) for entry in self.mine)

    def with_review(self, sample: Sample, run: str, verdict: str, reason: str = "") -> QueueList:
        """Return the queue after a verdict of the reviewer."""
        entries = []
        for entry in self.entries:
            if key_of(entry.sample) == key_of(sample) and entry.run.name == run:
                others = tuple(review for review in entry.reviews if review.by != self.by)
                mine = () if verdict == TAKEN_BACK else (Review(run, verdict, self.by, "", reason),)
                entry = replace(entry, reviews=(*others, *mine))
            entries.append(entry)
        return replace(self, entries=tuple(entries))

    def next_due(self, sample: Sample) -> Sample | None:
        """Return the next sample to look at after another, from the front again at the end."""
        ids = [key_of(entry.sample) for entry in self.entries]
        at = ids.index(key_of(sample)) + 1 if key_of(sample) in ids else 0
        turned = (*self.entries[at:], *self.entries[:at])
        return next((e.sample for e in turned if e.is_due(self.by) and key_of(e.sample) != key_of(sample)), None)

    def note(self, entry: QueueEntry) -> tuple[str, State]:
        """Return the second line of an entry and its icon; another's verdict stays hidden where both shall judge."""
        own = entry.verdict_of(self.by)
        if own:
            others = {review.verdict for review in entry.reviews if review.by != self.by} - {own}
            words = VERDICT_WORDS[own] + (", others differ" if others else "")
            return words, State.CHECK if others else _VERDICT_STATES[own]
        if entry.stale:
            return (f"{short_reason(entry)}, stale" if entry.suspicious else f"Stale: {entry.stale[0]}"), State.CHECK
        if entry.reviews and not entry.drawn:
            said = entry.reviews[-1]
            return f"{VERDICT_WORDS[said.verdict]} by {said.by}", _VERDICT_STATES[said.verdict]
        if entry.suspicious:
            return short_reason(entry), State.CHECK
        return ("Random share" if entry.drawn else f"p95 {millimetres(entry.residual_p95)}"), State.NONE


def short_reason(entry: QueueEntry) -> str:
    """Return why an entry is suspicious in the few words that a row has room for."""
    if not entry.reasons:
        return f"p95 {millimetres(entry.residual_p95)}"
    sign, _, part = entry.reasons[0].partition(".")
    words = f"{part.replace('_', ' ')} {_SHORT[sign]}".strip()
    return words[:1].upper() + words[1:]


def rows_of(
    samples: Sequence[Sample],
    queue: QueueList,
    standings: Mapping[str, SampleStanding],
    pictures: Mapping[str, QImage],
) -> list[SampleEntry]:
    """Return a row for each sample."""
    rows = []
    entries = {key_of(entry.sample): entry for entry in queue.entries}
    for sample in samples:
        entry = entries.get(key_of(sample))
        standing = standings.get(key_of(sample), SampleStanding())
        if entry is not None:
            note, state = queue.note(entry)
        else:
            note, state = standing.words, State.NONE
        title = title_of(sample.expression) + (f", take {sample.take}" if sample.take > 1 else "")
        rows.append(SampleEntry(key_of(sample), sample.subject, title, note, state, pictures.get(key_of(sample))))
    return rows
