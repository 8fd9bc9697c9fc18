"""The rules of a snapshot: ours, each with how it does, and what other systems tell of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from wfmon.model.record import replace
from wfmon.model.ruleinfo import RuleInfo

if TYPE_CHECKING:
    from wfmon.model.foreign import ForeignAlerts


class RuleList:
    """``own`` tells our rules, once, when they are first asked for."""

    def __init__(self, own: Callable[[], tuple[RuleInfo, ...]] = tuple) -> None:
        self._own = own
        self._rules: tuple[RuleInfo, ...] | None = None
        self._last: tuple[Mapping[str, str], tuple[ForeignAlerts, ...], tuple[RuleInfo, ...]] | None = None

    def told(self, failures: Mapping[str, str], foreign: tuple[ForeignAlerts, ...]) -> tuple[RuleInfo, ...]:
        """The same object while nothing changed. ``failures``: why rules of ours failed, by name."""
        last = self._last
        if last is not None and last[0] == failures and _same(last[1], foreign):
            return last[2]
        if self._rules is None:
            self._rules = self._own()
        rules = tuple(
            replace(rule, health="err", error=failures[rule.name]) if rule.name in failures else rule
            for rule in self._rules
        )
        if foreign:
            from wfmon.analysis.foreignrules import rule_infos

            rules += rule_infos(foreign)
        if last is not None and last[2] == rules:
            rules = last[2]
        self._last = (dict(failures), foreign, rules)
        return rules


def _same(before: tuple[ForeignAlerts, ...], after: tuple[ForeignAlerts, ...]) -> bool:
    return len(before) == len(after) and all(old is new for old, new in zip(before, after, strict=True))
