"""Every engine's profile against expositions with documented names, and what is said to be missing."""

from __future__ import annotations

import pytest

from sources.profiles.reading import Figures, exposition, figures
from support.expositions import missing_words, scraped
from wfmon.model.metrics import Concept
from wfmon.sources.profile import Profile, choose_profiles, load_profiles, with_prefix

PROFILES = {profile.name: profile for profile in load_profiles()}
DOC = 'Doc review "β" [prod]'
MB = 1e6

# 20 observations between 1 and 5 seconds: the median in their middle, p95 at 95 % of the way.
BETWEEN = (3.0, 4.8)
WAITED = (2.0, 2.9)  # between 1 and 3 seconds

SERVER = Figures(
    runs={
        (DOC, "success"): 10, (DOC, "error"): 2, (DOC, "timeout"): 1, (DOC, "cancelled"): 1,
        ("Invoice", "error"): 3,
    },
    duration={DOC: BETWEEN},
    retries={DOC: (4 - 1 + 2 - 1, 34 - 5 + 6 - 2)},
    timeouts={DOC: (1, 2)},
    queue={None: 2 + 9},
    memory={None: 96 * MB},
)  # fmt: skip
WORKERS = Figures(
    runs={(DOC, "success"): 10, (DOC, "error"): 2, (DOC, "cancelled"): 1},
    duration={DOC: BETWEEN},
    wait={DOC: WAITED},
    retries={DOC: (4, 34)},
    active={None: 6},
)
AIRFLOW_OTEL = Figures(
    runs={(DOC, "success"): 19, (DOC, "error"): 1},
    duration={DOC: BETWEEN},
    wait={DOC: BETWEEN},
    retries={DOC: (2, 3)},
    active={None: 3},
    queue={None: 6},
)
FLOWER = Figures(
    runs={(DOC, "success"): 20, (DOC, "error"): 2, (DOC, "cancelled"): 1, (DOC, "other"): 3},
    duration={DOC: BETWEEN},
    retries={DOC: (4, 9)},
    active={None: 3},
    queue={None: 8},
)
CELERY = Figures(
    runs={
        (DOC, "success"): 20, (DOC, "error"): 2, (DOC, "timeout"): 2,
        ("tasks.mail", "cancelled"): 1, ("tasks.mail", "other"): 3,
    },
    duration={DOC: BETWEEN},
    wait={DOC: WAITED},
    retries={DOC: (4, 9)},
    active={None: 4},
    queue={None: 9},
)  # fmt: skip

