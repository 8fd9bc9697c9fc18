"""Collectors that are killed while they share an ack: reads a line of JSON for each (``state``, ``url``,
``labels``, ``duration``, ``step``), lets it die after that many steps, and answers with the step it died at.

A process of its own, without threads, so that it can fork.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.sharing import TERMS, Desk
from wfmon.model.record import replace
from wfmon.sources.silences import Silences
from wfmon.store.shares import ShareBook

STEPS = ("jobs", "active", "knows_alert", "intend", "create", "extend", "one", "expire", "hold", "end")


class Counted:
    """``inner``, that ends the process by SIGKILL once ``left`` of its ``STEPS`` are done."""

    def __init__(self, inner: object, left: list[int], tell: Callable[[str], None]) -> None:
        self._inner = inner
        self._left = left
        self._tell = tell

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in STEPS:
            return found

        def counted(*args: object, **named: object) -> object:
            done = found(*args, **named)
            self._left[0] -= 1
            if self._left[0] == 0:
                self._tell(name)
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return counted


class Client(Silences):
    """One whose steps are counted."""

    counted: Counted

    def __getattribute__(self, name: str) -> Any:
        if name in STEPS:
            return getattr(object.__getattribute__(self, "counted"), name)
        return object.__getattribute__(self, name)


def die(order: dict[str, Any], tell: Callable[[str], None]) -> None:
    left = [int(order["step"])]

    def client(via: str) -> Silences:
        made = Client(order["url"])
        made.counted = Counted(Silences(order["url"]), left, tell)
        return made

    desk = Desk(Path(order["state"]), order["url"])
    labels = tuple((name, value) for name, value in order["labels"])
    desk.fires(labels)
    desk.collector(client, terms=replace(TERMS, duration=order["duration"]))
    book = desk.sharer._book
    assert isinstance(book, ShareBook)
    desk.sharer._book = Counted(book, left, tell)  # type: ignore[assignment]
    desk.turn(1)
    tell("-")


def main() -> None:
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            with os.fdopen(writing, "w", buffering=1) as told:
                die(json.loads(line), lambda step: print(step, file=told, flush=True))
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as told:
            step = told.read().strip()
        _, status = os.waitpid(child, 0)
        print(
            json.dumps({"step": step, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}),
            flush=True,
        )


if __name__ == "__main__":
    main()
