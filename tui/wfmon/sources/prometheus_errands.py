"""Questions to a Prometheus that no poll waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from wfmon.model.record import dataclass
from wfmon.sources.base import SourceError
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_fit import Scope

POLITE = 20.0  # times what an errand took, until the next
POLITE_AT_MOST = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Known:
    """What the poll before knew. ``clock`` is the server's."""

    scope: Scope
    clock: float


class Errand(Protocol):
    """``seconds`` bounds one going. ``due`` is asked in the thread that polls, ``ask`` and ``failed`` in
    another, never two errands at once; ``steady`` is a monotonic clock."""

    seconds: float

    def due(self, known: Known, steady: float) -> bool: ...
    def ask(self, api: PrometheusApi, known: Known, steady: float) -> None: ...
    def failed(self, error: SourceError, steady: float) -> None: ...


class Errands:
    """Runs the first errand that is due, in a thread and over a connection of its own."""

    def __init__(self, api: PrometheusApi, errands: Sequence[Errand], steady: Callable[[], float]) -> None:
        self._api = api
        self._errands = tuple(errands)
        self._steady = steady
        self._thread: threading.Thread | None = None
        self._next = 0.0
        self._broken: BaseException | None = None

    def run_due(self, known: Known) -> None:
        """Starts at most one and does not wait. Raises what an errand raised that is no ``SourceError``."""
        if self._thread is not None and self._thread.is_alive():
            return
        broken, self._broken = self._broken, None
        if broken is not None:
            raise broken
        now = self._steady()
        errand = next((errand for errand in self._errands if errand.due(known, now)), None)
        if errand is None or now < self._next:
            return
        self._thread = threading.Thread(
            target=self._run, args=(errand, known), name="wfmon-errand", daemon=True
        )
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Until the errand that is under way is over, if one is; at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def close(self) -> None:
        self._api.close()

    def _run(self, errand: Errand, known: Known) -> None:
        began = self._steady()
        try:
            with self._api.within(errand.seconds):
                errand.ask(self._api, known, began)
        except SourceError as error:
            errand.failed(error, self._steady())
        except BaseException as error:  # noqa: BLE001 (raised again by the next poll)
            self._broken = error
        now = self._steady()
        self._next = now + min(POLITE * (now - began), POLITE_AT_MOST)
