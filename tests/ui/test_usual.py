"""What is usual: beside each figure, never a number that is not known."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import DAY, NOW, incident, learnt, without_usual
from wfmon.model.action import AcceptNormal, Outcome
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.past import PastMoment
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.text.sanitize import safe
from wfmon.ui.panes.usual import cost_to_usual, cost_words, run_rate, usual_errors
from wfmon.ui.views.alert import AlertView
from wfmon.ui.views.workflow import WorkflowView


def with_usual(usual: Baseline | None, **fields: object) -> Snapshot:
    """invoice_extract alone, with that baseline."""
    base = incident()
    row = replace(base.workflows[2], usual=usual, **fields)  # type: ignore[arg-type]
    return replace(base, workflows=(row,))


def cells(snapshot: Snapshot, size: tuple[int, int] = (80, 24)) -> str:
    return next(row for row in Stage(snapshot, size=size).lines() if row.startswith("✖ invoice_extract  "))


@pytest.mark.parametrize(
    ("usual", "words"),
    [
        (None, "32.0     –    41s     –"),  # history is kept: the column waits for what is learnt
        (Baseline("w", 7), "32.0  7/20    41s     –"),
        (Baseline("w", 0), "32.0  0/20    41s     –"),
        (Baseline("w", 7, error_ratio=0.008), "32.0   0.8    41s     –"),
        (Baseline("w", 40), "32.0  0/20    41s     –"),
        (Baseline("w", 40, error_ratio=0.0, duration_p95_seconds=20.5), "32.0   0.0    41s  2.0x"),
        (Baseline("w", 40, error_ratio=0.0, duration_p95_seconds=0.0), "32.0   0.0    41s     –"),
    ],
)
def test_the_columns_say_what_is_known_and_what_is_still_learnt(usual: Baseline | None, words: str) -> None:
    assert words in cells(with_usual(usual))


def test_the_sparkline_stays_where_there_is_room_for_both() -> None:
    row = cells(with_usual(learnt("w", 500, 0.008, 20.5, per_hour=10)), (120, 40))
    assert "32.0   0.8    ▁▁▂▁▄▇██    154    41s  2.0x" in row
    assert "0.8" not in cells(without_usual(incident()))


def test_a_count_that_is_needed_never_reads_as_a_number() -> None:
    for needed in (20, 100, 500):
        row = cells(with_usual(Baseline("w", 7, needed=needed)))
        assert "7/" in row


def screen(usual: Baseline | None, size: tuple[int, int] = (80, 24), **fields: object) -> str:
    stage = Stage(with_usual(usual, **fields), size=size)
    stage.shell.open(WorkflowView("invoice_extract"))
    return stage.text()


def test_a_workflow_says_what_is_usual_beside_each_figure_and_what_it_is_made_of() -> None:
    usual = learnt("w", 500, 0.008, 20.5, per_hour=12.0, usd=0.25, left_out=1, accepted_at=NOW - 9 * DAY)
    text = screen(usual)
    assert "1 hour of alerts left out · new normal\n         accepted 02-21 14:03" in text
    assert "32%  80 of 250 in 5m  usual 0.8% (500 runs)" in text
    assert "usual 12/h at this hour (21 hours), 250.0x" in text
    assert "p95 41s  usual p50 8.2s  p95 20s  p99 31s, p95 is 2.0x" in text
    assert "$1.10/h  usual $0.25/h at this hour (21 hours), 4.4x" in text


def test_a_workflow_that_is_learnt_says_how_far() -> None:
    text = screen(Baseline("w", 7))
    assert "32%  80 of 250 in 5m  learning 7/20" in text
    assert "usual    learning 7/20" in text
    assert "at this hour" not in text
    assert "x\n" not in text
    assert "usual" not in screen(None)


def test_hourly_sums_alone_tell_no_median() -> None:
    usual = Baseline("w", 30, duration_p95_seconds=20.5, duration_from="hourly p95")
    text = screen(usual)
    assert "usual p95 20s, p95 is 2.0x" in text
    assert "p50 –" not in text


def test_the_alert_says_of_how_many_runs() -> None:
    stage = Stage(incident())
    stage.shell.open(AlertView("a1b2c3d4e5f6"))
    assert stage.lines()[2].endswith("usual 0.8% (500 runs)")
    stage.show(with_usual(Baseline("w", 3)))
    assert stage.lines()[2].endswith("no baseline (n=3)")
    assert usual_errors(None) == ""


def costing(*each: tuple[float | None, float | None]) -> Snapshot:
    """Workflows by what they cost an hour and usually cost; the whole is the sum."""
    made = tuple(
        Workflow(
            f"w{number}",
            cost_usd_per_hour=present,
            usual=None if usual is None else Baseline("", cost_per_hour=Usual(usual, 0.1, 21)),
        )
        for number, (present, usual) in enumerate(each)
    )
    base = incident()
    whole = sum(present or 0.0 for present, _usual in each)
    return replace(base, workflows=made, cost=replace(base.cost, usd_per_hour=whole))


def test_the_cost_is_held_against_its_usual_only_where_nearly_all_of_it_has_one() -> None:
    assert cost_to_usual(costing((2.4, 1.0), (0.1, None), (None, 5.0))) == pytest.approx(2.4)
    assert cost_to_usual(costing((2.4, 1.0), (1.0, None))) is None, "a new spender is not covered"
    assert cost_to_usual(costing((None, 1.0))) is None
    assert cost_to_usual(costing((1.0, 0.0))) is None
    assert [cost_words(ratio) for ratio in (1.0, 1.4, 1.6, 0.7, 0.3)] == [
        "as usual",
        "as usual",
        "1.6x usual",
        "as usual",
        "0.3x usual",
    ]
    assert run_rate(59.0) == "59/h"
    assert run_rate(90.0) == "1.5/min"


def test_the_cost_pane_says_it_and_keeps_the_calls() -> None:
    assert "$2.40/h    2.4x usual" in Stage(costing((2.4, 1.0))).text()
    assert "$2.40/h    as usual" in Stage(costing((2.4, 2.0))).text()
    text = Stage(costing((2.4, None))).text()
    assert "$2.40/h    197.0 API/min" in text


async def told(stage: Stage) -> str:
    for _ in range(20):
        await asyncio.sleep(0)
    return stage.lines()[-1]


async def test_a_new_normal_is_accepted_after_one_question() -> None:
    stage = Stage(incident())
    assert "accept_normal" in stage.press("tab", ":", *"accept")[1]
    assert "accept what invoice_extract does now as its new normal?" in stage.press("enter")[-1]
    assert "nothing was changed" in stage.press("n")[-1]
    stage.press(":", *"accept", "enter", "esc")
    assert stage.doors.actions == []
    stage.doors.outcome = Outcome(True, "invoice_extract learns anew")
    stage.press(":", *"accept", "enter", "y")
    assert "invoice_extract learns anew" in await told(stage)
    assert stage.doors.actions == [AcceptNormal("invoice_extract", "joe")]
    stage.doors.outcome = Outcome(False, "no history is kept")
    stage.press(":", *"accept", "enter", "y")
    assert "no history is kept" in await told(stage)


def test_it_is_not_offered_where_nothing_may_or_can_be_changed() -> None:
    def offered(stage: Stage) -> bool:
        return "accept_normal" in stage.shell.deeds()

    assert offered(Stage(incident()))
    assert "nothing of that name" in Stage(incident(), read_only=True).press(":", *"accept")[1]
    assert not offered(Stage(without_usual(incident())))
    away = Stage(incident())
    away.press("j", "j")
    assert not offered(away), "an alert on storage"
    for view in (WorkflowView("research_agent"), AlertView("b1b2c3d4e5f6")):
        stage = Stage(incident())
        stage.shell.open(view)
        stage.lines()
        assert offered(stage)
        stage.shell._past.shown = PastMoment(NOW - 600, incident())
        assert not offered(stage), "what it did then is not what it does now"


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
def test_hostile_names_break_no_row(payload: object, size: tuple[int, int]) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    row = replace(
        incident().workflows[2],
        name=text,
        usual=replace(learnt("w", 7, 0.1, 3.0, per_hour=1), duration_from=text),
    )
    stage = Stage(replace(incident(), workflows=(row,), alerts=()), size=size)
    for keys in ([], [":", *"accept", "enter"], ["n", "i"], ["i", "enter"], ["i"]):
        assert all(line.isprintable() for line in stage.press(*keys))
