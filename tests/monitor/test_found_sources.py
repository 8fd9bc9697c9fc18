"""A loop without sources of its own: it waits for nobody, and takes what is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from pathlib import Path

import pytest

from monitor.test_loop import START, WINDOWS, FakeLogs, Inline, failing_runs, turn
from wfmon.config.loader import load_config
from wfmon.model.action import Refresh
from wfmon.model.discovery import Discovery, Found
from wfmon.model.snapshot import Collector, Level
from wfmon.monitor.composing import Identity
from wfmon.monitor.finder import Finding
from wfmon.monitor.judge import Judge
from wfmon.monitor.loop import Monitor
from wfmon.monitor.picture import PictureMaker
from wfmon.monitor.presenter import Presenter
from wfmon.monitor.remembered import NOTHING
from wfmon.monitor.settings import rule_settings
from wfmon.monitor.track import Pace
from wfmon.sources.base import Reading, Source
from wfmon.store.acks import AckStore
from wfmon.store.paths import StateDir
from wfmon.store.terms import AckTerms

LOOKED = ("7 processes", "2 listening ports")


class ByHand:
    """A finder that finds when the test says so."""

    def __init__(self) -> None:
        self.begun = False
        self.stopped = False
        self.hurried = 0
        self.deliver: Callable[[Finding], None] = lambda finding: None

    @property
    def pending(self) -> Discovery:
        return Discovery(every=60.0)

    def begin(self, deliver: Callable[[Finding], None]) -> None:
        self.begun = True
        self.deliver = deliver

    def hurry(self) -> None:
        self.hurried += 1

    def stop(self) -> None:
        self.stopped = True


class Keeper:
    """Who keeps the history, as far as sources that come later concern it."""

    remembered = NOTHING
    superseded = False

    def __init__(self) -> None:
        self.joined: list[str] = []
        self.took_from: list[str] = []

    def begin(self, sources: Iterable[Source], now: float) -> None: ...
    def join(self, sources: Iterable[Source]) -> None:
        self.joined += [source.name for source in sources]

    def took(self, source: str, reading: Reading) -> None:
        self.took_from.append(source)

    def saw(self, picture: object, now: float) -> None: ...
    def stop(self) -> None: ...


@pytest.fixture
def finder() -> ByHand:
    return ByHand()


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def bare(tmp_path: Path, finder: ByHand, keeper: Keeper) -> Iterator[Monitor]:
    store = AckStore(StateDir(tmp_path, shared=False), AckTerms())
    yield Monitor(
        [],
        PictureMaker(WINDOWS, {}, {}),
        Judge(rule_settings(load_config(environ={}).config), store),
        Presenter(store, "joe", UTC),
        Identity("h", "0", Collector(1, "joe"), read_only=False),
        Pace(stale_after=60.0, backoff_max=60.0, stretch=100.0),
        seed=1,
        worker=Inline,
        historian=keeper,
        finder=finder,  # type: ignore[arg-type]
    )
    store.close()


def test_it_says_that_it_looks_and_is_not_settled(bare: Monitor, finder: ByHand) -> None:
    snapshot = turn(bare, START)
    assert finder.begun
    assert not bare.settled
    assert snapshot.waiting
    assert (snapshot.verdict.level, snapshot.verdict.text) == (Level.UNKNOWN, "looking around this host")


def test_nothing_found_is_unknown_and_says_where_was_looked(bare: Monitor, finder: ByHand) -> None:
    turn(bare, START)
    finder.deliver(Finding(Discovery(START, (), LOOKED, (), 60.0)))
    snapshot = turn(bare, START + 1)
    assert bare.settled
    assert snapshot.verdict.level is Level.UNKNOWN
    assert snapshot.verdict.text == "no source found: looked at 7 processes, 2 listening ports"


def test_what_is_found_is_asked_judged_and_kept(bare: Monitor, finder: ByHand, keeper: Keeper) -> None:
    turn(bare, START)
    found = Discovery(START, (Found("1 log file of x", "logs", ("/a",)),), LOOKED, (), 60.0)
    finder.deliver(Finding(found, (FakeLogs(failing_runs),)))
    turn(bare, START + 1)
    assert not bare.settled, "it has not answered yet"
    snapshot = turn(bare, START + 2)
    assert [source.name for source in snapshot.sources] == ["logs"]
    assert snapshot.verdict.level is Level.CRITICAL
    assert "w fails 33%" in snapshot.verdict.text
    assert snapshot.discovery == found
    assert (keeper.joined, keeper.took_from[:1]) == (["logs"], ["logs"])
    later = FakeLogs(lambda now: Reading(at=now), name="later")
    finder.deliver(Finding(found, (later, FakeLogs(failing_runs))))
    assert [source.name for source in turn(bare, START + 3).sources] == ["logs", "later"]
    assert keeper.joined == ["logs", "later"], "the same name is the same source"


def test_a_source_that_is_named_answers_before_anything_is_looked_for(tmp_path: Path) -> None:
    store = AckStore(StateDir(tmp_path, shared=False), AckTerms())
    finder = ByHand()
    held: list[Callable[[], None]] = []

    class Late(Inline):
        def ask(self, now: float) -> None:
            held.append(lambda: Inline.ask(self, now))

    bare = Monitor(
        [FakeLogs(lambda now: Reading(at=now), name="host", kind="host")],
        PictureMaker(WINDOWS, {}, {}),
        Judge(rule_settings(load_config(environ={}).config), store),
        Presenter(store, "joe", UTC),
        Identity("h", "0", Collector(1, "joe"), read_only=False),
        Pace(stale_after=60.0, backoff_max=60.0, stretch=100.0),
        worker=Late,
        finder=finder,  # type: ignore[arg-type]
    )
    turn(bare, START)
    assert not finder.begun
    held.pop()()
    turn(bare, START + 1)
    assert finder.begun
    store.close()


def test_refresh_looks_around_again_and_stop_ends_it(bare: Monitor, finder: ByHand) -> None:
    turn(bare, START)
    outcome = bare.submit(Refresh())
    turn(bare, START + 1)
    assert outcome.result(timeout=5).ok
    assert finder.hurried == 1
    bare.stop()
    assert finder.stopped
