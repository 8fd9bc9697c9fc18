"""One alert in the words of the verdict: what is wrong, since when, who has it."""

from __future__ import annotations

import re
from datetime import tzinfo

from wfmon.analysis.episode import OWN
from wfmon.analysis.shown import FLAPPING
from wfmon.analysis.words import clock
from wfmon.model.alert import Ack, Alert, AlertState

SUMMARY_CHARS = 60  # of what another system says that fit into the sentence
# Labels that say, in this order, what a foreign alert is about.
_SUBJECTS = ("workflow", "instance", "service", "job", "node", "host", "pod")


def headline(alert: Alert) -> str:
    """What is wrong, as a sentence without its time: ``invoice_extract fails 32% (80 of 250 in 5m)``."""
    told = alert.summary.removeprefix(FLAPPING)
    if alert.source != OWN:
        words = _foreign(alert, told)
    elif alert.rule == "failure_rate" and alert.state is not AlertState.NO_DATA:
        words = f"{alert.workflow} fails {told}"
    elif alert.workflow is None or _says(told, alert.workflow):
        words = told
    else:
        words = f"{alert.workflow}: {told}"
    return f"{words}, flapping ↯{alert.flaps}" if alert.flapping else words


def since_words(alert: Alert, now: float, zone: tzinfo | None) -> str:
    """``since 14:00``; ``since 14:00 or before`` where the data begins there."""
    return f"since {clock(alert.since, now, zone)}" + (" or before" if alert.since_at_least else "")


def taken_words(alert: Alert, now: float, zone: tzinfo | None) -> str | None:
    """Who has it or keeps it quiet, and until when; None: nobody that is known.

    ``joe has it until 15:00``, ``snoozed by joe until 15:00``, ``silenced by dana until 15:00 in am``,
    ``inhibited by NodeDown``.
    """
    if alert.state is AlertState.INHIBITED:
        return _inhibited(alert.quieted)
    ack = alert.ack
    if ack is None:
        return (alert.quieted or alert.state.value) if alert.taken else None
    end = "until it ends" if ack.until is None else f"until {clock(ack.until, now, zone)}"
    if alert.state is AlertState.SILENCED:
        return f"silenced by {ack.by} {end}{_in(ack)}"
    if ack.snooze:
        return f"snoozed by {ack.by} {end}"
    return f"{ack.by} has it {end}{'' if ack != alert.held else _in(ack)}"


def _in(ack: Ack) -> str:
    return f" in {ack.via}" if ack.via else ""


def _inhibited(by: str) -> str:
    """``by``: with or without the word."""
    by = by.removeprefix("inhibited").strip().removeprefix("by ")
    return f"inhibited by {by}" if by else "inhibited"


def _says(text: str, name: str) -> bool:
    """Whether ``name`` stands in ``text`` as a word of its own."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None


def _foreign(alert: Alert, told: str) -> str:
    """``HighErrorRate invoice_extract: 32% of runs fail``; nothing of it is said twice."""
    labels = dict(alert.labels)
    subject = alert.workflow or next((labels[name] for name in _SUBJECTS if labels.get(name)), "")
    text = told if len(told) <= SUMMARY_CHARS else told[: SUMMARY_CHARS - 1].rstrip() + "…"
    head = " ".join(part for part in (alert.rule, subject) if part and not _says(told, part))
    return ": ".join(part for part in (head, text) if part) or alert.rule
