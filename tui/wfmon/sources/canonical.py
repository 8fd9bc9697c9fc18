"""What raw labels and their values mean: the one place where metrics readers agree on it.

Built-in words are those of metric-catalogue 26; a profile adds its own. Both the scraper and the
PromQL reader canonicalise with this, on small vectors, so that equal data gives equal keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from wfmon.model.metrics import Amount, CallKey, Concept, CostKey, RunKey, TokenKey, TokenKind
from wfmon.model.record import dataclass
from wfmon.model.run import FAILED, RunStatus
from wfmon.sources.profile import Profile, Signal
from wfmon.text.sanitize import safe

LABEL_LIMIT = 200  # characters of a label value that are kept
MAX_NAMED = 20_000  # label values of one profile of which is remembered how they are shown

_STATUS = {
    RunStatus.SUCCESS: "success succeeded completed complete ok finished done stop length 2xx",
    RunStatus.ERROR: "error failed failure fail crashed exception terminated dead 4xx 5xx",
    RunStatus.TIMEOUT: "timeout timed_out timedout",
    RunStatus.CANCELLED: "cancelled canceled cancel aborted abort killed revoked stopped skipped",
    RunStatus.RUNNING: "running started in_progress active pending queued waiting scheduled retrying "
    "up_for_retry awaitingretry",
    RunStatus.LOST: "lost",
    RunStatus.OTHER: "other",
}
STATUS_WORDS: Mapping[str, RunStatus] = {
    word: status for status, words in _STATUS.items() for word in words.split()
}

_KINDS = {
    TokenKind.INPUT: "input in prompt input_tokens prompt_tokens",
    TokenKind.OUTPUT: "output out completion completions output_tokens completion_tokens",
    TokenKind.CACHED: "cached cache_read cacheread cached_input input_cached cache_read_input",
    TokenKind.CACHE_WRITE: "cache_write cachewrite cache_creation cachecreation cache_creation_input",
    TokenKind.REASONING: "reasoning thinking reasoning_output output_reasoning thoughts",
    TokenKind.TOTAL: "total all",
}
KIND_WORDS: Mapping[str, TokenKind] = {word: kind for kind, words in _KINDS.items() for word in words.split()}

# What ``set`` says is in the words of the model, whatever a profile means by them elsewhere.
_RUN_STATUS = {status.value: status for status in RunStatus}
_TOKEN_KIND = {kind.value: kind for kind in TokenKind}

# How the figures of a concept are made: growth of counters, present values, or quantiles.
COUNTED = (
    Concept.RUNS,
    Concept.RETRIES,
    Concept.TIMEOUTS,
    Concept.CALLS,
    Concept.TOKENS,
    Concept.COST,
)
LEVELS = (Concept.ACTIVE, Concept.QUEUE, Concept.BUDGET, Concept.MEMORY, Concept.STORAGE)
TIMED = (Concept.DURATION, Concept.WAIT)
# Of a union with signals that are subtracted; a budget may be overdrawn.
NEVER_NEGATIVE = frozenset({*COUNTED, Concept.ACTIVE, Concept.QUEUE})

COUNTED_WINDOW = 300.0  # seconds that a gauge of finished runs counts where its profile does not say

# Dims that a source keeps where its profile does not say (metric-catalogue 27). Calls by workflow
# too: an exporter that says it is not asked to say less.
DEFAULT_BY: Mapping[Concept, tuple[str, ...]] = {
    Concept.RUNS: ("workflow", "status"),
    Concept.TOKENS: ("workflow", "provider", "model", "kind"),
    Concept.COST: ("workflow", "provider", "model"),
    Concept.CALLS: ("workflow", "provider", "status"),
    Concept.MEMORY: (),
    Concept.STORAGE: (),
}


def kept_dims(concept: Concept, signal: Signal) -> tuple[str, ...]:
    """The dims by which figures of ``signal`` are told apart."""
    return tuple(signal.by) if signal.by is not None else DEFAULT_BY.get(concept, ("workflow",))


def counted_window(concept: Concept, signal: Signal) -> float | None:
    """Seconds over which the present value of a gauge of runs counts them already; None: it is a counter."""
    if concept is not Concept.RUNS or signal.type != "gauge":
        return None
    return signal.window if signal.window is not None else COUNTED_WINDOW


def is_level(concept: Concept, signal: Signal) -> bool:
    """Whether present values are the figure, rather than growth or quantiles."""
    return concept in LEVELS or (concept in COUNTED and signal.type == "gauge")


def quantiles_of(signal: Signal) -> dict[str, float]:
    """``p50`` and ``p95`` -> the quantile (0..1) that is taken for it; a gauge is what its profile says."""
    return dict(signal.quantiles) if signal.type == "gauge" else {"p50": 0.5, "p95": 0.95} | signal.quantiles


def space_side(signal: Signal) -> str | None:
    """``size`` or ``free``: which bytes of a file system a signal of STORAGE tells."""
    side = signal.set.get("kind")
    return side if side in ("size", "free") else None


def aggregated(agg: str, before: float | None, value: float) -> float:
    """Two present values of one meaning as one. With ``count`` both are numbers of series."""
    if before is None:
        return value
    if agg == "max":
        return max(before, value)
    return min(before, value) if agg == "min" else before + value


def fold(word: str) -> str:
    """Words are compared without case, and with ``-`` and blanks as ``_``."""
    return word.strip().casefold().replace("-", "_").replace(" ", "_")


def run_status(word: str) -> RunStatus:
    """The status of a built-in word or an HTTP code; anything else is OTHER."""
    folded = fold(word)
    known = STATUS_WORDS.get(folded)
    if known is not None:
        return known
    if len(folded) == 3 and folded.isascii() and folded.isdigit():
        return STATUS_WORDS.get(f"{folded[0]}xx", RunStatus.OTHER)
    return RunStatus.OTHER


def token_kind(word: str) -> TokenKind:
    """The kind of a built-in word; a direction that nobody knows is TOTAL (direction unknown)."""
    return KIND_WORDS.get(fold(word), TokenKind.TOTAL)


@dataclass(frozen=True, slots=True)
class Dims:
    """Canonical labels of one series. None: the label is not exposed or not kept.

    ``status`` is None likewise; ``kind`` is TOTAL where the direction is not exposed.
    """

    workflow: str | None = None
    status: RunStatus | None = None
    provider: str | None = None
    model: str | None = None
    kind: TokenKind = TokenKind.TOTAL
    kind_exposed: bool = False
    mount: str | None = None

    @property
    def run_key(self) -> RunKey:
        """Without a status a run counts as OTHER: finished, but not known how."""
        return RunKey(self.workflow, self.status or RunStatus.OTHER)

    @property
    def token_key(self) -> TokenKey:
        return TokenKey(self.workflow, self.provider, self.model, self.kind)

    @property
    def cost_key(self) -> CostKey:
        return CostKey(self.workflow, self.provider, self.model)

    @property
    def call_key(self) -> CallKey:
        ok = True if self.status is RunStatus.SUCCESS else False if self.status in FAILED else None
        return CallKey(self.workflow, self.provider, ok)


class Canon:
    """The meaning of labels under one profile."""

    def __init__(self, profile: Profile) -> None:
        self._candidates = {
            dim: tuple(name for label in labels for name in (f"exported_{label}", label))
            for dim, labels in profile.labels.items()
        }
        self._named_before: dict[tuple[str, str], str] = {}
        self._empty = frozenset({"", *profile.empty})
        self._provider_prefixes = frozenset(profile.provider_prefixes)
        self._values = {
            dim: {fold(word): value for value, words in table.items() for word in words}
            for dim, table in profile.values.items()
        }

    def raw_labels(self, dims: Iterable[str]) -> tuple[str, ...]:
        """Every raw label that may carry one of ``dims``, for PromQL's ``by``.

        ``exported_x`` comes before ``x``: it is the exporter's own label where the scrape
        configuration set one of the same name (metric-catalogue 0.2).
        """
        read = list(dims)
        if "provider" in read and self._provider_prefixes:
            read.append("model")
        return tuple(dict.fromkeys(name for dim in read for name in self._candidates.get(dim, ())))

    def value(self, labels: Mapping[str, str], dim: str) -> str:
        """The raw value of ``dim``: first candidate that has one; empty where none is exposed."""
        empty = self._empty
        for name in self._candidates.get(dim, ()):
            value = labels.get(name, "")
            if value not in empty:
                return value
        if dim == "provider" and self._provider_prefixes:
            before, slash, _ = self.value(labels, "model").partition("/")
            return before if slash and before in self._provider_prefixes else ""
        return ""

    def status(self, word: str) -> RunStatus | None:
        """None: not exposed (and the profile does not say what that means)."""
        said = self._said("status", word)
        if said is not None:
            return RunStatus(said)
        if not word:
            return None
        status = run_status(word)
        rest = self._values.get("status", {}).get("*")
        return RunStatus(rest) if status is RunStatus.OTHER and rest is not None else status

    def kind(self, word: str) -> TokenKind:
        said = self._said("kind", word)
        if said is not None:
            return TokenKind(said)
        rest = self._values.get("kind", {}).get("*")
        return TokenKind(rest) if rest is not None and fold(word) not in KIND_WORDS else token_kind(word)

    def dims(
        self,
        concept: Concept,
        signal: Signal,
        labels: Mapping[str, str],
        names: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Dims:
        """Canonical labels of one series of ``signal``, its texts safe to show.

        ``names``: dim -> id -> name, where the profile joins names from an info metric.
        """
        kept, constant = kept_dims(concept, signal), signal.set

        def raw(dim: str) -> str:
            if dim in constant:
                return constant[dim]
            value = self.value(labels, dim) if dim in kept else ""
            return names[dim].get(value, value) if names and dim in names else value

        kind = raw("kind")
        return Dims(
            workflow=self._named("workflow", raw("workflow")),
            status=_RUN_STATUS.get(constant.get("status", ""))
            or (self.status(raw("status")) if "status" in kept or "status" in constant else None),
            provider=self._named("provider", raw("provider")),
            model=self._named("model", raw("model")),
            kind=(_TOKEN_KIND.get(constant.get("kind", "")) or self.kind(kind)) if kind else TokenKind.TOTAL,
            kind_exposed=bool(kind),
            mount=self._named("mount", raw("mount")) if "mount" in kept else None,
        )

    def _said(self, dim: str, word: str) -> str | None:
        return self._values.get(dim, {}).get(fold(word))

    def _named(self, dim: str, raw: str) -> str | None:
        known = self._named_before.get((dim, raw))
        if known is not None:
            return known
        value = self._said(dim, raw) or raw
        if not value:
            return None
        if len(self._named_before) >= MAX_NAMED:
            self._named_before.clear()
        named = self._named_before[dim, raw] = safe(value, limit=LABEL_LIMIT)
        return named


def zero_fill(counts: Mapping[RunKey, float]) -> dict[RunKey, float]:
    """The same counts with success and error of every workflow that has any series.

    A lazily created series that does not exist yet is known to be zero beside its siblings; without
    it a workflow that never failed would have no ratio (metric-catalogue 0.2). A workflow whose
    status is not exposed gets nothing: how its runs ended stays unknown.
    """
    filled = dict(counts)
    for key in counts:
        if key.status is not RunStatus.OTHER:
            filled.setdefault(RunKey(key.workflow, RunStatus.SUCCESS), 0.0)
            filled.setdefault(RunKey(key.workflow, RunStatus.ERROR), 0.0)
    return filled


def settle_tokens(tokens: Mapping[TokenKey, Amount], profile: Profile) -> dict[TokenKey, Amount]:
    """Tokens in the one form of the model: cached parts inside input, reasoning inside output.

    Where the profile says that parts are disjoint they are added to their whole. A ``total``
    beside input or output of the same key would count twice and is left out.
    """
    settled = dict(tokens)
    for part, whole, say in (
        (TokenKind.CACHED, TokenKind.INPUT, "cached"),
        (TokenKind.CACHE_WRITE, TokenKind.INPUT, "cached"),
        (TokenKind.REASONING, TokenKind.OUTPUT, "reasoning"),
    ):
        if profile.tokens.get(say) == "disjoint":
            for key, amount in tokens.items():
                if key.kind is part:
                    target = TokenKey(key.workflow, key.provider, key.model, whole)
                    settled[target] = plus(settled.get(target), amount)
    split = {
        (key.workflow, key.provider, key.model)
        for key in settled
        if key.kind in (TokenKind.INPUT, TokenKind.OUTPUT)
    }
    return {
        key: amount
        for key, amount in settled.items()
        if key.kind is not TokenKind.TOTAL or (key.workflow, key.provider, key.model) not in split
    }


def plus(left: Amount | None, right: Amount) -> Amount:
    """The sum of two amounts; a part that is unknown makes the sum unknown."""
    if left is None:
        return right
    return Amount(
        delta=left.delta + right.delta if left.delta is not None and right.delta is not None else None,
        total=left.total + right.total if left.total is not None and right.total is not None else None,
    )


def without_unpriced(cost: Mapping[CostKey, Amount], profile: Profile) -> dict[CostKey, Amount]:
    """Cost without what has no price, where the profile says that this is what a counter of 0 means.

    One that grew in the window and is 0 again was reset: it has a price.
    """
    if not profile.zero_cost_is_unpriced:
        return dict(cost)
    return {key: amount for key, amount in cost.items() if amount.total or amount.delta}


def unpriced_models(tokens: Iterable[TokenKey], cost: Collection[CostKey]) -> tuple[str, ...]:
    """Models that tokens are told of but no cost, where cost is told by model; in order of their names.

    What is spent on them is not known: it is not nothing.
    """
    priced = {key.model for key in cost if key.model is not None}
    return tuple(sorted({key.model for key in tokens if key.model is not None} - priced)) if priced else ()
