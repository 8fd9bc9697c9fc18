"""``wfmon-tui acks``: who has what, for how long, what wakes it and why; with ``--all`` the audit trail."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import tzinfo

from wfmon.cli.ack import opened, subject
from wfmon.cli.contract import ack_json, note_json
from wfmon.cli.options import Options
from wfmon.cli.table import table
from wfmon.model.alert import Ack
from wfmon.model.episode import AuditEntry, HeldAck
from wfmon.text.numbers import age, day_clock, find_zone, rfc3339

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
            [_entry_json(entry) for entry in trail]
            if options.all
            else [_held_json(each, now) for each in held]
        )
        print(json.dumps(entries, indent=2, ensure_ascii=False))
    elif options.all:
        _print(
            ("AT", "WHO", "WHAT", "ID", "RULE", "ABOUT", "EFFECT", "COMMENT"),
            [_entry(each, now, zone) for each in trail],
        )
    else:
        _print(
            ("ID", "RULE", "WORKFLOW", "STATE", "WHO", "AGE", "NEXT", "COMMENT"),
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
    return (
        episode.id,
        episode.rule,
        subject(episode) or "–",
        "snoozed" if ack.snooze else "acked",
        ack.by,
        age(now - ack.at),
        _next(ack, now, zone),
        ack.comment,
    )


def _next(ack: Ack, now: float, zone: tzinfo | None) -> str:
    """When it comes back at the latest, and who else is kept from being told."""
    wakes = "when it gets worse" if ack.until is None else day_clock(ack.until, now, zone)
    if ack.problem is not None:
        return f"wakes {wakes}; {ack.via}: {ack.problem}"
    if ack.shared:
        return f"wakes {wakes}; muted by {ack.via}"
    return f"wakes {wakes}; {ack.via} is asked to mute it" if ack.via else f"wakes {wakes}"


def _entry(entry: AuditEntry, now: float, zone: tzinfo | None) -> Row:
    about = " ".join(value for _, value in entry.labels if value != entry.rule) or "–"
    at = day_clock(entry.at, now, zone)
    return (at, entry.who, entry.what, entry.episode, entry.rule, about, entry.effect, entry.comment)


def _held_json(each: HeldAck, now: float) -> dict[str, object]:
    episode = each.episode
    return {
        "id": episode.id,
        "rule": episode.rule,
        "workflow": episode.workflow,
        "labels": dict(episode.labels),
        "severity": episode.severity.word,
        "summary": episode.summary,
        **ack_json(each.ack),
        "age_seconds": max(0.0, now - each.ack.at),
        "notes": [note_json(note) for note in episode.notes],
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
