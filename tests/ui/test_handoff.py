"""The hand-off card: what it tells, that nothing in it comes to life, and where it goes."""

from __future__ import annotations

import asyncio
import re
import shlex
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from support.logdoors import LogDoors, line, pressed
from support.pastworld import staged
from support.payloads import PAYLOADS
from support.screen import Stage
from support.snapshots import NOW, incident
from wfmon.model.alert import Ack, AlertState, Note
from wfmon.model.log import Level, LogPage, LogRequest
from wfmon.model.ruleinfo import RuleInfo
from wfmon.model.snapshot import Snapshot
from wfmon.ui import handing
from wfmon.ui.copies import Copies
from wfmon.ui.handoff import MOST_RUNS, Case, card, code
from wfmon.ui.panes.errortexts import error_patterns
from wfmon.ui.views.alert import AlertView
from wfmon.ui.views.ended import EndedView

RULE = RuleInfo("failure_rate", "failed / runs, last 5m (grown to 20 runs) > 5%", "as shipped")
CARD = """\
# critical acked: `failure_rate` `invoice_extract`

As of 14:03:27 UTC (2026-03-02T14:03:27.000Z) on `prod-ai-01`, told by wfmon-tui `0.1.0`.

**Verdict:** `invoice_extract fails 32% (80 of 250 in 5m) since 14:00 · nobody has it`

## Alert

- id: `a1b2c3d4e5f6`
- rule: `failed / runs, last 5m (grown to 20 runs) > 5%` (`as shipped`)
- now: 32% > 5% (80 of 250 in 5m), `32% (80 of 250 in 5m)`
- since: 14:00:15, for 3m12s
- episode: peak 33%, mean 28%, lowest 6%
- flaps: 2
- comes from: `step extract 76`
- runbook: `runbooks/invoice.md`

## What the errors say

- 2x `TimeoutError: api.example 504 after 2 s` first 14:03:19, last 14:03:21

## Worst runs

- `run-9f31` failed, 14:03:21, 8.8s, try 3, $0.01: `TimeoutError: api.example 504 after 2 s`
- `run-9f2c` failed, 14:03:19, 8.1s, try 3: `TimeoutError: api.example 504 after 2 s`

## Who has it, and notes

- acked by `joe` since 14:02:27 until 15:02:27: `on it`
- 14:03:17 `ann`: `vendor says 504s since 13:58`

## Last error lines

```text
14:01:47.200  ERROR  run-9f31  extract  TimeoutError: api.example 504 after 2 s
```

## Look again

```sh
wfmon-tui check
wfmon-tui logs run-9f31 --errors
wfmon-tui ack a1b2c3d4e5f6
```
"""


def told(snapshot: Snapshot, **fields: object) -> str:
    runs = [run for run in snapshot.runs if run.failed]
    known: dict[str, object] = {"runs": runs, "found": error_patterns(runs), "logs_command": True} | fields
    return card(Case(snapshot.alerts[0], snapshot, NOW, NOW, UTC, **known))  # type: ignore[arg-type]


def acked() -> Snapshot:
    base = incident()
    alert = replace(
        base.alerts[0],
        state=AlertState.ACKED,
        ack=Ack("joe", NOW - 60, NOW + 3540, comment="on it"),
        mean=0.28,
        low=0.06,
        flaps=2,
        contributors=("step extract 76",),
        notes=(Note("ann", NOW - 10, "vendor says 504s since 13:58"),),
    )
    return replace(base, alerts=(alert,), rules=(RULE,))


def test_it_tells_the_whole_case() -> None:
    message = "TimeoutError: api.example 504 after 2 s"
    lines = [line(2, message, Level.ERROR, run="run-9f31", step="extract")]
    assert told(acked(), lines=lines) == CARD


def test_what_is_not_there_takes_no_section() -> None:
    base = incident()
    bare = replace(base, alerts=(replace(base.alerts[2], ack=None, state=AlertState.FIRING),), runs=())
    text = told(bare)
    assert re.findall("^## .*", text, re.MULTILINE) == [
        "## Alert",
        "## Who has it, and notes",
        "## Look again",
    ]
    assert "- nobody has it" in text
    assert "`no log`" in told(bare, why_no_lines="no log")


