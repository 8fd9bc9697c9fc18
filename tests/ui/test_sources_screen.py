"""The sources screen: state, age, and what is missing, with nothing cut off for good."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import NOW, incident, input_gone, nothing_yet
from wfmon.model.ruleinfo import RuleInfo
from wfmon.model.snapshot import Collector
from wfmon.model.source import SourceState
from wfmon.text.sanitize import safe


def test_drawn_as_designed() -> None:
    lines = Stage(input_gone()).press("S")
    assert lines[0] == "Sources                                                collector: you · pid 4120"
    assert lines[1] == "  NAME        KIND        STATE   AGE   TOOK  SEES                       MISSING"
    assert lines[2] == "✖ prom        prometheus  down    40s      –  last: runs active tokens…  refused"
    assert "              why      connection refused by http://127.0.0.1:9090" in lines
    assert "✓ workers     scrape      ok       2s    3ms  runs tokens                –" in lines
    assert "              missing  pids of other users: run as root or wf" in lines


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_every_missing_word_is_there_at_any_size(size: tuple[int, int]) -> None:
    base = incident()
    long = tuple(f"thing {number} because of reason {number}" for number in range(12))
    sources = (replace(base.sources[0], missing=long), *base.sources[1:])
    stage = Stage(replace(base, sources=sources), size=size)
    text = " ".join(stage.press("S"))
    squeezed = " ".join(text.split())
    if size[0] >= 80:
        for word in long:
            assert word in squeezed
    assert "thing 0" in squeezed


def test_enter_opens_where_it_is_and_the_cursor_moves() -> None:
    stage = Stage(incident())
    stage.press("S")
    assert "where    http" not in stage.text()
    stage.press("enter")
    assert "where    http://127.0.0.1:9090" in stage.text()
    assert "asked    every 5.0s" in stage.text()
    stage.press("j", "enter", "k", "enter")
    assert "where    http://127.0.0.1:8000/metrics" in stage.text()
    assert "http://127.0.0.1:9090" not in stage.text()


def test_many_sources_scroll_with_the_cursor() -> None:
    base = incident()
    many = tuple(replace(base.sources[3], name=f"host {number}") for number in range(30))
    stage = Stage(replace(base, sources=many))
    stage.press("S", "G")
    assert stage.lines()[22].startswith("points"), "the history is the last"
    stage.press("k", "home", *"j" * 29)
    assert "✓ host 29" in stage.cursor_line()


def test_no_source_and_waiting_and_off() -> None:
    base = nothing_yet()
    assert "No source is configured" in "\n".join(Stage(replace(base, sources=())).press("S"))
    states = (SourceState.WAITING, SourceState.OFF)
    sources = tuple(replace(one, state=state) for one, state in zip(base.sources, states, strict=True))
    text = "\n".join(Stage(replace(base, sources=sources)).press("S"))
    assert "? app logs    logs        asked" in text
    assert "– host        host        off" in text
    assert "starting" in "\n".join(Stage(None).lines())
    assert Stage(None).press("S")[0] == "Sources"


def test_it_says_who_collects_since_when_and_why_nobody_does() -> None:
    base = incident()
    other = Collector(4120, "dana", self_=False, since=NOW - 90)
    lines = Stage(replace(base, collector=other)).press("S")
    assert lines[0].endswith("collector: dana · pid 4120 since 14:01")
    alone = Collector(4120, "dana", alone="read-only: the state directory cannot be used, " + "because " * 12)
    lines = Stage(replace(base, collector=alone, history=None)).press("S")
    assert lines[0].endswith("no collector: this process alone · pid 4120")
    assert lines[1].startswith("alone    read-only: the state directory cannot be used")
    assert "  no history is kept" in lines
    long = replace(base, collector=Collector(4120, "d" * 200, self_=False))
    assert len(Stage(long, size=(60, 15)).press("S")[0]) == 60


def test_the_history_is_the_last_block() -> None:
    text = "\n".join(Stage(incident()).press("S"))
    assert "─ 41 MB of 500 MB ─" in text
    assert "path     /var/lib/wfmon/lanes/7f3a/history.db" in text
    assert "reaches  back to 02-15 14:03, 15d ago" in text
    assert "points   10 s for 1d · 1 min for 7d · 1 h for 365d" in text


def test_a_history_in_trouble_says_so() -> None:
    base = incident()
    assert base.history is not None
    broken = replace(
        base.history, problem="disk full since 13:58", notes=("a corrupt file was set aside",), oldest=None
    )
    stage = Stage(replace(base, history=replace(broken, size_bytes=300, limit_bytes=2 * 10**10)))
    text = "\n".join(stage.press("S"))
    assert "─ <1 MB of 20.0 GB ─" in text
    assert "reaches  nothing is kept yet" in text
    assert "problem  disk full since 13:58" in text
    assert "note     a corrupt file was set aside" in text


def test_an_open_source_says_how_far_back_it_reaches() -> None:
    stage = Stage(incident())
    text = "\n".join(stage.press("S", "enter"))
    assert "keeps    metrics: 15d back, 365d wanted, 3.0G" in text
    stage.press("j", "j", "enter")
    assert "keeps    production logs: 92d back, 90d wanted, 41.2G, +461M a day" in stage.text()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_hostile_texts_of_another_collector_break_no_row(payload: object) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    base = incident()
    assert base.history is not None
    history = replace(base.history, path=text, problem=text, notes=(text, text))
    for collector in (Collector(1, text, self_=False, since=NOW), Collector(1, text, alone=text)):
        for size in ((60, 15), (80, 24)):
            stage = Stage(replace(base, collector=collector, history=history), size=size)
            for keys in (["S"], ["G"]):
                assert all(line.isprintable() for line in stage.press(*keys))


def test_rules_of_another_system_that_are_ill_are_named_with_their_error() -> None:
    base = incident()
    ill = RuleInfo("HighErrorRate", "rate(x[5m]) > 0.2", health="err", error="parse error", system="prom")
    well = (replace(ill, name="Fine", health="ok", error=""), replace(ill, name="Ours", system="wfmon"))
    prom = replace(base.sources[0], sees="3 alerts, 12 rules of which 1 fails")
    shown = replace(base, sources=(prom, *base.sources[1:]), rules=(*well, ill))
    lines = Stage(shown, size=(120, 40)).press("S")
    at = lines.index("              rules    1 ill: HighErrorRate: parse error")
    assert "12 rules of which 1 fails" in "".join(lines[:at])
    assert "Fine" not in "".join(lines)
    many = tuple(replace(ill, name=f"Rule{number}") for number in range(9))
    text = "\n".join(Stage(replace(shown, rules=many), size=(120, 60)).press("S"))
    assert "9 ill: Rule0: parse error" in text
    assert "and 4 more" in text


def test_what_systems_do_not_expose_is_short_until_it_is_opened() -> None:
    words = (
        "n8n: active: not exposed (N8N_X=true exposes it)",
        "n8n: queue: in queue mode only",
        "Claude Code: runs: its logs have them",
        "cost: no price of o3",
    )
    base = incident()
    stage = Stage(replace(base, sources=(replace(base.sources[0], missing=words),)), size=(100, 30))
    lines = [line.strip() for line in stage.press("S")]
    first = lines.index("missing  n8n: no active, queue")
    assert lines[first + 1 : first + 4] == [
        "Claude Code: no runs",
        "cost: no price of o3",
        "⏎ says why, and what would show it",
    ]
    stage.press("enter")
    opened = " ".join(stage.text().split())
    for each in words:
        assert each in opened
