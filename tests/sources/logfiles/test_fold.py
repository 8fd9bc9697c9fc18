"""What lines make of runs: outcomes, steps, retries, usage, errors, lost runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sources.logfiles.helpers import NOW, Watched, iso, line, touch, write
from wfmon.model.run import RunStatus, Usage


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def at(seconds: float, **fields: object) -> str:
    """A line of run r1 of workflow w, ``seconds`` after the run's start."""
    return line(NOW - 100 + seconds, workflow="w", run_id="r1", **fields)


def test_a_run_from_start_to_end(log: Path) -> None:
    write(log, at(0, message="run started", status="running", pid=4120))
    watched = Watched(log)
    run = watched.run()
    assert (run.status, run.started_at, run.ended_at, run.pid) == ("running", NOW - 100, None, 4120)
    write(log, at(8.5, message="run finished", status="success"))
    run = watched.run()
    assert (run.status, run.duration_seconds, run.ended_at) == ("success", 8.5, NOW - 91.5)
    assert run.error is None
    assert run.log == str(log)
    assert run.last_line_at == NOW - 91.5


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("succeeded", "success"), ("Completed", "success"), ("ok", "success"), ("FAILED", "error"),
        ("failure", "error"), ("timed_out", "timeout"), ("TimedOut", "timeout"), ("canceled", "cancelled"),
        ("skipped", "cancelled"), ("crashed", "error"), ("RunStatus.FAILED", "error"),
    ],
)  # fmt: skip
def test_status_words(log: Path, word: str, status: str) -> None:
    write(log, at(0, status="started"), at(1, status=word))
    assert Watched(log).run().status == status


def test_success_as_a_boolean(log: Path) -> None:
    write(log, at(1, success=False), line(NOW, workflow="w", run_id="r2", success="true"))
    assert [run.status for run in Watched(log).runs()] == ["error", "success"]


def test_an_unknown_word_is_shown_as_it_is_and_counts_as_nothing(log: Path) -> None:
    write(log, at(0, status="extracting"))
    watched = Watched(log)
    assert watched.run().status is RunStatus.RUNNING
    write(log, at(4, status="Partial", duration_seconds=4))
    run = watched.run()
    assert (run.status, run.status_word) == ("other", "partial")


def test_a_step_that_fails_does_not_end_the_run(log: Path) -> None:
    write(
        log,
        at(0, status="started"),
        at(3, step="extract", status="error", level="ERROR", error="504 after 2 s", attempt=1),
    )
    watched = Watched(log)
    run = watched.run()
    assert (run.status, run.error, run.error_at) == ("running", "504 after 2 s", NOW - 97)
    write(log, at(5, step="extract", status="success", attempt=2), at(6, status="success"))
    run = watched.run()
    assert (run.status, run.retries, run.error) == ("success", 1, None)
    assert [(step.name, step.status, step.attempt, step.error) for step in run.steps] == [
        ("extract", "success", 2, None)
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"event": "llm_call", "status": "ok", "model": "gpt-x"},
        {"event": "step.finished", "status": "success"},
        {"event": "tool_result", "success": True},
        {"message": "GET /v1/things", "status": 200},
        {"message": "GET /v1/things", "status": "503"},
    ],
)
def test_lines_inside_a_run_do_not_end_it(log: Path, fields: dict[str, object]) -> None:
    write(log, at(0, status="started"), at(3, **fields))
    assert Watched(log).run().status is RunStatus.RUNNING


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"event": "run_finished", "status": "error", "step": "extract"}, "error"),
        ({"event": "workflow.completed"}, "success"),
        ({"event": "Background run succeeded"}, "success"),
        ({"message": "workflow failed"}, "error"),
        ({"message": "run timed out"}, "timeout"),
        ({"message": "run finished", "level": "ERROR"}, "error"),
        ({"message": "workflow failed to load its cache, going on without"}, "running"),
        ({"message": "retry 2 after 504"}, "running"),
    ],
)
def test_events_of_the_run_itself(log: Path, fields: dict[str, object], status: str) -> None:
    write(log, at(0, status="started"), at(3, **fields))
    assert Watched(log).run().status == status


def test_a_retry_of_the_run_is_one_run_and_no_failure(log: Path) -> None:
    write(log, at(0, status="started", attempt=1), at(2, status="failed", attempt=1, error="boom"))
    watched = Watched(log)
    assert watched.run().status == "error"
    write(log, at(3, status="retrying", attempt=2))
    assert watched.run().status is RunStatus.RUNNING
    write(log, at(5, status="success", attempt=2))
    (run,) = watched.runs()
    assert (run.status, run.attempt, run.retries) == ("success", 2, 1)


