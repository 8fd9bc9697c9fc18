"""Times: formats, naive judgement under far time zones, wrong clocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.logfiles.helpers import NOW, Watched, iso, line, write
from wfmon.sources.logfiles.times import named_zone, parse_time

MOMENT = datetime(2026, 1, 4, 10, 0, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-04T10:00:00Z", (MOMENT, False)),
        ("2026-01-04T12:00:00+02:00", (MOMENT, False)),
        ("2026-01-04T12:00:00.000+0200", (MOMENT, False)),
        ("2026-01-04T10:00:00.123456789Z", (MOMENT + 0.123456, False)),
        ("2026-01-04 10:00:00,250", (MOMENT + 0.25, True)),
        ("2026-01-04T10:00:00.5", (MOMENT + 0.5, True)),
        ("2026-01-04 10:00:00 UTC", (MOMENT, False)),
        ("2026-01-04 12:00:00 +0200", (MOMENT, False)),
        ("2026/01/04 10:00:00", (MOMENT, True)),
        ("04/Jan/2026:11:00:00 +0100", (MOMENT, False)),
        (int(MOMENT), (MOMENT, False)),
        (MOMENT + 0.5, (MOMENT + 0.5, False)),
        (int(MOMENT * 1e3), (MOMENT, False)),
        (int(MOMENT * 1e6), (MOMENT, False)),
        (int(MOMENT) * 10**9, (MOMENT, False)),
        (str(int(MOMENT) * 10**9), (MOMENT, False)),
        (str(MOMENT), (MOMENT, False)),
        (12.5, None), (True, None), (10**30, None), ("soon", None), ("", None), ("9" * 60, None),
        (None, None), (float("nan"), None), (float("inf"), None),
        ("20261", None), ("99999-01-01T00:00:00Z", None),
    ],
)  # fmt: skip
def test_formats(value: object, expected: tuple[float, bool] | None) -> None:
    assert parse_time(value) == (pytest.approx(expected) if expected else None)


@given(st.one_of(st.text(max_size=70), st.integers(), st.floats(), st.none(), st.booleans()))
def test_no_value_is_too_odd(value: object) -> None:
    found = parse_time(value)
    assert found is None or 6e8 < found[0] < 4.2e9


@given(st.floats(min_value=7e8, max_value=4e9))
def test_what_python_writes_is_read(at: float) -> None:
    moment = datetime.fromtimestamp(at, UTC)
    assert parse_time(moment.isoformat()) == (pytest.approx(at, abs=1e-5), False)
    assert parse_time(moment.replace(tzinfo=None).isoformat()) == (pytest.approx(at, abs=1e-5), True)


def test_a_named_zone_knows_its_summer_time() -> None:
    zone = named_zone("Europe/Berlin")
    assert zone is not None
    winter, summer = datetime(2026, 1, 4, 12, tzinfo=UTC), datetime(2026, 7, 4, 12, tzinfo=UTC)
    assert zone.posix(winter.timestamp()) == winter.timestamp() - 3600
    assert zone.posix(summer.timestamp()) == summer.timestamp() - 7200
    assert named_zone("Mars/Olympus") is None
    assert named_zone("../etc/passwd") is None


WRITER = """
import json, logging, sys, warnings
from datetime import datetime
warnings.simplefilter("ignore")
kind, path = sys.argv[1:]
fields = {"workflow": "w", "status": "success", "duration_seconds": 1.0, "tokens_used": 3, "cost_usd": 0.1}
if kind == "logging":
    logging.basicConfig(filename=path, level="INFO", format="%(asctime)s %(levelname)s %(message)s")
    logging.info(json.dumps(fields))
elif kind == "guide":
    logging.basicConfig(filename=path, level="INFO")
    logging.getLogger("w").info(json.dumps({"timestamp": datetime.utcnow().isoformat(), **fields}))
elif kind == "local":
    logging.basicConfig(filename=path, level="INFO", format="%(message)s")
    logging.info(json.dumps({"timestamp": datetime.now().isoformat(), **fields}))
