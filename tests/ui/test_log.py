"""Reading a log: following, pausing, jumping, searching, unfolding."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.cells import cell_len

from support.logdoors import LogDoors, line, numbered, pressed, second, settled, staged
from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import NOW, incident
from wfmon.model.log import Anchor, Level, LogPage, LogRequest, Mark
from wfmon.sources.logfiles import LogFilesSource
from wfmon.text.sanitize import safe, safe_lines
from wfmon.ui.logs.pane import LogPane
from wfmon.ui.views.log import LogView

JSON = (
    "{",
    '  "message": "boom",',
    '  "code": 504',
    "}",
    "traceback:",
    "  Traceback (most recent):",
    "  Boom",
)


def view() -> LogView:
    return LogView("invoice_extract")


def title(lines: list[str]) -> str:
    return next(text for text in lines if text.startswith("─ Log"))


def body(lines: list[str]) -> list[str]:
    return lines[lines.index(title(lines)) + 1 : -1]


def pointed(lines: list[str]) -> str:
    """The message of the line under the cursor."""
    return next(text for text in lines if "▶" in text).partition("▶")[2].split(maxsplit=1)[-1]


async def test_it_opens_at_the_newest_line_and_follows() -> None:
    doors = LogDoors(incident(), numbered(1_000, errors=[990]))
    stage, _ = await staged(view(), doors)
    lines = stage.lines()
    assert lines[0] == "✖ invoice_extract · 4 active · last run failed 2s ago"
    assert lines[1] == ("─ Log · follow · 1 error in 300 lines ────────────────────────────── 0s behind ─")
    assert pointed(lines) == "line 999"
    doors.lines += [line(1_000, "fresh"), line(1_001, "fresher", Level.WARN)]
    lines = await second(stage)
    assert "1 error in 302 lines" in title(lines)
    assert pointed(lines) == "fresher"
    assert body(lines)[-2].endswith(" fresh")


async def test_scrolling_up_pauses_and_says_what_waits() -> None:
    doors = LogDoors(incident(), numbered(1_000))
    stage, _ = await staged(view(), doors)
    before = body(await pressed(stage, "k"))
    doors.lines += [line(1_000 + n) for n in range(12)]
    lines = await second(stage)
    assert "paused · 12 lines waiting" in title(lines)
    assert title(lines).endswith("1s behind ─")
    assert body(lines) == before, "what is read does not move"
    lines = await pressed(stage, "j", "j", "j")
    assert "10 lines waiting" in title(lines), "lines that came into view do not wait any more"
    lines = await pressed(stage, "F")
    assert "follow" in title(lines)
    assert pointed(lines) == "line 1011"
    await pressed(stage, "ctrl-u")
    assert "follow" in title(await pressed(stage, "G"))


async def test_going_down_at_the_live_end_follows_again() -> None:
    stage, _ = await staged(view(), LogDoors(incident(), numbered(50)))
    assert "paused" in title(await pressed(stage, "k"))
    assert "paused" in title(await pressed(stage, "j"))
    assert "follow" in title(await pressed(stage, "j"))


async def test_a_paused_screen_holds_the_log_and_lets_it_go_on() -> None:
    doors = LogDoors(incident(), numbered(50))
    stage, _ = await staged(view(), doors)
    assert "PAUSED 0s" in (await pressed(stage, "p"))[0]
    doors.lines += [line(50), line(51)]
    lines = await second(stage)
    assert "paused · 2 lines waiting" in title(lines)
    lines = await pressed(stage, "p")
    assert "follow" in title(lines)
    assert pointed(lines) == "line 51"


async def test_nothing_is_asked_while_another_screen_is_over_it() -> None:
    doors = LogDoors(incident(), numbered(50))
    stage, view_ = await staged(view(), doors)
    await pressed(stage, "S")
    assert not view_.log.on_screen
    doors.lines.append(line(50))
    asked = len(doors.requests)
    await pressed(stage, "esc")
    assert len(doors.requests) == asked + 1, "what was missed is taken at once"
    assert pointed(stage.lines()) == "line 50"


async def test_following_asks_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    again = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await again.wait()
        again.clear()

    doors = LogDoors(incident(), numbered(5))
    stage = Stage(doors.snapshot)
    stage.shell.doors = doors
    monkeypatch.setattr("wfmon.ui.logs.pane.asyncio.sleep", sleep)
    doors.held = asyncio.Event()
    doors.held.set()
    real = view()
    monkeypatch.setattr(LogDoors, "pages", _at_once)
    stage.shell.open(real)
    for expected in (1, 2, 3):
        for _ in range(20):
            await asyncio.tasks.sleep(0)
        assert waits == [1.0] * expected
        again.set()
    assert [request.anchor for request in doors.requests] == [Anchor.END, Anchor.AFTER, Anchor.AFTER]
    stage.shell.closed()


async def _at_once(self: LogDoors, request: LogRequest) -> LogPage:
    self.requests.append(request)
    return self._page(request)


async def test_errors_are_jumped_to_in_what_is_loaded() -> None:
    doors = LogDoors(incident(), numbered(300, errors=[40, 180, 290]))
    stage, _ = await staged(view(), doors)
    assert pointed(await pressed(stage, "e")) == "line 290", "at the live end the newest is meant"
    assert "the newest error" in stage.lines()[-1]
    assert pointed(await pressed(stage, "E")) == "line 180"
    lines = body(stage.lines())
    assert "line 179" in lines[lines.index(next(t for t in lines if "▶" in t)) - 1], "context is kept"
    assert pointed(await pressed(stage, "E")) == "line 40"
    assert "no earlier error" in (await pressed(stage, "E"))[-1]
    assert pointed(await pressed(stage, "e", "e")) == "line 290"
    assert "no later error" in (await pressed(stage, "e"))[-1]
    assert len(doors.requests) == 1


async def test_errors_beyond_what_is_loaded_are_looked_for() -> None:
    doors = LogDoors(incident(), numbered(3_000, errors=[100, 2_500]))
    stage, _ = await staged(view(), doors)
    lines = await pressed(stage, "E")
    assert pointed(lines) == "line 2500"
    assert doors.requests[-1].anchor is Anchor.PREVIOUS
    assert "more below" in title(lines)
    lines = await pressed(stage, "E")
    assert pointed(lines) == "line 100"
    lines = await pressed(stage, "e")
    assert pointed(lines) == "line 2500"
    assert doors.requests[-1].anchor is Anchor.NEXT
    assert pointed(await pressed(stage, "F")) == "line 2999"


async def test_warnings_have_keys_of_their_own() -> None:
    lines = numbered(200)
    lines[50] = replace(lines[50], level=Level.WARN)
    stage, _ = await staged(view(), LogDoors(incident(), lines))
    assert pointed(await pressed(stage, "W")) == "line 50"
    assert "no later warning" in (await pressed(stage, "w"))[-1]


async def test_search_keeps_the_context_and_counts() -> None:
    lines = numbered(300)
    for number in (20, 120, 250):
        lines[number] = replace(lines[number], message=f"line {number} api Timeout 504")
    stage, _ = await staged(view(), LogDoors(incident(), lines))
    shown = await pressed(stage, "/", *"timeout")
    assert "/timeout 3 found" in title(shown), "counted while it is typed"
    shown = await pressed(stage, "enter")
    assert pointed(shown) == "line 250 api Timeout 504"
    assert "line 249" in "\n".join(shown)
    assert "line 251" in "\n".join(shown)
    match = stage.shell.look.style("match", True)
    marked = [text for row in stage.shell.draw(80, 24) for text, style, _ in row.strip if style == match]
    assert marked == ["Timeout"]
    assert pointed(await pressed(stage, "N")) == "line 120 api Timeout 504"
    assert pointed(await pressed(stage, "n")) == "line 250 api Timeout 504"
    assert "no later match" in (await pressed(stage, "n"))[-1]
    assert "found" not in title(await pressed(stage, "esc")), "esc ends the search first"
    assert isinstance(stage.shell.view, LogView)


async def test_capitals_tell_and_escape_brings_the_old_search_back() -> None:
    lines = numbered(30)
    lines[3] = replace(lines[3], message="Timeout")
    lines[5] = replace(lines[5], message="timeout")
    stage, _ = await staged(view(), LogDoors(incident(), lines))
    assert "1 found" in title(await pressed(stage, "/", *"Timeout", "enter"))
    assert "2 found" in title(await pressed(stage, "/", *"timeout"))
    assert "/Timeout 1 found" in title(await pressed(stage, "esc"))


async def test_search_goes_further_than_what_is_loaded() -> None:
    lines = numbered(3_000)
    lines[10] = replace(lines[10], message="needle one")
    lines[2_000] = replace(lines[2_000], message="needle two")
    doors = LogDoors(incident(), lines)
    stage, _ = await staged(view(), doors)
    shown = await pressed(stage, "/", *"needle", "enter")
    assert pointed(shown) == "needle two"
    assert (doors.requests[-1].anchor, doors.requests[-1].pattern) == (Anchor.PREVIOUS, "needle")
    assert pointed(await pressed(stage, "N")) == "needle one"
    assert pointed(await pressed(stage, "n")) == "needle two"
    await pressed(stage, "g")
    shown = await pressed(stage, "/", *"zzz", "enter")
    assert "no later match" in shown[-1]
    assert pointed(shown) == "line 0", "what is loaded stays when nothing is found"


async def test_a_match_inside_a_folded_line_opens_it() -> None:
    lines = numbered(100)
    lines[40] = replace(lines[40], detail=JSON)
    stage, _ = await staged(view(), LogDoors(incident(), lines))
    shown = await pressed(stage, "/", *"504", "enter")
    assert pointed(shown) == "line 40"
    assert '             │   "code": 504' in shown


async def test_a_line_opens_and_folds_with_its_traceback_first() -> None:
    lines = numbered(30)
    lines[28] = replace(lines[28], level=Level.ERROR, message="Boom", detail=JSON)
    stage, _ = await staged(view(), LogDoors(incident(), lines))
    shown = await pressed(stage, "E")
    assert "             │ Traceback … (⏎ opens 7 lines)" in shown
    shown = await pressed(stage, "enter")
    start = shown.index("             │ traceback:")
    assert shown[start + 1] == "             │   Traceback (most recent):"
    assert shown[start + 3] == "             │ {"
    assert shown[start + 6] == "             │ }"
    assert "▶" in shown[start - 1], "its rows are in view"
    shown = await pressed(stage, "j", "j")
    assert "│ Traceback … (⏎ opens 7 lines)" not in "\n".join(shown)
    shown = await pressed(stage, "enter")
    assert "             │ Traceback … (⏎ opens 7 lines)" in shown, "also from inside it"
    assert "Boom" in pointed(shown)


async def test_long_lines_scroll_sideways_and_wrap() -> None:
    long = "begin " + "x" * 90 + " middle " + "y" * 60 + " end"
    stage, _ = await staged(view(), LogDoors(incident(), [line(0, long), line(1, "short")]))
    shown = stage.lines()
    assert shown[2].endswith("x…")
    assert "left" not in stage.shell.deeds()
    shown = await pressed(stage, *["right"] * 7)
    assert "…" in shown[2]
    assert shown[2].endswith("end")
    assert "middle" not in shown[2]
    shown = await pressed(stage, *["left"] * 7)
    assert "begin" in shown[2]
    assert "▶" in shown[3]
    shown = await pressed(stage, "ctrl-w")
    assert shown[2].startswith("14:01:47.000 INFO   begin xxx")
    rows = [text[20:] for text in shown[2:6]]
    assert "".join(rows).replace(" ", "") == long.replace(" ", "")
    assert {text[:20] for text in shown[3:6]} == {" " * 20}
    assert rows[-1] == "end"
    assert "right" not in stage.shell.deeds()
    assert "▶" in shown[6]


async def test_timestamps_are_clock_elapsed_or_off() -> None:
    lines = [replace(one, run="run-9f31") for one in numbered(5)]
    base = incident()
    run = replace(base.runs[0], started_at=NOW - 101)
    stage, _ = await staged(view(), LogDoors(replace(base, runs=(run, *base.runs[1:])), lines))
    assert stage.lines()[2].startswith("14:01:47.000 INFO")
    assert (await pressed(stage, "t"))[2].startswith("     +1.000s INFO")
    assert (await pressed(stage, "t"))[2].startswith(" INFO")
    assert (await pressed(stage, "t"))[2].startswith("14:01:47.000 INFO")


async def test_top_bottom_and_loading_on_the_way() -> None:
    doors = LogDoors(incident(), numbered(2_000))
    stage, view_ = await staged(view(), doors)
    assert pointed(await pressed(stage, "g")) == "line 0"
    assert doors.requests[-1].anchor is Anchor.START
    assert "more below" in title(stage.lines())
    await pressed(stage, *["pgdn"] * 20)
    assert doors.requests[-1].anchor is Anchor.AFTER
    assert view_.log.buffer.first == view_.log.buffer.stop - 600
    assert pointed(await pressed(stage, "G")) == "line 1999"
    for _ in range(30):
        await pressed(stage, "pgup")
    assert Anchor.BEFORE in {request.anchor for request in doors.requests}
    shown = [text.split()[-1] for text in body(stage.lines())]
    numbers = [int(text) for text in shown]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "no line is missing between"


async def test_loaded_lines_are_bounded_and_come_back() -> None:
    doors = LogDoors(incident(), numbered(2_000))
    stage = Stage(doors.snapshot)
    stage.shell.doors = doors
    view_ = view()
    stage.shell.open(view_)
    view_.log = LogPane(view_.subject(), stage.shell, view_.start, most=400)
    await settled(view_.log)
    for _ in range(100):
        await pressed(stage, "pgup")
    assert len(view_.log.buffer) <= 400
    assert pointed(stage.lines()) == "line 0"
    assert not view_.log.buffer.live, "the newest were let go of"
    for _ in range(110):
        await pressed(stage, "pgdn")
    assert len(view_.log.buffer) <= 400
    assert pointed(await pressed(stage, "pgdn")) == "line 1999"


async def test_a_later_wish_cancels_the_one_under_way() -> None:
    doors = LogDoors(incident(), numbered(3_000, errors=[5]))
    stage, view_ = await staged(view(), doors)
    doors.held = asyncio.Event()
    stage.press("E")
    await asyncio.sleep(0)
    stage.press("g")
    await asyncio.sleep(0)
    doors.held.set()
    await settled(view_.log)
    assert [request.anchor for request in doors.cancelled] == [Anchor.PREVIOUS]
    assert pointed(stage.lines()) == "line 0"
    doors.held = asyncio.Event()
    view_.log.buffer.live = True
    view_.log.tick()
    await asyncio.sleep(0)
    view_.log.tick()
    assert [request.anchor for request in doors.requests].count(Anchor.AFTER) == 1, "polls do not pile up"
    stage.shell.back()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert doors.cancelled[-1].anchor is Anchor.AFTER, "closing ends what is under way"


async def test_a_flood_is_left_behind_not_read_through() -> None:
    doors = LogDoors(incident(), numbered(100))
    stage, view_ = await staged(view(), doors)
    doors.lines += [line(100 + n) for n in range(20_000)]
    lines = await second(stage)
    assert pointed(lines) == "line 20099"
    assert title(lines).endswith("0s behind ─")
    assert len(view_.log.buffer) == 300


async def test_no_log_says_which_setting_would_give_one_and_it_looks_again() -> None:
    doors = LogDoors(incident())
    doors.problem = (
        'no log of invoice_extract is known; [[source]] kind = "logs" paths = [..] in the config, '
        "or --logs GLOB, would give one"
    )
    stage, _ = await staged(view(), doors)
    text = " ".join(part.strip() for part in stage.lines())
    assert 'kind = "logs" paths = [..]' in text
    assert "--logs GLOB, would give one" in text
    assert "search" not in stage.shell.deeds()
    await pressed(stage, "j", "G", "e", "/")
    doors.lines.append(line(0, "at last"))
    assert pointed(await second(stage)) == "at last"


async def test_markers_have_rows_of_their_own() -> None:
    lines = numbered(5)
    lines[3] = replace(lines[3], mark=Mark.ROTATION, message="new file: app.jsonl", level=Level.NONE)
    stage, _ = await staged(view(), LogDoors(incident(), lines))
    shown = stage.lines()
    assert shown[5].startswith("             ── new file: app.jsonl ──────")
    assert "4 lines" in title(shown)


async def test_copy_takes_the_whole_line() -> None:
    long = "word " * 100
    stage, _ = await staged(view(), LogDoors(incident(), [line(0, long, detail=("a", "b"))]))
    await pressed(stage, "y")
    assert stage.host.copied == [long]
    await pressed(stage, "enter", "y")
    assert stage.host.copied[-1] == f"{long}\na\nb"


async def test_mouse_selects_opens_and_scrolls() -> None:
    lines = numbered(100, detail=("more",))
    stage, _ = await staged(view(), LogDoors(incident(), lines))
    stage.shell.click(10, 5)
    assert "▶" in stage.lines()[5]
    assert "paused" in title(stage.lines())
    stage.shell.click(10, 5)
    assert "│ more" in stage.lines()[6]
    first = stage.lines()[2]
    stage.shell.wheel(10, -1)
    assert stage.lines()[5] == first


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
async def test_wide_terminals_name_the_run(size: tuple[int, int]) -> None:
    lines = numbered(5, run="run-9f31", step="extract")
    stage, _ = await staged(view(), LogDoors(incident(), lines), size=size)
    row = stage.lines()[2]
    assert ("run-9f31" in row) == (size[0] >= 120)
    assert "line 0" in row


async def test_ascii_has_no_other_character() -> None:
    lines = [
        line(0, "Größe …", detail=("ü",)),
        line(1, "x", mark=Mark.GAP),
        line(2, "漢字", Level.ERROR, detail=("Traceback ü",)),
    ]
    stage, _ = await staged(view(), LogDoors(incident(), lines), ascii_only=True)
    assert stage.text().isascii()
    await pressed(stage, "enter", "/", *"x")
    assert stage.text().isascii()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_hostile_lines_are_shown_as_they_are_and_break_no_row(
    payload: object, size: tuple[int, int]
) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    hostile = line(0, text, Level.ERROR, step=text, run=text, detail=("Traceback", *safe_lines(text)))
    lines = [hostile, *numbered(30)[1:], line(30, text, mark=Mark.ROTATION)]
    stage, _ = await staged(view(), LogDoors(incident(), lines), size=size)
    for keys in (
        [],
        ["E"],
        ["enter"],
        ["ctrl-w"],
        ["/", *text[:3], "enter"],
        ["esc", "ctrl-w", "right", "t"],
    ):
        for shown in await pressed(stage, *keys):
            assert shown.isprintable()
            assert cell_len(shown) <= size[0]


@pytest.mark.parametrize(
    "text", ["漢字かな" * 30, "e\u0301" * 90, safe("😀👩‍👩‍👧") * 20, "x" * 4_000, "a b " * 40]
)
@pytest.mark.parametrize("size", [(60, 15), (80, 24), (133, 37)])
async def test_wide_and_long_lines_keep_every_row_at_its_width(text: str, size: tuple[int, int]) -> None:
    lines = [line(0, text, step=text, detail=(text,)), line(1, "b")]
    stage, _ = await staged(view(), LogDoors(incident(), lines), size=size)
    await pressed(stage, "k", "enter", "right", "right", "ctrl-w", "/", text[0], "enter")


def stamped(at: float, **fields: object) -> str:
    when = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"timestamp": when, "workflow": "invoice_extract", **fields}) + "\n"


class RealDoors(LogDoors):
    """Pages from real files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(incident())
        self.source = LogFilesSource("logs", [str(folder / "*.jsonl*")])
        self.at = NOW

    def poll(self) -> None:
        self.at += 1
        self.source.poll(self.at)

    async def pages(self, request: LogRequest) -> LogPage:
        self.requests.append(request)
        await asyncio.sleep(0)
        return self.source.page(request, lambda: False)


