"""Alerts and rules of a Prometheus, as its source tells them beside its figures."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support import hostile_http
from support.hostile_http import Behaviour, Hostile, response, serving
from support.payloads import PAYLOADS, Payload
from support.waiting import wait_until
from wfmon.model.alert import AlertState, Severity
from wfmon.sources import prometheus_alerts
from wfmon.sources.base import Reading
from wfmon.sources.prometheus_alerts import AlertsBeside
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_scope import Scope

NOW = 1_800_000_000.0
BARE = Reading(at=NOW)


def told(
    name: str = "Hot", *, state: str = "firing", value: str = "1.21e+01", **more: object
) -> dict[str, object]:
    return {
        "labels": {"alertname": name, "severity": "page"},
        "annotations": {"message": "too hot\nmore", "runbook": "runbooks/hot.md"},
        "state": state,
        "activeAt": "2027-01-15T07:59:00.632510205Z",
        "value": value,
        **more,
    }


def rule(name: str = "Hot", **more: object) -> dict[str, object]:
    return {
        "name": name,
        "query": "temp > 1",
        "health": "ok",
        "lastEvaluation": "2027-01-15T07:59:59.6331Z",
        "labels": {"severity": "page"},
        "type": "alerting",
        "alerts": [],
        "duration": 0,
        **more,
    }


class FakeApi:
    """``alerts``, ``rules`` and the start of the process; a behaviour in place of one of them acts."""

    def __init__(self, *alerts: dict[str, object], rules: list[dict[str, object]] | None = None) -> None:
        self.alerts: object = {"alerts": list(alerts)}
        self.rules: object = {"groups": [{"name": "g", "file": "f", "rules": rules or []}]}
        self.start: object = {"startTime": "2027-01-15T07:00:00.3Z"}
        self.asked: list[str] = []

    def __call__(self, connection: socket.socket, head: bytes, server: Hostile) -> None:
        path = head.split(b" ", 2)[1].decode().partition("?")[0]
        name = path.rpartition("/")[2]
        self.asked.append(name)
        answer = {"alerts": self.alerts, "rules": self.rules, "runtimeinfo": self.start}[name]
        if callable(answer):
            answer(connection, head, server)
        else:
            connection.sendall(response("200 OK", json.dumps({"status": "success", "data": answer}).encode()))


class Asker:
    """Polls whose steady clock a test moves."""

    def __init__(self, url: str, max_bytes: int) -> None:
        self.steady = 0.0
        api = PrometheusApi(url, max_bytes=max_bytes)
        self._beside = AlertsBeside("prom", api, lambda: 5.0, lambda: self.steady)

    def poll(self, *, wait: bool = True, clock: float = NOW, reading: Reading = BARE) -> Reading:
        self._beside.begin(Scope())
        return self._beside.enriched(reading, NOW, clock, wait=wait)

    def told(self, clock: float = NOW) -> Reading:
        """The reading once an errand that begins now is over."""
        self.steady += 100.0
        self._beside.begin(Scope())
        self._beside._errands.wait(30.0)
        return self._beside.enriched(BARE, NOW, clock, wait=False)

    def close(self) -> None:
        self._beside.close()


@contextmanager
def asking(behaviour: Behaviour, *, max_bytes: int = 2_000_000) -> Iterator[Asker]:
    with serving(behaviour) as server:
        asker = Asker(server.url, max_bytes)
        yield asker
        asker.close()


def test_alerts_and_rules_are_told_with_the_reading() -> None:
    broken = rule("Broken", health="err", lastError="many-to-many")
    record = rule("a:b", type="recording", health="err", lastError="no")
    fake = FakeApi(
        told(), told("Wait", state="pending", value="NaN"), told("Watchdog"),
        rules=[rule(), rule("Calm"), broken, record],
    )  # fmt: skip
    with asking(fake) as asker:
        reading = asker.told()
    assert reading.sees == "2 alerts, 4 rules of which 2 fail, a watchdog that fires, as it should"
    assert reading.about == ("clock as ours",)
    assert reading.settled
    foreign = reading.foreign
    assert foreign is not None
    hot, wait = foreign.alerts
    assert (hot.name, hot.severity, hot.state, hot.value) == (
        "Hot",
        Severity.CRITICAL,
        AlertState.FIRING,
        12.1,
    )
    assert (hot.summary, hot.runbook) == ("too hot", "runbooks/hot.md")
    assert hot.since == pytest.approx(NOW - 60, abs=1)
    assert (wait.state, wait.value) == (AlertState.PENDING, None)
    assert [(each.name, each.health) for each in foreign.rules] == [
        ("Broken", "err"),
        ("a:b", "err"),
        ("Hot", "ok"),
    ]
    assert foreign.rules_seen == 4
    assert foreign.started_at == pytest.approx(NOW - 3600, abs=1)
    assert foreign.complete


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf", "", "twelve", "1e999"])
def test_a_value_that_is_no_number_is_unknown(text: str) -> None:
    with asking(FakeApi(told(value=text))) as asker:
        foreign = asker.told().foreign
    assert foreign is not None
    assert foreign.alerts[0].value is None


def test_a_value_in_exponents_is_a_number() -> None:
    with asking(FakeApi(told(value="2e-01"), told("B", value="1.2100535280623177e+01"))) as asker:
        foreign = asker.told().foreign
    assert foreign is not None
    assert [each.value for each in foreign.alerts] == [pytest.approx(12.1, abs=0.01), 0.2]
    assert all(math.isfinite(each.since) for each in foreign.alerts)


def test_the_first_reading_waits_for_nothing_and_is_not_settled() -> None:
    fake = FakeApi(told())
    fake.alerts = hostile_http.hang
    with asking(fake) as asker:
        began = time.monotonic()
        first = asker.poll(wait=False)
        assert time.monotonic() - began < 0.4
        assert first.foreign is None
        assert not first.settled
        fake.alerts = {"alerts": [told()]}


def test_alerts_that_hang_hold_no_later_poll_for_long_either() -> None:
    fake = FakeApi()
    fake.alerts = hostile_http.hang
    with asking(fake) as asker:
        began = time.monotonic()
        for _ in range(2):
            asker.poll()
        assert time.monotonic() - began < 4.0


def test_what_was_told_stays_with_its_age_while_the_api_fails() -> None:
    fake = FakeApi(told())
    with asking(fake) as asker:
        asker.told()
        fake.alerts = hostile_http.unavailable
        reading = asker.told()
    assert reading.foreign is not None
    assert reading.foreign.at == NOW - 100
    assert [each.name for each in reading.foreign.alerts] == ["Hot"]
    assert any("503" in text for text in reading.missing)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (hostile_http.not_found, "404"),
        (hostile_http.html_page, "HTML, not JSON"),
        (hostile_http.truncated_json, "JSON of the Prometheus API was expected"),
        (hostile_http.answering(response("200 OK", b'{"data":{"alerts":[{"labels":7}]}}')), "was expected"),
        (hostile_http.answering(response("200 OK", b'{"status":"success"}')), "was expected"),
        (hostile_http.big_body(), "allowed are"),
        (hostile_http.big_body(told=False), "allowed are"),
        (hostile_http.redirect_to("http://login.example.invalid/"), "a login page?"),
        (hostile_http.unauthorized, "401"),
    ],
    ids=lambda value: getattr(value, "__name__", None) if callable(value) else value,
)
def test_each_misbehaviour_is_told_and_leaves_the_figures(behaviour: Behaviour, words: str) -> None:
    fake = FakeApi()
    fake.alerts = behaviour
    with asking(fake) as asker:
        reading = asker.told()
    assert reading.foreign is None
    assert reading.settled, "waiting longer would tell no more"
    (missing,) = reading.missing
    assert missing.startswith("alerts: ")
    assert words in missing
    assert missing.isprintable()


def test_a_store_without_alerts_is_asked_seldom() -> None:
    fake = FakeApi()
    fake.alerts = hostile_http.not_found
    with asking(fake) as asker:
        for _ in range(3):
            asker.told()
    assert fake.asked == ["alerts"]


def test_a_store_without_a_start_time_tells_its_alerts() -> None:
    fake = FakeApi(told())
    fake.start = hostile_http.not_found
    with asking(fake) as asker:
        reading = asker.told()
    assert reading.foreign is not None
    assert reading.foreign.started_at is None


def test_rules_are_asked_at_once_when_an_alert_is_gone_or_the_process_is_new() -> None:
    fake = FakeApi(told(), rules=[rule()])
    with asking(fake) as asker:

        def rules_asked(seconds: float) -> int:
            before = fake.asked.count("rules")
            asker.steady += seconds - 100.0
            asker.told()
            return fake.asked.count("rules") - before

        assert rules_asked(100.0) == 1
        assert rules_asked(5.0) == 0
        fake.alerts = {"alerts": []}
        assert rules_asked(5.0) == 1
        assert rules_asked(5.0) == 0
        asker.steady += 60.0
        fake.start = {"startTime": "2027-01-15T07:59:58Z"}
        fake.rules = {
            "groups": [
                {"name": "g", "rules": [rule(health="unknown", lastEvaluation="0001-01-01T00:00:00Z")]}
            ]
        }
        assert rules_asked(5.0) == 1
        assert rules_asked(5.0) == 1, "a rule was not evaluated yet"
        reading = asker.poll()
    assert reading.foreign is not None
    assert [(each.name, each.health, each.evaluated_at) for each in reading.foreign.rules] == [
        ("Hot", "unknown", None)
    ]
    assert reading.sees == "0 alerts, 1 rule"


def test_more_alerts_than_are_read_keep_the_most_severe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_alerts, "MAX_ALERTS", 2)
    mild = told("Mild", labels={"alertname": "Mild", "severity": "low"})
    with asking(FakeApi(mild, told("A"), told("B"))) as asker:
        reading = asker.told()
    assert reading.foreign is not None
    assert {each.name for each in reading.foreign.alerts} == {"A", "B"}
    assert not reading.foreign.complete
    assert "only the 2 most severe of its 3 alerts are read" in reading.missing


def test_times_are_by_our_clock() -> None:
    with asking(FakeApi(told())) as asker:
        foreign = asker.told(clock=NOW + 3600).foreign
    assert foreign is not None
    assert foreign.clock_ahead == 3600
    assert foreign.alerts[0].since == pytest.approx(NOW - 3660, abs=1)


def test_an_errand_ends_with_its_source() -> None:
    fake = FakeApi()
    fake.alerts = hostile_http.hang
    with asking(fake) as asker:
        asker.poll(wait=False)
        wait_until(lambda: fake.asked, message="it has asked")
        asker.close()
        wait_until(
            lambda: (
                not any(each.name == "wfmon-errand" and each.is_alive() for each in threading.enumerate())
            ),
            message="it has ended",
        )


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_no_payload_comes_through_alerts_or_rules(payload: Payload) -> None:
    text = payload.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    evil = told(
        labels={"alertname": text, text: text}, annotations={"summary": text, "runbook_url": text}, value=text
    )
    bad = rule(text, query=text, health=text, lastError=text, labels={text: text})
    with asking(FakeApi(evil, rules=[bad])) as asker:
        reading = asker.told()
    shown = repr(reading)
    assert reading.foreign is not None
    assert reading.foreign.alerts
    assert reading.foreign.rules
    assert shown.isprintable()
    assert not payload.harmful(shown.encode("utf-8", "surrogatepass"))
