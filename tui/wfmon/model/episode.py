"""Episodes of alerts as the store keeps them, shared by everybody on one state directory."""

from __future__ import annotations

from wfmon.model.alert import Ack, Labels, Note, Severity
from wfmon.model.record import dataclass

EpisodeKey = tuple[str, Labels]  # rule, labels


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A rule that cannot say anything of its subject now, with the reason in words.

    ``learning``: it needs a baseline or a window that is not there yet (``no baseline (n=7)``): it is
    quiet, and the present is not unknown for that.
    """

    key: EpisodeKey
    workflow: str | None
    text: str
    learning: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """An alert that fires now, as it is told to the store.

    ``id`` is the provisional id; the store uses it for a new episode and ignores it when it
    continues one that it knows.
    """

    id: str
    rule: str
    labels: Labels
    severity: Severity
    summary: str
    since: float
    since_at_least: bool
    workflow: str | None = None
    value: float | None = None
    threshold: float | None = None
    peak: float | None = None
    n: float | None = None
    failed: float | None = None
    unit: str = "ratio"
    flaps: int = 0
    low: float | None = None
    mean: float | None = None
    samples: int = 0
    members: tuple[str, ...] = ()
    contributors: tuple[str, ...] = ()
    source: str = "wfmon"

    @property
    def key(self) -> EpisodeKey:
        return (self.rule, self.labels)


@dataclass(frozen=True, slots=True)
class PastEpisode:
    """An episode as data tell of it that nobody looked at then; ``ended_at`` None: it fires still. The id
    of the sighting is that of the store's episode that it goes on from, if any."""

    sighting: Sighting
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class EpisodeRecord:
    """What the store knows of an episode. ``ended_at`` None: it was firing when last seen.

    ``ack`` is the ack in force at the time of asking, if any. ``peak`` is the worst value of the
    episode, ``n`` and ``failed`` are the runs behind it.
    """

    id: str
    rule: str
    labels: Labels
    severity: Severity
    summary: str
    began_at: float
    began_at_least: bool
    last_seen_at: float
    ended_at: float | None = None
    workflow: str | None = None
    ack: Ack | None = None
    value: float | None = None
    threshold: float | None = None
    peak: float | None = None
    n: float | None = None
    failed: float | None = None
    unit: str = "ratio"
    flaps: int = 0
    low: float | None = None
    mean: float | None = None
    samples: int = 0
    members: tuple[str, ...] = ()
    contributors: tuple[str, ...] = ()
    source: str = "wfmon"
    notes: tuple[Note, ...] = ()

    @property
    def key(self) -> EpisodeKey:
        return (self.rule, self.labels)


@dataclass(frozen=True, slots=True)
class HeldAck:
    """One ack in force and the episode that it belongs to."""

    episode: EpisodeRecord
    ack: Ack


@dataclass(frozen=True, slots=True)
class EndedEpisode:
    """An episode that is over. ``had`` names everybody who ever had it, in order; empty: nobody."""

    record: EpisodeRecord
    had: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """Somebody said at ``at`` that what a workflow does now is its new normal; what was before ``since``
    no longer tells what is usual."""

    workflow: str
    since: float
    at: float
    by: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the append-only trail. ``effect`` is what it did: ``local`` or why nothing."""

    at: float
    who: str
    what: str
    episode: str
    rule: str
    labels: Labels
    comment: str
    effect: str
