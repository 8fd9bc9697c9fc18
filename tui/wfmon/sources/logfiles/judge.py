"""What one line means for the run or step that it speaks of."""

from __future__ import annotations

import math
import time

from wfmon.model.run import RunStatus
from wfmon.sources.logfiles.event import Event
from wfmon.sources.logfiles.usage import has_usage
from wfmon.sources.logfiles.words import START_WORDS, EventMeaning, Scope

Status = tuple[RunStatus, str, bool]


def status_of(event: Event, meaning: EventMeaning) -> Status | None:
    """The status that the line gives to what it speaks of (run or step)."""
    scope, said, _, _ = meaning
    status = event.status
    if status is None:
        if said is None or scope is Scope.NONE:
            return None
        if said is RunStatus.SUCCESS and event.level >= 40:
            said = RunStatus.ERROR
        started = said is RunStatus.RUNNING and any(
            word in (event.event or event.message() or "").lower() for word in START_WORDS
        )
        return (said, "started" if started else said.value, False)
    if (
        status[2]
        and scope not in (Scope.RUN, Scope.LINE)
        and (event.run is not None or event.duration is None)
    ):
        return None  # a number is the answer to some HTTP call, unless the line is clearly of the run
    return status


def is_call(event: Event, of_step: bool, call: bool) -> bool:
    """Whether the line tells of one finished call of a model or provider."""
    if not call and not (of_step and (event.model is not None or event.provider is not None)):
        return False
    return has_usage(event) or event.duration is not None or event.error is not None


def stamp_of(event: Event) -> str:
    """The time as the line has it: what is judged of its zone or clock may be judged otherwise later."""
    at, naive = event.time or (event.at, False)
    if not math.isfinite(at):
        return "?"
    return time.strftime("%Y-%m-%dT%H:%M:%S" if naive else "%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
