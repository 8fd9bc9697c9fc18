"""Lines that hold several records, records over several lines, and texts that go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.logfiles.formats_helper import Read
from sources.logfiles.helpers import NOW, iso, touch, write
from wfmon.model.log import Anchor, Level, LogPage, LogRequest
from wfmon.sources.logfiles import blocks
from wfmon.sources.logfiles.logfmt import read_logfmt


def otlp(*records: tuple[str, str], at: float) -> str:
    entries = [
        {
            "timeUnixNano": str(int((at + number / 10) * 1e9)),
            "severityText": level,
            "body": {"stringValue": text},
        }
        for number, (level, text) in enumerate(records)
    ]
    return json.dumps({"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": entries}]}]})


@pytest.fixture
def read(tmp_path: Path) -> Read:
    log = tmp_path / "otlp.jsonl"
    for line in range(10):
        told = [("INFO", f"{line}.{part}") for part in range(5)]
        if line == 4:
            told[3] = ("ERROR", "4.3")
        write(log, otlp(*told, at=NOW - 100 + line))
    touch(log)
    return Read(log, at=NOW)


def page(read: Read, **request: object) -> LogPage:
    return read.source.page(LogRequest(**request), lambda: False)  # type: ignore[arg-type]


ALL = [f"{line}.{part}" for line in range(10) for part in range(5)]


def test_each_record_is_a_row(read: Read) -> None:
    lines = page(read).lines
    assert [line.message for line in lines] == ALL
    assert len({(line.file, line.offset, line.part) for line in lines}) == 50


@pytest.mark.parametrize("limit", [1, 3, 5, 7, 12])
def test_pages_neither_repeat_nor_leave_out_a_record(read: Read, limit: int) -> None:
    newest = page(read, limit=limit)
    texts = [line.message for line in newest.lines]
    while not newest.at_start:
        newest = page(read, limit=limit, anchor=Anchor.BEFORE, position=newest.start)
        texts = [line.message for line in newest.lines] + texts
    assert texts == ALL
    first = page(read, limit=limit, anchor=Anchor.START)
    texts = [line.message for line in first.lines]
    while not first.at_end:
        first = page(read, limit=limit, anchor=Anchor.AFTER, position=first.end)
        texts += [line.message for line in first.lines]
    assert texts == ALL


def test_an_error_inside_a_line_is_found(read: Read) -> None:
    found = page(read, anchor=Anchor.NEWEST_ERROR, limit=8)
    texts = [line.message for line in found.lines]
    assert found.focus is not None
    assert found.lines[found.focus].message == "4.3"
    assert texts == ALL[ALL.index(texts[0]) :][: len(texts)]  # no hole, none twice
    assert [line.message for line in page(read, min_level=Level.ERROR).lines] == ["4.3"]


DOCKER = {"stream": "stderr", "time": iso(NOW - 5)}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: json.dumps({"log": text + "\n", **DOCKER}, separators=(",", ":")),
        lambda text: f"{iso(NOW - 5)} stderr F {text}",
        lambda text: f"worker-1  | {text}",
    ],
    ids=["docker", "cri", "compose"],
)
def test_a_traceback_from_a_container_is_one_error(tmp_path: Path, wrap: object) -> None:
    log = tmp_path / "c.log"
    told = ["ERROR:app:it broke", "Traceback (most recent call last):", '  File "a.py", line 1', "    f()",
            "ValueError: bad", "INFO:app:gone on"]  # fmt: skip
    write(log, *(wrap(text) for text in told))  # type: ignore[operator]
    first, second = Read(log, at=NOW).page()
    assert first.message.endswith(told[0])
    assert second.message.endswith(told[-1])
    for shown, written in zip(first.detail[-4:], told[1:-1], strict=True):
        assert shown.endswith(written)


def test_a_part_whose_rest_never_comes_counts_for_what_it_is(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    text = json.dumps({"timestamp": iso(NOW - 5), "workflow": "w", "run_id": "r", "status": "success"})
    write(log, f"{iso(NOW - 5)} stdout P {text}", "something else")
    assert Read(log, at=NOW).run("r").status == "success"


def test_a_brace_that_opens_nothing_loses_no_line_behind_it(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    good = json.dumps({"timestamp": iso(NOW - 5), "workflow": "w", "run_id": "r", "status": "success"})
    write(log, "{", '  "half": 1,', good)
    assert Read(log, at=NOW).run("r").status == "success"
    write(log, "{", *["  "] * (blocks.MAX_LINES + 5), good.replace('"r"', '"s"'))
    read = Read(log, at=NOW)
    assert [run.id for run in read.all_runs] == ["r", "s"]


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_.]{0,9}", fullmatch=True), st.text(), min_size=1))
def test_logfmt_reads_back_what_was_written(record: dict[str, str]) -> None:
    def quoted(text: str) -> str:
        for raw, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
            text = text.replace(raw, escaped)
        return f'"{text}"'

    line = " ".join(f"{key}={quoted(text)}" for key, text in record.items())
    found = read_logfmt(line.encode("utf-8", "surrogatepass"), sure=True)
    if "\ud800" <= max("".join(record.values()) or "a") <= "\udfff":
        return
    assert found == (record, b"")


@pytest.mark.parametrize(
    "text",
    [
        "a=b",
        "x=1 y=2",
        "2026-02-25 06:13:11 app - time=3 level=2",
        'msg="open',
        "level=info then words",
        "=a level=b",
    ],
)
def test_what_only_looks_like_logfmt_is_text(text: str) -> None:
    assert read_logfmt(text.encode(), sure=False) is None
