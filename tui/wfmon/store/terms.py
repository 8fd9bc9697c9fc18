"""How long acks hold, what wakes them, and how episodes are joined."""

from __future__ import annotations

from wfmon.model.record import dataclass
from wfmon.model.settings import WakeSettings


@dataclass(frozen=True, slots=True)
class AckTerms:
    """``gap_seconds``: see ``EpisodeSettings``; ``lease_seconds``: how long an ack holds unless it
    says otherwise; ``max_seconds``: the longest that an ack or a snooze with an end may."""

    gap_seconds: float = 600.0
    lease_seconds: float = 3600.0
    max_seconds: float = 8 * 3600.0
    wake: WakeSettings = WakeSettings()
