"""The alertmanager source against answers of all versions, and against servers that are no such thing."""

from __future__ import annotations

import json
import socket
import threading
import time
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path

import pytest

from support import hostile_http
from support.hostile_http import Behaviour, Hostile, response, serving
from support.payloads import PAYLOADS
from support.waiting import wait_until
from wfmon.config.loader import load_config
from wfmon.config.problems import ConfigError
from wfmon.model.alert import AlertState, Severity
from wfmon.model.source import Failure
from wfmon.monitor.worker import poll
from wfmon.sources import alertmanager
from wfmon.sources.alertmanager import AlertmanagerSource
from wfmon.sources.base import Reading, Source, SourceError
from wfmon.sources.registry import build_sources

NOW = 1_800_000_000.0
BOUND = 10.0  # s; far above the timeout of 1 s, for a loaded machine


def source(url: str, **more: object) -> AlertmanagerSource:
    return AlertmanagerSource("am", url, **{"timeout": 1.0, **more})  # type: ignore[arg-type]


def failure_of(url: str, **more: object) -> SourceError:
    began = time.monotonic()
    with pytest.raises(SourceError) as caught:
        source(url, **more).poll(time.time())
    assert time.monotonic() - began < BOUND
    assert all(char.isprintable() for char in caught.value.detail)
    assert url.partition("://")[2].partition("/")[0] in caught.value.detail
    return caught.value


@pytest.mark.parametrize(
    ("behaviour", "failure", "words"),
    [
        (hostile_http.hang, Failure.TIMEOUT, "no answer within"),
        (hostile_http.drip_head, Failure.TIMEOUT, "no answer within"),
        (hostile_http.drip_body, Failure.TIMEOUT, "of the answer within"),
        (hostile_http.big_body(), Failure.TOO_LARGE, "more than"),
        (hostile_http.big_body(told=False), Failure.TOO_LARGE, "more than"),
        (hostile_http.html_page, Failure.NOT_JSON, "HTML, not JSON: a login page"),
        (hostile_http.truncated_json, Failure.BAD_DATA, "alerts"),
        (hostile_http.answering(response("200 OK", b'[{"labels":{')), Failure.NOT_JSON, "no JSON"),
        (hostile_http.answering(response("200 OK", b"")), Failure.NOT_JSON, "no JSON"),
        (hostile_http.answering(response("200 OK", b"\x80\xff\x00")), Failure.NOT_JSON, "no JSON"),
        (hostile_http.answering(response("200 OK", b'"just a string"')), Failure.BAD_DATA, "alerts"),
        (hostile_http.answering(response("200 OK", b'[{"labels":{"a":1}}]')), Failure.BAD_DATA, "alerts"),
        (hostile_http.answering(hostile_http.prometheus_answer("vector", [])), Failure.BAD_DATA, "alerts"),
        (hostile_http.unauthorized, Failure.AUTH, "401"),
        (hostile_http.forbidden, Failure.AUTH, "403"),
        (hostile_http.not_found, Failure.NOT_FOUND, "no Alertmanager with an API v2"),
        (hostile_http.unavailable, Failure.HTTP, "503"),
        (hostile_http.answering(b"\x00\x01 no HTTP at all"), Failure.NETWORK, "broken answer"),
    ],
    ids=lambda value: getattr(value, "__name__", None) if callable(value) else str(value),
)
def test_each_misbehaviour_is_a_state_in_bounded_time(
    behaviour: Behaviour, failure: Failure, words: str
) -> None:
    with serving(behaviour) as server:
        error = failure_of(server.url, max_bytes=2_000_000)
    assert error.failure is failure, error
    assert words in error.detail


def test_refused() -> None:
    assert failure_of(hostile_http.refused_url()).failure is Failure.REFUSED


