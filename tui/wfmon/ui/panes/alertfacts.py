"""One alert in words: its rule, what is measured now, who has it, what belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

from wfmon.analysis.wilson import lower_bound
from wfmon.model.alert import Alert, AlertState
from wfmon.model.forecast import Filling
from wfmon.model.host import Volume
from wfmon.model.snapshot import Snapshot
from wfmon.model.source import SourceStatus
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import Part, fact, head, wrapped_fact
from wfmon.ui.panes.filling import filling_role, full_in
from wfmon.ui.panes.retention import RETENTION
from wfmon.ui.panes.usual import usual_errors
from wfmon.ui.panes.words import lasting, subject, who_had
from wfmon.ui.rows import Row
from wfmon.ui.views.base import Frame

Z99 = 2.3263  # one-sided 99 %


def alert_head(frame: Frame, alert: Alert | None, alert_id: str, paused_at: float | None) -> Row:
    """``✖ failure_rate · invoice_extract      critical, firing for 3m12s``."""
    look = frame.look
    if alert is None:
        return head(frame, (look.signs.unknown, "unknown"), alert_id, " · not listed any more", paused_at)
    words = f"{alert.severity.word}, {_standing(alert, frame.now)}"
    rest = f" {look.signs.dot} {subject(alert)}"
    return head(frame, look.alert_sign(alert), alert.rule, rest, paused_at, words)


def alert_rows(frame: Frame, snapshot: Snapshot, alert: Alert, by: str) -> list[Row]:
    """``by``: who looks, where acks are private."""
    look, width = frame.look, frame.width
    rows = [rule_row(look, width, alert)]
    rows += [_now(look, width, snapshot, alert)]
    if alert.flaps:
        times = "once" if alert.flaps == 1 else f"{alert.flaps} times"
        rows.append(fact(look, width, "before", (f"went and came back {times}", "text")))
    rows.append(_who(frame, snapshot, alert, by))
    if alert.ack is not None and alert.ack.comment:
        rows += wrapped_fact(look, width, "why", alert.ack.comment, "text", 2)
    return rows


def rule_row(look: Look, width: int, alert: Alert) -> Row:
    return fact(look, width, "rule", (_rule(alert), "text"))


def volume_of(snapshot: Snapshot, alert: Alert) -> Volume | None:
    mount = dict(alert.labels).get("mount")
    volumes = snapshot.host.volumes if snapshot.host else ()
    return next((one for one in volumes if one.mount == mount), None)


def source_of(snapshot: Snapshot, alert: Alert) -> SourceStatus | None:
    name = dict(alert.labels).get("source")
    return next((one for one in snapshot.sources if one.name == name), None)


def volume_rows(look: Look, width: int, volume: Volume, filling: Filling | None = None) -> list[Row]:
    """The figures of a file system or of a watched directory, and when it will be full."""
    rows = []
    if volume.used_ratio is not None:
        filled, rest = look.signs.gauge(volume.used_ratio, min(40, width - 20))
        used = (f" {numbers.percent(volume.used_ratio)}", "strong")
        rows.append(fact(look, width, "used", (filled, "bar"), (rest, "bar_rest"), used))
    if volume.total_bytes is not None:
        words = f"{numbers.size(volume.free_bytes)} free of {numbers.size(volume.total_bytes)}"
        rows.append(fact(look, width, "limit" if volume.limit else "size", (words, "text")))
    if volume.inodes_used_ratio is not None:
        rows.append(
            fact(look, width, "inodes", (f"{numbers.percent(volume.inodes_used_ratio)} used", "text"))
        )
    if volume.device or volume.path != volume.mount:
        rows.append(fact(look, width, "device", (f"{volume.device or ''} {volume.path}".strip(), "text")))
    if filling is not None:
        rows += filling_rows(look, width, filling)
    if volume.error:
        rows.append(fact(look, width, "error", (volume.error, "warning")))
    return rows


def filling_rows(look: Look, width: int, filling: Filling) -> list[Row]:
    """How fast it grows, when it is full, and what that is taken from."""
    rows = []
    if filling.bytes_per_day is not None:
        rows.append(fact(look, width, "grows", (f"{numbers.growth(filling.bytes_per_day)} a day", "text")))
    if filling.full_in is not None:
        rows.append(fact(look, width, "full in", (full_in(filling.full_in), filling_role(filling))))
    if filling.basis:
        rows += wrapped_fact(look, width, "basis", filling.basis, "muted", 3)
    return rows


def source_rows(look: Look, width: int, source: SourceStatus, now: float) -> list[Row]:
    """What a source said last, and why it does not answer."""
    rows = []
    state = source.state.value + (f": {source.failure.value}" if source.failure else "")
    if source.failing_since is not None:
        state += f", for {numbers.duration(max(0.0, now - source.failing_since))}"
    rows.append(fact(look, width, "state", (state, "text")))
    if source.error:
        rows += wrapped_fact(look, width, "why", source.error, "text", 3)
    if source.as_of is not None:
        ago = numbers.age(max(0.0, now - source.as_of))
        rows.append(
            fact(look, width, "last", (f"{look.clock(source.as_of)}, {ago} ago: {source.sees}", "text"))
        )
    if source.where:
        rows.append(fact(look, width, "where", (source.where, "text")))
    return rows


def memory_facts(look: Look, width: int, snapshot: Snapshot) -> list[Row]:
    """Memory, swap and stalls of the host."""
    host = snapshot.host
    if host is None:
        return []
    rows = []
    if host.memory is not None:
        filled, rest = look.signs.gauge(host.memory.used_ratio, min(40, width - 20))
        used = (f" {numbers.percent(host.memory.used_ratio)}", "strong")
        rows.append(fact(look, width, "used", (filled, "bar"), (rest, "bar_rest"), used))
        words = f"{numbers.size(host.memory.available_bytes)} free of {numbers.size(host.memory.total_bytes)}"
        rows.append(fact(look, width, "size", (words, "text")))
    if host.swap is not None and host.swap.total_bytes:
        pair = numbers.size_pair(host.swap.used_bytes, host.swap.total_bytes)
        rows.append(fact(look, width, "swap", (pair, "text")))
    if host.psi_memory_full_avg10:
        words = f"everything waited for memory {host.psi_memory_full_avg10:.1f}% of the last 10s"
        rows.append(fact(look, width, "stalled", (words, "warning")))
    return rows


def _standing(alert: Alert, now: float) -> str:
    if alert.state is AlertState.RESOLVED:
        if alert.ended_at is None:
            return "ended"
        whole = numbers.duration(max(0.0, alert.ended_at - alert.since))
        return f"ended {numbers.age(max(0.0, now - alert.ended_at))} ago after {whole}"
    if alert.state is AlertState.NO_DATA:
        return f"no data, {lasting(alert, now)}"
    return f"{alert.state.value} {lasting(alert, now)}" if not alert.taken else alert.state.value


def _rule(alert: Alert) -> str:
    threshold = alert.threshold
    if alert.rule == RETENTION:
        return "logs and metrics reach back as far as they should"
    if threshold is None:
        return alert.rule
    limit = numbers.percent(threshold)
    match alert.rule:
        case "failure_rate":
            over = f" over {numbers.duration(alert.window_seconds)}" if alert.window_seconds else ""
            return f"failed / finished runs{over}, surely above {limit}"
        case "memory":
            return f"memory of the host used, above {limit}"
        case "storage":
            what = "inodes" if dict(alert.labels).get("resource") == "inodes" else "space"
            return f"{what} used, above {limit}"
        case "source_down":
            return f"no answer for {numbers.duration(threshold)}"
        case _:
            return f"{alert.rule} above {limit if alert.unit == 'ratio' else numbers.count(threshold)}"


def _now(look: Look, width: int, snapshot: Snapshot, alert: Alert) -> Row:
    label = "last" if alert.state in (AlertState.RESOLVED, AlertState.NO_DATA) else "now"
    _sign, role = look.alert_sign(alert)
    if alert.rule != "failure_rate" or alert.value is None:
        return fact(look, width, label, (alert.summary, "strong"), right=_peak(alert))
    parts: list[Part] = [(numbers.percent(alert.value), role)]
    sure = list(_counted(alert))
    if sure:
        parts.append((f"  ({'; '.join(sure)})", "text"))
    usual = next((one.usual for one in snapshot.workflows if one.name == alert.workflow), None)
    words = usual_errors(usual)
    return fact(look, width, label, *parts, right=(words, "muted") if words else _peak(alert))


def _counted(alert: Alert) -> Iterator[str]:
    if alert.failed is None or not alert.n:
        return
    window = f" in {numbers.duration(alert.window_seconds)}" if alert.window_seconds else ""
    yield f"{numbers.count(alert.failed)} of {numbers.count(alert.n)}{window}"
    if alert.open and 0 < alert.failed <= alert.n:
        bound = lower_bound(alert.failed, alert.n, Z99)
        steps = 1_000 if bound < 0.1 else 100  # rounded down, as far as it is written
        yield f"99% sure it is over {numbers.percent(floor(bound * steps) / steps)}"


def _peak(alert: Alert) -> Part | None:
    if alert.peak is None or alert.unit != "ratio" or alert.peak == alert.value:
        return None
    return f"peak {numbers.percent(alert.peak)}", "muted"


def _who(frame: Frame, snapshot: Snapshot, alert: Alert, by: str) -> Row:
    look, width = frame.look, frame.width
    right = (f"runbook: {alert.runbook}", "text") if alert.runbook else None
    ack = alert.ack
    if alert.unsaved:
        parts: list[Part] = [(f"NOT SAVED: {alert.unsaved}", "refusal")]
    elif ack is not None:
        end = "until it ends" if ack.until is None else f"until {look.minute(ack.until, frame.now)}"
        parts = [(ack.by, "acked"), (f" since {look.minute(ack.at, frame.now)}, {end}", "text")]
    elif alert.taken:
        parts = [(alert.state.value, "acked")]
    elif not alert.open:
        parts = [(who_had(alert, snapshot.acks_shared), "text")]
    elif snapshot.acks_shared:
        parts = [("nobody has it", "strong")]
    else:
        parts = [("not acked", "strong"), (f"  acks private to {by or snapshot.collector.user}", "muted")]
    return fact(look, width, "who", *parts, right=right)
