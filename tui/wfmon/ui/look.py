"""How things look on this screen: theme, signs, and the one zone of all clocks."""

from __future__ import annotations

from datetime import tzinfo

from rich.style import Style

from wfmon.model.alert import Alert, AlertState, Severity
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Level
from wfmon.text import numbers
from wfmon.ui.signs import ASCII, UNICODE, Signs
from wfmon.ui.theme import Theme


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Compared by identity: a new look voids every drawn row."""

    theme: Theme
    signs: Signs
    zone: tzinfo | None

    @property
    def ascii(self) -> bool:
        return self.signs is ASCII

    def style(self, role: str, selected: bool = False) -> Style:
        return (self.theme.selected if selected else self.theme.styles)[role]

    def clock(self, at: float) -> str:
        """``14:03:27`` in the display zone."""
        return numbers.clock(at, self.zone)

    def minute(self, at: float, now: float) -> str:
        """``14:03``, with the day before it when that is not today's."""
        return numbers.day_clock(at, now, self.zone)

    def millis(self, at: float) -> str:
        """``14:03:27.120``."""
        return numbers.clock_millis(at, self.zone)

    def zone_name(self, at: float) -> str:
        """Short name of the display zone at that time, for line 1."""
        return numbers.zone_name(at, self.zone)

    def alert_sign(self, alert: Alert) -> tuple[str, str]:
        """Sign and role of an alert."""
        if alert.state is AlertState.RESOLVED:
            return self.signs.good, "muted"
        if alert.state is AlertState.PENDING:
            return self.signs.dot, "muted"
        if alert.state in (AlertState.SILENCED, AlertState.INHIBITED):
            return self.signs.quiet, "stale"
        if alert.taken:
            return self.signs.acked, "acked"
        if alert.state is AlertState.NO_DATA:
            return self.signs.unknown, "unknown"
        if alert.severity is Severity.CRITICAL:
            return self.signs.critical, "critical"
        if alert.severity is Severity.INFO:
            return self.signs.dot, "text"
        return self.signs.warning, "warning"

    def level_sign(self, level: Level) -> tuple[str, str]:
        """Sign and role of a verdict."""
        match level:
            case Level.CRITICAL:
                return self.signs.critical, "critical"
            case Level.WARNING:
                return self.signs.warning, "warning"
            case Level.UNKNOWN:
                return self.signs.unknown, "unknown"
            case Level.OK:
                return self.signs.good, "good"


def make_look(theme: Theme, *, ascii_only: bool, timezone: str) -> Look:
    """Raises ``ValueError`` for a time zone that nobody knows."""
    return Look(theme, ASCII if ascii_only else UNICODE, numbers.find_zone(timezone))
