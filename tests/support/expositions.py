"""What a profile makes of an exposition: two looks at one target, without a network or a clock."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.config.schema import Duration, Windows
from wfmon.model.metrics import MetricsSample
from wfmon.sources.base import Reading, SourceError
from wfmon.sources.http import Answer
from wfmon.sources.profile import Profile
from wfmon.sources.scrape import ScrapeSource

WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(21600), rate=Duration(300))
FIRST_LOOK = 1_000_000.0


class Replay(ScrapeSource):
    """The source without the network: ``texts`` are what its targets answer next."""

    texts: Sequence[str] = ()

    def _ask(self) -> list[Answer | SourceError]:
        return [Answer(200, "text/plain", text.encode()) for text in self.texts]


def readings(profiles: Profile | Sequence[Profile], *texts: str, seconds: float = 60.0) -> list[Reading]:
    """What one target answers is ``texts``, one after the other, ``seconds`` apart."""
    chosen = (profiles,) if isinstance(profiles, Profile) else tuple(profiles)
    source = Replay("target", ["http://127.0.0.1:9/metrics"], windows=WINDOWS, profiles=chosen)
    found = []
    for number, text in enumerate(texts):
        source.texts = [text]
        found.append(source.poll(FIRST_LOOK + number * seconds))
    return found


def scraped(
    profiles: Profile | Sequence[Profile], first: str, second: str, *, seconds: float = 60.0
) -> tuple[MetricsSample, ...]:
    """The samples of the second look at one target, one of every profile that fits."""
    return readings(profiles, first, second, seconds=seconds)[-1].samples


def missing_words(profiles: Profile | Sequence[Profile], *texts: str) -> tuple[str, ...]:
    """What the source says is missing after the last look."""
    return readings(profiles, *texts)[-1].missing
