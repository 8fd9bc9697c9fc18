"""What stands where there is nothing to show, and why."""

from __future__ import annotations

from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, blank, cut, rule

_WAYS = (
    ("wfmon-tui --logs '/var/log/wf/*.jsonl'", "runs from JSON log lines"),
    ("wfmon-tui --scrape http://127.0.0.1:8000/metrics", ""),
    ("wfmon-tui --prometheus http://127.0.0.1:9090", ""),
    ("wfmon-tui demo", "see it with a sample workload"),
)


def nothing_seen(look: Look, width: int) -> list[Row]:
    """In place of the workflows, when every source has answered and none knows one."""
    rows = [
        rule(look, width, "Workflows"),
        Line(look, width).add("  Nothing reports runs here yet. Any of these will do:").row(),
    ]
    for command, words in _WAYS:
        line = Line(look, width).add("    ").add(command, "strong")
        if words:
            line.to(max(line.used + 2, 39)).add(words, "muted")
        rows.append(line.row())
    return rows


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
