"""``snapshot --json`` has exactly the contract's form, and null where something is not known."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from support.hostile_http import refused_url
from support.incident import Incident
from support.program import Program


@dataclass(frozen=True)
class Leaf:
    """A JSON scalar; ``words`` are the only ones it may be."""

    types: tuple[type, ...]
    nullable: bool = True
    words: frozenset[str] = frozenset()


def known(leaf: Leaf) -> Leaf:
    """The same, never null."""
    return Leaf(leaf.types, False, leaf.words)


def one_of(words: str, nullable: bool = False, split: str | None = None) -> Leaf:
    return Leaf((str,), nullable, frozenset(words.split(split)))


@dataclass(frozen=True)
class Maybe:
    """An object or null."""

    form: Any


TEXT, NUMBER, WHOLE, FLAG = Leaf((str,)), Leaf((int, float)), Leaf((int,)), Leaf((bool,), nullable=False)
NAME, TIME, ANY_TIME = known(TEXT), Leaf((datetime,), nullable=False), Leaf((datetime,))

STATUS = "running success error timeout cancelled lost other"
RULES = (
    "failure_rate timeout stall runaway cost_spike budget_burn memory storage silence source_down "
    "evaluation retention"
)
COUNTS = {word: known(WHOLE) for word in ["success", "error", "timeout", "cancelled", "lost", "other"]}
RATES = {
    "runs_per_minute": NUMBER,
    "success_ratio": NUMBER,
    "error_ratio": NUMBER,
    "duration_p50_seconds": NUMBER,
    "duration_p95_seconds": NUMBER,
    "tokens_per_minute": NUMBER,
    "cost_usd_per_hour": NUMBER,
    "api_calls_per_minute": NUMBER,
    "window_seconds": NUMBER,
}
ALERT = {
    "id": NAME,
    "rule": one_of(RULES),
    "severity": one_of("info warning critical"),
    "state": one_of("pending firing acked snoozed silenced inhibited no_data resolved"),
    "workflow": TEXT,
    "labels": dict,
    "summary": NAME,
    "since": TIME,
    "since_at_least": FLAG,
    "ended_at": ANY_TIME,
    "value": NUMBER,
    "threshold": NUMBER,
    "n": WHOLE,
    "peak": NUMBER,
    "flaps": WHOLE,
    "source": TEXT,
    "runbook": TEXT,
    "ack": Maybe(
        {
            "by": NAME,
            "at": TIME,
            "until": ANY_TIME,
            "until_resolved": FLAG,
            "comment": NAME,
            "shared": FLAG,
            "snooze": FLAG,
            "silence": TEXT,
            "via": TEXT,
            "problem": TEXT,
        }
    ),
    "low": NUMBER,
    "mean": NUMBER,
    "samples": known(WHOLE),
    "members": [NAME],
    "contributors": [NAME],
    "notes": [{"by": NAME, "at": TIME, "text": NAME}],
    "quieted": TEXT,
    "foreign": Maybe(
        {
            "labels": dict,
            "alertmanager": TEXT,
            "fingerprint": TEXT,
            "receivers": [NAME],
            "writable": FLAG,
            "description": TEXT,
            "link": TEXT,
        }
    ),
}
# What is usual, kept and remembered.
USUAL = {
    "n": known(WHOLE),
    "needed": known(WHOLE),
    "learning": FLAG,
    "error_ratio": NUMBER,
    "error_n": known(WHOLE),
    "duration_p50_seconds": NUMBER,
    "duration_p95_seconds": NUMBER,
    "duration_p99_seconds": NUMBER,
    "duration_from": NAME,
    "tokens_p50": NUMBER,
    "tokens_p95": NUMBER,
    "cost_p50_usd": NUMBER,
    "cost_p95_usd": NUMBER,
    "cost_p99_usd": NUMBER,
    "hours": known(WHOLE),
    "runs_per_hour": NUMBER,
    "cost_usd_per_hour": NUMBER,
    "since": ANY_TIME,
    "accepted_at": ANY_TIME,
}
RETENTION = {
    "subject": NAME,
    "keeps": one_of("production logs|debug logs|metrics", split="|"),
    "needed_seconds": known(NUMBER),
    "reach_seconds": NUMBER,
    "limit_seconds": NUMBER,
    "oldest_at": ANY_TIME,
    "lost_before": ANY_TIME,
    "bytes": WHOLE,
    "bytes_per_day": NUMBER,
    "short": FLAG,
    "text": NAME,
    "problem": TEXT,
}
HISTORY = {
    "path": NAME,
    "size_bytes": WHOLE,
    "limit_bytes": WHOLE,
    "oldest": ANY_TIME,
    "newest": ANY_TIME,
    "problem": TEXT,
    "notes": [NAME],
}
DISCOVERY = {
    "age_seconds": NUMBER,
    "found": [{"what": NAME, "source": TEXT, "gone_since": ANY_TIME}],
    "not_seen": [NAME],
    "looked_at": [NAME],
    "error": TEXT,
}
QUALITY = one_of("exact priced band unpriced", nullable=True)
MONEY = {
    "usd": NUMBER,
    "usd_high": NUMBER,
    "quality": QUALITY,
    "at_least": FLAG,
    "unpriced_tokens": known(NUMBER),
}
COST_ROW = {
    "name": TEXT,
    "usd_per_hour": NUMBER,
    "quality": QUALITY,
    "last_hour": MONEY,
    "total_usd": NUMBER,
    "counted": FLAG,
}
FORECAST = {
    "mid": NUMBER,
    "low": NUMBER,
    "high": NUMBER,
    "basis": TEXT,
    "broken": FLAG,
    "usual_mid": NUMBER,
    "per_day": NUMBER,
    "why": TEXT,
}
ACCOUNT = {
    "begin": TIME,
    "end": TIME,
    **MONEY,
    "tokens": NUMBER,
    "wasted": MONEY,
    "known_seconds": known(NUMBER),
    "forecast": Maybe(FORECAST),
}
BUDGET = {
    "name": NAME,
    "unit": one_of("usd tokens"),
    "limit": known(NUMBER),
    "period": one_of("day week month"),
    "scope": {"workflow": NAME, "model": NAME, "provider": NAME},
    "begin": TIME,
    "end": TIME,
    "spent": NUMBER,
    "quality": QUALITY,
    "at_least": FLAG,
    "pace": NUMBER,
    "exhausted_in_seconds": Maybe([known(NUMBER)]),
    "why": TEXT,
    "forecast": Maybe(FORECAST),
    "known_seconds": known(NUMBER),
}

# contract.md, schema 1. The contract names "host" twice: the object carries the name too, and the name
# alone is "hostname". More than the contract asks for: totals.active_at_least, workflows.origin.
FORM: Mapping[str, Any] = {
    "schema": known(WHOLE),
    "at": TIME,
    "hostname": NAME,
    "version": NAME,
    "collector": {"pid": known(WHOLE), "user": NAME, "self": FLAG, "since": ANY_TIME, "alone": TEXT},
    "verdict": {"level": one_of("ok warning critical unknown"), "text": NAME},
    "sources": [
        {
            "name": NAME,
            "kind": NAME,
            "profile": TEXT,
            "state": one_of("ok stale down off"),
            "age_seconds": NUMBER,
            "latency_seconds": NUMBER,
            "error": TEXT,
            "missing": [NAME],
            "apart": [NAME],
        }
    ],
    "discovery": Maybe(DISCOVERY),
    "totals": {
        "active": WHOLE,
        "active_at_least": FLAG,
        "n": WHOLE,
        "retries": WHOLE,
        "queue": WHOLE,
        "cost_quality": QUALITY,
        **RATES,
    },
    "workflows": [
        {
            "name": NAME,
            "sources": [NAME],
            "active": WHOLE,
            "active_at_least": FLAG,
            "runs": Maybe(COUNTS),
            "n": WHOLE,
            "age_seconds": NUMBER,
            "retries": WHOLE,
            "cost_quality": QUALITY,
            "cost_rate": MONEY,
            "cost_last_hour": {**MONEY, "known_seconds": NUMBER},
            "slo": NUMBER,
            "last_run_at": ANY_TIME,
            "last_error": TEXT,
            "usual": Maybe(USUAL),
            "origin": dict,
            "profile": TEXT,
            "queue": WHOLE,
            "wait_p50_seconds": NUMBER,
            "wait_p95_seconds": NUMBER,
            "timeouts": WHOLE,
            "budget_left_usd": NUMBER,
            **RATES,
        }
    ],
    "runs": [
        {
            "id": NAME,
            "workflow": NAME,
            "status": one_of(STATUS),
            "started_at": ANY_TIME,
            "ended_at": ANY_TIME,
            "duration_seconds": NUMBER,
            "attempt": WHOLE,
            "tokens": WHOLE,
            "input_tokens": WHOLE,
            "output_tokens": WHOLE,
            "cached_tokens": WHOLE,
            "model": TEXT,
            "provider": TEXT,
            "cost_usd": NUMBER,
            "cost_quality": QUALITY,
            "pid": WHOLE,
            "error": TEXT,
            "source": NAME,
            "log": TEXT,
        }
    ],
    "runs_total": WHOLE,
    "tokens": [
        {
            "model": TEXT,
            "provider": TEXT,
            "workflow": TEXT,
            "kind": one_of("input output cached cache_write reasoning total"),
            "per_minute": NUMBER,
            "total": NUMBER,
            "counted": FLAG,
            "hour": NUMBER,
            "hour_seconds": NUMBER,
        }
    ],
    "calls": [{"provider": TEXT, "workflow": TEXT, "per_minute": NUMBER, "failed_per_minute": NUMBER}],
    "cost": {
        "usd_per_hour": NUMBER,
        "rate": MONEY,
        "last_hour": {**MONEY, "known_seconds": NUMBER},
        "today_usd": NUMBER,
        "month_usd": NUMBER,
        "timezone": TEXT,
        "today": Maybe(ACCOUNT),
        "month": Maybe(ACCOUNT),
        "last_24h": Maybe(ACCOUNT),
        "host_month_usd": NUMBER,
        "by_model": [COST_ROW],
        "by_provider": [COST_ROW],
        "by_workflow": [COST_ROW],
        "unpriced_tokens": NUMBER,
        "wasted_usd": NUMBER,
        "budgets": [BUDGET],
    },
    "host": {
        "name": NAME,
        "cpu_ratio": NUMBER,
        "load1": NUMBER,
        "cpus": WHOLE,
        "psi_memory_full_avg10": NUMBER,
    },
    "memory": {
        "host": {"total_bytes": WHOLE, "available_bytes": WHOLE, "used_ratio": NUMBER},
        "swap": {"total_bytes": WHOLE, "used_bytes": WHOLE},
        "workflows": [{"workflow": NAME, "rss_bytes": WHOLE, "cpu_ratio": NUMBER, "processes": WHOLE}],
    },
    "storage": [
        {
            "mount": TEXT,
            "device": TEXT,
            "path": TEXT,
            "total_bytes": WHOLE,
            "free_bytes": WHOLE,
            "used_ratio": NUMBER,
            "inodes_used_ratio": NUMBER,
            "bytes_per_day": NUMBER,
            "full_in_seconds": NUMBER,
            "full_in_range_seconds": Maybe([known(NUMBER)]),
        }
    ],
    "alerts": [ALERT],
    "ended": [{**ALERT, "had": [NAME]}],
    "retention": [RETENTION],
    "history": Maybe(HISTORY),
    "changes": [
        {
            "at": TIME,
            "kind": one_of("restart version config reset collector normal"),
            "subject": NAME,
            "text": NAME,
            "workflow": TEXT,
        }
    ],
}


def differences(form: Any, value: Any, path: str = "") -> list[str]:
    """Where ``value`` is not of ``form``; empty is good."""
    if isinstance(form, Maybe):
        return [] if value is None else differences(form.form, value, path)
    if isinstance(form, Mapping):
        return _object(form, value, path)
    if isinstance(form, list):
        return _list(form, value, path)
    if form is dict:
        return [] if isinstance(value, dict) else [f"{path}: {value!r} is no object"]
    if form is None:
        return [] if value is None else [f"{path}: {value!r}, but this is later work"]
    return _scalar(form, value, path)


def _object(form: Mapping[str, Any], value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no object"]
    found = [f"{path}.{name}: missing" for name in form.keys() - value.keys()]
    found += [f"{path}.{name}: not in the contract" for name in value.keys() - form.keys()]
    for name in form.keys() & value.keys():
        found += differences(form[name], value[name], f"{path}.{name}")
    return found


def _list(form: list[Any], value: Any, path: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{path}: {value!r} is no list"]
    if not form:
        return [f"{path}: {value!r}, but this is later work"] if value else []
    return [each for i, part in enumerate(value) for each in differences(form[0], part, f"{path}[{i}]")]


def _scalar(leaf: Leaf, value: Any, path: str) -> list[str]:
    if value is None:
        return [] if leaf.nullable else [f"{path}: null"]
    if leaf.types == (datetime,):
        return [] if _is_utc(value) else [f"{path}: {value!r} is no RFC 3339 time in UTC"]
    if not isinstance(value, leaf.types) or (isinstance(value, bool) and bool not in leaf.types):
        return [f"{path}: {value!r} is not {leaf.types}"]
    if isinstance(value, float) and not math.isfinite(value):
        return [f"{path}: {value!r}"]
    if leaf.words and value not in leaf.words:
        return [f"{path}: {value!r} is not one of {sorted(leaf.words)}"]
    if path.endswith("_ratio") and not 0 <= value <= 1:
        return [f"{path}: {value!r} is not a ratio"]
    return []


def _is_utc(value: object) -> bool:
    return isinstance(value, str) and value.endswith("Z") and datetime.fromisoformat(value) is not None


def test_it_is_exactly_the_contract_with_every_list_filled(incident: Incident) -> None:
    incident.taken()
    done = incident.program.run("snapshot", "--json")
    assert done.code == 0, done
    assert done.err == ""
    answer = done.json
    assert differences(FORM, answer) == []
    assert answer["schema"] == 1
    for path in ("sources", "workflows", "runs", "tokens", "storage", "alerts"):
        assert answer[path], f"{path} is empty: its form was not tested"
    assert answer["cost"]["by_workflow"]
    assert answer["memory"]["workflows"]
    assert any(alert["ack"] for alert in answer["alerts"])
    assert any(run["error"] for run in answer["runs"])


def test_with_nothing_to_read_everything_is_there_and_unknown(home: Program) -> None:
    done = home.run("snapshot", "--json", "--no-host")
    assert done.code == 1, "no source answered"
    answer = done.json
    assert differences(FORM, answer) == []
    assert answer["verdict"]["level"] == "unknown"
    for path in ("sources", "workflows", "runs", "tokens", "storage", "alerts"):
        assert answer[path] == []
    assert set(answer["totals"].values()) <= {None, False}
    assert answer["memory"]["host"] == {"total_bytes": None, "available_bytes": None, "used_ratio": None}
    assert answer["cost"]["usd_per_hour"] is None


def test_a_source_that_does_not_answer_is_told_and_the_exit_code_says_so(home: Program) -> None:
    done = home.run("snapshot", "--json", "--no-host", "--prometheus", refused_url())
    assert done.code == 1
    assert differences(FORM, done.json) == []
    (source,) = done.json["sources"]
    assert source["state"] == "down"
    assert source["error"].startswith("refused")
    assert (source["age_seconds"], done.json["totals"]["n"]) == (None, None)
    with_host = home.run("snapshot", "--json", "--prometheus", refused_url())
    assert with_host.code == 0, "one source answered"
    assert with_host.json["memory"]["host"]["total_bytes"] > 0


def test_numbers_that_json_has_no_word_for_are_null(home: Program, tmp_path: Path) -> None:
    log = tmp_path / "odd.jsonl"
    odd = ["NaN", "Infinity", "-Infinity", "1e999", "-5", '"many"', "true", "[]"]
    rows = [
        f'{{"ts": 1900000000, "workflow": "w", "run_id": "r{n}", "status": "success", '
        f'"duration_seconds": {word}, "tokens_used": {word}, "cost_usd": {word}, '
        f'"attempt": {word}, "pid": {word}}}'
        for n, word in enumerate(odd)
    ]
    log.write_text("\n".join(rows) + "\n")
    done = home.run("snapshot", "--json", "--no-host", "--logs", str(log))
    assert done.code == 0, done
    assert differences(FORM, done.json) == []
    assert json.loads(done.out)["runs_total"] == len(odd)
    for run in done.json["runs"]:
        assert run["duration_seconds"] is None or run["duration_seconds"] >= 0
        assert run["cost_usd"] is None or run["cost_usd"] >= 0


@pytest.mark.parametrize("command", [("snapshot",), ("check",), ("doctor",), ("acks",)])
def test_standard_output_carries_the_answer_and_nothing_else(home: Program, command: tuple[str]) -> None:
    done = home.run(*command, "--no-host")
    assert done.out
    assert done.err == ""
