"""What comes, what goes, and how the loop takes it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wfmon.config import schema
from wfmon.model.discovery import Discovery, Found
from wfmon.monitor.finder import MOST_LEFT, Finder, Finding
from wfmon.sources.base import Reading, Source
from wfmon.sources.discovery.propose import Proposal, Proposed

NOW = 1_800_000_000.0


@dataclass
class Fake:
    name: str
    kind: str = "logs"
    where: str = "x"
    interval: float = 1.0
    timeout: float = 5.0
    paths: list[str] = field(default_factory=list)

    def poll(self, now: float) -> Reading:
        return Reading(at=now)

    def close(self) -> None: ...

    def widen(self, paths: Sequence[str]) -> None:
        self.paths += paths


def logs(name: str, *paths: str) -> Proposed:
    entry = schema.Source(name=f"{name} logs", kind="logs", paths=list(paths))
    return Proposed(name, Found(f"{len(paths)} log files of {name}", entry.name, paths), entry)


def server() -> Proposed:
    entry = schema.Source(name="prometheus", kind="prometheus", url="http://127.0.0.1:9090")
    return Proposed("prometheus", Found("Prometheus on 127.0.0.1:9090", "prometheus"), entry)


class Eyes:
    def __init__(self) -> None:
        self.proposed: list[Proposed] = []
        self.left: tuple[str, ...] = ()
        self.error: Exception | None = None
        self.built: list[str] = []

    def look(self, now: float) -> Proposal:
        if self.error is not None:
            raise self.error
        return Proposal(tuple(self.proposed), ("7 processes",), self.left)

    def build(self, entry: schema.Source) -> Source:
        self.built.append(entry.name)
        return Fake(entry.name, paths=list(entry.paths))


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


def finder(eyes: Eyes, clock: Clock | None = None, before: Discovery | None = None) -> Finder:
    return Finder(lambda: eyes, 60.0, before=before, clock=clock or Clock())


def test_each_source_is_built_once() -> None:
    eyes = Eyes()
    found = finder(eyes)
    assert found.pending == Discovery(every=60.0)
    eyes.proposed = [server()]
    first = found.look()
    assert [source.name for source in first.sources] == ["prometheus"]
    assert first.discovery.readable
    eyes.proposed = [server(), logs("n8n", "/a")]
    assert [source.name for source in found.look().sources] == ["n8n logs"]
    assert found.look().sources == ()
    assert eyes.built == ["prometheus", "n8n logs"]


def test_a_source_of_files_takes_those_that_come_later() -> None:
    eyes = Eyes()
    found = finder(eyes)
    eyes.proposed = [logs("n8n", "/a")]
    (source,) = found.look().sources
    eyes.proposed = [logs("n8n", "/a", "/b")]
    found.look()
    assert isinstance(source, Fake)
    assert "/b" in source.paths


def test_what_goes_is_told_since_when_and_what_comes_back_is_there() -> None:
    eyes, clock = Eyes(), Clock()
    found = finder(eyes, clock)
    eyes.proposed = [server(), logs("n8n", "/a")]
    found.look()
    clock.now += 60
    eyes.proposed = [server()]
    told = {each.source: each.gone_since for each in found.look().discovery.found}
    assert told == {"prometheus": None, "n8n logs": NOW + 60}
    clock.now += 60
    told = {each.source: each.gone_since for each in found.look().discovery.found}
    assert told["n8n logs"] == NOW + 60, "since then, not since now"
    eyes.proposed = [server(), logs("n8n", "/a")]
    finding = found.look()
    assert {each.gone_since for each in finding.discovery.found} == {None}
    assert finding.sources == (), "its source was there all the time"
    eyes.proposed = []
    found.look()
    clock.now += 100_000
    assert found.look().discovery.found == (), "it is not told for ever"


def test_what_an_earlier_collector_found_goes_on() -> None:
    eyes = Eyes()
    before = Discovery(NOW - 60, (server().found, logs("n8n", "/a").found), (), (), 60.0)
    eyes.proposed = [server()]
    told = finder(eyes, before=before).look().discovery.found
    assert [(each.source, each.gone_since) for each in told] == [("prometheus", None), ("n8n logs", NOW)]


def test_a_look_that_fails_is_told_and_the_next_goes_on() -> None:
    eyes = Eyes()
    eyes.proposed = [server()]
    found = finder(eyes)
    found.look()
    eyes.error = PermissionError(13, "no \x1b[31m", "/proc")
    failed = found.look().discovery
    assert failed.problem is not None
    assert failed.problem.startswith("PermissionError: ")
    assert "\x1b" not in failed.problem
    assert failed.found == (server().found,), "what was known is not forgotten"
    eyes.error = None
    assert found.look().discovery.problem is None


def test_a_flood_of_words_is_bounded() -> None:
    eyes = Eyes()
    eyes.left = tuple(f"word {n}" for n in range(100))
    left = finder(eyes).look().discovery.left
    assert len(left) == MOST_LEFT + 1
    assert left[-1] == f"and {100 - MOST_LEFT} more"


def test_it_looks_in_a_thread_of_its_own_and_again_when_hurried() -> None:
    eyes = Eyes()
    told: list[tuple[str, Finding]] = []
    came = threading.Semaphore(0)

    def deliver(finding: Finding) -> None:
        told.append((threading.current_thread().name, finding))
        came.release()

    found = finder(eyes)
    found.begin(deliver)
    try:
        assert came.acquire(timeout=20)
        found.hurry()
        assert came.acquire(timeout=20)
        assert {name for name, _ in told} == {"finder"}
        assert all(each.discovery.at == NOW for _, each in told)
    finally:
        found.stop()


def test_gone_and_readable() -> None:
    gone = replace(server().found, gone_since=NOW)
    assert not Discovery(NOW, (gone, Found("Celery (pid 12)"))).readable
    assert Discovery(NOW, (server().found,)).readable
