"""The ``scrape`` source: ``/metrics`` endpoints read directly, no server needed."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from urllib.parse import urlsplit, urlunsplit

from wfmon.config import schema
from wfmon.model.look import Look, Target
from wfmon.model.source import Failure
from wfmon.model.windows import window_ladder
from wfmon.sources.base import Past, Reading, SourceError, Tell
from wfmon.sources.counters import LOOKBACK_SECONDS, CounterHistory
from wfmon.sources.exposition import Exposition, ExpositionReader, NotMetrics, Series
from wfmon.sources.feeds import CONCEPTS, Feeds, counter_names, wanted_names
from wfmon.sources.figures import View, build_sample
from wfmon.sources.http import Answer, Credentials, HttpReader, credentials_from, shown_url
from wfmon.sources.profile import Profile, choose_profiles
from wfmon.text.sanitize import safe

DEFAULT_INTERVAL = 5.0
DEFAULT_TIMEOUT = 5.0
DEFAULT_MAX_BYTES = 64 * 1024 * 1024
MAX_THREADS = 8
# How much later than every LOOKBACK_SECONDS a look of another process may come (cron, a slow start).
LATE_SECONDS = 30.0

ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=1.0,*/*;q=0.1"

_PROCESS_START = Series("process_start_time_seconds", {})


class ScrapeSource:
    """Reads several targets (URLs) as one source; its figures are sums over them.

    ``interval`` and ``timeout`` are in seconds, the latter for all targets together; ``max_bytes``
    bounds the answer of one target. ``profiles`` are those that may be used; which of them are is
    decided by the names that the targets expose.
    """

    kind = "scrape"

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        *,
        windows: schema.Windows,
        profiles: Sequence[Profile],
        interval: float = DEFAULT_INTERVAL,
        timeout: float = DEFAULT_TIMEOUT,
        max_bytes: int = DEFAULT_MAX_BYTES,
        credentials: Callable[[], Credentials | None] | None = None,
    ) -> None:
        self.name = name
        self.interval = interval
        self.timeout = timeout
        self._profiles = tuple(profiles)
        self._rate = float(windows.rate)
        self._windows = window_ladder(float(windows.runs), float(windows.max))
        self._names: frozenset[str] = frozenset()
        self._joined: dict[str, dict[str, dict[str, str]]] = {}
        self._feeds: Feeds | None = None
        self._past: Past | None = None
        self._tell: Tell | None = None
        share = timeout / -(-max(1, len(urls)) // MAX_THREADS)
        self._targets = [
            _Target(
                url,
                HttpReader(timeout=share, max_bytes=max_bytes, credentials=credentials),
                self._profiles,
                longest=self._windows[-1],
                rate=self._rate,
                lookback=max(LOOKBACK_SECONDS, 3 * interval),
            )
            for url in dict.fromkeys(urls)
        ]
        self.urls = tuple(dict.fromkeys(urls))
        self.where = _where([target.shown for target in self._targets])

    @classmethod
    def from_config(
        cls, source: schema.Source, windows: schema.Windows, profiles: Sequence[Profile]
    ) -> ScrapeSource:
        """``source.profiles`` narrows ``profiles`` where it names any."""
        urls = [*([source.url] if source.url else []), *source.urls]
        return cls(
            source.name or "scrape",
            urls,
            windows=windows,
            profiles=[p for p in profiles if not source.profiles or p.name in source.profiles],
            interval=source.interval if source.interval is not None else DEFAULT_INTERVAL,
            timeout=source.timeout if source.timeout is not None else DEFAULT_TIMEOUT,
            max_bytes=source.max_bytes if source.max_bytes is not None else DEFAULT_MAX_BYTES,
            credentials=credentials_from(source.auth),
        )

    def recall(self, past: Past, tell: Tell | None = None) -> None:
        self._past, self._tell = past, tell

    def poll(self, now: float) -> Reading:
        """Raises ``SourceError`` if no target answered; one that did not makes the reading partial."""
        if not self._targets:
            raise SourceError(Failure.BAD_DATA, "no url is set")
        self._remember(now)
        failed: list[SourceError] = []
        for target, answer in zip(self._targets, self._ask(), strict=True):
            try:
                target.take(now, answer)
                if self._tell is not None:
                    self._tell(target.known_as, Look(now, target.lines))
            except SourceError as error:
                failed.append(error)
        if len(failed) == len(self._targets):
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise SourceError(failed[0].failure, failed[0].detail + more)
        return self._reading(now, failed)

    def close(self) -> None:
        for target in self._targets:
            target.http.close()

    def _remember(self, now: float) -> None:
        past, self._past = self._past, None
        if past is not None:
            for target in self._targets:
                target.recall(past(target.known_as, now))

    def _reading(self, now: float, failed: list[SourceError]) -> Reading:
        feeds = self._settle_feeds()
        views = [target.view() for target in self._targets]
        sample = build_sample(now, views, feeds, self._windows, self._rate)
        return Reading(
            at=now,
            metrics=sample,
            profile=", ".join(dict.fromkeys(p.name for p in feeds.owners.values())) or None,
            sees=" ".join(c.value for c in CONCEPTS if c in feeds.exposed),
            missing=tuple(self._missing(feeds)),
            partial=f"{len(failed)} of {len(self._targets)} targets: {failed[0]}" if failed else None,
            partial_failure=failed[0].failure if failed else None,
            settled=all(view.samples is None or self._covers(view, now) for view in views),
        )

    def _covers(self, view: View, now: float) -> bool:
        """Whether growth is known over some part of both windows."""
        windows = ((view.runs, self._windows[0]), (view.rest, self._rate))
        return all(history.span(now, seconds).covered > 0 for history, seconds in windows)

    def _missing(self, feeds: Feeds) -> list[str]:
        words = [] if feeds.owners else [f"no known metric: looked for {self._looked_for()}"]
        words.extend(feeds.missing())
        for target in self._targets:
            words.extend(f"{target.shown}: {problem}" for problem in target.problems())
        return words

    def _looked_for(self) -> str:
        detects = [e if isinstance(e, str) else " with ".join(e) for p in self._profiles for e in p.detect]
        return safe(", ".join(detects), limit=200) or "nothing, no profile is enabled"

    def _settle_feeds(self) -> Feeds:
        """Built anew only when other names are exposed, or an info metric names other things."""
        names = frozenset().union(*(target.names for target in self._targets))
        joined = {profile.name: self._tables(profile) for profile in self._profiles if profile.names}
        if self._feeds is None or names != self._names or joined != self._joined:
            self._names, self._joined = names, joined
            self._feeds = Feeds(choose_profiles(self._profiles, names), names, joined)
        return self._feeds

    def _tables(self, profile: Profile) -> dict[str, dict[str, str]]:
        return {
            dim: {
                series.labels[table["key"]]: series.labels[table["label"]]
                for target in self._targets
                for series in target.samples
                if series.name == table["metric"] and {table["key"], table["label"]} <= series.labels.keys()
            }
            for dim, table in profile.names.items()
        }

    def _ask(self) -> list[Answer | SourceError]:
        """Asks all targets, some at once: one that hangs must not keep the others from answering."""
        if len(self._targets) == 1:
            return [self._targets[0].ask()]
        answers: list[Answer | SourceError | BaseException] = [
            SourceError(Failure.INTERNAL, f"{target.shown}: was not asked") for target in self._targets
        ]
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in range(len(self._targets)):
            waiting.put(index)

        def work() -> None:
            while True:
                try:
                    index = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    answers[index] = self._targets[index].ask()
                except BaseException as error:  # noqa: BLE001 (raised again below, in the poll's thread)
                    answers[index] = error

        threads = [
            threading.Thread(target=work, name=f"wfmon-scrape-{number}", daemon=True)
            for number in range(min(MAX_THREADS, len(self._targets)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()  # each question ends by its own deadline
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, SourceError):
                raise answer
        return [answer for answer in answers if isinstance(answer, Answer | SourceError)]


class _Target:
    """One URL, its connection, its last samples and the history of its counters."""

    def __init__(
        self,
        url: str,
        http: HttpReader,
        profiles: Sequence[Profile],
        *,
        longest: float,
        rate: float,
        lookback: float,
    ) -> None:
        self._url = url
        self.http = http
        self.shown = shown_url(url)
        names = {*wanted_names(profiles), _PROCESS_START.name}
        self._wanted = names
        self._reader = ExpositionReader(names)
        self._run_names, self._rest_names = counter_names(profiles)
        self._runs: CounterHistory[Series] = CounterHistory(longest, lookback=lookback)
        self._rest: CounterHistory[Series] = CounterHistory(rate, remember=longest, lookback=lookback)
        self._last: Exposition | None = None
        self._process_start: float | None = None
        self._run_values: dict[Series, float] = {}
        self._rest_values: dict[Series, float] = {}
        self._no_numbers = 0
        self._answered = False

    @cached_property
    def known_as(self) -> Target:
        """The same for the same URL, with whatever credentials, while the same names are wanted.

        A look that was made for fewer names would make the others seem born since.
        """
        from hashlib import sha256  # 2 ms, not needed before

        words = "\n".join((_without_user(self._url), *sorted(self._wanted)))
        return Target(sha256(words.encode("utf-8", "replace")).hexdigest()[:32], self.shown)

    @property
    def names(self) -> frozenset[str]:
        """What it exposed when it last answered."""
        return self._last.names if self._last is not None else frozenset()

    @property
    def samples(self) -> Mapping[Series, float]:
        return self._last.samples if self._last is not None else {}

    @property
    def lines(self) -> bytes:
        return self._reader.lines

    def ask(self) -> Answer | SourceError:
        try:
            return self.http.get(self._url, accept=ACCEPT)
        except SourceError as error:
            return error

    def take(self, now: float, answer: Answer | SourceError) -> None:
        """Reads one answer into the history; raises the failure that it is."""
        self._answered = False
        if isinstance(answer, SourceError):
            raise answer
        try:
            self._learn(now, answer.body)
        except NotMetrics as error:
            raise SourceError(Failure.NOT_METRICS, f"{self.shown}: {error}") from error
        self._answered = True

    def recall(self, looks: Sequence[Look]) -> None:
        """Takes looks of an earlier process, oldest first, as its own; leaves out what is no metrics."""
        for look in looks:
            try:
                self._learn(look.at, look.lines)
            except NotMetrics:
                continue
            for history in (self._runs, self._rest):
                history.lookback = max(history.lookback, LOOKBACK_SECONDS + LATE_SECONDS)

    def _learn(self, now: float, body: bytes) -> None:
        """Reads one answer into the history; raises ``NotMetrics``."""
        read = self._reader.read(body)
        if read is not self._last:
            self._last = read
            self._run_values = {s: v for s, v in read.samples.items() if s.name in self._run_names}
            self._rest_values = {s: v for s, v in read.samples.items() if s.name in self._rest_names}
            self._no_numbers = sum(
                not math.isfinite(value)
                for values in (self._run_values, self._rest_values)
                for value in values.values()
            )
        restarted = self._has_restarted(read.samples.get(_PROCESS_START))
        self._runs.observe(now, self._run_values, restarted=restarted)
        self._rest.observe(now, self._rest_values, restarted=restarted)

    def _has_restarted(self, start: float | None) -> bool:
        before, self._process_start = self._process_start, start
        if start is None or before is None or abs(start - before) < 1.0:
            return False
        # Kept counters survive a restart of their exporter: the start time alone proves nothing.
        return self._runs.fell(self._run_values) or self._rest.fell(self._rest_values)

    def view(self) -> View:
        return View(self.samples if self._answered else None, self._runs, self._rest)

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
        return words


def _where(shown: Sequence[str]) -> str:
    return f"{shown[0]} +{len(shown) - 1}" if len(shown) > 1 else "".join(shown)


def _without_user(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return shown_url(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
