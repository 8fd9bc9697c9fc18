"""What ``history.db`` holds against what really happened."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from wfmon.demo.ledger import Entry
from wfmon.model.history import Kind, Role
from wfmon.model.run import Run
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.records import Session
from wfmon.store.history.settings import HistorySettings
from wfmon.store.paths import StateDir

MONEY = 1e-9
COUNTED = ("success", "error", "timeout", "lost")


@dataclass(frozen=True)
class Sums:
    """Of one workflow."""

    runs: float
    failures: float
    tokens: float
    cost_usd: float


@dataclass(frozen=True)
class Kept:
    """What is in the store: ``runs`` and ``sums`` (by role) by workflow."""

    runs: Mapping[str, Sequence[Run]]
    sums: Mapping[Role, Mapping[str, Sums]]
    sessions: Sequence[Session]


def read_kept(state: Path, workflows: Sequence[str]) -> Kept:
    reader = HistoryReader(StateDir(state), HistorySettings())
    try:
        sums: dict[Role, dict[str, Sums]] = {Role.LOGS: {}, Role.METRICS: {}}
        for row in reader.hours(0.0, time.time() + 3600.0, Kind.WORKFLOW):
            before = sums[row.role].get(row.subject, Sums(0.0, 0.0, 0.0, 0.0))
            sums[row.role][row.subject] = Sums(
                before.runs + (row.runs or 0.0),
                before.failures + (row.failures or 0.0),
                before.tokens + (row.tokens or 0.0),
                before.cost_usd + (row.cost_usd or 0.0),
            )
        return Kept(
            {name: reader.runs(name, 10_000) for name in workflows},
            sums,
            reader.sessions(0.0, time.time() + 3600.0),
        )
    finally:
        reader.close()


def newest_looks(state: Path) -> list[float]:
    """The time of the newest look at each target."""
    try:
        with closing(sqlite3.connect(f"file:{state}/history.db?mode=ro", uri=True)) as connection:
            return [at for (at,) in connection.execute("SELECT max(at) FROM looks GROUP BY target")]
    except sqlite3.OperationalError:
        return []  # it is just being made


def booked(entries: Sequence[Entry]) -> dict[str, Sums]:
    """The ledger in the figures of the store."""
    found: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    for entry in entries:
        counted = entry.status in COUNTED
        each = found[entry.workflow]
        each[0] += counted
        each[1] += counted and entry.status != "success"
        each[2] += entry.input_tokens + entry.output_tokens
        each[3] += entry.cost_usd
    return {name: Sums(*figures) for name, figures in found.items()}


def check_runs(kept: Kept, ledger: Sequence[Entry]) -> None:
    """Every run is there once, as it was."""
    by_workflow: dict[str, list[Entry]] = defaultdict(list)
    for entry in ledger:
        by_workflow[entry.workflow].append(entry)
    for name, entries in by_workflow.items():
        runs = kept.runs[name]
        named = {run.id: run for run in runs if run.has_id}
        logged = {entry.run_id: entry for entry in entries if entry.logged_id}
        assert sorted(named) == sorted(logged), f"{name}: {set(named) ^ set(logged)}"
        for run_id, entry in logged.items():
            run = named[run_id]
            assert run.status.value == entry.status, run
            assert (run.usage.total or 0) == entry.input_tokens + entry.output_tokens, (run, entry)
            assert (run.usage.cost_usd or 0.0) == pytest.approx(entry.cost_usd, rel=0, abs=MONEY)
            assert run.retries == entry.retries, (run, entry)
            assert run.duration_seconds == pytest.approx(entry.duration_seconds, abs=1e-5), (run, entry)
        nameless = Counter(run.status.value for run in runs if not run.has_id)
        assert nameless == Counter(entry.status for entry in entries if not entry.logged_id), name


def check_sums(kept: Kept, ledger: Sequence[Entry]) -> None:
    """What was counted, by logs and by metrics, is what happened."""
    for role in Role:
        for name, happened in booked(ledger).items():
            counted = kept.sums[role].get(name, Sums(0.0, 0.0, 0.0, 0.0))
            exact = (counted.runs, counted.failures, counted.tokens)
            assert exact == (happened.runs, happened.failures, happened.tokens), f"{role} of {name}"
            assert counted.cost_usd == pytest.approx(happened.cost_usd, rel=0, abs=MONEY), f"{role} of {name}"
        assert set(kept.sums[role]) <= set(booked(ledger)), role


def check_one_after_another(sessions: Sequence[Session]) -> None:
    """No collector wrote after the next had begun."""
    for before, after in itertools.pairwise(sessions):
        assert before.epoch < after.epoch
        assert before.last_seen <= after.begin, (before, after)