async def test_real_files_are_followed_through_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    numbers = iter(range(10_000))

    def write(count: int, level: str = "INFO") -> None:
        with path.open("a") as file:
            for _ in range(count):
                number = next(numbers)
                file.write(stamped(NOW - 900 + number / 10, level=level, message=f"m{number:04}"))

    write(2_000)
    doors = RealDoors(tmp_path)
    doors.poll()
    stage, view_ = await staged(view(), doors)
    assert pointed(stage.lines()) == "m1999"
    write(3)
    doors.poll()
    assert pointed(await second(stage)) == "m2002"
    await pressed(stage, "k")
    path.rename(tmp_path / "app.jsonl.1")
    write(1, "ERROR")
    doors.poll()
    doors.poll()
    lines = await second(stage)
    assert "waiting" in title(lines)
    lines = await pressed(stage, "G")
    assert pointed(lines) == "m2003"
    assert "── new file: " in "\n".join(lines)
    for _ in range(150):
        await pressed(stage, "pgup")
    assert pointed(stage.lines()) == "m0000"
    said = [view_.log.buffer[n].message for n in range(view_.log.buffer.first, view_.log.buffer.stop)]
    assert [text for text in said if text.startswith("m")] == [f"m{n:04}" for n in range(2_004)]
    assert pointed(await pressed(stage, "e")) == "m2003"
