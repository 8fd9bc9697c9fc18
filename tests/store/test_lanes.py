"""Who shares a lane, and what a state directory does when something else is watched in it."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from store.storehelp import FIRING, NOW, needs_root, private
from wfmon.config import schema
from wfmon.config.loader import load_config
from wfmon.store import lanes
from wfmon.store.acks import AckStore
from wfmon.store.collectorlock import CollectorLock
from wfmon.store.errors import Held
from wfmon.store.lanes import FILE, LIVE, Lane, find_lane, lane_key, owner
from wfmon.store.paths import StateDir, state_dir

PLAIN = load_config(environ={}).config
LOGS = schema.Source(kind="logs", name="logs", paths=["/var/log/wf/*.log"])
SCRAPE = schema.Source(kind="scrape", name="scrape", url="http://127.0.0.1:8000/metrics")


def config(*sources: schema.Source, **sections: Any) -> schema.Config:
    return msgspec.structs.replace(PLAIN, source=list(sources), **sections)


def other(struct: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(struct, **changes)


def test_the_key_tells_what_is_watched_and_how_it_is_judged() -> None:
    base = lane_key(config(LOGS, SCRAPE))
    assert len(base) == 12
    assert set(base) <= set("0123456789abcdef")
    alerts = PLAIN.alerts
    different = {
        lane_key(config(LOGS)),
        lane_key(config(LOGS, other(SCRAPE, url="http://127.0.0.1:8001/metrics"))),
        lane_key(config(LOGS, other(SCRAPE, name="prod"))),
        lane_key(config(other(LOGS, paths=["/var/log/wf/*.jsonl"]), SCRAPE)),
        lane_key(config(other(LOGS, timezone="Europe/Berlin"), SCRAPE)),
        lane_key(config(LOGS, SCRAPE, host=other(PLAIN.host, enabled=not PLAIN.host.enabled))),
        lane_key(config(LOGS, SCRAPE, workflow=[schema.Workflow(name="w", match=["w"])])),
        lane_key(config(LOGS, SCRAPE, windows=other(PLAIN.windows, grow_runs=99))),
        lane_key(config(LOGS, SCRAPE, profiles=other(PLAIN.profiles, enabled=["convention"]))),
        lane_key(config(LOGS, SCRAPE, profiles=other(PLAIN.profiles, totals=["n8n"]))),
        lane_key(config(LOGS, SCRAPE, profiles=other(PLAIN.profiles, prefix={"n8n": "x_"}))),
        lane_key(config(LOGS, SCRAPE, storage=other(PLAIN.storage, mounts=["/"]))),
        lane_key(
            config(
                LOGS,
                SCRAPE,
                alerts=other(alerts, failure_rate=other(alerts.failure_rate, threshold=0.2)),
            )
        ),
    }
    assert len(different) == 13
    assert base not in different


def test_who_names_no_source_shares_a_lane_unless_he_looks_otherwise() -> None:
    """What each finds is another matter: the collector of the lane finds it for all."""
    looks = PLAIN.discovery
    bare = lane_key(config())
    assert lane_key(config(discovery=other(looks, every=schema.Duration(5)))) == bare
    otherwise = {
        lane_key(config(discovery=other(looks, enabled=not looks.enabled))),
        lane_key(config(discovery=other(looks, connect=not looks.connect))),
    }
    assert len(otherwise) == 2
    assert bare not in otherwise
    named = lane_key(config(LOGS))
    assert lane_key(config(LOGS, discovery=other(looks, enabled=not looks.enabled))) == named


def test_the_key_does_not_tell_who_looks_and_how_often() -> None:
    base = lane_key(config(LOGS, SCRAPE))
    hour = schema.Duration(3600)
    auth = schema.Auth(bearer="env:TOKEN")
    same = {
        lane_key(config(SCRAPE, LOGS)),
        lane_key(config(LOGS, other(SCRAPE, interval=hour, timeout=hour, auth=auth, allow_write=True))),
        lane_key(config(LOGS, other(SCRAPE, name="scrape 2"))),
        lane_key(config(LOGS, other(SCRAPE, url="http://127.0.0.1:8000/metrics/"))),
        lane_key(config(LOGS, SCRAPE, user=schema.User(name="joe"))),
        lane_key(config(LOGS, SCRAPE, state=schema.State(dir="/elsewhere"))),
        lane_key(config(LOGS, SCRAPE, ui=other(PLAIN.ui, ascii=True))),
        lane_key(config(LOGS, SCRAPE, host=other(PLAIN.host, interval=hour))),
        lane_key(config(LOGS, SCRAPE, monitor=other(PLAIN.monitor, stretch=7.0, evaluate_every=hour))),
        lane_key(
            config(
                LOGS, SCRAPE, alerts=other(PLAIN.alerts, ack=other(PLAIN.alerts.ack, lease=hour, max=hour))
            )
        ),
    }
    assert same == {base}


def test_a_version_with_another_rule_or_default_watches_on_in_the_same_lane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = config(LOGS, windows=other(PLAIN.windows, grow_runs=99))
    plain, edited = lane_key(config(LOGS)), lane_key(mine)
    later = other(
        PLAIN,
        retention=other(PLAIN.retention, debug=schema.Duration(5)),
        alerts=other(PLAIN.alerts, failure_rate=other(PLAIN.alerts.failure_rate, threshold=0.07)),
    )
    monkeypatch.setattr(lanes, "_shipped", lambda: later)
    updated = other(later, source=[LOGS])
    assert lane_key(updated) == plain
    assert lane_key(other(updated, windows=mine.windows)) == edited


def test_a_relative_glob_is_of_the_directory_it_was_given_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relative = other(LOGS, paths=["*.log"])
    monkeypatch.chdir(tmp_path)
    assert lane_key(config(relative)) == lane_key(config(other(LOGS, paths=[f"{tmp_path}/*.log"])))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert lane_key(config(other(LOGS, paths=["~/*.log"]))) == lane_key(config(relative))


def test_a_fresh_directory_becomes_the_lane_of_who_comes_first(tmp_path: Path) -> None:
    base = private(tmp_path)
    lane = find_lane(config(LOGS), base, ad_hoc=True)
    assert (lane.root, lane.state, lane.key) == (True, base, lane_key(config(LOGS)))
    assert owner(base) == lane.key
    assert find_lane(config(LOGS), base, ad_hoc=False) == lane
    assert stat.S_IMODE((base.path / FILE).stat().st_mode) == 0o600


def test_who_only_looks_writes_nothing(tmp_path: Path) -> None:
    missing = state_dir(str(tmp_path / "none"), {}, make=False)
    assert find_lane(config(LOGS), missing, ad_hoc=False, make=False).root
    assert not missing.path.exists()
    base = private(tmp_path)
    find_lane(config(LOGS), base, ad_hoc=False, make=False)
    assert list(base.path.iterdir()) == []
    find_lane(config(LOGS), base, ad_hoc=False)
    elsewhere = find_lane(config(SCRAPE), base, ad_hoc=False, make=False)
    assert not elsewhere.root
    assert elsewhere.state.problem is None
    assert not (base.path / "lanes").exists()


def test_sources_named_for_once_get_a_directory_of_their_own(tmp_path: Path) -> None:
    base = private(tmp_path)
    mine = find_lane(config(LOGS), base, ad_hoc=False)
    lane = find_lane(config(SCRAPE), base, ad_hoc=True)
    assert (lane.root, lane.state.path) == (False, base.path / "lanes" / lane.key)
    assert stat.S_IMODE(lane.state.path.stat().st_mode) == 0o700
    assert owner(base) == mine.key
    # It has a history there now, so the config that says the same goes there too.
    assert find_lane(config(SCRAPE), base, ad_hoc=False) == lane


def test_an_edited_config_takes_the_history_along(tmp_path: Path) -> None:
    base = private(tmp_path)
    find_lane(config(LOGS), base, ad_hoc=False)
    (base.path / LIVE).write_bytes(b"of the sources of before")
    lane = find_lane(config(LOGS, SCRAPE), base, ad_hoc=False)
    assert lane.root
    assert owner(base) == lane.key
    assert not (base.path / LIVE).exists()


def test_an_edited_config_leaves_a_collector_that_lives_alone(tmp_path: Path) -> None:
    base = private(tmp_path)
    first = find_lane(config(LOGS), base, ad_hoc=False)
    lock = CollectorLock(first)
    assert lock.take("joe", "1", 5.0) is not None
    lane = find_lane(config(SCRAPE), base, ad_hoc=False)
    assert not lane.root
    assert owner(base) == first.key
    lock.release()


def test_who_waited_for_a_directory_that_was_adopted_meanwhile_does_not_collect_there(
    tmp_path: Path,
) -> None:
    base = private(tmp_path)
    waiting = CollectorLock(find_lane(config(LOGS), base, ad_hoc=False))
    find_lane(config(SCRAPE), base, ad_hoc=False)
    assert waiting.take("joe", "1", 5.0) is None
    assert "other settings" in (waiting.problem or "")
    assert waiting.holder() is None


@needs_root
def test_the_directory_of_another_user_is_not_adopted(tmp_path: Path) -> None:
    base = private(tmp_path)
    first = find_lane(config(LOGS), base, ad_hoc=False)
    os.chown(base.path / FILE, 61001, 61000)
    assert not find_lane(config(SCRAPE), base, ad_hoc=False).root
    assert owner(base) == first.key


@needs_root
def test_a_lane_of_a_shared_directory_is_shared(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    os.chown(shared, 0, 61000)
    shared.chmod(0o2770)
    base = state_dir(str(shared), {})
    find_lane(config(LOGS), base, ad_hoc=False)
    before = os.umask(0o077)
    try:
        lane = find_lane(config(SCRAPE), base, ad_hoc=True)
        CollectorLock(lane).take("joe", "1", 5.0)
    finally:
        os.umask(before)
    assert lane.state.shared
    for path in (base.path / "lanes", lane.state.path):
        assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o2770, 61000)
    for path in (base.path / FILE, lane.state.path / "collector.lock"):
        assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o660, 61000)


@pytest.mark.parametrize("content", [b"", b"\x00" * 12, b"abcdef01234", b"ABCDEF012345", b"x" * 999])
def test_a_lane_file_of_another_make_is_nobodys(tmp_path: Path, content: bytes) -> None:
    base = private(tmp_path)
    (base.path / FILE).write_bytes(content)
    assert owner(base) is None
    lane = find_lane(config(LOGS), base, ad_hoc=False)
    assert lane.root
    assert owner(base) == lane.key


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_what_is_no_plain_file_is_told_and_not_followed(tmp_path: Path, kind: str) -> None:
    base = private(tmp_path)
    target = tmp_path / "secret"
    target.write_bytes(b"abcdef012345\n")
    path = base.path / FILE
    if kind == "link":
        path.symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    lane = find_lane(config(LOGS), base, ad_hoc=False)
    assert lane.state.problem is not None
    assert CollectorLock(lane).take("joe", "1", 5.0) is None
    assert target.read_bytes() == b"abcdef012345\n"


def test_a_directory_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    base = StateDir(tmp_path / "x", problem="x is not writable")
    lane = find_lane(config(LOGS), base, ad_hoc=False)
    assert lane.state.problem == "x is not writable"
    mine = private(tmp_path)
    find_lane(config(LOGS), mine, ad_hoc=False)
    (mine.path / "lanes").write_bytes(b"in the way")
    assert find_lane(config(SCRAPE), mine, ad_hoc=True).state.problem is not None


def test_two_lanes_part_the_episodes_of_workflows_of_one_name(tmp_path: Path) -> None:
    state = private(tmp_path)
    root, beside = AckStore(state), AckStore(state, lane="aaaaaaaaaaaa")
    root.observe([FIRING], NOW)
    beside.observe([replace(FIRING, summary="99%")], NOW)
    mine, theirs = root.records(NOW)[FIRING.key], beside.records(NOW)[FIRING.key]
    assert (mine.id, mine.summary) == (FIRING.id, "32%")
    assert theirs.summary == "99%"
    assert re.fullmatch("[0-9a-f]{12}", theirs.id)
    assert theirs.id != mine.id
    beside.ack(theirs.id, "joe", NOW + 1)
    assert root.records(NOW + 1)[FIRING.key].ack is None
    assert [held.episode.id for held in root.acks(NOW + 1)] == [theirs.id]
    assert root.find(theirs.id, NOW + 1).ack is not None
    with pytest.raises(Held):
        root.ack(theirs.id, "ann", NOW + 1)
    root.observe([], NOW + 2, {FIRING.key: NOW + 2})
    assert beside.records(NOW + 2)[FIRING.key].ended_at is None
    assert [each.record.id for each in root.ended(NOW)] == [mine.id]
    assert beside.ended(NOW) == ()
    for at, store, ids in ((NOW + 1, root, [mine.id]), (NOW + 1, beside, [theirs.id]), (NOW + 3, root, [])):
        assert [each.id for each in store.episodes_at(at)] == ids
    assert [each.id for each in beside.episodes_between(NOW, NOW + 9)] == [theirs.id]
    again = AckStore(state, lane="aaaaaaaaaaaa")
    assert again.observe([replace(FIRING, id="111111111111")], NOW + 30)[FIRING.key].id == theirs.id


def test_the_lane_of_the_directory_itself_goes_on_with_what_was_there(tmp_path: Path) -> None:
    base = private(tmp_path)
    AckStore(base).observe([FIRING], NOW)
    lane = find_lane(config(LOGS), base, ad_hoc=False)
    assert (lane.root, lane.name) == (True, "")
    assert AckStore(base, lane=lane.name).records(NOW)[FIRING.key].id == FIRING.id
    beside = Lane("bbbbbbbbbbbb", base, root=False)
    assert beside.name == "bbbbbbbbbbbb"
