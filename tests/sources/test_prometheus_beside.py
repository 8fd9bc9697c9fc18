"""What a Prometheus is asked beside the polls, with servers that are slow, broken or no Prometheus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.test_prometheus_hostile import CLOCK, FakePrometheus, row, source
from support import hostile_http
from support.hostile_http import serving
from support.waiting import wait_until
from wfmon.model.history import ChangeKind
from wfmon.model.source import Failure
from wfmon.sources.base import Reading, SourceError
from wfmon.sources.profile import load_profiles
from wfmon.sources.prometheus import PrometheusSource
from wfmon.sources.prometheus_api import Line, PrometheusApi, Row
from wfmon.sources.prometheus_changes import ChangesErrand
from wfmon.sources.prometheus_errands import Errands, Known
from wfmon.sources.prometheus_fit import Fitting, Scope
from wfmon.sources.prometheus_growth import HOUR
from wfmon.sources.prometheus_hours import (
    FIRST_PIECE,
    GIVE_UP_SECONDS,
    RETRY_SECONDS,
    HoursErrand,
    HoursWanted,
)
from wfmon.sources.prometheus_kept import KeptErrand, Setting, parse_retention


def scope_of(*names: str) -> Scope:
    """The seed's profile with these of its metrics."""
    (seed,) = [profile for profile in load_profiles() if profile.name == "seed"]
    jobs = frozenset({"w"})
    return Scope((Fitting(seed, frozenset(names), jobs, known_since=1.0),), jobs)


SCOPE = scope_of("workflow_executions_total")
NOON = 1_800_003_600.0  # a whole hour
MIB = 1024 * 1024


class FakeApi(PrometheusApi):
    """Answers without a network: ``vector`` an instant query, ``lines`` a range, ``info`` the status."""

    def __init__(
        self,
        vector: Callable[[str], Sequence[Row]] = lambda query: (),
        lines: Callable[[str, float, float], Sequence[Line]] = lambda query, begin, end: (),
        info: dict[str, object] | SourceError | None = None,
    ) -> None:
        super().__init__("http://127.0.0.1:9", max_bytes=1)
        self.vector, self.lines, self.info = vector, lines, info
        self.asked: list[str] = []

    def instant(self, query: str, at: float | None = None) -> list[Row]:
        self.asked.append(query)
        return list(self.vector(query))

    def over(self, query: str, begin: float, end: float, step: float) -> list[Line]:
        self.asked.append(query)
        return list(self.lines(query, begin, end))

    def status(self, what: str) -> dict[str, object]:
        if isinstance(self.info, SourceError):
            raise self.info
        return self.info or {}


def known(clock: float = NOON + 600.0) -> Known:
    return Known(SCOPE, clock)


# --- what it keeps


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("15d", Setting(15 * 86400.0)),
        ("1y", Setting(365 * 86400.0)),
        ("2w", Setting(14 * 86400.0)),
        ("1d12h30m5s", Setting(131405.0)),
        ("500ms", Setting(0.5)),
        ("512MiB", Setting(None, 512 * MIB)),
        ("1.5GiB", Setting(None, 1536 * MIB)),
        ("10GB", Setting(None, 10_000_000_000)),
        ("15d or 512MiB", Setting(15 * 86400.0, 512 * MIB)),
    ],
)
def test_retention_settings(text: str, setting: Setting) -> None:
    assert parse_retention(text) == setting


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15",
        "d",
        "15d or",
        "15d or 15d",
        "512MiB or 15d",
        "15d or 80%",
        "-1d",
        "1h1d",
        "15 d",
        "١d",
        "MiB",
    ],
)
def test_forms_that_are_not_known_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a retention setting"):
        parse_retention(text)


@given(st.text(max_size=20))
def test_any_other_text_is_refused_or_positive(text: str) -> None:
    try:
        setting = parse_retention(text)
    except ValueError:
        return
    assert (setting.seconds or 1) > 0
    assert (setting.bytes or 1) > 0


@pytest.mark.parametrize("failure", [Failure.NOT_FOUND, Failure.NOT_JSON, Failure.HTTP, Failure.AUTH])
def test_where_it_is_no_prometheus_the_setting_is_unknown_and_no_error(failure: Failure) -> None:
    errand = KeptErrand("prom")
    points = Line({}, ((NOON - 7000.0, 3.0), (NOON, 3.0)))
    errand.ask(FakeApi(lines=lambda *_: [points], info=SourceError(failure, "no")), known(), 0.0)
    (kept,) = errand.kept
    assert (kept.limit_seconds, kept.limit_bytes, kept.problem) == (None, None, None)
    assert kept.oldest_at == NOON - 7000.0
    assert not errand.due(known(), 599.0)
    assert errand.due(known(), 600.0)


def test_a_form_that_is_not_known_is_told() -> None:
    errand = KeptErrand("prom")
    errand.ask(FakeApi(info={"storageRetention": "15d or 80% \x1b[31m"}), known(), 0.0)
    (kept,) = errand.kept
    assert kept.limit_seconds is None
    assert kept.problem is not None
    assert "15d or 80%" in kept.problem
    assert "\x1b" not in kept.problem