def test_a_redirect_to_a_login_page_gets_no_credentials() -> None:
    class Token:
        bearer, username, password = "secret", None, None

    with serving(hostile_http.html_page) as other, serving(hostile_http.redirect_to(other.url)) as server:
        error = failure_of(server.url, credentials=Token)
        assert error.failure is Failure.NOT_JSON
        assert "login page" in error.detail
        assert b"Bearer secret" in server.requests[0]
        assert not any(b"secret" in head for head in other.requests)


# --- an Alertmanager that answers


class FakeAlertmanager:
    """Answers as one of ``version``; ``answers`` replaces what a path gets."""

    def __init__(self, **answers: object) -> None:
        self.answers: dict[str, object] = {
            "alerts": [],
            "silences": [],
            "receivers": [{"name": "oncall"}],
            "status": {
                "cluster": {"status": "ready", "peers": [{"name": "a", "address": "b"}]},
                "config": {"original": "x: y"},
                "uptime": at(NOW - 3600),
                "versionInfo": {"version": "0.25.0"},
            },
            **answers,
        }
        self.asked: list[str] = []
        self.clock = NOW

    def __call__(self, connection: socket.socket, head: bytes, server: Hostile) -> None:
        path = head.split(b" ", 2)[1].decode().partition("?")[0]
        name = path.rpartition("/api/v2/")[2]
        self.asked.append(name)
        answer = self.answers.get(name)
        date = f"Date: {formatdate(self.clock, usegmt=True)}\r\n"
        if isinstance(answer, bytes):
            connection.sendall(answer)
        else:
            connection.sendall(response("200 OK", json.dumps(answer).encode(), extra=date))

    def read(self, **more: object) -> Reading:
        with serving(self) as server:
            return source(server.url, **more).poll(NOW)


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", ".123456789Z")


def told(status: dict[str, object] | None = None, **labels: str) -> dict[str, object]:
    return {
        "annotations": {"summary": "too hot", "runbook_url": "https://runbooks/hot"},
        "endsAt": at(NOW + 240),
        "fingerprint": "f" + "".join(labels.values()),
        "receivers": [{"name": "oncall"}],
        "startsAt": at(NOW - 60),
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], **(status or {})},
        "updatedAt": at(NOW - 1),
        "generatorURL": "http://host:9090/graph",
        "labels": {"alertname": "Hot", **labels},
    }


def silence(state: str = "active", **more: object) -> dict[str, object]:
    return {
        "id": "s1",
        "status": {"state": state},
        "updatedAt": at(NOW - 30),
        "comment": "deploying",
        "createdBy": "joe",
        "endsAt": at(NOW + 900),
        "startsAt": at(NOW - 30),
        "matchers": [{"name": "alertname", "value": "Hot", "isRegex": False}],
        **more,
    }


def test_alerts_silences_and_what_is_seen() -> None:
    fake = FakeAlertmanager(
        alerts=[
            told(severity="page", workflow="invoice"),
            told({"state": "suppressed", "silencedBy": ["s1"]}, severity="warn"),
            told({"state": "suppressed", "inhibitedBy": ["abc"]}, severity="low"),
            told({"state": "unprocessed"}, severity="whatever"),
            told(alertname="Watchdog", severity="none"),
        ],
        silences=[silence(), silence("expired", id="s2"), silence("pending", id="s3")],
    )
    reading = fake.read()
    assert reading.sees == "4 alerts, 1 silenced, 1 inhibited, 1 silence, a watchdog that fires, as it should"
    assert reading.missing == ("may not write: allow_write = false",)
    assert reading.about[0] == "version 0.25.0, cluster ready of 1"
    assert reading.about[1].startswith("clock as ours")
    assert "receivers: oncall" in reading.about
    foreign = reading.foreign
    assert foreign is not None
    assert [(each.severity, each.state) for each in foreign.alerts] == [
        (Severity.CRITICAL, AlertState.FIRING),
        (Severity.WARNING, AlertState.FIRING),
        (Severity.WARNING, AlertState.SILENCED),
        (Severity.INFO, AlertState.INHIBITED),
    ]
    first = foreign.alerts[0]
    assert (first.name, first.summary, first.runbook) == ("Hot", "too hot", "https://runbooks/hot")
    assert (first.fingerprint, first.receivers) == ("fpageinvoice", ("oncall",))
    assert first.since == pytest.approx(NOW - 60, abs=0.2), "not when it would be taken for over"
    assert [each.id for each in foreign.silences] == ["s1"]
    assert foreign.silences[0].matchers[0].is_equal, "as it is where nothing is said"
    assert foreign.started_at == pytest.approx(NOW - 3600, abs=1)
    assert not foreign.writable
    assert foreign.complete


