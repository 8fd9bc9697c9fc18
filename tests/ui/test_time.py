"""The screen taken through time, and back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from support.pastworld import BEGAN, FIRST, GAP, ID, LAST, live, remembering, seen_at, staged
from support.payloads import PAYLOADS
from support.screen import FakeDoors, FakeMemory, Stage, look, settled
from support.snapshots import NOW, incident
from wfmon.model.alert import AlertState
from wfmon.model.snapshot import Snapshot
from wfmon.text.sanitize import safe
from wfmon.ui.app import WfmonApp
from wfmon.ui.keys import ACTIONS, Keymap
from wfmon.ui.screenhost import Settings
from wfmon.ui.views.alert import AlertView
from wfmon.ui.views.operations import OperationsView
from wfmon.ui.views.run import RunView
from wfmon.ui.views.sources import SourcesView
from wfmon.ui.views.workflow import WorkflowView


def shown(stage: Stage) -> float | None:
    return stage.shell.moment.at if stage.shell.moment is not None else None


async def test_a_step_back_shows_the_minute_before_and_says_so() -> None:
    stage, memory = staged()
    lines = await stage.arrived("[")
    assert lines[0].endswith("14:02, not live")
    assert "all was normal then" in lines[1]
    assert memory.asked == [NOW // 60 * 60 - 60]
    warning = stage.shell.look.style("warning")
    first = stage.shell.draw(80, 24)[0]
    assert "14:02, not live" in "".join(text for text, style, _ in first.strip if style == warning)


async def test_every_pane_is_drawn_with_the_now_of_the_moment() -> None:
    stage, _ = staged()
    await stage.arrived("[", "[", "[", "[", "[", "[", "[", "[")
    text = stage.text()
    assert "13:55, not live" in text
    assert "for 4m13s" in text, "an alert since 13:50:47 as it was at 13:55:00"
    assert "  data_processing     2   12.0   0.0   0.1   5.2s  1.0x       –      –  3s ✓" in text


async def test_steps_go_back_and_forth_and_to_now() -> None:
    stage, _ = staged()
    await stage.arrived("[", "[", "[")
    assert shown(stage) == NOW // 60 * 60 - 180
    await stage.arrived("]")
    assert "14:01, not live" in stage.text()
    await stage.arrived("{")
    assert "13:01" in stage.lines()[0]
    await stage.arrived("}")
    assert "14:01, not live" in stage.text()
    await stage.arrived("}")
    assert shown(stage) is None, "the present is what comes after 14:01 and an hour"
    assert "4/4 sources" in stage.lines()[0]
    await stage.arrived("[", "0")
    assert shown(stage) is None
    assert "this is now" in (await stage.arrived("]"))[-1]


async def test_seconds_are_told_where_points_are_that_fine_and_days_where_it_is_another() -> None:
    stage, memory = staged()
    memory.seconds = 10.0
    assert (await stage.arrived("["))[0].endswith("14:02:00, not live")
    memory.seconds = 60.0
    stage.press(":", *"go to")
    stage.press("enter", *"yesterday 14:30", "enter")
    await settled()
    assert stage.lines()[0].endswith("Sun 14:30, not live")


async def test_where_only_means_of_hours_are_kept_it_says_so_and_steps_from_one_to_the_next() -> None:
    stage, memory = staged()
    memory.seconds, memory.gaps = 3600.0, []
    at = await stage.arrived("{")
    assert at[0].endswith("13:00–14:00 mean, not live")
    here = shown(stage)
    assert here is not None
    await stage.arrived("[")
    assert shown(stage) == here - 3600, "a minute back would show the same figures again"
    await stage.arrived("]")
    assert shown(stage) == here


async def test_the_footer_offers_the_way_and_nothing_that_changes_anything() -> None:
    stage, _ = staged(incident())
    assert " a ack" in stage.lines()[-1]
    last = (await stage.arrived(*("[" * 8)))[-1]
    assert last.startswith(" [ ] 1m  { } 1h  0 live  ⏎ open")
    writing = {action.id for action in ACTIONS if action.writes} | {"pause", "refresh"}
    assert writing.isdisjoint(stage.shell.deeds())
    for key in ("a", "u", "p", "r"):
        lines = stage.press(key)
        if key != "u":
            assert "the screen is not live: 0 goes back to now" in lines[-1]
    await settled()
    assert stage.doors.actions == []
    assert stage.shell.paused_at is None
    await stage.arrived("g", "enter")
    assert isinstance(stage.shell.view, AlertView)
    assert writing.isdisjoint(stage.shell.deeds())


@pytest.mark.parametrize(
    "keys", [["["], ["[", "S"], ["[", "j", "enter"], ["["] * 8 + ["enter"], ["H"]], ids=str
)
async def test_every_deed_of_a_past_screen_has_a_key_or_a_line_of_the_palette(keys: list[str]) -> None:
    stage, _ = staged()
    await stage.arrived(*keys)
    ids = {action.id for action in ACTIONS if stage.shell.view.where in action.where}
    assert set(stage.shell.deeds()) <= ids


async def test_esc_on_the_start_screen_is_now() -> None:
    stage, _ = staged()
    await stage.arrived("[", "/", *"mail", "enter")
    assert "/mail" in stage.text()
    await stage.arrived("esc")
    assert shown(stage) is not None, "first it clears the filter"
    await stage.arrived("esc")
    assert shown(stage) is None
    assert "back" not in stage.shell.deeds()


async def test_a_moment_of_which_nothing_is_known_says_why_and_is_jumped_over() -> None:
    stage, _ = staged()
    lines = await stage.arrived("{")
    assert lines[0].startswith("wfmon  prod-ai-01 · ops")
    assert lines[0].endswith("13:03, not live")
    assert lines[1].startswith("─ Nothing is known of 13:03 ─")
    assert lines[2] == "  no collector ran 12:03–13:03"
    assert lines[3] == "  known before it 12:03:27, after it 13:03:27"
    await stage.arrived("[")
    assert shown(stage) == GAP[0]
    await stage.arrived("]")
    assert shown(stage) is not None
    assert stage.shell.snapshot is None
    await stage.arrived("]")
    assert shown(stage) == GAP[1]
    for view, key in ((SourcesView, "S"), (WorkflowView, "")):
        await stage.arrived("[")
        if key:
            stage.press(key)
        else:
            stage.shell.open(WorkflowView("email_triage"))
        assert isinstance(stage.shell.view, view)
        assert "no collector ran 12:03–13:03" in stage.text()
        assert "13:02, not live" in stage.lines()[0]
        await stage.arrived("esc", "]")


async def test_steps_beyond_the_ends_say_so() -> None:
    stage, _ = staged()
    stage.shell.travel(FIRST + 30)
    await settled()
    lines = await stage.arrived("[")
    assert "nothing is known before Sun 14:03" in lines[-1]
    assert shown(stage) == FIRST
    await stage.arrived("[", "{")
    assert shown(stage) == FIRST
    assert "nothing is known before" in stage.lines()[-1]
    stage.shell.travel(LAST - 60)
    await settled()
    await stage.arrived("]", "]")
    assert shown(stage) is None, "after the last point comes now"


async def test_where_nothing_is_kept_it_stays_now_and_says_why() -> None:
    stage = Stage(live())
    stage.doors.memory = FakeMemory()
    for key in ("[", "{"):
        assert "no history is kept" in (await stage.arrived(key))[-1]
    stage.shell.travel(NOW - 500)
    await settled()
    assert shown(stage) is None
    assert "pause" in stage.shell.deeds()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("13:55", "13:55, not live"),
        ("-10m", "13:53, not live"),
        ("-30d", "nothing was kept then"),
        ("14:04", "Sun 14:04, not live"),
        ("2027-01-01 10:00", "is yet to come"),
        ("once [upon] a time", '"once [upon] a time" is no time that is understood'),
        ("now", "4/4 sources"),
    ],
)
async def test_the_palette_asks_for_a_time(typed: str, words: str) -> None:
    stage, _ = staged(size=(160, 24))
    stage.press(":", *"go to a time", "enter")
    assert "go to (14:02, yesterday 14:02, -3h):" in stage.lines()[-1]
    stage.press(*typed, "enter")
    await settled()
    assert words in stage.text()


async def test_a_held_key_asks_little_and_ends_at_the_right_moment() -> None:
    stage, memory = staged()
    memory.gaps = []
    for _ in range(100):
        stage.shell.press("[", "[")
    await settled()
    assert shown(stage) == NOW // 60 * 60 - 6_000
    assert len(memory.asked) <= 2
    for _ in range(40):
        stage.shell.press("]", "]")
        await asyncio.sleep(0)
    await settled()
    assert shown(stage) == NOW // 60 * 60 - 3_600
    assert memory.most_under_way == 1


async def test_a_slow_answer_is_let_go_and_what_it_waits_for_is_told() -> None:
    stage, memory = staged()
    memory.gaps = []
    memory.held = asyncio.Event()
    await stage.arrived("[")
    assert "not live" not in stage.text()
    stage.now += 0.4
    assert stage.lines()[0].endswith("to 14:02 …")
    await stage.arrived("[")
    assert memory.cancelled == [NOW // 60 * 60 - 60]
    stage.now += 0.1
    await stage.arrived(*("[" * 30))
    assert len(memory.asked) == 2, "a young question is let answer, the wish is remembered"
    assert stage.lines()[0].endswith("to 13:31 …")
    memory.held.set()
    await settled()
    assert shown(stage) == NOW // 60 * 60 - 60 * 32
    assert memory.under_way == 0
    memory.held = asyncio.Event()
    await stage.arrived("[")
    stage.now += 0.4
    assert stage.lines()[0].endswith("13:31, not live · to 13:30 …")
    await stage.arrived("0")
    assert shown(stage) is None
    assert memory.under_way == 0, "nobody waits for that answer"


async def test_live_snapshots_go_on_arriving_and_cost_no_drawing() -> None:
    stage, _ = staged()
    await stage.arrived("[")
    before, draws = stage.text(), stage.host.draws
    told: list[Snapshot] = []
    stage.view.on_snapshot = told.append  # type: ignore[assignment]
    for number in range(1, 5):
        stage.now = NOW + number
        assert not stage.shell.arrived(live(NOW + number))
        stage.shell.present()
        assert not stage.shell.ticks()
    worse = replace(live(NOW + 4), verdict=incident().verdict)
    assert not stage.shell.arrived(worse), "also when the verdict is another"
    assert stage.host.draws == draws
    assert stage.text() == before
    assert told == []
    assert stage.shell.latest is not None
    assert stage.shell.latest.at == NOW + 4
    began = replace(live(NOW + 5), alerts=incident(NOW + 5).alerts[:1])
    stage.shell.arrived(began)
    assert stage.shell.ticks()
    assert stage.lines()[0].endswith("14:02, not live · 1 new alert")
    assert not stage.shell.ticks()
    await stage.arrived("0")
    assert stage.shell.snapshot is began
    assert stage.shell.ticks()


async def test_a_second_that_passes_draws_nothing_of_the_past() -> None:
    doors = FakeDoors(live())
    doors.memory = remembering()
    app = WfmonApp(doors, Settings(look(), Keymap(), by="joe"), clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert app.shell.moment is not None
        drawn: list[int] = []
        app.draw_soon = lambda: drawn.append(1)  # type: ignore[method-assign]
        doors.publish(live(NOW + 1))
        await pilot.pause()
        app._tick()
        assert drawn == []
        app.shell.press("0", "0")
        drawn.clear()
        app._tick()
        assert drawn == [1]


async def test_what_was_open_when_the_screen_went_back_is_not_new() -> None:
    stage, _ = staged(incident())
    await stage.arrived("[")
    assert "new alert" not in stage.lines()[0]
    two = tuple(replace(incident().alerts[0], id=f"{n}" * 12, state=AlertState.FIRING) for n in (7, 8))
    stage.shell.arrived(replace(incident(), alerts=(*incident().alerts, *two)))
    assert "2 new alerts" in stage.lines()[0]
    await stage.arrived("[", "[")
    assert "2 new alerts" in stage.lines()[0]


async def test_going_back_ends_the_pause() -> None:
    stage, memory = staged()
    stage.press("p")
    stage.now += 600
    assert "PAUSED 10m" in stage.lines()[0]
    await stage.arrived("[")
    assert memory.asked == [NOW // 60 * 60 - 60], "a minute before what stood on the screen"
    assert stage.shell.paused_at is None
    assert stage.lines()[0].endswith("14:02, not live")
    await stage.arrived("0")
    assert "PAUSED" not in stage.lines()[0]


async def test_a_view_that_was_opened_now_leads_back_to_now() -> None:
    stage, _ = staged()
    await stage.arrived("j", "enter", "[")
    assert isinstance(stage.shell.view, WorkflowView)
    assert stage.lines()[0].endswith("14:02, not live")
    await stage.arrived("esc")
    assert shown(stage) is None
    await stage.arrived("[", "enter", "[", "esc")
    assert isinstance(stage.shell.view, OperationsView)
    assert stage.lines()[0].endswith("14:01, not live")


async def test_the_log_and_the_runs_of_a_past_moment_are_of_that_time() -> None:
    stage, _ = staged(incident())
    await stage.arrived(*("[" * 8))
    await stage.arrived("e")
    assert isinstance(stage.shell.view, RunView)
    assert stage.shell.view.run_id == "run-9f31"
    assert stage.lines()[0].endswith("13:55, not live")
    assert set(stage.shell.deeds()).isdisjoint({"live", "step_back"}), "[ ] and 0 are no keys of a log"
    await stage.arrived("esc", "l")
    assert stage.doors.requests[-1].until == NOW // 60 * 60 - 480
    assert "─ Log until 13:55 " in stage.text()
    await stage.arrived("esc", "0", "l")
    assert stage.doors.requests[-1].until is None


async def test_the_order_stands_still_while_it_steps_but_not_over_an_hour() -> None:
    stage, memory = staged()
    memory.gaps = []

    def turned(at: float) -> Snapshot:
        now = seen_at(at)
        failing = replace(now.workflows[4], runs=incident().workflows[2].runs)
        return replace(now, workflows=(*now.workflows[:4], failing))

    await stage.arrived("j")
    memory.moments = turned

    def order() -> list[str]:
        return [line.split()[0] for line in stage.lines() if " 1.0x " in line or " 1.2x " in line]

    assert order() == ["data_processing", "research_agent"]
    await stage.arrived("[")
    assert order() == ["data_processing", "research_agent"]
    await stage.arrived("{")
    assert order() == ["research_agent", "data_processing"], "what was worst then stands first"


async def test_a_step_paints_only_what_differs() -> None:
    stage, memory = staged()
    memory.gaps = []
    kept = seen_at(NOW - 40_000)
    memory.moments = lambda at: replace(kept, at=at)
    memory.seconds = 60.0
    stage.shell.travel(NOW - 40_000)
    await settled()
    before = stage.shell.draw(80, 24)
    await stage.arrived("[")
    after = stage.shell.draw(80, 24)
    changed = [number for number in range(24) if before[number].strip != after[number].strip]
    aged = [number for number in changed if after[number].text.split()[-1] in "✓✖"]
    assert set(changed) == {0, *aged}, "line 1, and rows of which the last run is older"


@pytest.mark.parametrize("size", [(60, 15), (120, 40)])
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
async def test_hostile_reasons_break_no_row(payload: object, size: tuple[int, int]) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    stage, memory = staged(size=size)
    memory.gaps = [(NOW - 7_200, NOW - 3_600, text)]
    assert all(row.isprintable() for row in await stage.arrived("{"))
    stage.press(":", *"go to", "enter")
    stage.shell.paste(text)
    assert all(row.isprintable() for row in stage.press("enter"))


async def test_ascii_has_no_other_signs() -> None:
    stage = Stage(live(), ascii_only=True)
    stage.doors.memory = staged()[1]
    for keys in ("[", "{", "H"):
        assert all(line.isascii() for line in await stage.arrived(keys))


async def test_an_open_alert_steps_to_its_begin_first() -> None:
    now = replace(incident(), alerts=(replace(incident().alerts[0], since=BEGAN, id=ID),))
    stage, _ = staged(now)
    await stage.arrived("enter", "[")
    assert isinstance(stage.shell.view, AlertView)
    assert shown(stage) == BEGAN
    await stage.arrived("[")
    assert shown(stage) == BEGAN // 60 * 60 - 60
    await stage.arrived("0", "[", "]")
    assert shown(stage) == BEGAN // 60 * 60 + 60


async def test_what_was_usual_then_is_said_to_be_not_kept_and_not_that_no_history_is() -> None:
    stage, memory = staged()
    memory.moments = lambda at: replace(incident(at), history=None, workflows=(BARE,))
    await stage.arrived("[", "tab", "i", "G")
    assert "what was usual then is not kept" in stage.text()
    assert "no history is kept" not in stage.text()


BARE = replace(incident().workflows[0], usual=None)
