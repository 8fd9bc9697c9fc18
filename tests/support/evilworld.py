"""A host on which everything that can carry text carries the payloads, and a config that watches it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.hostile_http import answering, response, serving
from support.payloads import HOSTILE_JSONL, HOSTILE_LOG, MARKUP, PAYLOADS, Payload
from support.program import Program, json_lines
from support.troubled import stamp

PLAIN = "plain"  # a workflow with a good name, whose runs, lines and errors are evil
MARKER = "evil-worker-process"
MARKUP_TEXTS = tuple(payload.text for payload in MARKUP)


def tag(number: int) -> str:
    """What stands in front of the payload ``number`` wherever it is a name."""
    return f"w{number:02d}"


@dataclass(frozen=True)
class EvilWorld:
    """``program`` watches all of it; ``config`` is its settings file."""

    program: Program
    config: Path
    state: Path
    log: Path


@contextlib.contextmanager
def evil_world(folder: Path) -> Iterator[EvilWorld]:
    logs, state = folder / "logs", folder / "state"
    logs.mkdir()
    log = write_logs(logs)
    prometheus = answering(response("400 \x1b]0;PWNED\x07", evil_error()))
    with (
        serving(answering(response("200 OK", evil_metrics(), "text/plain"))) as exporter,
        serving(prometheus) as failing,
        evil_processes(),
    ):
        config = folder / "evil.toml"
        config.write_text(evil_config(logs, state, exporter.url, failing.url), encoding="utf-8")
        program = Program(folder, ("--config", str(config), "--state-dir", str(state)))
        yield EvilWorld(program, config, state, log)


def texts(*, without: str = "") -> list[str]:
    """The payloads as text that can be encoded, without those that hold a character of ``without``."""
    return [
        payload.text
        for payload in PAYLOADS
        if not set(payload.text) & set(without) and _encodable(payload.text)
    ]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def write_logs(folder: Path) -> Path:
    """Failing runs with evil names, ids, steps, errors and messages; raw lines; evil file names."""
    now = time.time()
    lines: list[dict[str, object]] = []
    for number, payload in enumerate(PAYLOADS):
        for turn in range(3):
            lines += evil_run(payload, tag(number) + payload.text, f"{number}-{turn}", now - 60 + turn)
        lines += evil_run(payload, PLAIN, f"{tag(number)}{payload.text}", now - 30 + number / 10)
    log = folder / "app.jsonl"
    log.write_bytes(json_lines(lines))
    one: dict[str, object] = {"workflow": PLAIN, "run_id": "run-one"}
    one_run = [{"ts": stamp(now - 2), **one, "level": "error", **evil_call(each.text)} for each in PAYLOADS]
    raw = b"".join(b"ERROR " + payload.raw.replace(b"\n", b" ") + b"\n" for payload in PAYLOADS)
    head = {"ts": stamp(now - 3), **one, "status": "running", "message": "go"}
    tail = {"ts": stamp(now - 1), **one, "status": "error", "error": "bad"}
    (folder / "one.jsonl").write_bytes(json_lines([head]) + json_lines(one_run) + raw + json_lines([tail]))
    for number, payload in enumerate(PAYLOADS):
        name = payload.raw.replace(b"/", b"").replace(b"\0", b"")[:100]
        line = {"ts": stamp(now - 9), "workflow": f"file{number:02d}", "run_id": "r", "status": "error",
                "error": payload.text}  # fmt: skip
        with open(os.fsencode(folder) + b"/" + tag(number).encode() + name + b".jsonl", "wb") as file:
            file.write(json_lines([line]))
    (folder / HOSTILE_JSONL.name).write_bytes(HOSTILE_JSONL.read_bytes())
    (folder / HOSTILE_LOG.name).write_bytes(HOSTILE_LOG.read_bytes())
    return log


def evil_run(payload: Payload, workflow: str, run: str, at: float) -> list[dict[str, object]]:
    """A run that failed at ``at``; every text in it is the payload."""
    text = payload.text
    names = {"workflow": workflow, "run_id": run}
    return [
        {"ts": stamp(at - 1), **names, "status": "running", "message": text},
        {"ts": stamp(at - 0.5), **names, "level": "warning", **evil_call(text)},
        {"ts": stamp(at), **names, "level": "error", "status": "error", "error": text, "message": text,
         "traceback": f"Traceback\n  {text}\n{text}", text: text},
    ]  # fmt: skip


def evil_call(text: str) -> dict[str, object]:
    return {"step": text, "model": text, "provider": text, "attempt": 2, "tokens_used": 10, "message": text}


def evil_error() -> bytes:
    return json.dumps({"status": "error", "errorType": "bad", "error": " ".join(texts())}).encode()


def evil_metrics() -> bytes:
    """The seed convention with a payload in every label value."""
    rows = ["# HELP workflow_executions_total \x1b]0;PWNED\x07", "# TYPE workflow_executions_total counter"]
    for number, text in enumerate(texts()):
        name = quoted(f"m{number:02d}{text}")
        rows.append(f"workflow_executions_total{{workflow={name},status={quoted(text)}}} 5")
        rows.append(f'workflow_executions_total{{workflow={name},status="error"}} 7')
        rows.append(f"active_workflows{{workflow={name}}} 1")
        rows.append(f'token_usage_total{{workflow={name},model={name},provider={name},type="input"}} 9')
    return ("\n".join(rows) + "\n").encode() + b'active_workflows{workflow="C1RAW\x9b31m"} 1\n'


def quoted(text: str) -> str:
    """A label value of the exposition format."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@contextlib.contextmanager
