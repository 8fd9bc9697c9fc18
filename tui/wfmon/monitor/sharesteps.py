"""What is to be done next about a shared ack: pure, so that every case can be tried.

A silence is ours if the row names it, or if it carries the mark of the episode, the person's name and the
very end that the row says we were about to give it (two hosts may see one alert as an episode of one id). It
is as we left it while its ``updatedAt`` is what the row says, or while it has just got the end that we
wanted; any other change is by another hand, and then it is theirs: neither extended nor taken back.
"""

from __future__ import annotations

from datetime import tzinfo
from enum import Enum

from wfmon.model.alert import Ack, Alert, AlertState
from wfmon.model.foreign import Silence
from wfmon.model.record import dataclass
from wfmon.model.share import ACK_PREFIX, Share, ShareState, mark
from wfmon.text.numbers import clock, duration

_MILLISECOND = 0.0015
_WORTH = 1.0  # seconds that a silence must gain
_SLACK = 2.0  # seconds that a silence may end later than we think


class Standing(Enum):
    """What is known of the alert now."""

    FIRING = "firing"
    UNKNOWN = "unknown"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Terms:
    """In seconds. A silence of ``duration`` is extended when less than ``extend`` of it is left, until
    ``longest`` after it was asked for. ``zone`` (None: local) is that of the clocks in words."""

    duration: float
    extend: float
    longest: float
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """``now``: POSIX seconds by our clock, ``ahead``: how far the server's clock is ahead of it. ``jitter``:
    0..1 s, so that two hosts want different ends."""

    share: Share
    ack: Ack | None
    standing: Standing
    terms: Terms
    now: float
    ahead: float = 0.0
    jitter: float = 0.0

    @property
    def limit(self) -> float:
        """No silence may end later than this (our clock)."""
        until = self.ack.until if self.ack is not None else self.now
        longest = self.share.asked_at + self.terms.longest
        return longest if until is None else min(until, longest)

    @property
    def wanted(self) -> bool:
        return (
            self.share.state in (ShareState.ASKED, ShareState.HELD)
            and self.ack is not None
            and self.standing is not Standing.OVER
            and self.limit - self.now > _WORTH
        )

    @property
    def promised(self) -> float | None:
        """Until when (our clock) there may be a silence of ours; None: there never was one."""
        ends = [self.share.ends_at] if self.share.ends_at is not None else []
        if self.share.wanted_end is not None:
            ends.append(self.share.wanted_end - self.ahead)
        return max(ends, default=None)

    def at(self, theirs: float) -> str:
        """A time of the server's in words."""
        return self.our(theirs - self.ahead)

    def our(self, at: float) -> str:
        return clock(at, self.terms.zone, seconds=False)


