"""What the loop sees becomes batches: one point a step, each run and each growth once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.choose import claims_of
from wfmon.analysis.counting import counting_of
from wfmon.analysis.observed import ObservedRuns, observe_metrics
from wfmon.analysis.runindex import RunIndex
from wfmon.model.history import Batch, Change, ChangeKind, HourSum, Kind, Role, Watched
from wfmon.model.look import Look, Target
from wfmon.model.metrics import Amount, Concept, CostKey, Growth, MetricsSample, RunKey, TokenKey, TokenKind
from wfmon.model.run import Run, RunStatus, WorkflowRuns
from wfmon.model.snapshot import Cost, StatusCounts, Totals, Workflow
from wfmon.model.source import SourceState, SourceStatus
from wfmon.monitor.picture import Picture
from wfmon.monitor.recorder import MOST_HELD, MOST_RUNS, Recorder, carried, joined
from wfmon.sources.base import Reading

START = 1_800_000_000.0  # a multiple of 3600
STEP = 10.0
TARGET = Target("aa11", "exporter")
OK = SourceStatus("scrape", "scrape", SourceState.OK, as_of=START)


def picture(at: float, finished: tuple[Run, ...] = (), *, state: SourceState = SourceState.OK) -> Picture:
    runs = WorkflowRuns("w", (), finished, complete_since=0.0, open_complete=True)
    row = Workflow(
        "w",
        active=3,
        runs=StatusCounts(success=8, error=2),
        last_run_at=at - 4,
        origin=(("active", "scrape"), ("runs", "logs")),
    )
    return Picture(
        at=at,
        sources=(replace(OK, state=state), SourceStatus("logs", "logs", SourceState.OK, as_of=at)),
        totals=Totals(active=3),
        workflows=(row,),
        runs=(),
        runs_total=None,
        recent={},
        tokens=(),
        cost=Cost(),
        host=None,
        pasts={},
        logs=(ObservedRuns("logs", True, at, {"w": RunIndex(runs)}),),
        marks={"logs": ()},
    )


def run(number: int, status: RunStatus = RunStatus.SUCCESS) -> Run:
    return Run(f"r{number}", "w", status, ended_at=START + number, source="logs")


def grown(at: float, since: float, runs: float, *, look: float | None = None) -> Reading:
    growth = Growth(
        since,
        runs={RunKey("w", RunStatus.SUCCESS): runs, RunKey("w", RunStatus.ERROR): 1.0},
        tokens={
            TokenKey("w", "openai", "gpt-x", TokenKind.INPUT): 100.0,
            TokenKey("w", "openai", "gpt-x", TokenKind.CACHED): 60.0,
        },
        cost={CostKey("w", "openai", "gpt-x"): 0.25},
        reaches={TARGET.id: look if look is not None else at},
    )
    return Reading(at, metrics=MetricsSample(at, 300.0, 300.0, frozenset({Concept.RUNS}), growth=growth))


def batches(recorder: Recorder, times: list[float]) -> list[Batch]:
    return [batch for at in times if (batch := recorder.batch(picture(at), at)) is not None]


def test_a_point_is_the_last_picture_of_its_time() -> None:
    recorder = Recorder({}, STEP)
    found = batches(recorder, [START + 1, START + 9, START + 11, START + 35])
    assert [(batch.points[0].at, batch.points[0].seconds) for batch in found] == [
        (START, 10),
        (START + 10, 10),
    ]
    point = found[0].points[0]
    assert point.get(Kind.WORKFLOW, "w", "active") == 3
    assert point.get(Kind.WORKFLOW, "w", "failed") == 2
    assert point.get(Kind.WORKFLOW, "w", "last_run_age") == 4
    assert point.get(Kind.WORKFLOW, "w", "cost_per_hour") is None


def test_what_a_silent_source_last_said_is_not_recorded_as_known() -> None:
    recorder = Recorder({}, STEP)
    recorder.batch(picture(START, state=SourceState.DOWN), START)
    batch = recorder.batch(picture(START + 10), START + 10)
    assert batch is not None
    point = batch.points[0]
    assert point.get(Kind.WORKFLOW, "w", "active") is None
    assert point.get(Kind.WORKFLOW, "w", "n") == 10
    assert Kind.TOTAL not in point.tables


def test_a_run_is_handed_on_once_and_again_when_it_was_corrected() -> None:
    recorder = Recorder({}, STEP)
    lost, late = run(2, RunStatus.LOST), run(2)
    recorder.batch(picture(START, (run(1),)), START)
    first = recorder.batch(picture(START + 10, (run(1), lost)), START + 10)
    second = recorder.batch(picture(START + 20, (run(1), late)), START + 20)
    third = recorder.batch(picture(START + 30, (run(1), late)), START + 30)
    assert [batch and [r.id for r in batch.runs] for batch in (first, second, third)] == [
        ["r1", "r2"],
        ["r2"],
        [],
    ]


def test_what_an_earlier_process_wrote_is_not_written_again() -> None:
    recorder = Recorder({}, STEP)
    recalled = replace(run(1), recalled=True)
    recorder.batch(picture(START, (recalled,)), START)
    first = recorder.batch(picture(START + 10, (recalled, run(2))), START + 10)
    second = recorder.batch(picture(START + 20, (run(1), run(2))), START + 20)
    assert [batch and [r.id for r in batch.runs] for batch in (first, second)] == [["r2"], ["r1"]]


def test_a_start_hands_its_runs_on_before_the_first_point_is_due() -> None:
    recorder = Recorder({}, STEP)
    recorder.batch(picture(START, (run(1),)), START)
    early = recorder.early(picture(START + 1, (run(1),)), START + 1)
    assert ([each.id for each in early.runs], early.points, dict(early.marks)) == (["r1"], (), {})
    later = recorder.batch(picture(START + 10, (run(1), run(2))), START + 10)
    assert later is not None
    assert [each.id for each in later.runs] == ["r2"]


def test_more_runs_than_a_batch_takes_hold_the_marks_back_until_they_are_written() -> None:
    many = tuple(run(number) for number in range(MOST_RUNS + 5))
    recorder = Recorder({}, STEP)
    recorder.batch(picture(START, many), START)
    first = recorder.batch(picture(START + 10, many), START + 10)
    second = recorder.batch(picture(START + 20, many), START + 20)
    assert first is not None
    assert second is not None
    assert (len(first.runs), dict(first.marks)) == (MOST_RUNS, {})
    assert (len(second.runs), dict(second.marks)) == (5, {"logs": ()})


def test_growth_waits_for_the_very_look_that_it_reaches_to() -> None:
    recorder = Recorder({"w": "invoice"}, STEP)
    recorder.batch(picture(START), START)
    recorder.told(TARGET, Look(START + 5, b"a"))
    recorder.took("scrape", grown(START + 5, START, 7))
    recorder.told(TARGET, Look(START + 11, b"b"))  # taken, but the loop has not heard of it
    batch = recorder.batch(picture(START + 11), START + 11)
    assert batch is not None
    assert [look.at for _, look in batch.looks] == [START + 5]
    sums = {(each.kind, each.subject): each for each in batch.grown}
    workflow = sums[Kind.WORKFLOW, "invoice"]
    assert (workflow.runs, workflow.failures, workflow.tokens, workflow.cost_usd) == (8, 1, 100, 0.25)
    assert sums[Kind.MODEL, "openai/gpt-x"].tokens == 100
    assert [(each.begin, each.end) for each in batch.watched] == [(START, START + 5)]
    assert recorder.batch(picture(START + 21), START + 21).grown == ()  # type: ignore[union-attr]


def test_growth_whose_look_is_not_there_is_not_written_yet() -> None:
    recorder = Recorder({}, STEP)
    recorder.batch(picture(START), START)
    recorder.told(TARGET, Look(START + 4, b"a"))
    recorder.took("scrape", grown(START + 5, START, 7))
    batch = recorder.batch(picture(START + 11), START + 11)
    assert batch is not None
    assert (batch.grown, batch.looks, batch.watched) == ((), (), ())
    recorder.told(TARGET, Look(START + 12, b"b"))
    recorder.took("scrape", grown(START + 12, START + 5, 2))
    batch = recorder.batch(picture(START + 21), START + 21)
    assert batch is not None
    assert sum(each.runs or 0 for each in batch.grown if each.kind is Kind.WORKFLOW) == 7 + 2 + 1 + 1


def test_looks_before_the_one_that_growth_reaches_to_are_not_held() -> None:
    recorder = Recorder({}, STEP)
    recorder.batch(picture(START), START)
    gone: list[bytes] = []

    class Lines(bytes):
        def __del__(self) -> None:
            gone.append(bytes(self))

    for at, text in ((START + 1, b"a"), (START + 2, b"b"), (START + 3, b"c")):
        recorder.told(TARGET, Look(at, Lines(text)))
    recorder.took("scrape", grown(START + 2, START, 7))
    assert gone == [b"a"]


def test_a_look_that_is_named_again_while_its_target_does_not_answer_is_written_again() -> None:
    recorder = Recorder({}, STEP)
    recorder.batch(picture(START), START)
    recorder.told(TARGET, Look(START + 5, b"a"))
    looks = []
    for at in (START + 5, START + 15):
        recorder.took("scrape", grown(at, START, 7, look=START + 5))
        batch = recorder.batch(picture(at + 10), at + 10)
        assert batch is not None
        looks += [look.at for _, look in batch.looks]
    assert looks == [START + 5, START + 5]


def test_growth_over_a_long_silence_does_not_vouch_for_the_time_between() -> None:
    recorder = Recorder({}, STEP)
    recorder.batch(picture(START), START)
    recorder.told(TARGET, Look(START + 5, b"a"))
    recorder.took("scrape", grown(START + 5, START - 4000, 900))
    batch = recorder.batch(picture(START + 11), START + 11)
    assert batch is not None
    assert batch.watched == ()
    assert batch.grown


def test_hours_that_a_source_knows_whole_bear_the_users_names_and_twins_are_added() -> None:
    recorder = Recorder({"w_old": "w"}, STEP)
    recorder.batch(picture(START), START)
    hours = tuple(
        HourSum(START - 3600, Kind.WORKFLOW, name, "prom", Role.METRICS, runs=runs, cost_usd=cost)
        for name, runs, cost in (("w", 5.0, None), ("w_old", 2.0, 0.5))
    )
    recorder.took("prom", Reading(START + 1, hours=hours))
    batch = recorder.batch(picture(START + 11), START + 11)
    assert batch is not None
    assert [(each.subject, each.runs, each.cost_usd) for each in batch.hours] == [("w", 7, 0.5)]


def test_a_state_is_written_when_it_changes() -> None:
    recorder = Recorder({}, STEP)
    states = []
    for number, state in enumerate([SourceState.OK, SourceState.OK, SourceState.DOWN, SourceState.DOWN]):
        at = START + number * STEP
        batch = recorder.batch(picture(at, state=state), at)
        if batch is not None:
            states.append([(each.name, each.state) for each in batch.states])
    assert states == [
        [("scrape", SourceState.OK), ("logs", SourceState.OK)],
        [("scrape", SourceState.DOWN)],
        [],
    ]


def test_the_end_writes_what_is_there() -> None:
    recorder = Recorder({}, STEP)
    assert recorder.rest(START) is None
    recorder.batch(picture(START + 3, (run(1),)), START + 3)
    recorder.changed(Change(START + 3, ChangeKind.CONFIG, "x", "changed"))
    batch = recorder.rest(START + 4)
    assert batch is not None
    assert ([r.id for r in batch.runs], len(batch.changes), batch.points[0].at) == (["r1"], 1, START)


def test_batches_joined_lose_only_the_points_of_the_earlier() -> None:
    recorder = Recorder({}, STEP)
    recorder.batch(picture(START, (run(1),)), START)
    first = recorder.batch(picture(START + 10, (run(1),)), START + 10)
    second = recorder.batch(picture(START + 20, (run(1), run(2))), START + 20)
    assert first is not None
    assert second is not None
    both, lost = joined(first, second)
    assert lost == 0
    assert [r.id for r in both.runs] == ["r1", "r2"]
    assert both.points == second.points


def test_batches_that_wait_hold_one_look_of_each_target_and_all_growth() -> None:
    def batch(number: int) -> Batch:
        at = START + 10 * number
        return Batch(
            at,
            grown=(HourSum(START, Kind.WORKFLOW, "w", "prom", Role.METRICS, 1.0, 0.0, None, 0.5),),
            watched=(Watched("prom", Role.METRICS, at - 10, at), Watched("logs", Role.LOGS, at - 10, at)),
            looks=((TARGET, Look(at, b"x" * 1000)),),
        )

    for both in (carried(batch(1), batch(2)), (Batch(START), joined(batch(1), batch(2))[0])):
        earlier, later = both
        assert (earlier.grown, earlier.looks) == ((), ())
        assert later.looks == ((TARGET, Look(START + 20, b"x" * 1000)),)
        assert [(each.runs, each.tokens, each.cost_usd) for each in later.grown] == [(2.0, None, 1.0)]
        told = sorted((each.role, each.begin) for each in (*earlier.watched, *later.watched))
        assert told == [(role, at) for role in (Role.LOGS, Role.METRICS) for at in (START, START + 10)]


def test_what_waits_for_hours_is_bounded_and_what_goes_is_counted() -> None:
    many = tuple(run(number) for number in range(MOST_HELD))
    both, lost = joined(Batch(START, runs=many), Batch(START + 10, runs=(run(-1), run(-2))))
    assert (len(both.runs), lost, both.runs[-1].id) == (MOST_HELD, 2, "r-2")


@given(st.lists(st.tuples(st.floats(0.1, 40.0), st.integers(0, 50)), min_size=1, max_size=40))
def test_all_growth_that_was_told_is_written_once(steps: list[tuple[float, int]]) -> None:
    recorder = Recorder({}, STEP)
    at, told, written = START, 0.0, 0.0
    recorder.batch(picture(at), at)
    for seconds, runs in steps:
        since, at = at, at + seconds
        recorder.told(TARGET, Look(at, b""))
        recorder.took("scrape", grown(at, since, runs))
        told += runs + 1
        batch = recorder.batch(picture(at), at)
        written += _runs(batch)
    assert written + _runs(recorder.rest(at)) == told


def _runs(batch: Batch | None) -> float:
    return sum(each.runs or 0 for each in batch.grown if each.kind is Kind.WORKFLOW) if batch else 0.0


def beside(profile: str, layer: str, usd: float, *, workflow: str | None = "w") -> MetricsSample:
    key = CostKey(workflow, "openai", "gpt-x")
    growth = Growth(START, cost={key: usd}, reaches={TARGET.id: START + 5})
    return MetricsSample(
        START + 5, 300.0, 300.0, frozenset({Concept.COST}), growth=growth, cost={key: Amount(usd, usd)},
        profile=profile, title=profile, layer=layer,
    )  # fmt: skip


def sums_of(*samples: MetricsSample, judged: bool = True) -> dict[tuple[Kind, str], float | None]:
    """What is written of cost where those samples are of one answer, in this order."""
    seen = [observe_metrics("scrape", True, sample, {}) for sample in samples]
    claims = claims_of(seen, counting_of(seen, [])) if judged else None
    recorder = Recorder({}, STEP)
    recorder.batch(picture(START), START)
    recorder.told(TARGET, Look(START + 5, b"a"))
    recorder.took("scrape", Reading(START + 5, metrics=samples[0], beside=samples[1:]))
    batch = recorder.batch(replace(picture(START + 11), claims=claims), START + 11)
    assert batch is not None
    assert len(batch.watched) == 1
    return {(each.kind, each.subject): each.cost_usd for each in batch.grown}


def test_growth_of_several_profiles_is_written_once() -> None:
    gateway, agent = beside("litellm", "gateway", 1.0), beside("claude", "agent", 9.0)
    for samples in ((gateway, agent), (agent, gateway)):
        assert sums_of(*samples) == {(Kind.WORKFLOW, "w"): 1.0, (Kind.MODEL, "openai/gpt-x"): 1.0}
    apart = beside("claude", "agent", 9.0, workflow="session")
    assert sums_of(apart, gateway) == {
        (Kind.WORKFLOW, "w"): 1.0,
        (Kind.WORKFLOW, "session"): 9.0,
        (Kind.MODEL, "openai/gpt-x"): 1.0,
    }


def test_growth_that_is_not_split_is_written_where_its_row_is() -> None:
    gateway, agent = beside("litellm", "gateway", 1.0), beside("claude", "agent", 9.0, workflow=None)
    assert sums_of(gateway, agent)[Kind.WORKFLOW, "claude"] == 9.0
    assert sums_of(agent) == {(Kind.MODEL, "openai/gpt-x"): 9.0}


def test_hours_of_models_that_are_in_no_total_are_not_written() -> None:
    seen = [
        observe_metrics("scrape", True, beside("litellm", "gateway", 1.0), {}),
        observe_metrics("prom", True, beside("claude", "agent", 9.0), {}),
    ]
    claims = claims_of(seen, counting_of(seen, []))
    recorder = Recorder({}, STEP)
    recorder.batch(picture(START), START)
    hours = (
        HourSum(START, Kind.MODEL, "p/m", "prom", Role.METRICS, cost_usd=9.0, profile="claude"),
        HourSum(START, Kind.WORKFLOW, "w", "prom", Role.METRICS, cost_usd=9.0),
    )
    recorder.took("prom", Reading(START + 5, hours=hours))
    batch = recorder.batch(replace(picture(START + 11), claims=claims), START + 11)
    assert batch is not None
    assert batch.hours == hours[1:]
