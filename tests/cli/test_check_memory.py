"""``check`` as cron calls it: each a process of its own, which counts on from what the last ones saw.

The exporter is real; the clock of a call is moved ahead, so that no test waits.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from support.program import Done, Program

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3

# The moment of a call: its clock starts there and goes on as the real one does.
AT = """
import sys, time
real, began, at = time.time, time.time(), float(sys.argv[1])
time.time = lambda: at + real() - began
"""
MAIN = "from wfmon.cli.main import main; sys.exit(main(sys.argv[2:]))"
# No file may grow beyond 300 kB, as if the disk ended there.
SMALL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
"""
BEGIN = 1_780_000_000.0


@dataclass
class Workers:
    """A workload behind ``/metrics``: finished runs of one workflow by status, since its start."""

    runs: dict[str, int] = field(default_factory=dict)
    start: int = 1_700_000_000
    more: str = ""
    port: int = 0

    def text(self) -> str:
        rows = [f'workflow_executions_total{{workflow="w",status="{s}"}} {n}' for s, n in self.runs.items()]
        return "\n".join([f"process_start_time_seconds {self.start}", *rows, self.more, ""])


@dataclass(frozen=True)
class Calls:
    """``check`` in a home of its own, at a number of seconds after the first call."""

    home: Program
    workers: Workers

    def argv(self, at: float, *words: str, before: str = "") -> list[str]:
        url = f"http://127.0.0.1:{self.workers.port}/metrics?token=hunter2"
        asked = ("--scrape", url, "--no-host", "--interval", "0.2s", "--wait", "30")
        words = words if words else ("check", "--json")
        return [sys.executable, "-c", AT + before + MAIN, str(BEGIN + at), *words, *asked]

    @property
    def environ(self) -> dict[str, str]:
        merged = {**os.environ, **self.home.env()}
        return {name: value for name, value in merged.items() if value is not None}

    def at(self, at: float, *words: str, before: str = "") -> Done:
        began = time.perf_counter()
        done = subprocess.run(
            self.argv(at, *words, before=before),
            env=self.environ,
            cwd=self.home.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        return Done(done.returncode, out, err, done.stdout, time.perf_counter() - began)

    @property
    def kept(self) -> Path:
        return self.home.folder / "state" / "wfmon" / "scraped"

    def file(self) -> Path:
        (file,) = self.kept.iterdir()
        return file


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[Calls]:
    workers = Workers()
    with serving(workers):
        yield Calls(Program(tmp_path), workers)


@contextmanager
def serving(workers: Workers) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(workers.text().encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        workers.port = server.server_port
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield
        server.shutdown()


def failing(done: Done) -> Any:
    """The one open alert of the failure rule."""
    (alert,) = done.json["alerts"]
    assert (alert["rule"], alert["workflow"]) == ("failure_rate", "w")
    return alert


def tells_history(done: Done, known: str) -> bool:
    """``known`` as a pattern: a process on a loaded machine looks some seconds after it began."""
    return re.fullmatch(f"w: only {known} of history, need 5m", done.json["text"]) is not None


def test_calls_that_cover_the_window_know(calls: Calls) -> None:
    calls.workers.runs = {"success": 1000, "error": 900}  # long ago: nobody was looking
    first = calls.at(0)
    assert (first.code, first.err) == (UNKNOWN, "")
    assert "of history, need 5m" in first.json["text"]
    calls.workers.runs["success"] += 40
    second = calls.at(150)
    assert second.code == UNKNOWN, second
    assert tells_history(second, "2m(29|3[0-9])s")
    calls.workers.runs["success"] += 40
    third = calls.at(310)
    assert (third.code, third.err, third.json["alerts"]) == (OK, "", []), third
    (workflow,) = calls.at(302, "snapshot", "--json").json["workflows"]
    assert workflow["runs"]["success"] == 80
    assert (workflow["n"], workflow["window_seconds"]) == (80, 300.0)


def test_what_failed_between_two_calls_counts_from_the_first_failure_on(calls: Calls) -> None:
    calls.workers.runs = {"success": 1000}
    calls.at(0)
    calls.workers.runs = {"success": 1005, "error": 20}  # a series that was not there before
    proof = calls.at(60)
    assert proof.code == CRITICAL, "enough failures prove it although the window is not covered"
    assert (failing(proof)["n"], failing(proof)["value"]) == (25, 20 / 25)
    assert "w fails 80% (20 of 25 in 1m)" in proof.json["text"]
    calls.workers.runs = {"success": 1010, "error": 30, "timeout": 2}  # and one more
    later = calls.at(200)
    assert (failing(later)["n"], failing(later)["value"]) == (42, 32 / 42)
    assert failing(later)["id"] == failing(proof)["id"], "one episode"


def test_few_failures_among_many_runs_are_a_warning(calls: Calls) -> None:
    calls.workers.runs = {"success": 1000, "error": 7}
    calls.at(0)
    calls.workers.runs = {"success": 1080, "error": 27}
    done = calls.at(310)
    assert done.code == WARNING, done
    assert "w fails 20% (20 of 100 in 5m)" in done.json["text"]


def test_a_call_every_five_minutes_is_enough_also_when_cron_is_late(calls: Calls) -> None:
    calls.workers.runs = {"success": 5}
    codes = []
    for at in (0, 296, 606, 900):
        calls.workers.runs["success"] += 10
        codes.append(calls.at(at).code)
    assert codes == [UNKNOWN, UNKNOWN, OK, OK]


def test_a_restart_between_two_calls(calls: Calls) -> None:
    calls.workers.runs = {"success": 100, "error": 3}
    calls.at(0)
    calls.workers.start += 30
    calls.workers.runs = {"success": 4, "error": 16}  # more errors than before: only its start tells
    done = calls.at(60)
    assert (failing(done)["n"], failing(done)["value"]) == (20, 16 / 20)


def test_after_a_gap_nothing_is_claimed(calls: Calls) -> None:
    calls.workers.runs = {"success": 100}
    for at in (0, 150, 310):
        calls.at(at)
    calls.workers.runs = {"success": 100, "error": 50}
    done = calls.at(310 + 3600)
    assert (done.code, done.json["alerts"]) == (UNKNOWN, [])
    assert done.json["text"].startswith("w: only ")
    calls.workers.runs["success"] += 50
    assert tells_history(calls.at(310 + 3600 + 200), "3m(19|2[0-9])s")
    assert calls.at(310 + 3600 + 310).code == OK


def test_a_clock_that_was_set_back_begins_again(calls: Calls) -> None:
    calls.workers.runs = {"success": 100}
    calls.at(5000)
    calls.at(5310)
    done = calls.at(0)
    assert done.code == UNKNOWN
    assert "of history, need 5m" in done.json["text"]
    assert calls.at(310).code == OK


def test_a_wrong_file_is_no_reason_to_fail(calls: Calls) -> None:
    calls.workers.runs = {"success": 100}
    calls.at(0)
    calls.file().write_bytes(b"\x93garbage\x00" * 40)
    done = calls.at(310)
    assert (done.code, done.err) == (UNKNOWN, "")
    assert "of history, need 5m" in done.json["text"]
    assert calls.at(620).code == OK


def test_read_only_reads_and_writes_nothing(calls: Calls) -> None:
    calls.workers.runs = {"success": 100}
    assert calls.at(0, "check", "--json", "--read-only").code == UNKNOWN
    assert not calls.kept.parent.exists()
    calls.at(0)
    before = calls.file().read_bytes()
    calls.workers.runs["error"] = 30
    for command in ("check", "snapshot"):
        seen = calls.at(310, command, "--json", "--read-only").json
        assert "w fails 100% (30 of 30 in 5m)" in json.dumps(seen)
    assert calls.file().read_bytes() == before
    assert calls.file().stat().st_mode & 0o777 == 0o600


def test_two_at_once(calls: Calls) -> None:
    calls.workers.runs = {"success": 100}
    calls.at(0)
    calls.workers.runs["success"] += 10
    running = [
        subprocess.Popen(calls.argv(310), env=calls.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (OK, b""), out
    assert calls.file().suffix == ".looks"
    assert calls.at(330).code == OK


def test_what_cannot_be_kept_is_told_and_the_answer_stands(calls: Calls) -> None:
    calls.workers.runs = {"success": 100}
    calls.at(0)
    before = calls.file().read_bytes()
    text = random.Random(7)
    calls.workers.more = "\n".join(
        f'workflow_executions_total{{workflow="{text.randbytes(60).hex()}",status="success"}} 1'
        for _ in range(6000)
    )
    done = calls.at(310, before=SMALL)
    assert done.code == OK, done
    assert done.err == f"wfmon-tui: not kept for the next check: {calls.kept}: file too large\n"
    assert calls.file().read_bytes() == before
    calls.workers.more = calls.workers.more.replace("success", "success" + "x" * 3000)
    problem = f"http://127.0.0.1:{calls.workers.port}/metrics: 18.2M of metrics are too much to keep"
    assert f"    problem  check does not keep: {problem}\n" in calls.at(302, "doctor").out


def test_each_target_has_a_file_that_does_not_tell_its_url(calls: Calls) -> None:
    calls.workers.runs = {"success": 100}
    calls.at(0)
    assert b"hunter2" not in calls.file().read_bytes()
    assert "hunter2" not in calls.file().name
    with serving(other := Workers({"success": 1})):
        Calls(calls.home, other).at(1)
    assert len(list(calls.kept.iterdir())) == 2
