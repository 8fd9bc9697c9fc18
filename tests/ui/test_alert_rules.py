"""The alert of each rule on its screen: value against threshold, what is usual, its course, what belongs
to it; at both sizes that are promised."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from support.payloads import PAYLOADS
from support.screen import FakeMemory, Stage
from support.snapshots import GIB, NOW, incident
from wfmon.model.alert import Ack, Alert, AlertState, ForeignRef, Labels, Note, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.history import Kind
from wfmon.model.past import Series, SeriesRequest
from wfmon.model.ruleinfo import RuleInfo
from wfmon.model.run import Run, RunStatus, Usage
from wfmon.model.snapshot import Snapshot
from wfmon.text.sanitize import safe
from wfmon.ui.course import HOUR, course_of, elapsed
from wfmon.ui.views.alert import AlertView

ID = "e" * 12
SIZES = [(80, 24), (120, 40)]


def alert(rule: str, labels: Labels, summary: str, **fields: object) -> Alert:
    made = Alert(ID, rule, labels, Severity.WARNING, AlertState.FIRING, summary, NOW - 600, False)
    return replace(made, **fields)  # type: ignore[arg-type]


def of(workflow: str, rule: str, summary: str, **fields: object) -> Alert:
    return alert(rule, (("workflow", workflow),), summary, workflow=workflow, **fields)


def running(name: str, began: float, **fields: object) -> Run:
    made = Run(name, "research_agent", RunStatus.RUNNING, started_at=NOW - began, source="app logs")
    return replace(made, **fields)  # type: ignore[arg-type]


def world(one: Alert, *runs: Run, info: RuleInfo | None = None) -> Snapshot:
    rules = (info,) if info is not None else ()
    base = incident()
    return replace(base, alerts=(one,), runs=(*runs, *base.runs), rules=rules)


class Kept(FakeMemory):
    """A series that rises in its last third."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    async def series(self, request: SeriesRequest) -> Series:
        self.series_asked.append(request)
        rise = request.points * 2 // 3
        values = [self.low if n < rise else self.high for n in range(request.points)]
        return Series(request.begin, request.end, tuple(values))


async def shown(
    snapshot: Snapshot, memory: FakeMemory | None = None, size: tuple[int, int] = (80, 24)
) -> list[str]:
    stage = Stage(snapshot, size=size)
    if memory is not None:
        stage.doors.memory = memory
    stage.shell.open(AlertView(ID))
    for _ in range(20):
        await asyncio.sleep(0)
    return stage.lines()


def axis(lines: list[str]) -> str:
    """The row of clocks above the course."""
    return next(row for row in lines if "13:38" in row)


@pytest.mark.parametrize("size", SIZES)
async def test_cost_spike(size: tuple[int, int]) -> None:
    one = of(
        "research_agent", "cost_spike", "$4.20 in the last hour, usually $1.20 (3.5x)", value=4.2,
        threshold=3.1, unit="usd", window_seconds=HOUR, contributors=("gpt-x $3.90", "claude-y $0.30"),
    )  # fmt: skip
    info = RuleInfo("cost_spike", "last hour against the same hour of other days", "config.toml:12 alerts")
    memory = Kept(1.0, 4.2)
    lines = await shown(world(one, info=info), memory, size)
    assert lines[0].startswith("▲ cost_spike · research_agent")
    assert lines[0].endswith("warning, firing for 10m · ↯0")
    assert lines[1].startswith("rule     last hour against the same hour of other days")
    assert "config.toml:12 alerts" in lines[1] + lines[2]
    text = "\n".join(lines)
    assert "now      $4.20 > $3.10  $4.20 in the last hour" in text
    assert "usual $1.20/h at this hour" in text or size[0] < 100
    assert "from     gpt-x $3.90 · claude-y $0.30" in text
    assert "13:53" in axis(lines)
    assert "┆" in axis(lines)
    assert any(row.startswith("  $3.10  ") and row.endswith(" threshold") for row in lines)
    request = memory.series_asked[0]
    assert (request.kind, request.subject, request.column) == (
        Kind.WORKFLOW, "research_agent", "cost_per_hour",
    )  # fmt: skip
    assert request.begin < one.since - 900 - 0.9 * HOUR, "an hour more, for the first mean of an hour"


