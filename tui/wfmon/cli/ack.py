"""``wfmon-tui ack``, ``unack``, ``snooze`` and ``note``: what a person does with an alert, from any shell."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import tzinfo

from wfmon.cli.options import Options
from wfmon.config import schema
from wfmon.model.alert import Ack
from wfmon.model.episode import EpisodeRecord
from wfmon.store.acks import AckStore
from wfmon.store.errors import AckError
from wfmon.store.identity import who
from wfmon.store.opening import open_store
from wfmon.text.numbers import day_clock, find_zone


def run(options: Options) -> int:
    """0 when it is stored; 1 if the alert is gone, somebody else has it (who is named; not for a note), or
    nothing could be saved."""
    change = _CHANGES[options.command]
    config = options.load_config().config
    with opened(config, read_only=options.read_only) as store:
        try:
            me = who(os.environ, config.user.name)
            print(change(options, store, me, time.time(), find_zone(config.ui.timezone)))
        except AckError as error:
            print(f"wfmon-tui: {error}", file=sys.stderr)
            return 1
    return 0


def _ack(options: Options, store: AckStore, me: str, now: float, zone: tzinfo | None) -> str:
    held = store.ack(options.alert_id, me, now, seconds=options.for_seconds, comment=options.comment)
    return f"{named(held.episode)}: {held.ack.by} has it {_until(held.ack, now, zone)}"


def _unack(options: Options, store: AckStore, me: str, now: float, zone: tzinfo | None) -> str:
    held = store.find(options.alert_id, now).ack
    gave = f"{named(store.unack(options.alert_id, me, now))}: nobody has it now"
    if held is None or not held.shared or held.muted_until is None:
        return gave
    latest = day_clock(held.muted_until, now, zone)
    return f"{gave}; {held.via} mutes it until whoever collects has taken that back, {latest} at the latest"


def _snooze(options: Options, store: AckStore, me: str, now: float, zone: tzinfo | None) -> str:
    held = store.snooze(options.alert_id, me, now, options.for_seconds, options.comment)
    return f"{named(held.episode)}: {held.ack.by} has put it off {_until(held.ack, now, zone)}"


def _note(options: Options, store: AckStore, me: str, now: float, zone: tzinfo | None) -> str:
    del zone
    return f"{named(store.note(options.alert_id, me, now, options.text))}: note saved"


Change = Callable[[Options, AckStore, str, float, tzinfo | None], str]
_CHANGES: dict[str, Change] = {"ack": _ack, "unack": _unack, "snooze": _snooze, "note": _note}


def _until(ack: Ack, now: float, zone: tzinfo | None) -> str:
    if ack.until is None:
        return "until it is resolved, or until it gets worse"
    return f"until {day_clock(ack.until, now, zone)}"


def named(episode: EpisodeRecord) -> str:
    """An alert in a line: id, rule and what it is about."""
    return f"{episode.id} {episode.rule} {subject(episode)}".rstrip()


def subject(episode: EpisodeRecord) -> str:
    """The workflow, else what the labels say."""
    return episode.workflow or " ".join(value for _, value in episode.labels)


@contextmanager
def opened(config: schema.Config, *, read_only: bool) -> Iterator[AckStore]:
    """The store; what a person should know of its file goes to standard error."""
    store = open_store(config, os.environ, read_only=read_only)
    try:
        yield store
    finally:
        for note in store.notes:
            print(f"wfmon-tui: {note}", file=sys.stderr)
        store.close()
