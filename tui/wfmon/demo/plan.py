"""What every run of the workload will do, drawn from the seed before anything happens.

The plan alone decides durations, tokens, retries and outcomes; the workers only carry it out. So the
same seed gives the same runs, whatever the scheduling.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from wfmon.demo.incidents import COST_SPIKE, ERROR_BURST, HANG, Timeline
from wfmon.demo.spec import MODELS, Range, StepSpec, WorkflowSpec
from wfmon.model.record import dataclass, replace

ATTEMPTS = 3
BURST_SHARE = 0.38  # of invoice_extract's runs fail while the error burst lasts
VALIDATION_SHARE = 0.05  # of those, for another reason
SPIKE_MODEL = "claude-opus-4"
SPIKE_FACTOR = 6


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of a step. ``problem`` names what goes wrong in it (see ``problems``)."""

    seconds: float
    provider: str | None
    model: str | None
    input_tokens: int
    output_tokens: int
    problem: str | None = None

    @property
    def cost_usd(self) -> float:
        model = MODELS.get(self.model or "")
        if model is None:
            return 0.0
        micro = self.input_tokens * model.input_price + self.output_tokens * model.output_price
        return round(micro / 1e6, 9)


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    attempts: tuple[Call, ...]

    @property
    def fails(self) -> bool:
        return self.attempts[-1].problem is not None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """``offset`` is the start in seconds of the workload. ``hold`` seconds are spent without any
    progress before the last step, and the run then ends as a timeout."""

    index: int
    id: str
    workflow: str
    offset: float
    steps: tuple[Step, ...]
    memory: int
    hold: float | None = None

    @property
    def seconds(self) -> float:
        return sum(call.seconds for step in self.steps for call in step.attempts) + (self.hold or 0.0)

    @property
    def status(self) -> str:
        """Its status word if it is left to end by itself."""
        if self.hold is not None:
            return "timeout"
        return "error" if self.steps[-1].fails else "success"


def runs(spec: WorkflowSpec, seed: int, timeline: Timeline) -> Iterator[RunPlan]:
    """Every run of the workflow, endlessly, by offset."""
    chance = random.Random(f"{seed}/{spec.name}")
    held_until = 0.0
    offset, index = spec.arrivals.first, 0
    while True:
        gap = 0.0
        for _ in range(round(chance.uniform(*spec.arrivals.burst))):
            plan = draw(spec, chance, index, offset + gap)
            plan = unfold(plan, chance.random(), timeline, offset + gap >= held_until)
            if plan.hold is not None:
                held_until = plan.offset + plan.hold
            yield plan
            index += 1
            gap += chance.uniform(0.05, 0.4)
        pause = chance.uniform(*spec.arrivals.every)
        offset += pause + (plan.seconds if spec.arrivals.after_previous else 0.0)


def draw(spec: WorkflowSpec, chance: random.Random, index: int, offset: float) -> RunPlan:
    """A run as it is on a quiet day."""
    identity = f"run-{chance.getrandbits(32):08x}"
    planned = [part for part in spec.steps for _ in range(round(chance.uniform(*part.repeat)))]
    calls = [draw_call(part, chance) for part in planned]
    failing = chance.randrange(len(calls)) if chance.random() < spec.failure else None
    retried = chance.randrange(len(calls)) if chance.random() < spec.retry else None
    steps: list[Step] = []
    for number, (part, call) in enumerate(zip(planned, calls, strict=True)):
        if number == failing:
            steps.append(Step(part.name, given_up(call, "connection", ATTEMPTS)))
            break
        first = (replace(call, output_tokens=0, problem="rate_limit"),) if number == retried else ()
        steps.append(Step(part.name, (*first, call)))
    return RunPlan(index, identity, spec.name, offset, tuple(steps), spec.memory)


def draw_call(part: StepSpec, chance: random.Random) -> Call:
    model = MODELS.get(part.model or "")
    return Call(
        seconds=round(chance.uniform(*part.seconds), 3),
        provider=model.provider if model else part.provider,
        model=part.model,
        input_tokens=whole(chance, part.input_tokens),
        output_tokens=whole(chance, part.output_tokens),
    )


def whole(chance: random.Random, limits: Range) -> int:
    return round(chance.uniform(*limits))


def given_up(call: Call, problem: str, attempts: int) -> tuple[Call, ...]:
    """The attempts of a step that never succeeds: what went in is paid, nothing comes out."""
    return (replace(call, output_tokens=0, problem=problem),) * attempts


def unfold(plan: RunPlan, luck: float, timeline: Timeline, may_hold: bool) -> RunPlan:
    """The same run under the incidents of its time. ``luck`` is its own draw, 0..1."""
    at = plan.offset
    if plan.workflow == "invoice_extract" and timeline.window(ERROR_BURST, at) and luck < BURST_SHARE:
        return burst(plan, "validation" if luck < BURST_SHARE * VALIDATION_SHARE else "timeout")
    if plan.workflow == "research_agent" and timeline.window(COST_SPIKE, at):
        return spike(plan)
    window = timeline.window(HANG, at) if plan.workflow == "email_triage" and may_hold else None
    if window is not None:
        return replace(plan, hold=window.end - at)
    return plan


def burst(plan: RunPlan, problem: str) -> RunPlan:
    """The model does not answer in time, thrice; or its answer is wrong, which is not tried again."""
    fetch, extract = plan.steps[0], plan.steps[min(1, len(plan.steps) - 1)]
    call = replace(extract.attempts[-1], seconds=0.8)
    attempts = given_up(call, problem, 1 if problem == "validation" else ATTEMPTS)
    return replace(plan, steps=(fetch, Step("extract", attempts)))


def spike(plan: RunPlan) -> RunPlan:
    """Every model call goes to the most expensive model, with a context that has exploded."""
    return replace(plan, steps=tuple(replace(step, attempts=inflated(step)) for step in plan.steps))


def inflated(step: Step) -> tuple[Call, ...]:
    provider = MODELS[SPIKE_MODEL].provider
    return tuple(
        replace(
            call,
            model=SPIKE_MODEL,
            provider=provider,
            input_tokens=call.input_tokens * SPIKE_FACTOR,
            output_tokens=call.output_tokens * SPIKE_FACTOR,
        )
        if call.model
        else call
        for call in step.attempts
    )