@pytest.mark.parametrize(
    ("rows", "oldest"), [([5000.0], 5000.0), ([5000.0, 6000.0], None), ([NOON * 2], None), ([0.0], None)]
)
def test_its_own_metric_counts_where_there_is_one_of_it(rows: list[float], oldest: float | None) -> None:
    def vector(query: str) -> list[Row]:
        return [Row({}, NOON, value) for value in rows] if "lowest_timestamp" in query else []

    errand = KeptErrand("prom")
    errand.ask(FakeApi(vector, info={"startTime": "2027-01-15T07:59:58.123Z"}), known(), 0.0)
    assert errand.kept[0].oldest_at == oldest


def test_what_was_known_stays_when_the_server_goes_away() -> None:
    errand = KeptErrand("prom")
    errand.ask(FakeApi(info={"storageRetention": "15d"}), known(), 0.0)
    with pytest.raises(SourceError):
        errand.ask(FakeApi(info=SourceError(Failure.TIMEOUT, "slow")), known(), 600.0)
    errand.failed(SourceError(Failure.TIMEOUT, "slow"), 620.0)
    assert errand.kept[0].limit_seconds == 15 * 86400.0
    assert not errand.due(known(), 700.0)


# --- hours


def hours_errand(have: Sequence[float] = (), days: float = 15.0) -> HoursErrand:
    return HoursErrand("prom", HoursWanted(have, days * 86400.0), lambda: 0.0)


def asked_hours(errand: HoursErrand, steady: float = 0.0, clock: float = NOON + 600.0) -> list[float]:
    return list(errand._next(clock, steady))


def test_the_newest_missing_hours_come_first_and_none_that_is_not_over() -> None:
    errand = hours_errand()
    assert asked_hours(errand) == [NOON - HOUR * n for n in range(FIRST_PIECE, 0, -1)]
    assert asked_hours(errand, clock=NOON + 60.0)[-1] == NOON - 2 * HOUR, "its last scrape may still come"
    gap = hours_errand([NOON - HOUR, NOON - 4 * HOUR], days=0.5)
    assert asked_hours(gap) == [NOON - 3 * HOUR, NOON - 2 * HOUR]
    gap.ask(FakeApi(), known(), 0.0)
    assert asked_hours(gap) == [NOON - n * HOUR for n in range(10, 4, -1)]
    while asked_hours(gap):
        gap.ask(FakeApi(), known(), 0.0)
    assert not gap.due(known(), 0.0)
    assert asked_hours(gap, clock=NOON + HOUR + 121.0) == [NOON], "each hour follows when it is over"


def test_a_question_that_is_too_much_becomes_smaller_then_less_exact_then_waits() -> None:
    errand = hours_errand(days=1.0)
    slow = SourceError(Failure.TIMEOUT, "slow")

    def refuse(query: str, begin: float, end: float) -> Sequence[Line]:
        if "max_over_time" in query and "count(" in query:
            return [Line({}, tuple((begin + 300.0 * n, 1.0) for n in range(12)))]
        raise slow

    sizes = []
    queries: list[list[str]] = []
    for _ in range(5):
        api = FakeApi(lines=refuse)
        sizes.append(len(asked_hours(errand)))
        with pytest.raises(SourceError):
            errand.ask(api, known(), 0.0)
        errand.failed(slow, 0.0)
        queries.append(api.asked)
    assert sizes == [6, 3, 1, 1, 1]
    assert "unless on (job, instance)" not in queries[3][-1], "the server extrapolates"
    assert asked_hours(errand) == [NOON - 2 * HOUR]
    assert asked_hours(errand, steady=GIVE_UP_SECONDS + 1.0) == [NOON - HOUR], "later once more"


def test_a_server_that_went_away_is_left_alone_for_a_while() -> None:
    errand = hours_errand()
    errand.failed(SourceError(Failure.REFUSED, "gone"), 100.0)
    assert not errand.due(known(), 100.0 + RETRY_SECONDS - 1)
    assert errand.due(known(), 100.0 + RETRY_SECONDS)
    assert len(asked_hours(errand)) == FIRST_PIECE


def test_hours_without_any_sample_are_not_vouched_for_and_not_asked_for_again() -> None:
    errand = hours_errand(days=0.2)
    api = FakeApi()
    errand.ask(api, known(), 0.0)
    learned = errand.take()
    assert (learned.sums, learned.watched) == ((), ())
    assert not asked_hours(errand)
    assert len(api.asked) == 2, "whether it was up, and whether there was anything"


# --- changes


