"""The start screen as drawn, and what it does at other sizes and in other states."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.screen import Stage
from support.snapshots import (
    NOW,
    all_fine,
    crowd,
    incident,
    input_gone,
    many_alerts,
    nothing_yet,
    without_usual,
)
from wfmon.model.alert import AlertState
from wfmon.model.source import SourceState
from wfmon.ui.panes.columns import choose
from wfmon.ui.views.plan import plan

INCIDENT = """\
wfmon  prod-ai-01 · ops                 4/4 sources · prom 4s old · 14:03:27 UTC
✖ invoice_extract fails 32% (80 of 250 in 5m) since 14:00 · nobody has it · ⏎
─ Alerts ────────────────────────────── 2 firing · 1 acked · 1 ended 6m ago: H ─
✖ failure_rate  invoice_extract  32% > 5%              for 3m12s   80 failed
▲ cost_spike    research_agent   $4.20/h, 3.1x usual   for 41s
◆ storage       /var/lib/wf      93% full (3.5G free)  acked joe 3m, wakes 15:00
─ Workflows ───────────────────── 14 active · ok 76.0% · errors 24.0% ▁▁▂▁▄▇██ ─
  WORKFLOW          ACT  RUN/m  ERR% usual    P95  xusu   TOK/m    $/h  LAST
✖ invoice_extract     4   50.0  32.0   0.8    41s  2.1x    8.1k   1.10  2s ✖
▲ research_agent      6    1.2   1.0   1.1   3m04  1.2x   61.0k   4.20  40s ✓
  data_processing     2   12.0   0.0   0.1   5.2s  1.0x       –      –  3s ✓
  email_triage        2    3.5   0.0   0.4   9.8s  0.9x    2.0k   0.13  9s ✓
  nightly_report      0    0.0     –  7/20      –     –       –      –  13h ✓
─ Tokens & cost ──────────┬ Memory ───────────────┬ Storage ────────────────────
  71.1k/min  5m  ▃▃▃ ▄▅▇█ │ host 18.2/31.3G  58%  │ /var/lib/wf  93% full 9h–2d
  $5.43/h    2.4x usual   │ swap   0.0/2.0G   0%  │ /            61% used +1.2G
  61.0k in  10.1k out     │ workflows  6.1G  19%  │ metrics  kept 15d of 365d
  $4.12 wasted on errors  │ load 3.1 of 8  cpu 34%│ logs 41.2G  oldest 92d
  197.0 API/min           │ most invoice_ext… 3.0G│
  gpt-x             59.0k │      research_ag… 2.6G│
  claude-y          12.1k │      email_tri… 512.0M│
                          │ 3 pids not visible    │

 ⏎ open  e error  l log  a ack  z snooze  c note  / filter  1-4  : ?  q
