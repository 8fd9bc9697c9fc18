"""Counter growth against a slow and obvious oracle, and the cases that the design names."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wfmon.sources.counters import KEEP_ALL_SECONDS, LOOKBACK_SECONDS, RESOLUTION, CounterHistory
from wfmon.sources.histogram import histogram_quantile

WINDOWS = (60.0, 300.0, 600.0, 3600.0)


@dataclass
class Oracle:
    """Keeps every growth step with its time and sums up those inside the window."""

    looks: list[float] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)
    steps: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def observe(self, now: float, values: dict[str, float]) -> None:
        for name, value in values.items():
            if math.isnan(value):
                self.last.setdefault(name, math.nan)
                continue
            steps = self.steps.setdefault(name, [])
            before = self.last.get(name)
            if before is None:
                if self.looks:
                    steps.append((now, value))
            elif not math.isnan(before):
                steps.append((now, value - before if value >= before else value))
            self.last[name] = value
        self.looks.append(now)

    def base(self, now: float, seconds: float) -> float:
        wanted = now - seconds
        before = [at for at in self.looks if at <= wanted]
        if before and wanted - before[-1] <= LOOKBACK_SECONDS:
            return wanted
        return next((at for at in self.looks if at >= wanted), self.looks[-1])

    def growth(self, name: str, base: float) -> float:
        return sum(step for at, step in self.steps.get(name, []) if at > base)


values = st.one_of(st.integers(0, 50).map(float), st.just(math.nan))
look = st.tuples(
    st.sampled_from([1.0, 5.0, 5.0, 5.0, 30.0, 200.0, 400.0]),
    st.dictionaries(st.sampled_from("abc"), values, max_size=3),
)


@given(st.lists(look, min_size=1, max_size=40))
@settings(max_examples=300, deadline=None)
def test_growth_equals_the_oracle(looks: list[tuple[float, dict[str, float]]]) -> None:
    history: CounterHistory[str] = CounterHistory(3600.0, remember=1e9)
    oracle = Oracle()
    now = 1000.0
    for seconds, seen in looks:
        now += seconds
        history.observe(now, seen)
        oracle.observe(now, seen)
        bases = [history.span(now, window).base for window in WINDOWS]
        assert bases == [oracle.base(now, window) for window in WINDOWS]
        for name, track in history.tracks.items():
            assert track.growth(bases) == [oracle.growth(name, base) for base in bases], name


@pytest.mark.parametrize("seed", range(6))
def test_a_long_simulation_stays_exact_in_short_windows_and_close_in_long_ones(seed: int) -> None:
    """Hours at 5 s with restarts, gaps, births and vanishing series (seeded)."""
    rng = random.Random(seed)
    history: CounterHistory[str] = CounterHistory(21600.0)
    oracle = Oracle()
    counters: dict[str, float] = {"steady": 0.0}
    now = 0.0
    for step in range(3000):
        now += 5.0
        if rng.random() < 0.002:
            counters = {name: 0.0 for name in counters if rng.random() < 0.5}  # a restart
        if rng.random() < 0.01:
            counters.setdefault(f"wf{rng.randrange(20)}", float(rng.randrange(3)))
        for name in counters:
            counters[name] += rng.choice((0, 0, 1, 3))
        if rng.random() < 0.02 or 1000 < step < 1040:
            continue  # the target did not answer
        history.observe(now, counters)
        oracle.observe(now, dict(counters))
        if step % 31:
            continue
        for window in (60.0, 300.0, 600.0, 1800.0, 21600.0):
            base = history.span(now, window).base
            for name, track in history.tracks.items():
                got = track.growth([base])[0]
                exact = oracle.growth(name, base)
                if now - base <= KEEP_ALL_SECONDS:
                    assert got == exact
                else:
                    assert exact <= got <= oracle.growth(name, base - (now - base) / RESOLUTION - 10.0)
    points = max(len(track.times) for track in history.tracks.values())
    assert points < 450, "what long windows ask for is thinned"


def delta(history: CounterHistory[str], now: float, name: str = "c", window: float = 300.0) -> float:
    return history.tracks[name].growth([history.span(now, window).base])[0]


def test_the_first_look_only_seeds() -> None:
    history: CounterHistory[str] = CounterHistory(300.0)
    history.observe(1000.0, {"c": 500.0})
    assert delta(history, 1000.0) == 0.0
    assert history.span(1000.0, 300.0).covered == 0.0
    assert history.looks == 1


def test_the_first_failure_counts() -> None:
    history: CounterHistory[str] = CounterHistory(300.0)
    history.observe(1000.0, {})
    history.observe(1005.0, {"c": 1.0})
    assert delta(history, 1005.0) == 1.0
    assert delta(history, 1305.0) == 0.0, "and leaves the window with its time"


def test_a_restart_is_a_reset_and_what_vanished_keeps_its_growth() -> None:
    history: CounterHistory[str] = CounterHistory(300.0)
    history.observe(1000.0, {"c": 50.0, "d": 7.0})
    history.observe(1005.0, {"c": 51.0, "d": 9.0})
    history.observe(1010.0, {"c": 1.0})  # restarted: d has had no event yet
    assert (delta(history, 1010.0), delta(history, 1010.0, "d")) == (2.0, 2.0)
    history.observe(1015.0, {"c": 1.0, "d": 1.0})
    assert delta(history, 1015.0, "d") == 3.0


def test_a_series_that_blinks_is_not_born_again() -> None:
    history: CounterHistory[str] = CounterHistory(300.0, remember=3600.0)
    history.observe(0.0, {"c": 5000.0})
    for look in range(1, 200):  # constant for much longer than the window, then gone for one look
        history.observe(5.0 * look, {"c": 5000.0} if look != 150 else {})
        assert delta(history, 5.0 * look) == 0.0


def test_a_known_restart_counts_counters_that_have_overtaken_themselves() -> None:
    history: CounterHistory[str] = CounterHistory(300.0)
    history.observe(1000.0, {"c": 5.0, "d": 5.0, "e": 5.0})
    history.observe(1005.0, {"c": 7.0, "d": 5.0}, restarted=True)
    history.observe(1010.0, {"c": 7.0, "d": 5.0, "e": 6.0})
    assert [delta(history, 1010.0, name) for name in "cde"] == [7.0, 5.0, 6.0]


def test_growth_of_an_outage_belongs_to_the_time_it_was_seen() -> None:
    history: CounterHistory[str] = CounterHistory(3600.0)
    history.observe(1000.0, {"c": 10.0})
    history.observe(1005.0, {"c": 11.0})
    history.observe(1125.0, {"c": 20.0, "new": 4.0})
    assert (delta(history, 1125.0), delta(history, 1125.0, "new")) == (10.0, 4.0)
    assert history.span(1125.0, 60.0).covered == 120.0, "and makes no rate of a minute of it"


def test_after_a_long_outage_a_short_window_begins_anew() -> None:
    history: CounterHistory[str] = CounterHistory(7200.0)
    history.observe(1000.0, {"c": 10.0})
    history.observe(2000.0, {"c": 90.0})
    assert history.span(2000.0, 300.0).covered == 0.0, "nobody looked within 5 min of the window's begin"
    assert delta(history, 2000.0) == 0.0
    assert delta(history, 2000.0, window=1000.0) == 80.0
    assert history.span(2000.0, 1000.0).covered == 1000.0


def test_coverage_ends_where_the_looks_end() -> None:
    history: CounterHistory[str] = CounterHistory(300.0)
    for at in range(0, 601, 5):
        history.observe(float(at), {"c": float(at)})
    assert history.span(600.0, 300.0).covered == 300.0
    assert history.span(700.0, 300.0).covered == 200.0


def test_a_clock_set_back_loses_nothing() -> None:
    history: CounterHistory[str] = CounterHistory(300.0)
    for look in range(20):
        history.observe(100_000.0 + 5 * look, {"c": float(look)})
    history.observe(50_000.0, {"c": 20.0})
    assert delta(history, 50_000.0) == 20.0
    history.observe(50_005.0, {"c": 21.0})
    assert delta(history, 50_005.0) == 21.0


def test_money_keeps_the_precision_of_its_counter() -> None:
    history: CounterHistory[str] = CounterHistory(21600.0)
    total, resets = 0.0, 0.0
    history.observe(0.0, {"c": 0.0})
    for look in range(1, 4000):
        total += 0.1
        if look == 2000:
            resets, total = total - 0.1, 0.1
        history.observe(5.0 * look, {"c": total})
    assert delta(history, 5.0 * 3999, window=21600.0) == pytest.approx(resets + total, rel=1e-12)


def test_vanished_series_do_not_pile_up() -> None:
    history: CounterHistory[str] = CounterHistory(300.0, remember=600.0, max_tracks=50)
    for look in range(400):
        history.observe(5.0 * look, {f"run-{look}": 1.0, "c": 1.0})
        assert len(history.tracks) <= 52
    assert "c" in history.tracks


def test_not_a_number_is_not_a_value() -> None:
    history: CounterHistory[str] = CounterHistory(300.0)
    history.observe(0.0, {"c": math.nan, "d": 3.0})
    history.observe(5.0, {"c": 500.0, "d": math.inf})
    history.observe(10.0, {"c": 501.0, "d": 4.0})
    assert (delta(history, 10.0), delta(history, 10.0, "d")) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("q", "buckets", "expected"),
    [
        (0.5, [(0.1, 0), (1, 4), (10, 8), (math.inf, 8)], 1.0),
        (0.95, [(0.1, 0), (1, 4), (10, 8), (math.inf, 8)], 1 + 9 * (7.6 - 4) / 4),
        (0.95, [(1, 1), (math.inf, 10)], 1.0),  # in the open bucket: its lower bound
        (0.5, [(1, 10), (2, 10), (math.inf, 10)], 0.5),  # the first bucket begins at 0
        (0.5, [(-1, 10), (math.inf, 10)], -1.0),
        (0.5, [(1, 5), (2, 4), (math.inf, 10)], 1.0),  # a count that fell is raised
        (0.5, [(1, 0), (math.inf, 0)], None),  # no observation
        (0.5, [(1, 5), (2, 10)], None),  # no +Inf bucket
        (0.5, [(math.inf, 10)], None),
        (0.5, [], None),
    ],
)
def test_quantiles(q: float, buckets: list[tuple[float, float]], expected: float | None) -> None:
    got = histogram_quantile(q, buckets)
    assert got == (pytest.approx(expected, rel=1e-15) if expected is not None else None)


def test_what_vanished_is_forgotten_also_while_nothing_changes() -> None:
    history: CounterHistory[str] = CounterHistory(300.0)
    history.observe(0.0, {"a": 1.0, "b": 1.0})
    history.observe(30.0, {"a": 1.0})
    for look in range(2, 12):
        history.observe(30.0 * look, {"a": 1.0}, changed={})
        assert "b" in history.tracks
    history.observe(331.0, {"a": 1.0}, changed={})
    assert "b" not in history.tracks
    assert history.forgotten == 1
