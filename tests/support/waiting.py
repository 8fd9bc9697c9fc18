"""Waiting on conditions, never on time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    predicate: Callable[[], T], *, timeout: float = 20.0, message: str = "", pause: float = 0.02
) -> T:
    """Call ``predicate`` until it is truthy and return that; fail with ``message`` after ``timeout`` s.

    An AssertionError from ``predicate`` means "not yet", and is shown when the time is up.
    """
    never = threading.Event()
    deadline = time.monotonic() + timeout
    last: object = None
    while True:
        try:
            value = predicate()
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout:g} s: {message or predicate}; last: {last!r}")
        never.wait(pause)
