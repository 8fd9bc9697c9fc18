"""Profiles of agents, gateways, model servers and the host: every figure of an exposition, and every word
about what is not in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.expositions import readings
from wfmon.model.metrics import (
    Amount,
    CallKey,
    Concept,
    CostKey,
    MetricsSample,
    Quantiles,
    Space,
    TokenKey,
    TokenKind,
)
from wfmon.model.run import RunStatus
from wfmon.sources.base import Reading
from wfmon.sources.canonical import Canon, settle_tokens
from wfmon.sources.profile import Profile, parse_profile, shipped_profiles

EXPOSITIONS = Path(__file__).parents[1] / "payloads" / "expositions"
PROFILES = {profile.name: profile for profile in shipped_profiles()}
MINE = (
    "litellm",
    "otel-genai",
    "openllmetry",
    "openlit",
    "claude-code",
    "vllm",
    "tgi",
    "ollama",
    "ray-serve",
    "node-exporter",
    "process-exporter",
)
INPUT, OUTPUT, CACHED = TokenKind.INPUT, TokenKind.OUTPUT, TokenKind.CACHED
WRITTEN, REASONING, TOTAL = TokenKind.CACHE_WRITE, TokenKind.REASONING, TokenKind.TOTAL


def looked(name: str) -> Reading:
    """The second look at an exposition, 60 s after the first, with every shipped profile at hand."""
    texts = [(EXPOSITIONS / f"{name}_{look}.prom").read_text(encoding="utf-8") for look in (1, 2)]
    return readings(shipped_profiles(), *texts)[-1]


def read_as(name: str, profile: str) -> MetricsSample:
    """The only sample of the exposition ``name``: no other profile takes it for its own."""
    (sample,) = looked(name).samples
    assert sample.profile == profile
    assert sample.layer == PROFILES[profile].layer
    return sample


def runs(sample: MetricsSample) -> dict[tuple[str | None, RunStatus], float]:
    return {(key.workflow, key.status): count for key, count in sample.runs[0].counts.items() if count}


def grown(amounts: dict[TokenKey, Amount]) -> dict[tuple[str | None, str | None, TokenKind], float | None]:
    """Growth of tokens by workflow, model and kind."""
    return {(key.workflow, key.model, key.kind): amount.delta for key, amount in amounts.items()}


def called(sample: MetricsSample) -> dict[tuple[str | None, str | None, bool | None], float | None]:
    return {(key.workflow, key.provider, key.ok): amount.delta for key, amount in sample.calls.items()}


def seconds(quantiles: Quantiles) -> tuple[float, float, float]:
    assert quantiles.p50 is not None
    assert quantiles.p95 is not None
    assert quantiles.n is not None
    return round(quantiles.p50, 6), round(quantiles.p95, 6), quantiles.n


@pytest.mark.parametrize("name", MINE)
def test_every_concept_is_told_or_is_told_to_be_missing(name: str) -> None:
    profile = PROFILES[name]
    assert {*profile.signals, *profile.not_exposed} == {concept.value for concept in Concept}
    assert not set(profile.signals) & set(profile.not_exposed)
    assert set(profile.settings) <= {concept.value for concept in Concept}


@pytest.mark.parametrize("name", MINE)
def test_what_is_not_exposed_is_said_in_words(name: str) -> None:
    words = looked(name if name != "otel-genai" else "otel-genai-g3").missing
    for concept, reason in PROFILES[name].not_exposed.items():
        assert any(word.startswith(f"{PROFILES[name].title}: {concept}: {reason}") for word in words), concept


# LiteLLM


def test_litellm_tells_requests_by_key_team_or_workflow_without_its_own_health_checks() -> None:
    sample = read_as("litellm", "litellm")
    assert runs(sample) == {
        ("invoice", RunStatus.SUCCESS): 30,
        ("invoice", RunStatus.ERROR): 3,  # the 429 that came after the first look
        ("invoice", RunStatus.TIMEOUT): 1,
        ("invoice", RunStatus.CANCELLED): 2,
        ("contract_review", RunStatus.SUCCESS): 10,
    }
    assert seconds(sample.durations["invoice"]) == (1.0, 1.9, 100)
    assert seconds(sample.durations["contract_review"]) == (0.5, 0.95, 100)
    assert set(sample.durations) == {None, "invoice", "contract_review"}
    assert seconds(sample.wait["invoice"]) == (0.5, 0.95, 100)
    assert sample.active == {None: 4}
    assert sample.memory == {None: 5e8}


def test_litellm_tells_attempts_upstream_apart_from_requests() -> None:
    sample = read_as("litellm", "litellm")
    assert called(sample) == {
        ("invoice", "openai", True): 30,
        ("invoice", "openai", False): 7,
        ("contract_review", "anthropic", True): 10,
    }
    assert sample.retries == {"invoice": Amount(7, 7)}


def test_litellm_tokens_overlap_and_a_provider_may_be_in_the_models_name() -> None:
    sample = read_as("litellm", "litellm")
    claude = "anthropic/claude-sonnet-4"
    assert grown(sample.tokens) == {
        ("invoice", "gpt-4o", INPUT): 1000,
        ("invoice", "gpt-4o", OUTPUT): 300,
        ("invoice", "gpt-4o", CACHED): 400,
        ("invoice", "gpt-4o", REASONING): 120,
        ("contract_review", claude, INPUT): 500,
        ("contract_review", claude, OUTPUT): 200,
        ("contract_review", claude, CACHED): 0,
        ("contract_review", claude, WRITTEN): 50,
        ("health checks", "gpt-4o", INPUT): 6,
        ("health checks", "gpt-4o", OUTPUT): 3,
    }
    assert {key.provider for key in sample.tokens if key.model == claude} == {"anthropic"}


def test_litellm_has_no_price_of_what_it_does_not_know_and_health_checks_cost_money_of_their_own() -> None:
    reading = looked("litellm")
    sample = reading.samples[0]
    assert sample.cost == {
        CostKey("invoice", "openai", "gpt-4o"): Amount(0.75, 2.25),
        CostKey("health checks", "openai", "gpt-4o"): Amount(0.0625, 0.1875),
    }
    assert any("no price of anthropic/claude-sonnet-4" in word for word in reading.missing)


def test_litellm_budgets_are_the_least_that_is_left_and_infinity_is_none() -> None:
    assert read_as("litellm", "litellm").budget == {"invoice": 12.5, "legal": 7.0, None: 99.0}


@pytest.mark.parametrize(
    ("labels", "provider"),
    [
        ({"api_provider": "azure", "model": "openai/gpt-4o"}, "azure"),
        ({"api_provider": "None", "model": "openai/gpt-4o"}, "openai"),
        ({"model": "openai/gpt-4o"}, "openai"),
        ({"model": "Qwen/Qwen2.5-7B"}, None),  # a maker, not a provider
        ({"model": "gpt-4o"}, None),
        ({"model": "openai"}, None),
        ({}, None),
    ],
)
def test_only_a_known_provider_is_read_from_a_models_name(
    labels: dict[str, str], provider: str | None
) -> None:
    profile = PROFILES["litellm"]
    signal = profile.signals_of(Concept.COST)[0]
    canon = Canon(profile)
    assert canon.dims(Concept.COST, signal, labels).provider == provider
    assert {"api_provider", "model"} <= set(canon.raw_labels(["provider"]))


# OpenTelemetry GenAI, OpenLLMetry, OpenLIT

GENAI_TOKENS = {
    ("invoice_extract", "gpt-4o-2024-08-06", INPUT): 8000,
    ("invoice_extract", "gpt-4o-2024-08-06", OUTPUT): 1600,
}


@pytest.mark.parametrize(
    ("exposition", "profile", "failed_at"),
    [
        ("otel-genai-g1", "otel-genai", "openai"),
        ("otel-genai-g2", "otel-genai", "openai"),
        ("otel-genai-js", "otel-genai", "openai"),
        ("openllmetry", "openllmetry", None),
        ("openlit", "openlit", "openai"),
    ],
)
def test_the_conventions_of_the_first_two_generations_in_every_spelling(
    exposition: str, profile: str, failed_at: str | None
) -> None:
    reading = looked(exposition)
    (sample,) = reading.samples
    assert sample.profile == profile
    assert called(sample) == {
        ("invoice_extract", "openai", True): 80,
        ("invoice_extract", failed_at, False): 20,
    }
    assert grown(sample.tokens).items() >= GENAI_TOKENS.items()
    assert seconds(sample.durations["invoice_extract"]) == (0.5, 0.95, 100)
    assert not sample.runs
    assert any(f"{PROFILES[profile].title}: runs: not exposed (an instr" in word for word in reading.missing)


@pytest.mark.parametrize("exposition", ["otel-genai-g3", "otel-genai-g2-and-g3"])
def test_a_call_that_two_generations_tell_is_one_call(exposition: str) -> None:
    sample = read_as(exposition, "otel-genai")
    assert called(sample) == {
        ("invoice_extract", "openai", True): 83,  # 80 and 3 embeddings, which have the older name
        ("invoice_extract", "openai", False): 20,
    }
    assert grown(sample.tokens) == GENAI_TOKENS | {
        ("invoice_extract", "gpt-4o-2024-08-06", CACHED): 4000,
        ("invoice_extract", "gpt-4o-2024-08-06", WRITTEN): 200,
        ("invoice_extract", "gpt-4o-2024-08-06", REASONING): 600,
    }
    assert runs(sample) == {
        ("contract_review", RunStatus.SUCCESS): 20,
        ("contract_review", RunStatus.ERROR): 2,
    }
    assert seconds(sample.durations["contract_review"]) == (1.083333, 1.908333, 22)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("", RunStatus.SUCCESS),
        ("RateLimitError", RunStatus.ERROR),
        ("openai.RateLimitError", RunStatus.ERROR),
        ("openai.APITimeoutError", RunStatus.TIMEOUT),
        ("timeout", RunStatus.TIMEOUT),
        ("asyncio.CancelledError", RunStatus.CANCELLED),
        ("500", RunStatus.ERROR),
        ("_OTHER", RunStatus.ERROR),
    ],
)
@pytest.mark.parametrize("name", ["otel-genai", "openllmetry", "openlit"])
def test_an_empty_error_type_is_success(name: str, word: str, status: RunStatus) -> None:
    assert Canon(PROFILES[name]).status(word) is status


def test_what_openlit_has_a_price_of_is_told_and_what_it_has_none_of_is_not_free() -> None:
    sample = read_as("openlit", "openlit")
    assert sample.cost == {CostKey("invoice_extract", "openai", "gpt-4o-2024-08-06"): Amount(0.75, 1.25)}


@pytest.mark.parametrize("name", ["openllmetry", "openlit"])
def test_a_dialect_reads_all_that_the_conventions_have(name: str) -> None:
    common = PROFILES["otel-genai"]
    dialect = PROFILES[name]
    assert "otel-genai" in dialect.replaces
    assert dialect.values == common.values
    assert dialect.labels == common.labels
    for concept, signals in common.signals.items():
        assert [signal for signal in signals if signal not in dialect.signals[concept]] == []


def test_of_names_with_dots_no_label_is_guessed() -> None:
    """Labels of such a series have dots too: whether a call failed and what is input cannot be seen."""
    for name in ("otel-genai", "openllmetry", "openlit"):
        for signals in PROFILES[name].signals.values():
            for signal in signals:
                if any("." in metric for metric in signal.metrics):
                    assert all("." in metric for metric in signal.metrics)
                    assert signal.by == []
                    assert not signal.match
                    assert signal.set in ({}, {"kind": "total"})


# Claude Code


@pytest.mark.parametrize("exposition", ["claude-code", "claude-code-js"])
def test_claude_code_tokens_are_disjoint_and_sessions_are_no_workflows(exposition: str) -> None:
    sample = read_as(exposition, "claude-code")
    opus, haiku = "claude-opus-4-1", "claude-haiku-4-5"
    assert grown(sample.tokens) == {
        (None, opus, INPUT): 50 + 2000 + 300,
        (None, opus, CACHED): 2000,
        (None, opus, WRITTEN): 300,
        (None, opus, OUTPUT): 20,
        (None, haiku, INPUT): 7,  # of a session that began between the looks
        (None, haiku, OUTPUT): 5,
    }
    assert sample.cost == {
        CostKey(None, None, opus): Amount(0.25, 0.75),
        CostKey(None, None, haiku): Amount(0.125, 0.125),
    }
    assert sample.active == {None: 2}


def test_sessions_are_not_counted_where_they_cannot_be_told_apart() -> None:
    text = 'claude_code_session_count_total{terminal_type="x"} 1\nclaude_code_token_usage_tokens_total 5\n'
    (sample,) = readings(shipped_profiles(), text, text)[-1].samples
    assert sample.active == {}


def test_a_session_is_counted_from_its_first_use() -> None:
    for concept in (Concept.TOKENS, Concept.COST):
        assert all(signal.lazy == "always" for signal in PROFILES["claude-code"].signals_of(concept))


# Model servers


@pytest.mark.parametrize("exposition", ["vllm", "vllm-ray"])
def test_vllm_also_under_ray(exposition: str) -> None:
    sample = read_as(exposition, "vllm")
    model = "meta-llama/Llama-3.1-8B"
    assert runs(sample) == {
        (model, RunStatus.SUCCESS): 45,
        (model, RunStatus.CANCELLED): 2,
        (model, RunStatus.ERROR): 4,
        (model, RunStatus.OTHER): 1,
    }
    assert called(sample) == {(model, "vllm", True): 45, (model, "vllm", False): 4, (model, "vllm", None): 3}
    assert grown(sample.tokens) == {
        (model, model, INPUT): 4000,
        (model, model, OUTPUT): 200,
        (model, model, CACHED): 1500,
    }
    assert seconds(sample.durations[model]) == (2.0, 3.8, 100)
    assert seconds(sample.wait[model]) == (0.5, 0.95, 100)
    assert (sample.active, sample.queue) == ({model: 5}, {model: 2})
    assert sample.retries == {model: Amount(3, 5)}


def test_tgi_names_no_model() -> None:
    sample = read_as("tgi", "tgi")
    assert runs(sample) == {(None, RunStatus.SUCCESS): 40, (None, RunStatus.ERROR): 5}
    assert called(sample) == {(None, "tgi", True): 40, (None, "tgi", False): 5}
    assert grown(sample.tokens) == {(None, None, INPUT): 4000, (None, None, OUTPUT): 800}
    assert seconds(sample.durations[None]) == (1.0, 1.9, 100)
    assert seconds(sample.wait[None]) == (0.5, 0.95, 100)
    assert (sample.active, sample.queue) == ({None: 6}, {None: 3})


def test_ollama_does_not_tell_how_a_request_ended() -> None:
    sample = read_as("ollama", "ollama")
    model = "llama3.2:3b"
    assert runs(sample) == {(model, RunStatus.OTHER): 25}
    assert sample.calls == {CallKey(model, "ollama", None): Amount(25, 35)}
    assert grown(sample.tokens) == {(model, model, INPUT): 500, (model, model, OUTPUT): 200}
    assert seconds(sample.durations[model]) == (1.0, 1.9, 20)


def test_ray_serve_is_in_milliseconds_and_its_errors_are_apart() -> None:
    sample = read_as("ray-serve", "ray-serve")
    assert runs(sample) == {("summarizer", RunStatus.SUCCESS): 60, ("summarizer", RunStatus.ERROR): 4}
    assert seconds(sample.durations["summarizer"]) == (0.5, 0.95, 100)
    assert (sample.active, sample.queue) == ({"summarizer": 7}, {"summarizer": 3})
    assert sample.retries == {"summarizer": Amount(2, 3)}


# The host


def test_node_exporter_tells_memory_in_use_and_room_by_mount() -> None:
    sample = read_as("node-exporter", "node-exporter")
    assert sample.memory == {None: 1.6e10 - 6e9}
    assert sample.storage == {"/": Space(1e11, 4e10), "/var/lib/wf": Space(5e11, 1e11)}


@pytest.mark.parametrize("missing", ["node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"])
def test_a_machine_that_tells_half_of_its_memory_has_no_memory_in_use(missing: str) -> None:
    texts = [
        "".join(
            line
            for line in (EXPOSITIONS / f"node-exporter_{look}.prom").read_text("utf-8").splitlines(True)
            if missing not in line
        )
        for look in (1, 2)
    ]
    (sample,) = readings(shipped_profiles(), *texts)[-1].samples
    assert (sample.profile, sample.memory) == ("node-exporter", {})
    assert Concept.MEMORY not in sample.exposed


def test_the_root_of_a_container_is_storage_though_it_is_an_overlay() -> None:
    assert read_as("node-exporter-container", "node-exporter").storage == {"/": Space(9e10, 1e10)}


def test_process_exporter_tells_resident_memory_of_groups() -> None:
    assert read_as("process-exporter", "process-exporter").memory == {"invoice_extract": 2e8, "celery": 6e8}


# Token semantics: whatever is told, the whole is never more than what was used.

amounts = st.integers(min_value=0, max_value=10**12)


@given(fresh=amounts, read=amounts, written=amounts, said=amounts, thought=amounts)
def test_one_form_for_disjoint_and_overlapping_tokens(
    fresh: int, read: int, written: int, said: int, thought: int
) -> None:
    """The same use of a model told in both ways is the same, and its total is what was used."""

    def told(profile: Profile, **kinds: int) -> dict[TokenKind, float | None]:
        keys = {TokenKey("w", "p", "m", TokenKind(kind)): Amount(n, n) for kind, n in kinds.items()}
        settled = settle_tokens(keys, profile)
        assert {key.workflow for key in settled} == {"w"}
        return {key.kind: amount.delta for key, amount in settled.items()}

    parts = {"cached": read, "cache_write": written}
    disjoint = told(PROFILES["claude-code"], input=fresh, output=said + thought, **parts)
    for name in ("litellm", "otel-genai", "openllmetry", "openlit", "vllm"):
        whole = fresh + read + written
        overlapping = told(
            PROFILES[name], input=whole, output=said + thought, reasoning=thought, total=whole, **parts
        )
        assert overlapping.pop(REASONING) == thought
        assert overlapping == disjoint
        assert (overlapping[INPUT] or 0) + (
            overlapping[OUTPUT] or 0
        ) == fresh + read + written + said + thought
        assert TOTAL not in overlapping


@given(before=amounts, grew=st.lists(amounts, min_size=4, max_size=4))
def test_tokens_of_an_exposition_never_double(before: int, grew: list[int]) -> None:
    """Three generations and both spellings of one use of one model, in one exposition."""
    usage = "gen_ai_client_inference_usage"
    given_, said, cached, thought = grew
    model = 'gen_ai_request_model="m"'

    def exposition(step: int) -> str:
        def at(amount: int) -> int:
            return before + step * amount

        lines = [
            f"{usage}_input_tokens_total{{{model}}} {at(given_ + cached)}",
            f"{usage}_output_tokens_total{{{model}}} {at(said + thought)}",
            f"{usage}_cache_read_input_tokens_total{{{model}}} {at(cached)}",
            f"{usage}_reasoning_output_tokens_total{{{model}}} {at(thought)}",
            f'gen_ai_client_token_usage_sum{{{model},gen_ai_token_type="input"}} {at(given_ + cached)}',
            f'gen_ai_client_token_usage_sum{{{model},gen_ai_token_type="output"}} {at(said + thought)}',
        ]
        return "\n".join(lines) + "\n"

    (sample,) = readings(PROFILES["otel-genai"], exposition(0), exposition(1))[-1].samples
    assert grown(sample.tokens) == {
        (None, "m", INPUT): given_ + cached,
        (None, "m", OUTPUT): said + thought,
        (None, "m", CACHED): cached,
        (None, "m", REASONING): thought,
    }


def test_the_toml_of_each_is_what_was_compiled() -> None:
    folder = Path(__file__).parents[2] / "tui" / "wfmon" / "sources" / "profiles"
    for name in MINE:
        path = folder / f"{name}.toml"
        assert parse_profile(path.read_bytes(), path.name) == PROFILES[name]