"""


def test_incident_is_drawn_exactly() -> None:
    assert Stage(incident()).text() + "\n" == INCIDENT


def test_all_fine_says_what_ended_and_has_no_alert_pane() -> None:
    lines = Stage(all_fine()).lines()
    assert lines[1] == "✓ all 5 workflows normal · 11 rules checked 1s ago · $2.10/h, as usual"
    assert lines[2] == "  1 ended 6m ago: email_triage failed 32% 13:50–13:57, nobody had it · H"
    assert lines[3].startswith("─ Workflows ─")
    private = replace(all_fine(), acks_shared=False)
    assert "not acked by you" in Stage(private).lines()[2]


def test_an_input_that_is_gone_is_named_and_its_figures_are_greyed() -> None:
    stage = Stage(input_gone())
    lines = stage.lines()
    assert "3/4 sources · prom ✖ 40s · 14:03:27 UTC" in lines[0]
    assert lines[1].startswith("? cannot see metrics")
    rows = {row.key: row for row in stage.shell.draw(80, 24)}
    row = rows["w:invoice_extract"]
    assert row.text.startswith("? invoice_extract")
    stale = stage.shell.look.style("stale")
    greyed = "".join(text for text, style, _ in row.strip if style == stale)
    assert "50.0" in greyed, "runs come from the source that is gone"
    assert "8.1k" not in greyed, "tokens come from one that answers"


def test_sums_of_an_input_that_is_gone_are_the_last_known_and_grey() -> None:
    gone = input_gone()
    dead = replace(gone.sources[-1], kind="host", state=SourceState.DOWN)
    workflows = tuple(replace(one, origin=(("tokens", "prom"), ("runs", "prom"))) for one in gone.workflows)
    gone = replace(gone, sources=(*gone.sources[:-1], dead), workflows=workflows)
    stage = Stage(gone)
    text = stage.text()
    assert "last known · 14 active" in text
    assert "─ Tokens & cost ? ─" in text
    assert "┬ Memory ? ─" in text
    stale = stage.shell.look.style("stale")
    greyed = "".join(
        text for row in stage.shell.draw(80, 24) for text, style, _ in row.strip if style == stale
    )
    assert "71.1k/min" in greyed
    assert "18.2/31.3G" in greyed
    assert "Tokens & cost ─" in Stage(all_fine()).text()


def test_nothing_seen_says_what_would_help() -> None:
    lines = Stage(nothing_yet()).lines()
    assert lines[0].endswith("2/2 sources · 14:03:27 UTC")
    assert "  Nothing reports runs here yet. Any of these will do:" in lines
    assert any("wfmon-tui demo" in line for line in lines)


def test_before_the_first_answer_it_says_what_it_waits_for() -> None:
    assert Stage(None).lines()[2] == "  starting …"
    base = nothing_yet()
    waiting = tuple(replace(one, state=SourceState.WAITING) for one in base.sources)
    assert "  waiting for app logs, host …" in Stage(replace(base, sources=waiting)).lines()


def test_without_a_baseline_its_columns_give_room_to_the_trend() -> None:
    lines = Stage(without_usual(incident())).lines()
    head = next(line for line in lines if "WORKFLOW" in line)
    assert head == "  WORKFLOW          ACT  RUN/m  ERR%      ERRORS    P95   TOK/m    $/h  LAST"
    assert any("invoice_extract     4   50.0  32.0    ▁▁▂▁▄▇██    41s" in line for line in lines)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (100, 30), (120, 40), (200, 60)])
def test_wider_has_more_columns_never_another_order(size: tuple[int, int]) -> None:
    lines = Stage(incident(), size=size).lines()
    head = next(line for line in lines if "WORKFLOW" in line).split()
    order = ["WORKFLOW", "ACT", "RUN/m", "ERR%", "usual", "ERRORS", "RETRY", "P50", "P95", "xusu"]
    order += ["TOK/m", "$/h", "API/m", "MEM", "LAST", "LAST", "ERROR"]
    assert head == [word for word in order[: len(order) - 2] if word in head] + (
        ["LAST", "ERROR"] if head[-1] == "ERROR" else []
    )
    wanted = {60: 6, 80: 10, 100: 11, 120: 12, 200: 14}[size[0]]
    assert len(head) >= wanted
    if size[0] == 200:
        assert any("TimeoutError: api.example 504" in line for line in lines)


def test_too_small_says_so() -> None:
    assert Stage(incident(), size=(59, 24)).lines()[0] == "59x24 is too small: needs 60x15"
    assert Stage(incident(), size=(80, 14)).lines()[0] == "80x14 is too small: needs 60x15"
    assert Stage(incident(), size=(3, 2)).lines()


def test_more_alerts_than_fit_are_counted() -> None:
    lines = Stage(many_alerts(13)).lines()
    assert "─ Alerts ─" in lines[2]
    assert "10 firing · 3 acked" in lines[2]
    assert lines[9] == "  +7 more, 3 critical (taken)"
    rows = [line for line in lines if line.startswith(("✖ ", "▲ ", "◆ ", "  ")) and "$/h" not in line]
    assert sum("ok" not in row for row in rows) >= 4


def test_a_long_verdict_takes_a_second_row_and_is_whole() -> None:
    text = (
        "invoice_extract fails 32% (80 of 250 in 5m) since 14:00 · joe from 10.0.3.7 pts/2 has it"
        " · ? cannot see prom 40s"
    )
    base = incident()
    lines = Stage(replace(base, verdict=replace(base.verdict, text=text))).lines()
    assert f"{lines[1][2:].rstrip()} {lines[2].strip()}".startswith(text)


def test_an_ack_that_could_not_be_saved_is_shouted() -> None:
    base = incident()
    broken = replace(base.alerts[0], unsaved="disk full")
    stage = Stage(
        replace(base, alerts=(broken, *base.alerts[1:]), store_problem="acks not stored: disk full")
    )
    assert "NOT SAVED: disk full" in stage.lines()[3]
    assert "acks not stored: disk full" in stage.lines()[2]


def test_unknown_is_not_zero() -> None:
    base = incident()
    bare = replace(base.workflows[0], active=None, runs=None, runs_per_minute=None, duration_p95_seconds=None)
    row = next(
        line for line in Stage(replace(base, workflows=(bare,), alerts=())).lines() if "data_proc" in line
    )
    assert row.split() == ["data_processing", "–", "–", "–", "0.1", "–", "–", "–", "–", "3s", "✓"]


def test_ascii_has_no_other_character() -> None:
    stage = Stage(incident(), ascii_only=True)
    text = stage.text()
    assert text.isascii()
    assert "X failure_rate" in text
    assert "a storage" in text
    assert all(line.isascii() for line in stage.press("S"))
    assert all(line.isascii() for line in stage.press("q", "?"))


def test_at_least_is_not_more_than_in_ascii() -> None:
    base = incident()
    some = replace(base.workflows[0], active=0, active_at_least=True)
    seen = replace(base, workflows=(some,), totals=replace(base.totals, active=0, active_at_least=True))
    plain = Stage(seen, ascii_only=True).text()
    assert "0+ active" in plain
    assert next(line for line in plain.splitlines() if "data_proc" in line).split()[1] == "0+"
    assert "≥0 active" in Stage(seen).text()


def test_the_end_of_a_path_is_what_is_kept() -> None:
    base = incident()
    path = "/srv/automation/workflows/invoices"
    full = replace(
        base.alerts[2], labels=(("mount", path),), summary=f"{path} 93% full (3.5G free)", workflow=None
    )
    row = Stage(replace(base, alerts=(full,))).lines()[3]
    assert "…kflows/invoices 93% full (3.5G free)" in row


def test_an_almost_idle_cpu_and_an_almost_empty_directory_fit_their_cells() -> None:
    base = incident()
    assert base.host is not None
    volume = replace(base.host.volumes[0], path="/srv/automation/workflows", used_ratio=0.0004)
    host = replace(base.host, cpu_ratio=0.043, volumes=(volume,))
    lines = Stage(replace(base, host=host)).lines()
    assert any("load 3.1 of 8  cpu 4%" in line for line in lines)
    assert any("workflows  <1% " in line for line in lines)


def test_no_data_is_neither_fine_nor_firing() -> None:
    base = incident()
    blind = replace(base.alerts[0], state=AlertState.NO_DATA, failed=None)
    row = Stage(replace(base, alerts=(blind,))).lines()[3]
    assert row.startswith("? failure_rate")
    assert "no data for 3m12s" in row


@given(
    height=st.integers(11, 100),
    alerts=st.integers(0, 40),
    workflows=st.integers(1, 1000),
    bottom=st.integers(0, 12),
)
def test_the_plan_never_asks_for_more_rows_than_there_are(
    height: int, alerts: int, workflows: int, bottom: int
) -> None:
    shares = plan(height, alerts, workflows, bottom)
    used = 2 + shares.workflows
    used += 1 + shares.alerts + (alerts > shares.alerts) if alerts else 0
    used += 1 + shares.bottom if shares.bottom else 0
    assert used <= height
    assert shares.workflows >= min(4, workflows)
    assert shares.alerts == min(alerts, 6) or shares.bottom == 0
    assert shares.alerts >= min(alerts, 1)


@given(width=st.integers(60, 300), longest=st.integers(1, 120), usual=st.booleans(), skip=st.integers(0, 20))
def test_columns_never_overflow(width: int, longest: int, usual: bool, skip: int) -> None:
    layout = choose(width, longest, usual=usual, skip=skip)
    assert 2 + layout.name + sum(column.width for column in layout.columns) <= width
    assert layout.columns


def test_a_thousand_workflows_draw_only_what_is_seen() -> None:
    stage = Stage(crowd())
    drawn: list[str] = []
    pane = stage.view._workflows_pane  # type: ignore[attr-defined]
    whole = pane.row

    def counted(*args: object, **options: object) -> object:
        drawn.append("row")
        return whole(*args, **options)

    pane.row = counted
    stage.lines()
    assert 4 <= len(drawn) <= 24


def test_a_row_that_did_not_change_is_the_same_object() -> None:
    stage = Stage(crowd())
    before = {row.key: row for row in stage.shell.draw(80, 24) if row.key}
    fresh = crowd(now=NOW)
    stage.show(replace(stage.shell.snapshot or fresh, at=NOW + 1))
    after = {row.key: row for row in stage.shell.draw(80, 24) if row.key}
    same = [key for key in before if key.startswith("w:") and after.get(key) is before[key]]
    assert len(same) == sum(key.startswith("w:") for key in before)
