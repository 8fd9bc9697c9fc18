"""Apps that call a model through real instrumentations: what they tell against what the model served."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from live.reading import asking, now, sample_of, scraped_by, scraping
from support.model import ANSWERED_BY, SLOW_SECONDS, Model, running_model
from support.realsystems import required_module, running_script
from support.servers import Server, running_prometheus
from support.waiting import wait_until
from wfmon.model.metrics import MetricsSample, TokenKey, TokenKind
from wfmon.sources.base import Reading

pytestmark = pytest.mark.server
APP = Path(__file__).with_name("genai_app.py")
# By service: its instrumentation, the profile that is for it, and the provider of a call that failed.
SERVICES = {
    "invoice_extract": ("otel", "otel-genai", "openai"),
    "review": ("openllmetry", "openllmetry", None),
}
QUESTIONS = ["hello"] * 16 + ["slow"] * 4 + ["limited"] * 3 + ["broken"]
CALLS = "gen_ai_client_operation_duration_seconds_count"


@dataclass
class Lab:
    """``direct``: by service what its own metrics say; ``through``: what a Prometheus of all of them says."""

    model: Model
    direct: dict[str, Reading] = field(default_factory=dict)
    through: Reading | None = None

    def sample(self, service: str, way: str) -> MetricsSample:
        if way == "direct":
            return sample_of(self.direct[service], SERVICES[service][1])
        assert self.through is not None
        return sample_of(self.through, "openllmetry")


def told_calls(app: Server) -> int:
    with urllib.request.urlopen(f"{app.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(round(float(line.rpartition(" ")[2])) for line in lines if line.startswith(CALLS))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    required_module(
        "openai",
        "opentelemetry.exporter.prometheus",
        "opentelemetry.instrumentation.genai.openai",
        "opentelemetry.instrumentation.openai",
    )
    folder = tmp_path_factory.mktemp("genai")
    with ExitStack() as stack:
        lab = Lab(stack.enter_context(running_model()))
        apps = {
            service: stack.enter_context(running_script(folder, APP, instrumentation, service, lab.model.url))
            for service, (instrumentation, _, _) in SERVICES.items()
        }
        jobs = {f"job-{service}": [app.url.removeprefix("http://")] for service, app in apps.items()}
        prometheus = stack.enter_context(running_prometheus(folder, jobs=jobs))
        scraped_by(prometheus, "sum(up)", lambda value: value == len(apps))
        sources = {service: scraping(f"{app.url}/metrics") for service, app in apps.items()}
        for service, source in sources.items():
            source.poll(now())
            lab.model.let(service, *QUESTIONS)
        for app in apps.values():
            wait_until(lambda app=app: told_calls(app) == len(QUESTIONS), timeout=60, pause=0.1)  # type: ignore[misc]
        scraped_by(prometheus, f"sum({CALLS})", lambda value: value == len(QUESTIONS) * len(apps))
        lab.direct = {service: source.poll(now()) for service, source in sources.items()}
        through = asking(prometheus)
        stack.callback(through.close)
        lab.through = wait_until(lambda: settled(through.poll(now())), timeout=60)
        yield lab


def settled(reading: Reading) -> Reading | None:
    return reading if reading.settled else None


@pytest.mark.parametrize("way", ["direct", "through"])
@pytest.mark.parametrize("service", SERVICES)
def test_tokens_are_those_that_the_model_served(lab: Lab, service: str, way: str) -> None:
    served = lab.model.served[service]
    tokens = lab.sample(service, way).tokens
    mine = {key: amount for key, amount in tokens.items() if key.workflow == service}
    assert set(mine) == {
        TokenKey(service, "openai", ANSWERED_BY, kind) for kind in (TokenKind.INPUT, TokenKind.OUTPUT)
    }
    for kind, count in ((TokenKind.INPUT, served.input), (TokenKind.OUTPUT, served.output)):
        amount = mine[TokenKey(service, "openai", ANSWERED_BY, kind)]
        assert (amount.delta, amount.total) == (pytest.approx(count), count)


@pytest.mark.parametrize("way", ["direct", "through"])
@pytest.mark.parametrize("service", SERVICES)
def test_calls_and_failures_are_those_that_the_model_served(lab: Lab, service: str, way: str) -> None:
    served = lab.model.served[service]
    assert (served.answered, served.refused) == (20, 4)
    calls = lab.sample(service, way).calls
    counted = {
        (key.provider, key.ok): round(amount.delta or 0)
        for key, amount in calls.items()
        if key.workflow == service
    }
    assert counted == {("openai", True): 20, (SERVICES[service][2], False): 4}


@pytest.mark.parametrize("way", ["direct", "through"])
@pytest.mark.parametrize("service", SERVICES)
def test_the_slowest_calls_make_the_95th_percentile(lab: Lab, service: str, way: str) -> None:
    """Four of 24 are slow. Buckets double, and the client waits for longer than the model works."""
    quantiles = lab.sample(service, way).durations[service]
    assert quantiles.p50 is not None
    assert quantiles.p95 is not None
    assert quantiles.p50 < quantiles.p95
    assert SLOW_SECONDS / 2 <= quantiles.p95 <= 16 * SLOW_SECONDS
    assert (quantiles.n or 0) == pytest.approx(len(QUESTIONS))


def test_two_dialects_in_one_prometheus_are_read_by_one_profile(lab: Lab) -> None:
    assert lab.through is not None
    assert lab.through.profile == "openllmetry"
    assert {key.workflow for key in lab.through.samples[0].tokens} == set(SERVICES)


def test_what_they_do_not_tell_is_said(lab: Lab) -> None:
    for service, (_, profile, _) in SERVICES.items():
        assert lab.direct[service].profile == profile
        words = lab.direct[service].missing
        for concept in ("cost", "queue", "budget", "memory"):
            assert any(f": {concept}: " in word for word in words), (concept, words)
        assert any(": runs: not exposed (" in word for word in words)
