"""``wfmon-tui check``: the verdict in one line, and its exit code."""

from __future__ import annotations

import json
import sys

from wfmon.analysis.verdict import exit_code
from wfmon.cli.contract import alert_json
from wfmon.cli.headless import look
from wfmon.cli.options import Options
from wfmon.model.snapshot import Level, Snapshot


def run(options: Options) -> int:
    """Exit code 0 ok, 1 warning, 2 critical, 3 unknown."""
    seen = look(
        options.load_config().config,
        options.wait,
        ad_hoc=options.ad_hoc,
        read_only=options.read_only,
        unacked=options.unacked,
    )
    for problem in seen.unkept:
        print(f"wfmon-tui: not kept for the next check: {problem}", file=sys.stderr)
    if seen.snapshot is None:
        text = f"no source answered within {options.wait:g}s"
        print(json.dumps({"level": Level.UNKNOWN, "text": text, "alerts": []}) if options.json else text)
        return exit_code(Level.UNKNOWN)
    verdict = seen.snapshot.verdict
    print(_json(seen.snapshot) if options.json else _line(seen.snapshot))
    return exit_code(verdict.level)


def _line(snapshot: Snapshot) -> str:
    """The sentence, with the id that ``ack`` takes."""
    verdict = snapshot.verdict
    ack = f" [{verdict.alert_id}]" if verdict.alert_id else ""
    return f"{verdict.level.upper()}: {verdict.text}{ack}"


def _json(snapshot: Snapshot) -> str:
    verdict = snapshot.verdict
    open_alerts = [alert_json(alert) for alert in snapshot.alerts if alert.open]
    return json.dumps({"level": verdict.level, "text": verdict.text, "alerts": open_alerts})
