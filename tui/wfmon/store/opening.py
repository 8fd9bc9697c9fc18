"""The ack store that the settings ask for."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.config import schema
from wfmon.store.acks import AckStore, AckTerms
from wfmon.store.paths import state_dir


def open_store(config: schema.Config, environ: Mapping[str, str], *, read_only: bool = False) -> AckStore:
    """The acks of the configured state directory; never raises, see ``AckStore.problem``."""
    terms = AckTerms(config.alerts.episode_gap, config.alerts.ack.lease, config.alerts.ack.max)
    return AckStore(state_dir(config.state.dir, environ, make=not read_only), terms, read_only=read_only)
