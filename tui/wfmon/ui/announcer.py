"""Tells the terminal of alerts: the bell, a notification, its title. What to tell, ``telling`` decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from wfmon.config.schema import Notify
from wfmon.model.snapshot import Snapshot
from wfmon.ui import oscs, telling
from wfmon.ui.look import Look
from wfmon.ui.signs import plain

TITLE_SECONDS = 10.0  # between two titles that say the same of other figures
AT_THE_KEYS_SECONDS = 10.0  # since the last key


class Speaker(Protocol):
    """The terminal."""

    @property
    def watched(self) -> bool:
        """Whether it reports that a person looks at it; a terminal that reports nothing does not."""
        ...

    def say(self, sequence: str) -> None: ...
    def show_title(self, sequence: str) -> None: ...


class Announcer:
    """``opened_at``: when the screen was opened; what fired then is only in the title."""

    def __init__(
        self, notify: Notify, speaker: Speaker, look: Look, environ: Mapping[str, str], opened_at: float
    ) -> None:
        self._notify = notify
        self._speaker = speaker
        self._look = look
        self._environ = environ
        self._opened_at = opened_at
        self._heard = telling.Heard()
        self._snapshot: Snapshot | None = None
        self._title = ""
        self._titled_for: tuple[object, ...] = ()
        self._titled_at = 0.0

    def arrived(self, snapshot: Snapshot, now: float, last_key_at: float | None = None) -> None:
        """Every snapshot, also one that is not shown."""
        at_keys = last_key_at is not None and 0 <= now - last_key_at < AT_THE_KEYS_SECONDS
        self._heard = telling.hear(self._heard, snapshot, self._opened_at, given_back=at_keys)
        self._snapshot = snapshot
        self.tick(now)

    def tick(self, now: float) -> None:
        """Tell what is due."""
        snapshot = self._snapshot
        if snapshot is None:
            return
        pause, focused = float(self._notify.debounce), self._speaker.watched
        self._heard, text = telling.burst(self._heard, snapshot, now, focused=focused, pause=pause)
        if text is not None:
            self._tell(text, snapshot.host_name)
        if self._notify.title:
            self._retitle(snapshot, now)

    def _tell(self, text: str, host: str) -> None:
        sequence = ""
        if self._notify.desktop:
            sequence = oscs.notification(f"wfmon {host}", self._written(text), self._environ)
        if self._notify.bell:
            sequence += oscs.BELL
        if sequence:
            self._speaker.say(sequence)

    def _retitle(self, snapshot: Snapshot, now: float) -> None:
        """At once for another verdict, now and then for other figures of the same."""
        verdict = snapshot.verdict
        about = (verdict.level, verdict.alert_id)
        if about == self._titled_for and 0 <= now - self._titled_at < TITLE_SECONDS:
            return
        text = self._written(telling.title(verdict, snapshot.host_name, self._look.signs))
        if text == self._title:
            return
        self._title, self._titled_for, self._titled_at = text, about, now
        sequence = oscs.title(text, self._environ)
        if sequence:
            self._speaker.show_title(sequence)

    def _written(self, text: str) -> str:
        return plain(text) if self._look.ascii else text
