"""A rule as people read it: what it says, and where that is configured."""

from __future__ import annotations

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """``words``: the rule in words with its thresholds (of a foreign rule its query). ``where``: ``as
    shipped``, or the file and line that sets it. ``health``: ``ok``, ``err`` (``error`` says why),
    ``off``. ``system``: ``wfmon`` or the name of the source that evaluates it."""

    name: str
    words: str
    where: str = "as shipped"
    health: str = "ok"
    error: str = ""
    system: str = "wfmon"
