"""One URL of a scrape: its connection, its last answer, and the history of its counters."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from urllib.parse import urlsplit, urlunsplit

from wfmon.model.history import Change
from wfmon.model.look import Look, Target
from wfmon.model.record import dataclass, field
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.changes import ChangeWatch, info_lines, short_target
from wfmon.sources.counters import LOOKBACK_SECONDS, CounterHistory
from wfmon.sources.exposition import Exposition, ExpositionReader, NotMetrics
from wfmon.sources.feeds import Feeds
from wfmon.sources.figures import HOUR, View
from wfmon.sources.http import Answer, HttpReader, shown_url
from wfmon.sources.plan import Plan
from wfmon.sources.profile import Profile
from wfmon.sources.pushed import PUSH_TIME, old_pushes
from wfmon.sources.scrape_look import packed, unpacked
from wfmon.sources.series import Series, parse_series
from wfmon.sources.vocabulary import Vocabulary, digest

# How much later than every LOOKBACK_SECONDS a look of another process may come (cron, a slow start).
LATE_SECONDS = 30.0
MAX_VANISHED = 1000  # counters that a look names though they were not there
MAX_UNTOLD = 100  # changes
INFO_SECONDS = 60.0  # between two looks at info metrics, which cost as much as reading the used lines

ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=1.0,*/*;q=0.1"

_PROCESS_START = Series("process_start_time_seconds", {})
_ALWAYS_READ = frozenset({_PROCESS_START.name, PUSH_TIME})


@dataclass(slots=True)
class _Counted:
    """The counters with ``names``: their history, what the last look said of them, and what of that is
    new (None: other series may be there)."""

    history: CounterHistory[Series]
    names: frozenset[str]
    values: dict[Series, float] = field(default_factory=dict)
    changed: dict[Series, float] | None = None

    def observe(self, now: float, *, restarted: bool, born: Callable[[Series], bool]) -> None:
        self.history.observe(now, self.values, restarted=restarted, changed=self.changed, born=born)


class ScrapeTarget:
    """One URL, its connection, its last samples and the history of its counters."""

    def __init__(
        self,
        url: str,
        http: HttpReader,
        vocabulary: Vocabulary,
        *,
        longest: float,
        rate: float,
        lookback: float,
        narrowed: str = "",
    ) -> None:
        """``narrowed`` tells it from the same URL that is read with other profiles on purpose."""
        self._url = url
        self._narrowed = narrowed
        self.http = http
        self.shown = shown_url(url)
        self._names = vocabulary
        self._reader = ExpositionReader(
            vocabulary.wanted | _ALWAYS_READ, uses=self._uses, apart=vocabulary.joined | {PUSH_TIME}
        )
        # The profiles that fit what it exposes; without any, it is read with those of its siblings.
        self.fitting: tuple[Profile, ...] = ()
        self._runs: CounterHistory[Series] = CounterHistory(longest, lookback=lookback)
        self._spent: CounterHistory[Series] = CounterHistory(
            max(rate, HOUR), remember=longest, lookback=lookback, tells=self._not_of_runs
        )
        self._rest: CounterHistory[Series] = CounterHistory(
            rate, remember=longest, lookback=lookback, tells=lambda series: False
        )
        self._histories = (
            _Counted(self._runs, self._names.runs),
            _Counted(self._spent, self._names.spent),
            _Counted(self._rest, self._names.rest),
        )
        self._last: Exposition | None = None
        self._layout = 0
        # Names of which samples were there at the last look, or may have been, that were not read.
        self._unread: frozenset[str] = frozenset()
        self._refused_at: float | None = None
        self._counted_before = False
        self._process_start: float | None = None
        self._no_numbers = 0
        self._answered = False
        self._infos: tuple[bytes, ...] = ()
        self._infos_at = -math.inf
        self._watch = ChangeWatch(self.shown, short_target(_host(self.shown)))
        self._changes: tuple[Change, ...] = ()
        self.seen_at: float | None = None
        # The look up to which growth is told; None: growth is told from the next look on.
        self.told_at: float | None = None

    def _not_of_runs(self, series: Series) -> bool:
        """Growth is told once, also of a name that counts several things."""
        return series.name not in self._names.runs

    def _uses(self, exposed: frozenset[str]) -> frozenset[str]:
        """Where no profile fits, all that any could use: what is meant may be told by another target."""
        self.fitting = self._names.fitting(exposed)
        return self._names.used(self.fitting, exposed) | _ALWAYS_READ

    @cached_property
    def known_as(self) -> Target:
        """The same for the same URL, with whatever credentials and profiles (but ``narrowed``).

        A look says itself for which names it was made.
        """
        words = (_without_user(self._url), *([self._narrowed] if self._narrowed else []))
        return Target(digest(words, 32), self.shown)

    @property
    def names(self) -> frozenset[str]:
        """What it exposed when it last answered."""
        return self._last.names if self._last is not None else frozenset()

    @property
    def samples(self) -> Mapping[Series, float]:
        return self._last.samples if self._last is not None else {}

    def named(self, name: str) -> Collection[Series]:
        """Its series of a metric whose labels are joined to others."""
        return self._last.apart.get(name, ()) if self._last is not None else ()

    @property
    def lines(self) -> bytes:
        """What a later process has to read to go on from the last look."""
        gone: dict[Series, float] = {}
        for each in self._histories:
            gone |= each.history.vanished(MAX_VANISHED)
        return packed(self._reader.lines, gone, self._infos, self._names.stamp, self._unread)

    def ask(self) -> Answer | SourceError:
        try:
            return self.http.get(self._url, accept=ACCEPT)
        except SourceError as error:
            return error

    def take(self, now: float, answer: Answer | SourceError) -> None:
        """Reads one answer into the history; raises the failure that it is."""
        self._answered = False
        if isinstance(answer, SourceError):
            if answer.failure is Failure.REFUSED:
                self._refused_at = now
            raise answer
        try:
            self._learn(now, answer.body, None)
        except NotMetrics as error:
            raise SourceError(Failure.NOT_METRICS, f"{self.shown}: {error}") from error
        self._answered = True

    def recall(self, looks: Sequence[Look], reached: float | None = None) -> None:
        """Takes looks of an earlier process, oldest first, as its own; leaves out what is no metrics.

        ``reached``: the look up to which growth is told; it should be the last. Where it is not, growth is
        told from the next look on, so that none is told twice.
        """
        self._counted_before = reached is not None
        for look in looks:
            kept = unpacked(look.lines)
            try:
                self._learn(look.at, kept.present, kept.infos)
            except NotMetrics:
                continue
            gone = self._reader.samples_of(kept.vanished)
            for each in self._histories:
                there = {s: v for s, v in gone.items() if s.name in each.names}
                each.history.recall_vanished(look.at, there)
                each.history.lookback = max(each.history.lookback, LOOKBACK_SECONDS + LATE_SECONDS)
            if kept.made_for == self._names.stamp:
                self._unread = kept.unread
            else:  # by a process with other profiles: what it did not keep may have been there
                self._unread = self._names.wanted.difference(s.name for s in self.samples)
        self.fitting = self._names.fitting(self.names | self._unread)
        self.take_growth()
        self.take_changes()
        if self.seen_at != reached:
            self.seen_at = None
        self.told_at = self.seen_at

    def take_growth(self) -> list[tuple[Series, float]]:
        """What its counters grew by since ``told_at``; told once, and nothing where that is not known."""
        steps = [step for each in self._histories for step in each.history.take_growth()]
        known, self.told_at = self.told_at is not None, self.seen_at
        return steps if known else []

    def take_changes(self) -> tuple[Change, ...]:
        """What happened to it that was not told yet."""
        changes, self._changes = self._changes, ()
        return changes

    def _learn(self, now: float, body: bytes, infos: tuple[bytes, ...] | None) -> None:
        """Reads one answer into the history; raises ``NotMetrics``. ``infos`` None: they are in ``body``,
        which is an answer; else it is what was kept of one."""
        read = self._reader.read(body, everything=infos is not None)
        self._sort_out(read)
        start = read.samples.get(_PROCESS_START)
        if infos is None:
            infos = self._infos
            if abs(now - self._infos_at) >= INFO_SECONDS or start != self._process_start:
                infos, self._infos_at = info_lines(body), now
        restarted = self._has_restarted(start)
        self._watch_from_birth()
        unread = self._unread
        for each in self._histories:
            each.observe(now, restarted=restarted, born=lambda series: series.name not in unread)
        self._unread = read.unread
        self.seen_at = now
        self._note_changes(now, start, infos)

    def _watch_from_birth(self) -> None:
        """Of a target that was not there when it was asked before, what begins with it began at 0 then."""
        since = self._refused_at
        if since is None or self._runs.looks or self._counted_before:
            return
        if self._names.always.isdisjoint(s.name for each in self._histories for s in each.values):
            return
        for each in self._histories:
            each.history.observe(since, {})
        self._unread = self._names.wanted - self._names.always
        self.seen_at = self.told_at = since

    def _sort_out(self, read: Exposition) -> None:
        """What of an answer goes to which history."""
        if read is self._last:
            for each in self._histories:
                each.changed = {}
            return
        self._last = read
        self._layout += read.changed is None
        for each in self._histories:
            if read.changed is None:
                each.values = {s: v for s, v in read.samples.items() if s.name in each.names}
                each.changed = None
            else:
                each.changed = {s: v for s, v in read.changed.items() if s.name in each.names}
                each.values.update(each.changed)
        if self._no_numbers or not all(map(math.isfinite, (read.changed or read.samples).values())):
            self._no_numbers = sum(
                not math.isfinite(value) for each in self._histories for value in each.values.values()
            )

    def _note_changes(self, now: float, start: float | None, infos: tuple[bytes, ...]) -> None:
        said: list[Series] = []
        if infos != self._infos:
            self._infos = infos
            said.extend(parse_series(line.rpartition(b" ")[0] for line in infos).values())
        changed = self._watch.look(
            now,
            start,
            [(series.name, series.labels) for series in said],
            [series.name for each in self._histories for series in each.history.fallen],
        )
        self._changes = (*self._changes, *changed)[:MAX_UNTOLD]

    def _has_restarted(self, start: float | None) -> bool:
        before, self._process_start = self._process_start, start
        if start is None or before is None or abs(start - before) < 1.0:
            return False
        # Kept counters survive a restart of their exporter: the start time alone proves nothing.
        return any(each.history.fell(each.values) for each in self._histories)

    def plan(self, feeds: Feeds) -> Plan:
        return Plan(feeds, self._runs, self._spent, self._rest)

    def view(self, plan: Plan) -> View:
        return View(self.samples if self._answered else None, self._layout, plan)

    def problems(self) -> list[str]:
        if self._last is None or not self._answered:
            return []
        words = []
        if self._last.bad:
            lines = "1 line" if self._last.bad == 1 else f"{self._last.bad} lines"
            words.append(f"{lines} not understood, the first: {self._last.bad_example}")
        if self._no_numbers:
            counters = "1 counter is" if self._no_numbers == 1 else f"{self._no_numbers} counters are"
            words.append(f"{counters} not a number")
        if self._last.left_out:
            words.append(f"{self._last.left_out} series above the bound left out")
        groups = [(series.labels, self.samples[series]) for series in self.named(PUSH_TIME)]
        return words + old_pushes(groups, self.seen_at or 0.0)


def _without_user(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return shown_url(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _host(url: str) -> str:
    """With its port."""
    return url.partition("://")[2].partition("/")[0] or url
