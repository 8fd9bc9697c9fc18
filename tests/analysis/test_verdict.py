from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from wfmon.analysis.verdict import Scene, exit_code, verdict
from wfmon.model.alert import Ack, Alert, AlertState, Severity
from wfmon.model.episode import Unjudged
from wfmon.model.host import HostSample
from wfmon.model.money import Money
from wfmon.model.snapshot import LadderStep, Level, StatusCounts, Workflow
from wfmon.model.source import Failure, SourceState, SourceStatus

NOW = 1772373807.0  # 14:03:27 UTC
AT_14 = NOW - 207
HOST = HostSample(NOW, None, None, None, None, None, None, (), (), 0, 0)
OK_SOURCE = SourceStatus("app logs", "logs", SourceState.OK, as_of=NOW)
PROM_DOWN = SourceStatus(
    "prom", "prometheus", SourceState.DOWN, failure=Failure.REFUSED, failing_since=AT_14, as_of=AT_14
)
SCENE = Scene(
    now=NOW,
    zone=UTC,
    alerts=(),
    unjudged=(),
    sources=(OK_SOURCE,),
    workflows=tuple(Workflow(f"w{i}", ladder=(LadderStep(300, 300, StatusCounts(5)),)) for i in range(6)),
    host=HOST,
    rules_checked=11,
    rules_checked_at=NOW - 1,
    acks_shared=True,
    me="joe",
    burn=Money(exact=2.1),
)
FAILING = Alert(
    "aaaaaaaaaaaa",
    "failure_rate",
    (("workflow", "invoice_extract"),),
    Severity.CRITICAL,
    AlertState.FIRING,
    "32% (80 of 250 in 5m)",
    AT_14,
    False,
    workflow="invoice_extract",
    value=0.32,
    threshold=0.05,
)
FULL = replace(
    FAILING,
    id="bbbbbbbbbbbb",
    rule="storage",
    labels=(("mount", "/var"),),
    severity=Severity.WARNING,
    summary="/var 93% full (5.1G free)",
    workflow=None,
    value=0.93,
    threshold=0.9,
)
SOURCE_DOWN = replace(
    FULL, id="cccccccccccc", rule="source_down", labels=(("source", "prom"),), summary="prom refused"
)
MINE = Ack("joe", NOW - 60, NOW + 3393)


def acked(alert: Alert) -> Alert:
    return replace(alert, state=AlertState.ACKED, ack=MINE)


def say(**more: object) -> tuple[Level, str]:
    found = verdict(replace(SCENE, **more))  # type: ignore[arg-type]
    return found.level, found.text


def test_everything_fine() -> None:
    assert say() == (Level.OK, "all 6 workflows normal · 11 rules checked just now · $2.10/h")


def test_the_worst_since_when_and_who() -> None:
    found = verdict(replace(SCENE, alerts=(FULL, FAILING)))
    assert found.level is Level.CRITICAL
    assert found.alert_id == "aaaaaaaaaaaa"
    assert found.text == (
        "invoice_extract fails 32% (80 of 250 in 5m) since 14:00 · nobody has it"
        " · warning: /var 93% full (5.1G free)"
    )
    assert found.also == ("warning: /var 93% full (5.1G free)",)


def test_who_has_it_is_named_and_it_still_counts() -> None:
    level, text = say(alerts=(acked(FAILING),))
    assert level is Level.CRITICAL
    assert text.endswith("since 14:00 · joe has it until 15:00")


def test_unacked_leaves_out_what_somebody_has() -> None:
    assert say(alerts=(acked(FAILING),), unacked=True) == (
        Level.OK,
        "nothing that nobody has · 11 rules checked just now · $2.10/h · 1 taken",
    )
    assert say(alerts=(acked(FAILING), FULL), unacked=True)[0] is Level.WARNING


def test_what_nobody_has_comes_first_among_equals() -> None:
    other = replace(FAILING, id="dddddddddddd", workflow="b", value=0.2, summary="20% (4 of 20 in 5m)")
    found = verdict(replace(SCENE, alerts=(acked(FAILING), other)))
    assert found.alert_id == "dddddddddddd"
    assert found.text.endswith("nobody has it · 1 more critical (joe has it)")


def test_workflows_whose_runs_nobody_has_seen_are_not_called_normal() -> None:
    quiet = Workflow("quiet", active=1)
    assert say(workflows=(*SCENE.workflows, quiet))[1].startswith(
        "6 of 7 workflows normal, no finished run known of 1 · 11 rules"
    )
    assert say(workflows=(quiet, replace(quiet, name="other"))) == (
        Level.UNKNOWN,
        "no finished run known of any of 2 workflows",
    )
    assert say(workflows=(quiet,))[1] == "no finished run known of the only workflow"


def test_private_acks_are_not_called_nobody() -> None:
    assert say(alerts=(FAILING,), acks_shared=False)[1].endswith("· acks private to joe")
    far = say(alerts=(FAILING,), acks_shared=False, me="joe from 10.0.3.7 pts/2")[1]
    assert far.endswith("· acks private to joe")


def test_at_least_is_said() -> None:
    assert "since 14:00 or before" in say(alerts=(replace(FAILING, since_at_least=True),))[1]


