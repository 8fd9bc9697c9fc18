"""What ``docs/alerting.md`` says of settings and figures is so; each simulation looks for its own rows."""

from __future__ import annotations

from simulation.report import defaults
from simulation.table import HEAD, written


def test_the_settings_are_those_that_are_shipped() -> None:
    assert list(written("defaults")) == defaults(), "cd tests && python -m simulation.report"


def test_a_row_is_there_once() -> None:
    rows = written("table")
    assert list(rows[:2]) == HEAD.splitlines()
    assert len(set(rows)) == len(rows)
    assert list(rows[2:]) == sorted(rows[2:])
