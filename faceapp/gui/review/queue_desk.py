"""The list at the left of Review at work: reads the queue and how the samples stand, shows it, goes through it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtGui import QImage

from faceapp.core.subject import Sample
from faceapp.gui.bridge import Background
from faceapp.gui.program.program import Program
from faceapp.gui.review.page import ReviewPage
from faceapp.gui.review.queue_list import QueueList, rows_of
from faceapp.gui.review.results import SampleStanding, key_of, read_standing, read_thumbnail_of


class QueueDesk:
    """Reads on threads, shows on the page.

    Parameters
    ----------
    program : Program
        For the project and the samples.
    background : Background
        To read on.
    page : ReviewPage
        Where the list stands.
    changed : callable
        Called when what is known of the current sample may be other.
    """

    def __init__(
        self, program: Program, background: Background, page: ReviewPage, changed: Callable[[], object]
    ) -> None:
        self.context, self.background, self.page, self._changed = program.context, background, page, changed
        self.queue = QueueList()
        self.standings: dict[str, SampleStanding] = {}
        self._thumbnails: dict[str, QImage] = {}
        self._asked: set[str] = set()
        self._pace: dict[str, float] = {}
        self._token: object = None
        self._chose_list = False

    def forget(self) -> None:
        """Know nothing: another project is open."""
        self.queue = QueueList()
        self.standings.clear()
        self._thumbnails.clear()
        self._asked.clear()
        self._token = None
        self._chose_list = False

    def set_reviewer(self, initials: str) -> None:
        """The queue is another one's."""
        self.queue = QueueList(self.queue.entries, initials)

    def ask_standings(self, samples: tuple[Sample, ...], again: str = "") -> None:
        """Read how samples stand that nobody asked for yet, and one of them again."""
        project = self.context.project
        assert project is not None
        for sample in samples:
            if key_of(sample) in self._asked and key_of(sample) != again:
                continue
            self._asked.add(key_of(sample))

            def work(sample: Sample = sample) -> tuple[SampleStanding, QImage | None]:
                standing = read_standing(project, sample)
                return standing, read_thumbnail_of(project.sample_folder(sample), standing)

            self.background.run(work, partial(self._standing_read, sample))

    def _standing_read(self, sample: Sample, read: tuple[SampleStanding, QImage | None]) -> None:
        self.standings[key_of(sample)], image = read
        if image is not None:
            self._thumbnails[key_of(sample)] = image
        self.show()
        self._changed()

    def standing(self, sample: Sample) -> SampleStanding:
        """Return how a sample stands, as far as it is known."""
        return self.standings.get(key_of(sample), SampleStanding())

    def ask(self) -> None:
        """Read the queue: first the scores, then what is stale, which takes longer."""
        project = self.context.project
        if project is None:
            return
        token = self._token = object()

        def work(with_stale: bool) -> tuple[Any, dict[str, float]]:
            from faceapp.app.review_queue import review_queue
            from faceapp.app.reviewing import read_reviews, seconds_each

            entries = review_queue(project, with_stale=with_stale)
            said = [review for sample in project.samples() for review in read_reviews(project, sample)]
            return entries, dict(seconds_each(said))

        def take(with_stale: bool, read: tuple[Any, dict[str, float]]) -> None:
            if token is not self._token:
                return
            entries, self._pace = read
            self.queue = QueueList(entries, self.context.operator)
            if not self._chose_list:
                self.page.queue.which.set_current("queue" if self.queue.mine else "all")
            self.show()
            self._changed()
            if not with_stale:
                self.background.run(partial(work, True), partial(take, True))

        self.background.run(partial(work, False), partial(take, False))

    def choose_list(self, _: str) -> None:
        """Show the other list, and stay with it."""
        self._chose_list = True
        self.show()

    def listed(self) -> tuple[Sample, ...]:
        """The samples of the list at the left, in its order."""
        samples = self.context.samples()
        if self.page.queue.which.current == "queue":
            mine = [key_of(entry.sample) for entry in self.queue.mine]
            known = {key_of(sample): sample for sample in samples}
            return tuple(known[i] for i in mine if i in known)
        return samples

    def show(self) -> None:
        """Show the list that was chosen."""
        listed = self.listed()
        current = key_of(self.context.sample) if self.context.sample is not None else ""
        in_queue = self.page.queue.which.current == "queue"
        if in_queue:
            judged, of = self.queue.judged, len(self.queue.mine)
        else:
            judged, of = sum(bool(self.standing(s).verdict) for s in listed), len(listed)
        pace = self._pace.get(self.context.operator)
        words = "" if pace is None else f"{pace:.1f}\N{NO-BREAK SPACE}s each"
        note = "" if listed else "Nothing to look at: all samples are under All."
        rows = rows_of(listed, self.queue, self.standings, self._thumbnails)
        self.page.queue.show_entries(rows, current, judged, of, words, note)

    def choose(self, identifier: str) -> None:
        """Make a sample current."""
        sample = next((s for s in self.context.samples() if key_of(s) == identifier), None)
        if sample is not None:
            self.context.set_sample(sample)

    def step(self, by: int) -> None:
        """Go to the sample before or after in the list, without a verdict."""
        listed, current = self.listed(), self.context.sample
        at = next((i for i, s in enumerate(listed) if current is not None and key_of(s) == key_of(current)), None)
        if at is None and listed:
            self.context.set_sample(listed[0])
        elif at is not None and 0 <= at + by < len(listed):
            self.context.set_sample(listed[at + by])

    def step_on(self, sample: Sample) -> None:
        """Go on after a verdict: to what has to be looked at next, or to the next of all."""
        if self.page.queue.which.current != "queue":
            self.step(1)
            return
        following = self.queue.next_due(sample)
        if following is not None:
            self.context.set_sample(following)
