"""What the sentence says of alerts: taken, kept quiet, foreign, flapping, several of one workflow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from wfmon.analysis.headline import headline
from wfmon.analysis.verdict import Scene, verdict
from wfmon.model.alert import Ack, Alert, AlertState, Severity
from wfmon.model.episode import Unjudged
from wfmon.model.snapshot import LadderStep, Level, StatusCounts, Workflow
from wfmon.model.source import SourceState, SourceStatus

NOW = 1772373807.0  # 14:03:27 UTC
AT_14 = NOW - 207
UNTIL_15 = NOW + 3393
SCENE = Scene(
    now=NOW,
    zone=UTC,
    alerts=(),
    unjudged=(),
    sources=(SourceStatus("app logs", "logs", SourceState.OK, as_of=NOW),),
    workflows=(Workflow("w", ladder=(LadderStep(300, 300, StatusCounts(5)),)),),
    host=None,
    rules_checked=11,
    rules_checked_at=NOW - 1,
    acks_shared=True,
    me="joe",
)
FAILING = Alert(
    "aaaaaaaaaaaa",
    "failure_rate",
    (("workflow", "w"),),
    Severity.CRITICAL,
    AlertState.FIRING,
    "32% (80 of 250 in 5m)",
    AT_14,
    False,
    workflow="w",
    value=0.32,
    threshold=0.05,
)
SLOW = replace(
    FAILING,
    id="bbbbbbbbbbbb",
    rule="timeout",
    severity=Severity.WARNING,
    summary="2 runs over 4m, longest 9m",
)
OTHER = replace(FAILING, id="cccccccccccc", workflow="v", labels=(("workflow", "v"),))
FOREIGN = replace(
    FAILING,
    id="dddddddddddd",
    rule="HighErrorRate",
    labels=(("alertname", "HighErrorRate"), ("workflow", "w")),
    summary="many runs fail",
    source="prom",
)
DANA = Ack("dana", NOW - 60, UNTIL_15, shared=True, silence="s1", via="am")
JOE = Ack("joe", NOW - 60, UNTIL_15)


def acked(alert: Alert, ack: Ack = JOE, state: AlertState = AlertState.ACKED) -> Alert:
    return replace(alert, state=state, ack=ack)


def say(*alerts: Alert, **more: object) -> str:
    return verdict(replace(SCENE, alerts=alerts, **more)).text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        (FAILING, "nobody has it"),
        (acked(FAILING), "joe has it until 15:00"),
        (acked(FAILING, replace(JOE, until=None, until_resolved=True)), "joe has it until it ends"),
        (acked(FAILING, replace(JOE, snooze=True), AlertState.SNOOZED), "snoozed by joe until 15:00"),
        (
            replace(acked(FAILING, DANA, AlertState.SILENCED), held=DANA, standing=AlertState.SILENCED),
            "silenced by dana until 15:00 in am",
        ),
        (
            replace(acked(FAILING, DANA), held=DANA, standing=AlertState.ACKED),
            "dana has it until 15:00 in am",
        ),
        (replace(acked(FAILING), held=DANA, standing=AlertState.SILENCED), "joe has it until 15:00"),
        (replace(FAILING, state=AlertState.SILENCED, quieted="silenced by 2"), "silenced by 2"),
        (replace(FAILING, state=AlertState.SILENCED), "silenced"),
        (replace(FAILING, state=AlertState.INHIBITED, quieted="by NodeDown"), "inhibited by NodeDown"),
        (
            replace(FAILING, state=AlertState.INHIBITED, quieted="inhibited by NodeDown"),
            "inhibited by NodeDown",
        ),
        (replace(FAILING, state=AlertState.INHIBITED), "inhibited"),
    ],
)
def test_who_has_it_or_keeps_it_quiet(alert: Alert, words: str) -> None:
    assert say(alert) == f"w fails 32% (80 of 250 in 5m) since 14:00 · {words}"
    if alert.taken:
        left_out = verdict(replace(SCENE, alerts=(alert,), unacked=True))
        assert (left_out.level, left_out.text.startswith("nothing that nobody has")) == (Level.OK, True)
    assert verdict(replace(SCENE, alerts=(alert,))).level is Level.CRITICAL, "it counts all the same"


def test_several_alerts_of_a_workflow_are_said_once() -> None:
    assert say(SLOW, FAILING) == "w fails 32% (80 of 250 in 5m) and 1 more since 14:00 · nobody has it"
    assert say(SLOW, FAILING, OTHER) == (
        "w fails 32% (80 of 250 in 5m) and 1 more since 14:00 · nobody has it · 1 more critical"
    )


def test_what_nobody_has_is_not_hidden_behind_what_somebody_has() -> None:
    assert say(acked(FAILING), SLOW) == (
        "w fails 32% (80 of 250 in 5m) since 14:00 · joe has it until 15:00"
        " · warning: w: 2 runs over 4m, longest 9m"
    )
    assert say(FAILING, acked(SLOW)).startswith("w fails 32% (80 of 250 in 5m) and 1 more since")


def test_what_is_only_kept_quiet_is_not_said_to_be_had() -> None:
    quiet = acked(replace(SLOW, workflow="u"), DANA, AlertState.SILENCED)
    assert say(FAILING, quiet).endswith(" · warning: u: 2 runs over 4m, longest 9m (silenced)")
    assert say(FAILING, acked(replace(SLOW, workflow="u"))).endswith("longest 9m (joe has it)")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "HighErrorRate w: many runs fail"),
        ({"summary": "w: many runs fail"}, "HighErrorRate: w: many runs fail"),
        ({"summary": "HighErrorRate on w"}, "HighErrorRate on w"),
        ({"summary": ""}, "HighErrorRate w"),
        (
            {"workflow": None, "labels": (("alertname", "X"), ("instance", "db:9"))},
            "HighErrorRate db:9: many runs fail",
        ),
        ({"workflow": None, "labels": (), "summary": ""}, "HighErrorRate"),
        ({"summary": "y" * 300}, f"HighErrorRate w: {'y' * 59}…"),
    ],
)
def test_an_alert_of_another_system_says_nothing_twice(changes: dict[str, object], words: str) -> None:
    assert headline(replace(FOREIGN, **changes)) == words  # type: ignore[arg-type]


def test_flapping_is_said() -> None:
    flapping = replace(FAILING, flapping=True, flaps=4, summary="flapping, 32% (80 of 250 in 5m)")
    assert headline(flapping) == "w fails 32% (80 of 250 in 5m), flapping ↯4"
    assert headline(replace(FAILING, flaps=3)) == "w fails 32% (80 of 250 in 5m)"


def test_a_rule_that_learns_is_no_doubt() -> None:
    learning = Unjudged(("timeout", (("workflow", "w"),)), "w", "no baseline (n=7)", learning=True)
    assert say(unjudged=(learning,)) == "the only workflow is normal · 11 rules checked just now"


def test_a_rule_that_fails_is_unknown_and_its_alert_is_not_said_twice() -> None:
    failed = Unjudged(("timeout", ()), None, "rule timeout fails: ValueError: x")
    alert = replace(
        SLOW, rule="evaluation", labels=(("rule", "timeout"),), workflow=None, summary="rule timeout fails: y"
    )
    found = verdict(replace(SCENE, unjudged=(failed,)))
    assert (found.level, found.text) == (Level.UNKNOWN, "rule timeout fails: ValueError: x")
    found = verdict(replace(SCENE, unjudged=(failed,), alerts=(alert,)))
    assert found.text == "rule timeout fails: ValueError: x since 14:00 · nobody has it"
    assert found.alert_id == alert.id
    assert say(acked(alert), unjudged=(failed,)).endswith("joe has it until 15:00")
    elsewhere = replace(
        alert, labels=(("rule", "timeout"), ("source", "prom")), summary="rule timeout of prom"
    )
    assert verdict(replace(SCENE, alerts=(elsewhere,))).level is Level.WARNING


def test_pending_elsewhere_is_counted_where_all_is_fine() -> None:
    assert say(replace(FOREIGN, state=AlertState.PENDING)).endswith("1 pending")
