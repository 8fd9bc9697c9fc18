"""The series of one target in the groups that are added up: worked out once, not at every look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from wfmon.model.metrics import CallKey, Concept, CostKey, RunKey, TokenKey
from wfmon.sources.counters import CounterHistory, Track
from wfmon.sources.feeds import GROWING, SPENT, Feed, Feeds, Part, Placed
from wfmon.sources.series import Series

# Of the model for what is counted; else the workflow.
FigureKey = RunKey | TokenKey | CostKey | CallKey | str | None


class Group:
    """Counters that mean the same, and the key of their figure. Of ``tracks`` that are buckets ``bounds`` are
    as many; else there are none."""

    __slots__ = ("bounds", "feed", "key", "tracks")

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.key = figure_key(feed)
        self.tracks: list[Track] = []
        self.bounds: list[float] = []


def figure_key(feed: Feed) -> FigureKey:
    if feed.concept is Concept.RUNS:
        return feed.dims.run_key
    if feed.concept is Concept.COST:
        return feed.dims.cost_key
    if feed.concept is Concept.TOKENS:
        return feed.dims.token_key
    return feed.dims.call_key if feed.concept is Concept.CALLS else feed.dims.workflow


class Grouped:
    """The groups of the counters of one history; ``takes`` says which feeds are looked for there."""

    def __init__(self, history: CounterHistory[Series], feeds: Feeds, takes: Callable[[Feed], bool]) -> None:
        self.history = history
        self._feeds = feeds
        self._takes = takes
        self._forgotten = -1
        self._done = 0
        self._groups: dict[int, Group] = {}

    def groups(self) -> Sequence[Group]:
        history = self.history
        if history.forgotten != self._forgotten:
            self._forgotten, self._done, self._groups = history.forgotten, 0, {}
        tracks = history.tracks
        if len(tracks) > self._done:
            groups, takes, of = self._groups, self._takes, self._feeds.of
            for series, track in islice(tracks.items(), self._done, None):
                for feed, bound in of(series):
                    group = groups.get(id(feed))
                    if group is None:
                        if not takes(feed):
                            continue
                        group = groups[id(feed)] = Group(feed)
                    group.tracks.append(track)
                    if feed.part is Part.BUCKET:
                        group.bounds.append(bound)
            self._done = len(tracks)
        return list(self._groups.values())


class Plan:
    """Where the series of one target go while its ``feeds`` are the same.

    ``runs`` reaches back over the longest window of the ladder, ``spent`` over an hour at least, ``rest``
    over the rate window.
    """

    def __init__(
        self,
        feeds: Feeds,
        runs: CounterHistory[Series],
        spent: CounterHistory[Series],
        rest: CounterHistory[Series],
    ) -> None:
        self.feeds = feeds
        # A counter of starts is not one of finished runs: it has no key.
        self.runs = Grouped(
            runs, feeds, lambda feed: feed.concept is Concept.RUNS and feed.sum_key is not None
        )
        self.spent = Grouped(spent, feeds, lambda feed: feed.concept in SPENT and feed.part is Part.COUNTER)
        self.rest = Grouped(rest, feeds, _of_the_rest)
        self._layout = -1
        self._present: list[tuple[Series, Placed]] = []

    def present(self, samples: Mapping[Series, float], layout: int) -> Sequence[tuple[Series, Placed]]:
        """Those of ``samples`` whose present values are figures. ``layout`` is another number whenever other
        series are there."""
        if layout != self._layout:
            names = self.feeds.present_names
            self._layout = layout
            self._present = [
                (series, (feed, bound))
                for series in samples
                if series.name in names
                for feed, bound in self.feeds.of(series)
                if feed.part in (Part.LEVEL, Part.QUANTILE)
            ]
        return self._present


def _of_the_rest(feed: Feed) -> bool:
    return feed.concept is not Concept.RUNS and feed.concept not in SPENT and feed.part in GROWING
