"""The sources screen: state, age, and what is missing, with nothing cut off for good."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.screen import Stage
from support.snapshots import incident, input_gone, nothing_yet
from wfmon.model.source import SourceState


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
