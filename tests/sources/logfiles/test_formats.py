"""What is made of the logs of each system: runs, steps, usage, errors, levels, and what stays unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from sources.logfiles.formats_helper import BEGAN, WRITTEN, Read, copied
from wfmon.model.log import Level
from wfmon.model.run import NO_USAGE, RunStatus, Usage

CELERY = "8f1e2d3c-0000-4000-8000-00000000000"
JAVA = "java.lang.IllegalStateException"
SECRET = "Zq8vX2mLr7Tn4KpW9sYb"


def of(run: object, *names: str) -> tuple[object, ...]:
    return tuple(getattr(run, name) for name in names)


def test_n8n_event_log(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "n8n") / "n8nEventLog.log")
    assert list(read.workflows) == ['Doc review "β" [prod]', "Nightly sync"]
    assert [(run.id, run.status.value, run.duration_seconds) for run in read.all_runs] == [
        ("101", "success", 6.5), ("104", "error", 1.0), ("105", "running", None),
        ("102", "error", 2.5), ("103", "cancelled", 2.0),
    ]  # fmt: skip
    first = read.run("101")
    assert first.usage == Usage(input=310, output=42, total=352)
    assert of(first, "model", "attempt", "retries", "started_at") == ("gpt-4o-mini", None, None, BEGAN)
    assert [(step.name, step.status.value) for step in first.steps] == [("Ask", "success")]
    assert read.run("105").usage == Usage(input=7, output=3, total=10)
    failed = read.run("102")
    assert failed.error == "401 - Incorrect API key provided: <redacted>!"
    assert [(step.name, step.status.value, step.error) for step in failed.steps] == [
        ("Fetch", "error", failed.error)
    ]
    assert failed.usage == NO_USAGE
    assert read.run("103").steps == ()  # a job of the queue that fails is not its run
    assert read.reading.sees == "1 file, 5 runs; n8n logs: 1"
    assert len(read.workflows['Doc review "β" [prod]'].api_calls) == 2


def test_n8n_lines_on_the_log_pane(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "n8n") / "n8nEventLog.log")
    lines = read.page(workflow="Nightly sync", run="102")
    assert [(line.message, line.level, line.step) for line in lines] == [
        ("n8n.workflow.started", Level.NONE, None),
        ("n8n.node.started", Level.NONE, "Fetch"),
        ("n8n.node.finished", Level.NONE, "Fetch"),
        ("n8n.workflow.failed: 401 - Incorrect API key provided: <redacted>!", Level.ERROR, None),
    ]
    everything = read.page()
    assert sum(line.message == "$$EventMessageConfirm" for line in everything) == 18
    assert [line.level for line in everything if line.message == "n8n.queue.job.failed"] == [Level.NONE]
    assert SECRET not in repr(everything)
    assert "\x1b" not in repr([line.message for line in everything])


def test_n8n_application_log_joins_the_runs_of_the_event_log(tmp_path: Path) -> None:
    folder = copied(tmp_path, "n8n")
    read = Read(folder / "n8nEventLog.log", folder / "n8n.log")
    assert len(read.all_runs) == 5  # its line of execution 7 makes no run
    texts = read.texts(run="105")
    assert "Execution added" in texts
    assert "The service was not able to process your request" in texts
    workflow = read.texts(workflow='Doc review "β" [prod]')
    assert "Slow query" in workflow  # it names the workflow by its id only
    assert "Rate limited" not in workflow
    assert "Rate limited" in read.texts(workflow="Nightly sync")
    errors = [line for line in read.page(workflow='Doc review "β" [prod]') if line.level is Level.ERROR]
    assert [line.message for line in errors][-1] == "The service was not able to process your request"
    assert read.reading.missing == ()


def test_n8n_application_log_alone_makes_no_runs(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "n8n/n8n.log"))
    assert read.all_runs == []
    assert [line.at for line in read.page()][1] == BEGAN + 40  # its time is inside metadata


def test_litellm(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "litellm/proxy.log"))
    first = read.run("c-1")
    assert of(first, "workflow", "status", "duration_seconds", "model", "provider", "error") == (
        "doc-review", RunStatus.SUCCESS, 2.5, "gpt-4o-mini", "openai", None,
    )  # fmt: skip
    assert first.usage == Usage(
        input=320, output=48, cached=128, reasoning=16, total=368, cost_usd=pytest.approx(0.000123)
    )
    failed = read.run("c-2")
    assert of(failed, "status", "duration_seconds") == (RunStatus.ERROR, 1.5)
    assert failed.error == "litellm.RateLimitError: key <redacted> is over its limit"
    assert failed.usage.cost_usd is None
    unpriced = read.run("c-3")
    assert of(unpriced, "workflow", "status") == ("claude", RunStatus.SUCCESS)
    assert (unpriced.usage.total, unpriced.usage.cost_usd) == (368, None)  # not in the price map is not free
    assert read.run("c-4").workflow == "health checks"
    assert {name: len(each.api_calls) for name, each in read.workflows.items()} == {
        "claude": 1, "doc-review": 2, "health checks": 1
    }  # fmt: skip
    lines = read.page()
    texts = [line.message for line in lines]
    assert ' 127.0.0.1:51234 - "POST /v1/chat/completions HTTP/1.1" 200 OK' in texts
    assert "LiteLLM: Proxy initialized with Config, Set models:" in texts
    assert [line.level for line in lines if line.run == "c-2"] == [Level.ERROR, Level.ERROR]
    assert "␛" not in repr(texts)
    assert SECRET not in repr(lines)


def test_airflow_tasks_are_the_steps_of_the_run(tmp_path: Path) -> None:
    logs = copied(tmp_path, "airflow/logs")
    read = Read(logs / "dag_id=etl" / "**" / "*.log")
    run = read.run("scheduled__2026-02-25T06:00:00+00:00")
    assert of(run, "workflow", "status", "retries", "usage") == ("etl", RunStatus.RUNNING, 1, NO_USAGE)
    assert [(step.name, step.status.value, step.attempt) for step in run.steps] == [
        ("extract", "success", 2), ("load[0]", "success", 1), ("load[1]", "success", 1),
    ]  # fmt: skip
    assert run.error == "ConnectionError: no route to db"
    last = BEGAN + 76
    read.poll(last + 59)
    assert read.run(run.id).status is RunStatus.RUNNING  # another task may begin
    read.poll(last + 62)
    run = read.run(run.id)
    assert of(run, "status", "ended_at", "duration_seconds", "error") == (
        RunStatus.SUCCESS, last, pytest.approx(76), None,
    )  # fmt: skip
    texts = read.texts(run=run.id)
    assert "Task failed with exception: ConnectionError: no route to db" in texts
    assert len(texts) == 12 + 1
    assert "attempt 2" in texts


def test_a_dag_run_goes_on_when_its_next_task_does(tmp_path: Path) -> None:
    logs = copied(tmp_path, "airflow/logs")
    read = Read(logs / "dag_id=etl" / "**" / "*.log")
    run_id = "scheduled__2026-02-25T06:00:00+00:00"
    read.poll(BEGAN + 200)
    assert read.run(run_id).status is RunStatus.SUCCESS
    task = logs / "dag_id=etl" / f"run_id={run_id}" / "task_id=notify"
    task.mkdir()
    (task / "attempt=1.log").write_text(
        '{"timestamp":"2026-02-25T06:06:50Z","level":"info","event":"DAG bundles loaded"}\n'
    )
    read.poll(BEGAN + 211)
    read.poll(BEGAN + 215)
    assert read.run(run_id).status is RunStatus.RUNNING


def test_airflow_text_logs_and_a_failed_task(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "airflow/logs") / "dag_id=report" / "**" / "*.log")
    (run,) = read.all_runs
    assert [(step.name, step.status.value, step.error) for step in run.steps] == [
        ("render", "error", "ValueError: no template <U+202E>gpj.exe")
    ]
    assert run.status is RunStatus.RUNNING  # it may be tried again
    read.poll(BEGAN + 12.5 + 361)
    (run,) = read.all_runs
    assert of(run, "status", "error") == (RunStatus.ERROR, "ValueError: no template <U+202E>gpj.exe")
    (error, *_) = [line for line in read.page() if line.level is Level.ERROR]
    assert error.message == "{taskinstance.py:3312} ERROR - Task failed with exception"
    assert error.detail[-1] == "ValueError: no template <U+202E>gpj.exe"  # one error, not five lines


def test_airflow_run_whose_end_is_not_told_is_not_lost(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "airflow/logs") / "dag_id=open" / "**" / "*.log")
    read.poll(WRITTEN + 4000)
    (run,) = read.all_runs
    assert of(run, "status", "status_word", "duration_seconds") == (RunStatus.OTHER, "end not logged", None)
    assert read.texts(run="manual__9") == ["DAG bundles loaded: x"]  # no line names the run, the path does


def test_airflow_scheduler_says_how_a_run_ended(tmp_path: Path) -> None:
    read = Read(
        copied(tmp_path, "airflow/logs") / "dag_id=etl" / "**" / "*.log",
        copied(tmp_path, "airflow/scheduler.log"),
    )
    run = read.run("scheduled__2026-02-25T06:00:00+00:00")
    assert of(run, "status", "ended_at") == (RunStatus.SUCCESS, BEGAN + 80)
    assert read.reading.sees == "5 files, 1 run; Airflow logs: 5"


def test_prefect(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "prefect/worker.log"))
    done, failed, late = read.workflows["etl"].finished
    assert of(done, "status", "duration_seconds", "retries", "error", "pid") == (
        RunStatus.SUCCESS, 14.5, 1, None, 4120,
    )  # fmt: skip
    assert [(step.name, step.status.value, step.error) for step in done.steps] == [
        ("extract-0", "success", None)
    ]
    assert of(failed, "status", "duration_seconds", "error") == (
        RunStatus.ERROR, 5.5, "Flow run encountered an exception: ValueError: bad",
    )  # fmt: skip
    assert of(late, "status", "duration_seconds", "usage") == (RunStatus.TIMEOUT, 10.0, NO_USAGE)
    lines = read.page(run=failed.id)
    assert [line.level for line in lines] == [Level.INFO, Level.ERROR, Level.ERROR]
    retried = next(text for text in read.texts(run=done.id) if text.startswith("Task run failed"))
    assert "[bold]down[/bold]" in retried
    assert "Retry 1/2 will start 10 second(s) from now" in retried  # msg % args


def test_temporal(tmp_path: Path) -> None:
    folder = copied(tmp_path, "temporal")
    assert Read(folder / "server.log").all_runs == []  # the server speaks of runs, not of how they are
    read = Read(folder / "worker.log", folder / "server.log")
    (run,) = read.all_runs
    assert of(run, "id", "workflow", "status", "attempt", "retries") == (
        "0199-aaaa-0001", "OrderFlow", RunStatus.RUNNING, 1, 2,
    )  # fmt: skip
    assert [(step.name, step.status.value, step.attempt, step.error) for step in run.steps] == [
        ("charge", "error", 3, "CardError: declined")
    ]
    assert "Fail to process task: context deadline exceeded" in read.texts(run=run.id)
    read.poll(WRITTEN + 4000)
    assert of(read.all_runs[0], "status", "status_word") == (RunStatus.OTHER, "end not logged")


def test_claude_code(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "claude-code/otlp.jsonl"))
    (run,) = read.all_runs
    assert of(run, "id", "workflow", "status", "attempt", "retries") == (
        "5e55-0001", "claude-code", RunStatus.RUNNING, None, None,
    )  # fmt: skip
    # Its input, cached and cache-write tokens are disjoint: together they are what went in.
    assert run.usage == Usage(
        input=12 + 9000 + 800 + 3,
        output=250,
        cached=9000,
        cache_write=800,
        total=10065,
        cost_usd=pytest.approx(0.013),
    )
    steps = {step.name: step for step in run.steps}
    assert (steps["Bash"].status, steps["Bash"].duration_seconds) == (RunStatus.SUCCESS, pytest.approx(0.04))
    assert of(steps["api_error"], "status", "error") == (RunStatus.ERROR, "Overloaded")
    lines = read.page()
    assert [(line.message, line.level) for line in lines] == [
        ("claude_code.user_prompt", Level.NONE),
        ("claude_code.api_request", Level.NONE),
        ("claude_code.tool_result: exit 1: boom <redacted>", Level.ERROR),
        ("claude_code.api_request", Level.NONE),
        ("claude_code.subagent_completed", Level.NONE),
        ("claude_code.api_error: Overloaded", Level.ERROR),
        ("claude_code.tool_result", Level.NONE),
    ]
    assert [line.part for line in lines] == [0, 1, 2, 0, 1, 0, 1]
    assert len(read.workflows["claude-code"].api_calls) == 3


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("structlog.jsonl", "db is down"), ("python-json-logger.jsonl", "KeyError: 'x'"),
        ("winston.jsonl", "Error: nope"), ("pino.jsonl", "Error: nope"), ("zap.jsonl", "nope"),
        ("logfmt.log", "nope, <redacted>"), ("otel-console.log", "nope"),
    ],
)  # fmt: skip
def test_loggers_without_a_profile(tmp_path: Path, name: str, error: str) -> None:
    read = Read(copied(tmp_path, f"generic/{name}"))
    (run,) = read.all_runs
    assert of(run, "id", "workflow", "status", "error") == ("r-1", "etl", RunStatus.ERROR, error)
    assert run.duration_seconds == pytest.approx(2.0 if name == "winston.jsonl" else 2.5)
    assert run.usage == (Usage(total=12) if name == "logfmt.log" else NO_USAGE)
    first, *_, last = read.page(run="r-1")
    assert (first.message, first.level) == ("run started", Level.INFO)
    assert last.level >= Level.ERROR
    assert error in last.message
    assert read.reading.sees == "1 file, 1 run"


def test_plain_text_is_one_error_not_its_forty_lines(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "generic/plain.log"))
    lines = read.page()
    assert [(line.message, line.level) for line in lines] == [
        ("INFO app: begun", Level.INFO), ("ERROR app: it broke", Level.ERROR),
        ("INFO app: gone on", Level.INFO),
    ]  # fmt: skip
    assert lines[1].detail[0] == "Traceback (most recent call last):"
    assert lines[1].detail[-1] == "RuntimeError: worse"
    assert "ValueError: bad red" in lines[1].detail
    assert lines[1].at == BEGAN + 1.25
    assert read.all_runs == []


def test_servers_that_tell_of_no_run(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "generic/flowise.jsonl"), copied(tmp_path, "generic/langfuse.jsonl"))
    assert read.all_runs == []
    assert [(line.message, line.level) for line in read.page()] == [
        ("[server]: Flowise Server is listening at 3000", Level.INFO), ("Handled event", Level.INFO),
        ("[server]: Error: no flow", Level.ERROR),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "run_id", "workflow", "status", "duration", "error"),
    [
        ("kestra/kestra.log", "3AbC", "hello", "error", 2.0, f"{JAVA}: 500 from upstream"),
        ("kestra/ecs.jsonl", "4AbC", "hello", "success", 2.1, None),
        ("dagster/dagster.jsonl", "d-1", "nightly", "error", 5.0, 'Execution of run for "nightly" failed.'),
        ("langgraph/server.jsonl", "1f0-1", "agent", "success", 6.0, None),
        ("argo/controller.jsonl", "etl-x7k2p", "etl", "error", 5.0, None),
        ("argo/controller.log", "etl-b8c9d", "etl", "success", 5.0, None),
        ("ray-serve/replica.log", "q-1", "Summarize", "success", 0.8125, None),
        ("ray-serve/replica.log", "q-2", "Summarize", "error", 0.003, None),
        ("celery/worker.log", f"{CELERY}a", "app.embed", "success", 2.0012, None),
        ("celery/worker.log", f"{CELERY}b", "app.embed", "error", 1.0, "ValueError: bad"),
    ],
)  # fmt: skip
def test_other_systems(
    tmp_path: Path, name: str, run_id: str, workflow: str, status: str, duration: float, error: str | None
) -> None:
    run = Read(copied(tmp_path, name)).run(run_id)
    assert of(run, "workflow", "status", "error") == (workflow, status, error)
    assert run.duration_seconds == pytest.approx(duration)
    assert run.usage == NO_USAGE


def test_steps_and_attempts_of_other_systems(tmp_path: Path) -> None:
    dagster = Read(copied(tmp_path, "dagster/dagster.jsonl")).run("d-1")
    assert [(step.name, step.status.value, step.error) for step in dagster.steps] == [
        ("load", "error", "ValueError: bad rows")
    ]
    assert dagster.retries == 1
    langgraph = Read(copied(tmp_path, "langgraph/server.jsonl")).run("1f0-1")
    assert of(langgraph, "attempt", "retries") == (2, 1)
    ray = Read(copied(tmp_path, "ray-serve/replica.log"))
    assert [run.id for run in ray.all_runs] == ["q-1", "q-2"]  # a request is told of when it is over


def test_dify_money_of_another_currency_makes_the_sum_unknown(tmp_path: Path) -> None:
    read = Read(copied(tmp_path, "dify/otlp.jsonl"))
    (run,) = read.all_runs
    assert of(run, "id", "workflow", "status", "duration_seconds", "model") == (
        "dr-1", "app-7", RunStatus.SUCCESS, 2.75, "gpt-4o",
    )  # fmt: skip
    assert run.usage == Usage(input=100, output=20, total=120, cost_usd=None)
