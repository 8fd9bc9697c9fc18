"""The workflows of the sample workload, as data."""

from __future__ import annotations

from wfmon.model.record import dataclass

MIB = 1024 * 1024

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Model:
    """Prices in USD per million tokens."""

    provider: str
    input_price: float
    output_price: float


MODELS = {
    "gpt-4o-mini": Model("openai", 0.15, 0.60),
    "gpt-4o": Model("openai", 2.50, 10.0),
    "text-embedding-3-small": Model("openai", 0.02, 0.0),
    "claude-sonnet-4": Model("anthropic", 3.0, 15.0),
    "claude-opus-4": Model("anthropic", 15.0, 75.0),
    "llama-3.1-8b": Model("ollama", 0.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step: how long it takes, and which service or model it calls.

    ``repeat`` is how often the step is done in a run (batches of a long-running one).
    """

    name: str
    seconds: Range
    provider: str | None = None
    model: str | None = None
    input_tokens: Range = (0, 0)
    output_tokens: Range = (0, 0)
    repeat: Range = (1, 1)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When runs begin: ``every`` seconds (drawn from the range), in bursts of ``burst`` runs.

    ``after_previous``: the pause counts from the planned end of the previous run.
    """

    first: float
    every: Range
    burst: Range = (1, 1)
    after_previous: bool = False


@dataclass(frozen=True, slots=True)
class WorkflowSpec:
    """``group`` is the worker process it runs in; ``plain``: logs as the guide's WorkflowLogger does,
    without run ids. ``failure`` and ``retry`` are probabilities of a run. ``limit``: how long a run may
    take, in seconds, as its log declares; ``cap``: what its runs may cost, in USD an hour, as the
    configuration says."""

    name: str
    group: str
    arrivals: Arrivals
    steps: tuple[StepSpec, ...]
    failure: float
    retry: float
    memory: int
    plain: bool = False
    limit: float | None = None
    cap: float | None = None

    @property
    def log_name(self) -> str:
        return f"{self.name}.{'log' if self.plain else 'jsonl'}"


WORKFLOWS = (
    WorkflowSpec(
        "invoice_extract",
        "invoices",
        Arrivals(0.3, (0.8, 1.2)),
        (
            StepSpec("fetch", (0.1, 0.3), provider="docs"),
            StepSpec(
                "extract", (0.4, 1.2), model="gpt-4o-mini", input_tokens=(700, 1500), output_tokens=(80, 200)
            ),
            StepSpec("post", (0.05, 0.2), provider="erp"),
        ),
        failure=0.003,
        retry=0.02,
        memory=3 * MIB,
    ),
    WorkflowSpec(
        "research_agent",
        "research",
        Arrivals(0.6, (9.0, 14.0)),
        (
            StepSpec("plan", (0.8, 1.6), model="gpt-4o", input_tokens=(600, 1500), output_tokens=(150, 400)),
            StepSpec("search", (0.4, 1.2), provider="websearch", repeat=(1, 3)),
            StepSpec(
                "read",
                (1.0, 2.5),
                model="claude-sonnet-4",
                input_tokens=(2000, 6000),
                output_tokens=(150, 500),
                repeat=(1, 3),
            ),
            StepSpec(
                "write",
                (2.0, 4.5),
                model="claude-sonnet-4",
                input_tokens=(1500, 4000),
                output_tokens=(500, 1200),
            ),
        ),
        failure=0.004,
        retry=0.04,
        memory=24 * MIB,
        cap=100.0,
    ),
    WorkflowSpec(
        "data_processing",
        "batch",
        Arrivals(0.5, (4.0, 6.0)),
        (
            StepSpec("load", (0.3, 0.8), provider="warehouse"),
            StepSpec("transform", (1.5, 3.0)),
            StepSpec("store", (0.2, 0.6), provider="warehouse"),
        ),
        failure=0.002,
        retry=0.01,
        memory=16 * MIB,
    ),
    WorkflowSpec(
        "nightly_report",
        "batch",
        Arrivals(4.0, (70.0, 90.0)),
        (
            StepSpec("collect", (1.0, 2.0), provider="warehouse"),
            StepSpec(
                "summarise", (2.0, 4.0), model="gpt-4o", input_tokens=(4000, 9000), output_tokens=(600, 1200)
            ),
            StepSpec("mail", (0.2, 0.5), provider="smtp"),
        ),
        failure=0.0,
        retry=0.05,
        memory=8 * MIB,
    ),
    WorkflowSpec(
        "email_triage",
        "mail",
        Arrivals(1.0, (15.0, 25.0), burst=(4, 8)),
        (
            StepSpec("fetch", (0.1, 0.3), provider="imap"),
            StepSpec(
                "classify", (0.3, 1.5), model="llama-3.1-8b", input_tokens=(200, 900), output_tokens=(5, 40)
            ),
        ),
        failure=0.004,
        retry=0.02,
        memory=2 * MIB,
        limit=10.0,
    ),
    WorkflowSpec(
        "knowledge_sync",
        "sync",
        Arrivals(0.8, (1.0, 2.0), after_previous=True),
        (
            StepSpec("list", (0.5, 1.0), provider="wiki"),
            StepSpec(
                "embed",
                (1.5, 3.0),
                model="text-embedding-3-small",
                input_tokens=(3000, 9000),
                repeat=(50, 80),
            ),
            StepSpec("publish", (0.5, 1.0), provider="vectors"),
        ),
        failure=0.005,
        retry=0.3,
        memory=32 * MIB,
    ),
    WorkflowSpec(
        "lead_scoring",
        "scoring",
        Arrivals(0.7, (4.0, 7.0)),
        (
            StepSpec(
                "score", (0.2, 0.8), model="gpt-4o-mini", input_tokens=(300, 700), output_tokens=(20, 60)
            ),
        ),
        failure=0.004,
        retry=0.01,
        memory=1 * MIB,
        plain=True,
    ),
)

GROUPS = tuple(dict.fromkeys(spec.group for spec in WORKFLOWS))


def of_group(group: str) -> tuple[WorkflowSpec, ...]:
    return tuple(spec for spec in WORKFLOWS if spec.group == group)
