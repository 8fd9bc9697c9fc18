"""The prometheus source against servers that are down, slow, huge, wrong or not a Prometheus."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest

from support import hostile_http
from support.hostile_http import Behaviour, Hostile, response, serving
from support.waiting import wait_until
from wfmon.config.schema import Duration, Windows
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.profile import load_profiles
from wfmon.sources.prometheus import MAX_QUERIES, PrometheusSource
from wfmon.sources.promql import OP_LABEL

WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(21600), rate=Duration(300))
CLOCK = 1_800_000_000.0
# Far above the timeout of 1 s, for a loaded machine; far below what an unbounded read would take.
BOUND = 10.0


@dataclass(frozen=True)
class Credentials:
    bearer: str | None = None
    username: str | None = None
    password: str | None = None


def source(url: str, **more: object) -> PrometheusSource:
    options: dict[str, object] = {"timeout": 1.0, "windows": WINDOWS, "profiles": load_profiles(), **more}
    return PrometheusSource("prom", url, **options)  # type: ignore[arg-type]


def failure_of(url: str, **more: object) -> SourceError:
    began = time.monotonic()
    with pytest.raises(SourceError) as caught:
        source(url, **more).poll(time.time())
    assert time.monotonic() - began < BOUND
    assert all(char.isprintable() for char in caught.value.detail)
    return caught.value


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [
        (hostile_http.hang, Failure.TIMEOUT),
        (hostile_http.drip_head, Failure.TIMEOUT),
        (hostile_http.drip_body, Failure.TIMEOUT),
        (hostile_http.big_body(), Failure.TOO_LARGE),
        (hostile_http.big_body(told=False), Failure.TOO_LARGE),
        (hostile_http.html_page, Failure.NOT_JSON),
        (hostile_http.truncated_json, Failure.NOT_JSON),
        (hostile_http.nan_answer, Failure.NOT_JSON),
        (hostile_http.answering(response("200 OK", b'"just a string"')), Failure.NOT_JSON),
        (hostile_http.answering(response("200 OK", b'{"data":{"result":[[]]}}')), Failure.NOT_JSON),
        (hostile_http.answering(response("200 OK", b'{"data":{"result":"12"}}')), Failure.NOT_JSON),
        (hostile_http.answering(response("200 OK", b"")), Failure.NOT_JSON),
        (hostile_http.answering(response("200 OK", b"\x80\xff\x00")), Failure.NOT_JSON),
        (hostile_http.unauthorized, Failure.AUTH),
        (hostile_http.forbidden, Failure.AUTH),
        (hostile_http.not_found, Failure.NOT_FOUND),
        (hostile_http.unavailable, Failure.HTTP),
        (hostile_http.redirect_to("http://login.example.invalid/"), Failure.HTTP),
        (hostile_http.redirect_to("/again"), Failure.HTTP),
        (hostile_http.answering(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"), Failure.NETWORK),
        (hostile_http.answering(b"\x00\x01 no HTTP at all"), Failure.NETWORK),
        (hostile_http.answering(b""), Failure.NETWORK),
    ],
    ids=lambda value: getattr(value, "__name__", None) if callable(value) else value.name,
)
def test_each_misbehaviour_is_a_state_in_bounded_time(behaviour: Behaviour, failure: Failure) -> None:
    with serving(behaviour) as server:
        error = failure_of(server.url, max_bytes=2_000_000)
    assert error.failure is failure, error
    assert server.url in error.detail


def test_refused() -> None:
    assert failure_of(hostile_http.refused_url()).failure is Failure.REFUSED


def test_a_tls_handshake_that_hangs() -> None:
    with serving(hostile_http.hang) as server:
        error = failure_of(server.url.replace("http://", "https://"))
    assert error.failure is Failure.TIMEOUT, error


def test_an_unknown_host() -> None:
    assert failure_of("http://prometheus.invalid:9090").failure in (Failure.NETWORK, Failure.TIMEOUT)


def test_a_source_answers_again_when_its_server_does() -> None:
    fake = FakePrometheus()
    slow = threading.Event()

    def behave(connection: socket.socket, head: bytes, server: Hostile) -> None:
        if slow.is_set():
            hostile_http.hang(connection, head, server)
        else:
            fake(connection, head, server)

    with serving(behave) as server:
        prom = source(server.url)
        assert prom.poll(time.time()).metrics is not None
        slow.set()
        with pytest.raises(SourceError):
            prom.poll(time.time())
        slow.clear()
        assert prom.poll(time.time()).metrics is not None


def test_close_ends_a_poll_that_hangs() -> None:
    ended = threading.Event()
    with serving(hostile_http.hang) as server:
        prom = source(server.url, timeout=600.0)

        def poll() -> None:
            with pytest.raises(SourceError):
                prom.poll(time.time())
            ended.set()

        threading.Thread(target=poll, daemon=True).start()
        wait_until(lambda: server.requests, message="the poll has asked")
        began = time.monotonic()
        prom.close()
        assert time.monotonic() - began < 1.0, "close() must not wait for the poll"
        wait_until(ended.is_set, message="the poll has ended")
        with pytest.raises(SourceError):
            prom.poll(time.time())


def test_credentials_go_to_the_server_and_are_read_again_when_refused() -> None:
    tokens = iter(["old", "new"])
    with serving(hostile_http.unauthorized) as server:
        prom = source(server.url, credentials=lambda: Credentials(bearer=next(tokens)))
        for _ in range(2):
            with pytest.raises(SourceError):
                prom.poll(time.time())
        sent = [head for head in server.requests if b"Authorization: Bearer" in head]
    assert b"Bearer old" in sent[0]
    assert b"Bearer new" in sent[1]


def test_a_user_name_and_password_of_any_alphabet_are_sent() -> None:
    with serving(hostile_http.unauthorized) as server:
        failure_of(server.url, credentials=lambda: Credentials(username="wf", password="пароль"))
        assert b"Authorization: Basic d2Y60L/QsNGA0L7Qu9GM" in server.requests[0]


def test_nothing_is_sent_to_the_host_of_a_redirect() -> None:
    with serving(hostile_http.html_page) as other, serving(hostile_http.redirect_to(other.url)) as server:
        error = failure_of(server.url, credentials=lambda: Credentials(bearer="secret"))
        assert "redirects to" in error.detail
        assert other.requests == []


def test_the_url_is_told_without_its_password() -> None:
    url = hostile_http.refused_url().replace("http://", "http://wf:hunter2@")
    assert "hunter2" not in failure_of(url).detail
    assert "hunter2" not in source(url).where


# --- a Prometheus that answers, but not everything


class FakePrometheus:
    """Answers as a Prometheus with one workflow would; ``answer`` may change what a query gets."""

    def __init__(self, answer: Callable[[str], bytes | None] | None = None, interval: str = "15s") -> None:
        self.answer = answer or (lambda query: None)
        self.queries: list[str] = []
        self.interval = interval

    def __call__(self, connection: socket.socket, head: bytes, server: Hostile) -> None:
        url = urlsplit(head.split(b" ", 2)[1].decode())
        connection.sendall(self.reply(url.path, parse_qs(url.query)))

    def reply(self, path: str, params: dict[str, list[str]]) -> bytes:
        if path.endswith("/label/__name__/values"):
            return _success(["workflow_executions_total", "active_workflows", "cost_usd_total"])
        if path.endswith("/label/job/values"):
            return _success(["w"])
        if path.endswith("/targets"):
            return _success({"activeTargets": [{"scrapeInterval": self.interval}]})
        if "/status/" in path or path.endswith(("/alerts", "/rules")):
            return response("404 Not Found", b"not here")
        query = params["query"][0]
        self.queries.append(query)
        special = self.answer(query)
        if special is not None:
            return special
        if path.endswith("/query_range"):
            return _success({"resultType": "matrix", "result": []})
        if query == "time()":
            return hostile_http.prometheus_answer("scalar", [CLOCK, str(CLOCK)])
        return hostile_http.prometheus_answer("vector", self.vector(query))

    def vector(self, query: str) -> list[dict[str, object]]:
        if "vector(time())" in query:
            return [row(CLOCK, **{OP_LABEL: "now"}), row(CLOCK - 2, job="w", instance="a")]
        if "min_over_time(timestamp" in query:
            return [row(CLOCK - 90_000, job="w")]
        if "active_workflows" in query:
            return [row(2, workflow="a", **{OP_LABEL: "now"})]
        if "executions" in query:
            return [row(5, workflow="a", status="failed", **{OP_LABEL: "delta"})]
        return [row(0.5, workflow="a", **{OP_LABEL: op}) for op in ("delta", "now")]


def row(value: float | str, **labels: str) -> dict[str, object]:
    return {"metric": labels, "value": [CLOCK, str(value)]}


def _success(data: object, **more: object) -> bytes:
    return response("200 OK", json.dumps({"status": "success", "data": data, **more}).encode())


def test_the_answer_is_as_old_as_the_last_scrape_whatever_the_clocks_say() -> None:
    with serving(FakePrometheus()) as server:
        prom = source(server.url)
        reading = prom.poll(1000.0)
        assert reading.at == pytest.approx(998.0)
        assert reading.metrics is not None
        assert reading.metrics.covered == 300
        assert reading.metrics.active == {"a": 2.0}
        assert reading.sees == "runs active cost"
        assert prom.interval == 7.5, "half the scrape interval"
        assert source(server.url, interval=2.0).interval == 2.0


def test_nan_and_infinity_are_unknown() -> None:
    def answer(query: str) -> bytes | None:
        if "active_workflows" in query:
            return hostile_http.prometheus_answer("vector", [row("NaN", workflow="a", **{OP_LABEL: "now"})])
        if "cost_usd" in query:
            return hostile_http.prometheus_answer(
                "vector", [row("+Inf", workflow="a", **{OP_LABEL: "delta"})]
            )
        return None

    with serving(FakePrometheus(answer)) as server:
        reading = source(server.url).poll(1000.0)
    assert reading.metrics is not None
    assert reading.metrics.active == {}
    assert reading.metrics.cost == {}
    assert "active: no series now" in reading.missing


def test_one_query_that_the_server_rejects_does_not_hide_the_others() -> None:
    def answer(query: str) -> bytes | None:
        if "cost_usd" not in query or "sum by" not in query:
            return None
        error = {"status": "error", "errorType": "execution", "error": "many-to-many \x1b[31m[bold]"}
        return response("422 Unprocessable Entity", json.dumps(error).encode())

    with serving(FakePrometheus(answer)) as server:
        reading = source(server.url).poll(1000.0)
    assert reading.metrics is not None
    assert reading.metrics.active == {"a": 2.0}
    assert reading.partial_failure is Failure.BAD_DATA
    assert reading.partial is not None
    assert "many-to-many" in reading.partial
    assert "\x1b" not in reading.partial


def test_warnings_make_a_reading_partial() -> None:
    def answer(query: str) -> bytes | None:
        if "active_workflows" not in query:
            return None
        warned = ["store eu-1 is \x1b[1mgone"]
        return hostile_http.prometheus_answer("vector", [row(1, workflow="a")], warnings=warned)

    with serving(FakePrometheus(answer)) as server:
        reading = source(server.url).poll(1000.0)
    assert reading.partial is not None
    assert "store eu-1" in reading.partial
    assert "\x1b" not in reading.partial


def test_slow_long_windows_leave_the_short_ones_standing() -> None:
    never = threading.Event()

    def answer(query: str) -> bytes | None:
        if "21600s" in query and "sum by" in query:
            never.wait(2.0)
        return None

    with serving(FakePrometheus(answer)) as server:
        reading = source(server.url).poll(1000.0)
    assert reading.metrics is not None
    assert [window.seconds for window in reading.metrics.runs] == [300, 600, 900, 1800, 3600, 10800]
    assert reading.partial_failure is Failure.TIMEOUT


def test_queries_of_a_poll_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is asked beside the polls would be counted by chance.
    monkeypatch.setattr(PrometheusSource, "_with_what_was_learned", lambda self, reading, *known: reading)
    fake = FakePrometheus()
    with serving(fake) as server:
        steady = itertools.count()  # no query takes long, polls are far apart
        prom = source(server.url, steady=lambda: next(steady) / 1000 + 5 * len(counts))
        counts: list[int] = []
        for _ in range(7):
            before = len(fake.queries)
            prom.poll(1000.0)
            counts.append(len(fake.queries) - before)
    assert counts[0] <= 20
    assert min(counts) == 4, "targets, runs, active, cost"
    assert max(counts) <= MAX_QUERIES


def test_a_server_without_our_metrics_is_fine_and_says_what_was_looked_for() -> None:
    class Bare(FakePrometheus):
        def reply(self, path: str, params: dict[str, list[str]]) -> bytes:
            return _success([]) if path.endswith("/values") else super().reply(path, params)

        def vector(self, query: str) -> list[dict[str, object]]:
            return [row(CLOCK, **{OP_LABEL: "now"})]

    seed = [profile for profile in load_profiles() if profile.name == "seed"]
    with serving(Bare()) as server:
        everything = source(server.url).poll(1000.0)
        prom = source(server.url, profiles=seed)
        prom.poll(1000.0)
        reading = prom.poll(1001.0)
    assert reading.profile is None
    assert reading.sees == ""
    assert "no known metric: looked for workflow_executions_total" in reading.missing[0]
    assert everything.missing[0].startswith("no known metric: looked for those of ")
    assert reading.settled
