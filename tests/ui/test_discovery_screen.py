"""A start without sources on the screen: what was found, what was not, and what to do next."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import NOW, incident, nothing_yet
from wfmon.model.discovery import Discovery, Found
from wfmon.text.sanitize import safe

LOOKED = ("212 processes", "14 listening ports", "127.0.0.1:9090: nobody listens")
PROMETHEUS = Found("Prometheus 2.42.0 on 127.0.0.1:9090", "prometheus")
N8N = Found("3 log files of n8n (pid 4711)", "n8n logs", ("/home/n8n/.n8n/n8nEventLog*.log",))
DENIED = "open files of n8n (pid 4711) of joe: joe, root or CAP_SYS_PTRACE may list them"


def test_an_empty_host_has_its_figures_and_three_lines_of_what_to_do() -> None:
    stage = Stage(replace(nothing_yet(), discovery=Discovery(NOW, (), LOOKED, (), 60.0)))
    lines = stage.lines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("─ Workflows"))
    assert lines[begin + 1].startswith("  No source is named, nothing to read was found")
    ways = [line.strip().split("  ")[0] for line in lines[begin + 2 : begin + 5]]
    assert ways == ["wfmon-tui init", "wfmon-tui --logs '/var/log/wf/*.jsonl'", "wfmon-tui demo"]
    assert any("Memory" in line for line in lines)
    assert any("host " in line for line in lines)


def test_while_it_looks_it_says_so_and_advises_nothing() -> None:
    stage = Stage(replace(nothing_yet(), discovery=Discovery()))
    assert "  looking around this host …" in stage.lines()
    assert "wfmon-tui init" not in stage.text()
    assert "looking for the first time" in "\n".join(stage.press("S"))


def test_what_was_found_is_told_with_what_was_not_seen() -> None:
    discovery = Discovery(NOW, (PROMETHEUS, N8N), LOOKED, (DENIED,), 60.0)
    stage = Stage(replace(incident(), discovery=discovery), size=(100, 40))
    text = " ".join(" ".join(stage.press("S")).split())
    assert "found Prometheus 2.42.0 on 127.0.0.1:9090 3 log files of n8n (pid 4711)" in text
    assert f"not seen {DENIED}" in text
    assert "looked 212 processes, 14 listening ports, 127.0.0.1:9090: nobody listens" in text
    assert "write it down: wfmon-tui init" in text
    assert "again every 1m" in text


def test_what_has_gone_stays_told() -> None:
    discovery = Discovery(NOW, (replace(PROMETHEUS, gone_since=NOW - 120.0),), LOOKED, (), 60.0)
    text = " ".join(
        " ".join(Stage(replace(incident(), discovery=discovery), size=(100, 40)).press("S")).split()
    )
    assert "gone Prometheus 2.42.0 on 127.0.0.1:9090: since 14:01" in text
    assert "found nothing that can be read" in text


def test_a_look_that_failed_is_no_empty_host() -> None:
    discovery = Discovery(NOW, problem="PermissionError: /proc", every=60.0)
    stage = Stage(replace(nothing_yet(), discovery=discovery))
    assert "could not be looked at: PermissionError: /proc" in stage.text()
    assert "failed   PermissionError: /proc" in "\n".join(stage.press("S"))


def test_with_sources_named_nothing_is_said_of_it() -> None:
    assert "Found on this host" not in "\n".join(Stage(incident(), size=(100, 40)).press("S"))


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (200, 60)])
def test_hostile_names_of_processes_and_files_break_no_row(size: tuple[int, int]) -> None:
    words = tuple(safe(payload.text) for payload in PAYLOADS)
    found = tuple(Found(word, word) for word in words)
    stage = Stage(replace(nothing_yet(), discovery=Discovery(NOW, found, words, words, 60.0)), size=size)
    for key in ("S", "G", "k", "j", "enter", "esc"):
        stage.press(key)
        assert all(cell_len(line) <= size[0] for line in stage.lines())
