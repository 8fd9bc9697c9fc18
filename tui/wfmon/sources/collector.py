"""The collector of garbage, kept still while much is made that is none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_still(while_true: bool) -> Iterator[None]:
    """Where 100,000 series are read for the first time, looking for garbage among them again and again
    takes a third of the time. If it is off already, it is left so."""
    pausing = while_true and gc.isenabled()
    if pausing:
        gc.disable()
    try:
        yield
    finally:
        if pausing:
            gc.enable()