CASES: dict[str, tuple[str, Figures]] = {
    "n8n-queue": (
        "n8n",
        Figures(
            runs={
                (DOC, "success"): 20, (DOC, "error"): 1, ("Invoice", "success"): 2,
                ("instance-ai", "success"): 1,
            },
            duration={DOC: BETWEEN, "Invoice": (7.5, 9.75)},
            retries={"Invoice": (2, 6)},
            active={None: 5, "instance-ai": 0},
            queue={None: 7},
            calls={
                (DOC, "openai", None): (12, 52),
                ("Invoice", "@n8n/langchain_lmChatCohere", None): (1, 2),
            },
            tokens={
                ("instance-ai", None, None, "input"): (500, 1500),
                ("instance-ai", None, None, "output"): (30, 130),
            },
            cost={("instance-ai", None, None): (0.25, 0.75)},
            memory={None: 290 * MB},
        ),
    ),
    # Without a queue there is no gauge of what runs; that of the assistant must not look like it.
    "n8n": (
        "n8n",
        Figures(
            runs={(DOC, "success"): 20}, duration={DOC: BETWEEN}, retries={}, memory={None: 290 * MB}
        ),
    ),
    "n8n-event-bus": (
        "n8n",
        Figures(runs={(DOC, "success"): 18, (DOC, "error"): 2}, memory={None: 310 * MB}),
    ),
    "temporal": ("temporal", SERVER),
    "temporal-otel": ("temporal", SERVER),
    "temporal-and-workers": (
        "temporal",
        Figures(
            runs=SERVER.runs, duration=SERVER.duration, retries=SERVER.retries, timeouts=SERVER.timeouts,
            queue=SERVER.queue, memory=SERVER.memory, active=WORKERS.active, wait=WORKERS.wait,
        ),
    ),
    "temporal-sdk": ("temporal-sdk", WORKERS),
    "temporal-sdk-seconds": ("temporal-sdk", WORKERS),
    "temporal-sdk-milliseconds": ("temporal-sdk", WORKERS),
    "airflow": (
        "airflow",
        Figures(
            runs={(DOC, "success"): 3, (DOC, "error"): 1, ("invoice", "error"): 2},
            duration={DOC: (41.5, None)},
            wait={DOC: (1.5, None)},
            active={None: 4},
            queue={None: 6},
        ),
    ),
    "airflow-unmapped": ("airflow", Figures(active={None: 4}, queue={None: 6})),
    "airflow-otel": ("airflow-otel", AIRFLOW_OTEL),
    "airflow-otel-plain": ("airflow-otel", AIRFLOW_OTEL),
    "prefect": (
        "prefect",
        Figures(
            runs={
                (DOC, "success"): 7, (DOC, "error"): 1, (DOC, "timeout"): 2, ("invoice", "error"): 1,
            },
            active={DOC: 2},
            queue={None: 3},
        ),
    ),
    "prefect-server": ("prefect", Figures()),
    "celery": ("celery", CELERY),
    "celery-and-flower": ("celery", CELERY),
    "flower": ("flower", FLOWER),
    "argo": (
        "argo",
        Figures(
            runs={
                (DOC, "success"): 10, (DOC, "error"): 2,
                ("without a template", "success"): 2, ("without a template", "error"): 1,
            },
            duration={DOC: BETWEEN},
            retries={None: (2, 3)},
            active={None: 4},
            queue={None: 3},
        ),
    ),
    "kestra": (
        "kestra",
        Figures(
            runs={(DOC, "success"): 12, (DOC, "error"): 3, (DOC, "cancelled"): 1},
            duration={},
            wait={},
            timeouts={DOC: (2, 3)},
            active={DOC: 3},
            queue={None: 5},
            memory={None: 180 * MB},
        ),
    ),
    "windmill": (
        "windmill",
        Figures(
            runs={(DOC, "success"): 17, (DOC, "error"): 3, ("bun", "success"): 2},
            duration={DOC: BETWEEN},
            retries={None: (2, 3)},
            active={None: 2},
            queue={DOC: 7},
        ),
    ),
    "windmill-no-failures": (
        "windmill",
        Figures(
            runs={(DOC, "other"): 20, ("bun", "other"): 2},
            duration={DOC: BETWEEN},
            retries={None: (2, 3)},
            active={None: 2},
            queue={DOC: 7},
        ),
    ),
    "dify": (
        "dify",
        Figures(
            runs={(DOC, "success"): 21, (DOC, "error"): 2, (DOC, "cancelled"): 1},
            duration={DOC: BETWEEN},
            calls={
                (DOC, "openai", True): (30, 110), (DOC, "openai", False): (2, 3),
                (DOC, "anthropic", True): (4, 9),
            },
            tokens={
                (DOC, "openai", "gpt-4o", "input"): (3000, 11000),
                (DOC, "openai", "gpt-4o", "output"): (300, 1100),
                (DOC, "anthropic", "claude-sonnet-4", "input"): (500, 1500),
                (DOC, "anthropic", "claude-sonnet-4", "output"): (50, 150),
            },
        ),
    ),
    "flowise": (
        "flowise",
        Figures(
            runs={
                ("chatflow", "success"): 20, ("chatflow", "error"): 2, ("agentflow", "success"): 3,
                ("chatflow (internal)", "success"): 2,
            },
            memory={None: 310 * MB},
        ),
    ),
    "langgraph": (
        "langgraph",
        Figures(
            runs={(None, "success"): 20, (None, "error"): 2, (None, "cancelled"): 1},
            duration={None: BETWEEN},
            wait={None: WAITED},
            retries={None: (4, 7)},
            active={None: 5},
            queue={None: 3},
        ),
    ),
    "langgraph-default": (
        "langgraph", Figures(wait={None: WAITED}, active={None: 5}, queue={None: 3}),
    ),
    "langflow": (
        "langflow",
        Figures(
            runs={(None, "success"): 20, (None, "error"): 2, (None, "timeout"): 1},
            duration={None: (3.5, 9.5)},
            active={None: 3},
            queue={None: 4},
        ),
    ),
    "mlflow": (
        "mlflow",
        Figures(
            runs={(DOC, "success"): 18, (DOC, "error"): 2},
            duration={DOC: BETWEEN},
            calls={(DOC, None, True): (30, 110), (DOC, None, False): (2, 3)},
        ),
    ),
    "mlflow-server": ("mlflow", Figures()),
}  # fmt: skip

