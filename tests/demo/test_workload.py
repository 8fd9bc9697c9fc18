"""The sample workload as real processes: its three books agree, and it leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psutil
import pytest

from support.waiting import wait_until
from wfmon.config import schema
from wfmon.demo.incidents import ERROR_BURST, Timeline
from wfmon.demo.ledger import Entry, read_ledger
from wfmon.demo.plan import runs
from wfmon.demo.spec import WORKFLOWS
from wfmon.demo.workload import Workload
from wfmon.sources.host import HostSource

SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class Aftermath:
    """What a workload said that ran, was told to be quiet, and still serves its metrics."""

    ledger: list[Entry]
    series: Series
    lines: list[dict[str, object]]
    texts: list[str]
    directory: Path
    cpu: float
    processes: list[str]


def scrape(urls: tuple[str, ...]) -> Series:
    series: Series = {}
    for url in urls:
        with urllib.request.urlopen(url, timeout=20) as answer:
            for line in answer.read().decode().splitlines():
                if found := SAMPLE.match(line):
                    key = found[1], frozenset(LABEL.findall(found[2]))
                    series[key] = series.get(key, 0.0) + float(found[3])
    return series


def read_logs(directory: Path) -> tuple[list[dict[str, object]], list[str]]:
    lines, texts = [], []
    for path in sorted((directory / "logs").iterdir()):
        for line in path.read_text().splitlines():
            start = line.find("{")
            if start >= 0 and line.endswith("}"):
                lines.append(json.loads(line[start:]))
            else:
                texts.append(line)
    return lines, texts


def tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def gone(processes: list[psutil.Process]) -> bool:
    return not any(
        process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        for process in processes
        if psutil.pid_exists(process.pid)
    )


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    directory = tmp_path_factory.mktemp("workload")
    with Workload(seed=3, incidents=[ERROR_BURST], directory=directory) as workload:
        info = workload.info
        wait_until((directory / "ready").exists)
        processes = tree(info.pid)
        spent, began = cpu_seconds(processes), time.monotonic()
        wait_until(
            lambda: sum(entry.status == "error" for entry in read_ledger(info.ledger)) >= 3, timeout=60
        )
        share = (cpu_seconds(processes) - spent) / (time.monotonic() - began)
        workload.quiet()
        wait_until(info.quiet.exists)
        lines, texts = read_logs(directory)
        commands = [" ".join(process.cmdline()) for process in processes]
        assert workload.problems() == ""
        yield Aftermath(
            read_ledger(info.ledger), scrape(info.metrics), lines, texts, directory, share, commands
        )
    assert directory.exists(), "a given directory stays"


def test_counts_of_runs_agree(aftermath: Aftermath) -> None:
    ledger = Counter((entry.workflow, entry.status) for entry in aftermath.ledger)
    metrics = {
        (dict(labels)["workflow"], dict(labels)["status"]): value
        for (name, labels), value in aftermath.series.items()
        if name == "workflow_executions_total"
    }
    logs = Counter(
        (line["workflow"], line["status"])
        for line in aftermath.lines
        if line.get("status") not in (None, "running") and "step" not in line
    )
    assert ledger == metrics == logs
    assert len(ledger) > 6
    assert sum(status == "cancelled" for _, status in ledger) >= 1, "open runs are cancelled in all three"


def test_tokens_and_money_agree(aftermath: Aftermath) -> None:
    tokens: Counter[tuple[str, str, str, str]] = Counter()
    money: dict[str, float] = {}
    for entry in aftermath.ledger:
        for use in entry.usage:
            tokens[entry.workflow, use.provider, use.model, "input"] += use.input_tokens
            tokens[entry.workflow, use.provider, use.model, "output"] += use.output_tokens
            money[entry.workflow] = money.get(entry.workflow, 0.0) + use.cost_usd
    metric_tokens: dict[tuple[str, str, str, str], float] = {}
    metric_money: dict[str, float] = {}
    for (name, labels), value in aftermath.series.items():
        said = dict(labels)
        if name == "token_usage_total":
            metric_tokens[said["workflow"], said["provider"], said["model"], said["type"]] = value
        elif name == "cost_usd_total":
            metric_money[said["workflow"]] = metric_money.get(said["workflow"], 0.0) + value
    assert metric_tokens == dict(tokens)
    assert metric_money == pytest.approx(money, abs=1e-12)
    logged: Counter[str] = Counter()
    for line in aftermath.lines:
        if line.get("status") not in (None, "running") and "step" not in line:
            for field in ("input_tokens", "output_tokens", "tokens_used"):
                logged[str(line["workflow"])] += int(str(line.get(field, 0)))
    used = Counter({e.workflow: 0 for e in aftermath.ledger})
    for entry in aftermath.ledger:
        used[entry.workflow] += entry.input_tokens + entry.output_tokens
    assert +logged == +used
    assert sum(used.values()) > 1000


def test_durations_retries_and_calls_agree(aftermath: Aftermath) -> None:
    counts, sums, retries, calls = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for (name, labels), value in aftermath.series.items():
        workflow = dict(labels).get("workflow", "")
        if name == "workflow_duration_seconds_count":
            counts[workflow] += int(value)
        elif name == "workflow_duration_seconds_sum":
            sums[workflow] += value  # type: ignore[assignment]
        elif name == "workflow_retries_total":
            retries[workflow] += int(value)
        elif name == "api_calls_total":
            calls[workflow] += int(value)
        elif name == "active_workflows":
            assert value == 0
    for workflow in {entry.workflow for entry in aftermath.ledger}:
        entries = [entry for entry in aftermath.ledger if entry.workflow == workflow]
        assert counts[workflow] == len(entries)
        assert sums[workflow] == pytest.approx(sum(entry.duration_seconds for entry in entries))
        assert retries[workflow] == sum(entry.retries for entry in entries)
        assert calls[workflow] == sum(entry.api_calls for entry in entries)
    warned = Counter(str(line["workflow"]) for line in aftermath.lines if line.get("level") == "WARNING")
    assert +retries == +warned


def test_what_happened_is_what_the_seed_planned(aftermath: Aftermath) -> None:
    for spec in WORKFLOWS:
        planned = list(islice(runs(spec, 3, Timeline((ERROR_BURST,))), 300))
        entries = {entry.index: entry for entry in aftermath.ledger if entry.workflow == spec.name}
        assert sorted(entries) == list(range(len(entries))), "none left out, none twice"
        for index, entry in entries.items():
            plan = planned[index]
            assert entry.run_id == plan.id
            if entry.status == "cancelled":
                continue
            calls = [call for step in plan.steps for call in step.attempts]
            assert entry.status == plan.status
            assert entry.input_tokens == sum(call.input_tokens for call in calls)
            assert entry.output_tokens == sum(call.output_tokens for call in calls)
            assert entry.cost_usd == pytest.approx(sum(call.cost_usd for call in calls))
            assert entry.duration_seconds >= plan.seconds * 0.99


def test_the_error_burst_shows_in_the_failure_ratio(aftermath: Aftermath) -> None:
    invoices = [e for e in aftermath.ledger if e.workflow == "invoice_extract" and e.status != "cancelled"]
    first = next(index for index, entry in enumerate(invoices) if entry.status == "error")
    late = invoices[first:]
    assert sum(entry.status == "error" for entry in late) / len(late) > 0.2
    errors = [line for line in aftermath.lines if line.get("level") == "ERROR" and "traceback" in line]
    assert any("TimeoutError: api." in str(line["error"]) for line in errors)
    assert all(str(line["traceback"]).startswith("Traceback (most recent call last):\n") for line in errors)


def test_logs_have_what_a_reader_needs(aftermath: Aftermath) -> None:
    plain = [line for line in aftermath.lines if line["workflow"] == "lead_scoring"]
    assert plain
    assert set(plain[0]) == {
        "timestamp",
        "workflow",
        "status",
        "duration_seconds",
        "tokens_used",
        "cost_usd",
    }
    assert "Z" not in str(plain[0]["timestamp"])
    others = [line for line in aftermath.lines if line["workflow"] != "lead_scoring" and "run_id" in line]
    pids = {entry.pid for entry in aftermath.ledger}
    assert {line["pid"] for line in others} <= pids
    assert len({entry.run_id for entry in aftermath.ledger if entry.logged_id}) == len(
        {line["run_id"] for line in others}
    )


def test_it_is_cheap(aftermath: Aftermath) -> None:
    print(f"workload: {aftermath.cpu:.1%} of one core, {len(aftermath.processes)} processes")
    assert len(aftermath.processes) == 7
    assert not any(part in " ".join(aftermath.processes) for part in ("textual", "psutil"))


def test_the_host_source_finds_its_processes_and_its_directory(aftermath: Aftermath) -> None:
    config = tomllib.loads((aftermath.directory / "config.toml").read_text())
    workflows = [schema.Workflow(**entry) for entry in config["workflow"]]
    storage = schema.Storage(mounts=[], dir=[schema.StorageDir(**config["storage"]["dir"][0])])
    host = schema.Host(enabled=True, interval=schema.Duration(2), scan_interval=schema.Duration(4))
    source = HostSource(workflows, storage, host)
    now = time.time()
    wait_until(lambda: source.poll(now).settled)
    sample = source.poll(now).host
    assert sample is not None
    found = {group.workflow: group for group in sample.workflows}
    assert set(found) == {spec.name for spec in WORKFLOWS} - {"nightly_report"}
    assert all(group.processes == 1 and (group.rss_bytes or 0) > 5_000_000 for group in found.values())
    volume = next(volume for volume in sample.volumes if volume.limit)
    assert 0.2 < (volume.used_ratio or 0) < 0.5


def test_config_names_everything(aftermath: Aftermath) -> None:
    config = tomllib.loads((aftermath.directory / "config.toml").read_text())
    assert {source["kind"] for source in config["source"]} == {"scrape", "logs"}
    assert [entry["name"] for entry in config["workflow"]] == [spec.name for spec in WORKFLOWS]
    assert config["storage"]["dir"][0]["path"] == str(aftermath.directory / "data")
    for workflow in config["workflow"]:
        matching = [
            c for c in aftermath.processes for pattern in workflow.get("match", []) if re.search(pattern, c)
        ]
        assert len(matching) == len(workflow.get("match", []))


def test_no_run_begins_before_it_is_released() -> None:
    with Workload(hold=True) as workload:
        info = workload.info
        wait_until((info.directory / "ready").exists)
        assert not any(name == "workflow_executions_total" for name, _ in scrape(info.metrics))
        assert read_ledger(info.ledger) == []
        processes = tree(info.pid)
        workload.release()
        wait_until(lambda: read_ledger(info.ledger))
    wait_until(lambda: gone(processes))
    assert not info.directory.exists()


def test_runs_end_after_the_time_given_and_then_the_workload() -> None:
    with Workload(run_for=1.0, linger=1.0) as workload:
        info = workload.info
        wait_until(info.quiet.exists)
        assert sum(v for (name, _), v in scrape(info.metrics).items() if name == "active_workflows") == 0
        assert workload.wait(20.0)


def test_one_dead_worker_takes_nobody_along() -> None:
    with Workload() as workload:
        info = workload.info
        wait_until((info.directory / "ready").exists)
        processes = tree(info.pid)
        victim = next(process for process in processes if "--group scoring" in " ".join(process.cmdline()))
        victim.kill()
        wait_until(lambda: gone([victim]))
        with pytest.raises(OSError, match=r"refused|reset by peer"):
            urllib.request.urlopen(info.metrics[-1], timeout=5)
        before = len(read_ledger(info.ledger))
        wait_until(lambda: len(read_ledger(info.ledger)) > before)
        assert workload.running
    wait_until(lambda: gone(processes))
    assert not info.directory.exists()


PARENT = """
import sys
from wfmon.demo.incidents import NAMES
from wfmon.demo.only import run
sys.exit(run(1, NAMES, lambda text: print(text, flush=True)))
"""


@dataclass
class Parent:
    process: subprocess.Popen[str]
    told: dict[str, object]
    tree: list[psutil.Process]

    @property
    def directory(self) -> Path:
        return Path(str(self.told["dir"]))


def test_the_parent_may_be_ended_while_files_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost terminal ends the parent within a second: what it had begun to remove would stay."""
    removed_here: list[Path] = []

    def ended_here(path: Path, **_options: object) -> None:
        if path.exists():
            removed_here.append(path)

    with Workload(seed=3, incidents=[]) as workload:
        directory = workload.info.directory
        wait_until((directory / "ready").exists, timeout=60, message="all workers are up")
        monkeypatch.setattr("wfmon.demo.lifeline.shutil.rmtree", ended_here)
    assert removed_here == []
    wait_until(lambda: not directory.exists(), timeout=10, message="the launcher has removed it")


