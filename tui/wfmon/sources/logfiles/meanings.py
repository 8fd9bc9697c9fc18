"""What the words of a profile's ``[logs.events]`` say."""

from __future__ import annotations

from wfmon.model.record import dataclass
from wfmon.model.run import RunStatus
from wfmon.sources.logfiles.words import RETRY_WORDS, STATUS_WORDS, EventMeaning, Scope

_SCOPES = {"run": Scope.RUN, "step": Scope.STEP, "call": Scope.STEP}


@dataclass(frozen=True, slots=True)
class Meaning:
    """``event`` as ``event_meaning`` says it; ``word`` is the status as the profile writes it."""

    event: EventMeaning
    word: str | None = None


NOTHING = Meaning((Scope.NONE, None, False, False))


def read_meaning(words: str) -> Meaning | None:
    """``success``, ``started``, ``run error``, ``step``, ``step running``, ``call error`` or ``none``; None
    if it is none of these."""
    if words == "none":
        return NOTHING
    first, _, rest = words.partition(" ")
    scope = _SCOPES.get(first)
    word = rest if scope is not None else words
    status: RunStatus | None = STATUS_WORDS.get(word)
    if first == "run" and word == "call":
        return Meaning((Scope.RUN, None, True, False))
    if status is None and (word or scope in (None, Scope.RUN)):
        return None
    retry = word in RETRY_WORDS
    return Meaning((scope or Scope.LINE, status, first == "call", retry), word or None)