def test_the_course_of_a_spike_is_the_mean_of_the_hour_before() -> None:
    course = course_of(of("w", "cost_spike", "", threshold=3.0, unit="usd"), None)
    assert course is not None
    begin, end = NOW - 2 * HOUR, NOW
    request = course.request(begin, end, 120)
    assert (request.points, request.begin) == (180, begin - HOUR)
    rising = tuple(0.0 if n < 120 else 6.0 for n in range(180))
    drawn = course.drawn(begin, Series(request.begin, request.end, rising))
    assert (drawn.begin, len(drawn.values)) == (begin, 120)
    assert drawn.values[59] == 0.0
    assert drawn.values[-1] == pytest.approx(6.0)
    assert drawn.values[89] == pytest.approx(3.0), "half of its hour"
    holes = tuple(None if n % 3 else 6.0 for n in range(180))
    assert set(course.drawn(begin, Series(request.begin, end, holes)).values) == {None}
    cap = course_of(of("w", "cost_spike", "", severity=Severity.CRITICAL, unit="usd"), None)
    assert cap is not None
    assert cap.before == 0.0, "a pace is held against a cap as it is"


@pytest.mark.parametrize("size", SIZES)
async def test_memory(size: tuple[int, int]) -> None:
    one = alert("memory", (("resource", "memory"),), "memory 93% used", value=0.93, threshold=0.9)
    total = int(31.3 * GIB)
    lines = await shown(world(one), Kept(total * 0.5, total * 0.07), size)
    text = "\n".join(lines)
    assert "now      93% > 90%  memory 93% used" in text
    assert any(row.startswith("    90%  ") and row.endswith(" threshold") for row in lines)
    assert "13:53" in axis(lines)
    assert "Workflows by memory" in text
    assert "invoice_extract" in text


@pytest.mark.parametrize("size", SIZES)
async def test_storage(size: tuple[int, int]) -> None:
    one = alert("storage", (("mount", "/var/lib/wf"),), "93% full", value=0.93, threshold=0.9)
    memory = Kept(0.5, 0.93)
    text = "\n".join(await shown(world(one), memory, size))
    assert (memory.series_asked[0].kind, memory.series_asked[0].column) == (Kind.VOLUME, "used_ratio")
    assert " threshold" in text
    assert "─ /var/lib/wf ─" in text
    inodes = replace(one, labels=(("mount", "/"), ("resource", "inodes")))
    course = course_of(inodes, incident())
    assert course is not None
    assert (course.subject, course.column) == ("/", "inodes_used_ratio")


@pytest.mark.parametrize("size", SIZES)
async def test_timeout_shows_the_runs_it_is_about_first(size: tuple[int, int]) -> None:
    one = of(
        "research_agent", "timeout", "run-old runs for 30m", value=1800.0, threshold=306.0, unit="seconds",
        n=2, members=("run-old", "run-slow"), since=NOW - 1494,
    )  # fmt: skip
    failed = replace(incident().runs[0], id="run-bad", workflow="research_agent")
    snapshot = world(one, running("run-old", 1800), running("run-slow", 400), running("run-new", 5), failed)
    lines = await shown(snapshot, size=size)
    text = "\n".join(lines)
    assert "now      30m > 5m06s  (2 runs)  run-old runs for 30m" in text
    assert "usual p99 3m50 (250 runs)" in text or size[0] < 100
    assert "members  2: run-old run-slow" in text
    listed = [row.split()[1] for row in lines if row[2:6] == "run-"]
    assert listed[:3] == ["run-old", "run-slow", "run-bad"]
    assert "─ Runs it is about, and others ─" in text
    assert any(row.startswith("  5m06s  ") and row.endswith(" threshold") for row in lines)


