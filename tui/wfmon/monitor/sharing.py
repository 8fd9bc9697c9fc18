"""Does what people asked for about shared acks; nothing else changes anything in an Alertmanager.

What it does is in rows of the store (``store.shares``), so that the next collector goes on wherever this one
was ended.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import tzinfo
from functools import partial

from wfmon.config import schema
from wfmon.model.record import dataclass, replace
from wfmon.model.share import Share, ShareState, share_comment
from wfmon.model.source import Failure
from wfmon.monitor import sharesteps
from wfmon.monitor.settings import share_settings
from wfmon.monitor.sharesteps import (
    AskAgain,
    Create,
    End,
    Extend,
    Hold,
    Scene,
    Sight,
    Step,
    Terms,
    Wait,
    decide,
    standing_of,
)
from wfmon.monitor.sharingthread import Told
from wfmon.sources.base import SourceError
from wfmon.sources.silences import Silences, Wanted
from wfmon.store.acks import NAME
from wfmon.store.database import Database
from wfmon.store.errors import StoreError
from wfmon.store.paths import StateDir
from wfmon.store.shares import Job, ShareBook
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe

LOOK_SECONDS = 30.0  # between two looks at a silence that nothing else tells about
LEAST_SECONDS = 5.0  # between two looks at one that is soon to be extended
FIRST_BACKOFF = 2.0
BACKOFF_MAX = 60.0
_WORDS_LIMIT = 160

# A client of the Alertmanager of this name, or why there is none, in words.
Clients = Callable[[str], Silences | str]


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why an Alertmanager did not answer, how often in a row, and until when (monotonic) it is left alone."""

    why: str
    times: int
    until: float


