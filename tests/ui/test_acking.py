"""Ack, undo, snooze, note and share by their keys: what each asks, what it sends, when it is offered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.alertworld import REF, acked, foreign, local, with_alerts
from support.screen import Stage
from support.snapshots import NOW, incident
from wfmon.model.action import AckAlert, AddNote, CommentAck, Outcome, ShareAck, SnoozeAlert, UnackAlert
from wfmon.model.alert import Ack, Alert, AlertState
from wfmon.ui.acking import is_mine
from wfmon.ui.panes.alerts import KEY

ID, THEIRS = local().id, foreign().id
SIZES = [(80, 24), (120, 40)]
MINE = local(AlertState.ACKED, acked("joe from 10.0.3.7 pts/2"))


def offered(alert: Alert, *, by: str = "joe") -> set[str]:
    stage = Stage(with_alerts(alert))
    stage.shell.by = by
    stage.lines()
    return set(stage.shell.deeds()) & {"ack", "unack", "snooze", "note", "share"}


@pytest.mark.parametrize(
    ("alert", "keys"),
    [
        (local(), {"ack", "snooze", "note"}),
        (local(AlertState.NO_DATA), {"ack", "snooze", "note"}),
        (local(AlertState.ACKED, acked()), {"unack", "snooze", "note"}),
        (local(AlertState.SNOOZED, acked(snooze=True)), {"unack", "snooze", "note"}),
        (local(AlertState.ACKED, acked("dana")), {"note"}),
        (foreign(AlertState.PENDING), set()),
        (foreign(), {"ack", "snooze", "note", "share"}),
        (foreign(AlertState.SILENCED, acked("dana")), {"ack", "note"}),
        (foreign(AlertState.INHIBITED), {"ack", "note"}),
        (foreign(AlertState.ACKED, acked()), {"unack", "snooze", "note", "share"}),
        (foreign(AlertState.ACKED, acked(shared=True, via="am")), {"unack", "snooze", "note"}),
        (foreign(AlertState.ACKED, acked(via="am")), {"unack", "snooze", "note"}),
        (foreign(AlertState.ACKED, acked(via="am", problem="refused")), {"unack", "snooze", "note", "share"}),
        (foreign(foreign=replace(REF, writable=False)), {"ack", "snooze", "note"}),
        (foreign(foreign=replace(REF, alertmanager=None)), {"ack", "snooze", "note"}),
    ],
)
def test_only_what_does_something_is_offered(alert: Alert, keys: set[str]) -> None:
    assert offered(alert) == keys


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_footer_offers_what_the_row_can(size: tuple[int, int]) -> None:
    stage = Stage(with_alerts(foreign()), size=size)
    assert " a ack  z snooze  c note  A share " in stage.lines()[-1]
    taken = stage.show(with_alerts(foreign(AlertState.ACKED, acked(shared=True, via="am"))))[-1]
    assert " u undo  z snooze  c note " in taken
    assert " a ack" not in taken
    assert " A share" not in taken


@pytest.mark.parametrize(
    ("signed", "by", "mine"),
    [
        ("joe", "joe", True),
        ("joe from 10.0.3.7 pts/2", "joe from 10.0.3.7 pts/9", True),
        ("joe from pts/2", "joe from pts/3", True),
        ("dana (ubuntu from 10.0.3.7 pts/2)", "ubuntu from 10.0.3.7 pts/1", True),
        ("joe from 10.0.3.7 pts/2", "joe from 10.0.3.8 pts/2", False),
        ("dana", "joe", False),
        ("dana", "", False),
    ],
)
def test_whose_ack_it_is(signed: str, by: str, mine: bool) -> None:
    assert is_mine(Ack(signed, NOW, None), by) is mine


@pytest.mark.parametrize("key", ["1", "2", "3", "4"])
def test_snooze_asks_for_how_long(key: str) -> None:
    stage = Stage(with_alerts(local()))
    asked = stage.press("z")[-1]
    assert asked == " snooze cost_spike research_agent: 1 15m · 2 1h · 3 4h · 4 until resolved"
    assert stage.doors.actions == []
    stage.press(key)
    seconds = {"1": 900.0, "2": 3600.0, "3": 14_400.0, "4": None}[key]
    assert stage.doors.actions == [SnoozeAlert(ID, "joe", seconds)]


@pytest.mark.parametrize("size", [*SIZES, (60, 15)])
def test_the_choices_stand_apart_and_whole_whatever_the_name(size: tuple[int, int]) -> None:
    stage = Stage(with_alerts(local(workflow="w" * 90)), size=size)
    asked = stage.press("z")[-1]
    assert asked.startswith(" snooze cost_spike ")
    assert asked.endswith("…1 15m · 2 1h · 3 4h · 4 until resolved".replace("…", "… "))


@pytest.mark.parametrize("size", [*SIZES, (60, 15)])
@pytest.mark.parametrize(("key", "asks"), [("a", " · comment (⏎): "), ("c", ": ")])
def test_a_long_name_leaves_room_for_what_is_typed(size: tuple[int, int], key: str, asks: str) -> None:
    stage = Stage(with_alerts(local(workflow="w" * 90)), size=size)
    stage.press(key)
    assert stage.type("restarted the queue")[-1].endswith(f"…{asks}restarted the queue")


@pytest.mark.parametrize("key", ["esc", "enter", "q"])
def test_a_snooze_may_be_given_up(key: str) -> None:
    stage = Stage(with_alerts(local()))
    stage.press("z", key)
    assert stage.doors.actions == []
    assert "z snooze" in stage.lines()[-1]


def test_a_note_is_a_line_of_text() -> None:
    stage = Stage(with_alerts(local()))
    assert stage.press("c")[-1].startswith(" note to cost_spike research_agent:")
    stage.type("asked the provider")
    stage.press("enter")
    assert stage.doors.actions == [AddNote(ID, "joe", "asked the provider")]
    stage.press("c", "space", "enter", "c", "x", "esc")
    assert len(stage.doors.actions) == 1, "nothing written, or given up"


def test_an_ack_is_done_before_its_comment_is_asked() -> None:
    stage = Stage(with_alerts(local()))
    last = stage.press("a")[-1]
    assert stage.doors.actions == [AckAlert(ID, "joe")]
    assert last.startswith(" acked cost_spike research_agent · comment (⏎):")
    stage.type("on it")
    stage.press("enter")
    assert stage.doors.actions[1:] == [CommentAck(ID, "joe", "on it")]


def test_an_ack_that_is_refused_asks_nothing() -> None:
    stage = Stage(with_alerts(local()))
    stage.doors.outcome = Outcome(False, "dana has it until 15:00")
    assert "dana has it until 15:00" in stage.press("a")[-1]


@pytest.mark.parametrize("state", [AlertState.ACKED, AlertState.SNOOZED])
def test_undo_takes_an_ack_and_a_snooze_back(state: AlertState) -> None:
    stage = Stage(with_alerts(replace(MINE, state=state)))
    stage.shell.by = "joe from 10.0.3.7 pts/5"
    stage.press("u")
    assert stage.doors.actions == [UnackAlert(ID, "joe from 10.0.3.7 pts/5")]


def test_a_share_says_whom_it_mutes_and_asks_once() -> None:
    stage = Stage(with_alerts(foreign()), size=(120, 40))
    assert stage.press("A")[-1] == (
        " mutes HighErrorRate in am for everybody: receivers pager, slack · y to share, any other key: no"
    )
    assert stage.doors.actions == []
    stage.press("y")
    assert stage.doors.actions == [ShareAck(THEIRS, "joe")]


def test_at_80_the_receivers_are_still_named() -> None:
    stage = Stage(with_alerts(foreign()))
    said = " mutes HighErrorRate in am for everybody: pager, slack · y shares, else no"
    assert stage.press("A")[-1] == said


def test_many_receivers_are_counted_where_they_cannot_be_named() -> None:
    ref = replace(REF, receivers=tuple(f"team-number-{n}" for n in range(12)))
    stage = Stage(with_alerts(foreign(foreign=ref)))
    assert stage.press("A")[-1] == " mutes it in am for all (12 receivers) · y shares, else no"
    nobody = Stage(with_alerts(foreign(foreign=replace(REF, receivers=()))))
    asked = nobody.press("A")[-1]
    assert asked == " mutes HighErrorRate in am for everybody · y to share, any other key: no"


@pytest.mark.parametrize("key", ["n", "enter", "esc", "q", "A", "Y", "space", "down"])
def test_any_other_key_shares_nothing(key: str) -> None:
    stage = Stage(with_alerts(foreign()))
    stage.press("A")
    assert "not shared" in stage.press(key)[-1]
    assert stage.doors.actions == []
    assert not stage.host.left


def test_what_is_pasted_confirms_nothing() -> None:
    stage = Stage(with_alerts(foreign()))
    stage.press("A")
    stage.shell.paste("y")
    assert stage.doors.actions == []


@pytest.mark.parametrize(
    ("keys", "action"),
    [
        (("z", "2"), SnoozeAlert(ID, "joe", 3600.0)),
        (("c", "x", "enter"), AddNote(ID, "joe", "x")),
    ],
)
def test_it_stays_with_the_alert_when_rows_move_meanwhile(keys: tuple[str, ...], action: object) -> None:
    stage = Stage(with_alerts(local()))
    stage.press(keys[0])
    worse = incident().alerts[0]
    stage.now += 60
    stage.show(with_alerts(worse))
    stage.show(with_alerts(worse, local()))
    stage.press(*keys[1:])
    assert stage.doors.actions == [action]


def test_a_share_stays_with_its_alert_too() -> None:
    stage = Stage(with_alerts(foreign()))
    stage.press("A")
    stage.now += 60
    stage.show(with_alerts(foreign(id="0" * 12, labels=(("a", "b"),)), incident().alerts[0]))
    stage.press("y")
    assert stage.doors.actions == [ShareAck(THEIRS, "joe")]


def test_on_a_row_of_a_workflow_they_are_about_its_only_open_alert() -> None:
    stage = Stage(with_alerts(local(), foreign(AlertState.PENDING, workflow="research_agent")))
    assert stage.view.cursor.select("w:research_agent")
    stage.press("z", "1")
    assert stage.doors.actions == [SnoozeAlert(ID, "joe", 900.0)]
    two = Stage(with_alerts(local(), foreign(workflow="research_agent")))
    assert two.view.cursor.select("w:research_agent")
    two.press("a", "z", "1", "A", "y")
    assert two.doors.actions == []
    assert "z snooze" not in two.lines()[-1]


def test_on_the_screen_of_an_alert_they_act_on_it() -> None:
    stage = Stage(with_alerts(foreign(), incident().alerts[0]))
    assert stage.view.cursor.select(KEY + THEIRS)
    stage.press("enter", "z", "3", "A", "y", "c", "x", "enter")
    assert stage.doors.actions == [
        SnoozeAlert(THEIRS, "joe", 14_400.0),
        ShareAck(THEIRS, "joe"),
        AddNote(THEIRS, "joe", "x"),
    ]


@pytest.mark.parametrize("keys", ["a", "u", "z1", "cx", "Ay"])
def test_read_only_refuses_all(keys: str) -> None:
    stage = Stage(with_alerts(foreign() if keys != "u" else MINE), read_only=True)
    stage.shell.by = "joe from 10.0.3.7 pts/2"
    assert not any(f" {key} " in stage.lines()[-1] for key in "auzcA")
    assert "read-only: nothing was changed" in stage.press(keys[0])[-1]
    stage.press(*keys[1:], "enter")
    assert stage.doors.actions == []


def test_the_palette_names_them() -> None:
    stage = Stage(with_alerts(foreign()), size=(120, 40))
    stage.press(":")
    text = "\n".join(stage.type("alert"))
    assert "snooze the alert of this row" in text
    assert "write a note to the alert of this row" in text