def test_an_ended_alert_is_not_to_be_acked() -> None:
    base = incident()
    text = told(replace(base, alerts=(replace(base.alerts[3], had=("ann",)),)))
    assert "- since: 13:50:47, ended 13:57:17" in text
    assert "- had it: `ann`" in text
    assert "wfmon-tui ack" not in text


def test_without_the_command_of_logs_the_file_is_named() -> None:
    text = told(acked(), logs_command=False)
    assert "grep -F -- run-9f31 /var/log/wf/invoice.jsonl" in text
    assert "wfmon-tui logs" not in text


def test_many_runs_are_counted() -> None:
    many = [replace(incident().runs[0], id=f"r{n}") for n in range(MOST_RUNS + 3)]
    assert "- and 3 more" in told(incident(), runs=many)


def test_secrets_are_redacted_wherever_they_stand() -> None:
    secret = "api_key=abcdef123456"
    base = acked()
    alert = replace(base.alerts[0], summary=secret, runbook=f"https://x/?{secret}", contributors=(secret,))
    alert = replace(alert, notes=(Note(secret, NOW, secret),), ack=Ack(secret, NOW, None, comment=secret))
    run = replace(base.runs[0], error=secret, id=secret)
    lines = [line(1, secret, Level.ERROR)]
    text = told(replace(base, alerts=(alert,)), runs=[run], found=error_patterns([run]), lines=lines)
    assert "abcdef123456" not in text
    assert text.count("<redacted>") >= 9


MARKUP = [
    "`x` ![i](http://evil/x.png)", "``` \n# head", "<img src=http://evil>", "@here [l](http://evil)",
    "``````", "`", "a`b``c", "$(reboot)", "'; reboot #", "\n# not a heading\n",
]  # fmt: skip


def hostile(text: str) -> str:
    base = acked()
    run = replace(base.runs[0], id=text, error=text, workflow=text, log=text)
    alert = replace(
        base.alerts[0], rule=text, workflow=text, summary=text, runbook=text, contributors=(text,),
        members=(text,), source=text, labels=(("a", text),), held=Ack(text, NOW, None, comment=text),
        notes=(Note(text, NOW, text),), ack=Ack(text, NOW, None, comment=text),
    )  # fmt: skip
    snapshot = replace(base, host_name=text, verdict=replace(base.verdict, text=text), alerts=(alert,))
    lines = [line(1, text, Level.ERROR, run=text, step=text)]
    found = error_patterns([run])
    return told(snapshot, runs=[run], found=found, lines=lines, why_no_lines=text)


