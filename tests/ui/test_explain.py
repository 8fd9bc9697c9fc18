"""The row under the cursor explained: each figure with its window, age, n and source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from support.screen import Stage
from support.snapshots import NOW, all_fine, incident, learnt
from wfmon.config.loader import load_config
from wfmon.model.baseline import Baseline
from wfmon.model.episode import Unjudged
from wfmon.model.snapshot import Collector, LadderStep, Snapshot, StatusCounts
from wfmon.monitor.settings import rule_settings
from wfmon.ui.views.explain import ExplainView
from wfmon.ui.views.operations import OperationsView

TALL = (80, 60)


def explained(snapshot: Snapshot, workflow: str, size: tuple[int, int] = TALL) -> str:
    stage = Stage(snapshot, size=size)
    stage.shell.open(ExplainView(workflow))
    return stage.text()


def test_i_opens_it_on_the_row_and_i_or_esc_closes_it() -> None:
    stage = Stage(incident())
    for key in ("i", "esc"):
        assert "─ Explained: invoice_extract ─" in stage.press("i")[0]
        stage.press(key)
        assert isinstance(stage.shell.view, OperationsView)
    stage.press("tab", "j")
    assert "Explained: research_agent" in stage.press("i")[0]
    stage.press("i", "enter")
    assert "Explained: research_agent" in stage.press("i")[0]


def test_every_figure_has_its_window_its_age_and_its_source() -> None:
    text = explained(incident(), "invoice_extract")
    for words in (
        "active   4                                                          prom, 4s old",
        "errors   32%: 80 failed of 250 finished runs in 5m                  prom, 4s old",
        "cost     $1.10/h over 5m, as reported                            workers, 2s old",
        "memory   3.0G of its processes                                      host, 1s old",
        "last run failed 2s ago",
        "errors   0.8% of 500 finished runs",
        "duration p50 7.8s, p95 20s, p99 29s, of runs that succeeded",
        "runs     48.3/min at this hour: the middle of 21 hours",
        "$/h      $0.95/h at this hour: the middle of 21 hours",
        "made of  500 finished runs\n",
        "21 hours like this one",
        "oldest   02-18 14:03, of these runs and hours",
        "left out 3 hours in which an alert of it was firing",
    ):
        assert words in text, words
    assert "accepted 02-21 14:03: somebody said" in explained(incident(), "research_agent")


def test_a_grown_window_and_what_is_not_counted_are_said() -> None:
    base = incident()
    ladder = (LadderStep(300.0, 300.0, StatusCounts()), LadderStep(900.0, 900.0, StatusCounts()))
    row = replace(
        base.workflows[2],
        runs=StatusCounts(success=20, error=1, cancelled=2, other=1),
        window_seconds=900.0,
        ladder=ladder,
        active_at_least=True,
    )
    text = " ".join(explained(replace(base, workflows=(row,)), "invoice_extract").split())
    assert "1 failed of 21 finished runs in 15m, grown from 5m" in text
    assert "3 cancelled or other are not counted" in text
    assert "50.0/min over 5m" in text
    assert "4 or more: the log does not reach back far enough" in text


def test_what_is_unknown_says_why_in_the_words_of_its_source() -> None:
    base = incident()
    prom = replace(
        base.sources[0], missing=("cost: not exposed by convention", "duration quantiles: no buckets")
    )
    snapshot = replace(base, sources=(prom, *base.sources[1:]))
    text = explained(snapshot, "nightly_report")
    assert "cost     not known: prom says cost: not exposed by convention" in text
    assert "duration not known: prom says duration quantiles: no buckets" in text
    assert "tokens   not known: no source tells it of nightly_report" in text
    assert "memory   not known: no process of it is known" in text
    assert "errors   learning 7/20: 20 finished runs are needed" in text
    assert "0 hours like this one: same time of day, ±1, on days of the same kind" in text
    assert "20 are needed" in text


def test_nothing_learnt_says_why() -> None:
    base = incident()
    bare = replace(base, workflows=tuple(replace(one, usual=None) for one in base.workflows))
    assert "nothing is learnt of it yet" in explained(bare, "invoice_extract")
    assert "no history is kept" in explained(replace(bare, history=None), "invoice_extract")
    assert base.history is not None
    full = replace(bare, history=replace(base.history, problem="disk full"))
    assert "nothing is learnt of it: disk full" in explained(full, "invoice_extract")


def test_durations_of_hours_say_so() -> None:
    base = incident()
    usual = Baseline("w", 60, duration_p95_seconds=20.0, duration_from="hourly p95", tokens_p50=1_200.0)
    row = replace(base.workflows[2], usual=replace(usual, tokens_p95=3_000.0, cost_p50_usd=0.01))
    text = explained(replace(base, workflows=(row,)), "invoice_extract")
    assert "p95 20s, of hourly p95: no single runs known" in text
    assert "tokens   1.2k a run, 95% of runs under 3.0k" in text
    assert "cost     $0.01 a run" in text


def test_an_alert_has_its_rule_threshold_window_and_n() -> None:
    text = "\n".join(Stage(incident(), size=TALL).press("i"))
    assert "─ a1b2c3d4e5f6 ─" in text
    assert "rule     failed / finished runs over 5m, surely above 5%" in text
    assert "value    32% now, 33% at its worst, threshold 5%" in text
    assert "of       80 failed of 250 runs in 5m" in text
    assert "since    14:00, for 3m12s" in text
    assert "from     a rule of wfmon-tui, workflow=invoice_extract" in text
    ended = "\n".join(Stage(all_fine(), size=TALL).press("home", "i"))
    assert "since    13:50, until 13:57" in ended
    assert "0% when it ended, 32% at its worst" in ended


def test_a_volume_has_its_range_and_what_it_is_taken_from() -> None:
    text = "\n".join(Stage(incident(), size=TALL).press("j", "j", "i"))
    assert "Explained: /var/lib/wf" in text
    assert "grows    +4.1G a day" in text
    assert "full in  9h–2d" in text
    assert "basis    slope of 6h, and of a day" in text
    assert "forecast free space at the pace of the last 6h" in text


def test_storage_and_retention_are_explained_from_the_palette() -> None:
    stage = Stage(incident(), size=TALL)
    text = "\n".join(stage.press(":", *"explain storage", "enter"))
    assert "Explained: storage and retention" in text
    assert "reaches  15d back, 365d wanted" in text
    assert "size     41.2G, +461M a day" in text
    empty = Stage(replace(incident(), host=None, retention=()))
    assert "no file system is watched" in "\n".join(empty.press(":", *"explain storage", "enter"))


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_it_scrolls_at_any_size(size: tuple[int, int], ascii_only: bool) -> None:
    stage = Stage(incident(), size=size, ascii_only=ascii_only)
    lines = stage.press("i")
    assert "more lines below" in lines[-2]
    assert not ascii_only or all(line.isascii() for line in lines)
    assert "left out 3 hours" in "\n".join(stage.press("G"))


def test_it_stays_readable_when_its_row_is_gone_and_before_anything_is_known() -> None:
    stage = Stage(incident(), size=TALL)
    stage.press("i")
    text = "\n".join(stage.show(replace(incident(), workflows=(), alerts=())))
    assert "rule     failed / finished" in text
    assert "made of  500 finished runs" in text
    bare = Stage(None)
    bare.shell.open(ExplainView("w"))
    assert "no source has answered yet" in bare.text()
    assert learnt("w", 1, 0.0, 1.0, per_hour=1).since == NOW - 12 * 86_400


# --- the rules


def ruled(snapshot: Snapshot, workflow: str, config: str = "", tmp: Path | None = None) -> str:
    """The part of the page that tells of the rules, with the settings of a config file."""
    file = None
    if tmp is not None:
        file = tmp / "config.toml"
        file.write_text(config)
    settings = rule_settings(load_config(file, {}).config)
    stage = Stage(snapshot, size=TALL, rules=lambda: settings)
    stage.shell.open(ExplainView(workflow))
    stage.lines()
    stage.press("G")
    return stage.text().partition("─ Rules ─")[2]


def test_each_rule_tells_what_it_is_held_against_and_how_it_stands(tmp_path: Path) -> None:
    text = ruled(incident(), "invoice_extract", tmp=tmp_path)
    for words in (
        "failure_rate  firing for 3m12s: 32% > 5%; surely more than 5% failing, 3 at",
        "timeout       quiet; a run of more than 1m07s: median + 1m",
        "stall         quiet; no sign of a run for 10m, 25m in a call",
        "runaway       quiet; one of more than $5.00",
        "cost_spike    quiet; $2.77 in an hour",
        "silence       quiet; too long for usually 48.3/min at this hour",
    ):
        assert words in text, text


def test_a_rule_that_learns_says_of_how_many(tmp_path: Path) -> None:
    learning = (
        Unjudged(("timeout", (("workflow", "nightly_report"),)), "nightly_report", "no baseline (n=7)", True),
        Unjudged(("silence", (("workflow", "nightly_report"),)), "nightly_report", "no data"),
        Unjudged(("stall", (("workflow", "other"),)), "other", "no data"),
    )
    text = ruled(replace(incident(), unjudged=learning), "nightly_report", tmp=tmp_path)
    assert "timeout       no baseline (n=7)\n" in text
    assert "silence       no data" in text
    assert "stall         quiet" in text


def test_what_a_workflow_usually_does_and_what_is_declared_move_the_threshold(tmp_path: Path) -> None:
    config = """
        [alerts.stall]
        enabled = false
        [[workflow]]
        name = "invoice_extract"
        limit = "45m"
        max_gap = "75m"
        max_run_usd = 2.0
        max_usd_per_hour = 20.0
        """
    base = incident()
    usual = learnt("invoice_extract", 500, 0.08, 19.5, per_hour=2_900, usd=0.95, cost_p99_usd=0.4)
    usual = replace(usual, durations_since=NOW - 3600)
    rows = tuple(replace(one, usual=usual) if one.usual else one for one in base.workflows)
    text = ruled(replace(base, workflows=rows), "invoice_extract", config, tmp_path)
    for words in (
        "surely more than 16% failing, 3 at",
        "(usual 8%)",
        "timeout       quiet; a run of more than 45m: its limit",
        "stall         off\n",
        "runaway       quiet; a run of more than $0.80 and 29s, or one of more than $2.00",
        "cost_spike    quiet; $2.77 in an hour, or a pace of more than $20.00/h",
        "silence       quiet; no success for 1h15m: its limit",
        "durations count since the deploy 13:03",
    ):
        assert words in text, text


def test_thresholds_of_another_collector_are_told_to_be_ours(tmp_path: Path) -> None:
    other = replace(incident(), collector=Collector(1, "ann", self_=False))
    assert "thresholds by this config ─" in ruled(other, "invoice_extract", tmp=tmp_path)


def test_without_settings_or_of_the_past_no_rule_is_told() -> None:
    assert "─ Rules ─" not in explained(incident(), "invoice_extract")
