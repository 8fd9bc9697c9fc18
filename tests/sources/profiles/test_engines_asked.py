"""The same expositions in a real Prometheus: a profile reads the same figures there."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from agreement.test_profiles_agree import WINDOWS, StillApi
from sources.profiles.reading import Figures, exposition, figures
from sources.profiles.test_engines import CASES, DOC
from support.expositions import Replay
from support.remotewrite import OPTION, remote_write
from support.servers import Server, running_prometheus
from wfmon.model.metrics import MetricsSample
from wfmon.sources.exposition import Series, parse_series
from wfmon.sources.profile import Profile, load_profiles
from wfmon.sources.prometheus import PrometheusSource

pytestmark = pytest.mark.server

PROFILES = load_profiles()
APART = 25_000.0  # seconds: more than any question looks back
SCRAPES, EVERY = 9, 15.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_prometheus(tmp_path_factory.mktemp("engines"), options=[OPTION]) as running:
        yield running


def said(text: str) -> dict[Series, float]:
    rows = [line.rpartition(" ")[::2] for line in text.splitlines() if not line.startswith("#")]
    series = parse_series([key.encode() for key, _ in rows])
    return {series[key.encode()]: float(value) for key, value in rows}


def scraped_until(server: Server, end: float, job: str, instance: str, first: str, second: str) -> None:
    """``first`` until the last two scrapes, which find ``second``."""
    target = {"job": job, "instance": instance}
    times = [end - (SCRAPES - 1 - number) * EVERY for number in range(SCRAPES)]
    before, after = said(first), said(second)
    rows: list[tuple[Mapping[str, str], list[tuple[float, float]]]] = [
        ({"__name__": "up", **target}, [(at, 1.0) for at in times])
    ]
    for series in {**before, **after}:
        points = [(at, before[series]) for at in times[:-2] if series in before]
        points += [(at, after[series]) for at in times[-2:] if series in after]
        rows.append(({"__name__": series.name, **target, **series.labels}, points))
    remote_write(server.url, rows)


def asked(server: Server, end: float, profiles: Sequence[Profile]) -> dict[str, MetricsSample]:
    source = PrometheusSource("asked", server.url, windows=WINDOWS, profiles=profiles, timeout=60.0)
    api = StillApi(server.url, max_bytes=10_000_000)
    api.at = end
    source._api = api
    try:
        for _ in range(3):  # what the first polls leave to the next
            reading = source.poll(end)
    finally:
        source.close()
    return {sample.profile: sample for sample in reading.samples}


def filled(found: Figures) -> Figures:
    """A server does not tell a metric without a series that matters from one that is not there."""
    return replace(found, **{name: None for name in found.concepts if not getattr(found, name)})


def test_a_prometheus_says_the_same(server: Server) -> None:
    now = math.floor(time.time()) - 1.0
    seen: set[str] = set()  # a server forgets no name of the last days
    for number, (variant, (name, expected)) in enumerate(CASES.items()):
        end = now - (len(CASES) - number) * APART
        scraped_until(server, end, variant, "i:1", exposition(variant, 1), exposition(variant, 2))
        samples = asked(
            server, end, [each for each in PROFILES if each.name == name or each.name not in seen]
        )
        assert set(samples) == {name}, variant
        assert filled(figures(samples[name])) == filled(expected), variant
        seen.add(name)


OLD_AND_NEW = {(DOC, "success"): 18 + 20, (DOC, "error"): 2 + 1, ("Invoice", "success"): 2}
HALF_KNOWN = {
    (DOC, "success"): 17,
    (DOC, "error"): 3,
    (DOC, "other"): 20,
    ("bun", "other"): 2,
    ("bun", "success"): 2,
}


@pytest.mark.parametrize(
    ("variants", "profile", "runs"),
    [
        (("n8n-event-bus", "n8n-queue"), "n8n", OLD_AND_NEW | {("instance-ai", "success"): 1}),
        (("windmill", "windmill-no-failures"), "windmill", HALF_KNOWN),
    ],
)
def test_each_target_is_read_by_what_it_exposes_itself(
    server: Server, variants: tuple[str, str], profile: str, runs: Mapping[tuple[str, str], float]
) -> None:
    """An old release beside a new one, a worker without a failure beside one with some."""
    end = math.floor(time.time()) - 1.0
    for number, variant in enumerate(variants):
        scraped_until(
            server, end, f"both {profile}", f"i:{number}", exposition(variant, 1), exposition(variant, 2)
        )
    one = [each for each in PROFILES if each.name == profile]
    assert figures(asked(server, end, one)[profile]).runs == runs

    source = Replay(
        "both", ["http://127.0.0.1:9/1", "http://127.0.0.1:9/2"], windows=WINDOWS, profiles=PROFILES
    )
    for look in (1, 2):
        source.texts = [exposition(variant, look) for variant in variants]
        reading = source.poll(1_000_000.0 + 60.0 * look)
    (sample,) = (each for each in reading.samples if each.profile == profile)
    assert figures(sample).runs == runs
