"""``wfmon-tui status``: one short line for a status bar.

A bar asks every few seconds, so by default only what somebody already collects is read; that costs no
source a question.
"""

from __future__ import annotations

from wfmon.cli.headless import Look, ask, borrowed
from wfmon.cli.options import Options
from wfmon.model.alert import Alert, Severity
from wfmon.model.snapshot import Level, Snapshot
from wfmon.model.source import SourceState
from wfmon.text.numbers import money, percent
from wfmon.text.sanitize import safe

NOBODY = "wfmon ? nobody collects"
_SIGNS = {Level.OK: "✓", Level.WARNING: "▲", Level.CRITICAL: "✖", Level.UNKNOWN: "?"}
_HEADLINE = 28  # characters of the worst alert's name
_TMUX = {Level.OK: "green", Level.WARNING: "yellow", Level.CRITICAL: "red", Level.UNKNOWN: "magenta"}
_ANSI = {Level.OK: "32", Level.WARNING: "33", Level.CRITICAL: "31", Level.UNKNOWN: "35"}


def run(options: Options) -> int:
    """0 also where alerts fire, because bars show no output of what failed; 1 where nothing is known."""
    config = options.load_config().config
    seen = borrowed(config, options.ad_hoc, unacked=False)
    if seen is None and options.ask:
        seen = ask(config, options.wait, ad_hoc=options.ad_hoc, read_only=True)
    level, text = line(seen)
    print(_coloured(level, text, options.bar))
    return 0 if seen is not None and seen.snapshot is not None else 1


def line(seen: Look | None) -> tuple[Level, str]:
    """The level that colours it, and the text: sign, alerts, then active runs, success and money."""
    if seen is None:
        return Level.UNKNOWN, NOBODY
    if seen.snapshot is None:
        return Level.UNKNOWN, "wfmon ? no source answers"
    snapshot = seen.snapshot
    level = snapshot.verdict.level
    parts = [_SIGNS[level], *_alerts(snapshot), *_figures(snapshot), *_silent(snapshot)]
    return level, " ".join(["wfmon", *parts])


def _alerts(snapshot: Snapshot) -> list[str]:
    """How many there are, and the worst that nobody has."""
    there = [alert for alert in snapshot.alerts if alert.open]
    free = [alert for alert in there if not alert.taken]
    if not free:
        return [f"{len(there)} taken"] if there else []
    worst = max(free, key=lambda alert: alert.severity is Severity.CRITICAL)
    more = f" +{len(there) - 1}" if len(there) > 1 else ""
    return [_name(worst) + more]


def _name(alert: Alert) -> str:
    return safe(f"{alert.rule} {alert.workflow}" if alert.workflow else alert.rule, limit=_HEADLINE)


def _figures(snapshot: Snapshot) -> list[str]:
    """What is known; what is not is not there."""
    totals = snapshot.totals
    parts = []
    if totals.active is not None:
        parts.append(f"{'≥' if totals.active_at_least else ''}{totals.active} act")
    if totals.success_ratio is not None:
        parts.append(f"{percent(totals.success_ratio)} ok")
    if totals.cost_usd_per_hour is not None:
        parts.append(f"{money(totals.cost_usd_per_hour)}/h")
    return parts


def _silent(snapshot: Snapshot) -> list[str]:
    """Sources that do not answer: figures beside them may be old."""
    asked = [source for source in snapshot.sources if source.state is not SourceState.OFF]
    down = [source for source in asked if source.state in (SourceState.DOWN, SourceState.STALE)]
    return [f"{len(down)}/{len(asked)} sources down"] if down else []


def _coloured(level: Level, text: str, bar: str) -> str:
    if bar == "tmux":
        # In tmux a # begins a command or a colour: names come from outside.
        return f"#[fg={_TMUX[level]}]{text.replace('#', '##')}#[default]"
    return f"\x1b[{_ANSI[level]}m{text}\x1b[0m" if bar == "ansi" else text
