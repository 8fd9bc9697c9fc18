"""The state of a source, as a fact among others."""

from __future__ import annotations

from enum import StrEnum

from wfmon.model.record import dataclass


class SourceState(StrEnum):
    """``OFF``: configured but not asked (for instance read-only host without rights)."""

    WAITING = "waiting"  # not yet answered; told as ``stale`` outside
    OK = "ok"
    STALE = "stale"
    DOWN = "down"
    OFF = "off"


class Failure(StrEnum):
    """Why a source did not answer, in one word that a person knows."""

    REFUSED = "refused"
    TIMEOUT = "slow"
    AUTH = "wrong auth"
    NOT_FOUND = "not found"
    HTTP = "http error"
    NOT_JSON = "not JSON"
    NOT_METRICS = "not metrics"
    TOO_LARGE = "too large"
    BAD_DATA = "bad data"
    PERMISSION = "no permission"
    MISSING = "no file"
    NETWORK = "unreachable"
    INTERNAL = "error in wfmon-tui"


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One row of the sources screen.

    ``as_of`` is when the last good answer was true; ``sees`` and ``missing`` are in words.
    ``failing_since`` is when it stopped answering. ``about``: what else is known of it (its version, its
    clock), a line each. ``apart``: which of its figures are in no total, in words. ``formulas``: by figure,
    how it is got from this source (PromQL, or the metric and its operation), for ``i``.
    """

    name: str
    kind: str
    state: SourceState
    profile: str | None = None
    as_of: float | None = None
    latency_seconds: float | None = None
    interval_seconds: float | None = None
    failure: Failure | None = None
    error: str | None = None
    failing_since: float | None = None
    sees: str = ""
    missing: tuple[str, ...] = ()
    where: str = ""
    about: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    formulas: tuple[tuple[str, str], ...] = ()
