"""Envelopes, encodings, over-long and hostile lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sources.logfiles.helpers import NOW, Watched, iso, line, touch, write
from support.payloads import HOSTILE_JSONL, HOSTILE_LOG, PAYLOADS
from wfmon.model.log import Level
from wfmon.sources.logfiles.envelopes import read_head, read_line
from wfmon.sources.logfiles.fields import FieldReader
from wfmon.sources.logfiles.lines import is_compressed
from wfmon.text.sanitize import safe

INNER = {"timestamp": iso(NOW - 9), "workflow": "w", "run_id": "r1", "status": "success", "level": "info"}
TEXT = json.dumps(INNER)


def otlp(fields: dict[str, object]) -> str:
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in fields.items()]
    record = {
        "timeUnixNano": str(int((NOW - 9) * 1e9)), "severityText": "INFO", "body": {"stringValue": "hello"},
        "attributes": [*attributes, {"key": "input_tokens", "value": {"intValue": "12"}}],
    }  # fmt: skip
    return json.dumps({"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": [record]}]}]})


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "   " + TEXT,
        f"INFO:wf:{TEXT}",
        f"2026-02-25 06:13:11,002 - wf - INFO - {TEXT}",
        f"{iso(NOW - 9)} stdout F {TEXT}",
        f"<14>1 {iso(NOW - 9)} host app 12 - - {TEXT}",
        f"worker-1  | {TEXT}",
        f"[{{not json}}] {TEXT}",
        json.dumps({"log": TEXT + "\n", "stream": "stdout", "time": iso(NOW - 9)}),
        json.dumps({"MESSAGE": TEXT, "PRIORITY": "6", "__REALTIME_TIMESTAMP": str(int((NOW - 9) * 1e6))}),
        json.dumps({"MESSAGE": list(TEXT.encode()), "PRIORITY": "6"}),
        json.dumps({"level": "info", "message": TEXT}),
        json.dumps({"level": "info", "msg": json.dumps({"body": TEXT})}),
        json.dumps({"payload": INNER}),
        json.dumps(
            {"timestamp": iso(NOW - 9), "attributes": {"workflow.name": "w", "run-id": "r1", "State": "done"}}
        ),
        otlp({"workflow": "w", "run_id": "r1", "status": "ok"}),
    ],
)
def test_what_is_in_it_counts(tmp_path: Path, text: str) -> None:
    write(tmp_path / "app.log", text)
    run = Watched(tmp_path / "app.log").run()
    assert (run.status, run.ended_at) == ("success", pytest.approx(NOW - 9, abs=10))


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"level": "warning"}, Level.WARN), ({"severity": "ERR"}, Level.ERROR),
        ({"log.level": "fatal"}, Level.FATAL),
        ({"log": {"level": "debug"}}, Level.DEBUG), ({"level": 40}, Level.ERROR),
        ({"level": 40, "hostname": "h", "msg": "pino"}, Level.WARN), ({"severity_number": 17}, Level.ERROR),
        ({"PRIORITY": "3"}, Level.ERROR), ({"levelno": 30}, Level.WARN), ({"level": "odd"}, Level.NONE),
        ({}, Level.NONE),
    ],
)  # fmt: skip
def test_levels(fields: dict[str, object], level: Level) -> None:
    assert FieldReader().event(dict(fields)).level is level


def test_levels_of_plain_lines() -> None:
    reader = FieldReader()
    for text, level in (
        ("2026-02-25 06:13:11,002 - wf - ERROR - boom", Level.ERROR),
        ("WARNING:wf:careful", Level.WARN),
        ("[2026-02-25 06:13:11] info: started", Level.INFO),
        ("<11>Feb 25 host app: boom", Level.ERROR),
        ("an error in the middle of a sentence", Level.NONE),
    ):
        assert reader.text_event(text).level is level, text


@pytest.mark.parametrize(
    "codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_encodings(tmp_path: Path, codec: str) -> None:
    log = tmp_path / "app.log"
    rows = [
        line(NOW - 9, workflow="wä", run_id=f"r{n}", status="success").replace("\\u00e4", "ä")
        for n in range(40)
    ]
    log.write_bytes(("\r\n".join(rows) + "\r\n").encode(codec))
    touch(log)
    told = {} if codec in ("utf-8-sig", "utf-16", "utf-32") else {"encoding": codec}
    watched = Watched(log, **told)
    assert len(watched.ids("wä")) == 40
    page = watched.page(workflow="wä", limit=5)
    assert [shown.run for shown in page.lines] == ["r35", "r36", "r37", "r38", "r39"]
    tail = Watched(log, tail_bytes=2000, **told)
    assert 3 < len(tail.ids("wä")) < 40


def test_latin_1_in_a_utf_8_file(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b'{"workflow": "w", "run_id": "r1", "status": "error", "error": "caf\xe9 closed"}\n')
    touch(log)
    assert Watched(log).run().error == "café closed"


def test_an_over_long_line_is_cut_and_told(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    long = line(NOW - 9, workflow="w", run_id="r1", level="error", message="x" * 3_000_000, status="error")
    write(log, long, line(NOW - 5, workflow="w", run_id="r2", status="success"))
    watched = Watched(log, max_line_bytes=20_000)
    runs = {run.id: run for run in watched.runs()}
    assert runs["r2"].status == "success"
    assert runs["r1"].status == "running"  # its outcome is in the part that was skipped
    assert "over-long" in watched.told
    page = watched.page(workflow="w")
    assert [shown.run for shown in page.lines] == ["r1", "r2"]
    assert "of this line left out" in page.lines[0].message
    assert page.lines[0].level is Level.ERROR
    assert page.lines[0].end == page.lines[1].offset


def test_an_over_long_line_that_still_grows(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, line(NOW - 9, workflow="w", run_id="r1", status="success"))
    watched = Watched(log, max_line_bytes=1000)
    watched.poll()
    for _ in range(5):
        with log.open("a") as file:
            file.write("y" * 5000)
        watched.poll()
    write(log, "", line(NOW - 5, workflow="w", run_id="r2", status="success"))
    assert sorted(watched.ids()) == ["r1", "r2"]


@pytest.mark.parametrize(
    "text",
    [
        '{"workflow": "w", "run_id": "r1", "status": "ok", "cost_usd": NaN, "duration_seconds": Infinity}',
        '{"workflow": "w", "run_id": "r1", "status": "success", "tokens_used": 1' + "0" * 5000 + "}",
        '{"workflow": "w", "run_id": "r1", "status": "success", "tokens_used": 1e999, "cost_usd": -3}',
        '{"workflow": "w", "run_id": "r1", "status": "error", "status": "success"}',
        '{"workflow": "w", "run_id": "r1", "status": "success", "x": "\\ud800", "pid": "\\udfff"}',
        '{"workflow": "w", "run_id": "r1", "status": "success", "attempt": true, "pid": [], "error": {}}',
    ],
)
def test_odd_values_are_unknown_and_stop_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path / "app.log", text)
    watched = Watched(tmp_path / "app.log")
    run = watched.run()
    assert run.status == "success"
    assert run.usage.total is None
    assert run.usage.cost_usd is None
    assert len(watched.page(workflow="w").lines) == 1


def test_deep_nesting(tmp_path: Path) -> None:
    write(tmp_path / "app.log", '{"a":' * 50_000 + "1" + "}" * 50_000, "[" * 100_000, TEXT)
    watched = Watched(tmp_path / "app.log")
    assert watched.run().status == "success"
    assert len(watched.page().lines) == 3


def shown_strings(watched: Watched) -> list[str]:
    assert watched.reading is not None
    assert watched.reading.runs is not None
    found = [
        watched.reading.sees,
        watched.reading.partial or "",
        *watched.reading.missing,
        watched.source.where,
    ]
    for known in watched.reading.runs.workflows.values():
        found.append(known.workflow)
        for run in (*known.open, *known.finished):
            found += [
                run.id,
                run.workflow,
                run.error or "",
                run.model or "",
                run.provider or "",
                run.log or "",
            ]
            found += [text for step in run.steps for text in (step.name, step.error or "", step.model or "")]
    for request in ({}, {"anchor": "newest_error"}, {"anchor": "start"}):
        page = watched.page(**request)
        found += [*page.paths, page.problem or ""]
        for row in page.lines:
            found += [row.message, row.workflow or "", row.run or "", row.step or "", *row.detail]
    return found


def assert_safe(watched: Watched) -> None:
    for text in shown_strings(watched):
        assert safe(text, limit=1_000_000) == text


def test_every_payload_everywhere_is_made_safe(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("wb") as file:
        for number, payload in enumerate(PAYLOADS):
            said = {
                "timestamp": iso(NOW - 50), "level": "error", "workflow": payload.text,
                "run_id": f"r{number}{payload.text}",
                "step": payload.text, "status": payload.text, "duration_seconds": 1, "error": payload.text,
                "model": payload.text, "provider": payload.text, payload.text: payload.text,
            }  # fmt: skip
            file.write(payload.json_line(**said))
            file.write(payload.json_line(**{**said, "step": None, "status": "error"}))
            file.write(payload.raw.replace(b"\n", b" ") + b"\n")
        file.write(HOSTILE_LOG.read_bytes())
        file.write(HOSTILE_JSONL.read_bytes())
    touch(log)
    watched = Watched(log)
    watched.poll()
    assert watched.source._fold.runs > 5
    assert_safe(watched)


def test_a_hostile_file_name_is_made_safe(tmp_path: Path) -> None:
    log = tmp_path / "a\x1b]0;PWNED\x07\u202e.log"
    write(log, TEXT)
    watched = Watched(tmp_path / "*.log")
    watched.poll()
    assert_safe(watched)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
KNOWN_KEYS = """
    timestamp level workflow run_id trace_id status step event message duration_seconds tokens_used cost_usd
    error attempt pid payload msg model input_tokens log stream MESSAGE resourceLogs usage endTime startTime
