"""Handing an alert on: what is known of it is gathered, put on a card, and given to the clipboard."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

from wfmon.model.alert import Alert
from wfmon.model.log import Level, LogLine, LogRequest, Mark
from wfmon.model.run import Run
from wfmon.ui.handoff import MOST_LINES, Case, card
from wfmon.ui.panes.errortexts import error_patterns
from wfmon.ui.panes.runs import affected, runs_of
from wfmon.ui.views.base import ShellDoor

PATIENCE = 3.0  # seconds that the log may take
EARLIER = 300.0  # seconds before the begin from which lines tell of it


async def hand_off(shell: ShellDoor, alert: Alert) -> None:
    """Copy the card of ``alert`` as it stands on the screen."""
    snapshot, past = shell.snapshot or shell.latest, shell.moment
    if snapshot is None:
        return
    at = shell.now() if past is None else past.at
    runs: list[Run] = []
    if alert.workflow is not None:
        runs, _title = affected(runs_of(snapshot, alert.workflow), alert)
    lines, why = await _error_lines(shell, alert, at)
    case = Case(
        alert,
        snapshot,
        at,
        shell.now(),
        shell.look.zone,
        error_patterns(runs),
        runs,
        lines,
        why,
        logs_command=find_spec("wfmon.cli.logs") is not None,
    )
    shell.hand_over(card(case), f"{alert.rule}-{alert.id}")


async def _error_lines(shell: ShellDoor, alert: Alert, at: float) -> tuple[tuple[LogLine, ...], str]:
    """The last error lines of the workflow, or why there are none."""
    if alert.workflow is None:
        return (), ""
    request = LogRequest(
        workflow=alert.workflow,
        limit=MOST_LINES,
        since=alert.since - EARLIER,
        until=at if shell.moment is not None else None,
        min_level=Level.ERROR,
    )
    try:
        page = await asyncio.wait_for(shell.doors.pages(request), PATIENCE)
    except TimeoutError:
        return (), f"the log did not answer within {PATIENCE:.0f}s"
    lines = tuple(line for line in page.lines if line.mark is Mark.LINE)
    return lines, "" if lines else page.problem or "no error line in the log"
