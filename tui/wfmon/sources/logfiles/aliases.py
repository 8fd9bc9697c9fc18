"""Which keys of a log line mean what (metric-catalogue 26).

Names are compared after lower-casing and dropping ``. _ -``; a nested key counts by its whole path,
or by what is left of it once leading containers are taken off.
"""

from __future__ import annotations

import re

_DROP = str.maketrans("", "", "._- ")


def normal(name: str) -> str:
    """The form in which names are compared."""
    return name.lower().translate(_DROP)


def _list(names: str) -> tuple[str, ...]:
    return tuple(normal(name) for name in names.split())


# Ordered: the first that has a value wins.
ALIASES: dict[str, tuple[str, ...]] = {
    "time": _list(
        "timestamp @timestamp ts time asctime event.timestamp datetime created time.timestamp "
        "timeUnixNano observed_timestamp observedTimeUnixNano endTime startTime __REALTIME_TIMESTAMP"
    ),
    "level": _list(
        "level levelname severity severity_text log.level lvl loglevel level.name levelno severity_number "
        "PRIORITY"
    ),
    "message": _list("message msg event body body.stringValue text eventName event.name"),
    "workflow": _list(
        "workflow workflow_name workflow.name gen_ai.workflow.name traceloop.workflow.name workflow_type "
        "wf-type flow_name flowId dag_id job_name graph_id pipeline agent_name gen_ai.agent.name "
        "workflow_id dify.workflow.id dify.app_id app_id"
    ),
    "workflow_id": (),  # which name it has, other lines say; none of its own but what a profile gives it
    "run": _list("run_id execution_id flow_run_id workflow_run_id dify.workflow.run_id wf-run-id dag_run_id"),
    "weak": _list("session.id session_id thread_id litellm_call_id request_id trace_id"),
    "status": _list("status state outcome result success finished dify.workflow.status wf-state"),
    "event": _list("event eventName event.name event_type"),
    "step": _list(
        "step step_name step_key node node_name nodeName task task_name task_id task_run_name tool "
        "tool_name activity activity_type stage span_name"
    ),
    "failed_step": (),  # the step at which a run failed, in the line that ends the run
    "duration": _list(
        "duration_seconds duration_s duration elapsed_time dify.workflow.elapsed_time response_time "
        "total_run_time elapsed_seconds elapsed_s elapsed latency_seconds latency_s duration_ms "
        "run_exec_ms elapsed_ms latency_ms duration_us elapsed_us latency_us duration_ns elapsed_ns "
        "latency_ns"
    ),
    "limit": _list(
        "timeout_seconds timeout_s limit_seconds limit_s time_limit_seconds max_duration_seconds "
        "max_duration_s max_runtime_seconds run_timeout_seconds run_timeout execution_timeout_seconds "
        "execution_timeout workflow_run_timeout workflow_execution_timeout timeout_ms max_duration_ms "
        "run_timeout_ms"
    ),
    "deadline": _list("deadline deadline_at run_deadline timeout_at"),
    "start": _list("start_time startTime started_at start started startedAt"),
    "end": _list("end_time endTime ended_at finished_at completed_at stoppedAt"),
    "input": _list(
        "input_tokens prompt_tokens gen_ai.usage.input_tokens usage.input_tokens usage.prompt_tokens "
        "tokens_in tokens_input"
    ),
    "output": _list(
        "output_tokens completion_tokens gen_ai.usage.output_tokens usage.output_tokens "
        "usage.completion_tokens tokens_out tokens_output"
    ),
    "cached": _list(
        "cache_read_input_tokens cache_read_tokens cached_tokens tokens_cached "
        "prompt_tokens_details.cached_tokens"
    ),
    "cache_write": _list("cache_creation_input_tokens cache_creation_tokens cache_write_tokens"),
    "reasoning": _list("reasoning_tokens completion_tokens_details.reasoning_tokens"),
    "total": _list("tokens_used total_tokens gen_ai.usage.total_tokens tokens tokens_total"),
    "cost": _list(
        "cost_usd response_cost cost total_cost spend gen_ai.usage.cost dify.node.total_price "
        "total_cost_usd cost_usd_micros"
    ),
    "currency": _list("currency cost_currency dify.node.currency"),
    "model": _list("model gen_ai.response.model gen_ai.request.model model_name llm_model"),
    "provider": _list(
        "provider gen_ai.provider.name gen_ai.system custom_llm_provider llm_provider model_provider"
    ),
    "service": _list(
        "service_tier usage.service_tier gen_ai.openai.response.service_tier openai.response.service_tier "
        "gen_ai.openai.request.service_tier processing_mode processing batch is_batch speed"
    ),
    "error": _list(
        "error errorMessage error_str error_message error.message exception.message exc_info.message "
        "err.message exception exc_info error_detail stack err stacktrace"
    ),
    "attempt": _list("attempt try_number run_attempt attemptNumber retry_count"),
    "retries": _list("retries num_retries retries_used"),
    "pid": _list("pid process process_id process.pid process.id"),
}

# What a name's unit makes of its number; names that are not here count as they are.
SCALES: dict[str, float] = {
    **{normal(f"{word}_ms"): 1e-3 for word in ("duration", "run_exec", "elapsed", "latency")},
    **{normal(f"{word}_us"): 1e-6 for word in ("duration", "elapsed", "latency")},
    **{normal(f"{word}_ns"): 1e-9 for word in ("duration", "elapsed", "latency")},
    **{normal(f"{word}_ms"): 1e-3 for word in ("timeout", "max_duration", "run_timeout")},
    normal("cost_usd_micros"): 1e-6,
}

RETRY_COUNT = normal("retry_count")  # counts retries, where the others count attempts
BATCH_NAMES = frozenset((normal("batch"), normal("is_batch")))
USAGE_FIELDS = frozenset(
    {"input", "output", "cached", "cache_write", "reasoning", "total", "cost", "model", "service"}
)

# Dicts in which fields are looked for, after the top level, in this order.
CONTAINERS: dict[str, int] = {
    name: rank
    for rank, name in enumerate(
        _list(
            "payload metadata attributes resource.attributes extra fields context temporal_workflow "
            "temporal_activity dagster_meta labels record msg standard_logging_object "
            "standard_logging_payload"
        )
    )
}
# Dicts in which only what was used is looked for: their status or time is not the line's.
USAGE_CONTAINERS = frozenset(_list("usage token_usage tokenUsageEstimate usage_object response tokens cost"))

# Keys whose text may be a JSON object of its own.
CARRIERS = frozenset(_list("message msg body event log text"))

ALIAS_RANK: dict[str, dict[str, int]] = {
    field: {name: rank for rank, name in enumerate(names)} for field, names in ALIASES.items()
}
FIELDS_BY_NAME: dict[str, tuple[str, ...]] = {}
for _field, _names in ALIASES.items():
    for _name in _names:
        FIELDS_BY_NAME[_name] = (*FIELDS_BY_NAME.get(_name, ()), _field)

_UNIT = re.compile(r"(?:[_.-](ms|us|ns)|(?<=[a-z])(Ms|Us|Ns))\Z")


def unit_name(key: str) -> str:
    """A name with the unit of ``key``, for a key that only a profile knows."""
    found = _UNIT.search(key)
    return normal(key) if found is None or normal(key) in SCALES else normal(f"duration_{found[0]}")
