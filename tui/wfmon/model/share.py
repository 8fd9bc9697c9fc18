"""Acks that an Alertmanager knows too: each is a silence there, and a row in ``acks.db`` that tells how far
it has come."""

from __future__ import annotations

from enum import StrEnum

from wfmon.model.alert import Labels
from wfmon.model.record import dataclass

ACK_PREFIX = "ACK!"  # karma, kthxbye and we know a silence that is an ack by how its comment begins
NO_COMMENT = "acknowledged"


class ShareState(StrEnum):
    """``LOST``: the silence is no longer ours (another hand, or it ended by itself); ``REFUSED``: it never
    was set."""

    ASKED = "asked"
    HELD = "held"
    RELEASING = "releasing"
    RELEASED = "released"
    LOST = "lost"
    REFUSED = "refused"

    @property
    def open(self) -> bool:
        """Whether something is still to be done about it."""
        return self in (ShareState.ASKED, ShareState.HELD, ShareState.RELEASING)


@dataclass(frozen=True, slots=True)
class Share:
    """One ack to be shared. ``via``: the name of the Alertmanager source; ``matchers``: the alert's labels
    there, safe to show; ``problem``: why it is not as it was asked for, in words.

    ``asked_at`` and ``ends_at`` are POSIX seconds by our clock. ``updated_at`` (how the silence was left by
    us) and ``wanted_end`` (the end that we were about to give it: None when no question is under way) are
    by the Alertmanager's clock, to the millisecond.
    """

    number: int
    episode: str
    via: str
    matchers: Labels
    by: str
    asked_at: float
    state: ShareState
    silence: str | None = None
    ends_at: float | None = None
    updated_at: float | None = None
    wanted_end: float | None = None
    problem: str | None = None


def mark(episode: str) -> str:
    """How the comment of a silence of ours ends."""
    return f"(wfmon {episode})"


def share_comment(text: str, episode: str) -> str:
    """The comment of a silence that shares an ack with the comment ``text``."""
    return f"{ACK_PREFIX} {text.strip() or NO_COMMENT} {mark(episode)}"
