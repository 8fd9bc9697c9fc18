"""Growth that is told once, over kills, restarts, births, gaps and failures, against a true ledger."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.test_scrape import WINDOWS
from wfmon.model.look import Look, Target
from wfmon.model.metrics import CostKey, Growth, RunKey, TokenKey, TokenKind
from wfmon.model.run import RunStatus
from wfmon.model.source import Failure
from wfmon.sources.base import Counts, Reading, Recalls, SourceError
from wfmon.sources.counters import CounterHistory
from wfmon.sources.http import Answer
from wfmon.sources.profile import load_profiles, parse_profile
from wfmon.sources.scrape import RECALL_BYTES, ScrapeSource

A_OK = 'workflow_executions_total{workflow="a",status="success"}'
A_BAD = 'workflow_executions_total{workflow="a",status="error"}'
OK, BAD = RunKey("a", RunStatus.SUCCESS), RunKey("a", RunStatus.ERROR)


class Replayed(ScrapeSource):
    """The source without the network: ``texts`` are what its targets answer next, None is a failure."""

    texts: Sequence[str | None] = ()

    def _ask(self) -> list[Answer | SourceError]:
        return [
            SourceError(Failure.REFUSED, "down") if text is None else Answer(200, "", text.encode())
            for text in self.texts
        ]


@dataclass
class Store:
    """What outlives a process: sums, and per target the looks up to the one whose growth is in them."""

    targets: int = 1
    keep: int = 5
    sums: dict[object, float] = field(default_factory=lambda: defaultdict(float))
    looks: dict[str, list[Look]] = field(default_factory=dict)
    reached: dict[str, float] = field(default_factory=dict)
    told: list[tuple[str, Look]] = field(default_factory=list)
    grown: list[Growth] = field(default_factory=list)

    def start(self, profile: str | None = None) -> Replayed:
        profiles = load_profiles() if profile is None else [parse_profile(profile.encode(), "mine.toml")]
        urls = [f"http://127.0.0.1:{9101 + index}/metrics" for index in range(self.targets)]
        source = Replayed("workers", urls, windows=WINDOWS, profiles=profiles)
        assert isinstance(source, Recalls)
        assert isinstance(source, Counts)
        source.recall(self.past, self.tell)
        source.count_from(self.reached)
        self.told, self.grown = [], []
        return source

    def past(self, target: Target, now: float) -> Sequence[Look]:
        return [look for look in self.looks.get(target.id, ()) if look.at <= now]

    def tell(self, target: Target, look: Look) -> None:
        self.told.append((target.id, look))

    def poll(self, source: Replayed, now: float, *texts: str | None) -> Growth:
        source.texts = texts
        growth = growth_of(source.poll(now))
        self.grown.append(growth)
        return growth

    def commit(self) -> None:
        for growth in self.grown:
            grown: tuple[Mapping[object, float], ...] = (growth.runs, growth.tokens, growth.cost)  # type: ignore[assignment]
            for part in grown:
                for key, amount in part.items():
                    self.sums[key] += amount
            self.reached.update(growth.reaches)
        for target, look in self.told:
            self.looks[target] = [*self.looks.get(target, []), look][-self.keep :]
        self.told, self.grown = [], []


def growth_of(reading: Reading) -> Growth:
    assert reading.metrics is not None
    assert reading.metrics.growth is not None
    return reading.metrics.growth


def test_the_first_look_seeds_and_is_reached() -> None:
    store = Store()
    growth = store.poll(store.start(), 1000.0, f"{A_OK} 500")
    assert (growth.since, growth.runs, growth.tokens, growth.cost) == (1000.0, {}, {}, {})
    assert list(growth.reaches.values()) == [1000.0]


def test_growth_is_told_once_and_only_what_grew() -> None:
    store = Store()
    source = store.start()
    store.poll(source, 1000.0, f"{A_OK} 5")
    growth = store.poll(source, 1005.0, f"{A_OK} 7\n{A_BAD} 1")
    assert (growth.since, growth.runs) == (1000.0, {OK: 2.0, BAD: 1.0})
    assert store.poll(source, 1010.0, f"{A_OK} 7\n{A_BAD} 1").runs == {}
    assert store.poll(source, 1015.0, f"{A_OK} 7\n{A_BAD} 2").runs == {BAD: 1.0}


@pytest.mark.parametrize("gap", [7.0, 3600.0, 90_000.0])
def test_after_a_kill_everything_since_the_kept_look_is_told(gap: float) -> None:
    store = Store()
    source = store.start()
    store.poll(source, 1000.0, f"{A_OK} 5")
    store.commit()
    store.poll(source, 1005.0, f"{A_OK} 9")  # told, but nobody stored it
    growth = store.poll(store.start(), 1005.0 + gap, f"{A_OK} 12")
    assert (growth.since, growth.runs) == (1000.0, {OK: 7.0})


def test_a_worker_that_restarted_meanwhile_brings_all_of_its_new_value() -> None:
    store = Store()
    store.poll(store.start(), 1000.0, f"{A_OK} 50\n{A_BAD} 3\nprocess_start_time_seconds 10")
    store.commit()
    growth = store.poll(store.start(), 4600.0, f"{A_OK} 60\n{A_BAD} 1\nprocess_start_time_seconds 2000")
    assert growth.runs == {OK: 60.0, BAD: 1.0}, "one of them fell: the other has overtaken itself"


def test_without_the_very_look_nothing_is_told_twice() -> None:
    store = Store()
    source = store.start()
    for at, n in ((1000.0, 5), (1005.0, 9)):
        store.poll(source, at, f"{A_OK} {n}")
        store.commit()
    (target,) = store.reached
    del store.looks[target][-1]
    source = store.start()
    assert store.poll(source, 1010.0, f"{A_OK} 12").runs == {}
    assert store.poll(source, 1015.0, f"{A_OK} 13").runs == {OK: 1.0}


def test_a_silent_target_whose_look_is_lost_reaches_nothing() -> None:
    store = Store(targets=2)
    source = store.start()
    for at, n in ((1000.0, 5), (1005.0, 9)):
        store.poll(source, at, f"{A_OK} {n}", f"{A_OK} {n}")
        store.commit()
    for looks in store.looks.values():
        del looks[-1]
    source = store.start()
    assert list(store.poll(source, 1010.0, f"{A_OK} 9", None).reaches.values()) == [1010.0]
    assert store.poll(source, 1015.0, f"{A_OK} 9", f"{A_OK} 20").runs == {}
    assert store.poll(source, 1020.0, f"{A_OK} 9", f"{A_OK} 21").runs == {OK: 1.0}


def test_looks_of_others_after_the_reached_one_change_nothing() -> None:
    store = Store()
    store.poll(store.start(), 1000.0, f"{A_OK} 5")
    store.commit()
    (target,) = store.reached
    store.looks[target].append(Look(1003.0, f"{A_OK} 9".encode()))
    assert store.poll(store.start(), 1010.0, f"{A_OK} 12").runs == {OK: 7.0}


def test_a_target_that_was_silent_is_told_when_it_answers_again() -> None:
    store = Store(targets=2)
    source = store.start()
    store.poll(source, 1000.0, f"{A_OK} 5", f"{A_BAD} 1")
    store.commit()
    silent = store.poll(source, 1005.0, f"{A_OK} 6", None)
    assert (silent.runs, sorted(silent.reaches.values())) == ({OK: 1.0}, [1005.0])
    store.commit()
    growth = store.poll(store.start(), 1600.0, f"{A_OK} 6", f"{A_BAD} 4")
    assert (growth.since, growth.runs) == (1000.0, {BAD: 3.0})


def test_a_counter_that_was_away_at_the_kept_look_is_not_born_again() -> None:
    store = Store(keep=1)
    source = store.start()
    store.poll(source, 1000.0, f'{A_OK} 5000\nworkflow_executions_total{{workflow="b\\"\\\\",status="x"}} 7')
    store.poll(source, 1005.0, "process_start_time_seconds 3")
    store.commit()
    source = store.start()
    store.poll(source, 1010.0, "process_start_time_seconds 3")
    store.commit()
    growth = store.poll(
        store.start(), 1015.0, f'{A_OK} 5002\nworkflow_executions_total{{workflow="b\\"\\\\",status="x"}} 8'
    )
    assert growth.runs == {OK: 2.0, RunKey('b"\\', RunStatus.OTHER): 1.0}


def test_a_clock_that_was_set_back_between_two_lives_loses_nothing() -> None:
    store = Store()
    store.poll(store.start(), 50_000.0, f"{A_OK} 5")
    store.commit()
    source = store.start()
    growth = store.poll(source, 1000.0, f"{A_OK} 8")
    assert (growth.since, growth.runs, list(growth.reaches.values())) == (1000.0, {OK: 3.0}, [1000.0])
    store.commit()
    assert store.poll(store.start(), 1005.0, f"{A_OK} 9").runs == {OK: 1.0}


def test_a_poll_that_fails_as_a_whole_tells_later() -> None:
    store = Store()
    source = store.start()
    store.poll(source, 1000.0, f"{A_OK} 5")
    source.texts = [None]
    with pytest.raises(SourceError):
        source.poll(1005.0)
    growth = store.poll(source, 1010.0, f"{A_OK} 6")
    assert (growth.since, growth.runs) == (1000.0, {OK: 1.0})


def test_a_total_beside_its_parts_is_not_told_also_where_only_the_total_grew() -> None:
    store = Store()
    source = store.start()
    parts = 'token_usage_total{model="m",type="input"} %d\ntoken_usage_total{model="m",type="total"} %d\n'
    store.poll(source, 1000.0, parts % (5, 5))
    assert store.poll(source, 1005.0, parts % (5, 9)).tokens == {}
    key = TokenKey(None, None, "m", TokenKind.INPUT)
    assert store.poll(source, 1010.0, parts % (9, 9)).tokens == {key: 4.0}


def test_disjoint_parts_are_inside_their_whole() -> None:
    profile = """
