"""The alert pane tells every state apart: by sign, by word, and who has it from when until when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.alertworld import acked, foreign, local, with_alerts
from support.screen import Stage
from support.snapshots import NOW, all_fine, incident
from wfmon.model.alert import Alert, AlertState, Severity
from wfmon.ui.rows import width_of

SIZES = [(80, 24), (120, 40)]
LONG = "joe from 10.0.3.7 pts/2"

STATES: dict[str, tuple[Alert, str, str]] = {
    "critical": (incident().alerts[0], "✖", "for 3m12s   80 failed"),
    "warning": (local(), "▲", "for 41s"),
    "acked": (local(AlertState.ACKED, acked()), "◆", "acked joe 12m, wakes 15:00"),
    "acked until resolved": (
        local(AlertState.ACKED, acked(until=None)),
        "◆",
        "acked joe 12m until resolved",
    ),
    "snoozed": (local(AlertState.SNOOZED, acked(snooze=True)), "◆", "snoozed joe 12m, wakes 15:00"),
    "snoozed until resolved": (
        local(AlertState.SNOOZED, acked(until=None, snooze=True)),
        "◆",
        "snoozed joe until resolved",
    ),
    "silenced": (
        foreign(AlertState.SILENCED, acked("dana", shared=True, silence="s1", via="am")),
        "◇",
        "silenced dana until 15:00",
    ),
    "inhibited": (foreign(AlertState.INHIBITED, quieted="HostDown"), "◇", "inhibited by HostDown"),
    "pending": (foreign(AlertState.PENDING), "·", "pending for 1m40s"),
    "no data": (local(AlertState.NO_DATA), "?", "no data for 41s"),
    "not saved": (local(unsaved="disk full"), "▲", "NOT SAVED: disk full"),
}


def row(stage: Stage, alert: Alert) -> str:
    return next(line for line in stage.lines() if line[1:].startswith(f" {alert.rule[:13]}"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", STATES)
def test_each_state_has_its_sign_and_its_words(name: str, size: tuple[int, int]) -> None:
    alert, sign, words = STATES[name]
    found = row(Stage(with_alerts(alert), size=size), alert)
    assert found.startswith(f"{sign} ")
    if size[0] > 80:
        words = words.replace("joe until", "joe 12m until")
    assert found.endswith(words)


@pytest.mark.parametrize("name", STATES)
def test_each_state_is_told_in_ascii(name: str) -> None:
    alert, sign, words = STATES[name]
    stage = Stage(with_alerts(alert), ascii_only=True)
    assert stage.text().isascii()
    plain = {"✖": "X", "▲": "!", "◆": "a", "◇": "s", "·": "|", "?": "?"}[sign]
    found = row(stage, alert)
    assert found.startswith(f"{plain} ")
    assert found.endswith(words)


def test_states_that_look_alike_have_another_colour() -> None:
    stage = Stage(
        with_alerts(*(replace(alert, id=f"{n:012x}") for n, (alert, *_) in enumerate(STATES.values())))
    )
    roles = {stage.shell.look.alert_sign(alert) for alert, *_ in STATES.values()}
    assert len({sign for sign, _role in roles}) == len({role for _sign, role in roles}) == 6


def test_the_title_counts_each_state_and_a_pending_one_does_not_fire() -> None:
    shown = [replace(alert, id=f"{n:012x}") for n, (alert, *_) in enumerate(STATES.values())]
    title = Stage(with_alerts(*shown), size=(120, 40)).lines()[2]
    counted = "3 firing · 1 no data · 2 acked · 2 snoozed · 1 silenced · 1 inhibited · 1 pending"
    assert title.endswith(f" {counted} ─")


def test_one_that_is_pending_stands_last_and_is_faint() -> None:
    pending = foreign(AlertState.PENDING, severity=Severity.CRITICAL)
    stage = Stage(with_alerts(pending, local(AlertState.ACKED, acked())))
    lines = stage.lines()
    assert lines[2].endswith("0 firing · 1 acked · 1 pending ─")
    assert lines[3].startswith("◆ cost_spike")
    assert lines[4].startswith("· HighErrorRate")
    faint = stage.shell.look.style("muted")
    drawn = next(one for one in stage.shell.draw(80, 24) if one.text.startswith("· HighErrorRate"))
    assert {style for text, style, _ in drawn.strip if text.strip()} == {faint}


def test_a_pending_one_opens_as_it_is_now() -> None:
    stage = Stage(with_alerts(foreign(AlertState.PENDING)))
    lines = stage.press("enter")
    assert lines[0].startswith("· HighErrorRate")
    assert stage.shell.moment is None


def test_hidden_ones_that_are_pending_are_not_counted_as_critical() -> None:
    many = [
        foreign(AlertState.PENDING, id=f"{n:012x}", labels=(("workflow", f"w{n}"),), workflow=f"w{n}")
        for n in range(9)
    ]
    lines = Stage(with_alerts(*many)).lines()
    assert "  +3 more" in lines


def test_hidden_critical_ones_that_somebody_has_are_told_apart() -> None:
    many = [
        foreign(AlertState.FIRING if n < 8 else AlertState.ACKED, acked() if n >= 8 else None, id=f"{n:012x}")
        for n in range(10)
    ]
    assert "  +4 more, 4 critical (2 taken)" in Stage(with_alerts(*many)).lines()


def test_of_several_that_ended_the_age_is_that_of_the_last() -> None:
    ended = tuple(replace(local(AlertState.RESOLVED), id=f"{n:012x}", ended_at=NOW - 60 * n) for n in (6, 7))
    assert "2 ended, last 6m ago: H ─" in Stage(replace(with_alerts(local()), ended=ended)).lines()[2]
    assert Stage(replace(all_fine(), ended=ended)).lines()[2].startswith("  2 ended, last 6m ago: ")
    assert "1 ended 6m ago: H ─" in Stage(replace(with_alerts(local()), ended=ended[:1])).lines()[2]


def test_nothing_stands_twice_in_the_row_of_a_memory_alert() -> None:
    labels, words = (("resource", "memory"),), "memory 93% used"
    alert = local(rule="memory", labels=labels, workflow=None, summary=words, value=0.93, threshold=0.9)
    stage = Stage(with_alerts(alert))
    assert row(stage, alert).startswith("▲ memory        host             93% used  ")
    assert stage.press("enter")[0].startswith("▲ memory · host ")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_an_alert_of_another_system_names_it(size: tuple[int, int]) -> None:
    found = row(Stage(with_alerts(foreign()), size=size), foreign())
    assert "HighErrorRate" in found
    assert "am: 31% of requests" in found


def test_alerts_about_one_workflow_stand_together_the_worst_first() -> None:
    theirs = foreign(AlertState.ACKED, acked("dana"))
    other = local(severity=Severity.CRITICAL, since=NOW - 10)
    lines = Stage(with_alerts(theirs, other, incident().alerts[0])).lines()
    assert [line.split()[1] for line in lines[3:6]] == ["failure_rate", "HighErrorRate", "cost_spike"]
    assert lines[3].startswith("✖")
    assert lines[4].startswith("◆")


def test_how_often_it_came_back_stands_beside_in_every_state() -> None:
    for alert in (local(flaps=4), local(AlertState.ACKED, acked(), flaps=4)):
        found = row(Stage(with_alerts(alert)), alert)
        assert "  ↯4 $4.20/h, 3.1x" in found
    assert "↯" not in row(Stage(with_alerts(local())), local())
    damped = local(flaps=4, flapping=True, summary="flapping, $4.20/h, 3.1x usual")
    assert "  ↯4 $4.20/h, 3.1x" in row(Stage(with_alerts(damped)), damped)
    assert "*4 $4.20/h" in row(Stage(with_alerts(local(flaps=4)), ascii_only=True), local())


@pytest.mark.parametrize("by", ["joe", LONG, "wolfgang", "a-login-name-without-an-end"])
@pytest.mark.parametrize("size", [(60, 20), *SIZES], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", [AlertState.ACKED, AlertState.SNOOZED])
def test_whoever_has_it_the_time_it_wakes_is_whole(by: str, size: tuple[int, int], state: AlertState) -> None:
    alert = replace(incident().alerts[0], state=state, ack=acked(by))
    found = row(Stage(with_alerts(alert), size=size), alert)
    assert found.endswith(" 15:00")
    assert by[:3] in found
    assert "32% > 5%" in found


def test_the_age_of_an_ack_stands_at_80() -> None:
    for by in ("joe", LONG):
        alert = local(AlertState.ACKED, acked(by))
        assert row(Stage(with_alerts(alert)), alert).endswith("acked joe 12m, wakes 15:00")


def test_an_ack_that_wakes_on_another_day_names_it() -> None:
    alert = local(AlertState.ACKED, acked(until=NOW + 36_000 + 1_000))
    assert row(Stage(with_alerts(alert), size=(120, 40)), alert).endswith(", wakes 03-03 00:20")


@pytest.mark.parametrize(
    ("ack", "at_80", "at_120"),
    [
        (acked(shared=True, silence="s1", via="am"), " shared joe 12m till 15:00", "wakes 15:00 · shared"),
        (acked(via="am"), "  joe 12m 15:00 · not shared", "wakes 15:00 · not shared yet"),
        (
            acked(via="am", problem="connection refused by http://127.0.0.1:9093"),
            "  joe 12m 15:00 · not shared",
            "acked joe 12m, wakes 15:00 · not shared",
        ),
    ],
    ids=["shared", "under way", "refused"],
)
def test_whether_an_ack_is_shared_is_told(ack: object, at_80: str, at_120: str) -> None:
    alert = foreign(AlertState.ACKED, ack)
    shown = Stage(with_alerts(alert))
    assert row(shown, alert).endswith(at_80)
    shown.size = (120, 40)
    assert row(shown, alert).endswith(at_120)


def test_with_room_the_reason_is_whole() -> None:
    alert = foreign(AlertState.ACKED, acked(via="am", problem="refused"))
    assert row(Stage(with_alerts(alert), size=(200, 40)), alert).endswith(" · not shared: refused")


def test_a_full_pane_keeps_every_row_in_its_width() -> None:
    shown = [
        replace(alert, id=f"{n:012x}", flaps=n, labels=(("workflow", "x" * n),))
        for n, (alert, *_) in enumerate(STATES.values())
    ]
    shown.append(foreign(AlertState.ACKED, acked("日本語の名前", via="am", problem="p" * 90), id="e" * 12))
    for size in [(60, 15), *SIZES, (200, 60)]:
        assert {width_of(line) <= size[0] for line in Stage(with_alerts(*shown), size=size).lines()} == {True}


def test_a_silence_without_a_name_says_so_much() -> None:
    alert = foreign(AlertState.SILENCED, quieted="silenced by 2 silences")
    assert row(Stage(with_alerts(alert)), alert).endswith("silenced by 2 silences")
    assert row(Stage(with_alerts(replace(alert, quieted=""))), alert).endswith(" silenced")


def test_what_is_blind_says_last_known_without_repeating_itself() -> None:
    alert = local(AlertState.NO_DATA, summary="no data, last known: 3 runs over 40s")
    found = row(Stage(with_alerts(alert)), alert)
    assert "last 3 runs over 40s" in found
    assert found.count("no data") == 1


def test_an_alert_of_another_system_without_a_workflow_says_where_it_is() -> None:
    labels = (("alertname", "HighErrorRate"), ("instance", "web-1"), ("severity", "critical"))
    alert = foreign(workflow=None, labels=labels)
    assert row(Stage(with_alerts(alert)), alert).startswith("✖ HighErrorRate web-1 ")
    bare = replace(alert, labels=labels[:1])
    assert "alertname" not in row(Stage(with_alerts(bare)), bare)


def test_an_ended_one_of_another_system_is_told_when_all_is_green() -> None:
    gone = foreign(
        AlertState.RESOLVED, id="d" * 12, workflow=None, labels=(("alertname", "Watch"),), ended_at=NOW - 60
    )
    shown = replace(all_fine(), alerts=(foreign(AlertState.PENDING),), ended=(gone,))
    lines = Stage(shown).lines()
    assert lines[2].startswith("  1 ended 1m ago: HighErrorRate 14:01–14:02, nobody had it")
    assert lines[4].startswith("· HighErrorRate"), "and what is about to fire below it"
    first = Stage(shown)
    first.press("enter")
    assert first.lines()[0].startswith("✓ HighErrorRate"), "the cursor begins on the upper one"


@pytest.mark.parametrize("by", ["joe (root from pts/6)", "joe (ubuntu from 10.0.3.7 pts/2)", LONG])
def test_a_name_is_cut_at_its_end_and_not_within_a_bracket(by: str) -> None:
    alert = local(AlertState.SNOOZED, acked(by, until=None, snooze=True))
    assert row(Stage(with_alerts(alert)), alert).endswith(" snoozed joe until resolved")
