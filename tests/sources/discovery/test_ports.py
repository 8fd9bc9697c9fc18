"""Which ports may be asked for their metrics, and what is made of their answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.discovery.test_servers import answering
from wfmon.sources.discovery.facts import Answered, Facts, Listener, Process, Server
from wfmon.sources.discovery.loopback import Reply
from wfmon.sources.discovery.ports import LOWEST, MOST, SERVICES, Spared, Target, choose_targets
from wfmon.sources.discovery.probe import MAX_BYTES, names_of, probe, probe_one
from wfmon.sources.profile import load_profiles

N8N = Process(4711, 1000, ("node", "/usr/lib/node_modules/n8n/bin/n8n", "start"))
SCRIPT = Process(12, 1000, ("python3", "/srv/wf/invoice.py"))
POSTGRES = Process(13, 70, ("/usr/lib/postgresql/15/bin/postgres", "-D", "x"))
TEMPORAL = Process(14, 1000, ("temporal", "server", "start-dev"))


def chosen(*listeners: Listener) -> tuple[dict[int, Target], dict[int, str]]:
    facts = Facts(
        0.0,
        processes=(N8N, SCRIPT, POSTGRES, TEMPORAL),
        listeners=listeners,
        servers=(Answered("prometheus", 9090, Server.NOBODY), Answered("alertmanager", 9093, Server.NOBODY)),
    )
    targets, spared = choose_targets(facts)
    return {each.port: each for each in targets}, {each.port: each.why for each in spared}


def test_systems_first_and_where_their_metrics_are() -> None:
    targets, spared = chosen(
        Listener("0.0.0.0", 8000, 1, SCRIPT.pid),
        Listener("127.0.0.1", 5678, 2, N8N.pid),
        Listener("::1", 8001, 3),
    )
    assert list(targets) == [5678, 8000, 8001]
    assert targets[5678] == Target("127.0.0.1", 5678, "n8n (pid 4711)", "n8n")
    assert targets[8000].url == "http://127.0.0.1:8000/metrics"
    assert targets[8000].who == "invoice.py (pid 12)"
    assert targets[8001].url == "http://[::1]:8001/metrics"
    assert spared == {}


@pytest.mark.parametrize(
    ("listener", "why"),
    [
        (Listener("0.0.0.0", 22, 1), "below 1024"),
        (Listener("127.0.0.1", 80, 1, N8N.pid), "below 1024"),
        (Listener("127.0.0.1", 5432, 1), "the port of PostgreSQL"),
        (Listener("127.0.0.1", 15432, 1, POSTGRES.pid), "PostgreSQL"),
        (Listener("127.0.0.1", 7233, 1, TEMPORAL.pid), "the port of Temporal over gRPC"),
        (Listener("127.0.0.1", 6010, 1), "a port of X11"),
        (Listener("127.0.0.1", 9090, 1), "asked already"),
        (Listener("10.0.0.5", 8000, 1), "listens on 10.0.0.5 only, which is not loopback"),
        (Listener("127.0.0.1", 45123, 1, SCRIPT.pid), "a port of the kernel's choice, of no known system"),
    ],
)
def test_what_is_never_asked_has_a_reason(listener: Listener, why: str) -> None:
    targets, spared = chosen(listener)
    assert targets == {}
    assert spared == {listener.port: why}


@pytest.mark.parametrize("port", [2379, 3306, 5432, 6379, 9200, 11211, 27017, 5672, 1883, 6443])
def test_databases_and_queues_are_spared_whoever_listens_there(port: int) -> None:
    for pid in (None, SCRIPT.pid, N8N.pid):
        targets, spared = chosen(Listener("127.0.0.1", port, 1, pid))
        assert targets == {}
        assert spared[port].startswith("the port of ")


def test_a_known_system_may_have_a_port_of_the_kernels_choice() -> None:
    assert list(chosen(Listener("127.0.0.1", 45123, 1, N8N.pid))[0]) == [45123]


def test_no_more_than_some_are_asked() -> None:
    facts = Facts(0.0, listeners=tuple(Listener("127.0.0.1", 20_000 + n, n) for n in range(MOST + 5)))
    targets, spared = choose_targets(facts)
    assert len(targets) == MOST
    assert len(spared) == 5


@given(
    st.lists(
        st.tuples(st.sampled_from(["127.0.0.1", "0.0.0.0", "::", "10.1.1.1", "x"]), st.integers(1, 65535))
    )
)
def test_whatever_listens_is_either_asked_or_has_a_reason(sockets: list[tuple[str, int]]) -> None:
    facts = Facts(0.0, listeners=tuple(Listener(address, port, 0) for address, port in sockets))
    targets, spared = choose_targets(facts)
    assert {each.port for each in (*targets, *spared)} == {port for _, port in sockets}
    assert all(each.port >= LOWEST and each.port not in SERVICES for each in targets)
    assert all(isinstance(each, Spared) and each.why for each in spared)


EXPOSITION = (
    b"# HELP n8n_version_info n8n version.\n# TYPE n8n_version_info gauge\n"
    b'n8n_version_info{version="v2.40.7",major="2"} 1\n'
    b'n8n_workflow_execution_duration_seconds_bucket{le="1",status="success",mode="trigger"} 3\n'
    b'n8n_workflow_execution_duration_seconds_count{status="success",mode="trigger"} 3\n'
    b"n8n_process_resident_memory_bytes 1.2e+08\n"
)


def target(port: int) -> Target:
    return Target("127.0.0.1", port, "n8n (pid 1)", "n8n")


def test_an_exposition_is_known_by_its_names() -> None:
    with answering(200, EXPOSITION) as (port, asked):
        (found,) = probe([target(port)], load_profiles())
    assert asked == ["/metrics"]
    assert (found.problem, found.names, found.cut) == (None, 4, False)
    (fit,) = found.fits
    assert (fit.name, fit.title) == ("n8n", "n8n")
    assert {"runs", "duration", "memory"} <= set(fit.there)
    assert any(
        words.startswith("queue: not exposed now (") and "N8N_METRICS" in words for words in fit.lacking
    )


def test_an_exposition_that_is_too_long_is_known_by_its_beginning() -> None:
    with answering(200, EXPOSITION + b"n8n_other_total 1\n" * 100_000) as (port, _):
        found = probe_one(target(port), load_profiles())
    assert found.cut
    assert [fit.name for fit in found.fits] == ["n8n"]
    assert MAX_BYTES == 1_000_000


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, b"<html><body>hello 1\n</body></html>", "answers with a page that is no exposition"),
        (200, b"", "answers with a page that is no exposition"),
        (200, b'{"a": 1}', "answers with a page that is no exposition"),
        (404, EXPOSITION, "answers with status 404"),
        (401, b"", "answers with status 401"),
    ],
)
def test_what_is_no_exposition_says_so(status: int, body: bytes, problem: str) -> None:
    with answering(status, body) as (port, _):
        found = probe_one(target(port), load_profiles())
    assert (found.problem, found.fits) == (problem, ())


def test_an_exposition_that_no_profile_knows() -> None:
    with answering(200, b"foo_total 1\nbar_total 2\n") as (port, _):
        found = probe_one(target(port), load_profiles())
    assert (found.problem, found.names, found.fits) == (None, 2, ())


@given(st.binary(max_size=300), st.booleans())
def test_no_answer_is_too_odd(body: bytes, cut: bool) -> None:
    assert all(name.isascii() for name in names_of(Reply(200, "", body, cut)))