def test_cannot_see_outranks_a_warning_and_is_appended_to_a_critical() -> None:
    level, text = say(sources=(OK_SOURCE, PROM_DOWN), alerts=(FULL,))
    assert level is Level.UNKNOWN
    assert text.startswith("cannot see prom: refused since 14:00 · warning: /var")
    assert say(sources=(OK_SOURCE, PROM_DOWN), alerts=(FAILING,)) == (
        Level.CRITICAL,
        "invoice_extract fails 32% (80 of 250 in 5m) since 14:00 · nobody has it · ? cannot see prom",
    )


def test_a_source_that_is_down_is_said_once_and_with_its_holder() -> None:
    found = verdict(replace(SCENE, sources=(PROM_DOWN,), alerts=(acked(SOURCE_DOWN),)))
    assert (found.level, found.alert_id) == (Level.UNKNOWN, "cccccccccccc")
    assert found.text == "cannot see prom: refused since 14:00 · joe has it until 15:00"
    quiet = verdict(replace(SCENE, sources=(PROM_DOWN,), alerts=(acked(SOURCE_DOWN),), unacked=True))
    assert quiet.level is Level.OK


def test_a_source_alert_without_its_source_is_still_said() -> None:
    assert say(alerts=(SOURCE_DOWN,))[0] is Level.WARNING


def test_nothing_known_yet() -> None:
    assert say(workflows=()) == (Level.UNKNOWN, "no workflow seen yet · host is fine")
    assert say(workflows=(), host=None) == (Level.UNKNOWN, "no workflow seen yet")
    waiting = SourceStatus("prom", "prometheus", SourceState.WAITING)
    assert say(sources=(waiting,), workflows=(), host=None) == (
        Level.UNKNOWN,
        "cannot see prom: has not answered yet",
    )


def test_a_rule_that_cannot_be_judged_is_not_fine() -> None:
    young = Unjudged(("failure_rate", ()), "w1", "only 8s of history, need 5m")
    assert say(unjudged=(young,)) == (Level.UNKNOWN, "w1: only 8s of history, need 5m")
    assert say(unjudged=(young, replace(young, workflow="w2")))[1] == "only 8s of history, need 5m (2 rules)"


def test_rules_that_were_not_checked_lately_are_not_fine() -> None:
    assert say(rules_checked_at=NOW - 600) == (Level.UNKNOWN, "rules not checked since 13:53")
    assert say(rules_checked_at=None)[0] is Level.UNKNOWN


@pytest.mark.parametrize("state", [AlertState.PENDING, AlertState.RESOLVED])
def test_what_is_not_open_raises_nothing(state: AlertState) -> None:
    assert say(alerts=(replace(FAILING, state=state),))[0] is Level.OK


def test_an_alert_without_data_is_still_bad() -> None:
    lost = replace(FAILING, state=AlertState.NO_DATA, summary="no data, last known: 32% (80 of 250 in 5m)")
    level, text = say(alerts=(lost,))
    assert level is Level.CRITICAL
    assert text.startswith("invoice_extract: no data, last known: 32%")


def test_the_sentence_does_not_change_with_the_clock_alone() -> None:
    scene = replace(SCENE, alerts=(FAILING, acked(FULL)), sources=(OK_SOURCE, PROM_DOWN))
    later = replace(scene, now=NOW + 30, rules_checked_at=NOW + 29)
    assert verdict(scene) == verdict(later)


def test_exit_codes() -> None:
    assert [exit_code(level) for level in (Level.OK, Level.WARNING, Level.CRITICAL, Level.UNKNOWN)] == [
        0,
        1,
        2,
        3,
    ]


NOTE = replace(
    FULL,
    id="dddddddddddd",
    rule="retention",
    labels=(("subject", "prom"),),
    severity=Severity.INFO,
    summary="prom: kept 15d of 365d",
    value=None,
    threshold=None,
)


def test_an_info_alert_is_no_warning() -> None:
    level, text = say(alerts=(NOTE,))
    assert level is Level.OK
    assert text == "all 6 workflows normal · 11 rules checked just now · $2.10/h · 1 info"
    assert say(alerts=(acked(NOTE),))[1].endswith("$2.10/h")
    assert say(alerts=(NOTE, FULL)) == say(alerts=(FULL,))
    assert say(alerts=(replace(NOTE, state=AlertState.PENDING),))[1].endswith("$2.10/h")


def test_what_retention_cannot_say_does_not_make_the_present_unknown() -> None:
    unknown = Unjudged(("retention", (("subject", "app logs"),)), None, "app logs: oldest not known")
    assert say(unjudged=(unknown,))[0] is Level.OK


def test_of_a_past_moment_it_is_not_said_how_many_rules_were_checked() -> None:
    assert say(rules_checked=None)[1] == "all 6 workflows normal · $2.10/h"


@pytest.mark.parametrize(
    ("burn", "said"),
    [
        (Money(priced=2.1), "~$2.10/h"),
        (Money(exact=1.0, priced=1.1), "~$2.10/h"),
        (Money(exact=2.1, unpriced_tokens=9.0), "at least $2.10/h"),
        (Money(low=2.1, high=9.0), "at least $2.10/h"),
    ],
)
def test_a_price_that_is_no_fact_says_so(burn: Money, said: str) -> None:
    assert f" {said}" in f" {verdict(replace(SCENE, burn=burn)).text}"
