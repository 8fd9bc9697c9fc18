"""What is told of alerts: once, only what nobody has, not too often, and in words that harm no terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.alertworld import acked, foreign, local, with_alerts
from support.payloads import PAYLOADS, Payload
from support.screen import look
from support.snapshots import NOW, all_fine, incident, nothing_yet
from wfmon.config.schema import Notify
from wfmon.model.alert import Alert, AlertState, Severity
from wfmon.model.snapshot import Level, Snapshot, Verdict
from wfmon.model.source import SourceState
from wfmon.text.sanitize import safe
from wfmon.ui import oscs, telling
from wfmon.ui.announcer import TITLE_SECONDS, Announcer
from wfmon.ui.signs import UNICODE

XTERM = {"TERM": "xterm-256color"}
ONE = local(since=NOW + 5, id="1" * 12)
TWO = foreign(since=NOW + 5, id="2" * 12)
QUIET = with_alerts()


class Listener:
    """The pure core with a clock, as the announcer drives it."""

    def __init__(self, first: Snapshot = QUIET, *, pause: float = 60.0) -> None:
        self.heard = telling.Heard()
        self.now = NOW
        self.pause = pause
        self.focused = False
        assert self.see(first) is None

    def see(self, snapshot: Snapshot, after: float = 1.0, *, given_back: bool = False) -> str | None:
        self.now += after
        self.heard = telling.hear(self.heard, snapshot, NOW, given_back=given_back)
        self.heard, text = telling.burst(
            self.heard, snapshot, self.now, focused=self.focused, pause=self.pause
        )
        return text


def test_what_begins_to_fire_is_told_once() -> None:
    listener = Listener()
    assert listener.see(with_alerts(ONE)) == "warning: research_agent: $4.20/h, 3.1x usual"
    assert listener.see(with_alerts(replace(ONE, summary="$9/h", severity=Severity.CRITICAL)), 600) is None


def test_what_fired_when_the_screen_was_opened_is_not_told() -> None:
    listener = Listener(with_alerts(local()))
    assert listener.see(with_alerts(local()), 600) is None


def test_what_a_slow_source_tells_of_before_the_screen_was_opened_is_not_told() -> None:
    base = nothing_yet()
    waiting = replace(base, sources=tuple(replace(one, state=SourceState.WAITING) for one in base.sources))
    listener = Listener(waiting)
    assert listener.see(with_alerts(local())) is None
    late = Listener(waiting)
    assert late.see(with_alerts(ONE)) is not None, "it began since"
    settled = Listener()
    assert settled.see(with_alerts(replace(ONE, since=NOW - 900))) is not None, "it fires only now"


@pytest.mark.parametrize(
    "state",
    [AlertState.ACKED, AlertState.SNOOZED, AlertState.SILENCED, AlertState.INHIBITED, AlertState.PENDING],
)
def test_what_somebody_has_or_what_does_not_fire_is_not_told(state: AlertState) -> None:
    listener = Listener()
    assert listener.see(with_alerts(replace(ONE, state=state, ack=acked()))) is None
    assert listener.see(with_alerts(ONE), 600) is not None, "when it comes back it is"


def test_a_flap_of_the_same_episode_is_not_told() -> None:
    listener = Listener()
    assert listener.see(with_alerts(ONE)) is not None
    for flaps in range(1, 5):
        gone = replace(ONE, state=AlertState.RESOLVED, ended_at=NOW + 6, flaps=flaps)
        assert listener.see(with_alerts(gone), 90) is None
        assert listener.see(with_alerts(), 90) is None
        assert listener.see(with_alerts(replace(ONE, flaps=flaps)), 90) is None
    assert listener.see(with_alerts(), 90) is None
    assert listener.see(with_alerts(replace(ONE, id="9" * 12)), 90) is not None, "another episode"


def test_an_episode_that_gets_its_stored_id_is_the_same() -> None:
    listener = Listener()
    assert listener.see(with_alerts(ONE)) is not None
    assert listener.see(with_alerts(replace(ONE, id="9" * 12)), 90) is None


def test_losing_sight_of_it_and_back_is_not_told() -> None:
    listener = Listener()
    assert listener.see(with_alerts(ONE)) is not None
    assert listener.see(with_alerts(replace(ONE, state=AlertState.NO_DATA)), 90) is None
    assert listener.see(with_alerts(ONE), 90) is None


def test_what_the_person_at_the_keys_gave_back_is_not_told_to_them() -> None:
    held = with_alerts(replace(ONE, state=AlertState.ACKED, ack=acked()))
    listener = Listener(held)
    assert listener.see(with_alerts(ONE), given_back=True) is None
    other = Listener(held)
    assert other.see(with_alerts(ONE)) is not None
    new = Listener()
    assert new.see(with_alerts(ONE), given_back=True) is not None, "nobody had it"


def test_an_info_rings_for_nobody() -> None:
    assert Listener().see(with_alerts(replace(ONE, severity=Severity.INFO))) is None


def test_later_ones_are_summed_up_when_the_pause_is_over() -> None:
    listener = Listener()
    assert listener.see(with_alerts(ONE)) is not None
    three = replace(ONE, id="3" * 12, labels=(("mount", "/"),), workflow=None, summary="/ full")
    assert listener.see(with_alerts(ONE, TWO), 10) is None
    assert listener.see(with_alerts(ONE, TWO, three), 10) is None
    told = listener.see(with_alerts(ONE, TWO, three), 40)
    assert told == "2 more alerts: HighErrorRate invoice_extract: 31% of requests fail, / full"
    assert listener.see(with_alerts(ONE, TWO, three), 600) is None


def test_of_those_that_wait_what_ended_or_was_taken_is_left_out() -> None:
    listener = Listener()
    listener.see(with_alerts(ONE))
    listener.see(with_alerts(ONE, TWO), 10)
    assert listener.see(with_alerts(ONE, replace(TWO, state=AlertState.ACKED, ack=acked())), 90) is None


def test_many_at_once_are_one_burst_with_the_worst_first() -> None:
    many = [replace(ONE, id=f"{n:012x}", workflow=f"w{n}", labels=(("workflow", f"w{n}"),)) for n in range(9)]
    worst = replace(many[8], severity=Severity.CRITICAL)
    told = Listener().see(with_alerts(*many[:8], worst))
    assert told is not None
    assert told.startswith("9 alerts: w8: ")
    assert told.endswith(" and 6 more")


def test_nothing_is_told_while_the_terminal_has_the_focus_nor_afterwards() -> None:
    listener = Listener()
    listener.focused = True
    assert listener.see(with_alerts(ONE)) is None
    listener.focused = False
    assert listener.see(with_alerts(ONE), 600) is None
    assert listener.see(with_alerts(ONE, TWO)) is not None


def test_a_clock_that_goes_back_does_not_hush_it() -> None:
    listener = Listener()
    assert listener.see(with_alerts(ONE)) is not None
    assert listener.see(with_alerts(ONE, TWO), -3_600) is not None


STATES = st.sampled_from(
    [None, AlertState.FIRING, AlertState.ACKED, AlertState.SILENCED, AlertState.RESOLVED, AlertState.NO_DATA]
)
MOMENTS = st.lists(
    st.tuples(st.tuples(STATES, STATES, STATES), st.integers(0, 100), st.booleans()), max_size=25
)


@given(MOMENTS)
def test_in_any_course_each_is_told_once_while_nobody_has_it_and_never_too_often(
    moments: Sequence[tuple[tuple[AlertState | None, ...], int, bool]],
) -> None:
    listener = Listener()
    bursts: list[float] = []
    untaken: set[str] = set()  # told since somebody last had it
    for states, after, focused in moments:
        listener.focused = focused
        shown = [
            replace(ONE, id=f"{n:012x}", state=state, workflow=f"w{n}", labels=(("workflow", f"w{n}"),))
            for n, state in enumerate(states)
            if state is not None
        ]
        waited = set(listener.heard.waiting)
        known = listener.heard.known
        text = listener.see(with_alerts(*shown), after)
        free = {one.id for one in shown if one.state is AlertState.FIRING}
        untaken -= {one.id for one in shown if one.taken}
        if text is None:
            assert set(listener.heard.waiting) <= free
            assert not (focused and listener.heard.waiting)
            continue
        told = {one.id for one in shown if (one.workflow or "?") in text}
        assert not focused
        assert told
        assert told <= free
        assert told <= waited | (free - (known - {one.id for one in shown if one.taken}))
        assert not told & untaken
        untaken |= told
        assert all(not 0 <= listener.now - before < listener.pause for before in bursts[-1:])
        bursts.append(listener.now)


def test_the_memory_of_episodes_is_bounded() -> None:
    listener = Listener(pause=0)
    for begin in range(0, 12_000, 500):
        many = [replace(ONE, id=f"{begin + n:012x}", labels=(("n", str(begin + n)),)) for n in range(500)]
        assert listener.see(with_alerts(*many)) is not None
    assert len(listener.heard.known) <= telling.MOST_KNOWN


# --- words


def test_the_title_is_the_verdict_in_short_and_the_host() -> None:
    base = incident()
    assert telling.title(base.verdict, "prod-ai-01", UNICODE) == "✖ invoice_extract fails 32% · prod-ai-01"
    fine = all_fine().verdict
    assert telling.title(fine, "h", UNICODE) == "✓ all 5 workflows normal · h"
    long = Verdict(Level.WARNING, "x" * 200)
    assert len(telling.title(long, "h", UNICODE)) <= telling.TITLE_LIMIT + 6


ESCAPES = re.compile(
    r"\x1b\](?:0;[^\x00-\x1f;\x7f-\x9f]*|9;[^\x00-\x1f;\x7f-\x9f]*|777;notify;[^\x00-\x1f;\x7f-\x9f]*;[^\x00-\x1f;\x7f-\x9f]*)\x07"
)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
@pytest.mark.parametrize("term", ["xterm-256color", "xterm-kitty", "iterm2", "screen-256color"])
def test_no_text_gets_out_of_its_sequence(payload: Payload, term: str) -> None:
    text = payload.text
    for raw in (text, text + ";x\x07\x1b]52;c;eA==\x07", ";" * 500, text * 50):
        for sequence in (
            oscs.title(raw, {"TERM": term}),
            oscs.notification(raw, raw, {"TERM": term}),
        ):
            assert sequence
            assert ESCAPES.sub("", sequence) == ""
            assert len(sequence) < 2 * (oscs.HEAD_LIMIT + oscs.TEXT_LIMIT) + 60


@given(st.text(max_size=300))
def test_no_text_at_all_gets_out_of_its_sequence(text: str) -> None:
    assert ESCAPES.sub("", oscs.title(text, XTERM) + oscs.notification(text, text, XTERM)) == ""


def test_terminals_that_know_both_forms_are_told_once() -> None:
    def forms(**environ: str) -> list[str]:
        return re.findall(r"\](9|777);", oscs.notification("wfmon h", "text", environ))

    assert forms(TERM="xterm-256color") == ["9", "777"]
    assert forms(TERM="xterm-kitty") == forms(TERM="rxvt-unicode") == forms(TERM="foot") == ["777"]
    assert forms(TERM="xterm-256color", TERM_PROGRAM="WezTerm") == ["777"]
    assert forms(TERM="xterm-256color", TERM_PROGRAM="iTerm.app") == ["9"]
    assert forms(TERM="linux") == forms(TERM="dumb") == forms() == []
    assert oscs.title("x", {"TERM": "linux"}) == ""


def test_in_tmux_it_is_passed_through() -> None:
    sequence = oscs.notification("wfmon h", "text", {"TERM": "screen-256color", "TMUX": "/tmp/x"})
    assert sequence.startswith("\x1bPtmux;\x1b\x1b]9;")
    assert sequence.endswith("\x1b\\")
    assert sequence[2:-2].count("\x1b") == 4, "each doubled"


def test_a_notification_never_begins_with_a_number() -> None:
    assert "\x1b]9;wfmon 4: x" in oscs.notification("4", "x", XTERM)


# --- the announcer


class Speaker:
    def __init__(self) -> None:
        self.watched = False
        self.said: list[str] = []
        self.titles: list[str] = []

    def say(self, sequence: str) -> None:
        self.said.append(sequence)

    def show_title(self, sequence: str) -> None:
        self.titles.append(sequence)


NOTIFY = Notify(enabled=True, bell=True, desktop=True, title=True, debounce=60.0)


def announcing(notify: Notify = NOTIFY, *, ascii_only: bool = False) -> tuple[Announcer, Speaker]:
    speaker = Speaker()
    announcer = Announcer(notify, speaker, look(ascii_only=ascii_only), XTERM, NOW)
    announcer.arrived(QUIET, NOW)
    return announcer, speaker


def told(alert: Alert = ONE) -> str:
    announcer, speaker = announcing()
    announcer.arrived(with_alerts(alert), NOW + 5)
    return "".join(speaker.said)


def test_a_new_alert_rings_and_is_notified() -> None:
    assert told() == (
        "\x1b]9;wfmon prod-ai-01: warning: research_agent: $4.20/h, 3.1x usual\x07"
        "\x1b]777;notify;wfmon prod-ai-01;warning: research_agent: $4.20/h, 3.1x usual\x07"
        "\x07"
    )


@pytest.mark.parametrize(
    ("off", "left"),
    [
        ({"bell": False}, (True, False)),
        ({"desktop": False}, (False, True)),
        ({"bell": False, "desktop": False}, None),
    ],
)
def test_each_can_be_switched_off(off: dict[str, bool], left: tuple[bool, bool] | None) -> None:
    speaker = Speaker()
    settings = {"enabled": True, "bell": True, "desktop": True, "title": False, "debounce": 60.0, **off}
    announcer = Announcer(Notify(**settings), speaker, look(), XTERM, NOW)
    announcer.arrived(QUIET, NOW)
    announcer.arrived(with_alerts(ONE), NOW + 5)
    assert speaker.titles == []
    if left is None:
        assert speaker.said == []
    else:
        assert (
            "]9;" in speaker.said[0],
            speaker.said[0].endswith("\x07\x07") or speaker.said[0] == "\x07",
        ) == left


def test_what_waited_is_told_by_the_clock_alone() -> None:
    announcer, speaker = announcing()
    announcer.arrived(with_alerts(ONE), NOW + 5)
    announcer.arrived(with_alerts(ONE, TWO), NOW + 10)
    announcer.tick(NOW + 64)
    assert len(speaker.said) == 1
    announcer.tick(NOW + 65)
    assert len(speaker.said) == 2
    announcer.tick(NOW + 600)
    assert len(speaker.said) == 2


def test_the_title_follows_another_verdict_at_once_and_figures_now_and_then() -> None:
    announcer, speaker = announcing()
    base = incident()

    def said(percent: int, after: float) -> None:
        verdict = replace(base.verdict, text=f"invoice_extract fails {percent}% since 14:00")
        announcer.arrived(replace(base, verdict=verdict), NOW + after)

    speaker.titles.clear()
    said(32, 20)
    said(33, 21)
    said(34, 22)
    assert len(speaker.titles) <= 1
    said(35, 22 + TITLE_SECONDS)
    assert "35%" in speaker.titles[-1]
    announcer.arrived(all_fine(), NOW + 23 + TITLE_SECONDS)
    assert speaker.titles[-1] == "\x1b]0;✓ all 5 workflows normal · prod-ai-01\x07"
    count = len(speaker.titles)
    announcer.tick(NOW + 900)
    assert len(speaker.titles) == count, "the same is not sent again"


def test_while_focused_the_title_still_follows() -> None:
    announcer, speaker = announcing()
    speaker.watched = True
    announcer.arrived(replace(all_fine(), alerts=(ONE,)), NOW + 5)
    assert speaker.said == []
    assert "all 5 workflows normal" in speaker.titles[-1]


def test_in_ascii_nothing_else_is_sent() -> None:
    announcer, speaker = announcing(ascii_only=True)
    announcer.arrived(with_alerts(replace(ONE, summary="日本 ✖")), NOW + 5)
    assert "".join(speaker.said + speaker.titles).isascii()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_an_alert_of_hostile_words_sends_only_its_own_sequences(payload: Payload) -> None:
    evil = safe(payload.text) + ";\x07"
    sequence = told(replace(ONE, workflow=evil, summary=evil, rule=evil))
    assert ESCAPES.sub("", sequence) == "\x07"
