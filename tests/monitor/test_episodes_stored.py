"""The memory of an episode and the row of it in the store are one, whatever the rule says and when."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from store.storehelp import private
from wfmon.analysis.episodes import EpisodeMemory, advance, begin, ended, sightings
from wfmon.analysis.shown import alerts
from wfmon.model.alert import AlertState, Finding, Severity
from wfmon.model.settings import EpisodeSettings, FlapSettings
from wfmon.store.acks import AckStore
from wfmon.store.terms import AckTerms

NOW = 1_000_000.0
SETTINGS = EpisodeSettings(600.0, 900.0, FlapSettings(4, 3600.0, 1800.0))
LABELS = (("workflow", "w"),)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([True, True, False, False, None]),  # what the rule says ...
        st.sampled_from([15, 120, 330, 615]),  # ... for so many seconds
        st.booleans(),  # then somebody acks
        st.sampled_from([False, False, False, True]),  # then the collector is ended
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sampled_from([0.0, 30.0, 600.0]))
def test_what_is_shown_is_what_is_stored(
    steps: list[tuple[bool | None, int, bool, bool]], for_seconds: float
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = AckStore(private(Path(directory)), AckTerms(gap_seconds=SETTINGS.gap_seconds))
        now, memory, taken = NOW, EpisodeMemory(at=NOW), set[str]()
        for holds, seconds, acks, restarts in steps:
            for _ in range(seconds // 15):
                now += 15.0
                finding = Finding(
                    "rule",
                    LABELS,
                    Severity.WARNING,
                    holds,
                    "x",
                    "w",
                    for_seconds=for_seconds,
                    keep_seconds=60.0,
                )
                memory = advance(memory, [finding], now, SETTINGS)
                records = store.observe(sightings(memory), now, ended(memory))
                for alert in alerts(memory, records, now, SETTINGS):
                    if alert.state is AlertState.PENDING:
                        continue
                    record = records[finding.rule, LABELS]
                    assert (alert.id, alert.since) == (record.id, record.began_at)
                    assert record.ack is None or record.id in taken, "an ack of another episode"
                    if acks and alert.open:
                        store.ack(alert.id, "joe", now)
                        taken.add(alert.id)
            if restarts:
                memory = begin(store.records(now).values(), now)
        stored = sorted(store.episodes_between(NOW - 1, now + 1), key=lambda each: each.began_at)
        for one, other in pairwise(stored):
            assert one.ended_at is not None
            assert one.ended_at <= other.began_at, "two episodes of one time"
        store.close()
