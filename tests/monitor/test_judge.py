"""The judge: every rule by itself, as often as it may cost, and what one that fails comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from support.snapshots import all_fine
from wfmon.config.loader import load_config
from wfmon.model.alert import Alert, AlertState, Finding, Severity
from wfmon.model.episode import Sighting
from wfmon.model.foreign import ForeignAlert, ForeignAlerts, ForeignRule, System
from wfmon.model.snapshot import LadderStep, Level, Snapshot, StatusCounts, Totals, Workflow
from wfmon.model.source import SourceState, SourceStatus
from wfmon.monitor import judge as judging
from wfmon.monitor.judge import Judge, Judged
from wfmon.monitor.picture import Picture
from wfmon.monitor.presenter import Presenter
from wfmon.monitor.rulebook import Known, Rule, rulebook
from wfmon.monitor.rulelist import RuleList
from wfmon.monitor.settings import rule_settings
from wfmon.store.acks import AckStore
from wfmon.store.paths import StateDir

FINE = all_fine()
NOW = FINE.at
RULES = rule_settings(load_config(environ={}).config)
LADDER = tuple(LadderStep(seconds, seconds, StatusCounts(success=20)) for seconds in (300.0, 21600.0))
PROM = SourceStatus("prom", "prometheus", SourceState.OK, as_of=NOW)
SOURCES = (SourceStatus("app logs", "logs", SourceState.OK, as_of=NOW), PROM)


def workflows(count: int) -> tuple[Workflow, ...]:
    return tuple(
        Workflow(f"w{i}", runs=LADDER[0].counts, window_seconds=300.0, ladder=LADDER) for i in range(count)
    )


def picture(count: int = 1, foreign: tuple[ForeignAlerts, ...] = (), prom: SourceStatus = PROM) -> Picture:
    return Picture(
        NOW,
        (SOURCES[0], prom),
        Totals(),
        workflows(count),
        (),
        None,
        {},
        (),
        FINE.cost,
        None,
        {},
        foreign=foreign,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AckStore]:
    store = AckStore(StateDir(tmp_path))
    yield store
    store.close()


class Sick:
    """A rule that says what it is told to say, or fails."""

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.evaluated = 0

    def evaluate(self, known: Known) -> Sequence[Finding]:
        self.evaluated += 1
        if self.fails is not None:
            raise self.fails
        labels = (("workflow", "w0"),)
        return (Finding("sick", labels, Severity.CRITICAL, True, "is sick", "w0"),)


def of_rule(judged: Judged, rule: str) -> list[Alert]:
    return [alert for alert in judged.alerts if alert.rule == rule]


def test_a_rule_that_fails_is_an_alert_of_its_own_and_stops_no_other(store: AckStore) -> None:
    sick = Sick()
    judge = Judge(RULES, store, [Rule("sick", sick.evaluate), *rulebook()])
    first = judge.judge(picture(), NOW)
    assert [alert.state for alert in of_rule(first, "sick")] == [AlertState.FIRING]
    assert (first.failures, of_rule(first, "evaluation")) == ({}, [])

    sick.fails = ValueError("token=abcdef123456 \x1b]0;x\x07 " + "y" * 500)
    broken = judge.judge(picture(), NOW + 5)
    assert [alert.state for alert in of_rule(broken, "sick")] == [AlertState.NO_DATA]
    assert broken.rules_checked == first.rules_checked - 1
    text = broken.failures["sick"]
    assert text.startswith("ValueError: token=<redacted>")
    assert len(text) <= 160
    assert text.isprintable()
    assert broken.unjudged[0].text == f"rule sick fails: {text}"
    assert [alert.state for alert in of_rule(broken, "evaluation")] == [AlertState.PENDING]

    after = judge.judge(picture(), NOW + 40)
    (alert,) = of_rule(after, "evaluation")
    assert (alert.state, alert.severity, alert.labels) == (
        AlertState.FIRING,
        Severity.WARNING,
        (("rule", "sick"),),
    )

    sick.fails = None
    well = judge.judge(picture(), NOW + 50)
    assert [alert.state for alert in of_rule(well, "evaluation")] == [AlertState.RESOLVED]
    assert [alert.state for alert in of_rule(well, "sick")] == [AlertState.FIRING]
    assert (well.failures, well.unjudged) == ({}, ())


def test_of_a_rule_that_fails_from_the_start_the_stored_alert_is_open(store: AckStore) -> None:
    sick = Sick()
    (before,) = of_rule(Judge(RULES, store, [Rule("sick", sick.evaluate)]).judge(picture(), NOW), "sick")
    sick.fails = KeyError("x")
    (after,) = of_rule(Judge(RULES, store, [Rule("sick", sick.evaluate)]).judge(picture(), NOW + 60), "sick")
    assert (after.id, after.state) == (before.id, AlertState.NO_DATA)


def before(rule: str, *labels: tuple[str, str], source: str = "wfmon") -> Sighting:
    identity = f"{rule}{labels}".encode().hex()[:12]
    return Sighting(
        identity, rule, labels, Severity.CRITICAL, "was bad", NOW - 600, False, None, source=source
    )


def test_what_was_open_before_a_restart_is_open_until_known_data_end_it(store: AckStore) -> None:
    """No finding speaks of a workflow that no source tells of yet."""
    fails = replace(before("failure_rate", ("workflow", "w1")), workflow="w1")
    store.observe([fails], NOW - 30)
    store.ack(fails.id, "joe", NOW - 20)
    judge = Judge(RULES, store)
    judged = judge.judge(picture(1), NOW)
    (alert,) = judged.alerts
    assert (alert.id, alert.state, alert.since, alert.severity) == (
        fails.id,
        AlertState.NO_DATA,
        NOW - 600,
        Severity.CRITICAL,
    )
    assert alert.summary == "no data, last known: was bad"
    seen = shown(judged, store, NOW)
    assert (seen.verdict.level, seen.alerts[0].state) == (Level.CRITICAL, AlertState.ACKED)
    assert store.records(NOW)[fails.key].last_seen_at == NOW - 30, "it was not seen"

    (alert,) = judge.judge(picture(2), NOW + 20).alerts  # told of, and well
    assert (alert.id, alert.state) == (fails.id, AlertState.RESOLVED)


def test_what_nobody_asks_after_any_more_is_not_open_for_ever(store: AckStore) -> None:
    gone = [
        before("source_down", ("source", "gone")),
        before("HighErrors", ("alertname", "HighErrors"), source="gone"),
        before("memory", ("resource", "memory")),  # no host is looked at
        before("timeout", ("workflow", "w7")),
        before("no_such_rule", ("workflow", "w7")),
    ]
    here = before("HighErrors", ("alertname", "HighErrors"), ("job", "x"), source="prom")
    store.observe([*gone, here], NOW - 30)
    off = replace(RULES, timeout=replace(RULES.timeout, enabled=False))
    judged = Judge(off, store, [Rule("none", lambda known: ())]).judge(picture(), NOW)
    assert [(alert.labels, alert.state) for alert in judged.alerts] == [(here.labels, AlertState.NO_DATA)]
    store.observe([], NOW + 1, {here.key: NOW + 1})
    assert Judge(off, store, []).judge(picture(), NOW + 90_000).alerts == ()


def shown(judged: Judged, store: AckStore, now: float, *, unacked: bool = False) -> Snapshot:
    fine = replace(FINE, sources=SOURCES, workflows=workflows(1), host=None)
    bare = replace(
        fine,
        at=now,
        alerts=judged.alerts,
        unjudged=judged.unjudged,
        rules_checked=judged.rules_checked,
        rules_checked_at=judged.checked_at,
    )
    return Presenter(store, "joe", UTC, unacked=unacked).present(bare, now)


@pytest.mark.parametrize("rule", [rule.name for rule in rulebook()])
def test_no_rule_can_fail_into_an_ok(store: AckStore, rule: str) -> None:
    def fails(known: Known) -> Sequence[Finding]:
        raise ZeroDivisionError("division by zero")

    book = [Rule(each.name, fails) if each.name == rule else each for each in rulebook()]
    judge = Judge(RULES, store, book)
    for seconds in (0, 5, 40, 4000):
        seen = shown(judge.judge(picture(), NOW + seconds), store, NOW + seconds)
        assert seen.verdict.level is Level.UNKNOWN
        assert f"rule {rule} fails: ZeroDivisionError: division by zero" in seen.verdict.text
        assert shown(
            judge.judge(picture(), NOW + seconds), store, NOW + seconds, unacked=True
        ).verdict.level is (Level.UNKNOWN)
    assert seen.verdict.alert_id is not None, "it can be taken"


ILL = ForeignAlerts(
    "prom",
    System.PROMETHEUS,
    NOW,
    rules=(
        ForeignRule("HighErrorRate", "g", "rate(", "err", "parse error"),
        ForeignRule("Fine", "g", "up", "ok"),
    ),
)


def test_a_rule_of_a_prometheus_that_cannot_be_evaluated_is_an_alert(store: AckStore) -> None:
    judge = Judge(RULES, store)
    judge.judge(picture(foreign=(ILL,)), NOW)
    (alert,) = of_rule(judge.judge(picture(foreign=(ILL,)), NOW + 35), "evaluation")
    assert alert.labels == (("rule", "HighErrorRate"), ("source", "prom"))
    assert (alert.state, alert.summary) == (
        AlertState.FIRING,
        "rule HighErrorRate of prom fails: parse error",
    )
    down = replace(PROM, state=SourceState.DOWN)
    (alert,) = of_rule(judge.judge(picture(foreign=(ILL,), prom=down), NOW + 70), "evaluation")
    assert alert.state is AlertState.NO_DATA
    well = replace(ILL, rules=())
    (alert,) = of_rule(judge.judge(picture(foreign=(well,), prom=down), NOW + 80), "evaluation")
    assert alert.state is AlertState.NO_DATA, "an old answer says nothing of now"
    (alert,) = of_rule(judge.judge(picture(foreign=(well,)), NOW + 90), "evaluation")
    assert alert.state is AlertState.RESOLVED


def test_a_foreign_alert_that_stands_for_ours_hides_it(store: AckStore) -> None:
    replaced = replace(RULES, replaced_by={"sick": frozenset({"SickElsewhere"})})
    labels = (("alertname", "SickElsewhere"), ("workflow", "w0"))
    theirs = ForeignAlert("SickElsewhere", labels, Severity.CRITICAL, AlertState.FIRING, NOW - 60, "it is")
    foreign = (replace(ILL, alerts=(theirs,), rules=()),)
    for settings, rules in ((replaced, {"SickElsewhere"}), (RULES, {"SickElsewhere", "sick"})):
        judge = Judge(settings, store, [Rule("sick", Sick().evaluate), *rulebook()])
        judged = judge.judge(picture(foreign=foreign), NOW)
        assert {alert.rule for alert in judged.alerts} == rules


@pytest.mark.parametrize(("count", "every"), [(200, 5.0), (201, 15.0)])
def test_rules_are_looked_at_every_five_seconds_and_of_a_crowd_every_fifteen(
    store: AckStore, monkeypatch: pytest.MonkeyPatch, count: int, every: float
) -> None:
    monkeypatch.setattr(judging.time, "thread_time", lambda: 0.0)
    sick = Sick()
    judge = Judge(RULES, store, [Rule("sick", sick.evaluate)])
    seen = picture(count)
    evaluations = []
    for second in range(int(3 * every) + 1):
        judged = judge.judge(seen, NOW + second)
        evaluations.append(sick.evaluated)
        assert judged.checked_at is not None
        assert NOW + second - judged.checked_at < every
    assert evaluations[-1] == 4


def test_what_rules_cost_spaces_them_but_not_beyond_half_a_minute(
    store: AckStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = iter(range(1000))
    monkeypatch.setattr(judging.time, "thread_time", lambda: float(next(spent)))
    sick = Sick()
    judge = Judge(RULES, store, [Rule("sick", sick.evaluate)])
    judge.judge(picture(), NOW)
    judge.judge(picture(), NOW + 29)
    assert sick.evaluated == 1
    judge.judge(picture(), NOW + 30)
    assert sick.evaluated == 2


def test_a_clock_that_was_set_back_does_not_stop_the_rules(store: AckStore) -> None:
    sick = Sick()
    judge = Judge(RULES, store, [Rule("sick", sick.evaluate)])
    judge.judge(picture(), NOW)
    judged = judge.judge(picture(), NOW - 3600)
    assert (sick.evaluated, judged.checked_at) == (2, NOW - 3600)


def test_nothing_new_is_the_same_objects(store: AckStore) -> None:
    def learns(known: Known) -> Sequence[Finding]:
        labels = (("workflow", "w0"),)
        return (
            Finding("learns", labels, Severity.WARNING, False, "no baseline (n=7)", "w0", learning=True),
            Finding("fires", labels, Severity.INFO, True, "a note", "w0"),
        )

    judge = Judge(RULES, store, [Rule("learns", learns)])
    first, second = judge.judge(picture(), NOW), judge.judge(picture(), NOW + 5)
    assert second.unjudged is first.unjudged
    assert judge.judge(picture(), NOW + 6).alerts is second.alerts
    assert first.unjudged[0].learning


def test_the_list_of_rules_is_made_once_and_tells_how_each_does() -> None:
    made: list[Callable[[], None]] = []

    def own() -> tuple:  # type: ignore[type-arg]
        made.append(lambda: None)
        from wfmon.monitor.rulewords import rule_infos

        return rule_infos(load_config(environ={}).config)

    rules = RuleList(own)
    first = rules.told({}, ())
    assert rules.told({}, ()) is first
    failing = rules.told({"stall": "ValueError: x"}, (ILL,))
    assert rules.told({"stall": "ValueError: x"}, (ILL,)) is failing
    assert rules.told({"stall": "ValueError: x"}, (replace(ILL, at=NOW + 5),)) is failing, "nothing new in it"
    by_name = {rule.name: rule for rule in failing}
    assert (by_name["stall"].health, by_name["stall"].error) == ("err", "ValueError: x")
    assert (by_name["HighErrorRate"].system, by_name["HighErrorRate"].health) == ("prom", "err")
    assert rules.told({}, ()) == first
    assert len(made) == 1
