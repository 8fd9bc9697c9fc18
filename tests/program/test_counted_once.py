"""Logs and metrics of one workload, read alone and together: what really happened, counted once.

The sources watch from before the first run; after the last one, each snapshot must equal the ledger.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.program import Program
from support.waiting import wait_until
from wfmon.cli.contract import snapshot_json
from wfmon.config.loader import load_config
from wfmon.demo.incidents import ERROR_BURST
from wfmon.demo.ledger import Entry, read_ledger
from wfmon.demo.workload import Workload, WorkloadInfo
from wfmon.monitor.assemble import Assembled, assemble
from wfmon.monitor.loop import Monitor

MONEY = 1e-9
WITHOUT_RETRIES = "lead_scoring"  # its log lines do not tell of them
# Windows that hold everything, whatever the machine's speed.
WINDOWS = '[windows]\nruns = "30m"\ngrow_runs = 1000000\nmax = "30m"\nrate = "30m"\n'

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """One workload at rest: its ledger, and the snapshots of who watched it from the start."""

    ledger: list[Entry]
    info: WorkloadInfo
    watched: Mapping[str, Json]
    home: Path


def settings(info: WorkloadInfo, home: Path, kinds: str) -> Path:
    """A config with the sources ``kinds`` names."""
    listed = {
        "metrics": ("scrape", "urls", info.metrics),
        "logs": ("logs", "paths", info.logs),
    }
    parts = [WINDOWS, f'[state]\ndir = "{home / kinds}"\n', "[host]\nenabled = false\n"]
    for name in kinds.split("+"):
        kind, key, places = listed[name]
        values = ", ".join(f'"{place}"' for place in places)
        parts.append(f'[[source]]\nname = "{name}"\nkind = "{kind}"\ninterval = "1s"\n{key} = [{values}]\n')
    file = home / f"{kinds}.toml"
    file.write_text("\n".join(parts))
    return file


def watching(stack: ExitStack, config: Path) -> Assembled:
    assembled = assemble(load_config(str(config), environ={}).config)
    stack.callback(assembled.close)
    assembled.monitor.start()
    return assembled


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    home = tmp_path_factory.mktemp("counted")
    with Workload(seed=11, incidents=[ERROR_BURST], hold=True) as workload, ExitStack() as stack:
        info = workload.info
        wait_until((info.directory / "ready").exists, timeout=60, message="the workload is up")
        monitors = {
            kinds: watching(stack, settings(info, home, kinds)).monitor
            for kinds in ("metrics", "logs", "metrics+logs")
        }
        for monitor in monitors.values():
            wait_until(lambda: monitor.settled, timeout=60, message="watched before the first run")  # noqa: B023
        workload.release()
        wait_until(lambda: enough(read_ledger(info.ledger)), timeout=90, message="runs of all kinds")
        workload.quiet()
        wait_until(info.quiet.exists, timeout=30, message="all runs have ended")
        rested, ledger = time.time(), read_ledger(info.ledger)
        watched = {
            kinds: wait_until(lambda: seen_since(monitor, rested, len(ledger)), timeout=60, message=kinds)  # noqa: B023
            for kinds, monitor in monitors.items()
        }
        yield Seen(ledger, info, watched, home)
    assert workload.problems() == ""


def seen_since(monitor: Monitor, moment: float, runs: int) -> Json | None:
    """The snapshot in which every source has answered after ``moment``, and not fewer than ``runs`` are seen:
    on a loaded machine what is read of a log lags behind it."""
    snapshot = monitor.snapshot
    if snapshot is None or not all((source.as_of or 0.0) > moment for source in snapshot.sources):
        return None
    found = snapshot_json(snapshot)
    return found if sum(sum(each.values()) for each in counts(found).values()) >= runs else None


def enough(entries: list[Entry]) -> bool:
    return len(entries) >= 40 and sum(entry.status == "error" for entry in entries) >= 3


def counts(snapshot: Json) -> dict[str, dict[str, int]]:
    return {
        row["name"]: {status: n for status, n in (row["runs"] or {}).items() if n}
        for row in snapshot["workflows"]
        if any((row["runs"] or {}).values())
    }


def booked(ledger: list[Entry]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in ledger:
        found[entry.workflow][entry.status] += 1
    return {name: dict(counter) for name, counter in found.items()}


def by_workflow(ledger: list[Entry], figure: str) -> dict[str, float]:
    found: Counter[str] = Counter()
    for entry in ledger:
        tokens = entry.input_tokens + entry.output_tokens
        found[entry.workflow] += tokens if figure == "tokens" else getattr(entry, figure)
    return {name: value for name, value in found.items() if value}


def column(snapshot: Json, name: str, factor: float = 1.0) -> dict[str, float]:
    return {row["name"]: row[name] * factor for row in snapshot["workflows"] if row[name]}


@pytest.fixture(scope="module")
def printed(seen: Seen) -> dict[str, Json]:
    """What a fresh ``snapshot --json`` prints, of the logs and of both."""
    program = Program(seen.home)
    found = {}
    for kinds in ("logs", "metrics+logs"):
        done = program.run("snapshot", "--json", "--config", str(seen.home / f"{kinds}.toml"))
        assert done.code == 0, done
        found[kinds] = done.json
    return found


def test_the_workload_was_worth_counting(seen: Seen) -> None:
    assert {"success", "error"} <= {entry.status for entry in seen.ledger}
    assert len(booked(seen.ledger)) >= 3
    assert by_workflow(seen.ledger, "retries")
    assert by_workflow(seen.ledger, "cost_usd")


@pytest.mark.parametrize("kinds", ["metrics", "logs", "metrics+logs"])
def test_who_watched_from_the_start_counts_each_run_once(seen: Seen, kinds: str) -> None:
    snapshot = seen.watched[kinds]
    assert counts(snapshot) == booked(seen.ledger)
    retries = by_workflow(seen.ledger, "retries")
    if kinds == "logs":
        retries.pop(WITHOUT_RETRIES, None)
        assert {row["name"]: row["retries"] for row in snapshot["workflows"]}[WITHOUT_RETRIES] is None
    assert column(snapshot, "retries") == retries
    assert snapshot["totals"]["n"] == sum(entry.status != "cancelled" for entry in seen.ledger)


@pytest.mark.parametrize("kinds", ["logs", "metrics+logs"])
def test_a_fresh_snapshot_counts_each_run_once(seen: Seen, printed: Mapping[str, Json], kinds: str) -> None:
    assert counts(printed[kinds]) == booked(seen.ledger)
    assert printed[kinds]["runs_total"] == len(seen.ledger)
    listed = [run["id"] for run in printed[kinds]["runs"]]
    assert len(listed) == len(set(listed))
    assert {entry.run_id for entry in seen.ledger if entry.logged_id and entry.status == "error"} <= {*listed}


def test_tokens_and_money_of_the_logs_alone_are_the_ledgers(seen: Seen, printed: Mapping[str, Json]) -> None:
    for snapshot in (seen.watched["logs"], printed["logs"]):
        tokens, cost = by_workflow(seen.ledger, "tokens"), by_workflow(seen.ledger, "cost_usd")
        hours = snapshot["totals"]["window_seconds"] / 3600  # since the first line: half an hour did not pass
        assert hours < 0.5
        assert column(snapshot, "tokens_per_minute", hours * 60) == pytest.approx(tokens, rel=1e-12)
        assert column(snapshot, "cost_usd_per_hour", hours) == pytest.approx(cost, rel=0, abs=MONEY)
        everything = snapshot["totals"]["cost_usd_per_hour"] * hours
        assert everything == pytest.approx(sum(cost.values()), rel=0, abs=MONEY)


@pytest.mark.parametrize("kinds", ["metrics", "metrics+logs"])
def test_tokens_and_money_of_the_metrics_are_the_ledgers(seen: Seen, kinds: str) -> None:
    snapshot = seen.watched[kinds]
    tokens: Counter[str] = Counter()
    for row in snapshot["tokens"]:
        assert row["kind"] in ("input", "output")
        tokens[row["workflow"]] += row["total"]
    assert {name: n for name, n in tokens.items() if n} == by_workflow(seen.ledger, "tokens")
    cost = {row["name"]: row["total_usd"] for row in snapshot["cost"]["by_workflow"] if row["total_usd"]}
    assert cost == pytest.approx(by_workflow(seen.ledger, "cost_usd"), rel=0, abs=MONEY)


def test_each_figure_of_both_comes_from_one_source(seen: Seen) -> None:
    for row in seen.watched["metrics+logs"]["workflows"]:
        assert set(row["origin"].values()) <= {"metrics", "logs"}
        assert row["origin"].get("tokens", "metrics") == "metrics"
        assert row["origin"]["active"] == "metrics"
    for kinds in ("metrics", "logs"):
        for row in seen.watched[kinds]["workflows"]:
            assert set(row["origin"].values()) == {kinds}


def test_a_scraper_that_has_just_come_knows_no_past(seen: Seen) -> None:
    """Its counters are old: what grew before it looked is not what grew in the window."""
    done = Program(seen.home).run("snapshot", "--json", "--config", str(seen.home / "metrics.toml"))
    assert done.code == 0
    assert counts(done.json) == {}
    assert done.json["totals"]["error_ratio"] is None
    total = sum(row["total"] for row in done.json["tokens"])
    assert total == sum(by_workflow(seen.ledger, "tokens").values()), "what the counters hold is known"