class Sharer:
    """One thread at a time. ``clock`` gives POSIX seconds, ``steady`` monotonic ones."""

    def __init__(
        self,
        book: ShareBook,
        clients: Clients,
        terms: Terms,
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        seed: int | None = None,
    ) -> None:
        self._book = book
        self._make = clients
        self._terms = terms
        self._clock = clock
        self._steady = steady
        self._random = random.Random(seed)
        self._stopping = False
        self._clients: dict[str, Silences | str] = {}
        self._trouble: dict[str, _Trouble] = {}
        self._due: dict[tuple[int, ShareState], float] = {}  # monotonic
        self._looked: dict[int, float] = {}  # POSIX

    def turn(self, told: Told) -> bool:
        """Do what is due; whether anything is left to be done. Raises StoreError. What fails unforeseen is
        told with its share, and keeps no other from being extended or taken back."""
        jobs = self._book.jobs()
        present = {_key(job.share) for job in jobs}
        self._due = {key: at for key, at in self._due.items() if key in present}
        self._looked = {
            number: at for number, at in self._looked.items() if (number, ShareState.HELD) in present
        }
        for job in jobs:
            if self._stopping:
                break
            try:
                self._do(job, told)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - who relies on a silence must know
                self._book.tell(job.share, _failed(error))
        return bool(jobs)

    def stop(self) -> None:
        """No further question; may be called from another thread."""
        self._stopping = True

    def close(self) -> None:
        for client in self._clients.values():
            if isinstance(client, Silences):
                client.close()
        self._book.close()

    def broken(self, error: Exception) -> None:
        """Who relies on a silence must know: told with each share, as far as that can be stored."""
        with suppress(StoreError):
            for job in self._book.jobs():
                self._book.tell(job.share, _failed(error))

    def _do(self, job: Job, told: Told) -> None:
        share = job.share
        scene = self._scene(job, told)
        if not scene.wanted and scene.promised is None:
            self._book.end(job, ShareState.RELEASED, None)
            return
        client = self._client(share.via)
        if isinstance(client, str):
            self._apply_blind(job, sharesteps.unreached(scene, client, refused=True))
            return
        scene = replace(scene, ahead=client.ahead)
        trouble = self._trouble.get(share.via)
        if trouble is not None and self._steady() < trouble.until:
            self._apply_blind(job, sharesteps.unreached(scene, trouble.why))
            return
        waits = self._steady() < self._due.get(_key(share), 0.0) and scene.wanted  # what is over is at once
        if waits and not self._news(share, told):
            return
        self._ask(job, scene, client)

    def _ask(self, job: Job, scene: Scene, client: Silences) -> None:
        share = job.share
        try:
            sight = self._look(share, client)
            scene = replace(scene, ahead=client.ahead)
            self._perform(job, scene, decide(scene, sight), client)
        except SourceError as error:
            why = _words(share.via, error)
            # A token may just have been renewed: who is refused twice is refused.
            refused = error.failure is Failure.AUTH and share.via in self._trouble
            self._note_trouble(share.via, why)
            # What was intended meanwhile may have happened: it is known by the row as it is now.
            self._apply_blind(job, sharesteps.unreached(scene, why, refused=refused))
            return
        self._trouble.pop(share.via, None)
        self._looked[share.number] = self._clock()
        self._due[_key(share)] = self._steady() + self._until_next(scene)

    def _until_next(self, scene: Scene) -> float:
        if scene.share.state is not ShareState.HELD:
            return FIRST_BACKOFF
        left = (scene.promised or scene.now) - scene.now - self._terms.extend
        return min(LOOK_SECONDS, max(LEAST_SECONDS, left))

    def _look(self, share: Share, client: Silences) -> Sight:
        active = client.active(share.matchers)
        kept = next((each for each in active if each.id == share.silence), None)
        if kept is None and share.silence is not None:
            kept = client.one(share.silence)
        asks = share.state is ShareState.ASKED and not active
        return Sight(active, kept, known=client.knows_alert(share.matchers) if asks else True)

    def _perform(self, job: Job, scene: Scene, step: Step, client: Silences) -> None:
        match step:
            case Wait(problem):
                if problem is not None:
                    self._book.tell(job.share, problem)
            case Create(ends_at):
                self._create(job, scene, ends_at, client)
            case Extend(silence, ends_at):
                self._extend(job, scene, silence, ends_at, client)
            case Hold(silence, spare):
                for each in spare:
                    client.expire(each)
                self._book.hold(job, silence, silence.ends_at - scene.ahead)
            case AskAgain(problem):
                self._book.ask_again(job, problem)
            case End(state, problem, withdraw):
                for each in withdraw:
                    client.expire(each)
                self._book.end(job, state, problem, next(iter(withdraw), None))

    def _create(self, job: Job, scene: Scene, ends_at: float, client: Silences) -> None:
        """Intend, set, and look who else has done so."""
        share = job.share
        if not self._book.intend(share, ends_at):
            return
        comment = share_comment(redact(job.ack.comment) if job.ack is not None else "", share.episode)
        client.create(Wanted(share.matchers, share.by, comment, ends_at))
        job = replace(job, share=replace(share, wanted_end=ends_at))
        scene = replace(scene, share=job.share)
        step = decide(scene, self._look(job.share, client))
        if not isinstance(step, Create):
            self._perform(job, scene, step, client)

    def _extend(self, job: Job, scene: Scene, silence: str, ends_at: float, client: Silences) -> None:
        share = job.share
        if not self._book.intend(share, ends_at):
            return
        made = client.extend(silence, ends_at)
        if made != silence:
            # It had just ended, so that the server made a new one of it.
            client.expire(made)
            self._book.end(
                job, ShareState.LOST, f"the silence in {share.via} was ended by another hand", made
            )
            return
        now = client.one(silence)
        if now is not None:
            job = replace(job, share=replace(share, wanted_end=ends_at))
            self._book.hold(job, now, now.ends_at - scene.ahead)

    def _apply_blind(self, job: Job, step: Step) -> None:
        """A step that needs no Alertmanager."""
        if isinstance(step, Wait) and step.problem is not None:
            self._book.tell(job.share, step.problem)
        elif isinstance(step, End):
            self._book.end(job, step.state, step.problem)

    def _scene(self, job: Job, told: Told) -> Scene:
        standing = standing_of(told.alerts.get(job.share.episode), job.record.ended_at)
        jitter = self._random.random()
        return Scene(job.share, job.ack, standing, self._terms, self._clock(), jitter=jitter)

    def _news(self, share: Share, told: Told) -> bool:
        """Whether another source has seen that the silence is not as we left it."""
        if share.state is not ShareState.HELD or share.silence is None:
            return False
        looked = self._looked.get(share.number, 0.0)
        for answer in told.foreign:
            if answer.source == share.via and answer.at > looked:
                seen = next((each for each in answer.silences if each.id == share.silence), None)
                return seen is None or abs(seen.updated_at - (share.updated_at or 0.0)) > 0.0015
        return False

    def _client(self, via: str) -> Silences | str:
        if via not in self._clients:
            self._clients[via] = self._make(via)
        return self._clients[via]

    def _note_trouble(self, via: str, why: str) -> None:
        before = self._trouble.get(via)
        times = 1 if before is None else before.times + 1
        pause = min(BACKOFF_MAX, FIRST_BACKOFF * 2.0 ** (times - 1)) * self._random.uniform(0.8, 1.0)
        self._trouble[via] = _Trouble(why, times, self._steady() + pause)


def _key(share: Share) -> tuple[int, ShareState]:
    return (share.number, share.state)


def _failed(error: Exception) -> str:
    return safe(redact(f"sharing failed: {type(error).__name__}: {error}"), limit=_WORDS_LIMIT)


def _words(via: str, error: SourceError) -> str:
    """``am refused``; what the server itself said, where it answered."""
    if error.failure in (Failure.HTTP, Failure.AUTH, Failure.BAD_DATA):
        return safe(f"{via}: {error.detail}", limit=_WORDS_LIMIT)
    return f"{via} {error.failure.value}"


def make_sharer(config: schema.Config, state: StateDir, lane: str, zone: tzinfo | None) -> Sharer:
    """``state``: where ``acks.db`` is; ``lane``: whose episodes (``Lane.name``)."""
    share = share_settings(config)
    terms = Terms(share.duration_seconds, share.extend_seconds, float(config.alerts.ack.max), zone)
    return Sharer(ShareBook(Database(state, NAME), time.time, lane), partial(client_of, config), terms)


def client_of(config: schema.Config, via: str) -> Silences | str:
    """See ``Clients``."""
    for entry in config.source:
        if entry.kind == "alertmanager" and (entry.name or entry.kind) == via:
            if entry.allow_write:
                return Silences.from_config(entry)
            return f"{via} has no allow_write = true in the config of who collects"
    return f"{via} is no Alertmanager of who collects" if via else "no Alertmanager has this alert"
