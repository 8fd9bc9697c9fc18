"""Figures that explain themselves, as labelled words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from support.screen import Stage
from support.snapshots import incident
from wfmon.ui import navigate
from wfmon.ui.views.base import Frame
from wfmon.ui.views.operations import OperationsView


def _facts(frame: Frame) -> Iterator[tuple[str, str]]:
    snapshot = frame.snapshot
    yield "Money", ""
    yield "formula", "tokens x price, " * 12
    yield "", "by kind"
    yield "age", f"{frame.now - snapshot.at:.0f}s" if snapshot is not None else "not known"


@pytest.mark.parametrize("key", ["i", "esc", "q"])
def test_facts_are_labelled_wrap_and_close(key: str) -> None:
    stage = Stage(incident())
    navigate.open_facts(stage.shell, "money", _facts)
    lines = stage.lines()
    assert lines[0].startswith("─ Explained: money ─")
    assert lines[1].startswith("─ Money ─")
    assert lines[2].startswith("formula  tokens x price")
    assert lines[3].startswith("         "), "what does not fit goes on below"
    assert any(line.rstrip() == "         by kind" for line in lines)
    stage.press(key)
    assert isinstance(stage.shell.view, OperationsView)


def test_ages_go_on_and_nothing_says_so() -> None:
    stage = Stage(incident())
    navigate.open_facts(stage.shell, "money", _facts)
    before = stage.text()
    later = stage.show(replace(incident(), at=incident().at - 30))
    assert before != "\n".join(later)
    navigate.open_facts(stage.shell, "none", lambda frame: ())
    assert "nothing is known of it now" in stage.text()
