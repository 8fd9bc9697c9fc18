"""An ack shared from any screen on a state directory, by whoever collects there, in a real Alertmanager."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.servers import Server, running_alertmanager
from support.sharing import ByHand, labels
from support.waiting import wait_until
from wfmon.config.loader import load_config
from wfmon.model.action import ShareAck, UnackAlert
from wfmon.model.alert import Ack, Alert
from wfmon.model.snapshot import Snapshot
from wfmon.monitor.assemble import AssembledStation, assemble_station

pytestmark = pytest.mark.server


class House:
    """Screens on one state directory; the first one collects."""

    def __init__(self, path: Path, url: str, closing: ExitStack) -> None:
        self._path = path
        self._url = url
        self._closing = closing
        self.am = ByHand(url)

    def screen(self, *, writable: bool = True, read_only: bool = False) -> AssembledStation:
        file = self._path / f"config-{writable}.toml"
        file.write_text(
            f'[state]\ndir = "{self._path / "state"}"\n[host]\nenabled = false\n[[source]]\nname = "am"\n'
            f'kind = "alertmanager"\nurl = "{self._url}"\nallow_write = {str(writable).lower()}\n'
            'interval = "1s"\n'
        )
        made = assemble_station(load_config(file, environ={}).config, ad_hoc=False, read_only=read_only)
        self._closing.callback(made.close)
        made.station.start()
        return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_alertmanager(tmp_path_factory.mktemp("am")) as running:
        yield running


@pytest.fixture
def house(tmp_path: Path, server: Server) -> Iterator[House]:
    with ExitStack() as closing:
        yield House(tmp_path, server.url, closing)


def alert_on(screen: AssembledStation, workflow: str) -> Alert:
    def mine(snapshot: Snapshot) -> list[Alert]:
        return [each for each in snapshot.alerts if ("workflow", workflow) in each.labels]

    snapshot = screen.station.wait(lambda told: bool(mine(told)), 20)
    assert snapshot is not None
    (alert,) = mine(snapshot)
    return alert


def ack_on(screen: AssembledStation, alert: Alert) -> Ack | None:
    snapshot = screen.station.snapshot
    assert snapshot is not None
    return next((each.ack for each in snapshot.alerts if each.id == alert.id), None)


def both_shared(screens: list[AssembledStation], alert: Alert) -> bool:
    acks = [ack_on(screen, alert) for screen in screens]
    return all(ack is not None and ack.shared for ack in acks) and len(set(acks)) == 1


def test_a_reader_shares_and_everybody_sees_the_same(house: House) -> None:
    mine = labels("Stations", workflow="shared")
    house.am.fire(mine)
    collecting = house.screen()
    alert = alert_on(collecting, "shared")
    reading = house.screen()
    assert alert_on(reading, "shared").id == alert.id
    assert "sharing" not in {thread.name for thread in threading.enumerate()}
    outcome = reading.station.submit(ShareAck(alert.id, "dana", "on it")).result(20)
    assert outcome.ok
    wait_until(lambda: both_shared([collecting, reading], alert), timeout=20)
    (silence,) = house.am.silences(mine)
    (line,) = collecting.parting_words()
    assert line.startswith("shared ack Stations shared: silenced in am until ")
    assert reading.parting_words() == ()
    collecting.close()
    wait_until(lambda: reading.station.collector.self_, timeout=20)
    assert reading.station.submit(UnackAlert(alert.id, "dana")).result(20).ok
    wait_until(lambda: not house.am.silences(mine), timeout=20)
    wait_until(lambda: silence["id"] in unshared(reading), timeout=20, message="told after it was done")


def unshared(screen: AssembledStation) -> set[str]:
    return {entry.effect for entry in screen.store.audit() if entry.what == "unshare"}


def test_who_collects_must_be_allowed_to_write(house: House) -> None:
    mine = labels("Stations", workflow="kept")
    house.am.fire(mine)
    collecting = house.screen(writable=False)
    alert = alert_on(collecting, "kept")
    outcome = collecting.station.submit(ShareAck(alert.id, "dana")).result(20)
    assert not outcome.ok
    assert "allow_write" in outcome.message
    # As one would who reads with another config.
    collecting.store.share(alert.id, "dana", collecting.station._clock(), "am", mine)

    def refused() -> bool:
        ack = ack_on(collecting, alert)
        return ack is not None and "allow_write" in (ack.problem or "")

    wait_until(refused, timeout=20)
    assert house.am.silences(mine) == []


def test_read_only_shares_nothing(house: House) -> None:
    mine = labels("Stations", workflow="looked-at")
    house.am.fire(mine)
    collecting = house.screen()
    alert = alert_on(collecting, "looked-at")
    assert collecting.store.share(alert.id, "dana", collecting.station._clock(), "am", mine)
    wait_until(lambda: house.am.silences(mine), timeout=20)
    collecting.close()
    alone = house.screen(read_only=True)
    alert_on(alone, "looked-at")
    assert not alone.station.submit(UnackAlert(alert.id, "dana")).result(20).ok
    assert len(house.am.silences(mine)) == 1