def evil_processes() -> Iterator[None]:
    """A real process whose arguments are the payloads."""
    code = "import sys; sys.stdin.read()"
    arguments = [payload.raw for payload in PAYLOADS if b"\0" not in payload.raw]
    process = subprocess.Popen(
        [sys.executable.encode(), b"-c", code.encode(), MARKER.encode(), *arguments],
        stdin=subprocess.PIPE,
    )
    try:
        yield
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(timeout=30)


def evil_config(
    logs: Path, state: Path, scrape: str, prometheus: str, payloads: Sequence[str] = MARKUP_TEXTS
) -> str:
    """Sources and workflows named after ``payloads``; a config refuses those that control a terminal."""
    first, second, third = (payloads * 3)[:3]
    parts = [
        '[host]\ninterval = "1s"\nscan_interval = "2s"\n',
        f"[state]\ndir = {toml(str(state))}\n",
        f"[user]\nname = {toml(f'me {first}')}\n",
        f'[[storage.dir]]\npath = {toml(f"{logs}/{first}")}\nlimit = "1GiB"\n',
        source("logs", f"logs {first}", f"paths = [{toml(f'{logs}/*')}]"),
        source("scrape", f"scrape {second}", f'interval = "1s"\nurls = [{toml(f"{scrape}/metrics")}]'),
        source("prometheus", f"prom {third}", f"url = {toml(prometheus)}"),
    ]
    for number, text in enumerate(payloads):
        parts.append(
            f"[[workflow]]\nname = {toml(f'c{number:02d}{text}')}\nmatch = [{toml(MARKER)}]\n"
            f"aliases = [{toml(f'alias{number}{text}')}]\nrunbook = {toml(f'runbooks/{text}')}\n"
        )
    return "\n".join(parts)


def source(kind: str, name: str, more: str) -> str:
    return f'[[source]]\nname = {toml(name)}\nkind = "{kind}"\n{more}\n'


def toml(text: str) -> str:
    """A TOML basic string in ASCII: every other character as an escape, as an attacker would."""

    def escape(char: str) -> str:
        if " " <= char <= "~":
            return {'"': '\\"', "\\": "\\\\"}.get(char, char)
        return f"\\U{ord(char):08x}"

    return '"' + "".join(map(escape, text)) + '"'


def poison_acks(state: Path, payloads: Sequence[str]) -> None:
    """What a hostile user of a shared state directory could write into ``acks.db``."""
    now = time.time()
    with contextlib.closing(sqlite3.connect(state / "acks.db")) as database, database:
        episodes = database.execute("SELECT id, workflow FROM episodes ORDER BY workflow, labels").fetchall()
        for number, (episode, workflow) in enumerate(episodes):
            text = payloads[number % len(payloads)]
            database.execute("UPDATE episodes SET summary = ? WHERE id = ?", (text, episode))
            if number % 3 == 0 and workflow != PLAIN:
                _ack(database, episode, text, now)
            _audit(database, now, text)
        for number, text in enumerate(payloads):
            labels = json.dumps([[text, text]]) if number % 2 else text
            episode, workflow = f"e{number:02d}{text}", f"x{number:02d}{text}"
            _episode(database, episode, f"rule{text}", labels, workflow, text, 99, now - 9, 7, now)
            _ack(database, episode, text, now)
        for number, odd in enumerate([float("inf"), -1e300, 1e17, "soon", b"\x1b[2J", 2**62]):
            labels = json.dumps([["n", str(number)]])
            _episode(database, f"odd{number}", "memory", labels, odd, odd, odd, odd, odd, now)
            _ack(database, f"odd{number}", odd, odd)
            _audit(database, odd, odd)


def _episode(database: sqlite3.Connection, *columns: object) -> None:
    database.execute(
        "INSERT INTO episodes (id, rule, labels, workflow, summary, severity, began_at, began_at_least, "
        "last_seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        columns,
    )


def _ack(database: sqlite3.Connection, episode: str, text: object, at: object) -> None:
    until = at + 3000 if isinstance(at, float) else at
    database.execute(
        "INSERT INTO acks (episode, by, at, until, until_resolved, comment) VALUES (?, ?, ?, ?, 0, ?)",
        (episode, text, at, until, text),
    )


def _audit(database: sqlite3.Connection, at: object, text: object) -> None:
    database.execute(
        "INSERT INTO audit (at, who, what, episode, rule, labels, comment, effect) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (at, text, text, text, text, text, text, text),
    )
