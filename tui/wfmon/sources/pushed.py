"""How old what was pushed is: a Pushgateway repeats the last push of a job for ever, fresh as any target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wfmon.text.numbers import age
from wfmon.text.sanitize import safe

PUSH_TIME = "push_time_seconds"  # POSIX seconds of the last successful push of a group of labels
OLD_SECONDS = 300.0
SHOWN = 3

Group = tuple[Mapping[str, str], float]  # labels and the time of the last push


def old_pushes(groups: Iterable[Group], now: float) -> list[str]:
    """In words, the oldest first: whose push is more than OLD_SECONDS ago."""
    old = sorted((time, _named(labels)) for labels, time in groups if OLD_SECONDS < now - time < now)
    words = [f"{who} pushed {age(now - time)} ago: its figures are of then" for time, who in old]
    more = len(words) - SHOWN
    return words if more <= 0 else [*words[:SHOWN], f"{more} more pushed as long ago"]


def _named(labels: Mapping[str, str]) -> str:
    """A group by its job and instance. Those of a scrape of the gateway are not its own."""
    prefix = "exported_" if labels.get("exported_job") else ""
    found = (labels.get(f"{prefix}{name}", "") for name in ("job", "instance"))
    return safe("/".join(filter(None, found)), limit=80) or "a job without a name"
