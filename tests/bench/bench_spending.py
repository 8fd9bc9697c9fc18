"""The four views over a year of spending: how long a person waits for the figures, and the memory they take.

``python -m pytest tests/bench/bench_spending.py -s`` takes about five minutes, most of them to write the
year. It insists on memory only; times depend on the machine.
"""

from __future__ import annotations

import random
import re
import statistics
import time
from datetime import UTC
from pathlib import Path

import pytest

from bench.meter import rss_bytes
from bench.report import Bar, insist, mebibytes, millis, table
from bench.scene import SIZE, WITH_BYTECODE, verdict_pattern
from support.program import Program, json_lines
from support.pty import Terminal
from wfmon.model.history import Batch, Role, Watched
from wfmon.model.run import ModelUsage, Run, RunStatus, Usage
from wfmon.model.spend import Amounts, Outcome, SpendKey, SpendSum
from wfmon.store.history.settings import DAY, HOUR, HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir

WORKFLOWS, MODELS, DAYS = 500, 50, 365
DENSE_DAYS = 35  # in which every workflow spends in every hour; before, each in a quarter of them
RUNS_AN_HOUR = 10
TIMES = 9
CONFIG = """
[ui]
timezone = "UTC"
[slo]
success = 0.99
days = 30
[prices]
source = ""
[[prices.override]]
model = "model-1*"
input_mtok = 3.0
output_mtok = 15.0
[[prices.override]]
model = "model-2*"
input_mtok = 0.2
output_mtok = 0.8
[[budget]]
name = "all"
usd = 90000.0
period = "month"
[[budget]]
name = "team 3"
usd = 400.0
period = "day"
scope = { workflow = "team-3/*" }
[[source]]
name = "logs"
kind = "logs"
paths = ["runs.jsonl"]
"""
NAMES = tuple(f"team-{number % 23}/batch_{number}" for number in range(WORKFLOWS))
FIGURES = {
    "1": verdict_pattern(2, "wf1"),
    "2": r"· dev\w*[\s\S]*wf\d",
    "3": r"· fin\w*[\s\S]*batch_\d+.*\$",
    "4": r"· exec\w*[\s\S]*spent +\S*\$.*\$.*\$[\s\S]*Runs each day",
}
WORDS = {"1": "operations", "2": "development", "3": "finance", "4": "executive"}

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]


def write_year(state: Path, now: float) -> None:
    """As a collector would have written it, hour after hour."""
    rng = random.Random(6)
    writer = HistoryWriter(StateDir(state, shared=False), HistorySettings(zone=UTC))
    begin = now // DAY * DAY - DAYS * DAY
    writer.begin(1, 1, "tester", "0", begin)
    at = begin
    while at < now:
        end = min(at + HOUR - 1, now)
        dense = at >= now - DENSE_DAYS * DAY
        names = NAMES if dense else rng.sample(NAMES, WORKFLOWS // 4)
        runs = tuple(_run(rng, at, number) for number in range(RUNS_AN_HOUR)) if dense else ()
        watched = (Watched("m", Role.METRICS, at, end), Watched("l", Role.LOGS, at, end))
        spent = tuple(_sum(rng, at, name) for name in names)
        writer.write(Batch(end, spent=spent, watched=watched, runs=runs))
        at += HOUR
    writer.close()


def _sum(rng: random.Random, at: float, name: str) -> SpendSum:
    place = (hash_of(name) + rng.randrange(3)) % MODELS
    into = rng.lognormvariate(10, 1)
    key = SpendKey(name, f"provider-{place % 4}", f"model-{place}", "", Outcome.UNKNOWN)
    usd = rng.lognormvariate(-2, 1) if place % 3 == 0 else None
    return SpendSum(at, key, "m", Role.METRICS, Amounts(into, into / 8, into / 3, calls=20.0, usd=usd))


def _run(rng: random.Random, at: float, number: int) -> Run:
    place = rng.randrange(MODELS)
    tokens = int(rng.lognormvariate(9, 1))
    usage = Usage(tokens, tokens // 8, total=tokens + tokens // 8)
    return Run(
        id=f"{at:.0f}-{number}",
        workflow=rng.choice(NAMES),
        status=RunStatus.ERROR if rng.random() < 0.05 else RunStatus.SUCCESS,
        started_at=at + number * 60,
        ended_at=at + number * 60 + 30,
        usage=usage,
        parts=(ModelUsage(f"provider-{place % 4}", f"model-{place}", "", usage, 5),),
        source="l",
    )


def hash_of(name: str) -> int:
    return int(name.rpartition("_")[2])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A quiet host with a long past."""
    folder = tmp_path_factory.mktemp("year")
    now = time.time()
    log = [
        {"timestamp": now - 30 + n, "workflow": f"wf{n % 5}", "run_id": f"r{n}", "status": "success"}
        for n in range(30)
    ]
    (folder / "runs.jsonl").write_bytes(json_lines(log))
    config = folder / "config.toml"
    config.write_text(CONFIG.replace("runs.jsonl", str(folder / "runs.jsonl")), encoding="utf-8")
    made = Program(folder, ("--config", str(config)))
    lane = re.search(r"^lane +[0-9a-f]{12} +(.*)$", made.run("doctor").out, re.M)
    assert lane is not None
    state = folder / "state" / "wfmon"
    if lane[1] != "the state directory itself":
        state = Path(lane[1].strip().replace("~", str(folder)))
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    began = time.perf_counter()
    write_year(state, now)
    size = (state / "history.db").stat().st_size
    took = time.perf_counter() - began
    print(f"\na year of {WORKFLOWS} workflows: {size / 2**20:.0f} MiB, written in {took:.0f} s")
    return made


def test_every_view_opens_on_a_year(program: Program) -> None:
    waits: dict[str, list[float]] = {key: [] for key in FIGURES}
    with Terminal(program.argv(), SIZE, {**program.env(), **WITH_BYTECODE}) as terminal:
        terminal.wait_for(FIGURES["1"], 60.0)
        time.sleep(15.0)  # the collector has read what it starts from
        terminal.settle(0.3)
        alone = rss_bytes(terminal.pid)
        for _ in range(TIMES):
            for key in ("2", "3", "4", "1"):
                terminal.settle(0.2)
                at = terminal.send(key)
                waits[key].append(terminal.wait_for(FIGURES[key], 30.0) - at)
        terminal.settle(0.3)
        after = rss_bytes(terminal.pid)
    bars = [
        Bar(f"{WORDS[key]}: key to figures, median", statistics.median(found), 0.100, millis)
        for key, found in waits.items()
    ]
    bars += [Bar(f"{WORDS[key]}: the first time", found[0], 0.100, millis) for key, found in waits.items()]
    bars += [
        Bar("resident memory, operations alone", alone, None, mebibytes),
        Bar("more, when every view was open", after - alone, 15 * 2**20, mebibytes, sure=True),
    ]
    print(table(bars))
    insist(bars)