def test_retry_lines_are_counted_where_no_attempt_is_named(log: Path) -> None:
    write(log, at(0, status="started"), at(1, message="retry 1 after 504"), at(2, message="Retrying in 2 s"))
    write(log, at(4, status="success"))
    assert Watched(log).run().retries == 2


def test_retries_are_unknown_where_nothing_tells_them(log: Path) -> None:
    write(log, at(0, status="started"), at(4, status="success"))
    run = Watched(log).run()
    assert run.retries is None
    assert run.attempt is None


def test_usage_is_the_last_lines_or_the_sum_never_both(log: Path) -> None:
    call = {"step": "ask", "model": "gpt-x", "input_tokens": 100, "output_tokens": 10, "cost_usd": 0.25}
    write(log, at(0, status="started"), at(1, event="llm_call", **call), at(2, event="llm_call", **call))
    watched = Watched(log)
    assert watched.run().usage == Usage(input=200, output=20, total=220, cost_usd=0.5)
    write(log, at(3, step="ask", status="success", tokens_used=220))
    assert watched.run().usage == Usage(input=200, output=20, total=220, cost_usd=0.5)
    write(log, at(4, status="success", tokens_used=220, cost_usd=0.5))
    assert watched.run().usage == Usage(input=200, output=20, total=220, cost_usd=0.5)


def test_totals_that_differ_from_the_sum_have_no_split(log: Path) -> None:
    write(
        log,
        at(1, step="ask", status="success", input_tokens=100, output_tokens=10),
        at(4, status="success", tokens_used=500),
    )
    assert Watched(log).run().usage == Usage(total=500)


def test_every_attempt_of_a_step_costs(log: Path) -> None:
    ask = {"step": "ask", "model": "m", "provider": "p"}
    write(
        log,
        at(0, status="started"),
        at(
            1,
            **ask,
            attempt=1,
            input_tokens=10,
            output_tokens=1,
            cost_usd=0.1,
            level="WARNING",
            message="retry 1",
        ),
        at(2, **ask, attempt=2, status="success", input_tokens=20, output_tokens=2, cost_usd=0.2),
        at(3, status="success"),
    )
    watched = Watched(log)
    run = watched.run()
    assert (run.usage.input, run.usage.output, run.retries) == (30, 3, 1)
    assert run.usage.cost_usd == pytest.approx(0.3)
    assert watched.poll()["w"].api_calls == (NOW - 99, NOW - 98)


def test_the_newest_error_is_kept_without_its_secrets(log: Path) -> None:
    write(
        log,
        at(1, level="ERROR", message="first"),
        at(2, level="ERROR", message="call failed: Authorization: Bearer abcdefghijklmnop1234"),
        at(3, status="error"),
    )
    run = Watched(log).run()
    assert run.error is not None
    assert run.error.startswith("call failed")
    assert "abcdefgh" not in run.error
    assert run.error_at == NOW - 98


def test_an_error_with_a_traceback_is_its_last_line(log: Path) -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\nValueError: no total\n'
    write(log, at(3, status="error", exc_info=trace))
    assert Watched(log).run().error == "ValueError: no total"


def guide(moment: float, status: str = "success", workflow: str = "data_processing") -> str:
    """A line as the guide's WorkflowLogger writes it."""
    return json.dumps(
        {
            "timestamp": iso(moment),
            "workflow": workflow,
            "status": status,
            "duration_seconds": 5.2,
            "tokens_used": 1500,
            "cost_usd": 0.03,
        }
    )


def test_a_line_without_run_id_is_a_run(log: Path) -> None:
    write(log, guide(NOW - 20), "INFO:data_processing:" + guide(NOW - 10, "failed"))
    first, second = Watched(log).runs("data_processing")
    assert (first.status, first.has_id, first.started_at, first.ended_at) == (
        "success",
        False,
        NOW - 25.2,
        NOW - 20,
    )
    assert first.id == f"data_processing@{iso(NOW - 20)}#0"
    assert first.usage == Usage(total=1500, cost_usd=0.03)
    assert second.status == "error"
    assert second.id == f"data_processing@{iso(NOW - 10)}#{len(guide(NOW - 20)) + 1}"


def test_runs_at_the_same_place_of_two_files_have_ids_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / "a.log", guide(NOW - 20))
    write(tmp_path / "b.log", guide(NOW - 20, "failed"))
    ids = Watched(tmp_path / "*.log").ids("data_processing")
    assert len(set(ids)) == 2