@dataclass(frozen=True, slots=True)
class Sight:
    """What the Alertmanager says. ``active``: the active silences with exactly these labels; ``kept``: the
    one that the row names, in whatever state; ``known``: there is such an alert (only asked where no silence
    is)."""

    active: tuple[Silence, ...]
    kept: Silence | None = None
    known: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing now; ``problem``: what to tell meanwhile."""

    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Create:
    ends_at: float  # by the server's clock, as in ``Extend``


@dataclass(frozen=True, slots=True)
class Extend:
    silence: str
    ends_at: float


@dataclass(frozen=True, slots=True)
class Hold:
    """It is there as we want it; ``spare``: more of ours, to be taken back."""

    silence: Silence
    spare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskAgain:
    problem: str


@dataclass(frozen=True, slots=True)
class End:
    """It is over once ``withdraw`` (silence ids) are taken back."""

    state: ShareState
    problem: str | None = None
    withdraw: tuple[str, ...] = ()


Step = Wait | Create | Extend | Hold | AskAgain | End


def standing_of(alert: Alert | None, ended_at: float | None) -> Standing:
    """``alert`` None: it is not among those that are told; ``ended_at``: what the store knows."""
    if alert is None:
        return Standing.UNKNOWN if ended_at is None else Standing.OVER
    if alert.state is AlertState.RESOLVED:
        return Standing.OVER
    return Standing.FIRING if alert.open and not alert.blind else Standing.UNKNOWN


def decide(scene: Scene, sight: Sight) -> Step:
    """The next step, the Alertmanager having answered."""
    if not scene.wanted:
        return _take_back(scene, sight)
    return _begin(scene, sight) if scene.share.state is ShareState.ASKED else _keep(scene, sight)


def unreached(scene: Scene, why: str, *, refused: bool = False) -> Step:
    """The next step, the Alertmanager not having answered, for the reason ``why``. ``refused``: it will not
    let us."""
    share, promised = scene.share, scene.promised
    over = promised is None or scene.now > promised + _SLACK
    if not scene.wanted:
        if over:
            return End(ShareState.RELEASED, _why_over(scene))
        return Wait(f"not taken back: {why}; ends by itself at {scene.our(promised or 0.0)}")
    if share.state is ShareState.ASKED:
        return End(ShareState.REFUSED, f"not shared: {why}") if refused else Wait(f"not shared yet: {why}")
    if over:
        ended = f" at {scene.our(promised)}" if promised is not None else ""
        return End(ShareState.LOST, f"the silence in {share.via} has ended by itself{ended}: {why}")
    if promised is not None and promised - scene.now < scene.terms.extend:
        return Wait(f"not extended: {why}; ends by itself at {scene.our(promised)}")
    return Wait()


def _take_back(scene: Scene, sight: Sight) -> Step:
    theirs = _changed(scene, sight)
    if theirs is not None:
        return theirs
    return End(ShareState.RELEASED, _why_over(scene), tuple(each.id for each in _ours(scene, sight)))


def _begin(scene: Scene, sight: Sight) -> Step:
    changed = _changed(scene, sight)
    if changed is not None:
        return changed
    ours = _ours(scene, sight)
    others = _others(scene, sight)
    if ours:
        # Two that saw nobody may both have set one: the later takes its own back.
        if others and _age(others[0]) < _age(ours[0]):
            return _has(scene, others[0], tuple(each.id for each in ours))
        return Hold(ours[0], tuple(each.id for each in ours[1:]))
    if others:
        return _has(scene, others[0])
    if not sight.known:
        return Wait(f"not shared yet: {scene.share.via} has no alert with exactly these labels")
    return Create(_new_end(scene))


def _keep(scene: Scene, sight: Sight) -> Step:
    share, kept = scene.share, sight.kept
    if kept is None:
        if scene.promised is not None and scene.now < scene.promised:
            return AskAgain(f"{share.via} has lost the silence")
        return End(ShareState.LOST, f"the silence in {share.via} has ended by itself")
    if not kept.active:
        hand = "by itself" if _as_left(scene, kept) else "by another hand"
        return End(
            ShareState.LOST, f"the silence in {share.via} has ended {hand} at {scene.at(kept.ends_at)}"
        )
    changed = _changed(scene, sight)
    if changed is not None:
        return changed
    end = _longer(scene, kept)
    if end is not None:
        return Extend(kept.id, end)
    spare = tuple(each.id for each in _ours(scene, sight) if each.id != kept.id)
    noted = share.updated_at is not None and _same(share.updated_at, kept.updated_at)
    if spare or not noted or share.wanted_end is not None or share.problem is not None:
        return Hold(kept, spare)
    return Wait()


def _longer(scene: Scene, kept: Silence) -> float | None:
    """Another end for it; also an earlier one, where the ack ends earlier now."""
    limit = scene.limit + scene.ahead
    if kept.ends_at > limit + _WORTH:
        return _rounded(limit)
    left = kept.ends_at - (scene.now + scene.ahead)
    if scene.standing is not Standing.FIRING or left >= scene.terms.extend:
        return None
    end = _fresh_end(scene)
    return end if end > kept.ends_at + _WORTH else None


def _fresh_end(scene: Scene) -> float:
    theirs = scene.now + scene.ahead + scene.terms.duration - scene.jitter
    return _rounded(min(theirs, scene.limit + scene.ahead))


def _new_end(scene: Scene) -> float:
    """The end that was wanted before, if it still serves: should the earlier question have arrived after
    all, both silences are known as ours."""
    fresh, before = _fresh_end(scene), scene.share.wanted_end
    if before is not None and fresh - scene.terms.duration / 2 < before <= fresh + _WORTH:
        return before
    return fresh


def _changed(scene: Scene, sight: Sight) -> End | None:
    """The end of it where another hand has changed our silence."""
    kept = sight.kept
    if kept is None or not kept.active or _as_left(scene, kept):
        return None
    until = scene.at(kept.ends_at)
    spare = tuple(each.id for each in _ours(scene, sight))
    words = f"another hand changed the silence in {scene.share.via}: it stays until {until}"
    return End(ShareState.LOST, words, spare)


def _has(scene: Scene, other: Silence, withdraw: tuple[str, ...] = ()) -> End:
    words = f"{other.by or 'somebody'} has it in {scene.share.via} until {scene.at(other.ends_at)}"
    return End(ShareState.REFUSED, words, withdraw)


def _ours(scene: Scene, sight: Sight) -> list[Silence]:
    """Those of ours that are as we left them, the oldest first."""
    found = {each.id: each for each in sight.active if _as_left(scene, each)}
    if sight.kept is not None and sight.kept.active and _as_left(scene, sight.kept):
        found[sight.kept.id] = sight.kept
    return sorted(found.values(), key=_age)


def _others(scene: Scene, sight: Sight) -> list[Silence]:
    kept = sight.kept.id if sight.kept is not None else None
    return sorted(
        (
            each
            for each in sight.active
            if each.comment.startswith(ACK_PREFIX) and each.id != kept and not _as_left(scene, each)
        ),
        key=_age,
    )


def _as_left(scene: Scene, silence: Silence) -> bool:
    share = scene.share
    left = share.updated_at if share.silence == silence.id else None
    if left is not None and _same(left, silence.updated_at):
        return True
    return (
        share.wanted_end is not None
        and _same(share.wanted_end, silence.ends_at)
        and silence.by == share.by
        and silence.comment.endswith(mark(share.episode))
    )


def _why_over(scene: Scene) -> str | None:
    """Worth telling where the ack goes on without it."""
    share = scene.share
    if share.state is not ShareState.HELD:
        return None
    if scene.standing is Standing.OVER:
        return f"the silence in {share.via} was taken back when the alert was over"
    if scene.ack is not None and scene.now + _WORTH >= share.asked_at + scene.terms.longest:
        return f"the silence in {share.via} was taken back after {duration(scene.terms.longest)}"
    return None


def _age(silence: Silence) -> tuple[float, str]:
    return (silence.starts_at, silence.id)


def _same(one: float, other: float) -> bool:
    return abs(one - other) < _MILLISECOND


def _rounded(at: float) -> float:
    return round(at, 3)