@pytest.fixture
def parent() -> Iterator[Parent]:
    """``demo --workload-only`` in a process of its own, with all its processes up."""
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert set(told) >= {"metrics", "logs", "ledger", "dir", "config", "pid"}
    started: list[psutil.Process] = []
    try:
        wait_until((Path(told["dir"]) / "ready").exists)
        wait_until(lambda: (Path(told["dir"]) / "logs" / "invoice_extract.jsonl").stat().st_size)
        started = tree(process.pid)
        yield Parent(process, told, started)
    finally:
        for left in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()
        shutil.rmtree(told["dir"], ignore_errors=True)
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_everything(parent: Parent, number: int, code: int) -> None:
    parent.process.send_signal(number)
    assert parent.process.wait(20) == code
    assert gone(parent.tree)
    assert not parent.directory.exists()


def test_kill_9_of_the_parent_leaves_nothing(parent: Parent) -> None:
    assert len(parent.tree) == 8
    os.kill(parent.process.pid, signal.SIGKILL)
    wait_until(lambda: gone(parent.tree))
    wait_until(lambda: not parent.directory.exists())


def test_kill_9_of_parent_and_launcher_leaves_nothing(parent: Parent) -> None:
    os.kill(int(str(parent.told["pid"])), signal.SIGKILL)
    os.kill(parent.process.pid, signal.SIGKILL)
    wait_until(lambda: gone(parent.tree))
    wait_until(lambda: not parent.directory.exists())


def test_a_helper_that_never_answers_ends_with_its_worker() -> None:
    script = "import sys; from wfmon.demo.holder import Holder; Holder(); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        helpers = psutil.Process(worker.pid).children()
        assert len(helpers) == 1
        worker.kill()
    wait_until(lambda: gone(helpers))
