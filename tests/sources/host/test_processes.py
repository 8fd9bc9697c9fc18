"""Which processes belong to workflows, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from support.waiting import wait_until
from wfmon.config.schema import Workflow
from wfmon.model.host import WorkflowProcesses
from wfmon.sources.host.processes import MAX_HINTS, Processes

SLEEP = "import sys; print(flush=True); sys.stdin.read()"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}], stdin=subprocess.PIPE)
print(flush=True)
sys.stdin.read()
"""
LISTEN = """
import socket, sys
sock = socket.create_server(("127.0.0.1", 0))
print(sock.getsockname()[1], flush=True)
sys.stdin.read()
"""

Child = subprocess.Popen[str]


@pytest.fixture
def spawn() -> Iterator[Callable[..., Child]]:
    """Starts Python processes that live until the test ends; each has printed a line when it is there."""
    children: list[Child] = []

    def start(script: str, *arguments: str) -> Child:
        command = [sys.executable, "-c", script, *arguments]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def line(child: Child) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def watcher(*patterns: tuple[str, str]) -> Processes:
    """Looks for new processes at every look."""
    return Processes([Workflow(name=name, match=[pattern]) for name, pattern in patterns], 0.0)


def usage(processes: Processes) -> dict[str, WorkflowProcesses]:
    processes.look()
    return {group.workflow: group for group in processes.usage()}


def test_matched_by_command_line_with_children(spawn: Callable[..., Child], tmp_path: Path) -> None:
    child = spawn(PARENT, f"{tmp_path}/invoice")
    line(child)
    other = spawn(SLEEP, f"{tmp_path}/other")
    line(other)
    processes = watcher(("invoice_extract", rf"{tmp_path}/invoice"))
    group = wait_until(lambda: usage(processes).get("invoice_extract"))
    wait_until(lambda: usage(processes)["invoice_extract"].cpu_ratio is not None)
    inside = {child.pid, *(below.pid for below in psutil.Process(child.pid).children())}
    assert len(inside) == 2
    assert set(group.pids) == inside
    assert group.processes == 2
    assert group.rss_bytes == pytest.approx(
        sum(psutil.Process(pid).memory_info().rss for pid in inside), rel=0.2
    )
    child.kill()
    child.wait()
    wait_until(
        lambda: child.pid not in usage(processes).get("invoice_extract", group).pids or not usage(processes)
    )


def test_cpu_is_of_one_core(spawn: Callable[..., Child], tmp_path: Path) -> None:
    busy = spawn("print(flush=True)\nwhile True: pass", f"{tmp_path}/busy")
    line(busy)
    processes = watcher(("busy", f"{tmp_path}/busy"))
    ratio = wait_until(lambda: (group := usage(processes).get("busy")) and group.cpu_ratio)
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 0.5)
    ratio = usage(processes)["busy"].cpu_ratio
    assert ratio is not None
    assert 0.05 < ratio < 1.2


def test_a_program_that_only_later_becomes_the_one(spawn: Callable[..., Child], tmp_path: Path) -> None:
    """Between fork and exec a process still has the command line of its parent."""
    script = (
        "import os, sys; sys.stdin.readline();"
        f"os.execv({sys.executable!r}, ['py', '-c', {SLEEP!r}, sys.argv[1] + '2'])"
    )
    child = spawn(script, f"{tmp_path}/wf")
    processes = watcher(("wf", f"{tmp_path}/wf2"))
    wait_until(lambda: usage(processes) == {} and processes.scanned)
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    assert wait_until(lambda: usage(processes).get("wf")).pids == (child.pid,)


def test_pids_of_log_lines_live_and_die(spawn: Callable[..., Child]) -> None:
    child, other = spawn(SLEEP), spawn(SLEEP)
    line(child), line(other)
    processes = Processes([], 3600.0)
    hints = {child.pid: "wf", other.pid: "wf"}
    processes.hint(hints, {}, {})
    assert wait_until(lambda: usage(processes))["wf"].pids == tuple(sorted(hints))
    assert processes.live_pids == set(hints)
    os.kill(child.pid, signal.SIGKILL)  # and nobody reaps it: a zombie is not alive
    wait_until(lambda: usage(processes)["wf"].pids == (other.pid,))
    assert processes.live_pids == {other.pid}
    assert processes.gone_pids == {child.pid}
    child.wait()
    processes.hint(hints, {}, {})
    processes.look()
    assert processes.gone_pids == {child.pid}


