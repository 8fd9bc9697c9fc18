"""``wfmon-tui acks``: who has what, since when, until when and why; with ``--all`` the audit trail."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import tzinfo

from wfmon.cli.ack import opened, subject
from wfmon.cli.options import Options
from wfmon.cli.table import table
from wfmon.model.episode import AuditEntry, HeldAck
from wfmon.text.numbers import day_clock, find_zone, rfc3339

Row = tuple[str, ...]


def run(options: Options) -> int:
    """0 when it could be read, also when nobody has anything; else 1."""
    config = options.load_config().config
    now, zone = time.time(), find_zone(config.ui.timezone)
    with opened(config, read_only=True) as store:
        held = () if options.all else store.acks(now)
        trail = store.audit() if options.all else ()
        if store.problem is not None:
            print(f"wfmon-tui: acks cannot be read: {store.problem}", file=sys.stderr)
            return 1
    if options.json:
        entries = (
            [_entry_json(entry) for entry in trail] if options.all else [_held_json(each) for each in held]
        )
        print(json.dumps(entries, indent=2, ensure_ascii=False))
    elif options.all:
        _print(
            ("AT", "WHO", "WHAT", "ID", "RULE", "ABOUT", "COMMENT"),
            [_entry(each, now, zone) for each in trail],
        )
    else:
        _print(
            ("ID", "RULE", "WORKFLOW", "WHO", "SINCE", "UNTIL", "COMMENT"),
            [_held(each, now, zone) for each in held],
        )
    return 0


def _print(head: Row, rows: Sequence[Row]) -> None:
    if not rows:
        print("nobody has anything" if head[0] == "ID" else "nothing was ever acked here")
        return
    for line in table([head, *rows], left=len(head)):
        print(line)


def _held(each: HeldAck, now: float, zone: tzinfo | None) -> Row:
    ack, episode = each.ack, each.episode
    until = "it ends" if ack.until is None else day_clock(ack.until, now, zone)
    since = day_clock(ack.at, now, zone)
    return (episode.id, episode.rule, subject(episode) or "–", ack.by, since, until, ack.comment)


def _entry(entry: AuditEntry, now: float, zone: tzinfo | None) -> Row:
    about = " ".join(value for _, value in entry.labels) or "–"
    at = day_clock(entry.at, now, zone)
    return (at, entry.who, entry.what, entry.episode, entry.rule, about, entry.comment)


def _held_json(each: HeldAck) -> dict[str, object]:
    ack, episode = each.ack, each.episode
    return {
        "id": episode.id,
        "rule": episode.rule,
        "workflow": episode.workflow,
        "labels": dict(episode.labels),
        "severity": episode.severity.word,
        "summary": episode.summary,
        "by": ack.by,
        "at": rfc3339(ack.at),
        "until": rfc3339(ack.until),
        "until_resolved": ack.until_resolved,
        "comment": ack.comment,
    }


def _entry_json(entry: AuditEntry) -> dict[str, object]:
    return {
        "at": rfc3339(entry.at),
        "who": entry.who,
        "what": entry.what,
        "id": entry.episode,
        "rule": entry.rule,
        "labels": dict(entry.labels),
        "comment": entry.comment,
        "effect": entry.effect,
    }
