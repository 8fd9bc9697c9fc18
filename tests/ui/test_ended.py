"""What ended: the line under the verdict, the list, and each episode as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.pastworld import BEGAN, ENDED, ID, live, over, staged
from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import NOW, incident
from wfmon.model.alert import AlertState, Note, Severity
from wfmon.model.episode import EndedEpisode
from wfmon.model.history import Change, ChangeKind, Kind
from wfmon.model.past import Ended, Series
from wfmon.text.sanitize import safe
from wfmon.ui.views.alert import AlertView
from wfmon.ui.views.ended import EndedView
from wfmon.ui.views.operations import OperationsView

LIST = """\
─ Ended ───────────────────────────────────────────────────────── 3 in 30 days ─
  WHEN               FOR  RULE          ABOUT             PEAK     N  WHO
✖ 13:50–13:57      6m30s  failure_rate  email_triage       32%    25  nobody
▲ 05:43–06:00     16m40s  cost_spike    research_agent   $4.20     –  ann, joe
✖ Sat 06:30–09:16  2h46m  failure_rate  invoice_extract    50%  1.2k  joe
─ What changed ─────────────────────────────────────────────────── 12:50–13:57 ─
  13:48:27  version   email_triage    1.4.2 → 1.5.0
  13:31:47  restart   email_triage    pid 412 → 977
  13:30:07  restart   research_agent  pid 5 → 6"""


async def opened(*keys: str, size: tuple[int, int] = (80, 24)) -> Stage:
    stage, _ = staged(size=size)
    await stage.arrived("H", *keys)
    return stage


async def test_the_line_under_the_verdict_leads_to_the_begin() -> None:
    stage, memory = staged()
    lines = stage.lines()
    assert lines[2] == "  1 ended 6m ago: email_triage failed 32% 13:50–13:57, nobody had it · H"
    lines = await stage.arrived("enter")
    assert isinstance(stage.shell.view, AlertView)
    assert memory.asked == [BEGAN]
    assert lines[0].startswith("✖ failure_rate · email_triage")
    assert lines[0].endswith("13:50, not live")
    text = "\n".join(lines)
    assert "episode  13:50–13:57, 6m30s · nobody had it                            its begin" in text
    assert "         peak 32% · last 8 of 25 failed · ↯0" in lines
    assert lines[-1].startswith(" [ ] 1m  { } 1h  0 live ")


async def test_who_had_it_is_told_in_the_line() -> None:
    had = replace(live().ended[0], had=("ann", "joe"))
    text = Stage(replace(live(), ended=(had,))).text()
    assert "13:50–13:57, ann, joe had it · H" in text


async def test_the_title_of_the_alerts_names_the_key() -> None:
    stage = Stage(incident())
    assert "2 firing · 1 acked · 1 ended 6m ago: H ─" in stage.text()


async def test_it_walks_through_the_episode_and_back_to_now() -> None:
    stage, _ = staged(size=(120, 40))
    lines = await stage.arrived("enter")
    assert lines[3].endswith("its begin")
    assert "then     32%" in "\n".join(lines)
    lines = await stage.arrived("]", "]")
    assert lines[3].endswith("1m13s into it")
    lines = await stage.arrived("[", "[", "[")
    assert lines[0].startswith("✓"), "not yet"
    assert lines[2].endswith("begins in 1m47s")
    assert "now      " not in "\n".join(lines)
    await stage.arrived(*("]" * 9))
    lines = stage.lines()
    assert lines[0].startswith("✓")
    assert lines[2].endswith("ended 43s before")
    lines = await stage.arrived("0")
    assert "critical, ended 6m ago after 6m30s" in lines[0]
    assert isinstance(stage.shell.view, AlertView)
    await stage.arrived("esc")
    assert isinstance(stage.shell.view, OperationsView)


async def test_esc_leads_back_to_now_at_once() -> None:
    stage, _ = staged()
    await stage.arrived("enter", "]", "esc")
    assert isinstance(stage.shell.view, OperationsView)
    assert stage.shell.moment is None


async def test_an_episode_of_an_unknown_moment_is_told_all_the_same() -> None:
    stage, memory = staged()
    memory.gaps = [(BEGAN - 60, ENDED + 60, "no collector ran 13:49–13:58")]
    text = "\n".join(await stage.arrived("enter"))
    assert "failed / finished runs, surely above 5%" in text
    assert "episode  13:50–13:57, 6m30s · nobody had it" in text
    assert "no collector ran 13:49–13:58" in text


@pytest.mark.parametrize("known", [True, False], ids=["known", "a hole"])
async def test_what_is_kept_of_an_episode_is_told(known: bool) -> None:
    stage, memory = staged()
    first, *rest = memory.over.episodes
    kept = replace(
        first.record,
        mean=0.2,
        low=0.06,
        flaps=4,
        contributors=("send: SmtpError (8)",),
        notes=(Note("ann", BEGAN + 60, "the relay was down"),),
    )
    memory.over = replace(memory.over, episodes=(replace(first, record=kept, had=("ann",)), *rest))
    if not known:
        memory.gaps = [(BEGAN - 60, ENDED + 60, "no collector ran 13:49–13:58")]
    lines = await stage.arrived("enter")
    text = "\n".join(lines)
    assert "episode  13:50–13:57, 6m30s · ann had it" in text
    assert "         peak 32%, mean 20%, lowest 6% · last 8 of 25 failed · ↯4" in lines
    assert "from     send: SmtpError (8)" in lines
    assert "notes    13:51 ann: the relay was down" in lines
    assert "no baseline" not in text, "what was usual then is not kept"


async def test_without_a_history_an_ended_alert_opens_as_it_is_known_now() -> None:
    stage = Stage(live())
    lines = await stage.arrived("enter")
    assert "critical, ended 6m ago after 6m30s" in lines[0]
    assert "no history is kept" in lines[-1]


async def test_the_course_reaches_back_before_the_begin() -> None:
    now = replace(incident(), alerts=(replace(incident().alerts[0], since=BEGAN),))
    stage, memory = staged(now)
    memory.course = Series(BEGAN - 900, NOW, (0.0,) * 30 + (0.32,) * 30)
    lines = await stage.arrived("enter")
    asked = memory.series_asked[0]
    assert (asked.kind, asked.subject, asked.column) == (Kind.WORKFLOW, "invoice_extract", "error_ratio")
    assert (asked.begin, asked.end) == (BEGAN - 900, NOW)
    assert any("13:35" in line and "13:50" in line and "14:03" in line for line in lines), lines
    for seconds in (5, 6):
        stage.now += seconds
        stage.show(replace(now, at=stage.now))
        await stage.arrived("j")
    assert len(memory.series_asked) == 2, "every ten seconds"
    assert memory.series_asked[1].points == 80
    memory.course = None
    stage.now += 11
    stage.show(replace(now, at=stage.now))
    assert any("13:35" in line for line in await stage.arrived("k")), "the last answer stays"


async def test_without_a_course_the_trend_of_the_snapshot_is_drawn() -> None:
    stage, _ = staged(incident())
    lines = await stage.arrived("enter")
    assert any(line.startswith("     5%") for line in lines)


async def test_up_to_three_changes_in_the_hour_before_it() -> None:
    now = replace(incident(), alerts=(replace(incident().alerts[0], since=NOW - 192),))
    stage, memory = staged(now)
    changes = [
        Change(NOW - 300 - n, ChangeKind.RESTART, "invoice_extract", f"pid {n}", "invoice_extract")
        for n in range(5)
    ]
    late = Change(NOW - 100, ChangeKind.CONFIG, "late", "after it", None)
    other = Change(NOW - 400, ChangeKind.RESTART, "other", "not its own", "email_triage")
    memory.over = Ended((), (late, *changes, other))
    text = "\n".join(await stage.arrived("enter"))
    assert "What changed in the hour before" in text
    assert [f"pid {n}" in text for n in range(5)] == [True, True, True, False, False]
    assert "after it" not in text
    assert "not its own" not in text
    small, memory = staged(now, size=(60, 15))
    memory.over = Ended((), tuple(changes))
    assert "✖ run-" in "\n".join(await small.arrived("enter")), "the runs come first"


async def test_the_list_is_drawn() -> None:
    assert "\n".join((await opened()).lines()[:9]) == LIST
    wide = (await opened(size=(120, 40))).lines()
    assert wide[0].endswith(" 3 in 30 days ─┬─ What changed ──────────── 12:50–13:57 ─")
    assert wide[2].endswith("  32%    25  nobody  │    1.4.2 → 1.5.0")
    small = await opened(size=(60, 15))
    assert "✖ 13:50–13:57      6m30s  failure_rate  email_tria… nobody" in small.text()
    assert "What changed" in small.text()


async def test_changes_are_those_near_the_selected_one() -> None:
    stage = await opened("j")
    text = stage.text()
    assert "no change is known of 04:43–06:00" in text
    assert "the newest that are known:" in text
    assert "1.4.2 → 1.5.0" in text
    text = "\n".join(await stage.arrived("j"))
    assert "─ Sat 05:30–09:16 ─\n" in text
    assert "Sat 06:13:27  config    /etc/wf/invoice.t…  changed" in text
    assert "1.4.2" not in text


async def test_each_opens_as_it_was() -> None:
    stage, memory = staged()
    await stage.arrived("H", "j", "enter")
    assert isinstance(stage.shell.view, AlertView)
    assert memory.asked == [NOW - 30_000]
    assert stage.lines()[0].endswith("05:43, not live")
    assert "episode  05:43–06:00, 16m40s · ann from 10.0.0.7, joe had it " in stage.text()
    assert "         peak $4.20/h · ↯0" in stage.lines()
    await stage.arrived("esc")
    assert isinstance(stage.shell.view, EndedView)
    assert stage.shell.moment is None
    assert stage.cursor_line().startswith("▲ 05:43–06:00")


async def test_the_list_can_be_filtered() -> None:
    stage = await opened("/", *"invoice")
    assert "/invoice 1 of 3" in stage.lines()[0]
    await stage.arrived("enter")
    assert "email_triage" not in stage.text()
    assert "/etc/wf/invoice.t…" in stage.text()
    await stage.arrived("/", *"nosuch", "enter")
    assert 'nothing that ended matches "invoicenosuch"' in stage.text() or "nosuch" in stage.text()
    assert "open" not in stage.shell.deeds()
    await stage.arrived("esc")
    assert isinstance(stage.shell.view, EndedView)
    assert "3 in 30 days" in stage.text()
    await stage.arrived("/", *"ann", "enter")
    assert "1 of 3" in stage.lines()[0], "who had it counts"


async def test_nothing_known_says_why() -> None:
    stage = Stage(live())
    stage.press("H")
    lines = await stage.arrived()
    assert lines[1] == "  no history is kept"
    assert "What changed" in "\n".join(lines)
    stage, memory = staged()
    memory.over = Ended()
    lines = await stage.arrived("H")
    assert lines[1] == "  no alert ended in the last 30 days"
    assert "open" not in stage.shell.deeds()


async def test_it_is_asked_again_every_ten_seconds() -> None:
    stage, memory = staged()
    await stage.arrived("H")
    for seconds in range(1, 25):
        stage.now = NOW + seconds
        stage.show(live(stage.now))
        await stage.arrived()
    assert len(memory.ended_asked) == 3
    assert memory.ended_asked[0] == NOW - 30 * 86_400


async def test_the_list_tells_from_now_also_over_a_past_screen() -> None:
    stage, _ = staged()
    await stage.arrived("[", "H")
    lines = stage.lines()
    assert "14:02, not live" in lines[0]
    assert "✖ 13:50–13:57" in lines[2]
    assert "step_back" not in stage.shell.deeds()
    await stage.arrived("0")
    assert "3 in 30 days" in stage.lines()[0]


async def test_an_alert_that_is_over_by_now_opened_from_the_past_knows_its_end() -> None:
    stage, memory = staged()
    stage.show(replace(live(), ended=()))
    await stage.arrived(*("[" * 9), "g", "enter")
    assert isinstance(stage.shell.view, AlertView)
    assert stage.shell.view.alert_id == ID
    assert memory.ended_asked
    assert "episode  13:50–13:57, 6m30s · nobody had it" in stage.text()


async def test_one_that_goes_on_now_is_not_said_to_have_ended() -> None:
    now = replace(incident(), alerts=(replace(incident().alerts[0], id=ID, since=BEGAN),), ended=())
    stage, memory = staged(now)
    memory.over = Ended()
    await stage.arrived("enter", "[")
    assert "episode  since 13:50, goes on now" in stage.text()


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
async def test_hostile_texts_break_no_row(payload: object, size: tuple[int, int]) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    record = replace(
        over().episodes[0].record, rule=text, summary=text, workflow=text, labels=(("workflow", text),)
    )
    answer = Ended(
        (EndedEpisode(record, (text, text)),),
        (Change(BEGAN - 5, ChangeKind.VERSION, text, text, text), Change(NOW, ChangeKind.CONFIG, text, text)),
        text,
    )
    stage, memory = staged(size=size)
    memory.over = answer
    for keys in (("H",), ("enter",), ("]",), ("0",)):
        assert all(row.isprintable() for row in await stage.arrived(*keys))
    memory.over = Ended(problem=text)
    await stage.arrived("esc", "esc")
    assert all(row.isprintable() for row in await stage.arrived("H"))


def test_the_state_of_a_resolved_alert_needs_no_history() -> None:
    gone = replace(incident().alerts[0], state=AlertState.RESOLVED, ended_at=NOW - 60)
    stage = Stage(replace(incident(), alerts=(gone,), ended=(gone,)))
    stage.shell.open(AlertView(gone.id, gone))
    assert "ended 1m ago" in stage.lines()[0]


async def test_where_acks_are_private_nobody_is_not_said_of_what_others_may_have_had() -> None:
    stage = await opened()
    assert "  nobody" in stage.text()
    stage.show(replace(live(), acks_shared=False))
    text = stage.text()
    assert "nobody" not in text
    assert "email_triage       32%    25  not you" in text


async def test_what_was_a_note_is_no_warning() -> None:
    stage, memory = staged()
    first = memory.over.episodes[0]
    info = replace(first, record=replace(first.record, severity=Severity.INFO))
    memory.over = replace(memory.over, episodes=(info,))
    lines = await stage.arrived("H")
    assert lines[2].startswith("· 13:50–13:57")
