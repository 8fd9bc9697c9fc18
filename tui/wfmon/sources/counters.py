"""The recent history of the counters of one target, and exact growth over windows of it.

Growth follows alerting-and-burn 4.2: between two looks a counter grew by v - v₀, or by v where it
fell (it was reset); a series that appears in a target which was already watched counts from 0 (the
first failure counts); the first look at a target only seeds. So every figure is a difference of two
stored totals: counts stay exact integers, money keeps the precision of the counter itself.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from wfmon.model.record import dataclass

# A window begins at the last look before it, if that is not older than this (Prometheus' lookback).
LOOKBACK_SECONDS = 300.0
# Younger points are all kept; older ones at least this much denser than their age.
KEEP_ALL_SECONDS = 600.0
RESOLUTION = 60
MAX_TRACKS = 200_000  # of one target, vanished ones included; above it vanished ones are forgotten

_NOTHING = array("d")  # of a track that is not known yet; never changed

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Span:
    """The last part of a window that is known: growth since ``base``, which came in ``covered`` seconds.

    These are longer than the window where it begins between two looks.
    """

    base: float
    covered: float


class Track:
    """One counter: its growth since it is known, at the times when it had changed.

    ``born``: it appeared while its target was watched, so that it was 0 before its first point.
    """

    __slots__ = (
        "_compact_at",
        "_offset",
        "_slack",
        "born",
        "gone_at",
        "grown",
        "raw",
        "seen",
        "tells",
        "times",
        "told",
    )

    def __init__(self, born: bool, number: int = 0, tells: bool = True) -> None:
        self.times = self.grown = _NOTHING
        self.raw = math.nan
        self.tells = tells
        self.told = 0.0  # of ``grown``, what ``take_growth`` has told
        self.born = born
        self.seen = 0
        self.gone_at = math.inf
        self._offset = 0.0
        # Not all series at the same look: the work of many thousands is spread.
        self._slack = 32 + number % 32
        self._compact_at = self._slack

    @property
    def known(self) -> bool:
        """False while all that was ever said of it is not a number."""
        return bool(self.times)

    def begin(self, now: array[float], value: float) -> None:
        """The first ``value``, which is finite; ``now`` has one element, and is copied."""
        self.times = now * 1
        self.grown = array("d", (value,))
        self.told = 0.0 if self.born else value
        self.raw = value

    def add(self, now: float, value: float, *, restarted: bool) -> bool:
        """Another ``value``, which is finite. ``restarted``: it began again at 0, whatever it was before.

        Says whether it fell without that.
        """
        fell = False
        if value < self.raw or restarted:
            self._offset = self.grown[-1]
            fell = not restarted and self.raw < math.inf
        self.times.append(now)
        self.grown.append(self._offset + value)
        self.raw = value
        return fell

    def growth(self, bases: Sequence[float]) -> list[float]:
        """Growth since each of ``bases`` (descending: the shortest window first)."""
        times, grown = self.times, self.grown
        if not times:
            return [0.0] * len(bases)
        last = grown[-1]
        before_all = 0.0 if self.born else grown[0]
        result = []
        end = len(times)
        for base in bases:
            end = bisect_right(times, base, 0, end)
            result.append(last - (grown[end - 1] if end else before_all))
        return result

    def growth_since(self, base: float) -> float:
        """``growth`` since one base, of one that is ``known``."""
        times, grown = self.times, self.grown
        if times[-1] <= base:
            return 0.0
        end = bisect_right(times, base)
        before = grown[end - 1] if end else 0.0 if self.born else grown[0]
        return grown[-1] - before

    def compact_if_long(self, now: float, horizon: float) -> None:
        """Drops what no window can ask for, and thins what only long windows ask for."""
        if len(self.times) < self._compact_at:
            return
        first = max(0, bisect_right(self.times, now - horizon) - 1)
        if horizon <= KEEP_ALL_SECONDS:
            del self.times[:first], self.grown[:first]
            self._compact_at = len(self.times) + self._slack // 4
            return
        dense = bisect_right(self.times, now - KEEP_ALL_SECONDS)
        keep = list(_thinned(self.times, first, dense, now)) if dense > first else []
        keep.extend(range(max(dense, first), len(self.times)))
        self.times = array("d", [self.times[i] for i in keep])
        self.grown = array("d", [self.grown[i] for i in keep])
        self._compact_at = len(keep) + self._slack

    def began_again_unseen(self) -> None:
        """Its process restarted while it was not there: any value that comes is growth."""
        self.raw = math.inf

    def shift(self, seconds: float) -> None:
        self.gone_at += seconds
        for index, at in enumerate(self.times):
            self.times[index] = at + seconds


def _thinned(times: array[float], first: int, end: int, now: float) -> Iterator[int]:
    """Of ``times[first:end]`` the last index in each slot; slots are as wide as age / RESOLUTION allows.

    The first and the last stay: the longest window begins with the one, the longest window of which
    every point is kept with the other.
    """
    yield first
    for index in range(first + 1, end - 1):
        spacing = 10.0 * 2 ** max(0, math.floor(math.log2((now - times[index]) / RESOLUTION / 10.0)))
        if math.floor(times[index] / spacing) != math.floor(times[index + 1] / spacing):
            yield index
    if end - 1 > first:
        yield end - 1


class CounterHistory(Generic[Key]):
    """The counters of one target that are asked for over the same longest window.

    ``horizon`` is that window in seconds. Series that vanish keep their growth until it has left
    the window, and are remembered for ``remember`` seconds, so that one that comes back is not
    taken for new. ``take_growth`` and ``vanished`` tell of those for which ``tells`` is true.
    """

    def __init__(
        self,
        horizon: float,
        *,
        remember: float | None = None,
        lookback: float = LOOKBACK_SECONDS,
        max_tracks: int = MAX_TRACKS,
        tells: Callable[[Key], bool] = lambda key: True,
    ) -> None:
        self._horizon = horizon
        self._remember = max(horizon, remember or 0.0)
        self.lookback = lookback
        self._max_tracks = max_tracks
        self._tells = tells
        self._marks = array("d")
        self._tracks: dict[Key, Track] = {}
        self._news: dict[Key, Track] = {}
        self._look = 0
        self._all_there = True
        # Those that were lower in the last look than before, without a restart that would explain it.
        self.fallen: list[Key] = []
        # Those of which the last look said something that is not a number.
        self.not_numbers: set[Track] = set()
        # How many tracks were ever forgotten: while it is the same, ``tracks`` only got longer.
        self.forgotten = 0

    @property
    def look(self) -> int:
        """``seen`` of tracks that were there at the last look."""
        return self._look

    @property
    def looks(self) -> int:
        """How often the target answered, as far back as is remembered."""
        return len(self._marks)

    @property
    def tracks(self) -> Mapping[Key, Track]:
        return self._tracks

    def observe(
        self,
        now: float,
        values: Mapping[Key, float],
        *,
        restarted: bool = False,
        changed: Mapping[Key, float] | None = None,
        born: Callable[[Key], bool] = lambda key: True,
    ) -> None:
        """One successful look at the target.

        ``restarted``: its process began anew since the last look, so that every counter started again
        at 0, also one that has already passed its old value. ``changed``: those of ``values`` that may
        differ from the last look, if that had the same keys. ``born``: whether one that is new to a target
        that was already watched was 0 before; else it may have been there unseen.
        """
        self._set_clock(now)
        watched = bool(self._marks)
        again = changed is not None and watched and not restarted
        if not again:
            self._look += 1
        look, tracks, horizon = self._look, self._tracks, self._horizon
        odd, begin = self.not_numbers, array("d", (now,))
        self.fallen = []
        for key, value in (changed if changed is not None and again else values).items():
            track = tracks.get(key)
            if track is None:
                track = tracks[key] = Track(watched and born(key), len(tracks), self._tells(key))
            track.seen = look
            if odd:
                odd.discard(track)
            if value == track.raw and not restarted:
                continue
            if not math.isfinite(value):
                odd.add(track)
                track.born = track.born and track.known
            elif track.times:
                if track.add(now, value, restarted=restarted):
                    self.fallen.append(key)
                track.compact_if_long(now, horizon)
                self._told_later(key, track)
            else:
                track.begin(begin, value)
                self._told_later(key, track)
        self._all_there = len(values) == len(tracks)
        if not self._all_there:
            self._settle_vanished(now, restarted, since_now=not again)
        self._marks.append(now)
        if self._marks[0] < now - 2 * (horizon + self.lookback):
            del self._marks[: max(0, bisect_right(self._marks, now - horizon - self.lookback) - 1)]

    def _told_later(self, key: Key, track: Track) -> None:
        if track.tells:
            self._news[key] = track

    def take_growth(self) -> list[tuple[Key, float]]:
        """What each counter grew by since the last call; growth is told once.

        The steps of one counter add up to its whole growth, however it restarted meanwhile.
        """
        news, self._news = self._news, {}
        steps = []
        for key, track in news.items():
            grown = track.grown[-1]
            if grown != track.told:
                steps.append((key, grown - track.told))
                track.told = grown
        return steps

    def vanished(self, limit: int) -> dict[Key, float]:
        """Counters that are remembered though the last look did not hold them, with their last values;
        the ``limit`` that vanished last. Without those whose next value is growth whatever it is."""
        if self._all_there:
            return {}
        gone = [
            (track.gone_at, index, key, track.raw)
            for index, (key, track) in enumerate(self._tracks.items())
            if track.tells and track.seen != self._look and math.isfinite(track.raw)
        ]
        return {key: raw for _, _, key, raw in sorted(gone, reverse=True)[:limit]}

    def recall_vanished(self, now: float, values: Mapping[Key, float]) -> None:
        """Counters that an earlier process remembered at its look of ``now``, the last one here."""
        for key, value in values.items():
            if key not in self._tracks and math.isfinite(value):
                track = self._tracks[key] = Track(False, len(self._tracks), self._tells(key))
                track.begin(array("d", (now,)), value)
                track.gone_at = now
                self._all_there = False

    def fell(self, values: Mapping[Key, float]) -> bool:
        """Whether a counter of the last look is lower in ``values``, or not there."""
        return any(
            values.get(key, -math.inf) < track.raw
            for key, track in self._tracks.items()
            if track.seen == self._look
        )

    def span(self, now: float, seconds: float) -> Span:
        """What is known of the last ``seconds`` before ``now``.

        The growth between the last look before the window and its begin is counted into the window,
        as Prometheus' ``m - m offset W`` does; what it came in is counted too, so that a time in which
        nobody looked raises no rate. Where that is longer than the lookback, the window begins at the
        first look inside it.
        """
        if not self._marks:
            return Span(now, 0.0)
        base = since = now - seconds
        last = self._marks[-1]
        index = bisect_right(self._marks, base)
        if index and base - self._marks[index - 1] <= self.lookback:
            since = self._marks[index - 1]
        else:
            base = since = self._marks[index] if index < len(self._marks) else last
        return Span(base, max(0.0, last - since))

    def _set_clock(self, now: float) -> None:
        """A clock that was set back moves the history with it: the looks stay in their order."""
        if self._marks and now <= self._marks[-1]:
            seconds = now - self._marks[-1] - 1e-3
            for index, at in enumerate(self._marks):
                self._marks[index] = at + seconds
            for track in self._tracks.values():
                track.shift(seconds)

    def _settle_vanished(self, now: float, restarted: bool, *, since_now: bool) -> None:
        vanished = [(key, track) for key, track in self._tracks.items() if track.seen != self._look]
        crowded = len(self._tracks) > self._max_tracks
        for key, track in vanished:
            if since_now and track.seen == self._look - 1:
                track.gone_at = now
            if restarted:
                track.began_again_unseen()
            if crowded or now - track.gone_at > self._remember:
                del self._tracks[key]
                self.not_numbers.discard(track)
                self.forgotten += 1
