"""The words of logs: statuses, levels, and event names that speak of a run or of a step.

Status words are those of metric-catalogue 26; statuses are those of the outer contract.
"""

from __future__ import annotations

import re
from enum import IntEnum

from wfmon.model.log import Level
from wfmon.model.run import RunStatus

_STATUS_LISTS = {
    RunStatus.SUCCESS: "success succeeded completed complete ok finished done stop length successful passed",
    RunStatus.ERROR: "error failed failure fail crashed exception terminated dead errored",
    RunStatus.TIMEOUT: "timeout timed_out timedout",
    RunStatus.CANCELLED: "cancelled canceled cancel aborted abort killed revoked stopped skipped",
    RunStatus.RUNNING: (
        "running started start starting in_progress active pending queued waiting scheduled retrying retry "
        "up_for_retry awaitingretry begin began resumed"
    ),
}
STATUS_WORDS = {word: status for status, words in _STATUS_LISTS.items() for word in words.split()}
_STATUS_OF_CODE = {"2": RunStatus.SUCCESS, "4": RunStatus.ERROR, "5": RunStatus.ERROR}
RETRY_WORDS = frozenset({"retrying", "retry", "up_for_retry", "awaitingretry", "retried", "retries"})
START_WORDS = frozenset({"started", "start", "starting", "begin", "began"})

_LEVEL_LISTS = {
    Level.DEBUG: "debug trace verbose fine finer finest dbg d t",
    Level.INFO: "info information informational notice i",
    Level.WARN: "warn warning w",
    Level.ERROR: "error err exception severe e",
    Level.FATAL: "fatal critical crit emergency emerg alert panic dpanic f c",
}
LEVEL_WORDS = {word: level for level, words in _LEVEL_LISTS.items() for word in words.split()}

_RUN_TOKENS = frozenset({"run", "workflow", "execution", "flow", "job", "pipeline", "dag"})
_RUN_TOKENS_IN_PROSE = frozenset({"run", "workflow", "execution"})
_STEP_TOKENS = frozenset(
    {"step", "node", "task", "tool", "llm", "call", "calls", "request", "http", "api", "attempt", "span"}
    | {"activity", "generation", "generated", "embedding", "chain", "chunk", "stage", "query", "model"}
)
_CALL_TOKENS = frozenset({"llm", "generation", "generated", "completion", "embedding"})
_END_TOKENS = frozenset({"end", "ended", "exit", "exited", "finish"})
_TOKEN = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_MAX_EVENT_LENGTH = 48
_MAX_TOKENS = 5


class Scope(IntEnum):
    """What an event name speaks of."""

    NONE = 0
    RUN = 1
    STEP = 2
    LINE = 3  # of the step that the line names, else of the run


# scope, status or None, names a model call, names a retry
EventMeaning = tuple[Scope, RunStatus | None, bool, bool]
NO_EVENT: EventMeaning = (Scope.NONE, None, False, False)


def status_word(text: str) -> RunStatus:
    """Status of a word, OTHER for one that is not known."""
    word = text.strip().lower().replace(" ", "_").replace("-", "_")
    status = STATUS_WORDS.get(word)
    if status is not None:
        return status
    if len(word) == 3 and word.isdigit():
        return _STATUS_OF_CODE.get(word[0], RunStatus.OTHER)
    # enum-like words such as RunStatus.FAILED or WORKFLOW_EXECUTION_STATUS_COMPLETED
    return STATUS_WORDS.get(re.split(r"[._:]", word)[-1], RunStatus.OTHER)


def level_word(text: str) -> Level:
    return LEVEL_WORDS.get(text.strip().lower(), Level.NONE)


def level_number(value: float, scale: str) -> Level:
    """Level of a number on the scale of its key: ``python``, ``pino``, ``otel`` or ``syslog``."""
    if scale == "syslog":
        bounds = ((2, Level.FATAL), (3, Level.ERROR), (4, Level.WARN), (6, Level.INFO), (7, Level.DEBUG))
        return next((level for top, level in bounds if value <= top), Level.NONE)
    bottoms = {
        "python": (10, 20, 30, 40, 50),
        "pino": (1, 30, 40, 50, 60),
        "otel": (1, 9, 13, 17, 21),
    }[scale]
    level = Level.NONE
    levels = (Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL)
    for bottom, reached in zip(bottoms, levels, strict=True):
        if value >= bottom:
            level = reached
    return level


def event_meaning(text: str, *, prose: bool = False) -> EventMeaning:
    """What an event name says; ``prose`` is for message texts, which must say it in so many words.

    ``run_finished``, ``n8n.workflow.failed`` and ``Background run succeeded`` speak of a run;
    ``llm_call``, ``step.finished`` and ``http request`` of something inside one.
    """
    if len(text) > _MAX_EVENT_LENGTH:
        return NO_EVENT
    tokens = [token.lower() for token in _TOKEN.findall(text)]
    if not tokens or len(tokens) > _MAX_TOKENS or (prose and not text.isprintable()):
        return NO_EVENT
    said = set(tokens)
    status = _last_status(tokens)
    if prose:
        if tokens[0] in RETRY_WORDS:
            return (Scope.NONE, None, False, True)
        return (Scope.RUN, status, False, False) if said & _RUN_TOKENS_IN_PROSE and status else NO_EVENT
    call = bool(said & _CALL_TOKENS) or {"api", "request"} <= said or {"model", "call"} <= said
    retry = bool(said & RETRY_WORDS)
    if said & _STEP_TOKENS or call or retry:
        return (Scope.STEP, status, call, retry)
    return (Scope.RUN, status, False, False) if said & _RUN_TOKENS else NO_EVENT


def _last_status(tokens: list[str]) -> RunStatus | None:
    if len(tokens) >= 2 and tokens[-2:] in (["timed", "out"], ["time", "out"]):
        return RunStatus.TIMEOUT
    if tokens[-1] in _END_TOKENS:
        return RunStatus.SUCCESS
    if tokens[-1] in STATUS_WORDS:
        return STATUS_WORDS[tokens[-1]]
    if len(tokens) == 2 and (tokens[0] in START_WORDS or tokens[0] in ("finished", "completed")):
        return STATUS_WORDS[tokens[0]]
    return None
