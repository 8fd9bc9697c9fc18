"""What a person should know who leaves while acks are shared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from wfmon.model.share import ShareState
from wfmon.store.shares import Job
from wfmon.text.numbers import clock

_GOES_ON = "unless another wfmon-tui here goes on with it"


def open_shares(jobs: Iterable[Job], now: float, zone: tzinfo | None) -> tuple[str, ...]:
    """A line for each shared ack that this process leaves behind; ``zone`` (None: local) is that of the
    clocks."""
    lines = []
    for job in jobs:
        share, workflow = job.share, job.record.workflow
        what = " ".join(filter(None, ("shared ack", job.record.rule, workflow)))
        if share.ends_at is not None and share.ends_at > now and share.state is not ShareState.ASKED:
            until = clock(share.ends_at, zone, seconds=False)
            lines.append(f"{what}: silenced in {share.via} until {until}, then it ends by itself, {_GOES_ON}")
        elif share.state is ShareState.ASKED and share.wanted_end is not None:
            lines.append(f"{what}: it may be silenced in {share.via}, for minutes; then it ends by itself")
        elif share.state is ShareState.ASKED:
            lines.append(f"{what}: not silenced in {share.via}, {_GOES_ON}")
    return tuple(lines)
