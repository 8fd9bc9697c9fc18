"""Starts the workers, passes on what the parent says, and sees to it that nothing is left behind.

It is the only child of the parent, so that the parent starts one light process and waits for nothing.
``python -m wfmon.demo.launcher --dir DIR --seed N --incidents A,B --socket GROUP=FD … [--keep] [--for S]
[--log-bytes N]``
"""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from wfmon.demo import control
from wfmon.demo.lifeline import Lifeline

START_WAIT = 0.5  # for a worker to be ready before the next is started: one core is left to others
END_WAIT = 0.8  # for the workers to finish their books

Child = subprocess.Popen[bytes]


class Launcher:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._directory: Path = options.dir
        self._waiting = [tuple(word.split("=")) for word in options.socket]
        self._workers: list[Child] = []
        self._ready: set[Child] = set()
        self._quiet: set[Child] = set()
        self._next_start = 0.0
        self._quiet_at: float | None = None
        self._end_at: float | None = None
        self._said = b""
        self._selector = selectors.DefaultSelector()
        self._errors = os.open(
            self._directory / control.ERRORS_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )

    def run(self, ending: int) -> None:
        """Until the parent's pipe or a signal (``ending`` becomes readable) says that it is over."""
        self._selector.register(0, selectors.EVENT_READ)
        self._selector.register(ending, selectors.EVENT_READ)
        while self._end_at is None or time.monotonic() < self._end_at:
            self._start_due()
            for key, _ in self._selector.select(self._patience()):
                if key.fd == ending:
                    return
                if key.data is not None:
                    self._hear_worker(key.data)
                elif not self._hear_parent():
                    return
            if self._quiet_at is not None and time.monotonic() >= self._quiet_at:
                self._quiet_at = None
                self._tell(control.QUIET)

    def end(self) -> None:
        """Lets the workers finish their books, then makes sure that they are gone."""
        for worker in self._workers:
            if worker.stdin:
                with contextlib.suppress(BrokenPipeError):
                    worker.stdin.close()
        deadline = time.monotonic() + END_WAIT
        for worker in self._workers:
            try:
                worker.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def _patience(self) -> float | None:
        times = [at for at in (self._quiet_at, self._end_at) if at is not None]
        if self._waiting:
            times.append(self._next_start)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _start_due(self) -> None:
        started_are_up = len(self._ready) >= len(self._workers)
        if self._waiting and (started_are_up or time.monotonic() >= self._next_start):
            self._next_start = time.monotonic() + START_WAIT
            self._start(*self._waiting.pop(0))

    def _start(self, group: str, listening: str) -> None:
        options = self._options
        command = [sys.executable, "-m", "wfmon.demo.worker", "--group", group, "--dir", str(self._directory)]
        command += ["--socket", listening, "--seed", str(options.seed), "--incidents", options.incidents]
        command += ["--keep"] if options.keep else []
        command += ["--log-bytes", str(options.log_bytes)] if options.log_bytes else []
        worker = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            pass_fds=[int(listening)],
        )
        os.close(int(listening))
        self._workers.append(worker)
        if worker.stdout:
            self._selector.register(worker.stdout, selectors.EVENT_READ, worker)
        write_to(worker, self._said)

    def _hear_parent(self) -> bool:
        words = os.read(0, 64)
        for word in (control.GO, control.QUIET):
            if word in words:
                self._tell(word)
        return bool(words)

    def _tell(self, word: bytes) -> None:
        self._said += word
        if word == control.GO and self._options.run_for is not None:
            self._quiet_at = time.monotonic() + self._options.run_for
        for worker in self._workers:
            write_to(worker, word)

    def _hear_worker(self, worker: Child) -> None:
        said = os.read(worker.stdout.fileno(), 256) if worker.stdout else b""
        if not said and worker.stdout:
            self._selector.unregister(worker.stdout)
        # A worker that has died is as ready and as quiet as it will ever be.
        if control.READY in said or not said:
            self._ready.add(worker)
            self._mark(self._ready, control.READY_FILE)
        if control.QUIETED in said or not said:
            self._quiet.add(worker)
            if control.QUIET in self._said:
                self._mark(self._quiet, control.QUIET_FILE)

    def _mark(self, those: set[Child], name: str) -> None:
        """A file says that all workers have said so."""
        if self._waiting or len(those) < len(self._workers):
            return
        (self._directory / name).touch()
        if name == control.QUIET_FILE and self._options.linger is not None:
            self._end_at = time.monotonic() + self._options.linger


def write_to(worker: Child, words: bytes) -> None:
    if worker.stdin and words:
        with contextlib.suppress(BrokenPipeError):
            os.write(worker.stdin.fileno(), words)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="wfmon.demo.launcher")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--incidents", default="")
    parser.add_argument("--socket", action="append", default=[])
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--log-bytes", type=int)
    parser.add_argument("--for", dest="run_for", type=float)
    parser.add_argument("--linger", type=float)
    options = parser.parse_args(arguments)
    ending, wake = os.pipe()
    os.set_blocking(wake, False)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.write(wake, b"."))
    lifeline = Lifeline(options.dir, keep=options.keep)
    launcher = Launcher(options)
    try:
        launcher.run(ending)
    finally:
        launcher.end()
        lifeline.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main())
