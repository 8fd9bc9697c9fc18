"""What was used: tokens and money, summed up per field."""

from __future__ import annotations

from wfmon.model.run import Usage
from wfmon.sources.logfiles.event import Event

_FIELDS = ("input", "output", "cached", "cache_write", "reasoning", "total", "cost")


class UsageSum:
    """Sums per field; None until a line names it. ``empty``: surely none is named."""

    __slots__ = ("empty", *_FIELDS)

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.input: int | None = None
        self.output: int | None = None
        self.cached: int | None = None
        self.cache_write: int | None = None
        self.reasoning: int | None = None
        self.total: int | None = None
        self.cost: float | None = None
        self.empty = True

    def add(self, other: Event | UsageSum) -> None:
        if type(other) is UsageSum and other.empty:
            return
        self.empty = False
        for name in _FIELDS:
            value = getattr(other, name)
            if value is not None:
                mine = getattr(self, name)
                setattr(self, name, value if mine is None else mine + value)

    def prefer(self, other: Event | UsageSum) -> None:
        """Take each field that ``other`` names in the place of the sum."""
        self.empty = False
        for name in _FIELDS:
            value = getattr(other, name)
            if value is not None:
                setattr(self, name, value)

    @property
    def tokens(self) -> int | None:
        """The reported total, or input + output where only those are reported."""
        if self.total is not None:
            return self.total
        if self.input is None and self.output is None:
            return None
        return (self.input or 0) + (self.output or 0)

    def usage(self) -> Usage:
        return Usage(
            self.input, self.output, self.cached, self.cache_write, self.reasoning, self.tokens, self.cost
        )


def has_usage(event: Event) -> bool:
    return (
        event.input is not None
        or event.output is not None
        or event.total is not None
        or event.cost is not None
    )
