"""The config that init writes: valid whatever was found, whole, for its owner alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.payloads import PAYLOADS
from wfmon.cli.initfile import Written, config_text, write_config
from wfmon.config import schema
from wfmon.config.loader import load_config
from wfmon.model.discovery import Found
from wfmon.sources.discovery.ports import Target
from wfmon.sources.discovery.probe import Fit, Probed
from wfmon.sources.discovery.propose import Proposal, Proposed
from wfmon.text.sanitize import safe

WHEN = "2026-03-01T14:03:27.000Z"
PROMETHEUS = Proposed(
    "prometheus",
    Found("Prometheus 2.42.0 on 127.0.0.1:9090", "prometheus"),
    schema.Source(name="prometheus", kind="prometheus", url="http://127.0.0.1:9090"),
    "its API answers as Prometheus 2.42.0 on 127.0.0.1:9090",
)
LOGS = Proposed(
    "n8n",
    Found("3 log files of n8n (pid 4711)", "n8n logs"),
    schema.Source(name="n8n logs", kind="logs", paths=['/home/joe "x"/[[]a]/*.log']),
    "3 log files of n8n (pid 4711), held open for writing",
)
CELERY = Proposed("celery", Found("Celery (pid 12), no log of it is read"), None)
N8N = Target("127.0.0.1", 5678, "n8n (pid 4711)", "n8n")
FIT = Fit("n8n", "n8n", ("runs", "duration"), ("queue: not exposed now (X=true exposes it)",))


def loaded(tmp_path: Path, text: str) -> schema.Config:
    file = tmp_path / "written.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, {}).config


def test_each_source_is_there_with_why_and_with_what_it_does_not_tell(tmp_path: Path) -> None:
    proposal = Proposal((PROMETHEUS, LOGS, CELERY), (), ("open files of joe: root may list them",))
    probed = (
        Probed(N8N, 20, (FIT,)),
        Probed(Target("127.0.0.1", 8000, "a.py (pid 9)"), 7, ()),
        Probed(Target("127.0.0.1", 8001, "b.py (pid 10)"), problem="answers with status 404"),
    )
    text = config_text(Written("prod-ai-01", WHEN, proposal, probed))
    config = loaded(tmp_path, text)
    assert [(each.name, each.kind) for each in config.source] == [
        ("prometheus", "prometheus"),
        ("n8n logs", "logs"),
        ("n8n", "scrape"),
    ]
    assert config.source[1].paths == LOGS.entry.paths if LOGS.entry else False
    assert config.source[2].urls == ["http://127.0.0.1:5678/metrics"]
    for words in (
        "# its API answers as Prometheus 2.42.0 on 127.0.0.1:9090",
        "# 3 log files of n8n (pid 4711), held open for writing",
        "# n8n (pid 4711), port 5678: 20 metrics",
        "# Read with the profile of n8n.",
        "# n8n exposes: runs duration.",
        "not: queue: not exposed now (X=true exposes it)",
        "# - Celery (pid 12), no log of it is read",
        "# - http://127.0.0.1:8000/metrics of a.py (pid 9): 7 metrics, and no profile fits",
        "# - open files of joe: root may list them",
    ):
        assert words in text
    assert "8001" not in text
    assert max(map(len, text.splitlines())) <= 110


def test_processes_of_one_system_are_one_source(tmp_path: Path) -> None:
    """Their figures are sums; what one of them exposes the source has."""
    worker = Target("127.0.0.1", 5679, "n8n (pid 4712)", "n8n")
    script = Target("127.0.0.1", 8000, "a.py (pid 9)")
    other = Fit("n8n", "n8n", ("runs", "queue"), ("duration: not exposed now",))
    probed = (Probed(N8N, 20, (FIT,)), Probed(worker, 30, (other,)), Probed(script, 5, (FIT,)))
    text = config_text(Written("h", WHEN, Proposal((), (), ()), probed))
    sources = loaded(tmp_path, text).source
    assert [(each.name, len(each.urls)) for each in sources] == [("n8n", 2), ("n8n 2", 1)]
    assert "# n8n exposes: runs duration queue." in text
    assert "not: duration" not in text


def test_what_was_not_asked_is_said(tmp_path: Path) -> None:
    text = config_text(Written("h", WHEN, Proposal((LOGS,), (), ()), (), (N8N,)))
    assert "was not asked for its metrics: wfmon-tui init --probe" in " ".join(text.replace("#", "").split())
    assert [each.kind for each in loaded(tmp_path, text).source] == ["logs"]


def test_an_empty_host_gives_a_config_that_goes_on_looking(tmp_path: Path) -> None:
    config = loaded(tmp_path, config_text(Written("h", WHEN, Proposal((), (), ()))))
    assert config.source == []
    assert config.discovery.enabled


ODD = st.one_of(st.text(max_size=60), st.sampled_from([payload.text for payload in PAYLOADS]))


@settings(max_examples=40, deadline=None)
@given(ODD, st.lists(ODD, max_size=3), st.lists(st.tuples(ODD, ODD), max_size=3))
def test_it_is_valid_whatever_was_found(host: str, words: list[str], probed: list[tuple[str, str]]) -> None:
    """Names of processes and words of servers become comments and strings, and nothing else."""
    paths = [safe(f"/{word}", limit=4096) for word in words]  # as test_propose holds it to
    proposed = tuple(
        Proposed(str(n), Found(word), schema.Source(name="x logs", kind="logs", paths=[path]), word)
        for n, (word, path) in enumerate(zip(words, paths, strict=True))
    )
    several = [
        Probed(Target("127.0.0.1", 8000 + n, who), 3, (Fit("p", title, (title,), (title,)),))
        for n, (who, title) in enumerate(probed)
    ]
    text = config_text(Written(host, WHEN, Proposal(proposed, (), tuple(words)), several))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".toml") as file:
        file.write(text)
        file.flush()
        sources = load_config(file.name, {}).config.source
    assert [each.paths for each in sources if each.kind == "logs"] == [[path] for path in paths]
    assert len({each.name for each in sources}) == len(sources)
    assert sum(len(each.urls) for each in sources) == len(probed)


def test_it_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "wfmon" / "config.toml"
    before = os.umask(0)
    try:
        write_config(path, "# x\n", force=False)
    finally:
        os.umask(before)
    assert path.read_text() == "# x\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("what", ["file", "symlink", "dangling"])
def test_nothing_that_is_there_is_written_over(tmp_path: Path, what: str) -> None:
    path, other = tmp_path / "config.toml", tmp_path / "other.toml"
    if what == "file":
        path.write_text("mine")
    else:
        path.symlink_to(other)
        if what == "symlink":
            other.write_text("mine")
    with pytest.raises(FileExistsError):
        write_config(path, "new", force=False)
    if what != "dangling":
        assert path.read_text() == "mine"
    assert not other.exists() or other.read_text() == "mine"
    write_config(path, "new", force=True)
    assert path.read_text() == "new"
    assert path.is_symlink() == (what != "file"), "a link into somebody's dotfiles stays one"
    assert {file.name for file in tmp_path.iterdir()} <= {"config.toml", "other.toml"}


def test_a_folder_that_cannot_be_written_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "wfmon").write_text("no folder")
    with pytest.raises(OSError, match=r"wfmon|File exists|Not a directory"):
        write_config(tmp_path / "wfmon" / "config.toml", "new", force=True)
    assert (tmp_path / "wfmon").read_text() == "no folder"
