"""What is remembered of the time around one episode: its course, and what changed before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from wfmon.analysis.shown import told
from wfmon.model.alert import Alert
from wfmon.model.history import Change
from wfmon.model.past import Series
from wfmon.ui.course import Course, course_of
from wfmon.ui.views.base import ShellDoor

AGAIN_SECONDS = 10.0
BEFORE_SECONDS = 900.0  # of the course that are shown before the begin
AFTER_SECONDS = 300.0  # and behind the end
CHANGED_SECONDS = 3600.0  # before the begin in which a change may have been the cause

Start = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Recollection:
    """``course`` is the last answer that tells anything, ``drawn`` how it is to be drawn; ``changes`` newest
    first; ``over``: the whole episode, if it is known to be over."""

    def __init__(self, shell: ShellDoor, start: Start) -> None:
        self.course: Series | None = None
        self.drawn: Course | None = None
        self.changes: tuple[Change, ...] = ()
        self.over: Alert | None = None
        self._shell = shell
        self._start = start
        self._asked_at: float | None = None
        self._answered = False
        self._task: asyncio.Task[None] | None = None

    def refresh(self, alert: Alert, points: int) -> None:
        """Ask for what is new, if it is time and nothing is under way."""
        now = self._shell.now()
        due = self._asked_at is None or not 0 <= now - self._asked_at < AGAIN_SECONDS
        if due and (self._task is None or self._task.done()):
            self._asked_at = now
            self._task = self._start(self._ask(alert, now, points))

    async def _ask(self, alert: Alert, now: float, points: int) -> None:
        memory = self._shell.doors.memory
        course = course_of(alert, self._shell.latest)
        if course is not None:
            end = now if alert.ended_at is None else min(now, alert.ended_at + AFTER_SECONDS)
            begin = alert.since - BEFORE_SECONDS
            series = course.drawn(begin, await memory.series(course.request(begin, end, points)))
            if any(value is not None for value in series.values):
                self.course, self.drawn = series, course
        if not self._answered:
            answer = await memory.ended(alert.since - CHANGED_SECONDS)
            self._answered = answer.problem is None
            for episode in answer.episodes:
                if episode.record.id == alert.id:
                    self.over = told(episode)
            self.changes = tuple(
                one
                for one in answer.changes
                if alert.since - CHANGED_SECONDS <= one.at <= alert.since
                and (alert.workflow is None or one.workflow in (None, alert.workflow))
            )
        self._shell.redraw()
