"""The line of a status bar says what is known, in colours of whose bar it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.program import Program
from support.snapshots import all_fine, incident, input_gone, nothing_yet
from wfmon.cli.headless import Look
from wfmon.cli.status import NOBODY, _coloured, line
from wfmon.model.alert import AlertState
from wfmon.model.record import replace
from wfmon.model.snapshot import Level


def words(seen: Look | None) -> str:
    return line(seen)[1]


def test_the_worst_that_nobody_has_is_named_and_the_others_counted() -> None:
    snapshot = incident()
    (first, *others) = [alert for alert in snapshot.alerts if alert.open]
    level, text = line(Look(snapshot, 3))
    assert level is snapshot.verdict.level
    assert re.match(rf"wfmon \S {first.rule} \S+ \+{len(others)} ", text)


def test_what_somebody_has_is_not_called_out() -> None:
    snapshot = incident()
    taken = tuple(replace(alert, state=AlertState.ACKED) for alert in snapshot.alerts if alert.open)
    assert f" {len(taken)} taken " in words(Look(replace(snapshot, alerts=taken), 3))


def test_a_calm_line_has_figures_only_and_what_is_unknown_is_left_out() -> None:
    fine = all_fine()
    assert re.fullmatch(r"wfmon ✓ ≥?\d+ act \S+%? ?ok \$\S+/h", words(Look(fine, 3)).replace(" %", "%"))
    unknown = replace(fine, totals=replace(fine.totals, active=None, cost_usd_per_hour=None))
    assert "act" not in words(Look(unknown, 3))
    assert "$" not in words(Look(unknown, 3))


def test_sources_that_do_not_answer_are_told() -> None:
    assert re.search(r"\d/\d sources down$", words(Look(input_gone(), 1)))
    assert words(Look(None, 0)) == "wfmon ? no source answers"
    assert words(None) == NOBODY
    assert line(Look(nothing_yet(), 0))[0] is Level.UNKNOWN


@pytest.mark.parametrize(
    ("bar", "shown"),
    [
        ("plain", "a #(id) b"),
        ("tmux", "#[fg=red]a ##(id) b#[default]"),
        ("ansi", "\x1b[31ma #(id) b\x1b[0m"),
    ],
)
def test_a_name_cannot_speak_to_tmux(bar: str, shown: str) -> None:
    assert _coloured(Level.CRITICAL, "a #(id) b", bar) == shown


def test_nobody_is_asked_unless_it_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text("")
    program = Program(tmp_path, ("--logs", str(tmp_path / "runs.jsonl"), "--no-host"))
    idle = program.run("status")
    assert (idle.code, idle.out) == (1, NOBODY + "\n")
    asked = program.run("status", "--ask")
    assert asked.code == 0, asked
    assert re.match(r"wfmon \S", asked.out)
