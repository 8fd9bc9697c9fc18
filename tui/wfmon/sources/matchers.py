"""Label matchers as a profile writes them: ``mode!="manual",job=~".*proxy.*"`` (PromQL's syntax)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wfmon.model.record import dataclass

_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(,|$)')
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Matcher:
    """``pattern`` is a text, or matches the whole value; an absent label is the empty value."""

    label: str
    pattern: re.Pattern[str] | str
    wanted: bool

    def accepts(self, labels: Mapping[str, str]) -> bool:
        value, pattern = labels.get(self.label, ""), self.pattern
        matches = value == pattern if isinstance(pattern, str) else pattern.fullmatch(value) is not None
        return matches is self.wanted


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Raises ``ValueError`` with the part that is not a matcher."""
    matchers: list[Matcher] = []
    at = 0
    while at < len(text) and text[at:].strip():
        found = _MATCHER.match(text, at)
        if found is None:
            raise ValueError(f"not a label matcher: {text[at:].strip()!r}")
        label, operator, quoted, _ = found.groups()
        value = _ESCAPE.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], quoted)
        try:
            pattern = re.compile(value, re.DOTALL) if "~" in operator else value
        except re.error as error:
            raise ValueError(f"not a regular expression: {value!r} ({error})") from error
        matchers.append(Matcher(label, pattern, wanted="!" not in operator))
        at = found.end()
    return tuple(matchers)


def accepts_all(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> bool:
    for matcher in matchers:  # noqa: SIM110 (asked of every series: a generator costs more than the question)
        if not matcher.accepts(labels):
            return False
    return True
