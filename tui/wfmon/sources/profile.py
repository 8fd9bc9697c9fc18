"""Profiles: which metric means what, as data (metric-catalogue 27).

A profile owns names and meanings only; the operations (delta, rate, quantile) belong to the
sources. ``load_profiles`` reads the shipped ones and reports a wrong file with its name and key.
"""

from __future__ import annotations

import msgspec


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place where a concept may be found. ``metric`` lists alternatives, first existing wins."""

    metric: str | list[str]
    type: str | None = None  # counter gauge histogram native summary timer
    field: str | None = None  # histogram used as counter: count or sum
    by: list[str] | None = None
    match: str = ""
    set: dict[str, str] = {}
    scale: float = 1.0
    agg: str = "sum"
    lazy: bool | str = False
    expr: str | None = None

    @property
    def metrics(self) -> list[str]:
        return [self.metric] if isinstance(self.metric, str) else self.metric


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    name: str
    title: str
    detect: list[str | list[str]]
    prefix: str = ""
    labels: dict[str, list[str]] = {}
    values: dict[str, dict[str, list[str]]] = {}
    names: dict[str, dict[str, str]] = {}
    tokens: dict[str, str] = {}
    signals: dict[str, list[Signal]] = {}
    logs: dict[str, object] = {}
