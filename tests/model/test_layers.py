"""Whose figures are added up where several systems tell of one call."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfmon.model.layers import Layer, Part, counted, counted_by_concept
from wfmon.model.metrics import Concept

N8N = Part("n8n", Layer.ENGINE)
AIRFLOW = Part("airflow", Layer.ENGINE)
GENAI = Part("otel-genai", Layer.AGENT)
CLAUDE = Part("claude-code", Layer.AGENT)
LITELLM = Part("litellm", Layer.GATEWAY)
VLLM = Part("vllm", Layer.SERVER)
EVERY = (N8N, AIRFLOW, GENAI, CLAUDE, LITELLM, VLLM)


def test_runs_are_what_the_engines_ran_and_tokens_what_the_gateway_saw() -> None:
    assert counted(Concept.RUNS, EVERY) == {"n8n", "airflow"}
    assert counted(Concept.TOKENS, EVERY) == {"litellm"}
    assert counted(Concept.COST, (N8N, CLAUDE)) == {"claude-code"}


def test_of_two_that_may_have_seen_the_same_call_one_counts() -> None:
    assert counted(Concept.TOKENS, (GENAI, CLAUDE)) == {"claude-code"}
    assert counted(Concept.RUNS, (LITELLM, VLLM)) == {"litellm"}


def test_who_says_that_they_count_nothing_twice_is_believed() -> None:
    assert counted(Concept.COST, EVERY, ("litellm", "claude-code")) == {"litellm", "claude-code"}
    assert counted(Concept.COST, (N8N,), ("litellm",)) == {"n8n"}


def test_what_only_an_inner_layer_tells_is_its_own_to_count() -> None:
    told = {N8N: {Concept.RUNS}, VLLM: {Concept.RUNS, Concept.TOKENS}}
    assert counted_by_concept(told) == {
        Concept.RUNS: frozenset({"n8n"}),
        Concept.TOKENS: frozenset({"vllm"}),
    }


@given(st.sets(st.sampled_from(EVERY)), st.sampled_from(Concept))
def test_somebody_counts_as_soon_as_anybody_tells(parts: set[Part], concept: Concept) -> None:
    names = counted(concept, parts)
    assert bool(names) == bool(parts)
    layers = {part.layer for part in parts if part.profile in names}
    assert len(layers) <= 1
    assert len(names) <= 1 or layers == {Layer.ENGINE}
