"""A real workload that goes through error bursts and calm, as ``check`` sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

from support.program import Done, Program
from support.waiting import wait_until
from wfmon.demo.workload import Workload, WorkloadInfo

BURST_WAIT = 180.0  # a burst that has just ended comes again after its calm
CALM_WAIT = 240.0


@dataclass
class Incident:
    """A workload that holds still until ``begin``, then goes through error bursts and calm."""

    workload: Workload
    program: Program
    _began: bool = field(default=False, init=False)
    _taken: str = field(default="", init=False)

    @property
    def info(self) -> WorkloadInfo:
        return self.workload.info

    def begin(self) -> None:
        if not self._began:
            self._began = True
            self.workload.release()

    def wait_firing(self) -> Done:
        """What ``check --json`` says of the burst, as soon as it says something."""
        self.begin()
        return wait_until(self._firing, timeout=BURST_WAIT, message="check sees the burst", pause=0.5)

    def taken(self) -> str:
        """The id of the burst's alert, which somebody has acked while it fired."""
        if not self._taken:
            alerts = self.wait_firing().json["alerts"]
            (alert,) = [alert["id"] for alert in alerts if alert["rule"] == "failure_rate"]
            acked = self.program.run("ack", alert, "-m", "mine")
            assert acked.code == 0, acked
            self._taken = alert
        return self._taken

    def wait_calm(self) -> Done:
        """The first ``check`` that is content."""
        return wait_until(self._calm, timeout=CALM_WAIT, message="check is content again", pause=2.0)

    def _firing(self) -> Done | None:
        done = self.program.run("check", "--json")
        return done if any(alert["rule"] == "failure_rate" for alert in done.json["alerts"]) else None

    def _calm(self) -> Done | None:
        done = self.program.run("check")
        return done if done.code == 0 else None
