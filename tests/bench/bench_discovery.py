"""What a look around a host of 500 processes costs, beside those that are there anyway.

Run: python tests/bench/bench_discovery.py  (prints figures; asserts that everything was seen)
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from wfmon.sources.discovery.look import Lookout
from wfmon.sources.discovery.propose import propose
from wfmon.sources.discovery.unseen import system_names
from wfmon.sources.profile import load_profiles

PROCESSES = 500
SCRIPTS = 100  # of them are scripts, with 50 descriptors each: their open files are looked at
DESCRIPTORS = 50
PORTS = 100
CONNECTIONS = 500
LOOKS = 10


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = [stack.enter_context((folder / f"{n}.jsonl").open("a")).fileno() for n in range(DESCRIPTORS)]
        others = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(PORTS)]
        for n in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(others[n % PORTS].getsockname()))
        sleepers = [_sleeper(n < SCRIPTS, files) for n in range(PROCESSES)]
        try:
            _measure(sleepers)
        finally:
            for sleeper in sleepers:
                sleeper.kill()
            for sleeper in sleepers:
                sleeper.wait()


def _sleeper(script: bool, files: list[int]) -> subprocess.Popen[bytes]:
    name = "python3" if script else "worker"
    return subprocess.Popen([name, "600"], executable="/bin/sleep", pass_fds=files if script else ())


def _measure(sleepers: list[subprocess.Popen[bytes]]) -> None:
    usual = {each.name: each.logs.paths for each in load_profiles() if each.logs.paths}
    lookout, names = Lookout(lambda: usual), system_names()
    cpu, wall = [], []
    for _ in range(LOOKS + 1):
        began, spent = time.perf_counter(), time.thread_time()
        facts = lookout.look(time.time())
        propose(facts, names)
        cpu.append(time.thread_time() - spent)
        wall.append(time.perf_counter() - began)
    seen = {process.pid for process in facts.processes}
    assert {sleeper.pid for sleeper in sleepers} <= seen
    assert len({each.port for each in facts.listeners}) >= PORTS
    assert len(facts.files) >= DESCRIPTORS
    print(f"{len(seen)} processes, {len(facts.listeners)} listening sockets, {SCRIPTS * DESCRIPTORS} files")
    later = statistics.median(cpu[1:])
    print(f"first look {cpu[0] * 1000:.0f} ms of CPU; then {later * 1000:.0f} ms (median of {LOOKS})")
    print(f"wall time {statistics.median(wall[1:]) * 1000:.0f} ms; uid {os.geteuid()}")


if __name__ == "__main__":
    main()