"""
READER = """
import sys, time
from wfmon.sources.logfiles import LogFilesSource
runs = LogFilesSource("logs", [sys.argv[1]]).poll(time.time()).runs
print(time.time() - runs.workflows["w"].finished[0].ended_at)
"""


@pytest.mark.parametrize("kind", ["logging", "guide", "local"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_naive_times_of_python_under_far_zones(tmp_path: Path, kind: str, zone: str) -> None:
    log = tmp_path / "app.log"
    environment = {**os.environ, "TZ": zone}
    subprocess.run([sys.executable, "-c", WRITER, kind, str(log)], check=True, env=environment)
    answer = subprocess.run(
        [sys.executable, "-c", READER, str(log)], check=True, env=environment, capture_output=True, text=True
    )
    assert -1 < float(answer.stdout) < 120  # hours off where the zone was judged wrongly


def naive(at: float, **fields: object) -> str:
    stamp = datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()
    return json.dumps({"timestamp": stamp, "workflow": "w", "run_id": "r1", "status": "success", **fields})


def test_the_configured_zone_goes_before_judgement(tmp_path: Path) -> None:
    write(tmp_path / "app.log", naive(NOW + 3600))
    assert Watched(tmp_path / "app.log", timezone="Etc/GMT-1").run().ended_at == NOW


def test_an_old_copied_file_is_taken_as_utc(tmp_path: Path) -> None:
    write(tmp_path / "app.log", naive(NOW - 5 * 86400))
    assert Watched(tmp_path / "app.log").run().ended_at == NOW - 5 * 86400


def test_an_unknown_zone_is_told(tmp_path: Path) -> None:
    write(tmp_path / "app.log", naive(NOW))
    watched = Watched(tmp_path / "app.log", timezone="Mars/Olympus", encoding="klingon")
    watched.poll()
    assert "Mars/Olympus" in watched.told
    assert "klingon" in watched.told


def test_a_line_without_time_has_that_of_the_line_before(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, '{"workflow": "w", "run_id": "r0", "status": "success"}')
    write(log, line(NOW - 50, workflow="w", run_id="r1", status="started"))
    write(log, '{"workflow": "w", "run_id": "r1", "status": "success"}', at=NOW - 20)
    watched = Watched(log)
    assert watched.run("r0").ended_at == NOW - 20
    assert watched.run("r1").ended_at == NOW - 50


def test_times_in_the_future_are_not_believed_and_told(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, line(NOW + 7200, workflow="w", run_id="r1", status="success"), at=NOW - 3)
    watched = Watched(log)
    assert watched.run().ended_at == NOW - 3
    assert "ahead" in watched.told


def test_a_clock_that_jumps_back_is_told_and_breaks_nothing(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, line(NOW - 50, workflow="w", run_id="r1", status="started"))
    write(log, line(NOW - 4000, workflow="w", run_id="r1", status="success"))
    watched = Watched(log)
    run = watched.run()
    assert run.status == "success"
    assert run.duration_seconds is None or run.duration_seconds >= 0
    assert "went back by 1h" in watched.told


def test_iso_is_what_the_helpers_write() -> None:
    assert parse_time(iso(NOW)) == (NOW, False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-02-25 06:13:20 CET", -3600), ("2026-02-25 06:13:20 EST", 5 * 3600),
        ("2026-02-25 06:13:20 UTC", 0),
        ("2026-02-25 06:13:20,000 Europe/Berlin", -3600), ("2026-02-25, 06:13:20 UTC", 0),
        ("Wed, 25 Feb 2026 06:13:20 GMT", 0), ("25/Feb/2026:06:13:20 +0000", 0),
        ({"seconds": 1_772_000_000, "nanos": 0}, 0), ({"seconds": "1772000000", "nanos": 500_000_000}, 0.5),
        (1_772_000_000_000, 0), (1_772_000_000_000_000, 0), (1_772_000_000_000_000_000, 0),
        ("1772000000.25", 0.25),
    ],
)  # fmt: skip
def test_odd_times(text: object, seconds: float) -> None:
    assert parse_time(text) == (1_772_000_000 + seconds, False)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-25 06:13:20 CST",
        "2026-02-25, 06:13:20",
        "Wed Feb 25 06:13:20 2026",
        "2026/02/25 06:13:20,000",
    ],
)
def test_times_whose_zone_is_not_clear_stay_naive(text: str) -> None:
    assert parse_time(text) == (1_772_000_000, True)


@pytest.mark.parametrize(
    "value",
    ["2026-02-25 06:13:20 Nowhere/Land", "soon", {"seconds": -1}, {"seconds": 1e9}, {"nanos": 1}, [], "GET"],
)
def test_no_times(value: object) -> None:
    assert parse_time(value) is None
