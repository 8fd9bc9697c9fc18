"""Cursor, order, filter, sort, pause: what a person does with the start screen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.screen import Stage
from support.snapshots import all_fine, crowd, incident, many_alerts
from wfmon.model.action import AckAlert, CommentAck, Refresh, UnackAlert
from wfmon.model.alert import Ack, AlertState
from wfmon.model.snapshot import Snapshot, StatusCounts, Workflow
from wfmon.ui.order import StillOrder, ranked
from wfmon.ui.rows import RowCursor, Scroll


def failing(snapshot: Snapshot, name: str) -> Snapshot:
    """``name`` fails now, so it would rank first among those without an alert."""
    return replace(
        snapshot,
        workflows=tuple(
            replace(one, runs=StatusCounts(success=1, error=9)) if one.name == name else one
            for one in snapshot.workflows
        ),
    )


def workflow_rows(lines: list[str]) -> list[str]:
    names = {one.name for one in incident().workflows}
    head = next((number for number, line in enumerate(lines) if "WORKFLOW" in line), 0)
    return [word for line in lines[head + 1 : 20] for word in line[:20].split() if word in names]


def test_it_starts_on_the_worst_alert_that_nobody_has() -> None:
    base = incident()
    taken = replace(base.alerts[0], state=AlertState.ACKED, ack=Ack("ann", base.at, None, True))
    stage = Stage(replace(base, alerts=(taken, *base.alerts[1:])))
    assert stage.cursor_line().startswith("▲ cost_spike")


def test_without_alerts_it_starts_on_the_first_row() -> None:
    assert "1 ended" in Stage(all_fine()).cursor_line()
    assert Stage(replace(all_fine(), alerts=(), ended=())).cursor_line().split()[0] == "data_processing"


def test_moving_goes_through_alerts_into_workflows_and_stops_at_the_ends() -> None:
    stage = Stage(incident())
    stage.press("k")
    assert stage.cursor_line().startswith("✖ failure_rate")
    stage.press("j", "down", "j")
    assert stage.cursor_line().startswith("✖ invoice_extract")
    stage.press("G", "j")
    assert stage.cursor_line().startswith("  nightly_report")
    stage.press("g")
    assert stage.cursor_line().startswith("✖ failure_rate")


def test_tab_goes_to_the_other_pane_and_back_to_where_it_was() -> None:
    stage = Stage(incident())
    stage.press("j", "tab", "j")
    assert stage.cursor_line().startswith("▲ research_agent")
    stage.press("shift-tab")
    assert stage.cursor_line().startswith("▲ cost_spike")
    stage.press("tab")
    assert stage.cursor_line().startswith("▲ research_agent")


def test_the_order_stands_until_5_seconds_after_the_last_key() -> None:
    stage = Stage(incident())
    before = workflow_rows(stage.press("tab", "j"))
    changed = failing(incident(), "nightly_report")
    stage.now += 4.9
    assert workflow_rows(stage.show(changed)) == before
    stage.now += 0.2
    after = workflow_rows(stage.show(changed))
    assert after.index("nightly_report") == 2
    assert stage.cursor_line().startswith("▲ research_agent"), "the cursor stays on its row"


def test_a_new_alert_is_announced_and_not_inserted_above_the_cursor() -> None:
    base = incident()
    stage = Stage(replace(base, alerts=base.alerts[1:]))
    lines = stage.press("j")
    assert stage.cursor_line().startswith("◆ storage")
    lines = stage.show(base)
    assert "1 new below" in lines[2]
    assert lines[5].startswith("✖ failure_rate")
    stage.now += 6
    lines = stage.lines()
    assert lines[3].startswith("✖ failure_rate")
    assert "new below" not in lines[2]
    assert stage.cursor_line().startswith("◆ storage")


def test_a_row_that_goes_leaves_the_cursor_at_its_place() -> None:
    base = incident()
    stage = Stage(base)
    stage.press("tab", "j")
    gone = replace(base, workflows=tuple(one for one in base.workflows if one.name != "research_agent"))
    stage.show(gone)
    assert stage.cursor_line().startswith("  data_processing")


def test_the_filter_narrows_while_typing_and_escape_clears_it() -> None:
    stage = Stage(incident())
    stage.press("/")
    lines = stage.type("em")
    assert workflow_rows(lines) == ["email_triage"]
    assert "/em 1 of 5" in "\n".join(lines)
    assert lines[-1].startswith(" filter: em")
    lines = stage.press("enter")
    assert workflow_rows(lines) == ["email_triage"]
    assert len(workflow_rows(stage.press("esc"))) == 5
    lines = stage.press("/", *"zzz", "enter")
    assert '  no workflow matches "zzz" · esc clears the filter' in lines


def test_escape_while_typing_brings_the_old_filter_back() -> None:
    stage = Stage(incident())
    stage.press("/", *"em", "enter", "/", *"ail", "esc")
    assert workflow_rows(stage.lines()) == ["email_triage"]


def test_letters_typed_into_a_question_are_no_actions() -> None:
    stage = Stage(incident())
    stage.press("/", *"qap")
    assert not stage.host.left
    assert stage.doors.actions == []
    assert stage.shell.paused_at is None


def test_sorting_is_at_once_and_unknown_stands_last() -> None:
    stage = Stage(incident())
    lines = stage.press("s", "t")
    assert workflow_rows(lines)[:3] == ["research_agent", "invoice_extract", "email_triage"]
    assert "by tokens" in "\n".join(lines)
    lines = stage.press("I")
    assert workflow_rows(lines)[:3] == ["email_triage", "invoice_extract", "research_agent"]
    assert set(workflow_rows(lines)[3:]) == {"data_processing", "nightly_report"}
    assert workflow_rows(stage.press("s", "w"))[0] == "data_processing"
    assert stage.cursor_line().startswith("✖ failure_rate"), "sorting does not move the cursor"


def test_more_columns_come_into_view_and_go_again() -> None:
    stage = Stage(incident())
    for _ in range(4):
        stage.press("right")
    assert "API/m" in stage.text()
    for _ in range(4):
        stage.press("left")
    assert stage.lines()[7].startswith("  WORKFLOW          ACT")


def test_paging_through_a_thousand() -> None:
    stage = Stage(crowd())
    stage.press("pgdn")
    first = stage.cursor_line()
    stage.press("pgdn", "pgup")
    assert stage.cursor_line() == first
    stage.press("G")
    assert "workflow_0994" in stage.cursor_line() or "workflow_09" in stage.cursor_line()
    assert "1000 workflows" in stage.text()


def test_the_alert_pane_scrolls_with_the_cursor() -> None:
    stage = Stage(many_alerts(13))
    lines = stage.press(*"jjjjjjj")
    assert any("workflow_07" in line for line in lines[3:9])
    assert lines[9].startswith("  +7 more")


def test_pause_stops_the_screen_and_counts_what_is_new() -> None:
    base = incident()
    stage = Stage(replace(base, alerts=base.alerts[1:]))
    stage.press("p")
    stage.now += 125
    lines = stage.show(base)
    assert "PAUSED 2m · 1 new alert · 14:05:32 UTC" in lines[0]
    assert "failure_rate" not in "\n".join(lines)
    lines = stage.press("p")
    assert "PAUSED" not in lines[0]
    assert "failure_rate" in "\n".join(lines)


def test_a_click_selects_and_a_second_opens_and_the_wheel_moves() -> None:
    stage = Stage(incident())
    row = next(number for number, line in enumerate(stage.lines()) if line.startswith("  email_triage"))
    stage.shell.click(5, row)
    assert stage.cursor_line().startswith("  email_triage")
    opened: list[str] = []
    stage.view.deeds = lambda: {"open": lambda: opened.append("yes")}  # type: ignore[method-assign]
    stage.shell.click(5, row)
    assert opened == ["yes"]
    stage.shell.wheel(row, -1)
    assert not stage.cursor_line().startswith("  email_triage")


async def settled(stage: Stage) -> None:
    """Lets what was started run to its end."""
    import asyncio

    for _ in range(5):
        await asyncio.sleep(0)


async def test_ack_acts_at_once_and_then_asks_for_a_comment() -> None:
    stage = Stage(incident())
    stage.press("a")
    await settled(stage)
    assert stage.doors.actions == [AckAlert("a1b2c3d4e5f6", "joe")]
    assert stage.lines()[-1].startswith(" acked failure_rate invoice_extract")
    stage.press(*"on it", "enter")
    await settled(stage)
    assert stage.doors.actions[1:] == [CommentAck("a1b2c3d4e5f6", "joe", "on it")]
    assert stage.lines()[-1].strip() == "✓ done"


async def test_no_comment_is_no_second_action() -> None:
    stage = Stage(incident())
    stage.press("a")
    await settled(stage)
    stage.press("esc")
    await settled(stage)
    assert len(stage.doors.actions) == 1


async def test_an_ack_that_failed_says_so_and_asks_nothing() -> None:
    from wfmon.model.action import Outcome

    stage = Stage(incident())
    stage.doors.outcome = Outcome(False, "NOT SAVED: disk full")
    stage.press("a")
    await settled(stage)
    assert stage.lines()[-1].strip() == "✖ NOT SAVED: disk full"


async def test_undo_and_refresh() -> None:
    stage = Stage(incident())
    stage.press("j", "j", "u")
    await settled(stage)
    stage.press("r")
    await settled(stage)
    assert stage.doors.actions == [UnackAlert("c1b2c3d4e5f6", "joe"), Refresh()]


async def test_a_workflow_with_exactly_one_open_alert_is_acked_from_its_row() -> None:
    base = incident()
    stage = Stage(base)
    stage.press("tab", "a")
    await settled(stage)
    assert stage.doors.actions == [AckAlert("a1b2c3d4e5f6", "joe")]
    second = replace(base.alerts[1], id="eeeeeeeeeeee", workflow="invoice_extract")
    stage = Stage(replace(base, alerts=(*base.alerts, second)))
    stage.press("tab", "a")
    await settled(stage)
    assert stage.doors.actions == []


async def test_read_only_changes_nothing_and_offers_nothing() -> None:
    stage = Stage(incident(), read_only=True)
    assert "a ack" not in stage.lines()[-1]
    lines = stage.press("a")
    await settled(stage)
    assert stage.doors.actions == []
    assert "read-only: nothing was changed" in lines[-1]


def test_the_footer_offers_only_what_does_something_now() -> None:
    stage = Stage(incident())
    assert "a ack" in stage.lines()[-1]
    assert "u undo" not in stage.lines()[-1]
    stage.press("j", "j")
    assert "u undo" in stage.lines()[-1]
    assert "a ack" not in stage.lines()[-1]
    assert "l log" not in stage.lines()[-1], "a mount has no log"
    assert "e error" not in Stage(all_fine()).lines()[-1]


def test_where_no_log_is_known_e_says_what_would_give_one() -> None:
    stage = Stage(replace(incident(), runs=()))
    assert "no log of invoice_extract is known: name its files, --logs GLOB" in stage.press("e")[-2]


def test_y_copies_the_row() -> None:
    stage = Stage(incident())
    stage.press("tab", "y")
    assert stage.host.copied[0].startswith("✖ invoice_extract")


@pytest.mark.parametrize("key", ["1", "A", "&", "m", "F5", "x"])
def test_a_key_of_nothing_does_nothing(key: str) -> None:
    stage = Stage(incident())
    before = stage.text()
    assert "\n".join(stage.press(key)) == before
    assert stage.doors.actions == []


@given(
    steps=st.lists(
        st.tuples(st.permutations(["a", "b", "c", "d", "e"]), st.integers(0, 5), st.booleans()), max_size=12
    )
)
def test_order_holds_every_key_once_and_stands_while_frozen(
    steps: list[tuple[list[str], int, bool]],
) -> None:
    still = StillOrder()
    for keys, count, frozen in steps:
        wanted = keys[:count]
        before = list(still.keys)
        order = still.arrange(wanted, frozen=frozen)
        assert sorted(order) == sorted(wanted)
        if frozen and before:
            kept = [key for key in before if key in wanted]
            assert order[: len(kept)] == kept
        else:
            assert order == wanted


@given(
    changes=st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8), min_size=1, max_size=8),
    moves=st.lists(st.sampled_from(["up", "down", "top", "bottom", "page_down"]), max_size=8),
    height=st.integers(1, 6),
)
def test_the_cursor_is_always_on_a_row_that_is_drawn(
    changes: list[list[str]], moves: list[str], height: int
) -> None:
    cursor = RowCursor()
    for number, keys in enumerate(changes):
        before = cursor.key
        cursor.place(keys)
        if keys:
            assert cursor.key == (before if before in keys else keys[cursor.index])
            if number < len(moves):
                cursor.move(moves[number], height)
            window = cursor.window(height)
            assert cursor.index in window
            assert len(window) == min(height, len(keys))


def test_a_window_moves_no_further_than_it_must() -> None:
    scroll = Scroll()
    assert list(scroll.window(3, 10, 4)) == [0, 1, 2, 3]
    assert list(scroll.window(4, 10, 4)) == [1, 2, 3, 4]
    assert list(scroll.window(2, 10, 4)) == [1, 2, 3, 4]
    assert list(scroll.window(None, 3, 4)) == [0, 1, 2]


def test_rows_do_not_jump_when_a_run_ends() -> None:
    ran = StatusCounts(success=9)
    rows = [
        Workflow("busy", active=1, runs=ran),
        Workflow("idle", active=0, runs=StatusCounts()),
        Workflow("short", active=1, runs=ran),
    ]
    order = [row.name for row in ranked(rows, {}, "n", invert=False)]
    assert order == ["busy", "short", "idle"]
    rows[0] = replace(rows[0], active=0)
    assert [row.name for row in ranked(rows, {}, "n", invert=False)] == order