def test_what_later_versions_add_is_read_or_passed_over() -> None:
    """0.28: mutedBy; 0.32: annotations of silences; 0.33: labels of receivers."""
    muted = told({"state": "suppressed", "mutedBy": ["nights"]})
    muted["status"]["reason"] = {"new": 1}  # type: ignore[index]
    reading = FakeAlertmanager(
        alerts=[muted],
        silences=[silence(annotations={"ticket": "X-1"}, createdAt="?")],
        receivers=[{"name": "oncall", "labels": {"team": "a"}}],
    ).read()
    assert reading.foreign is not None
    assert reading.foreign.alerts[0].muted_by == ("nights",)
    assert reading.foreign.alerts[0].state is AlertState.SILENCED
    assert reading.foreign.silences[0].by == "joe"


def test_empty_parts_may_be_null() -> None:
    bare = {
        "labels": {},
        "startsAt": "yesterday",
        "status": {"state": "active", "silencedBy": None},
        "annotations": None,
        "receivers": None,
    }
    reading = FakeAlertmanager(alerts=[bare], silences=[silence(startsAt="?")]).read()
    assert reading.foreign is not None
    (alert,) = reading.foreign.alerts
    assert (alert.name, alert.since, alert.fingerprint) == ("(no alertname)", NOW, None)
    assert reading.foreign.silences == ()


def test_writing_is_allowed_by_the_config_alone() -> None:
    reading = FakeAlertmanager().read(allow_write=True)
    assert reading.missing == ()
    assert reading.foreign is not None
    assert reading.foreign.writable


def test_times_are_told_by_our_clock_and_silences_by_theirs() -> None:
    fake = FakeAlertmanager(alerts=[told()], silences=[silence()])
    fake.clock = NOW + 120
    with serving(fake) as server:
        am = source(server.url)
        reading = am.poll(NOW)
        fake.clock += 1.0
        again = am.poll(NOW + 0.5)
    assert reading.foreign is not None
    assert reading.foreign.clock_ahead == pytest.approx(120, abs=1.5)
    assert reading.foreign.alerts[0].since == pytest.approx(NOW - 180, abs=2)
    assert reading.foreign.silences[0].ends_at == pytest.approx(NOW + 900, abs=0.2)
    assert reading.about[1].startswith("clock 2m ahead of ours")
    assert again.foreign is not None
    assert again.foreign.clock_ahead == reading.foreign.clock_ahead, "an estimate does not waver"


def test_more_alerts_than_are_read_keep_the_most_severe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager, "MAX_ALERTS", 2)
    alerts = [told(severity=word, n=str(n)) for n, word in enumerate(["low", "page", "warn", "page"])]
    reading = FakeAlertmanager(alerts=alerts).read()
    assert reading.foreign is not None
    assert [each.severity for each in reading.foreign.alerts] == [Severity.CRITICAL] * 2
    assert not reading.foreign.complete
    assert "only the 2 most severe of its 4 alerts are read" in reading.missing
    assert reading.sees.startswith("4 alerts")


def test_silences_that_cannot_be_read_leave_the_alerts_standing() -> None:
    reading = FakeAlertmanager(alerts=[told()], silences={"no": "list"}).read()
    assert reading.foreign is not None
    assert len(reading.foreign.alerts) == 1
    assert reading.partial is not None
    assert reading.partial.startswith("silences: ")
    assert reading.partial_failure is Failure.BAD_DATA


