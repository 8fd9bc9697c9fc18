"""The rules reach the snapshot: through the monitor that a real config builds, after its first verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wfmon.config.loader import load_config
from wfmon.model.snapshot import Collector
from wfmon.monitor.building import For, build_monitor, configured_sources
from wfmon.monitor.loop import Monitor
from wfmon.store.acks import AckStore
from wfmon.store.paths import StateDir

CONFIG = """
[alerts.failure_rate]
threshold = 0.1
[[source]]
kind = "logs"
paths = ["{logs}"]
[host]
enabled = false
"""


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(logs=tmp_path / "none.jsonl"), encoding="utf-8")
    loaded = load_config(file, {})
    store = AckStore(StateDir(tmp_path / "state"))
    viewer = For(store, "joe", None, changed=loaded.layered.changed)
    monitor = build_monitor(loaded.config, viewer, Collector(1, "joe"), configured_sources(loaded.config))
    monitor.start()
    yield monitor
    monitor.stop()
    store.close()


def test_rules_are_told_once_it_is_settled(monitor: Monitor) -> None:
    last = monitor.wait(lambda snapshot: bool(snapshot.rules), 30.0)
    assert last is not None
    by_name = {rule.name: rule for rule in last.rules}
    assert by_name["failure_rate"].where == "config.toml:3 alerts.failure_rate.threshold"
    assert "> 10%" in by_name["failure_rate"].words
    assert by_name["stall"].where == "as shipped"
    later = monitor.wait(lambda snapshot: snapshot.at > last.at and snapshot is not last, 30.0)
    assert later is not None
    assert later.rules is last.rules
