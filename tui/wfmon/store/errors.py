"""Why an ack, an undo or a note was not done. Each reads as one line for the person."""

from __future__ import annotations

from wfmon.model.alert import Ack


class AckError(Exception):
    """Nothing was changed; the text says why."""


class StoreError(AckError):
    """It could not be stored. ``reason`` is the short why: ``disk full``."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"NOT SAVED: {reason}")
        self.reason = reason


class Superseded(StoreError):
    """Another collector has taken over since: nothing of this one is written any more."""


class Gone(AckError):
    """There is no such open alert, or nobody has it."""


class Ambiguous(AckError):
    """The prefix fits several alerts."""


class Held(AckError):
    """Somebody else has it."""

    def __init__(self, message: str, holder: Ack) -> None:
        super().__init__(message)
        self.holder = holder