"""
KEYS = st.sampled_from(KNOWN_KEYS.split())
LIKELY = st.sampled_from(
    ["w", "r1", "success", "error", "running", "started", 1, 0.5, NOW, iso(NOW), "run finished"]
)
RECORDS = st.dictionaries(KEYS | st.text(max_size=8), LIKELY | VALUES, max_size=8)
LINES = st.one_of(
    st.binary(max_size=200),
    RECORDS.map(lambda record: json.dumps(record).encode()),
    RECORDS.map(lambda record: b"INFO:wf:" + json.dumps(record).encode()),
    RECORDS.map(lambda record: json.dumps({"message": json.dumps(record)}).encode()),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
)


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(LINES, max_size=12), codec=st.sampled_from(["utf-8", "utf-16", "latin-1"]))
def test_no_bytes_break_anything(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], codec: str
) -> None:
    log = tmp_path_factory.mktemp("fuzz") / "app.log"
    log.write_bytes(b"\n".join(lines))
    assume(not is_compressed(log.read_bytes()))
    watched = Watched(log, encoding=codec, max_line_bytes=150, workflow="d")
    watched.poll()
    with log.open("ab") as file:
        file.write(b"\n" + b"\n".join(reversed(lines)) + b"\n")
    watched.poll()
    watched.poll(5000)
    assert_safe(watched)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_reading_bytes_never_raises(raw: bytes) -> None:
    reader = FieldReader()
    for found in (read_line(raw), read_head(raw), read_line(b"{" + raw), read_line(raw + b'{"a": 1}')):
        for record in found.records:
            reader.event(record, found.prefix)
        reader.text_event(found.prefix)
