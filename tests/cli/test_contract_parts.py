"""What is remembered, in the outer form of a snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support import snapshots
from wfmon.cli.contract import snapshot_json
from wfmon.model.alert import Ack, ForeignRef, Note
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.forecast import Filling
from wfmon.model.history import Change, ChangeKind, HistoryStatus
from wfmon.model.retention import Keeps, Retention
from wfmon.model.snapshot import Collector
from wfmon.text.numbers import rfc3339


def outer(**parts: Any) -> Any:
    return snapshot_json(replace(snapshots.incident(), **parts))


def test_usual_figures_come_with_how_much_is_known_of_them() -> None:
    first = snapshots.incident().workflows[0]
    learnt = Baseline(
        first.name,
        n=50,
        error_ratio=0.01,
        error_n=400,
        duration_p50_seconds=1.0,
        duration_p99_seconds=9.0,
        hours=12,
        runs_per_hour=Usual(30.0, 2.0, 12),
        cost_per_hour=Usual(0.5, 0.1, 12),
        since=snapshots.NOW - 86_400,
    )
    (row,) = outer(workflows=(replace(first, usual=learnt),))["workflows"]
    usual = row["usual"]
    assert (usual["n"], usual["needed"], usual["learning"]) == (50, 20, False)
    assert (usual["duration_p50_seconds"], usual["duration_p95_seconds"]) == (1.0, None)
    assert (usual["runs_per_hour"], usual["cost_usd_per_hour"], usual["hours"]) == (30.0, 0.5, 12)
    (row,) = outer(workflows=(replace(first, usual=Baseline(first.name, n=7)),))["workflows"]
    assert (row["usual"]["learning"], row["usual"]["error_ratio"]) == (True, None)
    (row,) = outer(workflows=(replace(first, usual=None),))["workflows"]
    assert row["usual"] is None


def test_a_forecast_is_of_its_own_volume_and_gives_the_shorter_end() -> None:
    host = snapshots.incident().host
    assert host is not None
    mounts = [volume.mount for volume in host.volumes]
    answer = outer(fillings=(Filling(mounts[-1], 5e9, (3_600.0, 7_200.0)),))
    *others, last = answer["storage"]
    assert (last["full_in_seconds"], last["full_in_range_seconds"]) == (3_600.0, [3_600.0, 7_200.0])
    assert last["bytes_per_day"] == 5e9
    assert all(volume["full_in_seconds"] is None for volume in others)
    growing = outer(fillings=(Filling(mounts[-1], 5e9, None),))["storage"][-1]
    assert (growing["bytes_per_day"], growing["full_in_seconds"]) == (5e9, None)


def test_what_ended_what_changed_and_what_is_kept() -> None:
    now = snapshots.NOW
    over = replace(snapshots.incident().alerts[-1], had=("joe", "ann"))
    answer = outer(
        ended=(over,),
        changes=(Change(now - 60, ChangeKind.RESTART, "w", "pid 412 → 977", "w"),),
        retention=(
            Retention("app logs", Keeps.PRODUCTION_LOGS, 90 * 86_400.0, short=True, words="9d of 90d"),
        ),
        history=HistoryStatus("/x/history.db", 100, 500, oldest=now - 3_600, problem="disk full"),
        collector=Collector(4, "joe", since=now - 60, alone="read-only"),
    )
    (ended,) = answer["ended"]
    assert (ended["id"], ended["had"], ended["state"]) == (over.id, ["joe", "ann"], "resolved")
    assert ended["ended_at"] is not None
    assert ended["peak"] == 0.32
    assert answer["changes"][0]["kind"] == "restart"
    assert answer["retention"][0]["short"] is True
    assert answer["retention"][0]["keeps"] == "production logs"
    assert answer["history"]["problem"] == "disk full"
    assert answer["collector"]["alone"] == "read-only"
    assert outer(history=None)["history"] is None


def test_what_else_is_known_of_an_alert_and_of_who_has_it() -> None:
    now = snapshots.NOW
    alert = replace(
        snapshots.incident().alerts[0],
        n=15.0,
        low=0.1,
        mean=0.2,
        samples=12,
        members=("run-1", "run-2"),
        contributors=("step extract",),
        notes=(Note("ann", now, "it is the disk"),),
        quieted="silenced by dana until 15:00",
        ack=Ack("joe", now, None, True, "x", shared=True, snooze=True, silence="7d5", via="am"),
        foreign=ForeignRef(
            (("alertname", "X"),), "am", "f00", ("team",), True, "d", "https://joe:secret@host.example/x"
        ),
    )
    (told,) = outer(alerts=(alert,))["alerts"]
    assert (told["n"], type(told["n"])) == (15, int)
    assert (told["low"], told["mean"], told["samples"]) == (0.1, 0.2, 12)
    assert (told["members"], told["contributors"]) == (["run-1", "run-2"], ["step extract"])
    assert told["notes"] == [{"by": "ann", "at": rfc3339(now), "text": "it is the disk"}]
    assert told["quieted"] == "silenced by dana until 15:00"
    assert (told["ack"]["snooze"], told["ack"]["silence"], told["ack"]["via"]) == (True, "7d5", "am")
    assert (told["ack"]["until"], told["ack"]["problem"]) == (None, None)
    assert told["foreign"]["labels"] == {"alertname": "X"}
    assert told["foreign"]["receivers"] == ["team"]
    assert "secret" not in told["foreign"]["link"]
    plain = outer(alerts=(replace(alert, ack=None, foreign=None, quieted="", notes=()),))["alerts"][0]
    assert (plain["ack"], plain["foreign"], plain["quieted"], plain["notes"]) == (None, None, None, [])
