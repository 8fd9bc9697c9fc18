"""Rules in words, with where each was set."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfmon.config.loader import Overlay, load_config
from wfmon.model.ruleinfo import RuleInfo
from wfmon.monitor.rulebook import rulebook
from wfmon.monitor.rulewords import SHIPPED, rule_infos


def infos(folder: Path, text: str, overlay: Overlay | None = None, **environ: str) -> dict[str, RuleInfo]:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    loaded = load_config(file, environ, overlay)
    return {rule.name: rule for rule in rule_infos(loaded.config, loaded.layered.changed)}


def test_every_rule_of_the_book_is_told(tmp_path: Path) -> None:
    told = infos(tmp_path, "")
    assert {rule.name for rule in rulebook()} - {"foreign"} <= told.keys()
    assert all(rule.where == SHIPPED and rule.health == "ok" and rule.words for rule in told.values())
    assert told["failure_rate"].words.startswith(
        "failed / runs, last 5m (grown to 20 runs) > 5%, 99% sure, ≥ 3 failed"
    )


@pytest.mark.parametrize(
    ("text", "rule", "where", "words"),
    [
        (
            "[alerts.failure_rate]\nthreshold = 0.1",
            "failure_rate",
            "config.toml:2 alerts.failure_rate.threshold",
            "> 10%,",
        ),
        (
            "[alerts.failure_rate]\nz = 3.0\nstreak = false",
            "failure_rate",
            "config.toml:2 alerts.failure_rate.z, 1 more",
            "99.9% sure",
        ),
        ('[windows]\nruns = "10m"', "failure_rate", "config.toml:2 windows.runs", "last 10m"),
        (
            "[alerts.memory]\nwarn = { trip = 0.12 }",
            "memory",
            "config.toml:2 alerts.memory.warn.trip",
            "available < 12% for 5m",
        ),
        (
            '[[workflow]]\nname = "a"\n[[workflow]]\nname = "b"\nlimit = "5m"',
            "timeout",
            "config.toml:5 workflow[1].limit",
            "longer than its limit",
        ),
        ('[retention]\nproduction = "30d"', "retention", "config.toml:2 retention.production", ""),
    ],
)
def test_where_it_is_set(tmp_path: Path, text: str, rule: str, where: str, words: str) -> None:
    told = infos(tmp_path, text)
    assert told[rule].where == where
    assert words in told[rule].words
    assert told["source_down"].where == SHIPPED


def test_variables_and_options_have_their_names(tmp_path: Path) -> None:
    told = infos(tmp_path, "", WFMON_ALERTS_STALL_AFTER="5m")
    assert told["stall"].where == "WFMON_ALERTS_STALL_AFTER alerts.stall.after"
    assert "for 5m" in told["stall"].words


def test_what_is_off_says_so(tmp_path: Path) -> None:
    told = infos(tmp_path, "[alerts.stall]\nenabled = false")
    assert (told["stall"].health, told["stall"].where) == ("off", "config.toml:2 alerts.stall.enabled")


def test_who_does_not_know_where_does_not_say() -> None:
    assert {rule.where for rule in rule_infos(load_config(environ={}).config)} == {""}
