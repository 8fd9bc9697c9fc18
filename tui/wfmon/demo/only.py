"""``wfmon-tui demo --workload-only``: the workload alone, until a signal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from types import FrameType

from wfmon.demo.workload import Workload


class Ended(BaseException):
    """A signal asked us to end. Not an ``Exception``, so that nothing on the way swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(
    seed: int,
    incidents: Sequence[str],
    say: Callable[[str], None],
    *,
    run_for: float | None = None,
    linger: float | None = None,
) -> int:
    """Says one JSON line and blocks; returns the exit code (130, 143, 129 after a signal).

    With ``run_for`` the runs end after that many seconds while the metrics stay up; with ``linger``
    too, everything ends that many seconds later, with exit code 0.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        raise Ended(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    workload = Workload(seed, incidents, run_for=run_for, linger=linger)
    try:
        say(workload.start().as_json())
        workload.wait()
        return 0
    except Ended as ended:
        return 128 + ended.number
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # once asked to end, ending is all there is to do
        workload.stop()
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
