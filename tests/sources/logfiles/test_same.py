"""A record says the same from any envelope, and however its bytes arrive."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.logfiles.formats_helper import LOGS, WRITTEN, Read, shipped
from sources.logfiles.helpers import NOW, OPEN, iso
from wfmon.model.record import replace
from wfmon.model.run import Run
from wfmon.sources.logfiles import blocks
from wfmon.sources.logfiles.entries import Entry
from wfmon.sources.logfiles.event import Event
from wfmon.sources.logfiles.formats import Formats
from wfmon.sources.logfiles.readers import Readers

KEYS = st.sampled_from(
    ["workflow", "run_id", "status", "level", "message", "input_tokens", "cost_usd", "step", "attempt",
     "error", "duration_ms", "eventName", "model", "x"]
)  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["success", "failed", "started", "r1", "w", "error", "\x1b[31mred\x1b[0m"]),
    st.integers(-5, 10**9), st.floats(0, 1e6), st.booleans(), st.none(),
)  # fmt: skip
RECORDS = st.dictionaries(KEYS, VALUES, min_size=1)
AT = iso(NOW - 9)


def docker(text: str) -> list[str]:
    return [json.dumps({"log": text + "\n", "stream": "stdout", "time": AT})]


def docker_in_parts(text: str) -> list[str]:
    rest = text + " " * 17_000 + "\n"
    parts = [rest[i : i + 16_384] for i in range(0, len(rest), 16_384)]
    return [
        json.dumps({"log": part, "stream": "stdout", "time": AT}, separators=(",", ":")) for part in parts
    ]


def cri(text: str) -> list[str]:
    return [f"{AT} stdout F {text}"]


def cri_in_parts(text: str) -> list[str]:
    half = len(text) // 2
    return [f"{AT} stdout P {text[:half]}", f"{AT} stdout F {text[half:]}"]


def journald(text: str) -> list[str]:
    return [json.dumps({"MESSAGE": text, "PRIORITY": "6", "__REALTIME_TIMESTAMP": str(int((NOW - 9) * 1e6))})]


def syslog(text: str) -> list[str]:
    return [f"<14>1 {AT} host app 12 - - {text}"]


def compose(text: str) -> list[str]:
    return [f"worker-1  | {text}"]


def pretty(text: str) -> list[str]:
    return json.dumps(json.loads(text), indent=4, ensure_ascii="\\u" in text).split("\n")


ENVELOPES = [docker, docker_in_parts, cri, cri_in_parts, journald, syslog, compose, pretty]


def lines_of(raw: list[str]) -> list[bytes]:
    """Whole lines, as the digest puts them together."""
    whole: list[bytes] = []
    block: list[bytes] = []
    for text in raw:
        data = text.encode("utf-8", "surrogatepass")
        if block:
            assert blocks.continues(block, data)
            block.append(data)
            if blocks.ends(block, data):
                whole.append(blocks.joined(block))
                block = []
        elif blocks.opens(data):
            block = [data]
        else:
            whole.append(data)
    assert not block
    return whole


def said(event: Event) -> dict[str, object]:
    """What it says, but for what an envelope adds to a line that lacks it."""
    left_out = ("record", "plan", "time", "level", "pid")
    return {key: value for key, value in event.__dict__.items() if key not in left_out}


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda each: each.__name__)
@given(record=RECORDS)
@settings(max_examples=60, deadline=None)
def test_a_record_from_an_envelope_says_the_same_as_bare(envelope: object, record: dict[str, object]) -> None:
    text = json.dumps({"timestamp": AT, **record})
    readers = Readers(formats=Formats(shipped()))
    (bare,) = readers.events(text.encode(), None, {})
    (line,) = lines_of(envelope(text))  # type: ignore[operator]
    (event,) = readers.events(line, None, {})
    assert said(event) == said(bare)
    if "level" in record and bare.level:
        assert event.level is bare.level
    assert event.time == bare.time
    assert event.message() == bare.message()


def test_an_entry_over_several_lines_is_one_object() -> None:
    first, *more = (text.encode() for text in pretty('{"a": 1, "message": "m"}'))
    entry = Entry(0, 100, first, more=more).as_object()
    (event,) = Readers().events(entry.raw, None, {})
    assert event.message() == "m"


SPLIT = ("n8n/n8nEventLog.log", "generic/otel-console.log", "celery/worker.log", "kestra/kestra.log",
         "claude-code/otlp.jsonl", "prefect/worker.log", "litellm/proxy.log")  # fmt: skip


def runs_of(read: Read) -> list[Run]:
    return [replace(run, log=None, log_ref=None) for run in read.all_runs]


@pytest.mark.parametrize("name", SPLIT)
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_split_of_the_bytes_into_reads_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    whole = (LOGS / name).read_bytes()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=6)))
    folder = tmp_path_factory.mktemp("split")
    log = folder / "app.log"
    log.write_bytes(whole)
    os.utime(log, (WRITTEN, WRITTEN))
    expected = runs_of(Read(log))
    assert expected
    grown = folder / "grown.log"
    grown.write_bytes(b"")
    read = Read(grown)
    with grown.open("ab") as file:
        for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(whole)], strict=True)):
            file.write(whole[begin:end])
            file.flush()
            os.utime(grown, (WRITTEN, WRITTEN))
            read.poll(WRITTEN + number / 100)
    read.poll(WRITTEN + 1)
    assert runs_of(read) == expected
    while OPEN:
        OPEN.pop().close()  # each example is a source or two
    shutil.rmtree(folder)


def test_the_half_of_an_object_survives_a_restart(tmp_path: Path) -> None:
    """Also where no run was open, of which the lines would be read again."""
    log = tmp_path / "app.log"
    text = (LOGS / "generic/otel-console.log").read_bytes()
    last = text[text.index(b"\n{\n") + 1 :]
    log.write_bytes(last[:200])
    first = Read(log)
    assert first.all_runs == []
    with log.open("ab") as file:
        file.write(last[200:])
    again = Read(log, marks=first.reading.marks, tail_bytes=64)  # nothing is read back but what is new
    assert again.run("r-1").status == "error"


def test_an_object_over_several_lines_survives_a_restart(tmp_path: Path) -> None:
    """Another process goes on at the beginning of what the first had not seen the end of."""
    log = tmp_path / "app.log"
    text = (LOGS / "generic/otel-console.log").read_bytes()
    second = text.index(b"\n{\n") + 1
    log.write_bytes(text[: second + 30])
    first = Read(log)
    assert first.run("r-1").status == "running"
    with log.open("ab") as file:
        file.write(text[second + 30 :])
    again = Read(log, marks=first.reading.marks)
    assert again.run("r-1").status == "error"
