"""How the operations view shares out its rows."""

from __future__ import annotations

from wfmon.model.record import dataclass
from wfmon.ui.panes.alerts import MOST_ROWS

LEAST_WORKFLOWS = 4
USUAL_BOTTOM = 5
HEADS = 2  # title and column heads of the workflow table


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows of each pane, without titles. ``bottom`` 0: the panes at the bottom are left out."""

    alerts: int
    workflows: int
    bottom: int


def plan(height: int, alerts: int, workflows: int, bottom: int) -> Plan:
    """``height`` rows for so many alerts, workflows and lines at the bottom.

    The alerts take what they need up to their most; the workflows keep ``LEAST_WORKFLOWS`` rows.
    """
    least = HEADS + min(LEAST_WORKFLOWS, max(1, workflows))
    shown = min(alerts, MOST_ROWS)
    while shown > 1 and _block(shown, alerts) + least > height:
        shown -= 1
    left = height - _block(shown, alerts)
    low = max(0, min(bottom, USUAL_BOTTOM, left - least - 1))
    if low < 2:
        return Plan(shown, max(1, min(workflows, left - HEADS)), 0)
    table = max(1, min(workflows, left - HEADS - 1 - low))
    return Plan(shown, table, min(bottom, left - HEADS - table - 1))


def _block(shown: int, alerts: int) -> int:
    """Rows of the alert pane with its title and the line that counts the rest."""
    return (1 + shown + (alerts > shown)) if alerts else 0
