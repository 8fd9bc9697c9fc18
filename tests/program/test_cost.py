"""``wfmon-tui cost`` after a real collector has kept what a real exporter said."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from support.kept import newest_looks
from support.program import Program
from support.shopfloor import COST, NAME, TOKENS, shop_floor
from support.waiting import wait_until

RUNS = 8


def test_nothing_kept_is_told(tmp_path: Path) -> None:
    done = Program(tmp_path, ("--state-dir", str(tmp_path / "state"))).run("cost")
    assert done.code == 1
    assert "nothing is known of that time" in done.err


@pytest.mark.pty
def test_what_was_spent_while_somebody_watched(tmp_path: Path) -> None:
    with shop_floor(tmp_path) as floor:
        state = tmp_path / "kept"
        program = Program(tmp_path, ("--config", str(floor.config), "--state-dir", str(state)))
        with program.terminal(size=(80, 24)):
            wait_until(lambda: newest_looks(state), timeout=60, message="the counters are watched")
            floor.work(RUNS)
            wait_until(lambda: floor.is_kept(state), timeout=60)
            found = program.run("cost", "--json").json
    assert found["total"]["usd"] == pytest.approx(RUNS * COST)
    assert found["total"]["quality"] == "exact"
    (row,) = found["lines"]
    assert row["name"] == NAME
    assert (row["runs"], row["tokens"]) == (RUNS, RUNS * TOKENS)
    assert row["usd"] == pytest.approx(RUNS * COST)
    assert 0 < found["known_seconds"] < 3600

    shown = program.run("cost", "--since", "2h").out
    assert shown.splitlines()[1].split()[0] == NAME
    assert "all       $0.10" in shown
    rows = list(csv.DictReader(io.StringIO(program.run("cost", "--by", "model", "--csv").out)))
    assert [float(each["usd"]) for each in rows] == [pytest.approx(RUNS * COST)]
    assert rows[0]["runs"] == ""
