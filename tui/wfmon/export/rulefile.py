"""A rule file of Prometheus, as text."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence

from wfmon.model.record import dataclass, field

_WIDTH = 110
_BLANKS = re.compile(r"\s{2,}|[^\S ]")


@dataclass(frozen=True, slots=True)
class Recording:
    name: str
    expr: str


@dataclass(frozen=True, slots=True)
class Alerting:
    """``for_seconds`` and ``keep_seconds`` (``keep_firing_for``, Prometheus 2.42 and newer); 0: none."""

    name: str
    expr: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    for_seconds: float = 0.0
    keep_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Group:
    """``why``: lines of comment above it."""

    name: str
    interval: float
    rules: Sequence[Recording | Alerting]
    why: Sequence[str] = field(default_factory=tuple)


def yaml(groups: Sequence[Group], head: Sequence[str]) -> str:
    """The file; strings are JSON's, which YAML reads as its own."""
    lines = [_comment(line) for line in head]
    lines.append("groups:")
    for group in groups:
        lines += ["", *(f"  {_comment(line)}" for line in group.why)]
        lines += [f"  - name: {group.name}", f"    interval: {duration(group.interval)}", "    rules:"]
        for rule in group.rules:
            lines += _recording(rule) if isinstance(rule, Recording) else _alerting(rule)
    return "\n".join(lines) + "\n"


def duration(seconds: float) -> str:
    """A duration as Prometheus writes it, in the largest unit that says it whole."""
    milliseconds = max(1, round(seconds * 1000))
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _comment(text: str) -> str:
    return f"# {text}" if text else "#"


def _recording(rule: Recording) -> list[str]:
    return [f"      - record: {rule.name}", *_expr(rule.expr)]


def _alerting(rule: Alerting) -> list[str]:
    lines = [f"      - alert: {rule.name}", *_expr(rule.expr)]
    if rule.for_seconds:
        lines.append(f"        for: {duration(rule.for_seconds)}")
    if rule.keep_seconds:
        lines.append(f"        keep_firing_for: {duration(rule.keep_seconds)}")
    for title, table in (("labels", rule.labels), ("annotations", rule.annotations)):
        lines.append(f"        {title}:")
        lines += [f"          {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
    return lines


def _expr(text: str) -> list[str]:
    """A folded block: a line break is one blank, so the expression may be broken at any. More in a row, in
    the name of a workflow, are written as escapes of PromQL."""
    whole = _BLANKS.sub(lambda found: "".join(f"\\u{ord(each):04x}" for each in found[0]), text)
    broken = textwrap.wrap(whole, _WIDTH - 10, break_long_words=False, break_on_hyphens=False)
    return ["        expr: >-", *(f"          {line}" for line in broken)]
