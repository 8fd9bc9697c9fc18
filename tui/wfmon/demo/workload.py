"""The parent's side of the sample workload: start it, know where it is, end it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from wfmon.demo import control, runbooks
from wfmon.demo.config import config_text
from wfmon.demo.incidents import NAMES, Timeline
from wfmon.demo.lifeline import Lifeline
from wfmon.demo.spec import GROUPS
from wfmon.model.record import dataclass

STOP_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class WorkloadInfo:
    """Where everything is. ``pid`` is the launcher's; ``quiet`` appears when all runs have ended."""

    metrics: tuple[str, ...]
    logs: tuple[str, ...]
    ledger: Path
    directory: Path
    config: Path
    quiet: Path
    pid: int

    def as_json(self) -> str:
        """The one line of ``demo --workload-only``."""
        return json.dumps(
            {
                "metrics": self.metrics,
                "logs": self.logs,
                "ledger": str(self.ledger),
                "dir": str(self.directory),
                "config": str(self.config),
                "quiet": str(self.quiet),
                "pid": self.pid,
            }
        )


class Workload:
    """Real worker processes, from ``start`` to ``stop``; also a context manager.

    ``incidents``: names (see ``incidents``). ``directory``: an existing one that is kept; without it a
    temporary one that is removed, also when this process is killed. ``hold``: serve metrics but begin
    no run before ``release``. ``run_for``: seconds after which the runs end and the metrics stay.
    ``linger``: seconds after which the workload then ends by itself. ``log_bytes``: of a log file, which
    is then rotated.
    """

    def __init__(
        self,
        seed: int = 1,
        incidents: Sequence[str] = NAMES,
        directory: Path | None = None,
        *,
        hold: bool = False,
        run_for: float | None = None,
        linger: float | None = None,
        log_bytes: int | None = None,
    ) -> None:
        Timeline(tuple(incidents))
        self._seed = seed
        self._incidents = tuple(incidents)
        self._given = directory
        self._hold = hold
        self._run_for = run_for
        self._linger = linger
        self._log_bytes = log_bytes
        self._launcher: subprocess.Popen[bytes] | None = None
        self._lifeline: Lifeline | None = None
        self._info: WorkloadInfo | None = None

    @property
    def info(self) -> WorkloadInfo:
        if self._info is None:
            raise RuntimeError("the workload has not been started")
        return self._info

    def start(self) -> WorkloadInfo:
        """Returns at once: the endpoints accept connections and answer as soon as the workers are up."""
        directory = (self._given or Path(tempfile.mkdtemp(prefix="wfmon-demo-"))).absolute()
        self._lifeline = Lifeline(directory, keep=self._given is not None)
        for name in (control.LOGS, control.DATA, control.STATE):
            (directory / name).mkdir(mode=0o700, exist_ok=True)
        listening = {group: listen() for group in GROUPS}
        metrics = tuple(f"http://127.0.0.1:{sock.getsockname()[1]}/metrics" for sock in listening.values())
        logs = tuple(str(directory / control.LOGS / f"*.{kind}") for kind in ("jsonl", "log"))
        config = directory / control.CONFIG
        config.write_text(config_text(directory, metrics, logs), encoding="utf-8")
        runbooks.write(directory)
        self._launcher = self._launch(directory, listening)
        for sock in listening.values():
            sock.close()
        self._info = WorkloadInfo(
            metrics=metrics,
            logs=logs,
            ledger=directory / control.LEDGER,
            directory=directory,
            config=config,
            quiet=directory / control.QUIET_FILE,
            pid=self._launcher.pid,
        )
        if not self._hold:
            self.release()
        return self._info

    def release(self) -> None:
        """Begins with the runs."""
        self._say(control.GO)

    def quiet(self) -> None:
        """Ends the runs (open ones as ``cancelled``) and keeps the metrics up; see ``info.quiet``."""
        self._say(control.QUIET)

    @property
    def running(self) -> bool:
        return self._launcher is not None and self._launcher.poll() is None

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the workload has ended by itself; False if it has not within ``timeout``."""
        if self._launcher is None:
            return True
        try:
            self._launcher.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def problems(self) -> str:
        """What the processes of the workload complained about, raw; empty when all is well."""
        try:
            return (self.info.directory / control.ERRORS_FILE).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def stop(self) -> None:
        """Ends every process and removes the temporary directory. Safe to call twice."""
        launcher, self._launcher = self._launcher, None
        if launcher is not None:
            if launcher.stdin:
                with contextlib.suppress(BrokenPipeError):
                    launcher.stdin.close()
            if self._lifeline is not None:
                # A lost terminal ends this process within a second, in the midst of removing files;
                # nothing hurries the launcher.
                self._lifeline.let_go()
            try:
                launcher.wait(STOP_WAIT)
            except subprocess.TimeoutExpired:
                os.killpg(launcher.pid, signal.SIGKILL)
                launcher.wait()
        if self._lifeline is not None:
            self._lifeline.leave()
            self._lifeline = None

    def __enter__(self) -> Workload:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _say(self, word: bytes) -> None:
        if self._launcher is not None and self._launcher.stdin:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._launcher.stdin.fileno(), word)

    def _launch(self, directory: Path, listening: dict[str, socket.socket]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "wfmon.demo.launcher", "--dir", str(directory)]
        command += ["--seed", str(self._seed), "--incidents", ",".join(self._incidents)]
        for group, sock in listening.items():
            command += ["--socket", f"{group}={sock.fileno()}"]
        command += ["--keep"] if self._given is not None else []
        command += ["--for", str(self._run_for)] if self._run_for is not None else []
        command += ["--linger", str(self._linger)] if self._linger is not None else []
        command += ["--log-bytes", str(self._log_bytes)] if self._log_bytes is not None else []
        # A session of its own: ctrl-c and a lost terminal are the parent's business alone.
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[sock.fileno() for sock in listening.values()],
            start_new_session=True,
        )


def listen() -> socket.socket:
    """Bound here, so that the addresses are known before anything runs and early scrapes wait."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    sock.listen(32)
    return sock
