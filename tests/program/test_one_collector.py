"""Several wfmon-tui at once on one state directory: one asks, all see the same, and another goes on."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from program.test_hostile_endings import WAYS
from support.exporter import exporting
from support.program import COMMAND, Program
from support.pty import Terminal
from support.troubled import troubled_log
from support.users import ANN, BEN, EVE, host_of_several, needs_users
from support.waiting import wait_until
from wfmon.store import livefile

pytestmark = pytest.mark.pty

# A quiet machine is far below two seconds; one under load may be late.
TAKEN_OVER_WITHIN = 5.0
SIZE = (100, 30)


@dataclass
class Recorder:
    """``wfmon-tui record`` as a service manager has it: no terminal, its lines in a file."""

    process: subprocess.Popen[bytes]
    file: Path

    @property
    def said(self) -> str:
        return self.file.read_text()

    def wait_said(self, pattern: str, timeout: float = 60) -> str:
        def found() -> str | None:
            match = re.search(pattern, self.said, re.M)
            assert self.process.poll() is None or match, self.said
            return match[0] if match else None

        return str(wait_until(found, timeout=timeout, message=pattern))

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        return self.process.wait(20)


@contextlib.contextmanager
def recording(
    program: Program, *words: str, name: str = "record", env: Mapping[str, str | None] | None = None
) -> Iterator[Recorder]:
    merged = {**os.environ, **program.env(env)}
    said = program.folder / f"{name}.said"
    with said.open("wb") as errors:
        process = subprocess.Popen(
            program.argv("record", *words),
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            env={key: value for key, value in merged.items() if value is not None},
            cwd=program.folder,
        )
    recorder = Recorder(process, said)
    try:
        recorder.wait_said(r"^wfmon-tui: (collecting|standing by)")
        yield recorder
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(20)


@pytest.fixture
def troubled(home: Program) -> Program:
    log = troubled_log(home.folder / "app.jsonl")
    return replace(home, words=("--logs", str(log), "--no-host"))


def state_of(program: Program) -> Path:
    return program.folder / "state" / "wfmon"


def wait_shown(terminal: Terminal) -> None:
    terminal.wait_for(r"^[✖▲] failure_rate +invoice_extract", timeout=60)


def wait_collector(terminal: Terminal, who: str, timeout: float = 20) -> float:
    return terminal.wait_for(rf"^Sources +.*collector: {who}", timeout=timeout)


def test_a_screen_takes_over_when_the_recorder_is_killed(troubled: Program) -> None:
    with recording(troubled) as recorder, troubled.terminal(size=SIZE) as screen:
        recorder.wait_said(r"collecting \(pid \d+\); sources: logs; kept in .*/wfmon$")
        recorder.wait_said(r"critical: invoice_extract fails 50%")
        wait_shown(screen)
        since = re.search(r"since \d\d:\d\d", screen.row(1))
        screen.send("S")
        wait_collector(screen, rf"tester · pid {recorder.process.pid}")
        recorder.signal(signal.SIGKILL)
        recorder.process.wait(20)
        killed = time.perf_counter()
        late = wait_collector(screen, "you") - killed
        print(f"taken over after {late:.2f} s")
        assert late < TAKEN_OVER_WITHIN
        screen.send("esc")
        wait_shown(screen)
        assert since is not None
        assert since[0] in screen.row(1)
        with recording(troubled, name="second") as second:
            standing = second.wait_said(r"standing by: tester \(pid \d+\) collects")
            assert str(screen.pid) in standing
            screen.send("q")
            assert screen.wait_exit() == 0
            second.wait_said(r"\d\d:\d\d:\d\d collecting")


def test_a_reader_shows_what_the_collector_shows(troubled: Program) -> None:
    with troubled.terminal(size=SIZE) as first:
        wait_shown(first)
        with (
            troubled.terminal(size=SIZE) as second,
            troubled.terminal("--read-only", size=SIZE) as third,
        ):
            screens = (first, second, third)
            for screen in screens:
                wait_shown(screen)
            wait_until(lambda: len({body(screen) for screen in screens}) == 1, timeout=20)
            second.send("a")
            second.wait_for("comment")
            second.send("esc")
            for screen in screens:
                screen.wait_for(r"^◆ failure_rate +invoice_extract.*acked", timeout=10)
            wait_until(lambda: len({body(screen) for screen in screens}) == 1, timeout=20)
            third.send("a")
            third.wait_for("read-only: nothing was changed")
            for screen in screens:
                screen.send("down", "e")
                screen.wait_for(r"TimeoutError: 504", timeout=30)
                screen.send("esc", "S")
            wait_collector(first, "you")
            for screen in (second, third):
                wait_collector(screen, rf"tester · pid {first.pid}")


def body(screen: Terminal) -> str:
    """All rows but the title, with its clock, and the footer; ages are the viewer's own."""
    rows = screen.screen_text().splitlines()[1:-1]
    return re.sub(r"\d+s\b|\d+m\d\d", "_", "\n".join(rows))