def test_an_absent_pid_is_gone_only_where_the_log_speaks_of_this_host(spawn: Callable[..., Child]) -> None:
    child, dead = spawn(SLEEP), spawn("")
    line(child)
    dead.wait()
    processes = Processes([], 3600.0)
    processes.hint({dead.pid: "wf"}, {}, {})
    processes.look()
    assert (processes.live_pids, processes.gone_pids) == (frozenset(), frozenset()), "perhaps of a container"
    processes.hint({dead.pid: "wf", child.pid: "wf"}, {}, {})
    processes.look()
    assert (processes.live_pids, processes.gone_pids) == ({child.pid}, {dead.pid})


def test_a_process_younger_than_the_line_is_another_one(spawn: Callable[..., Child]) -> None:
    child = spawn(SLEEP)
    line(child)
    processes = Processes([], 3600.0)
    processes.hint({child.pid: "wf"}, {}, {child.pid: time.time() - 100})
    assert usage(processes) == {}
    assert processes.live_pids == frozenset()
    processes.hint({child.pid: "wf"}, {}, {child.pid: time.time()})
    assert usage(processes)["wf"].pids == (child.pid,), "it logs by itself now"
    assert processes.live_pids == {child.pid}


def test_a_pid_that_was_reused_is_not_alive(spawn: Callable[..., Child]) -> None:
    """The kernel is made to hand out the same pid again, which only root may."""
    last_pid = Path("/proc/sys/kernel/ns_last_pid")
    if not os.access(last_pid, os.W_OK):
        pytest.skip("may not choose pids here")
    first = spawn(SLEEP)
    line(first)
    processes = watcher()
    processes.hint({first.pid: "wf"}, {}, {})
    assert usage(processes)["wf"].pids == (first.pid,)
    first.kill()
    first.wait()

    def again() -> bool:
        last_pid.write_text(str(first.pid - 1))
        return spawn(SLEEP).pid == first.pid

    wait_until(again)
    assert usage(processes) == {}
    assert processes.live_pids == frozenset()
    assert processes.gone_pids == {first.pid}


def test_impossible_pids_are_ignored() -> None:
    processes = Processes([], 3600.0)
    kernel_thread = next((p.pid for p in psutil.process_iter() if p.pid > 1 and not p.cmdline()), 2)
    processes.hint({-5: "wf", 0: "wf", 1: "wf", kernel_thread: "wf", 2**40: "wf"}, {}, {})
    assert usage(processes) == {}
    assert processes.live_pids == frozenset()


def test_the_number_of_hints_is_bounded() -> None:
    processes = Processes([], 3600.0)
    processes.hint(dict.fromkeys(range(10**7, 10**7 + 50000), "wf"), {}, {})
    assert processes.hints_cut == 50_000 - MAX_HINTS
    processes.look()


def test_by_the_port_of_a_scraped_endpoint(spawn: Callable[..., Child]) -> None:
    child = spawn(LISTEN)
    port = int(line(child))
    processes = watcher()
    processes.hint({}, {port: "mail"}, {})
    assert wait_until(lambda: usage(processes).get("mail")).pids == (child.pid,)


def test_the_command_line_decides_before_port_and_log(spawn: Callable[..., Child], tmp_path: Path) -> None:
    child = spawn(LISTEN, f"{tmp_path}/x")
    port = int(line(child))
    processes = watcher(("by_pattern", f"{tmp_path}/x"))
    processes.hint({child.pid: "by_log"}, {port: "by_port"}, {})
    wait_until(lambda: set(usage(processes)) == {"by_pattern"})


def test_what_may_not_be_seen_is_hidden_not_absent(
    spawn: Callable[..., Child], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = spawn(SLEEP, f"{tmp_path}/x")
    line(child)
    whole = psutil.Process.cmdline

    def closed(process: psutil.Process) -> list[str]:
        if process.pid == child.pid:
            raise psutil.AccessDenied(process.pid)
        return whole(process)

    monkeypatch.setattr(psutil.Process, "cmdline", closed)
    processes = watcher(("wf", f"{tmp_path}/x"))
    wait_until(lambda: usage(processes) == {} and processes.scanned)
    assert processes.hidden >= 1
    processes.hint({child.pid: "wf"}, {}, {})
    processes.look()
    assert processes.live_pids == {child.pid}, "it is alive, whoever it is"


def test_rss_that_may_not_be_read_is_unknown(
    spawn: Callable[..., Child], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        line(spawn(SLEEP, f"{tmp_path}/{name}"))

    def closed(process: psutil.Process) -> object:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil._psplatform.Process, "memory_info", closed)
    processes = watcher(("wf", f"{tmp_path}/"))
    group = wait_until(lambda: usage(processes).get("wf"))
    assert (group.rss_bytes, group.processes) == (None, 2)