def test_restarts_and_versions_of_targets() -> None:
    start = [500.0]
    version = ["1.4.0"]

    def vector(query: str) -> list[Row]:
        target = {"job": "w", "instance": "10.0.0.3:9101"}
        build = {"__name__": "app_build_info", "version": version[0], **target}
        return [Row(target, NOON, start[0]), Row(build, NOON, 1.0)]

    errand, api = ChangesErrand(), FakeApi(vector)
    errand.ask(api, known(NOON), 0.0)
    assert errand.take() == ()
    start[0], version[0] = NOON + 60.0, "1.5.0"
    errand.ask(api, known(NOON + 120.0), 120.0)
    restart, upgrade = errand.take()
    assert (restart.at, restart.kind, restart.subject) == (NOON + 60.0, ChangeKind.RESTART, "w 10.0.0.3:9101")
    assert (upgrade.kind, upgrade.text) == (ChangeKind.VERSION, "app 1.4.0 → 1.5.0 (10.0.0.3:9101)")
    assert errand.take() == ()
    assert not errand.due(known(), 200.0)


# --- beside


def polled(prom: PrometheusSource, enough: Callable[[Reading], object]) -> Reading:
    found = wait_until(lambda: r if enough(r := prom.poll(1000.0)) else None)
    assert found is not None
    return found


def test_a_question_that_hangs_delays_no_poll() -> None:
    never = threading.Event()

    def answer(query: str) -> bytes | None:
        if "_info" in query or "count(" in query:
            never.wait(30.0)
        return None

    with serving(FakePrometheus(answer)) as server:
        prom = source(server.url, timeout=5.0)
        prom.backfill(frozenset(), 86400.0)
        began = time.monotonic()
        for _ in range(5):
            assert prom.poll(1000.0).partial is None
        assert time.monotonic() - began < 15.0
        prom.close()
        never.set()


def test_only_the_second_poll_asks_for_more() -> None:
    def answer(query: str) -> bytes | None:
        if "count(up)" in query:
            rows = [{"metric": {}, "values": [[CLOCK - 5000, "1"]]}]
            return hostile_http.prometheus_answer("matrix", rows)
        return None

    fake = FakePrometheus(answer)
    with serving(fake) as server:
        prom = source(server.url)
        prom.poll(1000.0)
        assert not [query for query in fake.queries if "count(up)" in query]
        reading = polled(prom, lambda reading: reading.kept)
        prom.close()
    assert reading.kept[0].oldest_at == CLOCK - 5000
    assert reading.kept[0].problem is None
    assert reading.partial is None


def test_an_error_of_ours_is_not_swallowed() -> None:
    class Broken:
        seconds = 1.0

        def due(self, known: Known, steady: float) -> bool:
            return True

        def ask(self, api: PrometheusApi, known: Known, steady: float) -> None:
            raise ZeroDivisionError

        def failed(self, error: SourceError, steady: float) -> None: ...

    errands = Errands(FakeApi(), [Broken()], time.monotonic)

    def raised() -> bool:
        try:
            errands.run_due(known())
        except ZeroDivisionError:
            return True
        return False

    wait_until(raised)
    errands.close()


def test_rows_that_make_no_sense_do_no_harm() -> None:
    def answer(query: str) -> bytes | None:
        if "_info" in query:
            return hostile_http.prometheus_answer("vector", [row("NaN"), row("+Inf", job="\x1b[31m")])
        return None

    with serving(FakePrometheus(answer)) as server:
        prom = source(server.url)
        reading = polled(prom, lambda reading: reading.kept)
        prom.close()
    assert reading.changes == ()


def test_a_workflow_without_a_series_of_cost_is_not_known_to_have_cost_nothing() -> None:
    """``mail`` only counts runs; the cost of ``idle`` is there and does not grow."""
    series = {
        "workflow_executions_total": [
            {"workflow": name, "status": "success"} for name in ("llm", "mail", "idle")
        ],
        "cost_usd_total": [
            {"workflow": "llm", "model": "m", "provider": "p"},
            {"workflow": "idle", "model": "m", "provider": "p"},
        ],
        "token_usage_total": [{"workflow": "llm", "model": "only-tokens", "type": "input"}],
    }

    def lines(query: str, begin: float, end: float) -> Sequence[Line]:
        times = [begin + HOUR * n for n in range(int((end - begin) / HOUR) + 1)]
        if query.startswith("count(max_over_time(up{"):
            return [Line({}, tuple((at, 1.0) for at in times))]
        if query.startswith("group"):
            return []  # no target was restarted
        name = min((each for each in series if each in query), key=query.index)
        still = {"idle"} if name.startswith("cost") else set()
        return [
            Line(labels, tuple((at, 0.0 if labels["workflow"] in still else 2.0) for at in times))
            for labels in series[name]
        ]

    scope = scope_of(*series)
    errand = hours_errand()
    errand.ask(FakeApi(lines=lines), Known(scope, NOON + 600.0), 0.0)
    told = {row.subject: row for row in errand.take().sums if row.at == NOON - HOUR}
    figures = {name: (row.runs, row.tokens, row.cost_usd) for name, row in told.items()}
    assert figures == {
        "llm": (2.0, 2.0, 2.0),
        "mail": (2.0, None, None),
        "idle": (2.0, None, 0.0),
        "p/m": (None, None, 2.0),
        "/only-tokens": (None, 2.0, None),
    }
