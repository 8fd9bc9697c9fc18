"""Inputs that hang, drip, flood or lie: the program still ends at once, says what is wrong, and lives on."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from support import hostile_http
from support.hostile_http import Behaviour, answering, prometheus_answer, response, serving
from support.program import Program
from support.pty import Terminal
from support.servers import running_prometheus
from support.waiting import wait_until

pytestmark = pytest.mark.pty

PROMPT = 3.0  # seconds that a loaded machine may take for what the design wants within one

HOLDING: dict[str, Behaviour] = {
    "hangs": hostile_http.hang,
    "drips": hostile_http.drip_body,
    "floods": hostile_http.big_body(),
}


def key(name: str) -> Callable[[Terminal], object]:
    return lambda terminal: terminal.send(name)


def signalled(number: int) -> Callable[[Terminal], object]:
    return lambda terminal: terminal.signal(number)


WAYS: dict[str, tuple[Callable[[Terminal], object], int]] = {
    "q": (key("q"), 0),
    "ctrl-c": (key("ctrl-c"), 130),
    "SIGTERM": (signalled(signal.SIGTERM), 143),
    "SIGINT": (signalled(signal.SIGINT), 130),
    "SIGHUP": (signalled(signal.SIGHUP), 129),
    "lost terminal": (Terminal.hang_up, 129),
}


@pytest.mark.parametrize("behaviour", HOLDING)
def test_every_way_out_is_prompt_while_a_server_holds_on(home: Program, behaviour: str) -> None:
    """All ways at once, each in a terminal and a state directory of its own, with a poll under way."""
    with serving(HOLDING[behaviour]) as server, ExitStack() as stack:
        words = ("watch", "--prometheus", server.url, "--scrape", f"{server.url}/metrics", "--interval", "1s")
        terminals = {
            way: stack.enter_context(
                home.terminal(
                    *words,
                    size=(80, 24),
                    env={"WFMON_STATE_DIR": str(home.folder / way)},
                    without_hup=way == "lost terminal",
                )
            )
            for way in WAYS
        }
        for terminal in terminals.values():
            terminal.wait_for(r"host +[\d.]+/[\d.]+G", timeout=60)  # the host is seen meanwhile
        wait_until(lambda: len(server.requests) >= 2 * len(WAYS), timeout=60, message="all polls under way")
        for way, (act, code) in WAYS.items():
            terminal = terminals[way]
            terminal.settle(0.1)
            began = time.perf_counter()
            act(terminal)
            assert terminal.wait_exit() == code, way
            seconds = time.perf_counter() - began
            print(f"{behaviour}, {way}: {seconds:.2f} s")
            assert seconds < PROMPT, way
            if way != "lost terminal":
                assert terminal.left_behind() == [], way
                assert "wfmon" not in terminal.screen_text(), way


@pytest.mark.parametrize("way", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_check_ends_promptly_too(home: Program, way: str) -> None:
    act, code = WAYS[way]
    with (
        serving(hostile_http.hang) as server,
        home.terminal("check", "--prometheus", server.url, "--wait", "60s") as terminal,
    ):
        wait_until(lambda: server.requests, timeout=30, message="the poll is under way")
        began = time.perf_counter()
        act(terminal)
        assert terminal.wait_exit() == code
        assert time.perf_counter() - began < PROMPT


NAN_METRICS = b"""# TYPE workflow_executions_total counter
workflow_executions_total{workflow="odd",status="success"} NaN
workflow_executions_total{workflow="odd",status="error"} -5
workflow_executions_total{workflow="fine",status="success"} 7
active_workflows{workflow="fine"} +Inf
"""
LYING_METRICS = b"""# TYPE workflow_executions_total histogram
# TYPE workflow_duration_seconds counter
workflow_executions_total{workflow="fine",status="success"} 7
workflow_duration_seconds_bucket{workflow="fine",le="x"} 3
workflow_duration_seconds_bucket{workflow="fine",le="1"} 3
# TYPE active_workflows gibberish
active_workflows{workflow="fine"} 1
"""


def metrics(body: bytes) -> Behaviour:
    return answering(response("200 OK", body, "text/plain; version=0.0.4"))


PROMETHEUS: dict[str, tuple[Behaviour, str]] = {
    "HTML": (hostile_http.html_page, "not JSON"),
    "401": (hostile_http.unauthorized, "wrong auth"),
    "403": (hostile_http.forbidden, "wrong auth"),
    "503": (hostile_http.unavailable, "http error"),
    "404": (hostile_http.not_found, "not found"),
    "cut off": (hostile_http.truncated_json, "not JSON"),
    "a scalar": (hostile_http.scalar_answer, "not JSON"),
    "an error": (
        answering(response("200 OK", b'{"status":"error","errorType":"x","error":"\\u001b[2Jno"}')),
        "not JSON|bad data",
    ),
}
SCRAPED: dict[str, tuple[Behaviour, str]] = {
    "HTML": (hostile_http.html_page, "not metrics"),
    "401": (hostile_http.unauthorized, "wrong auth"),
    "503": (hostile_http.unavailable, "http error"),
    "JSON": (answering(prometheus_answer("vector", [])), "not metrics"),
}


def test_doctor_calls_each_prometheus_by_its_failing(home: Program) -> None:
    """One look at all of them at once, and a live host beside."""
    told = doctor(home, "prometheus", PROMETHEUS)
    for name, (_, failure) in PROMETHEUS.items():
        assert re.search(rf"✖ {name} +prometheus +down[^✖✓]*problem +({failure})", told), (name, told)
    assert re.search(r"✖ refused +prometheus +down[^✖✓]*problem +refused", told), told
    assert re.search(r"✓ host +host +ok", told)
    assert "\x1b" not in told


def test_doctor_calls_each_endpoint_by_its_failing(home: Program) -> None:
    told = doctor(home, "scrape", SCRAPED)
    for name, (_, failure) in SCRAPED.items():
        assert re.search(rf"✖ {name} +scrape +down[^✖✓]*problem +({failure})", told), (name, told)
    assert re.search(r"✖ refused +scrape +down[^✖✓]*problem +refused", told), told
    assert re.search(r"✓ host +host +ok", told)


def doctor(home: Program, kind: str, servers: dict[str, tuple[Behaviour, str]]) -> str:
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serving(behave)).url for name, (behave, _) in servers.items()}
        urls["refused"] = hostile_http.refused_url()
        done = home.run("doctor", "--config", settings(home, kind, urls))
    assert done.code == 1
    assert "Traceback" not in done.out + done.err
    return done.out


def settings(home: Program, kind: str, urls: dict[str, str]) -> str:
    """A config file with one source of ``kind`` per name."""
    place = {"prometheus": 'url = "{}"', "scrape": 'urls = ["{}/metrics"]'}[kind]
    file = home.folder / "sources.toml"
    file.write_text(
        "\n".join(
            f'[[source]]\nname = "{name}"\nkind = "{kind}"\n{place.format(url)}\ntimeout = "2s"\n'
            for name, url in urls.items()
        )
    )
    return str(file)


def test_the_screen_and_doctor_say_slow_and_too_large(home: Program) -> None:
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serving(behave)).url for name, behave in HOLDING.items()}
        urls |= {"page": stack.enter_context(serving(hostile_http.html_page)).url}
        urls |= {"nobody": hostile_http.refused_url()}
        config = settings(home, "prometheus", urls)
        with home.terminal("--config", config, size=(100, 40)) as terminal:
            terminal.wait_for(r"cannot see", timeout=60)
            terminal.send("S")
            for name, word in SAID.items():
                terminal.wait_for(rf"✖ {name} +prometheus +down .*{word}", timeout=60)
            terminal.wait_for(r"✓ host +host +ok")
            terminal.send("esc")
            terminal.wait_for(r"host +[\d.]+/[\d.]+G")
            terminal.send("q")
            assert terminal.wait_exit() == 0
            assert terminal.left_behind() == []
        told = home.run("doctor", "--config", config).out
    for name, word in SAID.items():
        assert re.search(rf"✖ {name} +prometheus +down[^✖✓]*problem +{word}", told), (name, told)


SAID = {
    "hangs": "slow",
    "drips": "slow",
    "floods": "too large",
    "page": "not JSON",
    "nobody": "refused",
}


@pytest.mark.parametrize("body", [NAN_METRICS, LYING_METRICS], ids=["NaN", "wrong types"])
def test_an_exporter_that_lies_spoils_nothing_else(home: Program, body: bytes) -> None:
    with serving(metrics(body)) as server:
        done = home.run("snapshot", "--json", "--scrape", f"{server.url}/metrics")
        assert done.code == 0, done
        answer = done.json  # strict JSON: no NaN got through
        told = home.run("doctor", "--scrape", f"{server.url}/metrics").out
    states = {source["name"]: source for source in answer["sources"]}
    assert states["scrape"]["state"] in ("ok", "stale"), states
    assert "fine" in [row["name"] for row in answer["workflows"]]
    assert answer["memory"]["host"]["total_bytes"] > 0
    assert answer["totals"]["error_ratio"] is None
    assert states["scrape"]["missing"] or states["scrape"]["error"], "what it lied about is told"
    assert "host" in told


def test_a_prometheus_of_nan_is_unknown_and_not_zero(home: Program) -> None:
    with serving(hostile_http.nan_answer) as server:
        done = home.run("snapshot", "--json", "--prometheus", server.url)
    assert done.code == 0
    assert done.json["totals"]["n"] in (None, 0)
    assert done.json["totals"]["error_ratio"] is None
    assert done.json["verdict"]["level"] == "unknown"


@pytest.mark.server
def test_a_real_prometheus_with_odd_figures_keeps_the_good_ones(home: Program) -> None:
    with serving(metrics(NAN_METRICS)) as exporter:
        target = exporter.url.removeprefix("http://")
        with running_prometheus(home.folder, [target]) as prometheus:
            wait_until(lambda: len(prometheus.query("workflow_executions_total")) == 3, timeout=60)
            wait_until(lambda: len(prometheus.query("workflow_executions_total offset 3s")) == 3, timeout=60)
            done = home.run("snapshot", "--json", "--prometheus", prometheus.url)
    assert done.code == 0, done
    (source,) = [source for source in done.json["sources"] if source["kind"] == "prometheus"]
    assert source["state"] == "ok", source
    rows = {row["name"]: row for row in done.json["workflows"]}
    assert "fine" in rows
    assert rows["fine"]["active"] is None, "infinitely many runs are not known to be active"
    for row in rows.values():
        assert not any((row["runs"] or {}).values()), "nothing grew while it was watched"
