"""Which format a file is taken for, and what the source says of it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from sources.logfiles.formats_helper import Read, copied, shipped
from sources.logfiles.helpers import NOW, OPEN, iso, line, write
from wfmon.config.loader import load_config
from wfmon.config.schema import Source
from wfmon.sources.logfiles import LogFilesSource
from wfmon.sources.logfiles.formats import Format, Formats
from wfmon.sources.profile import Profile, parse_profile

HEAD = 'schema = 1\nname = "mine"\ntitle = "My system"\ndetect = ["my_total"]\n'


def mine(logs: str) -> Profile:
    return parse_profile((HEAD + "[logs]\n" + logs).encode(), "mine.toml")


def source(path: Path, *profiles: Profile, **entry: object) -> LogFilesSource:
    told = Source(kind="logs", name="app", paths=[str(path)], **entry)  # type: ignore[arg-type]
    OPEN.append(LogFilesSource.from_config(told, load_config(environ={}).config.logs, profiles))
    return OPEN[-1]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/ann/.n8n/n8nEventLog.log", "n8n"), ("/home/bob/.n8n/n8nEventLog-worker-2.log", "n8n"),
        ("/srv/n8n/n8nEventLog.log", None), ("/home/ann/.n8n/logs/n8n.log", "n8n"),
        ("/x/logs/dag_id=a/run_id=b/task_id=c/attempt=1.log", "airflow"),
        ("/x/dag_id=a/run_id=b/task_id=c/map_index=3/attempt=12.log", "airflow"),
        ("/x/logs/dag_processor_manager.log", None), ("/var/log/server.log", None),
    ],
)  # fmt: skip
def test_by_path(path: str, name: str | None) -> None:
    found = Formats(shipped()).of_path(path)
    assert (found.name if found else None) == name


def test_a_name_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_PATH", "/data/flow/")
    found = Formats(shipped()).of_path("/data/flow/server.log.2026-02-25")
    assert found is not None
    assert found.name == "flowise"


def test_what_a_path_says() -> None:
    airflow = Formats(shipped(), ["airflow"]).of_path("anything")
    assert isinstance(airflow, Format)
    run = "manual__2026-02-25T06:00:00+00:00"
    assert airflow.groups(f"/l/dag_id=d/run_id={run}/task_id=t/map_index=4/attempt=2.log") == {
        "workflow": "d", "run": run, "step": "t", "index": "4", "attempt": "2",
    }  # fmt: skip


def test_the_record_that_asks_for_most_keys_wins() -> None:
    few = mine('detect = ["a", ["a", "b.c"]]')
    other = msgspec.structs.replace(few, name="other", logs=mine('detect = [["a", "d", "e"]]').logs)
    formats = Formats([few, other])
    found = [formats.of_keys(set(keys.split())) for keys in ("a", "a b.c", "a b.c d e", "b")]
    assert [each.name if each else None for each in found] == ["mine", "mine", "other", None]


def test_a_format_shows_itself_late(tmp_path: Path) -> None:
    """Banner and lines of others before it change nothing, and it is that of its own file only."""
    log, other = tmp_path / "proxy.log", tmp_path / "app.log"
    write(log, "banner", line(NOW - 20, message="booting", level="info"))
    write(other, line(NOW - 9, workflow="w", run_id="r1", status="success"))
    read = Read(tmp_path / "*.log", at=NOW)
    assert read.reading.sees == "2 files, 1 run"
    call = {"litellm_call_id": "c", "custom_llm_provider": "p", "response_cost": 1.0, "status": "success"}
    write(log, json.dumps({**call, "endTime": NOW - 1, "response_time": 1.0, "model_group": "m"}))
    read.poll(NOW + 1)
    assert read.reading.sees == "2 files, 2 runs; LiteLLM proxy logs: 1; other logs: 1"
    assert read.run("c").workflow == "m"


def test_a_source_names_its_profile(tmp_path: Path) -> None:
    log = tmp_path / "any.log"
    write(
        log,
        line(NOW - 9, flow="w", job="r1", verdict="fine"),
        line(NOW - 8, flow="w", job="r2", verdict="odd"),
    )
    profile = mine('[logs.fields]\nworkflow=["flow"]\nrun=["job"]\nstatus=["verdict"]\n'
                   '[logs.values.status]\nsuccess=["fine"]\nerror=["odd"]')  # fmt: skip
    assert not source(log, profile).poll(NOW).runs.workflows  # type: ignore[union-attr]
    told = source(log, profile, profiles=["mine"]).poll(NOW)
    assert told.runs is not None
    assert [run.status.value for run in told.runs.workflows["w"].finished] == ["success", "error"]
    assert told.sees == "1 file, 2 runs; My system logs: 1"
    assert "no profile elsewhere: not used" in source(log, profile, profiles=["elsewhere"]).poll(NOW).missing


def test_a_users_own_names_go_before_the_profiles(tmp_path: Path) -> None:
    log = tmp_path / "any.log"
    write(log, line(NOW - 9, flow="w", team="x", job="r1", status="ok"))
    profile = mine('[logs.fields]\nworkflow=["flow"]\nrun=["job"]')
    reading = source(log, profile, profiles=["mine"], fields={"workflow": ["team"]}).poll(NOW)
    assert reading.runs is not None
    assert list(reading.runs.workflows) == ["x"]


def test_what_a_profile_claims_means_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "any.log"
    write(log, line(NOW - 9, name="w", run_id="batch-7", job="r1", status="ok", attempt=4))
    profile = mine('[logs.fields]\nworkflow=["name"]\nrun=["job"]\nstep=["run_id"]\nattempt=[]')
    reading = source(log, profile, profiles=["mine"]).poll(NOW)
    assert reading.runs is not None
    assert reading.runs.workflows["w"].open[0].id == "r1"  # the line is of a step
    assert reading.runs.workflows["w"].open[0].attempt is None


def test_text_alone(tmp_path: Path) -> None:
    log = tmp_path / "any.log"
    write(
        log, f"{iso(NOW - 9)} job r1 of w took 3.5s: ok", '{"workflow": "w", "run_id": "r2", "status": "ok"}'
    )
    pattern = r"job (?P<run>\w+) of (?P<workflow>\w+) took (?P<duration>\S+): (?P<status>\w+)"
    profile = mine(f"format = 'text'\npatterns = ['{pattern}']")
    reading = source(log, profile).poll(NOW)
    assert reading.runs is not None
    assert [(run.id, run.duration_seconds) for run in reading.runs.workflows["w"].finished] == [("r1", 3.5)]
    assert reading.sees == "1 file, 1 run; My system logs: 1"


def test_all_shipped_formats_are_made() -> None:
    for profile in shipped():
        made = Format(profile)
        assert made.ends in ("told", "steps", "untold")
        assert len(made.meanings) + len(made.texts) == len(profile.logs.events)


def test_pages_know_the_format_too(tmp_path: Path) -> None:
    copied(tmp_path, "n8n")
    read = Read(tmp_path / "n8n" / "*.log")
    (found,) = read.page(run="101", limit=1, pattern="generated")
    assert found.message == "n8n.workflow.success"
