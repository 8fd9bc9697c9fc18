"""Alerts of Prometheis and Alertmanagers through our episodes: one each, whoever answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wfmon.analysis.episodes import EpisodeMemory, advance, begin, sightings
from wfmon.analysis.foreign import YOUNG_SECONDS, findings
from wfmon.analysis.foreignjoin import joined, named
from wfmon.analysis.foreignrules import rule_infos
from wfmon.analysis.replaced import unreplaced
from wfmon.analysis.shown import alerts
from wfmon.model.alert import Alert, AlertState, Finding, Labels, Severity
from wfmon.model.episode import EpisodeRecord
from wfmon.model.foreign import ForeignAlert, ForeignAlerts, ForeignRule, Matcher, Silence, System
from wfmon.model.settings import EpisodeSettings
from wfmon.model.source import Failure, SourceState, SourceStatus

SETTINGS = EpisodeSettings(gap_seconds=600, resolved_keep_seconds=900)
T0 = 1_000_000.0
HOT = {"alertname": "Hot", "workflow": "invoice", "severity": "page"}


def labels(**pairs: str) -> Labels:
    return tuple(sorted(pairs.items()))


def alert(
    pairs: dict[str, str], state: AlertState = AlertState.FIRING, *, since: float = T0 - 60, **more: object
) -> ForeignAlert:
    made = ForeignAlert(
        name=pairs["alertname"],
        labels=labels(**pairs),
        severity=Severity.CRITICAL,
        state=state,
        since=since,
        summary="too hot",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def silence(comment: str = "deploying", by: str = "joe", until: float = T0 + 900, id: str = "s1") -> Silence:
    return Silence(id, (Matcher("alertname", "Hot"),), by, comment, T0 - 30, until, T0 - 30, True)


@dataclass
class World:
    """Two Prometheis and an Alertmanager that a test changes, and the episodes that come of it."""

    now: float = T0
    told: dict[str, ForeignAlerts] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    sources: tuple[str, ...] = ("prom", "am")
    memory: EpisodeMemory = field(default_factory=EpisodeMemory)
    aliases: dict[str, str] = field(default_factory=dict)

    def says(self, source: str, *listed: ForeignAlert, **more: object) -> None:
        system = System.ALERTMANAGER if source.startswith("am") else System.PROMETHEUS
        old = self.told.get(source) or ForeignAlerts(source, system, self.now, started_at=T0 - 86_400)
        self.told[source] = replace(old, at=self.now, alerts=tuple(listed), **more)  # type: ignore[arg-type]
        self.down.discard(source)

    def after(self, seconds: float) -> None:
        """Later, and each that is up has just answered the same."""
        self.now += seconds
        for name, told in self.told.items():
            if name not in self.down:
                self.told[name] = replace(told, at=self.now)

    def found(self) -> tuple[Finding, ...]:
        return findings(tuple(self.told.values()), self.statuses(), self.memory, self.aliases, self.now)

    def statuses(self) -> tuple[SourceStatus, ...]:
        return tuple(self._status(name) for name in self.sources)

    def _status(self, name: str) -> SourceStatus:
        kind = "alertmanager" if name.startswith("am") else "prometheus"
        if name in self.down:
            return SourceStatus(name, kind, SourceState.DOWN, failure=Failure.REFUSED)
        return SourceStatus(name, kind, SourceState.OK if name in self.told else SourceState.WAITING)

    def look(self) -> list[Alert]:
        """What is shown after one evaluation."""
        self.memory = advance(self.memory, self.found(), self.now, SETTINGS)
        return list(alerts(self.memory, {}, self.now, SETTINGS))

    def one(self) -> Alert:
        (shown,) = self.look()
        return shown

    def restart(self) -> None:
        """Another process goes on from what the store has."""
        records = [
            EpisodeRecord(
                id=seen.id,
                rule=seen.rule,
                labels=seen.labels,
                severity=seen.severity,
                summary=seen.summary,
                began_at=seen.since,
                began_at_least=seen.since_at_least,
                last_seen_at=self.now,
                workflow=seen.workflow,
                source=seen.source,
            )
            for seen in sightings(self.memory)
        ]
        self.memory = begin(records, self.now)


def firing(world: World, *, outer: dict[str, str] | None = None, **more: object) -> Alert:
    """One alert that both systems tell of, with an external label."""
    world.says("prom", alert(HOT, value=12.0))
    world.says("am", alert(outer or {**HOT, "site": "lab"}, since=T0 - 20, fingerprint="f1", **more))
    return world.one()


# --- one alert of several views


def test_views_with_and_without_external_labels_are_one_alert() -> None:
    shown = firing(World(), receivers=("oncall",))
    assert (shown.rule, shown.state, shown.severity) == ("Hot", AlertState.FIRING, Severity.CRITICAL)
    assert shown.labels == labels(**HOT)
    assert (shown.since, shown.since_at_least) == (T0 - 60, False), "since it holds, not since it fires"
    assert (shown.value, shown.source, shown.workflow) == (12.0, "prom", "invoice")
    assert shown.foreign is not None
    assert shown.foreign.labels == labels(**HOT, site="lab"), "as the Alertmanager has them: for a silence"
    assert (shown.foreign.alertmanager, shown.foreign.fingerprint) == ("am", "f1")
    assert shown.foreign.receivers == ("oncall",)
    assert not shown.foreign.writable


def test_a_pair_of_prometheis_and_a_pair_of_alertmanagers_tell_of_one_alert() -> None:
    world = World(sources=("prom-a", "prom-b", "am-a", "am-b"))
    world.says("prom-a", alert(HOT))
    world.says("prom-b", alert(HOT, since=T0 - 90))
    world.says("am-a", alert({**HOT, "site": "lab"}))
    world.says("am-b", alert({**HOT, "site": "lab"}), writable=True)
    shown = world.one()
    assert shown.since == T0 - 90
    assert shown.foreign is not None
    assert (shown.foreign.alertmanager, shown.foreign.writable) == ("am-b", True)


def test_where_several_fit_it_is_the_nearest() -> None:
    wide = {**HOT, "instance": "1"}
    world = World()
    world.says("prom", alert(HOT), alert(wide))
    world.says(
        "am", alert({**wide, "site": "lab"}, fingerprint="w"), alert({**HOT, "site": "lab"}, fingerprint="n")
    )
    shown = {each.labels: each.foreign.fingerprint for each in world.look() if each.foreign}
    assert shown == {labels(**HOT): "n", labels(**wide): "w"}


def test_alerts_that_only_an_alertmanager_tells_apart_are_two() -> None:
    """Two Prometheis whose external labels alone differ."""
    world = World(sources=("prom-a", "prom-b", "am"))
    for source in ("prom-a", "prom-b"):
        world.says(source, alert(HOT))
    sites = [alert({**HOT, "site": site}) for site in ("berlin", "paris")]
    world.says("am", *sites)
    first = world.look()
    assert {each.labels for each in first} == {each.labels for each in sites}

    world.down.add("am")
    world.after(10)
    assert {(each.id, each.state) for each in world.look()} == {
        (each.id, AlertState.FIRING) for each in first
    }

    world.says("am", started_at=world.now)  # it comes back knowing nothing
    assert {each.id for each in world.look() if each.state is not AlertState.RESOLVED} == {
        each.id for each in first
    }

    world.says("am", sites[0])
    ended = {each.id: each.state for each in world.look() if each.state is AlertState.RESOLVED}
    assert not ended, "it has just begun and may not know the other yet"
    world.after(YOUNG_SECONDS)
    (ended_one,) = [each for each in world.look() if each.state is AlertState.RESOLVED]
    assert dict(ended_one.labels)["site"] == "paris"


def test_an_open_episode_is_continued_rather_than_one_that_ended() -> None:
    world = World()
    world.says("prom", alert(HOT))
    world.says("am", alert({**HOT, "site": "lab"}))
    (both,) = joined(tuple(world.told.values()), frozenset({"prom", "am"}))
    narrow, wide = labels(**HOT), labels(**HOT, site="lab")
    assert list(named([both], {})) == [narrow]
    assert list(named([both], {narrow: False, wide: True})) == [wide]
    assert list(named([both], {narrow: True, wide: False})) == [narrow]


def test_of_two_that_share_a_prometheus_alert_each_keeps_its_own_episode() -> None:
    world = World()
    world.says("prom", alert(HOT))
    world.says("am", *(alert({**HOT, "site": site}) for site in ("berlin", "paris")))
    twins = joined(tuple(world.told.values()), frozenset({"prom", "am"}))
    paris = labels(**HOT, site="paris")
    assert named(twins, {paris: True})[paris].outer == paris


def test_an_alert_of_the_alertmanager_alone() -> None:
    world = World(sources=("am",))
    world.says("am", alert(HOT, since=T0 - 20))
    shown = world.one()
    assert (shown.since, shown.since_at_least) == (T0 - 20, True), "it may have held before it fired"
    assert (shown.value, shown.source) == (None, "am")
    world.says("am")
    assert world.one().state is AlertState.RESOLVED


def test_names_of_workflows_are_those_in_use_here() -> None:
    world = World(aliases={"inv": "invoice"})
    world.says("prom", alert({"alertname": "Hot", "workflow_name": "inv"}))
    assert world.one().workflow == "invoice"


# --- states


def test_pending_waits_and_the_same_alert_then_fires() -> None:
    world = World()
    world.says("am")
    world.says("prom", alert(HOT, AlertState.PENDING, since=T0))
    assert world.one().state is AlertState.PENDING
    world.after(86_000)
    assert world.one().state is AlertState.PENDING, "how long is the Prometheus' affair"
    world.says("prom", alert(HOT, since=T0))
    shown = world.one()
    assert (shown.state, shown.since) == (AlertState.FIRING, T0)
    world.says("prom")
    assert world.one().state is AlertState.RESOLVED


def test_pending_that_goes_away_leaves_nothing() -> None:
    world = World()
    world.says("prom", alert(HOT, AlertState.PENDING))
    world.look()
    world.says("prom")
    assert world.look() == []


def test_silenced_says_by_whom_why_and_until_when() -> None:
    world = World()
    world.says("am", silences=(silence(),), clock_ahead=100.0)
    shown = firing(world, state=AlertState.SILENCED, silenced_by=("s1",))
    assert shown.state is AlertState.SILENCED
    assert shown.quieted == "silenced by joe: deploying"
    assert shown.ack is not None
    assert (shown.ack.by, shown.ack.comment, shown.ack.silence) == ("joe", "deploying", "s1")
    assert (shown.ack.until, shown.ack.via, shown.ack.shared) == (T0 + 800, "am", True), "by our clock"


@pytest.mark.parametrize(
    ("comment", "said"),
    [("ACK! looking", "looking"), ("ACK! acknowledged (wfmon 0123456789ab)", "acknowledged"), ("ACK!", "")],
)
def test_a_silence_that_is_an_ack_shows_who_has_it(comment: str, said: str) -> None:
    world = World()
    world.says("am", silences=(silence(until=T0 + 9000, id="long"), silence(comment, by="dana")))
    shown = firing(world, state=AlertState.SILENCED, silenced_by=("long", "s1"))
    assert shown.state is AlertState.ACKED
    assert shown.ack is not None
    assert (shown.ack.by, shown.ack.comment) == ("dana", said)


def test_inhibited_says_by_what_and_muted_by_which_interval() -> None:
    world = World()
    node = alert({"alertname": "NodeDown"}, fingerprint="f9")
    world.says("prom", alert(HOT), alert({"alertname": "NodeDown"}))
    world.says("am", alert(HOT, AlertState.INHIBITED, inhibited_by=("f9",)), node)
    inhibited = next(each for each in world.look() if each.rule == "Hot")
    assert (inhibited.state, inhibited.quieted) == (AlertState.INHIBITED, "inhibited by NodeDown")
    world.says("am", alert(HOT, AlertState.SILENCED, muted_by=("nights",)), node)
    muted = next(each for each in world.look() if each.rule == "Hot")
    assert (muted.state, muted.quieted) == (AlertState.SILENCED, "muted by time interval nights")


def test_one_alertmanager_that_notifies_is_heard() -> None:
    world = World(sources=("prom", "am", "am-b"))
    world.says("am-b", alert(HOT))
    world.says("am", silences=(silence(),))
    assert firing(world, outer=HOT, state=AlertState.SILENCED, silenced_by=("s1",)).state is AlertState.FIRING


def test_a_silence_stands_while_its_alertmanager_is_down_and_ends_when_it_ends() -> None:
    world = World()
    world.says("am", silences=(silence(),), clock_ahead=-1000.0)
    firing(world, state=AlertState.SILENCED, silenced_by=("s1",))
    world.down.add("am")
    world.after(1800)
    assert world.one().state is AlertState.SILENCED
    world.after(200)
    assert world.one().state is AlertState.FIRING


# --- who answers


def test_a_prometheus_that_lists_it_no_more_wins_over_an_alertmanager_that_still_does() -> None:
    world = World()
    first = firing(world)
    world.says("prom")
    ended = world.one()
    assert (ended.id, ended.state) == (first.id, AlertState.RESOLVED)
    for _ in range(4):
        world.after(60)
        assert [each.state for each in world.look()] == [AlertState.RESOLVED], "no second one"
    world.says("am")
    assert world.one().state is AlertState.RESOLVED
    world.after(120)
    world.says("prom", alert(HOT, since=world.now))
    again = world.one()
    assert (again.id, again.state, again.flaps) == (first.id, AlertState.FIRING, 1)


def test_what_a_prometheus_lists_is_there_whatever_the_alertmanager_says() -> None:
    world = World()
    first = firing(world)
    world.says("am")
    assert world.one().state is AlertState.FIRING
    world.down.add("am")
    world.after(600)
    assert (world.one().id, world.one().state) == (first.id, AlertState.FIRING)


def test_an_alertmanager_vouches_while_the_prometheus_is_silent() -> None:
    world = World()
    first = firing(world)
    world.down.add("prom")
    world.after(600)
    assert (world.one().id, world.one().state) == (first.id, AlertState.FIRING)
    world.says("am")  # nobody tells it of the alert any more
    assert world.one().state is AlertState.NO_DATA
    world.says("prom", alert(HOT))
    assert (world.one().id, world.one().state) == (first.id, AlertState.FIRING)


def test_nobody_answers() -> None:
    world = World()
    first = firing(world)
    world.down |= {"prom", "am"}
    world.after(600)
    assert (world.one().id, world.one().state) == (first.id, AlertState.NO_DATA)
    world.says("prom")
    assert world.one().state is AlertState.RESOLVED


def test_old_alerts_of_a_source_that_answers_otherwise_are_not_of_now() -> None:
    world = World()
    firing(world)
    world.now += 120
    assert world.one().state is AlertState.NO_DATA


def test_alerts_that_a_prometheus_ends_because_it_is_down_are_not_over() -> None:
    world = World()
    world.down.add("prom")
    world.says("am", alert(HOT))
    assert world.one().source == "am"
    world.says("am")
    assert world.one().state is AlertState.NO_DATA
    world.says("prom")
    assert world.one().state is AlertState.RESOLVED


def test_a_store_behind_the_queries_that_has_no_alerts_holds_nothing_open() -> None:
    world = World()
    ok = replace(world._status("prom"), state=SourceState.OK)
    world._status = lambda name: ok if name == "prom" else World._status(world, name)  # type: ignore[method-assign]
    world.says("am", alert(HOT))
    world.look()
    world.says("am")
    assert world.one().state is AlertState.RESOLVED


def test_what_did_not_fit_may_still_be_there() -> None:
    world = World()
    firing(world)
    world.says("prom", complete=False)
    world.says("am", complete=False)
    assert world.one().state is AlertState.NO_DATA


def test_an_alert_whose_rule_fails_is_not_over() -> None:
    world = World()
    firing(world)
    broken = ForeignRule("Hot", "g", "1/0", "err", "division")
    world.says("prom", rules=(broken,))
    world.says("am")
    assert world.one().state is AlertState.NO_DATA
    world.says("prom", rules=())
    assert world.one().state is AlertState.RESOLVED


# --- restarts


def test_a_prometheus_that_restarts_goes_on_with_its_alert() -> None:
    world = World()
    first = firing(world)
    world.says("am")
    world.after(30)
    young = ForeignRule("Hot", "g", "vector(1)", "unknown")
    world.says("prom", started_at=world.now - 1, rules=(young,))
    assert (world.one().id, world.one().state) == (first.id, AlertState.NO_DATA), "not evaluated yet"
    world.says("prom", started_at=world.now - 10, rules=())
    assert world.one().state is AlertState.NO_DATA, "two scrapes are needed before it can hold"
    world.says("prom", alert(HOT, AlertState.PENDING, since=world.now - 5))
    pending = world.one()
    assert (pending.state, pending.since) == (AlertState.FIRING, first.since)
    world.after(300)
    world.says("prom", alert(HOT, since=world.now - 305))
    shown = world.one()
    assert (shown.id, shown.state, shown.since, shown.flaps) == (first.id, AlertState.FIRING, first.since, 0)


def test_a_restarted_prometheus_that_no_more_finds_it() -> None:
    world = World()
    firing(world)
    world.says("am")
    world.says("prom", started_at=world.now)
    assert world.one().state is AlertState.NO_DATA
    world.after(YOUNG_SECONDS)
    assert world.one().state is AlertState.RESOLVED


def test_an_alert_that_ended_and_waits_anew_has_ended() -> None:
    world = World()
    first = firing(world)
    world.after(300)
    world.says("am")
    world.says("prom", alert(HOT, AlertState.PENDING, since=world.now))
    assert (world.one().id, world.one().state) == (first.id, AlertState.RESOLVED)


def test_an_alertmanager_that_restarts_knows_nothing_for_a_while() -> None:
    world = World(sources=("am",))
    world.says("am", alert(HOT, fingerprint="f"))
    first = world.one()
    world.after(60)
    world.says("am", started_at=world.now - 2)
    assert (world.one().id, world.one().state) == (first.id, AlertState.NO_DATA)
    world.says("am", alert(HOT, since=world.now))
    shown = world.one()
    assert (shown.id, shown.state, shown.since, shown.flaps) == (first.id, AlertState.FIRING, first.since, 0)


@pytest.mark.parametrize("also", [(), ("am",)])
def test_another_wfmon_goes_on_with_the_episode_whoever_answers_first(also: tuple[str, ...]) -> None:
    world = World()
    first = firing(world)
    told, world.told = world.told, {}
    world.restart()
    assert (world.one().id, world.one().state) == (first.id, AlertState.NO_DATA), "nobody answered yet"
    for source in (*also, "prom"):
        world.told[source] = told[source]
        assert [each.id for each in world.look()] == [first.id]
    assert world.one().state is AlertState.FIRING


def test_an_episode_keeps_its_labels_when_the_prometheus_answers_later() -> None:
    world = World()
    world.says("am", alert({**HOT, "site": "lab"}, since=T0 - 20))
    first = world.one()
    world.says("prom", alert(HOT))
    shown = world.one()
    assert (shown.id, shown.labels) == (first.id, first.labels)
    assert (shown.since, shown.since_at_least, shown.source) == (T0 - 60, False, "prom")
    world.down.add("am")
    world.after(10)
    assert world.one().id == first.id
    world.says("prom")
    assert world.one().state is AlertState.RESOLVED


def test_a_source_that_is_no_more_asked_is_not_spoken_for() -> None:
    world = World()
    firing(world)
    world.restart()
    world.sources, world.told = (), {}
    assert world.look() == []


# --- any order, any failure


REAL = st.lists(
    st.fixed_dictionaries(
        {"alertname": st.sampled_from(["Hot", "Cold"]), "workflow": st.sampled_from("abc")},
        optional={"instance": st.sampled_from("12"), "severity": st.just("page")},
    ),
    max_size=6,
    unique_by=lambda each: tuple(sorted(each.items())),
)


@given(
    REAL, st.randoms(use_true_random=False), st.dictionaries(st.sampled_from("xyz"), st.just("e"), max_size=2)
)
@settings(max_examples=60, deadline=None)
def test_each_real_alert_is_one_whatever_the_order(
    real: list[dict[str, str]], rng: object, external: dict[str, str]
) -> None:
    inner, outer = [alert(each) for each in real], [alert({**each, **external}) for each in real]
    seen = set()
    for _ in range(3):
        rng.shuffle(inner)  # type: ignore[attr-defined]
        rng.shuffle(outer)  # type: ignore[attr-defined]
        world = World()
        world.says("prom", *inner)
        world.says("am", *outer)
        if rng.random() < 0.5:  # type: ignore[attr-defined]
            world.told = dict(reversed(world.told.items()))
        found = world.found()
        assert {finding.labels for finding in found} == {labels(**each) for each in real}
        assert len(found) == len(real)
        assert all(
            finding.foreign is not None
            and finding.foreign.labels == tuple(sorted({**dict(finding.labels), **external}.items()))
            for finding in found
        )
        seen.add(found)
    assert len(seen) == 1


@given(REAL, st.lists(st.tuples(st.booleans(), st.booleans()), max_size=8))
@settings(max_examples=60, deadline=None)
def test_no_alert_becomes_two_or_ends_while_servers_come_and_go(
    real: list[dict[str, str]], up: Iterable[tuple[bool, bool]]
) -> None:
    """While at least one of them lists it, it fires; while none does, it is unknown; it never ends."""
    world = World()
    ids: dict[str, Labels] = {}
    for prometheus, alertmanager in up:
        world.after(5)
        for source, answers, external in (("prom", prometheus, {}), ("am", alertmanager, {"site": "lab"})):
            if answers:
                world.says(source, *(alert({**each, **external}) for each in real))
            else:
                world.down.add(source)
        shown = world.look()
        ids.update({each.id: each.labels for each in shown})
        heard = prometheus or alertmanager
        assert {each.state for each in shown} <= {AlertState.FIRING if heard else AlertState.NO_DATA}
    assert len(ids) <= len(real)


# --- what follows for our own


def local(rule: str = "failure_rate", /, **pairs: str) -> Alert:
    pairs = pairs or {"workflow": "invoice"}
    return Alert(
        "0" * 12,
        rule,
        labels(**pairs),
        Severity.WARNING,
        AlertState.FIRING,
        "fails",
        T0,
        False,
        pairs.get("workflow"),
    )


def other(state: AlertState = AlertState.FIRING, **pairs: str) -> Alert:
    pairs = {"alertname": "HighErrorRate", **pairs}
    shown = Alert("1" * 12, pairs["alertname"], labels(**pairs), Severity.CRITICAL, state, "high", T0, False)
    return replace(shown, workflow=pairs.get("workflow"), source="prom")


MEMORY_REPLACED = {"memory": frozenset({"HighErrorRate"})}
REPLACED = {"failure_rate": frozenset({"HighErrorRate"})}


@pytest.mark.parametrize(
    ("outside", "ours", "replaced_by", "hidden"),
    [
        (other(workflow="invoice"), local(), {}, False),
        (other(workflow="invoice"), local(), REPLACED, True),
        (other(), local(), REPLACED, True),
        (other(workflow="another"), local(), REPLACED, False),
        (other(workflow="invoice"), local("timeout"), REPLACED, False),
        (other(workflow="invoice", wfmon_rule="failure_rate"), local(), {}, True),
        (other(workflow="another", wfmon_rule="failure_rate"), local(), {}, False),
        (other(AlertState.PENDING, wfmon_rule="failure_rate"), local(), {}, False),
        (other(AlertState.RESOLVED, wfmon_rule="failure_rate"), local(), {}, False),
        (other(AlertState.SILENCED, wfmon_rule="failure_rate"), local(), {}, True),
        (other(mount="/var", wfmon_rule="storage"), local("storage", mount="/"), {}, False),
        (other(mount="/var", wfmon_rule="storage"), local("storage", mount="/var"), {}, True),
        (
            other(mountpoint="/", instance="here:9100", wfmon_rule="storage"),
            local("storage", mount="/"),
            {},
            True,
        ),
        (other(mountpoint="/a", wfmon_rule="storage"), local("storage", mount="/"), {}, False),
        (
            other(mountpoint="/", instance="db2:9100", wfmon_rule="storage"),
            local("storage", mount="/"),
            {},
            False,
        ),
        (
            other(mountpoint="/", resource="inodes", wfmon_rule="storage"),
            local("storage", mount="/"),
            {},
            False,
        ),
        (other(instance="db2:9100", wfmon_rule="memory"), local("memory", resource="memory"), {}, False),
        (other(instance="Here", wfmon_rule="memory"), local("memory", resource="memory"), {}, True),
        (other(instance="db2:9100"), local("memory", resource="memory"), MEMORY_REPLACED, False),
        (other(), local("memory", resource="memory"), MEMORY_REPLACED, True),
        (other(instance="app:80", wfmon_rule="source_down"), local("source_down", source="logs"), {}, False),
        (other(source="logs", wfmon_rule="source_down"), local("source_down", source="logs"), {}, True),
        (other(), local("source_down", source="logs"), {"source_down": frozenset({"HighErrorRate"})}, True),
    ],
)
def test_which_of_ours_a_foreign_alert_stands_for(
    outside: Alert, ours: Alert, replaced_by: dict[str, frozenset[str]], hidden: bool
) -> None:
    kept = (outside,) if hidden else (ours, outside)
    assert unreplaced((ours, outside), replaced_by, {"here"}) == kept


def test_one_without_data_hides_nothing_that_is_worse_than_it_was() -> None:
    blind = replace(other(AlertState.NO_DATA), blind=True, severity=Severity.WARNING)
    same, worse = local(), replace(local(), severity=Severity.CRITICAL)
    assert unreplaced((same, blind), REPLACED, ()) == (blind,)
    assert unreplaced((worse, blind), REPLACED, ()) == (worse, blind)
    taken = replace(blind, state=AlertState.ACKED)  # somebody has it: it is without data all the same
    assert unreplaced((worse, taken), REPLACED, ()) == (worse, taken)


def test_rules_that_fail_and_those_of_alerts_are_told() -> None:
    rules = (
        ForeignRule("Broken", "g", "1 +", "err", "parse error"),
        ForeignRule("Hot", "g", "temp > 1", "ok", labels=labels(severity="page")),
        ForeignRule("Hot", "g", "temp > 9", "ok", labels=labels(severity="none")),
        ForeignRule("Quiet", "g", "x > 1", "ok"),
        ForeignRule("Young", "g", "x > 1", "unknown"),
    )
    told = ForeignAlerts("prom", System.PROMETHEUS, T0, (alert(HOT),), rules=rules, rules_seen=5)
    assert [(each.name, each.words, each.health, each.error) for each in rule_infos([told])] == [
        ("Broken", "1 +", "err", "parse error"),
        ("Hot", "temp > 1", "ok", ""),
    ]
    assert {each.system for each in rule_infos([told])} == {"prom"}
    assert rule_infos([told])[0].where == "group g of prom"
