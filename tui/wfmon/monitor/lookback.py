"""Looks back once at the time in which nobody watched, in a thread of its own, after the first verdict."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from wfmon.analysis.pastcounts import CountedPast, counted_pasts
from wfmon.analysis.pastfailures import FailuresPast, Windows
from wfmon.analysis.rejoin import Pasts
from wfmon.analysis.replay import Replayed, replay
from wfmon.analysis.rules import failure_rate
from wfmon.analysis.runindex import RunIndex
from wfmon.model.episode import EpisodeKey, EpisodeRecord
from wfmon.model.record import dataclass, field
from wfmon.monitor.pastlevels import kept_levels
from wfmon.monitor.picture import Picture
from wfmon.monitor.settings import RuleSettings
from wfmon.sources.base import Replays, Source, SourceError
from wfmon.store.errors import StoreError
from wfmon.store.history.reader import HistoryReader

SECONDS = 6 * 3600.0
SHORTEST = 60.0  # of unseen time that is looked at
OVERLAP = 30.0  # before the end of what another saw, so that it is known that it was calm
MOST_CPU = 2.0  # seconds; workflows for which there is no time are not looked at
SLICE = 0.004  # seconds of CPU, after which the screen comes first ...
PAUSE = 0.008  # ... for so long
MOST_ASKED = 50  # workflows that a source is asked for, those with the most failures
LEARNING_SECONDS = 3.0  # that it waits for what is usual, where that is learnt


@dataclass(frozen=True, slots=True)
class Found:
    """``replayed``: episodes of the past; ``kept``: since when what holds now has held by kept figures."""

    replayed: Pasts = field(default_factory=dict)
    kept: Pasts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Present:
    """What is known when it is time to look back. ``before``: what the store knew then; ``holding``: what
    holds now and may have held before."""

    picture: Picture
    before: Mapping[EpisodeKey, EpisodeRecord]
    holding: Collection[EpisodeKey]
    sources: Sequence[Source]


Deliver = Callable[[Found | Exception], None]


@dataclass(frozen=True, slots=True)
class Means:
    """``history``: whoever may read it, made in the thread, None where none is kept; ``epoch`` is our own,
    None without one; ``seen_until``: up to when the collector before saw, where that is known. ``step``:
    seconds between kept points. ``patience``: seconds that a source is given. ``hurried``: there is no
    screen, somebody waits for the answer; ``learns``: what is usual will be known soon."""

    rules: RuleSettings
    windows: Windows
    aliases: Mapping[str, str]
    runbooks: Mapping[str, str]
    history: Callable[[], HistoryReader] | None = None
    epoch: int | None = None
    seen_until: float | None = None
    step: float = 60.0
    patience: float = 20.0
    hurried: bool = False
    learns: bool = False


class LookBack:
    """``saw`` is called in the loop and returns at once; ``deliver`` is called once, in another thread."""

    def __init__(self, means: Means, deliver: Deliver) -> None:
        self._means = means
        self._deliver = deliver
        self._thread: threading.Thread | None = None
        self._first: float | None = None

    @property
    def begun(self) -> bool:
        return self._thread is not None

    def is_time(self, picture: Picture, now: float) -> bool:
        """Whether it may begin: not before it is known what is usual, if that comes soon."""
        if self._first is None:
            self._first = now
        waited = not 0 <= now - self._first < LEARNING_SECONDS
        return not self.begun and (not self._means.learns or bool(picture.baselines) or waited)

    def begin(self, present: Present) -> None:
        self._thread = threading.Thread(target=self._run, args=(present,), name="look back", daemon=True)
        self._thread.start()

    def _run(self, present: Present) -> None:
        try:
            found: Found | Exception = look_back(self._means, present)
        except Exception as error:  # noqa: BLE001 - raised again in the loop, which tells it
            found = error
        self._deliver(found)


def look_back(means: Means, present: Present) -> Found:
    """All that can be found."""
    reader = means.history() if means.history is not None else None
    now = present.picture.at
    try:
        begin = max(now - SECONDS, _seen_until(means, reader, now) - OVERLAP)
        kept = (
            kept_levels(reader, present.holding, means.rules, now, SECONDS, means.step)
            if reader is not None
            else {}
        )
    finally:
        if reader is not None:
            reader.close()
    if now - begin < SHORTEST + OVERLAP or not means.rules.failure_rate.enabled:
        return Found(kept=kept)
    return Found(_Failures(means, present, begin).found(), kept)


def _seen_until(means: Means, reader: HistoryReader | None, now: float) -> float:
    """Up to when another collector of this lane saw everything; long ago where none did. What it saw is in
    the store."""
    seen = [means.seen_until or 0.0]
    if reader is not None:
        try:
            sessions = reader.sessions(now - SECONDS, now)
            seen += [each.last_seen for each in sessions if each.epoch != means.epoch]
        except StoreError:
            return max(seen)  # why is told of the history anyway; looking at more than needed does no harm
    return min(now, max(seen))


class _Failures:
    """Rule ``failure_rate`` since ``begin``, workflow by workflow, while there is time for it."""

    def __init__(self, means: Means, present: Present, begin: float) -> None:
        self._means = means
        self._present = present
        self._begin = begin
        self._end = present.picture.at
        self._cpu = time.thread_time()

    def found(self) -> dict[EpisodeKey, Replayed]:
        found: dict[EpisodeKey, Replayed] = {}
        for name, runs in self._pasts():
            if self._spent >= MOST_CPU:
                break
            past = FailuresPast(
                name,
                runs,
                self._means.windows,
                self._means.rules.failure_rate,
                self._present.picture.baselines.get(name),
                self._means.runbooks.get(name),
            )
            record = self._present.before.get(past.key)
            moments = self._paced(past.moments(self._begin, self._end))
            records = () if record is None else (record,)
            found |= replay(past.said, moments, records, self._means.rules.episodes, past.held)
        return found

    @property
    def _spent(self) -> float:
        return time.thread_time() - self._cpu

    def _paced(self, moments: Iterable[float]) -> Iterator[float]:
        began = time.thread_time()
        for at in moments:
            yield at
            if not self._means.hurried and time.thread_time() - began >= SLICE:
                time.sleep(PAUSE)
                began = time.thread_time()

    def _pasts(self) -> Iterator[tuple[str, RunIndex | CountedPast]]:
        """Those that may have failed too often, what is in the store or failed most first; logs before what
        has to be asked."""
        seconds = self._end - self._begin + self._means.windows.ladder[-1]
        failed = {
            name: len(past.index.failed(self._end, seconds))
            for name, past in self._present.picture.pasts.items()
        }
        for name in self._chosen(failed):
            yield name, self._present.picture.pasts[name].index
        for source in self._present.sources:
            if isinstance(source, Replays):
                yield from self._asked(source.name, source).items()

    def _asked(self, name: str, source: Replays) -> dict[str, CountedPast]:
        rows = [
            row
            for row in self._present.picture.workflows
            if row.ladder and row.name not in self._present.picture.pasts
            and dict(row.origin).get("runs") == name
        ]  # fmt: skip
        chosen = self._chosen({row.name: row.ladder[-1].counts.failed for row in rows})[:MOST_ASKED]
        if not chosen:
            return {}
        names = {*chosen, *(alias for alias, known in self._means.aliases.items() if known in chosen)}
        # As far as the first window reaches back that tells when an open episode last held.
        kept = OVERLAP + self._means.rules.failure_rate.clear_quiet_seconds
        begin = self._begin - self._means.windows.ladder[-1] - kept
        try:
            past = source.past_runs(names, begin, self._end, self._means.patience)
        except SourceError:
            return {}  # that it does not answer is told where it is polled
        counted = counted_pasts(past, self._means.aliases)
        return {each: counted[each] for each in chosen if each in counted}

    def _chosen(self, failed: Mapping[str, int]) -> list[str]:
        least = self._means.rules.failure_rate.min_failures
        stored = {name for name in failed if _key(name) in self._present.before}
        names = [name for name, count in failed.items() if count >= least or name in stored]
        return sorted(names, key=lambda name: (name not in stored, -failed[name], name))


def _key(workflow: str) -> EpisodeKey:
    return (failure_rate.RULE, (("workflow", workflow),))
