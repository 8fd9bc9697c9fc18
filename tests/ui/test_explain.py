"""The row under the cursor explained: each figure with its window, age, n and source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from support.devworld import developed
from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import NOW, all_fine, incident, input_gone, learnt
from wfmon.config.loader import load_config
from wfmon.model.baseline import Baseline
from wfmon.model.episode import Unjudged
from wfmon.model.money import Money
from wfmon.model.snapshot import Collector, LadderStep, Snapshot, StatusCounts
from wfmon.monitor.settings import rule_settings
from wfmon.text.sanitize import safe
from wfmon.ui.panes.formulas import formulas_of
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


# --- what was asked of the source, money, runs, sources, the panes at the bottom


def test_each_figure_says_what_it_is_and_what_was_asked_of_its_source() -> None:
    text = " ".join(explained(developed(), "invoice_extract").split())
    for words in (
        "= failed / finished; failed: error, timeout, lost",
        "prom: sum by (workflow, status) (increase(workflow_runs_total[5m]))",
        "prom prometheus, profile convention, ok, 4s old, asked every 5.0s",
        "missing: cost",
        "tok/run 1.2k: the mean of the newest 60 runs whose logs tell tokens",
        "openai/gpt-x: $3.00 in, $15.00 out, $0.30 cached a million (genai-prices 0.2.3",
        "API openai 120.0/min, 3.0/min of them failed acme 30.0/min, failures not told",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("figure", "names", "found"),
    [
        ("runs", ("runs",), True),
        ("duration p95", ("duration", "duration"), True),
        ("n8n: cost", ("cost", "cost"), True),
        ("api_calls", ("api_calls", "calls"), True),
        ("calls", ("api_calls", "calls"), True),
        ("tokens", ("runs", ""), False),
        ("runsize", ("runs",), False),
    ],
)
def test_a_formula_is_found_by_any_name_of_its_figure(
    figure: str, names: tuple[str, ...], found: bool
) -> None:
    source = replace(incident().sources[0], formulas=((figure, "f(x)"),))
    assert formulas_of(source, *names) == (("f(x)",) if found else ())
    assert formulas_of(None, *names) == ()


def test_how_much_of_a_window_is_known_is_said() -> None:
    base = incident()
    ladder = (LadderStep(300.0, 120.0, StatusCounts()),)
    rows = tuple(replace(one, ladder=ladder) for one in base.workflows)
    wide = (140, 60)
    assert "only 2m of it are known" in explained(replace(base, workflows=rows), "invoice_extract", wide)
    assert "only" not in explained(base, "invoice_extract", wide)


def test_money_says_how_true_it_is_and_why() -> None:
    base = incident()
    burn = Money(exact=1.0, priced=0.5, low=0.25, high=1.0, unpriced_tokens=2_000.0)
    rows = tuple(replace(one, burn=burn, hour=Money(priced=0.4)) for one in base.workflows)
    text = " ".join(explained(replace(base, workflows=rows), "invoice_extract").split())
    for words in (
        "burn ≥$1.75",
        "$1.00 reported by who was paid",
        "~$0.50 = tokens by kind x price of a million",
        "≈$0.25 to $1.00: tokens that may be input or output",
        "missing the price of 2.0k tokens; they are in no sum",
        "hour ~$0.40 in the last hour",
    ):
        assert words in text, words


def test_of_a_workflow_its_run_under_the_cursor_is_explained_first() -> None:
    stage = Stage(developed(), size=(100, 90))
    stage.press("tab", "enter")
    text = "\n".join(stage.press("i"))
    assert "Explained: invoice_extract · run-" in text
    assert text.index("─ Run: run-") < text.index("─ Figures: invoice_extract ─")
    assert "money    ~<$0.01 ($0.00" in text


async def test_a_run_with_its_log_explains_itself() -> None:
    stage = Stage(developed(), size=(100, 60))
    await stage.arrived("2", "tab", "enter", "i")
    assert "Explained: run-0000" in stage.lines()[0]
    assert "≥" not in stage.text()
    stage.shell.closed()


def test_a_source_says_its_state_its_ages_and_how_its_figures_are_got() -> None:
    stage = Stage(developed(), size=(100, 60))
    text = "\n".join(stage.press("S", "i"))
    for words in (
        "Explained: source prom",
        "state    ok: its last answer came in time",
        "age      4s = now - 14:03:23, when its last good answer was true",
        "asked    every 5.0s",
        "missing  cost",
        "─ How its figures are got ─",
        "runs     sum by (workflow, status)",
    ):
        assert words in text, words
    stage.press("i")
    down = replace(input_gone().sources[0], error="connection refused")
    gone = Stage(replace(input_gone(), sources=(down, *input_gone().sources[1:])), size=(100, 60))
    text = "\n".join(gone.press("S", "i"))
    assert "it does not answer: figures of it are the last known" in text
    assert "why      connection refused" in text


def test_an_alert_that_ended_is_explained_from_the_list() -> None:
    stage = Stage(all_fine(), size=TALL)
    alert = all_fine().ended[0]
    stage.shell.open(ExplainView(alert.workflow, alert.id, alert))
    stage.show(replace(all_fine(), ended=(), alerts=()))
    assert "rule     failed / finished" in stage.text(), "also when no list has it any more"


def test_tab_reaches_the_panes_at_the_bottom_and_i_explains_all_their_figures() -> None:
    stage = Stage(incident(), size=(80, 60))
    seen = []
    for title, words in (
        ("Tokens & cost", ("tokens   71.1k/min over 5m", "burn     $5.43/h", "usual    2.4x = burn now")),
        ("Memory", ("18.2/31.3G, 58%  = (total", "3 processes of other users", "age      1s")),
        ("Storage", ("Explained: storage and retention", "forecast free space")),
    ):
        stage.press("tab", *(["tab"] if not seen else []))
        assert f"▶{title}" in stage.text()
        text = " ".join(" ".join(stage.press("i")).split())
        for each in words:
            assert " ".join(each.split()) in text, each
        stage.press("esc")
        seen.append(title)
    stage.press("tab")
    assert stage.cursor_line().startswith("✖ failure_rate")
    assert "▶" not in stage.text()
    stage.press("shift-tab")
    assert "▶Storage" in stage.text()


def test_enter_on_tokens_and_cost_goes_to_finance() -> None:
    stage = Stage(incident())
    stage.press("tab", "tab")
    stage.press("enter")
    assert stage.shell.view.name == "finance"
    stage.press("1")
    assert "▶Tokens & cost" in stage.text(), "as it was left"
    assert "open" not in stage.press("tab")[-1], "memory leads nowhere"


def test_where_the_bottom_has_no_room_the_cursor_is_in_a_list() -> None:
    stage = Stage(incident())
    stage.press("tab", "tab")
    stage.size = (80, 15)
    stage.lines()
    assert stage.cursor_line()
    stage.size = (80, 24)
    assert "▶" not in stage.text()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_hostile_texts_explain_themselves_in_their_rows(payload: object) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    base = developed()
    source = replace(
        base.sources[0],
        name=text,
        profile=text,
        missing=(text,),
        apart=(text,),
        about=(text,),
        formulas=(("runs", text), (text, text)),
    )
    run = replace(base.runs[1], workflow=text, model=text, error=text, log=text, source=text)
    workflow = replace(base.workflows[2], name=text, origin=(("runs", text), ("tokens", text)))
    token = replace(base.tokens[0], workflow=text, model=text, provider=text)
    snapshot = replace(
        base, sources=(source,), workflows=(workflow,), runs=(run,), recent={text: (run,)}, tokens=(token,)
    )
    for keys in (["i"], ["tab", "enter", "i"], ["S", "i"], ["tab", "tab", "i"]):
        stage = Stage(snapshot, size=(80, 60))
        lines = stage.press(*keys)
        assert all(line.isprintable() for line in lines)
