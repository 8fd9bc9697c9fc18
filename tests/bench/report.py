"""Figures beside the bars they are held against, as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that has to be at most ``limit``; ``aim`` is what one would like, if anything.

    ``sure``: it does not depend on how fast or busy the machine is, so that a test may insist on it.
    """

    name: str
    value: float
    limit: float | None
    show: Callable[[float], str]
    aim: float | None = None
    sure: bool = False

    @property
    def holds(self) -> bool:
        return self.limit is None or self.value <= self.limit

    def row(self) -> str:
        limit = "" if self.limit is None else f"<= {self.show(self.limit)}"
        aim = "" if self.aim is None else self.show(self.aim)
        verdict = "" if self.limit is None else "yes" if self.holds else "**no**"
        return f"| {self.name} | {self.show(self.value)} | {limit} | {aim} | {verdict} |"


def table(bars: Sequence[Bar]) -> str:
    head = "\n| figure | measured | bar | aim | holds |\n|---|---|---|---|---|\n"
    return head + "\n".join(bar.row() for bar in bars)


def insist(bars: Sequence[Bar]) -> None:
    """Fails for each bar that is sure and does not hold."""
    missed = [bar.row() for bar in bars if bar.sure and not bar.holds]
    assert not missed, "\n".join(missed)


def seconds(value: float) -> str:
    return f"{value:.3f} s"


def millis(value: float) -> str:
    return f"{1000 * value:.1f} ms"


def ratio(value: float) -> str:
    return f"{value:.2f}x"


def share(value: float) -> str:
    return f"{100 * value:.2f} %"


def kilobytes(value: float) -> str:
    return f"{value / 1000:.2f} kB"


def per_second(value: float) -> str:
    return f"{value / 1000:.2f} kB/s"


def mebibytes(value: float) -> str:
    return f"{value / 2**20:.1f} MiB"


def count(value: float) -> str:
    return f"{value:,.0f}"