def test_the_status_is_asked_seldom_and_when_alerts_are_gone() -> None:
    fake = FakeAlertmanager(alerts=[told()])
    with serving(fake) as server:
        am = source(server.url)
        for _ in range(3):
            am.poll(NOW)
        assert fake.asked.count("status") == 1
        fake.answers["alerts"] = []
        status = dict(fake.answers["status"])  # type: ignore[call-overload]
        fake.answers["status"] = {**status, "uptime": at(NOW - 1)}
        reading = am.poll(NOW)
    assert fake.asked.count("status") == 2
    assert reading.foreign is not None
    assert reading.foreign.started_at == pytest.approx(NOW - 1, abs=1), "a new process that knows none yet"


def test_a_proxy_that_lets_nothing_but_alerts_through() -> None:
    refused = response("403 Forbidden", b"no\n", "text/plain")
    reading = FakeAlertmanager(alerts=[told()], status=refused, receivers=refused).read()
    assert reading.about[0] == "its version is not told"
    assert reading.partial is None


def test_a_path_in_front_of_the_api() -> None:
    fake = FakeAlertmanager()
    with serving(fake) as server:
        am = source(f"{server.url}/alertmanager/")
        am.poll(NOW)
        assert server.requests[0].startswith(b"GET /alertmanager/api/v2/alerts?")
        assert am.where == f"{server.url}/alertmanager"


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_no_payload_comes_through_labels_annotations_or_silences(payload: object) -> None:
    text = payload.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # type: ignore[attr-defined]
    evil = told(
        {"state": "suppressed", "silencedBy": [text], "mutedBy": [text]}, **{"alertname": text, text: text}
    )
    evil |= {"annotations": {"summary": text, "description": text, "runbook": text, text: text}}
    evil |= {"fingerprint": text, "receivers": [{"name": text}], "generatorURL": f"http://host/{text}"}
    quiet = silence(
        createdBy=text, comment=text, id=text, matchers=[{"name": text, "value": text, "isRegex": True}]
    )
    status = {"uptime": text, "versionInfo": {"version": text}, "cluster": {"status": text}}
    reading = FakeAlertmanager(
        alerts=[evil], silences=[quiet], status=status, receivers=[{"name": text}]
    ).read()
    shown = repr(reading).replace("http://host/", "http://host/◌")  # where a mark may stand
    assert all(char.isprintable() for char in shown)
    assert not payload.harmful(shown.encode("utf-8", "surrogatepass"))  # type: ignore[attr-defined]
    assert reading.foreign is not None
    (alert,) = reading.foreign.alerts
    assert alert.exact == (dict(alert.labels).get("alertname") == text), "a changed label names another alert"


def test_close_does_not_wait_for_a_poll_that_hangs() -> None:
    with serving(hostile_http.hang) as server:
        am = source(server.url, timeout=60.0)
        threading.Thread(target=lambda: poll(am, NOW), daemon=True).start()
        wait_until(lambda: server.requests, message="the poll has asked")
        began = time.monotonic()
        am.close()
        assert time.monotonic() - began < 1.0


ENTRY = """
[[source]]
name = "am"
kind = "alertmanager"
url = "%s"
allow_write = true
[host]
enabled = false
"""


def test_an_entry_of_the_config_makes_one(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(ENTRY % "http://am:9093/")
    sources = build_sources(load_config(file, {}).config, [])
    (made,) = sources.live
    assert sources.off == ()
    assert isinstance(made, AlertmanagerSource)
    assert isinstance(made, Source)
    assert (made.name, made.kind, made.where) == ("am", "alertmanager", "http://am:9093")
    assert (made.interval, made.timeout) == (5.0, 5.0)


def test_a_url_with_a_query_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(ENTRY % "http://am:9093/?x=1")
    with pytest.raises(ConfigError, match=r"source\[0\].url: has a query"):
        load_config(file, {})