schema = 1
name = "mine"
title = "mine"
detect = ["t"]
[labels]
kind = ["type"]
[tokens]
cached = "disjoint"
[signals]
tokens = [{ metric = "t", type = "counter" }]
"""
    store = Store()
    source = store.start(profile)
    text = 't{type="input"} %d\nt{type="cached"} %d\n'
    store.poll(source, 1000.0, text % (10, 100))
    grown = store.poll(source, 1005.0, text % (11, 150)).tokens
    assert {key.kind: n for key, n in grown.items()} == {TokenKind.INPUT: 51.0, TokenKind.CACHED: 50.0}


@dataclass
class Worker:
    """A process with counters. ``ledger`` holds all that it ever counted since it was first seen."""

    rng: random.Random
    number: int
    ledger: dict[object, float]
    life: int = 0
    values: dict[str, float] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.life += 1
        self.values = {}
        # Every restart is seen by one counter at least, which the life before had and this one has not.
        self._add("life", RunKey(f"life{self.life % 2}-{self.number}", RunStatus.SUCCESS), 3)

    def work(self) -> None:
        for _ in range(self.rng.randrange(6)):
            workflow = f"w{self.rng.randrange(6)}"
            status = self.rng.choice((RunStatus.SUCCESS, RunStatus.SUCCESS, RunStatus.ERROR))
            self._add("runs", RunKey(workflow, status), 1)
            self._add("tokens", TokenKey(workflow, None, "m", TokenKind.INPUT), self.rng.randrange(5000))
            self._add(
                "cost", CostKey(workflow, None, "m"), self.rng.random() * 10 ** self.rng.randrange(-4, 2)
            )

    def _add(self, what: str, key: RunKey | TokenKey | CostKey, amount: float) -> None:
        if isinstance(key, RunKey):
            line = f'workflow_executions_total{{workflow="{key.workflow}",status="{key.status.value}"}}'
        elif isinstance(key, TokenKey):
            line = f'token_usage_total{{workflow="{key.workflow}",model="m",type="input"}}'
        else:
            line = f'cost_usd_total{{workflow="{key.workflow}",model="m"}}'
        self.values[line] = self.values.get(line, 0.0) + amount
        self.ledger[key] += amount

    def text(self) -> str:
        """Now and then some counters are missing, though they go on counting."""
        if self.rng.random() < 0.2:
            self.hidden = {line for line in self.values if "life" not in line and self.rng.random() < 0.3}
        elif self.rng.random() < 0.5:
            self.hidden = set()
        return self._said()

    def whole(self) -> str:
        self.hidden = set()
        return self._said()

    def _said(self) -> str:
        lines = [f"{line} {value!r}" for line, value in self.values.items() if line not in self.hidden]
        return "\n".join([*lines, f"process_start_time_seconds {1000 * self.life}"])


def merged(ledgers: Sequence[Mapping[object, float]]) -> dict[object, float]:
    merged: dict[object, float] = defaultdict(float)
    for ledger in ledgers:
        for key, amount in ledger.items():
            merged[key] += amount
    return merged


@pytest.mark.parametrize("seed", range(12))
def test_sums_over_many_lives_equal_the_ledger(seed: int) -> None:
    """Several targets; resets, births, blinking counters, failures, kills, gaps of hours (seeded)."""
    rng = random.Random(seed)
    store = Store(targets=3, keep=rng.choice((1, 2, 30)))
    workers = [Worker(rng, number, defaultdict(float)) for number in range(3)]
    source, now, kills = store.start(), 1_000_000.0, 0
    store.poll(source, now, *(worker.text() for worker in workers))
    store.commit()
    seen_before = [dict(worker.ledger) for worker in workers]
    for _ in range(400):
        now += rng.choice((5.0, 5.0, 5.0, 60.0))
        for worker in workers:
            worker.work()
        if rng.random() < 0.1:
            kills += 1
            now += rng.choice((1.0, 30.0, 3600.0, 7200.0))
            source = store.start()
        answers = [None if rng.random() < 0.15 else worker.text() for worker in workers]
        if any(answers):
            store.poll(source, now, *answers)
        if rng.random() < 0.5:
            store.commit()
            restart_some(workers, answers, rng)
    store.poll(source, now + 5.0, *(worker.whole() for worker in workers))
    store.commit()
    assert kills > 15
    assert max(worker.life for worker in workers) > 5
    hold_against(store, merged([worker.ledger for worker in workers]), merged(seen_before))


def restart_some(workers: Sequence[Worker], answers: Sequence[str | None], rng: random.Random) -> None:
    """What is counted between the last stored look and a restart nobody can know, so it is nothing here."""
    for worker, answer in zip(workers, answers, strict=True):
        if answer is not None and not worker.hidden and rng.random() < 0.15:
            worker.restart()


def hold_against(store: Store, ledger: dict[object, float], before: dict[object, float]) -> None:
    for key, amount in ledger.items():
        wanted = amount - before.get(key, 0.0)
        if isinstance(key, CostKey):
            assert store.sums[key] == pytest.approx(wanted, rel=1e-9), key
        else:
            assert store.sums[key] == wanted, key
    assert not store.sums.keys() - ledger.keys()


seen = st.dictionaries(st.sampled_from("abc"), st.integers(0, 20).map(float), max_size=3)


@given(st.lists(st.tuples(seen, st.booleans(), st.booleans()), min_size=1, max_size=30))
@settings(max_examples=300, deadline=None)
def test_steps_add_up_to_the_growth_whenever_they_are_taken(
    looks: list[tuple[dict[str, float], bool, bool]],
) -> None:
    """Taken after some looks only, over resets, births, restarts and what vanishes and comes back."""
    history: CounterHistory[str] = CounterHistory(1e9)
    told: dict[str, float] = defaultdict(float)
    now = 0.0
    for values, restarted, take in looks:
        now += 5.0
        history.observe(now, values, restarted=restarted)
        for key, step in history.take_growth() if take else ():
            assert step > 0
            told[key] += step
    for key, step in history.take_growth():
        told[key] += step
    assert history.take_growth() == []
    whole = {key: track.growth([-1.0])[0] for key, track in history.tracks.items()}
    assert {key: n for key, n in whole.items() if n} == dict(told)


@given(st.lists(seen, min_size=2, max_size=20), st.integers(0, 18))
@settings(max_examples=300, deadline=None)
def test_a_history_that_goes_on_from_one_look_tells_what_the_first_would_have(
    looks: list[dict[str, float]], cut: int
) -> None:
    """Given its last values and what had vanished; a counter that had been away keeps its place."""
    cut = 1 + cut % (len(looks) - 1)
    live: CounterHistory[str] = CounterHistory(1e9)
    for index, values in enumerate(looks[:cut]):
        live.observe(5.0 * index, values)
    live.take_growth()
    later: CounterHistory[str] = CounterHistory(1e9)
    later.observe(5.0 * cut, looks[cut - 1])
    later.recall_vanished(5.0 * cut, live.vanished(100))
    later.take_growth()
    for index, values in enumerate(looks[cut:]):
        at = 5.0 * (cut + 1 + index)
        live.observe(at, values)
        later.observe(at, values)
        assert dict(live.take_growth()) == dict(later.take_growth())


def test_what_is_recalled_is_bounded_and_never_without_the_last_look() -> None:
    store = Store(keep=1000)
    source = store.start()
    padding = "\n".join(f'workflow_executions_total{{workflow="w{i}",status="error"}} 1' for i in range(200))
    for n in range(100):
        store.poll(source, 1000.0 + 5 * n, f"{A_OK} {n}\n{padding}")
    store.commit()
    (looks,) = store.looks.values()
    taken = store.start()
    taken.texts = [f"{A_OK} 110\n{padding}"]
    growth = growth_of(taken.poll(1000.0 + 5 * 100))
    assert growth.runs == {OK: 11.0}
    size = sum(len(look.lines) for look in looks)
    recalled = taken._targets[0]._runs.looks - 1
    assert size > 2 * RECALL_BYTES
    assert 1 < recalled <= RECALL_BYTES // len(looks[0].lines)
    huge = "\n".join(f'workflow_executions_total{{workflow="w{i}",status="error"}} 1' for i in range(9000))
    store = Store(keep=1000)
    source = store.start()
    for n in range(3):
        store.poll(source, 1000.0 + 5 * n, f"{A_OK} {n}\n{huge}")
    store.commit()
    taken = store.start()
    assert store.poll(taken, 1015.0, f"{A_OK} 9\n{huge}").runs == {OK: 7.0}
    assert taken._targets[0]._runs.looks == 2
