"""The ack store that the settings ask for."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.config import schema
from wfmon.model.settings import WakeSettings
from wfmon.store.acks import AckStore
from wfmon.store.paths import state_dir
from wfmon.store.terms import AckTerms


def open_store(
    config: schema.Config,
    environ: Mapping[str, str],
    *,
    read_only: bool = False,
    lane: str = "",
    wake: WakeSettings | None = None,
) -> AckStore:
    """The acks of the configured state directory; never raises, see ``AckStore.problem``.

    ``lane``: whose episodes are told (``Lane.name``); ``wake``: for who tells it what fires.
    """
    ack = config.alerts.ack
    terms = AckTerms(config.alerts.episode_gap, ack.lease, ack.max, wake or WakeSettings())
    state = state_dir(config.state.dir, environ, make=not read_only)
    return AckStore(state, terms, read_only=read_only, lane=lane)
