"""A host with several systems: whose row it is and what is in no total; nothing of that where one is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import textual
from textual.pilot import Pilot

from support.screen import FakeDoors, Stage, look
from support.snapshots import NOW, incident
from support.systems import coder, two_systems
from wfmon.model.snapshot import Snapshot
from wfmon.ui.app import WfmonApp
from wfmon.ui.keys import Keymap
from wfmon.ui.screenhost import Settings
from wfmon.ui.views.explain import ExplainView
from wfmon.ui.views.workflow import WorkflowView

pictured = pytest.mark.skipif(
    textual.__version__ != "8.2.8", reason="the pictures were taken with Textual 8.2.8"
)

Compare = Callable[..., bool]


def app(snapshot: Snapshot) -> WfmonApp:
    settings = Settings(look("dark"), Keymap(), by="joe")
    return WfmonApp(FakeDoors(snapshot), settings, refresh=3600.0, clock=lambda: NOW)


def pressing(*keys: str) -> Callable[[Pilot[int]], object]:
    async def press(pilot: Pilot[int]) -> None:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause()

    return press


@pictured
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_operations(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app(two_systems()), terminal_size=size, run_before=pressing())


@pictured
def test_sources_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app(two_systems(coder())), terminal_size=(80, 24), run_before=pressing("S"))


def opened(name: str, width: int = 80) -> str:
    stage = Stage(two_systems(coder()), size=(width, 24))
    stage.shell.open(WorkflowView(name))
    return stage.text()


def line_of(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(start))


def test_the_system_stands_beside_the_name_where_there_is_room() -> None:
    wide = Stage(two_systems(coder()), size=(120, 40)).text()
    assert "LiteLLM proxy" in line_of(wide, "team-billing")
    assert line_of(wide, "backend").split()[1:3] == ["Claude", "Code"]
    assert line_of(wide, "LiteLLM proxy").count("LiteLLM") == 1, "its name says it already"
    narrow = Stage(two_systems(coder()), size=(80, 24)).text()
    assert "SYSTEM" not in narrow
    assert "Claude Code" not in narrow


def test_one_system_needs_no_word_of_it() -> None:
    text = Stage(incident(), size=(160, 40)).text()
    assert "SYSTEM" not in text
    assert "queued" not in text


def test_totals_and_models_are_those_of_the_systems_that_count() -> None:
    text = Stage(two_systems(coder()), size=(120, 40)).text()
    assert "12 queued" in text
    assert "$37.45/h" in text, "what the gateway tells, without what Claude Code says of the same calls"
    assert "claude-opus" not in text


def test_a_workflow_says_who_tells_each_figure() -> None:
    text = opened("team-billing")
    assert line_of(text, "cost").endswith("scrape · LiteLLM proxy")
    assert "$37.50 left" in line_of(text, "budget")
    text = opened("invoice_extract")
    assert " ".join(line_of(text, "queue").split()) == "queue waited p50 0.4s p95 2.0s scrape · n8n"
    assert line_of(text, "timeouts").split()[1] == "4"
    assert "unknown  tokens, cost, calls" in text
    assert line_of(opened("n8n"), "queue").split()[1:3] == ["12", "waiting"]


def test_it_is_explained() -> None:
    stage = Stage(two_systems(coder()), size=(100, 30))
    stage.shell.open(ExplainView("invoice_extract"))
    text = stage.text()
    assert line_of(text, "retries").endswith("n8n by scrape, 2s old")
    assert "waited p50 0.4s, p95 2.0s before it began" in text


def test_what_is_in_no_total_stands_on_the_sources_screen() -> None:
    stage = Stage(two_systems(coder()), size=(160, 30))
    text = "\n".join(stage.press("S"))
    assert "tokens, cost of Claude Code: in its own rows, not in the totals ([profiles] totals)" in text
    stage = Stage(incident(), size=(160, 30))
    assert "apart" not in "\n".join(stage.press("S"))
