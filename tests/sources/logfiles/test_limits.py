"""How long a run may take by its own log, and how long it is usually silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from sources.logfiles.helpers import NOW, Watched, iso, line, write


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def at(seconds: float, **fields: object) -> str:
    return line(NOW - 100 + seconds, workflow="w", run_id="r1", **fields)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"timeout_seconds": 90}, 90.0),
        ({"timeout_s": "45"}, 45.0),
        ({"limit_seconds": 12.5}, 12.5),
        ({"max_duration_seconds": 600}, 600.0),
        ({"timeout_ms": 1500}, 1.5),
        ({"metadata": {"run_timeout": 30}}, 30.0),
        ({"deadline": iso(NOW + 200)}, 300.0),
        ({"deadline_at": NOW + 20.0}, 120.0),
        ({"timeout_seconds": 90, "deadline": iso(NOW - 50)}, 50.0),
    ],
)
def test_a_declared_limit(log: Path, fields: dict[str, object], seconds: float) -> None:
    write(log, at(0, status="started", **fields))
    assert Watched(log).run().limit_seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    "fields",
    [
        {"timeout_seconds": 0},
        {"timeout_seconds": -5},
        {"timeout_seconds": 1e12},
        {"timeout_seconds": True},
        {"timeout_seconds": "soon"},
        {"timeout": 30},
        {"deadline": 30},
        {"deadline": iso(NOW - 900)},
    ],
)
def test_what_is_no_limit(log: Path, fields: dict[str, object]) -> None:
    write(log, at(0, status="started", **fields))
    assert Watched(log).run().limit_seconds is None


def test_the_timeout_of_a_step_or_of_a_call_is_not_that_of_the_run(log: Path) -> None:
    write(
        log,
        at(0, status="started"),
        at(1, step="fetch", status="started", timeout_seconds=5),
        at(2, message="calling the model", timeout_seconds=30),
    )
    assert Watched(log).run().limit_seconds is None


def test_a_users_own_name(log: Path) -> None:
    write(log, at(0, status="started", budget={"wall": 77}))
    assert Watched(log, fields={"limit": ["budget.wall"]}).run().limit_seconds == 77


def test_the_longest_silence_between_lines(log: Path) -> None:
    write(log, at(0, status="started"), at(5, message="a"), at(65, message="b"), at(70, message="c"))
    assert Watched(log).run().quiet_seconds == 60.0
