"""Does what people asked for about shared acks; nothing else changes anything in an Alertmanager.

In a thread of its own: the loop tells it what is open and never waits for it. What it does is in rows of the
store (``store.shares``), so that the next collector goes on wherever this one was ended.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from wfmon.model.alert import Alert
from wfmon.model.foreign import ForeignAlerts
from wfmon.model.record import dataclass, replace
from wfmon.model.share import Share, ShareState, share_comment
from wfmon.model.source import Failure
from wfmon.monitor import sharesteps
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
from wfmon.sources.base import SourceError
from wfmon.sources.silences import Silences, Wanted
from wfmon.store.errors import StoreError
from wfmon.store.shares import Job, ShareBook
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe

LOOK_SECONDS = 30.0  # between two looks at a silence that nothing else tells about
LEAST_SECONDS = 5.0  # between two looks at one that is soon to be extended
FIRST_BACKOFF = 2.0
BACKOFF_MAX = 60.0
PAUSE_SECONDS = 5.0  # after a store that could not be written
IDLE_SECONDS = 5.0  # that the thread waits for news at most
_WORDS_LIMIT = 160

# A client of the Alertmanager of this name, or why there is none, in words.
Clients = Callable[[str], Silences | str]


@dataclass(frozen=True, slots=True)
class Told:
    """What the loop knows: the alerts by id, and the last answers of other systems."""

    alerts: Mapping[str, Alert]
    foreign: tuple[ForeignAlerts, ...] = ()


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why an Alertmanager did not answer, how often in a row, and until when (monotonic) it is left alone."""

    why: str
    times: int
    until: float


class Sharer:
    """``clock`` gives POSIX seconds, ``steady`` monotonic ones. The thread begins with the first ``tick``
    that finds something to do."""

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
        self._told = Told({})
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._clients: dict[str, Silences | str] = {}
        self._trouble: dict[str, _Trouble] = {}
        self._due: dict[tuple[int, ShareState], float] = {}  # monotonic
        self._looked: dict[int, float] = {}  # POSIX

    def tick(self, alerts: Sequence[Alert], foreign: tuple[ForeignAlerts, ...], *, waiting: bool) -> None:
        """What is so now; ``waiting``: the store has shares about which something is to be done. Returns at
        once."""
        if not waiting:
            return
        self._told = Told({alert.id: alert for alert in alerts}, foreign)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sharing", daemon=True)
            self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        """Returns at once; a question under way is left to the next collector."""
        self._stopping = True
        self._wake.set()
        if self._thread is None:
            self._book.close()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            busy = True
            try:
                busy = self.turn(self._told)
            except StoreError:
                # The loop writes to the same store and tells that it cannot.
                self._pause(PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - who relies on a silence must know
                self._broken(error)
                self._pause(PAUSE_SECONDS)
            self._wake.wait(IDLE_SECONDS if busy else None)
        for client in self._clients.values():
            if isinstance(client, Silences):
                client.close()
        self._book.close()

    def _broken(self, error: Exception) -> None:
        """Told with each share, as far as that can be stored."""
        with suppress(StoreError):
            for job in self._book.jobs():
                self._book.tell(job.share, safe(f"sharing failed: {type(error).__name__}: {error}"))

    def _pause(self, seconds: float) -> None:
        until = self._steady() + seconds
        while not self._stopping and (left := until - self._steady()) > 0:
            self._wake.wait(left)
            self._wake.clear()

    def turn(self, told: Told) -> bool:
        """Do what is due; whether anything is left to be done. Raises StoreError."""
        jobs = self._book.jobs()
        present = {_key(job.share) for job in jobs}
        self._due = {key: at for key, at in self._due.items() if key in present}
        self._looked = {
            number: at for number, at in self._looked.items() if (number, ShareState.HELD) in present
        }
        for job in jobs:
            if self._stopping:
                break
            self._do(job, told)
        return bool(jobs)

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
        if self._steady() < self._due.get(_key(share), 0.0) and not self._news(share, told):
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


def _words(via: str, error: SourceError) -> str:
    """``am refused``; what the server itself said, where it answered."""
    if error.failure in (Failure.HTTP, Failure.AUTH, Failure.BAD_DATA):
        return safe(f"{via}: {error.detail}", limit=_WORDS_LIMIT)
    return f"{via} {error.failure.value}"