def outside_code(text: str) -> str:
    """What a Markdown reader takes for Markdown: without fenced blocks and code spans."""
    kept, fence = [], ""
    for row in text.split("\n"):
        opening = re.match("(`{3,})(text|sh)$", row)
        if fence:
            fence = "" if row == fence else fence
        elif opening:
            fence = opening[1]
        else:
            kept.append(re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", row))
    assert not fence, "a block is not closed"
    return "\n".join(kept)


@pytest.mark.parametrize(
    "text", [*MARKUP, *(payload.text for payload in PAYLOADS)], ids=lambda text: ascii(text)[:40]
)
def test_nothing_from_outside_comes_to_life(text: str) -> None:
    made = hostile(text)
    assert all(row.isprintable() for row in made.split("\n"))
    rest = outside_code(made)
    plain = outside_code(hostile("x"))
    assert rest == plain, "only our own words are Markdown"
    for row in made.split("\n"):
        if row.startswith(("wfmon-tui ", "grep ")):
            assert len(shlex.split(row)) <= 5


def test_a_code_span_is_as_long_as_it_needs() -> None:
    assert code("a") == "`a`"
    assert code("a`b``c") == "```a`b``c```"
    assert code("`a") == "`` `a ``"


# --- on the screen


class Recorded:
    """A place for copies that remembers, or refuses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self) -> Copies:
        return Copies(lambda: self.folder)


def files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.md"))


async def copied(stage: Stage, *keys: str) -> str:
    await pressed(stage, *keys)
    for _ in range(400):
        text = " ".join(row.strip() for row in stage.lines()[-3:])
        if "clipboard" in text:
            return text
        await asyncio.sleep(0.01)
    raise AssertionError(stage.text())


@pytest.mark.parametrize("where", ["list", "screen"])
async def test_y_sends_it_and_keeps_it_in_a_file(where: str, tmp_path: Path) -> None:
    stage = Stage(incident(), copies=Recorded(tmp_path))
    stage.shell.doors = LogDoors(incident(), [line(3, "boom", Level.ERROR), line(4, "fine")])
    if where == "screen":
        await pressed(stage, "enter")
        assert isinstance(stage.shell.view, AlertView)
    text = await copied(stage, "y")
    (saved,) = files(tmp_path)
    assert "sent to the terminal's clipboard; also in " in text
    assert saved.name in text.replace(" ", "")
    assert stage.host.copied == [saved.read_text()]
    assert "boom" in stage.host.copied[0]
    assert saved.name == "20260302-140327-failure_rate-a1b2c3d4e5f6.md"


async def test_only_error_lines_of_that_time_are_asked_for(tmp_path: Path) -> None:
    stage = Stage(incident(), copies=Recorded(tmp_path))
    await copied(stage, "y")
    (request,) = stage.doors.requests
    assert (request.workflow, request.min_level) == ("invoice_extract", Level.ERROR)
    assert request.since is not None
    assert request.since < incident().alerts[0].since


async def test_an_alert_of_no_workflow_asks_no_log(tmp_path: Path) -> None:
    stage = Stage(incident(), copies=Recorded(tmp_path))
    await copied(stage, "j", "j", "y")
    assert stage.doors.requests == []
    assert "`storage` `/var/lib/wf`" in stage.host.copied[0]


async def test_read_only_writes_no_file_and_says_so(tmp_path: Path) -> None:
    stage = Stage(incident(), copies=Recorded(tmp_path), read_only=True)
    assert "sent to the terminal's clipboard; in no file: read-only" in await copied(stage, "y")
    assert files(tmp_path) == []
    assert stage.host.copied


async def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    stage = Stage(incident(), copies=Recorded(tmp_path / "gone"))
    text = await copied(stage, "y")
    assert "sent to the terminal's clipboard; NOT in a file: No such file" in text
    assert stage.host.copied


async def test_a_log_that_hangs_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(LogDoors):
        async def pages(self, request: LogRequest) -> LogPage:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(handing, "PATIENCE", 0.01)
    stage = Stage(incident())
    stage.shell.doors = Hanging(incident())
    await copied(stage, "y")
    assert "the log did not answer within" in stage.host.copied[0]


async def test_what_ended_is_handed_on_too() -> None:
    stage, _memory = staged()
    await stage.arrived("H")
    assert isinstance(stage.shell.view, EndedView)
    await copied(stage, "y")
    assert stage.host.copied[0].startswith("# ")


async def test_a_workflow_row_is_copied_as_it_stands() -> None:
    stage = Stage(incident())
    stage.press("tab")
    text = "".join(stage.press("y")[-1:])
    assert text.strip() == "✓ sent to the terminal's clipboard: the row"
    assert stage.host.copied[0].startswith("✖ invoice_extract")


async def test_a_secret_in_a_row_is_not_sent() -> None:
    base = incident()
    stage = Stage(base)
    stage.shell.copy("x token=abcdefghi12345", "the row")
    assert stage.host.copied == ["x token=<redacted>"]


async def test_what_is_too_long_for_a_clipboard_is_whole_in_the_file(tmp_path: Path) -> None:
    stage = Stage(incident(), copies=Recorded(tmp_path))
    long = "token=abcdefghi12345 " + "word " * 40_000
    stage.shell.hand_over(long, "log")
    text = await copied(stage)
    assert "sent to the terminal's clipboard, only 54.7K of 195.3K; also in " in text
    (saved,) = files(tmp_path)
    assert saved.read_text() == long.replace("abcdefghi12345", "<redacted>")
    assert len(stage.host.copied[0].encode()) <= 56_000


def test_no_word_of_ours_says_that_the_terminal_took_it() -> None:
    folder = Path(handing.__file__).parent
    assert not [p.name for p in folder.rglob("*.py") if re.search(r"\"copied|f\"copied", p.read_text())]