def test_elapsed_is_of_members_that_still_go_on() -> None:
    one = of("research_agent", "timeout", "", members=("a", "b", "gone"))
    runs = [running("a", 60), running("b", 30), running("c", 900)]
    assert elapsed(one, runs, NOW - 100, NOW, 10) == (
        None,
        None,
        None,
        0.0,
        10.0,
        20.0,
        30.0,
        40.0,
        50.0,
        60.0,
    )
    assert elapsed(one, [running("c", 900)], NOW - 100, NOW, 10) == ()
    assert elapsed(one, runs, NOW, NOW, 10) == ()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("rule", "unit", "value", "threshold", "words"),
    [
        ("stall", "seconds", 700.0, 600.0, "11m40s > 10m  (1 run)  "),
        ("runaway", "usd", 6.1, 5.0, "$6.10 > $5.00  (1 run)  "),
    ],
)
async def test_stall_and_runaway(
    rule: str, unit: str, value: float, threshold: float, words: str, size: tuple[int, int]
) -> None:
    one = of(
        "research_agent", rule, "run-x since 13:50", value=value, threshold=threshold, unit=unit, n=1,
        members=("run-x",),
    )  # fmt: skip
    lines = await shown(world(one, running("run-x", 800)), size=size)
    text = "\n".join(lines)
    assert f"now      {words}run-x since 13:50" in text
    assert "members  1: run-x" in text
    assert next(row for row in lines if row[2:6] == "run-").split()[1] == "run-x"


@pytest.mark.parametrize("size", SIZES)
async def test_silence(size: tuple[int, int]) -> None:
    one = of("research_agent", "silence", "no run for 40m", value=2400.0, threshold=600.0, unit="seconds")
    memory = Kept(1.2, 0.0)
    text = "\n".join(await shown(world(one), memory, size))
    assert "now      40m > 10m  no run for 40m" in text
    assert "usual 1.2/min at this hour" in text
    assert memory.series_asked[0].column == "runs_per_minute"
    assert "1.2/m" in text
    assert " threshold" not in text


@pytest.mark.parametrize("size", SIZES)
async def test_an_alert_of_another_system(size: tuple[int, int]) -> None:
    labels = (("alertname", "HighErrorRate"), ("severity", "page"), ("workflow", "invoice_extract"))
    held = Ack("ann", NOW - 600, NOW + 3000, comment="ACK! vendor", shared=True, silence="3f2a", via="am")
    foreign = ForeignRef(labels, "am", "f00d", ("pager", "mail"), True, "More than 5% of runs fail.")
    one = alert(
        "HighErrorRate", labels, "error rate 32%", workflow="invoice_extract", source="am", ack=held,
        state=AlertState.SILENCED, quieted="by silence 3f2a", foreign=foreign,
        runbook="https://wiki.example/books/high-error-rate?team=ops",
    )  # fmt: skip
    info = RuleInfo("HighErrorRate", "rate(failed[5m]) > 0.05", "group wf of am", "err", "bad label", "am")
    lines = await shown(world(one, info=info), size=size)
    text = "\n".join(lines)
    assert lines[0].startswith("◇ HighErrorRate · invoice_extract")
    assert lines[0].endswith("warning, silenced, open for 10m · ↯0")
    assert "rule     rate(failed[5m]) > 0.05" in text
    assert lines[1].endswith("  group wf of am")
    assert "ill      bad label" in text
    assert "says     More than 5% of runs fail." in text
    assert "tells    pager, mail" in text
    assert "who      silenced by ann since 13:53, until 14:53, wakes in 50m" in text
    assert "why      ACK! vendor" in text
    assert "silence  by silence 3f2a" in text
    assert "https://wiki.example/books/high-error-rate?team=ops" in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"state": AlertState.SNOOZED, "ack": Ack("joe", NOW - 60, NOW + 840, snooze=True)},
            "who      snoozed by joe since 14:02, until 14:17, wakes in 14m",
        ),
        (
            {"state": AlertState.SNOOZED, "ack": Ack("joe", NOW - 60, None, True, snooze=True)},
            "who      snoozed by joe since 14:02, until it ends",
        ),
        (
            {"state": AlertState.INHIBITED, "quieted": "inhibited by HostDown"},
            "who      inhibited by HostDown",
        ),
        (
            {
                "state": AlertState.ACKED,
                "ack": Ack("joe", NOW - 60, NOW + 840),
                "standing": AlertState.SILENCED,
                "held": Ack("ann", NOW, NOW + 600),
            },
            "also     silenced elsewhere by ann until 14:13",
        ),
        (
            {
                "state": AlertState.ACKED,
                "ack": Ack("joe", NOW, NOW + 900, shared=True, silence="3f", via="am", muted_until=NOW + 600),
                "standing": AlertState.ACKED,
                "held": Ack("joe", NOW, NOW + 600, shared=True, silence="3f", via="am"),
            },
            "shared   muted in am until 14:13, extended while it fires, silence 3f\n─",
        ),
        (
            {
                "state": AlertState.ACKED,
                "ack": Ack("joe", NOW, NOW + 9, shared=True, silence="3f", via="am", problem="503"),
            },
            "shared   muted in am, silence 3f; 503",
        ),
        (
            {"state": AlertState.ACKED, "ack": Ack("joe", NOW, NOW + 9, via="am", problem="503")},
            "shared   not shared: 503",
        ),
    ],
)
async def test_who_holds_it_and_until_when(fields: dict[str, object], words: str) -> None:
    text = "\n".join(await shown(world(of("research_agent", "stall", "x", **fields))))
    assert words in text


