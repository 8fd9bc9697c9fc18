"""The ``scrape`` source: ``/metrics`` endpoints read directly, no server needed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Mapping, Sequence

from wfmon.config import schema
from wfmon.model.look import Look
from wfmon.model.metrics import Growth, MetricsSample
from wfmon.model.record import dataclass, replace
from wfmon.model.source import Failure
from wfmon.model.windows import window_ladder
from wfmon.sources.base import Past, Reading, SourceError, Tell
from wfmon.sources.changes import bounded
from wfmon.sources.collector import kept_still
from wfmon.sources.counters import LOOKBACK_SECONDS
from wfmon.sources.coverage import merged, missing_words
from wfmon.sources.feeds import CONCEPTS, Feeds
from wfmon.sources.figures import View, build_samples, no_sample
from wfmon.sources.formulas import Formulas, scraped
from wfmon.sources.growth import Sums, add_steps_by_profile
from wfmon.sources.http import Answer, Credentials, HttpReader, credentials_from
from wfmon.sources.plan import Plan
from wfmon.sources.profile import Profile, without_replaced
from wfmon.sources.scrape_target import ScrapeTarget
from wfmon.sources.targetlabels import TARGET_INFO, TargetLabels
from wfmon.sources.vocabulary import Vocabulary
from wfmon.text.sanitize import safe

DEFAULT_INTERVAL = 5.0
DEFAULT_TIMEOUT = 5.0
DEFAULT_MAX_BYTES = 64 * 1024 * 1024
MAX_THREADS = 8
# Of all targets together, where the figures of the first answer are waited for: 20 ms of reading.
RECALL_BYTES = 400_000
LARGE_BYTES = 1_000_000  # of all answers of one poll together
FEW_PROFILES = 3  # of which is said by name what was looked for

Tables = dict[str, dict[str, dict[str, str]]]  # profile -> dim -> id -> name


@dataclass(frozen=True, slots=True)
class _Basis:
    """What the plan of one target follows from."""

    profiles: tuple[Profile, ...]
    names: frozenset[str]
    elsewhere: frozenset[str]
    tables: Tables
    labels: dict[str, TargetLabels]


class ScrapeSource:
    """Reads several targets (URLs) as one source; its figures are sums over them, apart by profile.

    ``interval`` and ``timeout`` are in seconds, the latter for all targets together; ``max_bytes``
    bounds the answer of one target. ``profiles`` are those that may be used; which of them are is
    decided by the names that each target exposes. ``narrowed`` says that they are fewer than usual.
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
        narrowed: bool = False,
    ) -> None:
        self.name = name
        self.interval = interval
        self.timeout = timeout
        self._profiles = tuple(profiles)
        self._rate = float(windows.rate)
        self._windows = window_ladder(float(windows.runs), float(windows.max))
        self._plans: dict[int, tuple[_Basis, Plan]] = {}
        self._formulas: Formulas = ()
        self._past: Past | None = None
        self._tell: Tell | None = None
        self._reached: Mapping[str, float] | None = None
        vocabulary = Vocabulary(self._profiles)
        share = timeout / -(-max(1, len(urls)) // MAX_THREADS)
        self._targets = [
            ScrapeTarget(
                url,
                HttpReader(timeout=share, max_bytes=max_bytes, credentials=credentials),
                vocabulary,
                longest=self._windows[-1],
                rate=self._rate,
                lookback=max(LOOKBACK_SECONDS, 3 * interval),
                narrowed=" ".join(profile.name for profile in self._profiles) if narrowed else "",
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
            narrowed=bool(source.profiles),
        )

    def recall(self, past: Past, tell: Tell | None = None) -> None:
        self._past, self._tell = past, tell

    def count_from(self, reached: Mapping[str, float]) -> None:
        """Also says that somebody waits for the first answer: at most RECALL_BYTES of looks are taken."""
        self._reached = dict(reached)

    def poll(self, now: float) -> Reading:
        """Raises ``SourceError`` if no target answered; one that did not makes the reading partial."""
        if not self._targets:
            raise SourceError(Failure.BAD_DATA, "no url is set")
        self._remember(now)
        answers = self._ask()
        size = sum(len(answer.body) for answer in answers if isinstance(answer, Answer))
        with kept_still(size > LARGE_BYTES):
            return self._read(now, answers)

    def _read(self, now: float, answers: Sequence[Answer | SourceError]) -> Reading:
        failed: list[SourceError] = []
        for target, answer in zip(self._targets, answers, strict=True):
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
        if past is None:
            return
        for target in self._targets:
            if self._reached is None:
                target.recall(past(target.known_as, now))
                continue
            reached = self._reached.get(target.known_as.id)
            # A clock that was set back since must not hide the look up to which growth is told.
            looks = past(target.known_as, max(now, reached or now))
            if reached is not None:  # what later ones would add is told with the next answer
                looks = [look for look in looks if look.at <= reached]
            target.recall(_newest(looks, RECALL_BYTES // len(self._targets)), reached)

    def _reading(self, now: float, failed: list[SourceError]) -> Reading:
        profiles = self._in_use()
        views = [
            target.view(plan) for target, plan in zip(self._targets, self._settle(profiles), strict=True)
        ]
        found = build_samples(now, views, profiles, self._windows, self._rate)
        samples = self._with_growth(now, found or (no_sample(now, views, self._rate),), profiles, views)
        exposed = frozenset().union(*(sample.exposed for sample in samples))
        return Reading(
            at=now,
            metrics=samples[0],
            beside=samples[1:],
            profile=", ".join(profile.name for profile in profiles) or None,
            sees=" ".join(c.value for c in CONCEPTS if c in exposed),
            missing=tuple(self._missing(views, samples)),
            partial=f"{len(failed)} of {len(self._targets)} targets: {failed[0]}" if failed else None,
            partial_failure=failed[0].failure if failed else None,
            settled=all(view.samples is None or self._covers(view, now) for view in views),
            changes=bounded([change for target in self._targets for change in target.take_changes()]),
            formulas=self._formulas,
        )

    def _with_growth(
        self,
        now: float,
        samples: Sequence[MetricsSample],
        profiles: Sequence[Profile],
        views: Sequence[View],
    ) -> tuple[MetricsSample, ...]:
        """With what grew since the growth that was told before, of each target that answered since."""
        sums: dict[str, Sums] = {}
        since, reaches = now, dict[str, float]()
        for target, view in zip(self._targets, views, strict=True):
            if target.seen_at is None or target.told_at == target.seen_at:
                continue
            since = min(since, since if target.told_at is None else target.told_at)
            reaches[target.known_as.id] = target.seen_at
            add_steps_by_profile(sums, target.take_growth(), view.plan.feeds)
        owners = {profile.name: profile for profile in profiles}
        return tuple(
            replace(sample, growth=_growth(sums.get(sample.profile, Sums()), sample, owners, since, reaches))
            for sample in samples
        )

    def _covers(self, view: View, now: float) -> bool:
        """Whether growth is known over some part of both windows."""
        windows = ((view.plan.runs.history, self._windows[0]), (view.plan.rest.history, self._rate))
        return all(history.span(now, seconds).covered > 0 for history, seconds in windows)

    def _missing(self, views: Sequence[View], samples: Sequence[MetricsSample]) -> list[str]:
        covered = merged(coverage for view in views for coverage in view.plan.feeds.coverage.values())
        words = [] if covered else [f"no known metric: looked for {self._looked_for()}"]
        words.extend(missing_words(covered, samples))
        for target in self._targets:
            words.extend(f"{target.shown}: {problem}" for problem in target.problems())
        return words

    def _looked_for(self) -> str:
        if len(self._profiles) > FEW_PROFILES:
            titles = ", ".join(sorted({profile.title for profile in self._profiles}, key=str.casefold))
            return safe(f"those of {titles}", limit=600)
        detects = [e if isinstance(e, str) else " with ".join(e) for p in self._profiles for e in p.detect]
        return safe(", ".join(detects), limit=200) or "nothing, no profile is enabled"

    def _in_use(self) -> tuple[Profile, ...]:
        """The profiles that fit any target, outermost layer first. One that is replaced by that of another
        target is not used for its own either: both may count one run."""
        found = {profile.name: profile for target in self._targets for profile in target.fitting}
        return without_replaced(found.values())

    def _settle(self, profiles: tuple[Profile, ...]) -> list[Plan]:
        """The plan of each target, built anew only when what they follow from is another."""
        names = frozenset().union(*(target.names for target in self._targets))
        tables: Tables = {profile.name: self._tables(profile) for profile in profiles if profile.names}
        settled = []
        renewed = False
        for index, target in enumerate(self._targets):
            mine = _of_target(target.fitting, profiles) or profiles
            labels = {
                profile.name: TargetLabels(
                    profile.target_labels, (series.labels for series in target.named(TARGET_INFO))
                )
                for profile in mine
                if profile.target_labels
            }
            basis = _Basis(mine, target.names, names - target.names, tables, labels)
            known = self._plans.get(index)
            if known is None or known[0] != basis:
                renewed = True
                feeds = Feeds(mine, target.names, tables, labels, basis.elsewhere)
                known = self._plans[index] = (basis, target.plan(feeds))
            settled.append(known[1])
        if renewed:
            self._formulas = scraped((plan.feeds for plan in settled), self._windows[0], self._rate)
        return settled

    def _tables(self, profile: Profile) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for dim, table in profile.names.items():
            rows = [series.labels for target in self._targets for series in target.named(table["metric"])]
            found[dim] = {
                row[table["key"]]: row[table["label"]]
                for row in rows
                if {table["key"], table["label"]} <= row.keys()
            }
        return found

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


def _of_target(fitting: Collection[Profile], in_use: Sequence[Profile]) -> tuple[Profile, ...]:
    """Of the profiles in use those that fit a target, or replace one that does."""
    names = {profile.name for profile in fitting}
    return tuple(each for each in in_use if each.name in names or not names.isdisjoint(each.replaces))


def _growth(
    sums: Sums,
    sample: MetricsSample,
    owners: Mapping[str, Profile],
    since: float,
    reaches: Mapping[str, float],
) -> Growth:
    return Growth(
        since=since,
        runs=sums.runs,
        tokens=sums.settled_tokens(owners.get(sample.profile), sample.tokens),
        cost=sums.cost,
        reaches=dict(reaches),
    )


def _where(shown: Sequence[str]) -> str:
    return f"{shown[0]} +{len(shown) - 1}" if len(shown) > 1 else "".join(shown)


def _newest(looks: Sequence[Look], budget: int) -> Sequence[Look]:
    """As many of the newest as take ``budget`` bytes together; the very last in any case."""
    first = len(looks)
    while first and (first == len(looks) or len(looks[first - 1].lines) <= budget):
        first -= 1
        budget -= len(looks[first].lines)
    return looks[first:]
