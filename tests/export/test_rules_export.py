"""``rules export``: promtool reads it, and its alerts are those of our own engine on the same series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from export.promtool import STEP, Expected, checked, differences
from simulation.traffic import EPISODES, GROW_RUNS, LADDER, SETTINGS, Traffic, traffic
from wfmon.analysis.choose import grown
from wfmon.analysis.episodes import EpisodeMemory, advance, cleared
from wfmon.analysis.rules import failure_rate
from wfmon.cli.main import main
from wfmon.config.loader import load_config
from wfmon.export.build import rule_file
from wfmon.export.presence import silence
from wfmon.export.rulefile import yaml
from wfmon.model.alert import Severity
from wfmon.model.snapshot import LadderStep, Workflow
from wfmon.monitor.settings import RuleSettings, rule_settings
from wfmon.sources.profile import Profile, load_profiles

HOUR = 3600
UP = 'up{job="w",instance="a"}'
OK = 'workflow_executions_total{job="w",instance="a",workflow="w",status="success"}'
BAD = 'workflow_executions_total{job="w",instance="a",workflow="w",status="Timed-Out"}'
COST = 'cost_usd_total{job="w",instance="a",workflow="w",model="m"}'
AVAILABLE, TOTAL = 'node_memory_MemAvailable_bytes{instance="a"}', 'node_memory_MemTotal_bytes{instance="a"}'
FAILS = "WorkflowFailureRate"
EDGE = STEP

CONFIG = """
[alerts.cost_spike]
cap_usd_per_hour = 50.0
[[workflow]]
name = "w"
max_gap = "2h"
max_usd_per_hour = 20.0
"""


def settings(tmp_path: Path, text: str = CONFIG) -> RuleSettings:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return rule_settings(load_config(file).config)


def seed() -> Profile:
    return next(profile for profile in load_profiles() if profile.name == "seed")


def exported(tmp_path: Path, text: str = CONFIG, step: int = STEP) -> str:
    return rule_file(settings(tmp_path, text), seed(), (300.0, 6.0 * HOUR, 20), step)


def test_promtool_reads_what_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG, encoding="utf-8")
    assert main(["rules", "export", "--config", str(file)]) == 0
    printed = capsys.readouterr().out
    said = checked(printed, tmp_path)
    assert "SUCCESS" in said
    assert printed.count("wfmon_rule:") == printed.count("- alert:")


@pytest.mark.parametrize("name", ["nightly  report", "x" * 70 + "   y  z", "tab\there"])
def test_the_name_of_a_workflow_is_what_it_is_wherever_lines_are_broken(name: str, tmp_path: Path) -> None:
    group = silence({name: 60.0}, STEP)
    written = yaml([group], ())
    checked(written, tmp_path)
    lines = written.partition("expr: >-\n")[2].partition("        labels:")[0].splitlines()
    read = " ".join(line.strip() for line in lines)  # as YAML folds it
    assert read.replace("\\u0020", " ").replace("\\u0009", "\t") == group.rules[0].expr


def test_a_rule_that_is_off_is_not_there(tmp_path: Path) -> None:
    off = "[alerts.cost_spike]\nenabled = false\n[alerts.memory]\nenabled = false\n"
    rules = exported(tmp_path, off)
    checked(rules, tmp_path)
    assert "CostSpike" not in rules
    assert "HostMemory" not in rules
    assert FAILS in rules


def test_a_profile_without_runs_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "export", "--profile", "nothing"]) == 2
    assert "no such profile" in capsys.readouterr().err


def counters(runs: Traffic, until: int) -> dict[str, str]:
    """Two counters of one process that was there before its first failure."""
    good, bad = [], []
    for now in range(0, until + 1, STEP):
        counts = runs.counts(now, now + 1.0)
        good.append(str(counts.success))
        bad.append(str(counts.failed) if counts.failed else "_")
    return {UP: f"1x{until // STEP}", OK: " ".join(good), BAD: " ".join(bad)}


def levels(runs: Traffic, start: int, until: int) -> dict[int, frozenset[Severity]]:
    """What of rule ``failure_rate`` fires by our own engine, at each step."""
    memory, found = EpisodeMemory(), {}
    for now in range(start, until + 1, STEP):
        ladder = tuple(LadderStep(each, each, runs.counts(now, each)) for each in LADDER)
        chosen = grown(ladder, GROW_RUNS)
        row = Workflow("w", runs=chosen.counts, window_seconds=chosen.seconds, ladder=ladder)
        ends = cleared(memory, failure_rate.RULE)
        memory = advance(memory, failure_rate.evaluate([row], SETTINGS, now, cleared=ends), now, EPISODES)
        found[now] = frozenset(
            level.severity
            for episode in memory.episodes.values()
            for level in episode.levels
            if level.fired_at is not None
        )
    return found


def certain(found: dict[int, frozenset[Severity]]) -> Iterator[Expected]:
    """What must fire at every step but at an edge, which may come one evaluation later."""
    changed = [after for before, after in pairwise(found) if found[before] != found[after]]
    for now, severities in found.items():
        if all(abs(now - at) > EDGE for at in changed):
            labels = [
                {"severity": each.word, "wfmon_rule": "failure_rate", "workflow": "w"}
                for each in sorted(severities)[-1:]
            ]
            yield Expected(now, FAILS, labels)


COURSES: list[tuple[int, float, Callable[[float], float]]] = [
    (2, 60, lambda now: 0.5 if HOUR < now < 2 * HOUR else 0.01),
    (4, 600, lambda now: 0.2 if HOUR < now < 1.5 * HOUR else 0.01),
    (5, 12, lambda now: 0.6 if HOUR < now < 2.5 * HOUR else 0.0),
]


@pytest.mark.parametrize(("number", "per_hour", "chance"), COURSES)
def test_both_engines_agree_on_the_same_runs(
    number: int, per_hour: float, chance: Callable[[float], float], tmp_path: Path
) -> None:
    """At every evaluation but those at an edge."""
    until = 4 * HOUR
    runs = traffic(number, per_hour, until, chance)
    expected = list(certain(levels(runs, HOUR // 2, until)))
    assert len(expected) > 150
    said = differences(exported(tmp_path), counters(runs, until), expected, tmp_path)
    assert said is None, said[:4000]


def levels_of(name: str, rule: str, *severities: str, **labels: str) -> list[dict[str, str]]:
    return [{"wfmon_rule": rule, "severity": each, **labels} for each in severities]


def at(minutes: int, name: str, rule: str, *severities: str, **labels: str) -> Expected:
    return Expected(minutes * 60, name, levels_of(name, rule, *severities, **labels))


def test_money_faster_than_its_cap(tmp_path: Path) -> None:
    """$12/h, then $60/h from minute 30 to 50; caps: $20/h for the workflow, $50/h for all."""
    spent, values = 0.0, []
    for minute in range(120):
        spent += (60.0 if 30 <= minute < 50 else 12.0) / 60
        values.append(f"{spent:.6f}")
    series = {UP: "1x120", OK: "0+1x120", COST: " ".join(values)}
    expected = [
        at(25, "WorkflowCostCap", "cost_spike"),
        at(40, "WorkflowCostCap", "cost_spike", "critical", workflow="w"),
        at(40, "TotalCostCap", "cost_spike", "critical"),
        at(100, "WorkflowCostCap", "cost_spike"),
        at(100, "TotalCostCap", "cost_spike"),
    ]
    assert differences(exported(tmp_path), series, expected, tmp_path) is None


def test_an_hour_that_costs_far_more_than_hours_like_it(tmp_path: Path) -> None:
    """Eight days at about $2 an hour, then an hour at $20. Before there are enough days it says nothing."""
    step, days = 600, 8
    begin, hour = days * 144, 6
    spent, values = 0.0, []
    for number in range(begin + 3 * hour):
        usual = 2.0 + 0.3 * (number // hour % 5)
        dear = begin <= number < begin + hour or 144 <= number < 144 + hour
        spent += (20.0 if dear else usual) / hour
        values.append(f"{spent:.4f}")
    count = len(values)
    series = {UP: f"1x{count}", OK: f"0+1x{count}", COST: " ".join(values)}
    expected = [
        at(1440 + 58, "WorkflowCostSpike", "cost_spike"),
        at(days * 1440 - 5, "WorkflowCostSpike", "cost_spike"),
        at(days * 1440 + 58, "WorkflowCostSpike", "cost_spike", "warning", workflow="w"),
    ]
    rules = only(exported(tmp_path, step=step), "cost")
    assert differences(rules, series, expected, tmp_path, step) is None


def only(rules: str, word: str) -> str:
    """The groups of the file whose name holds ``word``, and the totals that all stand on."""
    _, *groups = rules.split("  - name: ")
    kept = [each for each in groups if word in each.partition("\n")[0] or each.startswith("wfmon-totals")]
    return "groups:\n" + "".join(f"  - name: {each}" for each in kept)


def test_memory_trips_low_and_clears_high(tmp_path: Path) -> None:
    """Of 100 bytes 30 are available, from minute 10 on 8, from minute 30 on 12 (between), from 40 on 50."""
    values = [30] * 10 + [8] * 20 + [12] * 10 + [50] * 60
    series = {AVAILABLE: " ".join(map(str, values)), TOTAL: "100x100"}
    expected = [
        at(12, "HostMemoryLow", "memory"),
        at(25, "HostMemoryLow", "memory", "warning", instance="a"),
        at(38, "HostMemoryLow", "memory", "warning", instance="a"),
        at(70, "HostMemoryLow", "memory"),
    ]
    assert differences(only(exported(tmp_path), "memory"), series, expected, tmp_path) is None


def test_a_disk_that_is_nearly_full_and_one_that_is_only_used_much(tmp_path: Path) -> None:
    gib = 2**30
    series = {}
    for mount, size, free in (("/small", 100, 5), ("/huge", 4000, 200)):
        of = f'{{instance="a",mountpoint="{mount}",fstype="ext4",device="d"}}'
        series |= {
            f"node_filesystem_size_bytes{of}": f"{size * gib}x60",
            f"node_filesystem_avail_bytes{of}": f"{free * gib}x60",
            f"node_filesystem_free_bytes{of}": f"{free * gib}x60",
            f"node_filesystem_readonly{of}": "0x60",
            f"node_filesystem_files{of}": "1000x60",
            f"node_filesystem_files_free{of}": "900x60",
        }
    small = {"instance": "a", "mountpoint": "/small", "fstype": "ext4", "device": "d"}
    expected = [
        at(2, "HostStorageLow", "storage"),
        at(30, "HostStorageLow", "storage", "warning", **small),
        at(30, "HostInodesLow", "storage"),
    ]
    assert differences(only(exported(tmp_path), "storage"), series, expected, tmp_path) is None


def test_a_disk_that_leaks_is_told_and_one_that_is_rotated_daily_is_not(tmp_path: Path) -> None:
    gib, step = 2**30, 300
    count = 60 * 3600 // step
    times = [number * step / 60 for number in range(count)]
    leaks = [int((60 - 20 * minute / 1440) * gib) for minute in times]
    rotates = [int((40 - 30 * (minute % 1440) / 1440) * gib) for minute in times]
    series = {}
    for mount, free in (("/leaks", leaks), ("/rotates", rotates)):
        of = f'{{instance="a",mountpoint="{mount}",fstype="ext4",device="d"}}'
        told = " ".join(map(str, free))
        series |= {
            f"node_filesystem_size_bytes{of}": f"{100 * gib}x{count}",
            f"node_filesystem_avail_bytes{of}": told,
            f"node_filesystem_free_bytes{of}": told,
            f"node_filesystem_readonly{of}": f"0x{count}",
        }
    leaking = {"instance": "a", "mountpoint": "/leaks", "fstype": "ext4", "device": "d"}
    expected = [
        at(55 * 60, "HostStorageFullSoon", "storage", "warning", **leaking),
        *(at(hour * 60, "HostStorageFullSoon", "storage") for hour in (30, 36, 40)),
    ]
    assert (
        differences(only(exported(tmp_path, step=step), "storage"), series, expected, tmp_path, step) is None
    )


def test_what_should_have_run_and_did_not_and_targets_that_are_gone(tmp_path: Path) -> None:
    series = {UP: "1x200 0x40", OK: "0+1x60 60x180"}
    expected = [
        at(100, "WorkflowSilent", "silence"),
        at(190, "WorkflowSilent", "silence", "critical", workflow="w"),
        at(190, "WorkflowTargetDown", "source_down"),
        at(210, "WorkflowTargetDown", "source_down", "warning", job="w", instance="a"),
    ]
    assert differences(exported(tmp_path), series, expected, tmp_path) is None
    nothing = [at(20, "WorkflowMetricsAbsent", "source_down", "warning")]
    assert differences(exported(tmp_path), {"other": "1x60"}, nothing, tmp_path) is None