async def test_notes_stand_newest_last_and_older_ones_are_counted() -> None:
    notes = tuple(Note("joe", NOW - 600 + n, f"note {n}") for n in range(12))
    one = of("research_agent", "stall", "x", notes=notes)
    lines = await shown(world(one))
    at = next(n for n, row in enumerate(lines) if row.startswith("notes"))
    assert [row[9:] for row in lines[at : at + 4]] == [
        "9 older notes", *(f"13:53 joe: note {n}" for n in (9, 10, 11)),
    ]  # fmt: skip
    text = "\n".join(await shown(world(one), size=(120, 40)))
    assert "notes    5 older notes" in text
    long = replace(one, notes=(Note("joe", NOW, "word " * 60),))
    lines = await shown(world(long))
    assert sum("word word" in row for row in lines) == 2


@pytest.mark.parametrize("rule", ["failure_rate", "cost_spike", "timeout", "runaway", "silence"])
async def test_without_a_baseline_it_says_of_how_many(rule: str) -> None:
    base = incident()
    bare = tuple(
        replace(one, usual=Baseline(one.name, 7, hours=7)) if one.name == "research_agent" else one
        for one in base.workflows
    )
    one = of("research_agent", rule, "x", value=1.0, threshold=0.5)
    text = "\n".join(await shown(replace(world(one), workflows=bare)))
    assert "no baseline (n=7)" in text


@pytest.mark.parametrize("size", [(60, 15), *SIZES])
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
async def test_hostile_texts_break_no_row(payload: object, size: tuple[int, int]) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    ack = Ack(text, NOW, NOW + 9, comment=text, via=text, problem=text, silence=text)
    foreign = ForeignRef(((text, text),), text, text, (text, text), True, text, text)
    info = RuleInfo(text, text, text, "err", text, text)
    for state in (AlertState.ACKED, AlertState.SILENCED, AlertState.INHIBITED, AlertState.FIRING):
        one = alert(
            text, ((text, text),), text, workflow=text, source=text, ack=ack, held=ack, quieted=text,
            standing=state, state=state, foreign=foreign, members=(text,) * 9, contributors=(text,) * 5,
            notes=(Note(text, NOW, text),) * 3, runbook=text, unit=text, value=1.0, threshold=2.0, peak=3.0,
        )  # fmt: skip
        lines = await shown(world(one, replace(running(text, 5), error=text), info=info), size=size)
        assert all(row.isprintable() for row in lines)


@pytest.mark.parametrize("size", [*SIZES, (60, 15)])
async def test_no_figure_of_a_run_is_cut(size: tuple[int, int]) -> None:
    one = of("research_agent", "cost_spike", "$252/h, cap $100/h")
    usage = Usage(total=183_100, cost_usd=1234.5)
    lines = await shown(world(one, running("run-1", 30, usage=usage)), size=size)
    row = next(line for line in lines if "run-1" in line)
    assert "  183.1k tok   $1234  running" in row