def test_check_and_snapshot_cost_the_exporter_nothing_while_somebody_collects(home: Program) -> None:
    with exporting() as exporter:
        exporter.metrics.run("w")
        polls = exporter.metrics.registry
        asked = CountingCollector()
        polls.register(asked)
        program = replace(home, words=("--scrape", exporter.url, "--no-host", "--interval", "300s"))
        with recording(program) as recorder:
            recorder.wait_said("unknown|ok")
            wait_until((state_of(program) / "live").exists, timeout=30)
            wait_until(lambda: borrowed(program), timeout=30, message="the second sample is there")
            before = asked.count
            for command in (("check",), ("check", "--unacked"), ("snapshot", "--json")):
                program.run(*command)
            assert asked.count == before
            snapshot = program.run("snapshot", "--json").json
            assert snapshot["collector"]["self"] is False
            assert snapshot["collector"]["pid"] == recorder.process.pid
            assert program.run("doctor").code == 0
            assert asked.count > before, "doctor asks by itself"
            told = program.run("doctor").out
            assert re.search(rf"^collector tester, pid {recorder.process.pid}, version ", told, re.M)
            assert re.search(r"^lane +[0-9a-f]{12} +the state directory itself$", told, re.M)
            assert re.search(r"^history +\S+history\.db +[\d.]+\w+, at most ", told, re.M)
        before = asked.count
        assert program.run("snapshot", "--json").json["collector"]["self"] is True
        assert asked.count > before


def borrowed(program: Program) -> bool:
    return program.run("snapshot", "--json").json["collector"]["self"] is False


class CountingCollector:
    """Counts the scrapes of a registry."""

    count = 0

    def collect(self) -> Iterator[object]:
        self.count += 1
        return iter(())

    def describe(self) -> list[object]:
        return []


def test_a_readers_refresh_is_done_by_the_collector(home: Program) -> None:
    with exporting() as exporter:
        asked = CountingCollector()
        exporter.metrics.registry.register(asked)
        program = replace(home, words=("--scrape", exporter.url, "--no-host", "--interval", "300s"))
        with recording(program) as recorder, program.terminal(size=SIZE) as screen:
            recorder.wait_said("unknown|ok")
            screen.wait_for(r"1/1 sources", timeout=60)
            screen.settle(1.0)
            before = asked.count
            screen.send("r")
            screen.wait_for("asked the collector")
            wait_until(lambda: asked.count > before, timeout=10)


# The program itself, with less patience: half a minute is long for a test.
IMPATIENT = """
import sys
from wfmon.cli.main import main
from wfmon.monitor import station
station.HUNG_SECONDS = 9.0
sys.exit(main())
"""


def test_a_stopped_collector_is_told_and_when_it_goes_on_it_reads(troubled: Program) -> None:
    impatient = [sys.executable, "-c", IMPATIENT, *troubled.words]
    with (
        recording(troubled) as recorder,
        Terminal(impatient, SIZE, troubled.env(), cwd=str(troubled.folder)) as screen,
    ):
        recorder.wait_said("critical")
        wait_shown(screen)
        recorder.signal(signal.SIGSTOP)
        pid = recorder.process.pid
        said = rf"^\? collector tester \(pid {pid}\) has not answered for \d+s: figures are of \d\d:\d\d:\d\d"
        screen.wait_for(said, timeout=30)
        assert troubled.run("check").code == 2, "check asks by itself then"
        screen.wait_for(r"^✖ invoice_extract fails", timeout=60)
        screen.send("S")
        wait_collector(screen, "you")
        recorder.signal(signal.SIGCONT)
        recorder.wait_said(rf"standing by: tester \(pid {screen.pid}\) collects")
        screen.send("q")
        screen.send("q")
        assert screen.wait_exit() == 0
        recorder.wait_said(r"standing by.*\n(.*\n)*.* collecting")


def test_ctrl_z_lets_another_collect_and_fg_reads(troubled: Program) -> None:
    words = shlex.join([*COMMAND, *troubled.words])
    env = {**troubled.env(), "PS1": "shell> "}
    with Terminal(["/bin/bash", "--norc", "-i"], SIZE, env, cwd=str(troubled.folder)) as shell:
        shell.wait_for(r"shell>$")
        shell.type(words)
        shell.send("enter")
        wait_shown(shell)
        with troubled.terminal(size=SIZE) as other:
            wait_shown(other)
            other.send("S")
            wait_collector(other, "tester")
            shell.send("ctrl-z")
            shell.wait_for(r"shell>$")
            wait_collector(other, "you", timeout=10)
            shell.type("fg")
            shell.send("enter")
            wait_shown(shell)
            shell.send("S")
            wait_collector(shell, rf"tester · pid {other.pid}")
            other.send("q", "q")
            assert other.wait_exit() == 0
            wait_collector(shell, "you", timeout=10)
        shell.send("q", "q")
        shell.wait_for(r"shell>$")


