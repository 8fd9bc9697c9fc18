"""What an exposition of 100,000 samples costs, and 50 targets at once; beside it prometheus_client's parser.

Run: python -m bench.bench_exposition  (in tests/; prints a table; asserts counts and generous bounds only)
"""

from __future__ import annotations

import gc
import resource
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client.parser import text_string_to_metric_families

from support.expositions import WINDOWS, Replay
from wfmon.sources.exposition import MAX_SERIES
from wfmon.sources.profile import load_profiles
from wfmon.sources.scrape import MAX_THREADS, ScrapeSource

SAMPLES = 100_000
BAR_MS = 500.0  # of CPU, for reading and reducing SAMPLES
SLOW_MACHINE = 4.0  # how much slower a busy machine may be before an assertion fails
BOUNDS = ("0.1", "0.5", "1", "2.5", "5", "10", "30", "60", "120", "300", "600", "+Inf")


def temporal(step: int) -> str:
    """A Temporal server: a few hundred of its lines are used, those of a hundred other families are not."""
    rows = ['service_requests{operation="x"} 1', 'persistence_requests{operation="x"} 1']
    operations = [f"Operation{number}" for number in range(8)]
    for name in ("workflow_success", "workflow_failed", "workflow_timeout"):
        rows.append(f"# TYPE {name} counter")
        for kind in range(250):
            labels = f'namespace="default",workflowType="wf-{kind}",taskqueue="q-{kind % 9}",operation="x"'
            rows.append(f"{name}{{{labels}}} {kind + step}")
    families = 100
    used = len(rows)
    each = (SAMPLES - used) // families // (len(BOUNDS) + 2)
    for family in range(families):
        name = f"service_latency_{family}"
        rows += [f"# HELP {name} {name}", f"# TYPE {name} histogram"]
        for number in range(each):
            operation = operations[number % 8]
            labels = f'namespace="default",operation="{operation}",service_name="history",shard="{number}"'
            rows += [f'{name}_bucket{{{labels},le="{bound}"}} {number + step}' for bound in BOUNDS]
            rows += [f"{name}_count{{{labels}}} {number + step}", f"{name}_sum{{{labels}}} {number}.5"]
    return "\n".join(rows) + "\n"


def litellm(step: int, keys: int = 4_000, busy: int = 1) -> str:
    """A LiteLLM proxy with many keys: nearly all lines are used. Every ``busy``th key is used between two
    looks."""
    rows = []

    def labels(key: int) -> str:
        return (
            f'api_key_alias="key-{key}",hashed_api_key="88dc28d0f030c55ed4ab77ed8faf098196cb{key:08x}",'
            f'team="team-{key % 50}",team_alias="Team {key % 50}",user="None",end_user="None",'
            f'model="gpt-{key % 7}",requested_model="gpt-{key % 7}",model_id="m{key % 7}",'
            f'api_provider="openai"'
        )

    def value(key: int) -> int:
        return key + (step if key % busy == 0 else 0)

    for name in ("spend", "input_tokens", "output_tokens", "input_cached_tokens", "output_reasoning_tokens"):
        full = f"litellm_{name}_metric_total"
        rows += [f"# HELP {full} {name}", f"# TYPE {full} counter"]
        rows += [f"{full}{{{labels(key)}}} {value(key)}.0" for key in range(keys)]
    full = "litellm_proxy_total_requests_metric_total"
    rows += [f'{full}{{{labels(key)},status_code="200"}} {value(key)}.0' for key in range(keys)]
    full = "litellm_request_total_latency_metric"
    bounds = (*BOUNDS[:-1], "1200", "2400", "3600", "4800", "6000", "+Inf")
    for key in range(keys):
        rows += [f'{full}_bucket{{{labels(key)},le="{bound}"}} {value(key)}.0' for bound in bounds]
        rows += [
            f"{full}_count{{{labels(key)}}} {value(key)}.0",
            f"{full}_sum{{{labels(key)}}} {value(key)}.5",
        ]
    return "\n".join(rows) + "\n"


def cpu_ms(act: Callable[[], object], times: int = 1) -> float:
    spent = []
    for _ in range(times):
        gc.collect()
        begin = time.thread_time()
        act()
        spent.append((time.thread_time() - begin) * 1e3)
    return statistics.median(spent)


@dataclass(frozen=True)
class Case:
    name: str
    made: Callable[[int], str]


CASES = (
    Case("Temporal server, 1 % used", temporal),
    Case("LiteLLM, 4,000 keys, all changing", litellm),
    Case("LiteLLM, 4,000 keys, 1 in 20 changing", lambda step: litellm(step, busy=20)),
)


def bench_cases() -> None:
    print("| exposition | MB | samples | library | first | changed | same |")
    print("|---|---|---|---|---|---|---|")
    for case in CASES:
        texts = [case.made(step) for step in range(8)]
        samples = sum(1 for line in texts[0].splitlines() if not line.startswith("#"))
        library = cpu_ms(
            lambda: sum(len(family.samples) for family in text_string_to_metric_families(texts[0]))  # noqa: B023
        )
        source = Replay("bench", ["http://127.0.0.1:9/metrics"], windows=WINDOWS, profiles=load_profiles())
        clock = iter(range(1000, 10_000, 5))

        def poll(text: str) -> Callable[[], object]:
            source.texts = [text]  # noqa: B023
            return lambda: source.poll(float(next(clock)))  # noqa: B023

        first = cpu_ms(poll(texts[0]))
        changed = statistics.median(cpu_ms(poll(text)) for text in texts[1:])
        same = cpu_ms(poll(texts[-1]), 3)
        print(
            f"| {case.name} | {len(texts[0]) / 1e6:.1f} | {samples:,} | {library:,.0f} ms | {first:.0f} ms "
            f"| {changed:.0f} ms | {same:.0f} ms |"
        )
        assert 0.9 * SAMPLES < samples <= MAX_SERIES
        assert max(first, changed, same) < SLOW_MACHINE * BAR_MS
        assert 4 * changed < library, "the library would have done as well"


def serving(targets: int, samples: int) -> Iterator[list[str]]:
    text = "\n".join(
        f'workflow_executions_total{{workflow="wf-{number}",status="success"}} 7' for number in range(samples)
    ).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(targets)]
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield [f"http://127.0.0.1:{server.server_port}/metrics" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


def bench_targets(targets: int = 50, samples: int = 200) -> None:
    """CPU of the polling thread, which reads all answers; those that ask only wait for them. The servers
    are of this process, so that its own CPU is not told."""
    for urls in serving(targets, samples):
        source = ScrapeSource("many", urls, windows=WINDOWS, profiles=load_profiles(), timeout=30.0)
        spent: list[float] = []
        walls: list[float] = []

        for number in range(6):
            begin, wall = time.thread_time(), time.monotonic()
            reading = source.poll(1000.0 + 5 * number)
            spent.append((time.thread_time() - begin) * 1e3)
            walls.append((time.monotonic() - wall) * 1e3)
        assert reading.partial is None
        source.close()
        print(
            f"{targets} targets with {samples} series each: first poll {spent[0]:.0f} ms, later "
            f"{statistics.median(spent[1:]):.0f} ms of CPU in the polling thread, "
            f"{statistics.median(walls[1:]):.0f} ms of time; at most {MAX_THREADS} threads ask"
        )


if __name__ == "__main__":
    bench_cases()
    bench_targets()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