@pytest.mark.parametrize("size", [*SIZES, (60, 15)])
async def test_the_place_of_a_rule_is_whole_and_no_row_is_empty(size: tuple[int, int]) -> None:
    words = "failed / runs, last 5m (grown to 20 runs) > 5%, 99% sure, ≥ 3 failed; or a streak"
    one = of("invoice_extract", "failure_rate", "32% (80 of 250 in 5m)")
    for where in ("wf.toml:12 alerts.failure_rate.threshold, 2 more", "w" * 49, "as shipped", ""):
        lines = await shown(world(one, info=RuleInfo("failure_rate", words, where)), size=size)
        text = " ".join(" ".join(lines).split())
        assert where in text
        assert "or a streak" in text
        assert "" not in lines[:3]


@pytest.mark.parametrize("size", [*SIZES, (60, 15)])
async def test_times_of_who_has_it_are_whole_whatever_the_name(size: tuple[int, int]) -> None:
    held = Ack("ubuntu from 2001:db8:0:1234:5678:9abc:def0:1 pts/12", NOW - 60, NOW + 3540)
    one = of("invoice_extract", "failure_rate", "32%", state=AlertState.ACKED, ack=held)
    lines = await shown(world(one), size=size)
    who = next(line for line in lines if line.startswith("who "))
    assert who.startswith("who      ubuntu from 2001:db8:")
    assert " until 15:02" in who
    assert not who.endswith("…")


async def test_of_what_does_not_fire_yet_nobody_is_asked() -> None:
    one = of("invoice_extract", "failure_rate", "32%", state=AlertState.PENDING)
    assert "who      does not fire yet" in "\n".join(await shown(world(one)))


@pytest.mark.parametrize("size", SIZES)
async def test_a_figure_of_an_unknown_unit_keeps_three_digits(size: tuple[int, int]) -> None:
    labels = (("alertname", "HighErrorRate"),)
    for value, words in (
        (0.32, "now      0.32  "),
        (0.004, "now      0.004  "),
        (float("inf"), "now      –"),
    ):
        one = alert("HighErrorRate", labels, "32% of runs fail", source="prom", value=value, unit="")
        lines = await shown(world(one), size=size)
        assert words in "\n".join(lines)
        assert lines[0].startswith("▲ HighErrorRate   "), "about nothing that has a name"


@pytest.mark.parametrize("size", [*SIZES, (60, 15)])
async def test_a_long_reason_is_read_to_its_end(size: tuple[int, int]) -> None:
    why = "rule BadRule of prom fails: found duplicate series for the match group on the right hand-side"
    lines = await shown(world(alert("evaluation", (("rule", "BadRule"),), why)), size=size)
    assert why in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("size", SIZES)
async def test_a_cap_and_what_is_over_it_are_said_once(size: tuple[int, int]) -> None:
    one = of(
        "research_agent", "cost_spike", "$252/h, cap $100/h", value=252.0, threshold=100.0, unit="usd"
    )  # fmt: skip
    lines = await shown(world(one), size=size)
    now = next(line for line in lines if line.startswith("now "))
    assert now.startswith("now      $252/h, cap $100/h")
    assert now.count("$252") == 1


async def test_a_rule_that_its_system_does_not_tell_is_not_called_by_its_name_again() -> None:
    one = alert("NodeDown", (("alertname", "NodeDown"), ("instance", "gpu-07")), "no answer", source="am")
    lines = await shown(world(one))
    assert lines[1].startswith("rule     told without what it is held against  ")
    assert lines[1].endswith(" am")


async def test_a_place_that_fits_no_row_is_cut_and_not_left_out() -> None:
    where = "a-long-name-of-a-config.toml:112 alerts.failure_rate.min_failures, 2 more"
    one = of("invoice_extract", "failure_rate", "32% (80 of 250 in 5m)")
    lines = await shown(world(one, info=RuleInfo("failure_rate", "failed / runs", where)), size=(60, 15))
    assert lines[2].strip().startswith("a-long-name-of-a-config.toml:112 alerts.")
    assert lines[2].endswith("…")
