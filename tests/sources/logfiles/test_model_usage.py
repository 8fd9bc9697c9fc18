"""What runs used by model, service and attempt, as their logs tell it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.logfiles.helpers import NOW, Watched, line
from wfmon.model.prices import parts_of
from wfmon.model.run import ModelUsage, Run, Usage

KINDS = ("input", "output", "cached", "cache_write", "reasoning", "total")


def run_of(folder: Path, *lines: str) -> Run:
    log = folder / "app.jsonl"
    log.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    return Watched(log).run()


def begin(**more: object) -> str:
    return line(NOW - 60, workflow="w", run_id="r1", event="run_start", status="started", **more)


def step(number: int, name: str, **more: object) -> str:
    return line(NOW - 50 + number, workflow="w", run_id="r1", step=name, **more)


def end(**more: object) -> str:
    return line(NOW - 5, workflow="w", run_id="r1", status="success", duration_seconds=55, **more)


def test_a_run_of_two_models_is_split(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        begin(),
        step(1, "plan", status="success", model="m1", provider="p", input_tokens=100, output_tokens=10),
        step(2, "write", status="success", model="m2", provider="q", input_tokens=50, output_tokens=5),
        end(),
    )
    assert run.usage == Usage(150, 15, total=165)
    assert run.parts == (
        ModelUsage("p", "m1", "", Usage(100, 10, total=110), 1),
        ModelUsage("q", "m2", "", Usage(50, 5, total=55), 1),
    )


def test_what_the_end_tells_beyond_its_calls_is_a_part_without_a_name(tmp_path: Path) -> None:
    lines = (
        begin(),
        step(1, "plan", status="success", model="m1", input_tokens=100, output_tokens=10),
        step(2, "write", status="success", model="m2", input_tokens=50, output_tokens=5),
    )
    more = run_of(tmp_path, *lines, end(input_tokens=200, output_tokens=20))
    assert more.parts[-1] == ModelUsage("", "", "", Usage(50, 5, total=55))
    less = run_of(tmp_path, *lines, end(input_tokens=20, output_tokens=2))
    assert less.parts == (), "the split is not that of this run"


def test_a_long_call_stays_by_itself(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        begin(),
        step(1, "a", status="success", model="m1", input_tokens=150_000, output_tokens=10),
        step(2, "b", status="success", model="m1", input_tokens=100, output_tokens=10),
        step(3, "c", status="success", model="m1", input_tokens=100, output_tokens=10),
        end(),
    )
    assert [(part.usage.input, part.calls) for part in run.parts] == [(200, 2), (150_000, 1)]


@pytest.mark.parametrize(
    ("told", "service"),
    [
        ({"service_tier": "batch"}, "batch"),
        ({"service_tier": "flex"}, "flex"),
        ({"service_tier": "default"}, ""),
        ({"usage": {"input_tokens": 7, "output_tokens": 1, "service_tier": "priority"}}, "priority"),
        ({"batch": True}, "batch"),
        ({"batch": "b-17"}, ""),
        ({"speed": "fast"}, "fast"),
        ({"speed": 88}, ""),
    ],
)
def test_how_calls_were_processed(tmp_path: Path, told: dict[str, object], service: str) -> None:
    run = run_of(
        tmp_path,
        begin(),
        step(
            1,
            "a",
            status="success",
            model="m1",
            provider="p",
            **{"input_tokens": 7, "output_tokens": 1, **told},
        ),
        end(),
    )
    (part,) = parts_of(run)
    assert (part.service, part.model, part.usage.input) == (service, "m1", 7)


def test_what_superseded_attempts_used(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        begin(),
        step(1, "a", attempt=1, status="error", model="m1", input_tokens=100, output_tokens=1, error="504"),
        step(2, "a", attempt=2, status="error", model="m1", input_tokens=90, output_tokens=2, error="504"),
        step(3, "a", attempt=3, status="success", model="m1", input_tokens=80, output_tokens=3),
        end(),
    )
    assert run.usage == Usage(270, 6, total=276)
    assert [part.usage for part in run.retried] == [Usage(190, 3, total=193)]
    assert run.steps[0].retried == Usage(190, 3, total=193)
    once = run_of(
        tmp_path, begin(), step(1, "a", status="success", model="m1", input_tokens=5, output_tokens=1), end()
    )
    assert once.retried == ()


def test_calls_by_provider(tmp_path: Path) -> None:
    log = tmp_path / "app.jsonl"
    lines = (
        begin(),
        step(1, "fetch", event="http_call", provider="docs", status="success", duration_seconds=1),
        step(2, "ask", event="llm_call", provider="p", model="m1", input_tokens=5, output_tokens=1),
        step(3, "fetch", event="http_call", provider="docs", status="success", duration_seconds=1),
        end(),
    )
    log.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    known = Watched(log).poll()["w"]
    run = known.finished[0]
    assert run.calls == (("docs", 2), ("p", 1))
    assert run.provider == "p", "that of a model, not of any call"
    assert [(name, len(times)) for name, times in known.provider_calls] == [("docs", 2), ("p", 1)]


_CALLS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["m1", "m2", None]),
        st.integers(0, 200_000),
        st.integers(0, 5_000),
        st.none() | st.sampled_from(["batch", "default"]),
        st.none() | st.integers(1, 3),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(_CALLS, st.none() | st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)))
def test_parts_add_up_to_the_usage(calls: list[tuple[object, ...]], final: tuple[int, int] | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        told = [begin()]
        for number, (name, model, into, out, service, attempt) in enumerate(calls):
            more = {"model": model, "service_tier": service, "attempt": attempt}
            kept = {key: value for key, value in more.items() if value is not None}
            told.append(step(number, str(name), input_tokens=into, output_tokens=out, **kept))
        told.append(end(**({} if final is None else {"input_tokens": final[0], "output_tokens": final[1]})))
        run = run_of(Path(folder), *told)
    for kind in KINDS:
        values = [getattr(part.usage, kind) for part in run.parts]
        known = [value for value in values if value is not None]
        if run.parts:
            assert sum(known) == (getattr(run.usage, kind) or 0), kind
        assert all(value >= 0 for value in known)
    for part in run.retried:
        assert (part.usage.total or 0) <= (run.usage.total or 0) or final is not None
