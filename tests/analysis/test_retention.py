"""Too short only on evidence: gone, or sure to go; never because the system is young."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.retention import DAY, KeptPast, looked, retained
from wfmon.analysis.rules import retention as rule
from wfmon.model.alert import Severity
from wfmon.model.history import HistoryStatus
from wfmon.model.retention import Keeps, Kept, Retention
from wfmon.model.settings import RetentionSettings

NOW = 1_800_000_000.0
WANTED = RetentionSettings(
    enabled=True,
    production_seconds=90 * DAY,
    debug_seconds=30 * DAY,
    metrics_seconds=365 * DAY,
    history_seconds=365 * DAY,
)


def logs(days: float | None, keeps: Keeps = Keeps.PRODUCTION_LOGS, **more: object) -> Kept:
    oldest = None if days is None else NOW - days * DAY
    return Kept("app logs", keeps, oldest_at=oldest, **more)  # type: ignore[arg-type]


def held(kept: Kept, past: KeptPast | None = None) -> Retention:
    (found,) = retained([kept], {} if past is None else {kept.subject: past}, WANTED, NOW)
    return found


def seen(oldest_days: float, ago: float = DAY, **more: float) -> KeptPast:
    return KeptPast(NOW - ago, NOW - oldest_days * DAY, **more)


PROM = Kept("prom", Keeps.METRICS, oldest_at=NOW - 15 * DAY, limit_seconds=15 * DAY)


@pytest.mark.parametrize(
    ("kept", "past", "words", "short"),
    [
        (logs(92), None, "oldest 92d", False),
        (logs(92), seen(93), "oldest 92d", False),
        (logs(3), None, "young: 3d, nothing deleted yet", False),
        (logs(3), seen(3), "young: 3d, nothing deleted yet", False),
        (logs(12), seen(20), "only 12d: older lines were deleted", True),
        (logs(12, chosen=True), seen(20), "oldest 12d", False),
        (logs(12, chosen=True), KeptPast(NOW, NOW - 40 * DAY, deleted_at=NOW - 60), "oldest 12d", False),
        (
            logs(12),
            KeptPast(NOW - DAY, NOW - 40 * DAY, deleted_at=NOW - 7300),
            "only 12d: older lines were deleted 2h ago",
            True,
        ),
        (logs(31, Keeps.DEBUG_LOGS), seen(40), "oldest 31d", False),
        (logs(20, Keeps.DEBUG_LOGS), seen(40), "only 20d: older lines were deleted", True),
        (logs(None), None, "oldest not known", False),
        (logs(None, problem="no permission"), None, "no permission", False),
        (logs(3, limit_seconds=14 * DAY), None, "will be deleted after 14d, need 90d", True),
        (PROM, None, "kept 15d of 365d", True),
        (replace(PROM, oldest_at=NOW - 3 * DAY), None, "will be deleted after 15d, need 365d", True),
        (replace(PROM, oldest_at=None), None, "will be deleted after 15d, need 365d", True),
        (replace(PROM, limit_seconds=400 * DAY), None, "young: 15d, nothing deleted yet", False),
        (
            replace(PROM, oldest_at=NOW - 360 * DAY, limit_seconds=365 * DAY),
            None,
            "young: 360d, nothing deleted yet",
            False,
        ),
        (replace(PROM, limit_seconds=None), seen(30), "only 15d: older samples were deleted", True),
        (replace(PROM, oldest_at=NOW - 370 * DAY, limit_seconds=400 * DAY), None, "oldest 370d", False),
    ],
)
def test_what_is_said(kept: Kept, past: KeptPast | None, words: str, short: bool) -> None:
    found = held(kept, past)
    assert (found.words, found.short) == (words, short)


def test_what_was_lost_is_told_by_time() -> None:
    assert held(logs(12), seen(20)).lost_before == NOW - 12 * DAY
    assert held(PROM).lost_before == NOW - 15 * DAY
    assert held(logs(3)).lost_before is None
    assert held(logs(120), seen(121)).lost_before == NOW - 120 * DAY  # gone, and yet long enough


def test_growth_needs_most_of_a_day_in_which_nothing_was_deleted() -> None:
    kept = logs(3, bytes=5_000)
    assert held(kept, seen(3, bytes=3_000)).bytes_per_day == 2_000
    assert held(kept, seen(3, ago=DAY / 2, bytes=3_000)).bytes_per_day is None
    assert held(kept, seen(3, bytes=9_000)).bytes_per_day is None
    assert held(kept, seen(3, bytes=3_000, deleted_at=NOW - 60)).bytes_per_day is None
    assert held(kept, seen(3)).bytes_per_day is None


def test_our_own_history_is_metrics_too() -> None:
    status = HistoryStatus("history.db", size_bytes=7, oldest=NOW - 5 * DAY)
    found = retained([logs(92)], {}, WANTED, NOW, status)
    assert [each.subject for each in found] == ["app logs", "history"]
    assert found[1].keeps is Keeps.METRICS
    assert found[1].words == "young: 5d, nothing deleted yet"
    few = replace(WANTED, history_seconds=30 * DAY)
    (own,) = retained([], {}, few, NOW, status)
    assert (own.words, own.short) == ("will be deleted after 30d, need 365d", True)


def fold(*looks: tuple[float, float | None], slack: float = 0.0) -> KeptPast:
    past = KeptPast(NOW)
    for at, oldest in looks:
        past = looked(past, at, oldest, slack)
    return past


def test_looks_are_folded_into_the_oldest_and_the_last_deletion() -> None:
    looks = (
        (NOW - 30 * DAY, NOW - 50 * DAY),
        (NOW - 20 * DAY, NOW - 50 * DAY + 5),  # the same line, told a little otherwise
        (NOW - 10 * DAY, None),
        (NOW - 9 * DAY, NOW - 20 * DAY),
        (NOW - 2 * DAY, NOW - 20 * DAY),
    )
    found = fold(*looks)
    assert (found.oldest_at, found.deleted_at) == (NOW - 50 * DAY, NOW - 9 * DAY)
    young = fold(*looks[:3])
    assert (young.oldest_at, young.deleted_at) == (NOW - 50 * DAY, None)
    assert held(logs(20), found).words == "only 20d: older lines were deleted 9d ago"
    assert fold() == KeptPast(NOW)


def test_what_was_only_told_roughly_proves_no_deletion() -> None:
    rough = ((NOW - 9 * DAY, NOW - 20 * DAY), (NOW - 8 * DAY, NOW - 20 * DAY + 3000))
    assert fold(*rough, slack=3600.0).deleted_at is None
    assert fold(*rough).deleted_at == NOW - 8 * DAY
    past = fold((NOW - 9 * DAY, NOW - 20 * DAY), slack=3600.0)
    assert not held(replace(logs(None), oldest_at=NOW - 20 * DAY + 3600), past).short


def test_lines_that_go_one_by_one_are_seen_to_go() -> None:
    found = fold(*((NOW - back, NOW - 5 * DAY - back) for back in range(36000, 0, -60)))
    assert found.deleted_at is not None
    assert NOW - found.deleted_at < 1200


@given(
    st.one_of(st.none(), st.floats(0, 400)),
    st.one_of(st.none(), st.floats(1, 400)),
    st.sampled_from(list(Keeps)),
)
def test_nothing_is_short_without_evidence(days: float | None, limit: float | None, keeps: Keeps) -> None:
    found = held(logs(days, keeps, limit_seconds=None if limit is None else limit * DAY))
    if found.limit_seconds is None:
        assert not found.short
        assert found.lost_before is None
    if found.short:
        assert found.limit_seconds is not None
        assert found.limit_seconds < found.needed_seconds
    assert found.words


# the rule -------------------------------------------------------------------------------------------


def test_lost_logs_are_a_warning_and_metrics_a_note() -> None:
    found = retained([logs(12), PROM], {"app logs": seen(20)}, WANTED, NOW)
    warning, note = rule.evaluate(found, WANTED, NOW)
    assert (warning.holds, warning.severity) == (True, Severity.WARNING)
    assert warning.summary == "app logs: only 12d: older lines were deleted"
    assert (note.holds, note.severity) == (True, Severity.INFO)
    assert note.labels == (("subject", "prom"),)
    assert note.for_seconds == 900.0
    assert note.keep_seconds == 6 * 3600.0


def test_logs_that_will_be_deleted_are_told_but_no_alert_yet() -> None:
    (finding,) = rule.evaluate(retained([logs(3, limit_seconds=14 * DAY)], {}, WANTED, NOW), WANTED, NOW)
    assert finding.holds is False


def test_nothing_is_judged_of_what_is_not_known() -> None:
    (finding,) = rule.evaluate(retained([logs(None)], {}, WANTED, NOW), WANTED, NOW)
    assert finding.holds is None
    assert rule.evaluate(retained([PROM], {}, WANTED, NOW), replace(WANTED, enabled=False), NOW) == ()
