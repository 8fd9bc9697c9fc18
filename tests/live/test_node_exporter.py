"""A real node_exporter, read directly and through a real Prometheus, against the kernel's own figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from live.reading import asking, now, sample_of, scraped_by, scraping
from support.realsystems import running_node_exporter
from support.servers import Server, running_prometheus
from support.waiting import wait_until
from wfmon.model.metrics import Concept, MetricsSample
from wfmon.sources.base import Reading
from wfmon.sources.profile import shipped_profiles

pytestmark = pytest.mark.server


@dataclass
class Lab:
    exporter: Server
    prometheus: Server

    def direct(self) -> Reading:
        return scraping(f"{self.exporter.url}/metrics").poll(now())

    def through(self) -> Reading:
        return asking(self.prometheus).poll(now())


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("node")
    with (
        running_node_exporter(folder) as exporter,
        running_prometheus(folder, [exporter.url.removeprefix("http://")]) as prometheus,
    ):
        scraped_by(prometheus, "count(node_memory_MemTotal_bytes)", lambda value: value == 1)
        yield Lab(exporter, prometheus)


def in_use() -> int:
    memory = psutil.virtual_memory()
    return memory.total - memory.available


@pytest.mark.parametrize("way", ["direct", "through"])
def test_memory_in_use_is_what_the_kernel_says(lab: Lab, way: str) -> None:
    def agrees() -> bool:
        """Other processes take and give memory between the two looks."""
        before = in_use()
        (sample,) = getattr(lab, way)().samples
        about = sorted((before, in_use()))
        slack = 0.02 * psutil.virtual_memory().total
        assert about[0] - slack <= sample.memory[None] <= about[1] + slack
        assert sample.profile == "node-exporter"
        return True

    wait_until(agrees, timeout=30)


@pytest.mark.parametrize("way", ["direct", "through"])
def test_room_is_what_the_file_systems_say(lab: Lab, way: str) -> None:
    sample: MetricsSample = sample_of(getattr(lab, way)(), "node-exporter")
    mounts = {mount: space for mount, space in sample.storage.items() if mount is not None}
    assert mounts, "not even the root of a container"
    for mount, space in mounts.items():
        usage = psutil.disk_usage(mount)
        assert space.size == usage.total
        assert space.free == pytest.approx(usage.free, abs=0.02 * usage.total)
    kinds = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    assert not {kinds.get(mount) for mount in mounts} & {"tmpfs", "devtmpfs", "squashfs", "proc"}


@pytest.mark.parametrize("way", ["direct", "through"])
def test_a_machine_is_said_to_have_no_runs(lab: Lab, way: str) -> None:
    words = getattr(lab, way)().missing
    (profile,) = [profile for profile in shipped_profiles() if profile.name == "node-exporter"]
    assert set(profile.not_exposed) == {c.value for c in Concept} - {"memory", "storage"}
    for concept, reason in profile.not_exposed.items():
        assert f"node_exporter: {concept}: {reason}" in words