def test_a_live_file_that_is_spoilt_harms_nobody(troubled: Program) -> None:
    with recording(troubled) as recorder:
        recorder.wait_said("critical")
        live = state_of(troubled) / livefile.LIVE
        wait_until(live.exists, timeout=20)
        for nonsense in (b"", b"\xff" * 100, live.read_bytes()[:300] + os.urandom(3000)):
            live.write_bytes(nonsense)
            assert troubled.run("check").code == 2
        live.unlink()
        os.mkfifo(live)
        assert troubled.run("check").code == 2
        live.unlink()
        with troubled.terminal(size=SIZE) as screen:
            wait_shown(screen)
            screen.send("q")
            assert screen.wait_exit() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_record_ends_at_once_and_leaves_no_lock(troubled: Program, number: signal.Signals) -> None:
    with recording(troubled) as recorder:
        recorder.wait_said("critical")
        began = time.perf_counter()
        recorder.signal(number)
        assert recorder.ended() == 128 + number
        seconds = time.perf_counter() - began
        print(f"{number.name}: {seconds:.2f} s")
        assert seconds < 3.0
        assert "Traceback" not in recorder.said
        with recording(troubled, name="next") as following:
            following.wait_said(r"^wfmon-tui: collecting")


def test_a_reader_ends_at_once_in_every_way(troubled: Program) -> None:
    with recording(troubled) as recorder, ExitStack() as stack:
        recorder.wait_said("critical")
        readers = {
            way: stack.enter_context(troubled.terminal(size=SIZE, without_hup=way == "lost terminal"))
            for way in WAYS
        }
        for reader in readers.values():
            wait_shown(reader)
        for way, (act, code) in WAYS.items():
            reader = readers[way]
            reader.settle(0.1)
            began = time.perf_counter()
            act(reader)
            assert reader.wait_exit() == code, way
            seconds = time.perf_counter() - began
            print(f"{way}: {seconds:.2f} s")
            assert seconds < 3.0, way
            if way != "lost terminal":
                assert reader.left_behind() == [], way
        assert "standing by" not in recorder.said


def test_record_writes_and_so_is_no_reader(home: Program) -> None:
    done = home.run("record", "--read-only", "--no-host")
    assert (done.code, done.out) == (2, "")
    assert "--read-only" in done.err
    assert not (home.folder / "state").exists()


def test_other_sources_are_another_lane(troubled: Program) -> None:
    other = replace(troubled, words=("--logs", str(troubled_log(troubled.folder / "b.jsonl")), "--no-host"))
    with recording(troubled) as one, recording(other, name="other") as two:
        one.wait_said(r"^wfmon-tui: collecting")
        two.wait_said(r"^wfmon-tui: collecting .*lanes/[0-9a-f]{12}$")
        for recorder in (one, two):
            recorder.wait_said("critical")
        mine, theirs = (each.run("check", "--json").json["alerts"][0] for each in (troubled, other))
        assert (mine["rule"], mine["workflow"]) == (theirs["rule"], theirs["workflow"])
        assert mine["id"] != theirs["id"], "workflows of one name that have nothing in common"
        assert troubled.run("ack", theirs["id"]).code == 0
        assert [each["id"] for each in troubled.run("acks", "--json").json] == [theirs["id"]]
        states = [each.run("check", "--json").json["alerts"][0]["state"] for each in (troubled, other)]
        assert states == ["firing", "acked"]


@needs_users
def test_of_two_users_one_collects_and_the_other_goes_on() -> None:
    with host_of_several() as host:
        ann, ben = host.person("ann", ANN), host.person("ben", BEN)
        eve = host.person("eve", EVE, member=False)
        with recording(ann) as recorder, ben.terminal(size=SIZE) as screen, eve.terminal(size=SIZE) as seen:
            recorder.wait_said("critical")
            for terminal in (screen, seen):
                wait_shown(terminal)
                terminal.send("S")
                wait_collector(terminal, "ann")
            recorder.signal(signal.SIGKILL)
            wait_collector(screen, "you")
            wait_collector(seen, "ben")
            screen.send("q", "q")
            assert screen.wait_exit() == 0
            seen.wait_for(r"^Sources +no collector: this process alone", timeout=20)
            seen.send("esc")
            wait_shown(seen)
