"""How far back logs and metrics reach, and how far they should."""

from __future__ import annotations

from wfmon.model.alert import Alert
from wfmon.model.retention import Keeps, Retention
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import Part, fact, wrapped_fact
from wfmon.ui.panes.filling import grown
from wfmon.ui.rows import Row, rule

RETENTION = "retention"  # the rule


def retention_rows(look: Look, width: int, now: float, snapshot: Snapshot, alert: Alert) -> list[Row]:
    """What is kept, first what the alert is about."""
    about = {value for _name, value in alert.labels}
    kept = sorted(snapshot.retention, key=lambda one: (one.subject not in about, not one.short))
    rows: list[Row] = []
    for one in kept:
        rows += kept_rows(look, width, now, one)
    return rows


def kept_rows(look: Look, width: int, now: float, one: Retention) -> list[Row]:
    """One log set or metrics server: its reach and its need, its size and growth, what is gone."""
    rows = [rule(look, width, one.subject, one.keeps.value)]
    rows.append(fact(look, width, "reaches", *_reach(one)))
    if one.oldest_at is not None:
        at = f"{look.minute(one.oldest_at, now)}, {numbers.age(max(0.0, now - one.oldest_at))} ago"
        rows.append(fact(look, width, "oldest", (at, "text")))
    if one.limit_seconds is not None:
        rows.append(fact(look, width, "setting", (f"keeps {numbers.age(one.limit_seconds)}", "text")))
    size = [numbers.size(one.bytes)] if one.bytes is not None else []
    size += [f"{grown(one.bytes_per_day)} a day"] if one.bytes_per_day is not None else []
    if size:
        rows.append(fact(look, width, "size", (", ".join(size), "text")))
    if one.lost_before is not None:
        what = "samples" if one.keeps is Keeps.METRICS else "lines"
        words = f"{what} before {look.minute(one.lost_before, now)} have been deleted"
        rows.append(fact(look, width, "deleted", (words, "warning" if one.short else "text")))
    if one.words:
        rows += wrapped_fact(look, width, "means", one.words, "text", 2)
    if one.problem:
        rows += wrapped_fact(look, width, "problem", one.problem, "unknown", 2)
    return rows


def _reach(one: Retention) -> list[Part]:
    wanted = f"{numbers.age(one.needed_seconds)} wanted"
    if one.reach_seconds is None:
        return [("not known", "unknown"), (f", {wanted}", "text")]
    role = "warning" if one.short else "strong"
    return [(numbers.age(one.reach_seconds), role), (f" back, {wanted}", "text")]
