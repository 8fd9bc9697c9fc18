"""What stands where there is nothing to show, and why."""

from __future__ import annotations

from wfmon.model.discovery import Discovery
from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, blank, cut, rule, wrap

_WAYS = (
    ("wfmon-tui --logs '/var/log/wf/*.jsonl'", "runs from JSON log lines"),
    ("wfmon-tui --scrape http://127.0.0.1:8000/metrics", ""),
    ("wfmon-tui --prometheus http://127.0.0.1:9090", ""),
    ("wfmon-tui demo", "see it with a sample workload"),
)


_NEXT = (
    ("wfmon-tui init", "asks, looks at /metrics, writes a config"),
    ("wfmon-tui --logs '/var/log/wf/*.jsonl'", "or --prometheus URL, --scrape URL"),
    ("wfmon-tui demo", "see it with a sample workload"),
)


def nothing_seen(look: Look, width: int, discovery: Discovery | None = None) -> list[Row]:
    """In place of the workflows, when every source has answered and none knows one."""
    if discovery is not None:
        return nothing_found(look, width, discovery)
    rows = [
        rule(look, width, "Workflows"),
        Line(look, width).add("  Nothing reports runs here yet. Any of these will do:").row(),
    ]
    return rows + [_way(look, width, command, words) for command, words in _WAYS]


def nothing_found(look: Look, width: int, discovery: Discovery) -> list[Row]:
    """As ``nothing_seen``, where no source is named and the host was looked at, or is just now."""
    rows = [rule(look, width, "Workflows")]
    for part in wrap(_why_nothing(discovery), width - 4, 3):
        rows.append(Line(look, width).add("  ").add(part).row())
    if discovery.at is None:
        return rows
    return rows + [_way(look, width, command, words) for command, words in _NEXT]


def _why_nothing(discovery: Discovery) -> str:
    if discovery.at is None:
        return "looking around this host …"
    if discovery.problem is not None:
        return f"This host could not be looked at: {discovery.problem}"
    there = [each.what for each in discovery.found if each.gone_since is None]
    if there:
        return f"Found {', '.join(there)}; no run is known yet. S: what was looked for, and more:"
    return "No source is named, nothing to read was found (S: where was looked). Next:"


def _way(look: Look, width: int, command: str, words: str) -> Row:
    line = Line(look, width).add("    ").add(command, "strong")
    if words:
        line.to(max(line.used + 2, 39)).add(words, "muted")
    return line.row()


def waiting(look: Look, width: int, names: list[str]) -> list[Row]:
    """In place of the workflows, until the sources have answered once."""
    words = f"waiting for {', '.join(names)}" if names else "starting"
    return [rule(look, width, "Workflows"), Line(look, width).add(f"  {words} …", "muted").row()]


def too_small(look: Look, width: int, height: int, min_width: int, min_height: int) -> list[Row]:
    """The whole screen when it cannot hold the monitor."""
    words = (
        f"{width}x{height} is too small: needs {min_width}x{min_height}",
        "make the terminal larger, or: wfmon-tui check",
        "q quits",
    )
    rows = [Line(look, width).add(cut(text, width), "warning").row() for text in words[:height]]
    rows.extend(blank(look, width) for _ in range(height - len(rows)))
    return rows
