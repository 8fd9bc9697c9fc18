"""Which queries a poll asks: what matters most every time, the rest in turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wfmon.model.metrics import Concept
from wfmon.model.record import dataclass
from wfmon.sources.feeds import CONCEPTS
from wfmon.sources.formulas import LONGEST, MOST, Formulas
from wfmon.sources.prometheus_figures import HOUR, Answered
from wfmon.sources.prometheus_fit import Fitting, Scope
from wfmon.sources.prometheus_queries import Query, compile_concept, compile_growths, compile_windowed
from wfmon.text.sanitize import safe

MAX_QUERIES = 40  # of one poll
FIRST_QUERIES = 16  # of the first, for which somebody waits: what one profile alone asks
MOST_EVERY_TIME = 20  # that are asked in every poll, however many profiles fit
LONG_EVERY = 3  # polls
POLITE = 20.0
POLITE_TOGETHER = 9.0
POLITE_AT_MOST = 60.0  # seconds
# Every concept, in the order in which the sources screen names them.
ORDER = (*CONCEPTS, *(concept for concept in Concept if concept not in CONCEPTS))


@dataclass(slots=True)
class Standing:
    """A query that is asked again and again, and its newest answer. ``due`` is of the steady clock, ``first``
    the first poll that asks it. ``must``: it is asked in every poll, before all others. ``hour``: it is of
    what was spent in the last hour."""

    query: Query
    every: int
    must: bool = False
    first: int = 1
    hour: bool = False
    asked: int | None = None
    due: float = 0.0
    answered: Answered | None = None

    def is_due(self, poll: int, steady: float) -> bool:
        if self.asked is None:
            return poll >= self.first
        return poll - self.asked >= self.every and steady >= self.due

    @property
    def can_wait(self) -> bool:
        """It was asked before, and need not be in every poll."""
        return not self.must and self.asked is not None

    def settle(self, poll: int, began: float, now: float, answered: Answered | None) -> None:
        """It was asked at ``began`` (steady clock): not again before 20 times the time that it took."""
        self.answered = answered
        self.asked, self.due = poll, now + min(POLITE * (now - began), POLITE_AT_MOST)


class Plan:
    """The standing queries of all profiles that fit. ``windows`` shortest first, ``rate`` in seconds."""

    def __init__(self, windows: Sequence[float], rate: float) -> None:
        self._windows = windows
        self._rate = rate
        self._quiet_until = 0.0
        self.standing: list[Standing] = []
        # How figures are got; the same object while the questions are the same.
        self.formulas: Formulas = ()

    @property
    def complete(self) -> bool:
        """Whether everything was asked that a first answer needs."""
        return all(each.asked is not None for each in self.standing if each.first == 1)

    def renew(self, scope: Scope) -> None:
        """Queries that are the same as before keep their answers."""
        before = {_same(each): each for each in self.standing}
        made = [
            *self._musts(scope),
            *self._others(scope),
            *self._long(scope),
            *self._hours(scope),
        ]
        self.standing = [before.get(_same(each), each) for each in made]
        formulas = self._formulas()
        if formulas != self.formulas:
            self.formulas = formulas

    def _formulas(self) -> Formulas:
        """Without the longer windows of runs, which are asked as the shortest is."""
        longer = self._windows[1:]
        asked = [s for s in self.standing if s.hour or s.query.window not in longer]
        return tuple((_figure(each), safe(each.query.text, limit=LONGEST)) for each in asked[:MOST])

    def due(self, poll: int, steady: float) -> list[Standing]:
        """Those of every poll first, then those that were not asked for the longest time."""
        quiet = steady < self._quiet_until
        found = [
            each for each in self.standing if each.is_due(poll, steady) and not (quiet and each.can_wait)
        ]
        found.sort(key=lambda each: (not each.must, each.asked or 0))
        return found[: FIRST_QUERIES if poll == 1 else MAX_QUERIES]

    def rest(self, seconds: float, steady: float) -> None:
        """The questions of a poll took ``seconds``: what can wait is not asked for 9 times as long, so that
        all of them together use no more than a tenth of the time."""
        until = steady + min(POLITE_TOGETHER * seconds, POLITE_AT_MOST)
        self._quiet_until = max(self._quiet_until, until)

    def of(self, profile: str) -> Iterator[Standing]:
        return (each for each in self.standing if each.query.profile.name == profile)

    def _musts(self, scope: Scope) -> Iterator[Standing]:
        found = [query for fitting in scope.fitting for query in self._foremost(fitting)]
        for number, query in enumerate(found):
            yield Standing(query, every=1, must=number < MOST_EVERY_TIME)

    def _foremost(self, fitting: Fitting) -> Iterator[Query]:
        yield from compile_growths(fitting, Concept.RUNS, self._windows[0])
        yield from compile_windowed(fitting)
        yield from compile_concept(fitting, Concept.ACTIVE, self._rate)

    def _others(self, scope: Scope) -> Iterator[Standing]:
        for fitting in scope.fitting:
            for concept in ORDER:
                if concept not in (Concept.RUNS, Concept.ACTIVE):
                    for query in compile_concept(fitting, concept, self._rate):
                        yield Standing(query, every=1)

    def _long(self, scope: Scope) -> Iterator[Standing]:
        for fitting in scope.fitting:
            for window in self._windows[1:]:
                for query in compile_growths(fitting, Concept.RUNS, window):
                    yield Standing(query, LONG_EVERY)

    def _hours(self, scope: Scope) -> Iterator[Standing]:
        """Not in the first poll, for which somebody waits."""
        for fitting in scope.fitting:
            for concept in (Concept.COST, Concept.TOKENS):
                for query in compile_growths(fitting, concept, HOUR):
                    yield Standing(query, LONG_EVERY, first=2, hour=True)


def _figure(standing: Standing) -> str:
    query = standing.query
    return f"{query.profile.name}: {query.concept.value}{' of the hour' if standing.hour else ''}"


def _same(standing: Standing) -> tuple[str, Concept, str, bool]:
    return standing.query.profile.name, standing.query.concept, standing.query.text, standing.hour