def test_open_runs_are_at_least_where_lines_have_no_run_id(log: Path) -> None:
    write(log, guide(NOW - 20))
    assert not Watched(log).poll()["data_processing"].open_complete


def test_open_runs_are_complete_once_a_p95_is_covered(log: Path) -> None:
    for number in range(400):
        write(
            log,
            line(
                NOW - 4000 + number, workflow="w", run_id=f"r{number}", status="success", duration_seconds=30
            ),
        )
    watched = Watched(log, tail_bytes=log.stat().st_size // 2)
    known = watched.poll()["w"]
    assert known.complete_since == pytest.approx(NOW - 3800, abs=5)
    assert known.open_complete
    young = line(NOW, workflow="y", run_id="q", status="success", duration_seconds=36000)
    write(log, young)
    assert not watched.poll()["y"].open_complete


def test_lost_after_silence_and_corrected_by_a_late_finish(log: Path) -> None:
    write(log, at(0, status="started"))
    watched = Watched(log)
    assert watched.run().status is RunStatus.RUNNING
    watched.poll(1800)
    run = watched.run()
    assert (run.status, run.ended_at) == ("lost", NOW - 100 + 1800)
    assert run.duration_seconds is None
    write(log, line(watched.now, workflow="w", run_id="r1", status="success"), at=watched.now)
    (run,) = watched.runs()
    assert run.status == "success"


def test_lost_runs_that_say_something_again_are_open(log: Path) -> None:
    write(log, at(0, status="started"))
    watched = Watched(log)
    watched.poll(2000)
    assert watched.run().status is RunStatus.LOST
    write(log, line(watched.now, workflow="w", run_id="r1", message="still here"), at=watched.now)
    (run,) = watched.runs()
    assert run.status is RunStatus.RUNNING


def test_slow_workflows_are_given_three_times_their_p95(log: Path) -> None:
    write(
        log,
        *(line(NOW - 99, workflow="w", run_id=f"d{n}", status="ok", duration_seconds=3000) for n in range(5)),
    )
    write(log, at(0, status="started"))
    watched = Watched(log)
    watched.poll(8000)
    assert watched.run().status is RunStatus.RUNNING
    watched.poll(1000)
    assert watched.run().status is RunStatus.LOST


def test_lost_when_the_process_is_gone_for_ten_seconds(log: Path) -> None:
    write(log, at(0, status="started", pid=4120))
    watched = Watched(log)
    watched.source.set_live_pids(frozenset({1, 4120}))
    watched.poll()
    watched.source.set_live_pids(frozenset({1}))
    assert watched.run().status is RunStatus.RUNNING
    gone = watched.now
    watched.poll(9.0)
    assert watched.run().status is RunStatus.LOST
    assert watched.run().ended_at == gone


def test_a_pid_that_was_never_seen_alive_is_not_missed(log: Path) -> None:
    write(log, at(0, status="started", pid=7))  # a pid inside a container, say
    watched = Watched(log)
    for _ in range(3):
        watched.source.set_live_pids(frozenset({1}))
        assert watched.runs(after=10)[0].status is RunStatus.RUNNING
    watched.source.set_live_pids(None)
    assert watched.runs(after=10)[0].status is RunStatus.RUNNING


def test_finished_runs_are_bounded_and_the_bound_is_told(log: Path) -> None:
    write(log, *(line(NOW - 500 + n, workflow="w", run_id=f"r{n}", status="ok") for n in range(50)))
    known = Watched(log, keep_runs=20).poll()["w"]
    assert len(known.finished) == 20
    assert known.complete_since == NOW - 500 + 29
    assert [run.ended_at for run in known.finished] == sorted(run.ended_at or 0 for run in known.finished)


def test_a_workflow_named_by_one_line_only(log: Path) -> None:
    write(
        log,
        line(NOW - 9, run_id="r1", message="hello"),
        line(NOW - 8, run_id="r1", workflow="w", status="started"),
    )
    write(log, line(NOW - 5, run_id="r1", status="error", level="ERROR", message="boom"))
    run = Watched(log).run()
    assert (run.status, run.started_at, run.error) == ("error", NOW - 9, "boom")


def test_the_configured_workflow_is_for_lines_that_name_none(log: Path) -> None:
    write(log, line(NOW - 9, run_id="r1", status="success"))
    watched = Watched(log)
    assert watched.poll() == {}
    assert "workflow" in watched.told
    assert Watched(log, workflow="mine").ids("mine") == ["r1"]


def test_configured_field_names_come_first(log: Path) -> None:
    text = json.dumps(
        {"when": iso(NOW - 3), "status": "ignored", "job": {"key": "j1", "kind": "w", "end": "done"}}
    )
    write(log, text)
    fields = {"time": ["when"], "run": ["job.key"], "workflow": ["job.kind"], "status": ["job.end"]}
    run = Watched(log, fields=fields).run("j1")
    assert (run.status, run.ended_at) == ("success", NOW - 3)


def test_a_trace_id_beside_a_run_id_joins_lines_to_the_run(log: Path) -> None:
    write(
        log,
        at(0, status="started", trace_id="t1"),
        line(NOW - 95, trace_id="t1", level="ERROR", message="boom"),
    )
    watched = Watched(log)
    (run,) = watched.runs()
    assert (run.id, run.error) == ("r1", "boom")
    assert "boom" in watched.texts(run="r1", workflow="w")


def test_calls_that_share_a_session_are_runs_of_their_own(log: Path) -> None:
    for number in range(3):
        write(
            log, line(NOW - 9 + number, workflow="w", session_id="s1", status="success", duration_seconds=1)
        )
    assert len(set(Watched(log).ids())) == 3


def test_late_lines_do_not_reopen_a_run(log: Path) -> None:
    write(log, at(0, status="started"), at(2, status="success"), at(3, message="closing files"))
    (run,) = Watched(log).runs()
    assert run.status == "success"


def test_a_duration_is_unknown_where_the_start_was_not_read(log: Path) -> None:
    write(log, *(line(NOW - 5000 + n, message="noise " * 50) for n in range(100)))
    write(
        log,
        line(NOW - 10, workflow="w", run_id="r1", message="x"),
        line(NOW - 9, workflow="w", run_id="r1", status="ok"),
    )
    touch(log)
    assert Watched(log).run().duration_seconds == 1.0
    assert Watched(log, tail_bytes=250).run().duration_seconds is None


def test_n8n_event_log(log: Path) -> None:
    def event(seconds: float, name: str, **payload: object) -> str:
        return json.dumps(
            {
                "__type": "$$EventMessage", "id": str(seconds), "ts": iso(NOW - 60 + seconds),
                "eventName": name, "message": name,
                "payload": {"executionId": "231", "workflowId": "Qx", "workflowName": "invoices", **payload},
            }
        )  # fmt: skip

    usage = json.dumps(
        {"response": {"tokenUsage": {"promptTokens": 7, "completionTokens": 3, "totalTokens": 10}}}
    )
    write(
        log,
        event(0, "n8n.workflow.started"),
        '{"__type": "$$EventMessageConfirm", "confirm": "0", "ts": "2026-01-01T00:00:00Z"}',
        event(1, "n8n.node.started", nodeName="Ask", nodeType="llm"),
        event(2, "n8n.ai.llm.generated", nodeName="Ask", msg=usage),
        event(3, "n8n.node.finished", nodeName="Ask", nodeType="llm"),
        event(4, "n8n.workflow.failed", errorMessage="504 of api", lastNodeExecuted="Ask", success=False),
    )
    (run,) = Watched(log).runs("invoices")
    assert (run.id, run.status, run.duration_seconds, run.error) == ("231", "error", 4.0, "504 of api")
    assert run.usage.total == 10
    assert [step.name for step in run.steps] == ["Ask"]


def test_the_demo_logs_shape(log: Path) -> None:
    """What demo/runlog.py writes: a step's retry carries usage, its traceback follows as plain text."""
    write(
        log,
        at(0, level="INFO", pid=12, message="run started", status="running"),
        at(1, level="WARNING", step="ask", attempt=1, message="retry 1 after TimeoutError: 504",
           provider="p", model="m", input_tokens=5, output_tokens=1, cost_usd=0.01),
        at(2, level="ERROR", step="ask", attempt=2, message="ask: ValueError: no", provider="p", model="m",
           input_tokens=5, output_tokens=1, cost_usd=0.01, status="error", error="ValueError: no"),
        "Traceback (most recent call last):",
        '  File "x.py", line 3, in ask',
        "ValueError: no",
        at(3, level="ERROR", message="run failed: ValueError: no", status="error", duration_seconds=3.0,
           attempt=2, retries=1, input_tokens=10, output_tokens=2, cost_usd=0.02, error="ValueError: no"),
    )  # fmt: skip
    watched = Watched(log)
    (run,) = watched.runs()
    assert (run.status, run.attempt, run.retries, run.error) == ("error", 2, 1, "ValueError: no")
    assert run.usage == Usage(input=10, output=2, total=12, cost_usd=0.02)
    assert len(watched.poll()["w"].api_calls) == 2
