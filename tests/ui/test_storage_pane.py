"""The storage pane: what fills, and how far back logs and metrics reach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.payloads import PAYLOADS
from support.screen import Stage, look
from support.snapshots import DAY, GIB, NOW, incident, retention
from wfmon.model.alert import Alert, AlertState, Severity
from wfmon.model.forecast import Filling
from wfmon.model.host import Volume
from wfmon.model.retention import Keeps, Retention
from wfmon.model.snapshot import Snapshot
from wfmon.text.sanitize import safe
from wfmon.ui.panes.storage import storage_rows
from wfmon.ui.views.alert import AlertView


def pane(snapshot: Snapshot, width: int = 29, height: int = 5) -> list[str]:
    rows = storage_rows(look(), width, height, snapshot)
    assert len(rows) <= height
    assert {row.strip.cell_length for row in rows} == {width}
    return [row.text.rstrip() for row in rows]


def filling(bytes_per_day: float | None, full_in: tuple[float, float] | None) -> Snapshot:
    return replace(incident(), fillings=(Filling("/", bytes_per_day, full_in),), retention=())


LOGS, METRICS = retention()


def reaching(one: Retention, seconds: float, **more: object) -> Retention:
    changed: dict[str, object] = {"reach_seconds": seconds, "oldest_at": NOW - seconds, **more}
    return replace(one, **changed)  # type: ignore[arg-type]


def kept(*each: Retention) -> Snapshot:
    return replace(incident(), retention=each)


def test_it_is_drawn() -> None:
    assert pane(incident()) == [
        " /var/lib/wf  93% full 9h–2d",
        " /            61% used +1.2G",
        " metrics  kept 15d of 365d",
        " logs 41.2G  oldest 92d",
    ]
    assert pane(incident(), 46)[0] == " /var/lib/wf █████████░  93% full in 9h–2d"
    assert pane(incident(), 80)[0].endswith(" of 50.0G, +4.1G a day, full in 9h–2d")
    assert pane(incident(), 46)[3] == " logs app logs  41.2G  oldest 92d"


@pytest.mark.parametrize(
    ("bytes_per_day", "full_in", "words"),
    [
        (None, None, "61% 78.0G free"),
        (1.2 * GIB, None, "61% used +1.2G"),
        (512.4 * 2**20, None, "61% used +512M"),
        (-3.1 * GIB, None, "61% used -3.1G"),
        (1.2 * GIB, (9 * 3_600.0, 9.5 * 3_600), "61% full in 9h"),
        (1.2 * GIB, (50 * 3_600.0, 9 * 3_600.0), "61% full 9h–2d"),
        (None, (0.0, 0.0), "61% full in 0s"),
    ],
)
def test_the_outlook_is_told_only_where_it_is_known(
    bytes_per_day: float | None, full_in: tuple[float, float] | None, words: str
) -> None:
    assert pane(filling(bytes_per_day, full_in))[1].endswith(words)


def test_what_is_full_within_a_day_is_a_warning() -> None:
    def role(hours: float) -> object:
        snapshot = filling(1.0, (hours * 3_600, hours * 3_600))
        row = storage_rows(look(), 29, 5, snapshot)[1]
        return next(part.style for part in row.strip if "full" in part.text)

    assert role(9) == look().style("warning")
    assert role(49) == look().style("text")


@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("volumes", [0, 1, 2, 7])
def test_short_retention_and_the_fullest_volume_keep_their_rows(height: int, volumes: int) -> None:
    base = incident()
    assert base.host is not None
    made = tuple(Volume(f"/v{n}", None, f"/v{n}", 100, n, 1 - n / 100) for n in range(1, volumes + 1))
    rows = pane(replace(base, host=replace(base.host, volumes=made)), height=height)
    text = "\n".join(rows)
    assert "/v1 " in text or not volumes
    assert "metrics  kept 15d of 365d" in text or height == 1
    if volumes == 7 and height == 5:
        assert [row.split()[0] for row in rows] == ["/v1", "/v2", "/v3", "+4", "metrics"]


def test_of_several_log_sets_it_is_the_worst() -> None:
    young = reaching(LOGS, 31 * DAY, subject="debug", keeps=Keeps.DEBUG_LOGS, needed_seconds=30 * DAY)
    short = reaching(LOGS, 12 * DAY, subject="app", short=True, bytes=None)
    assert pane(kept(LOGS, young))[2] == " logs 41.2G oldest 92d +1 set"
    assert pane(kept(LOGS, young, short))[2] == " logs 12d of 90d +2 sets"
    assert pane(kept(LOGS, young, short), 19)[2].startswith(" logs 12d of 90d")
    assert (
        pane(kept(METRICS, replace(METRICS, subject="history", short=False)))[2]
        == " metrics  kept 15d of 365d +1"
    )


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (replace(LOGS, reach_seconds=None, oldest_at=None), "logs oldest not known"),
        (replace(LOGS, reach_seconds=None, problem="no permission"), "logs no permission"),
        (
            reaching(METRICS, 3 * DAY, short=False, limit_seconds=400 * DAY),
            "metrics kept 400d, oldest 3d",
        ),
        (reaching(METRICS, 30 * DAY, limit_seconds=400 * DAY), "metrics kept 30d of 365d"),
        (replace(METRICS, limit_seconds=None), "metrics kept 15d of 365d"),
        (replace(METRICS, limit_seconds=None, reach_seconds=None, short=False), "metrics kept: not known"),
        (replace(METRICS, short=False, limit_seconds=None), "metrics oldest 15d"),
    ],
)
def test_what_is_kept_is_said_as_far_as_it_is_known(one: Retention, words: str) -> None:
    assert " ".join(pane(kept(one), 40)[2].split()) == words


def test_without_a_host_what_is_kept_is_still_told() -> None:
    assert pane(replace(incident(), host=None))[-1] == " not watched"
    assert pane(replace(incident(), host=None, retention=())) == [" not watched"]


def alerted(snapshot: Snapshot, rule: str, labels: tuple[tuple[str, str], ...], size: tuple[int, int]) -> str:
    alert = Alert("f" * 12, rule, labels, Severity.WARNING, AlertState.FIRING, "words", NOW - 60, False)
    stage = Stage(replace(snapshot, alerts=(alert,)), size=size)
    stage.shell.open(AlertView("f" * 12))
    return stage.text()


def test_an_alert_on_storage_shows_what_it_fills_by() -> None:
    text = alerted(incident(), "storage", (("mount", "/var/lib/wf"),), (80, 24))
    assert "grows    +4.1G a day" in text
    assert "full in  9h–2d" in text
    assert "basis    slope of 6h, and of a day" in text


def test_an_alert_on_retention_shows_its_log_set_first() -> None:
    other = replace(LOGS, subject="other logs", problem="two files could not be read")
    gone = replace(
        LOGS, reach_seconds=12 * DAY, oldest_at=NOW - 12 * DAY, lost_before=NOW - 12 * DAY, short=True
    )
    text = alerted(kept(other, gone), "retention", (("subject", "app logs"),), (80, 24))
    assert text.index("─ app logs ─") < text.index("─ other logs ─")
    assert "rule     logs and metrics reach back as far as they should" in text
    assert "reaches  12d back, 90d wanted" in text
    assert "oldest   02-18 14:03, 12d ago" in text
    assert "size     41.2G, +461M a day" in text
    assert "deleted  lines before 02-18 14:03 have been deleted" in text
    assert "problem  two files could not be read" in text


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_hostile_texts_break_no_row(payload: object, ascii_only: bool) -> None:
    text = safe(payload.text)  # type: ignore[attr-defined]
    base = incident()
    assert base.host is not None
    volume = replace(base.host.volumes[0], mount=text, path=text, error=text)
    snapshot = replace(
        base,
        host=replace(base.host, volumes=(volume, replace(volume, used_ratio=None))),
        fillings=(Filling(text, 1.0, (1.0, 2.0), text),),
        retention=(
            replace(LOGS, subject=text, words=text, problem=text),
            replace(METRICS, reach_seconds=None, limit_seconds=None, problem=text),
        ),
        alerts=(),
    )
    for width in (19, 29, 60):
        for row in storage_rows(look(ascii_only=ascii_only), width, 6, snapshot):
            assert row.strip.cell_length == width
            assert row.text.isprintable()
            assert row.text.isascii() or not ascii_only
    for size in ((60, 15), (80, 24)):
        stage = Stage(snapshot, size=size)
        for keys in ([":", *"explain storage", "enter"], ["G"]):
            assert all(line.isprintable() for line in stage.press(*keys))
        assert alerted(snapshot, "retention", (("subject", text),), size)


def test_a_history_that_is_not_kept_keeps_its_row() -> None:
    start = incident()
    assert start.history is not None
    full = replace(start, history=replace(start.history, problem="disk full"))
    assert " history not kept: disk full" in pane(full)
    assert " history not kept: disk full" in pane(full, height=2)
    assert " history not kept: disk full" in pane(replace(full, host=None))
    long = replace(start, history=replace(start.history, problem="no permission " * 9))
    assert any(row.startswith(" history not kept: no perm") for row in pane(long))


def test_how_far_back_it_reaches_goes_on_between_two_looks_at_it() -> None:
    young = reaching(LOGS, 35.0)
    assert " logs 41.2G  oldest <1m" in pane(kept(young))
    assert " logs 41.2G  oldest 5m" in pane(replace(kept(young), at=NOW + 265.0))