ENGINES = {name for name, _ in CASES.values()}


@pytest.mark.parametrize("variant", CASES)
def test_every_figure(variant: str) -> None:
    """With all shipped profiles there, so that no other one takes the series for its own."""
    name, expected = CASES[variant]
    samples = scraped(tuple(PROFILES.values()), exposition(variant, 1), exposition(variant, 2))
    assert [sample.profile for sample in samples] == [name]
    (sample,) = samples
    assert (sample.title, sample.layer) == (PROFILES[name].title, PROFILES[name].layer)
    assert figures(sample) == expected


@pytest.mark.parametrize("variant", CASES)
def test_what_is_missing_is_said_by_name(variant: str) -> None:
    name, expected = CASES[variant]
    profile = PROFILES[name]
    words = missing_words(tuple(PROFILES.values()), exposition(variant, 1), exposition(variant, 2))
    for concept in Concept:
        told = [
            w for w in words if w.startswith((f"{concept}: not exposed", f"{profile.title}: {concept}: "))
        ]
        assert bool(told) is (concept.value not in expected.concepts), (concept, words)
        assert profile.not_exposed.get(concept.value, "") in "".join(told)
        if told and concept.value in profile.settings:
            assert profile.settings[concept.value] in told[0], "which switch would expose it"


def test_every_engine_has_a_case_in_which_each_of_its_concepts_is_read() -> None:
    assert len(ENGINES) == 16
    for name in ENGINES:
        read = set().union(*(case.concepts for owner, case in CASES.values() if owner == name))
        assert read == set(PROFILES[name].signals), name


def test_quantiles_that_are_not_there_are_said_and_not_replaced() -> None:
    def words(variant: str) -> str:
        return " | ".join(
            missing_words(PROFILES[CASES[variant][0]], *(exposition(variant, n) for n in (1, 2)))
        )

    assert "duration p95: not exposed, its quantiles are 0.5 0.9 0.99" in words("airflow")
    assert "duration quantiles: no buckets exposed" in words("kestra")
    assert "wait quantiles: no buckets exposed" in words("kestra")
    assert "in the metric's name, which cannot be mapped" in words("airflow-unmapped")
    assert "the server's own metrics know no flow runs" in words("prefect-server")


def test_who_is_watched_by_two_is_counted_by_one() -> None:
    """The same tasks, workflows and DAG runs in two spellings."""
    names = {
        line.split("{")[0].split(" ")[0]
        for variant in ("celery-and-flower", "temporal-and-workers", "airflow-otel", "airflow")
        for line in exposition(variant, 2).splitlines()
        if not line.startswith("#")
    }
    chosen = [profile.name for profile in choose_profiles(tuple(PROFILES.values()), names)]
    assert chosen == ["airflow-otel", "celery", "temporal"]


def test_airflows_dotted_names_are_read_by_nobody() -> None:
    """With legacy_names_on each figure comes twice, once with the DAG's id in its name."""
    legacy = "airflow_dagrun_duration_success_doc_review"
    assert f"{legacy}_milliseconds_count" in exposition("airflow-otel", 2)
    for profile in PROFILES.values():
        for signals in profile.signals.values():
            assert not any(metric.startswith(f"{legacy}") for each in signals for metric in each.metrics)


def test_a_system_with_another_prefix_is_read_under_that() -> None:
    profile: Profile = with_prefix(PROFILES["n8n"], "flows_")
    first, second = (exposition("n8n-queue", n).replace("n8n_", "flows_") for n in (1, 2))
    (sample,) = scraped(profile, first, second)
    expected = CASES["n8n-queue"][1]
    assert figures(sample) == expected
