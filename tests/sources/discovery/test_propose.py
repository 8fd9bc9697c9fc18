"""From facts to sources and words."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.payloads import PAYLOADS
from wfmon.sources.discovery.facts import (
    Answered,
    Facts,
    KnownFiles,
    Listener,
    LogFile,
    Process,
    Refused,
    Server,
)
from wfmon.sources.discovery.knownpaths import in_homes, read_known
from wfmon.sources.discovery.propose import MAX_PATHS, Proposal, globs_of, propose
from wfmon.sources.discovery.unseen import Names
from wfmon.text.sanitize import safe

NOW = 1_800_000_000.0
NAMES = Names(lambda uid: {0: "root", 1000: "joe"}.get(uid, f"uid {uid}"), lambda gid: f"group{gid}")
N8N = Process(4711, 1000, ("node", "/usr/lib/node_modules/n8n/bin/n8n", "start"))
CELERY = Process(12, 1000, ("celery", "-A", "app", "worker"))
SCRIPT = Process(13, 1000, ("python3", "/srv/wf/invoice.py"))
FACTS = Facts(
    NOW,
    processes=(N8N, SCRIPT),
    servers=(Answered("prometheus", 9090, Server.NOBODY), Answered("alertmanager", 9093, Server.NOBODY)),
)


def sources(proposal: Proposal) -> dict[str, Any]:
    return {
        each.entry.name: each.entry.url or each.entry.paths
        for each in proposal.proposed
        if each.entry is not None
    }


def found(proposal: Proposal) -> list[str]:
    return [each.found.what for each in proposal.proposed]


def test_the_two_servers() -> None:
    servers = (
        Answered("prometheus", 9090, Server.RIGHT, "2.42.0"),
        Answered("alertmanager", 9093, Server.RIGHT, "0.25.0"),
    )
    proposal = propose(replace(FACTS, processes=(), servers=servers), NAMES)
    assert sources(proposal) == {
        "prometheus": "http://127.0.0.1:9090",
        "alertmanager": "http://127.0.0.1:9093",
    }
    assert found(proposal) == ["Prometheus 2.42.0 on 127.0.0.1:9090", "Alertmanager 0.25.0 on 127.0.0.1:9093"]
    assert proposal.left == ()


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        (
            Answered("prometheus", 9090, Server.LOGIN),
            '127.0.0.1:9090 wants a login: [[source]] kind = "prometheus" with auth gives it',
        ),
        (
            Answered("prometheus", 9090, Server.OTHER, detail="status 200"),
            "127.0.0.1:9090: what answers there is no Prometheus (status 200)",
        ),
        (
            Answered("alertmanager", 9093, Server.SILENT, detail="does not answer in time"),
            "127.0.0.1:9093: does not answer in time",
        ),
        (
            Answered("alertmanager", 9093, Server.UNASKED),
            "127.0.0.1:9093 is not asked: [discovery] connect is false",
        ),
    ],
)
def test_a_port_that_is_not_read_has_a_reason(answered: Answered, words: str) -> None:
    proposal = propose(replace(FACTS, processes=(), servers=(answered,)), NAMES)
    assert (sources(proposal), proposal.left) == ({}, (words,))


def test_logs_of_a_system_are_one_source_by_the_globs_of_its_profile() -> None:
    files = (
        LogFile("/home/joe/.n8n/n8nEventLog.log", N8N.pid),
        LogFile("/home/joe/[x]/n8n.log", N8N.pid),
        LogFile("/srv/wf/runs.jsonl", SCRIPT.pid),
    )
    known = (KnownFiles("n8n", "/home/joe/.n8n/n8nEventLog*.log", 3, 3, NOW - 5),)
    proposal = propose(replace(FACTS, files=files, known=known), NAMES)
    assert sources(proposal) == {
        "n8n logs": ["/home/joe/.n8n/n8nEventLog*.log", "/home/joe/[[]x]/n8n.log"],
        "scripts logs": ["/srv/wf/runs.jsonl"],
    }
    assert found(proposal) == ["4 log files of n8n (pid 4711)", "1 log file of invoice.py (pid 13)"]


def test_what_runs_without_a_log_is_told() -> None:
    assert found(propose(replace(FACTS, processes=(CELERY,)), NAMES)) == [
        "Celery (pid 12), no log of it is read"
    ]


def test_old_files_of_what_does_not_run_are_left() -> None:
    old = KnownFiles("airflow", "/opt/airflow/logs/*.log", 3, 3, NOW - 40 * 86_400)
    proposal = propose(replace(FACTS, processes=(), known=(old,)), NAMES)
    assert sources(proposal) == {}
    (words,) = proposal.left
    assert words.startswith("/opt/airflow/logs/*.log of Airflow: not written for ")
    young = replace(old, newest=NOW - 60)
    assert sources(propose(replace(FACTS, processes=(), known=(young,)), NAMES)) == {
        "airflow logs": ["/opt/airflow/logs/*.log"]
    }


def test_a_profile_of_the_users_own_has_usual_places_too() -> None:
    known = (KnownFiles("mine", "/srv/mine/*.log", 2, 2, NOW - 5),)
    proposal = propose(replace(FACTS, processes=(), known=known), NAMES)
    assert sources(proposal) == {"mine logs": ["/srv/mine/*.log"]}
    assert found(proposal) == ["2 log files of mine, which does not run now"]


def test_each_missing_right_names_what_gives_it() -> None:
    files = (
        LogFile("/var/log/n8n.log", N8N.pid, Refused.DENIED, 4, True),
        LogFile("/var/log/other.log", N8N.pid, Refused.DENIED, 0, True),
        LogFile("/data/n8n.log", N8N.pid, Refused.ELSEWHERE),
        LogFile("/srv/wf/app.log", SCRIPT.pid, Refused.PLAIN),
    )
    facts = replace(
        FACTS,
        processes=(N8N, SCRIPT, replace(CELERY, seen=False), Process(99, 0, ("ollama", "serve"), False)),
        files=files,
        blind=True,
        unreadable=("/proc/net/tcp",),
    )
    left = propose(facts, NAMES).left
    for words in (
        "/proc/net/tcp may not be read: who listens is not known",
        "open files of Celery (pid 12) of joe: joe, root or CAP_SYS_PTRACE may list them",
        "open files of Ollama (pid 99) of root: root or CAP_SYS_PTRACE may list them",
        "/var/log/n8n.log of n8n (pid 4711) may not be read: its group group4 may "
        "(usermod --append --groups group4 USER)",
        "/var/log/other.log of n8n (pid 4711) may not be read: only its owner and root may "
        "(chmod g+r and a group give it)",
        "/srv/wf/app.log of invoice.py (pid 13) holds plain text: --logs reads it",
    ):
        assert words in left
    assert any("hidepid" in words for words in left)
    assert any(words.startswith("/data/n8n.log of n8n (pid 4711) is in another view") for words in left)


def test_a_prometheus_elsewhere_and_ports_with_metrics_are_hinted_at() -> None:
    prometheus = Process(77, 0, ("/usr/bin/prometheus", "--web.listen-address=:19090"))
    facts = replace(
        FACTS,
        processes=(prometheus, N8N),
        listeners=(Listener("127.0.0.1", 5678, 1, N8N.pid), Listener("0.0.0.0", 22, 2)),
    )
    left = propose(facts, NAMES).left
    assert "Prometheus (pid 77) is not at its usual port: --prometheus URL reads it" in left
    assert "/metrics of what listens (ports 5678): wfmon-tui init asks before it looks" in left
    assert all("wfmon-tui init" not in words for words in propose(facts, NAMES, advises=False).left)


def test_many_files_of_a_kind_are_one_glob() -> None:
    paths = [f"/srv/runs/[{n}].jsonl" for n in range(10)] + ["/srv/app.log"]
    assert globs_of(paths) == ["/srv/runs/*.jsonl", "/srv/app.log"]
    assert globs_of(["/srv/[a].jsonl"]) == ["/srv/[[]a].jsonl"]


def test_a_path_that_cannot_be_written_down_is_not_proposed() -> None:
    files = (LogFile("/srv/evil\x1b[31m.jsonl", SCRIPT.pid), LogFile("/srv/\udcff.jsonl", SCRIPT.pid))
    assert sources(propose(replace(FACTS, files=files), NAMES)) == {}


HOSTILE = st.one_of(st.text(max_size=40), st.sampled_from([payload.text for payload in PAYLOADS]))
PIDS = st.integers(1, 20)


@st.composite
def odd_facts(draw: st.DrawFn) -> Facts:
    programs = st.lists(st.one_of(HOSTILE, st.sampled_from(["python3", "n8n", "celery", "node"])), max_size=4)
    processes = draw(
        st.lists(st.builds(Process, PIDS, PIDS, programs.map(tuple), st.sampled_from([None, False])))
    )
    refused = st.one_of(st.none(), st.sampled_from(list(Refused)))
    files = draw(
        st.lists(st.builds(LogFile, HOSTILE.map(lambda t: f"/{t}"), PIDS, refused, PIDS, st.booleans()))
    )
    known = draw(st.lists(st.builds(KnownFiles, HOSTILE, HOSTILE, PIDS, PIDS, st.floats(0, 2e9))))
    kinds = st.sampled_from(["prometheus", "alertmanager"])
    servers = draw(st.lists(st.builds(Answered, kinds, PIDS, st.sampled_from(list(Server)), HOSTILE)))
    return Facts(NOW, tuple(processes), (), tuple(files), tuple(known), tuple(servers))


@settings(max_examples=60)
@given(odd_facts())
def test_whatever_was_seen_every_word_is_safe(facts: Facts) -> None:
    names = Names(lambda uid: "e\x1b[31mvil", lambda gid: "e\nvil")
    proposal = propose(facts, names)
    words = [*proposal.left, *proposal.looked, *found(proposal), *(each.why for each in proposal.proposed)]
    for each in words:
        assert safe(each) == each
    for proposed in proposal.proposed:
        assert len(proposed.found.paths) <= MAX_PATHS
        if proposed.entry is not None and proposed.entry.kind == "logs":
            assert list(proposed.found.paths) == proposed.entry.paths
            assert all(safe(path, limit=4096) == path for path in proposed.entry.paths)


def test_usual_places_are_looked_for_in_the_home_of_who_runs_it(tmp_path: Path) -> None:
    home = tmp_path / "joe [1]"
    log = home / ".n8n" / "n8nEventLog.log"
    log.parent.mkdir(parents=True)
    log.write_text("{}\n")
    os.utime(log, (NOW, NOW))
    os.mkfifo(home / ".n8n" / "n8nEventLog-1.log")
    (known,) = read_known({"n8n": ["~/.n8n/n8nEventLog*.log"], "x": ["~/none"]}, {"n8n": [str(home)]})
    assert (known.system, known.files, known.readable, known.newest) == ("n8n", 1, 1, NOW)
    assert in_homes("~/a", ["/h", "/h", "relative"]) == ["/h/a"]
    assert in_homes("/var/log/*.log", []) == ["/var/log/*.log"]
