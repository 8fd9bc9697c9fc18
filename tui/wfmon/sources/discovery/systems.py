"""Which system a command line runs.

Names of processes do not tell (n8n under node 24 is called MainThread), and words anywhere in a command
line tell too much (``tail -f n8n.log``): what counts is the program, behind interpreters and launchers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from wfmon.model.record import dataclass

MAX_WORDS = 64  # of a command line
_MAX_TITLE = 200
_INTERPRETER = re.compile(
    r"(?:python|pypy|node|nodejs|bun|deno|ruby|java|perl|php)[\d.]*(?:\.exe)?|MainThread", re.ASCII
)
_LAUNCHER = frozenset(
    ("env", "nohup", "nice", "setsid", "tini", "dumb-init", "uv", "uvx", "poetry", "pipenv", "npx", "npm")
)
_LAUNCHER_WORDS = frozenset(("run", "exec", "--", "start"))
# Options of interpreters that are followed by a value.
_WITH_VALUE = frozenset(("-W", "-X", "-r", "--require", "--import", "-cp", "-classpath", "--class-path"))
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_OWN = re.compile(r"wfmon(?:-tui)?|wfmon\..+")


@dataclass(frozen=True, slots=True)
class Program:
    """What a command line runs: ``name`` is the base name of the program, the script or the module;
    ``path`` as it stands there; ``script``: it is interpreted; ``rest``: the words behind it."""

    name: str
    path: str
    script: bool
    rest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class System:
    """``name`` is that of its profile, where there is one. ``programs`` are base names, ``modules`` what
    Python runs with ``-m`` (and what is below them), ``paths`` patterns of a program's or script's path,
    ``titles`` patterns of a command line that was overwritten. ``metrics``: how its metrics are switched on;
    ``path``: where; ``files``: only files whose path has this in it are its logs."""

    name: str
    title: str
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    metrics: str = ""
    path: str = "/metrics"
    files: str = ""


SYSTEMS = (
    System("n8n", "n8n", ("n8n",), paths=(r"/node_modules/n8n/",), metrics="N8N_METRICS=true"),
    System(
        "temporal",
        "Temporal",
        ("temporal", "temporal-server", "temporalite"),
        metrics="--metrics-port (server start-dev) or global.metrics.prometheus",
    ),
    System(
        "airflow",
        "Airflow",
        ("airflow",),
        ("airflow",),
        titles=(r"airflow (?:scheduler|worker|triggerer|executor|api[_-]server|dag-processor)",),
        metrics="[metrics] otel_on or statsd_on",
    ),
    System(
        "prefect",
        "Prefect",
        ("prefect",),
        ("prefect",),
        metrics="prometheus-prefect-exporter (the server's /api/metrics has no runs)",
        path="/api/metrics",
    ),
    System("flower", "Flower", modules=("flower",), metrics="is on: /metrics"),
    System(
        "celery",
        "Celery",
        ("celery",),
        ("celery",),
        titles=(r"\[celeryd: ",),
        metrics="celery-exporter, or flower",
    ),
    System("argo", "Argo Workflows", ("workflow-controller", "argo"), metrics="is on: port 9090 of the pod"),
    System(
        "kestra",
        "Kestra",
        ("kestra",),
        paths=(r"/kestra(?:-[\w.]+)?(?:\.jar)?$",),
        metrics="is on: /prometheus",
        path="/prometheus",
    ),
    System("windmill", "Windmill", ("windmill",), metrics="METRICS_ADDR (Enterprise)"),
    System(
        "flowise", "Flowise", ("flowise",), paths=(r"/node_modules/flowise/",), metrics="ENABLE_METRICS=true"
    ),
    System("langflow", "Langflow", ("langflow",), ("langflow",), metrics="LANGFLOW_PROMETHEUS_ENABLED=true"),
    System(
        "langgraph",
        "LangGraph",
        ("langgraph",),
        ("langgraph_api", "langgraph_cli"),
        metrics="is on: /metrics",
    ),
    System("mlflow", "MLflow", ("mlflow",), ("mlflow",), metrics="--expose-prometheus DIR"),
    System("dagster", "Dagster", ("dagster", "dagster-daemon", "dagster-webserver"), ("dagster",)),
    System(
        "litellm",
        "LiteLLM proxy",
        ("litellm",),
        ("litellm",),
        metrics='litellm_settings: callbacks: ["prometheus"]',
    ),
    System(
        "vllm", "vLLM", ("vllm",), ("vllm",), titles=(r"VLLM::",), metrics="is on: /metrics of the API server"
    ),
    System(
        "tgi",
        "Text Generation Inference",
        ("text-generation-launcher", "text-generation-router", "text-generation-server"),
        metrics="is on: /metrics",
    ),
    System("ollama", "Ollama", ("ollama",), metrics="an exporter (Ollama itself has none)"),
    System(
        "ray-serve",
        "Ray",
        ("raylet", "gcs_server", "ray"),
        ("ray",),
        titles=(r"ray::",),
        metrics="is on: --metrics-export-port",
    ),
    System(
        "claude-code",
        "Claude Code",
        ("claude",),
        paths=(r"/@anthropic-ai/claude-code/",),
        metrics="CLAUDE_CODE_ENABLE_TELEMETRY=1 and OTEL_METRICS_EXPORTER=prometheus",
    ),
    System(
        "wfmon-demo", "the sample workload", modules=("wfmon.demo.worker",), metrics="is on", files="/logs/"
    ),
)
_BY_NAME = {system.name: system for system in SYSTEMS}
_BY_PROGRAM = {program: system for system in SYSTEMS for program in system.programs}
_BY_MODULE = {module: system for system in SYSTEMS for module in system.modules}
_PATHS = [(re.compile(pattern), system) for system in SYSTEMS for pattern in system.paths]
_TITLES = [(re.compile(pattern), system) for system in SYSTEMS for pattern in system.titles]
_REMEMBERED = 2_000  # command lines: they are the same at nearly every look


def system_named(name: str) -> System | None:
    return _BY_NAME.get(name)


def program_of(command: Sequence[str]) -> Program | None:
    """None for no command line at all, and for one that names no program."""
    return _program_of(tuple(command))


def system_of(command: Sequence[str]) -> System | None:
    """The known system that a command line runs."""
    return _system_of(tuple(command))


@lru_cache(_REMEMBERED)
def _program_of(command: tuple[str, ...]) -> Program | None:
    words = list(command[:MAX_WORDS])
    while words and (_base(words[0]) in _LAUNCHER or _ASSIGNMENT.match(words[0])):
        launcher = words.pop(0)
        while words and (words[0] in _LAUNCHER_WORDS or words[0].startswith("-")) and "=" not in launcher:
            words.pop(0)
    if not words or not words[0]:
        return None
    if not _INTERPRETER.fullmatch(_base(words[0])):
        return Program(_base(words[0]), words[0], False, tuple(words[1:]))
    return _interpreted(words[1:])


@lru_cache(_REMEMBERED)
def _system_of(command: tuple[str, ...]) -> System | None:
    title = " ".join(command[:8])[:_MAX_TITLE]
    for pattern, system in _TITLES:
        if pattern.match(title):
            return system
    program = _program_of(command)
    if program is None:
        return None
    if program.name == "celery" and "flower" in program.rest:
        return _BY_NAME["flower"]
    # What is packed for a system stands in its programs without their ending.
    named = _BY_PROGRAM.get(program.name.removesuffix(".py").removesuffix(".js"))
    if named is not None:
        return named
    if program.script and program.path == program.name:
        above = list(accumulate(program.name.split("."), "{}.{}".format))
        found = next((_BY_MODULE[module] for module in above if module in _BY_MODULE), None)
        if found is not None:
            return found
    return next((system for pattern, system in _PATHS if pattern.search(program.path)), None)


def is_own(command: Sequence[str]) -> bool:
    """Whether it is wfmon-tui itself, but not its sample workload."""
    program = program_of(command)
    if program is None or not _OWN.fullmatch(program.name):
        return False
    return system_of(command) is None


def _interpreted(words: Sequence[str]) -> Program | None:
    """What an interpreter runs: ``-m MODULE``, ``-jar FILE`` or the first word that is no option."""
    index = 0
    while index < len(words):
        word = words[index]
        if word in ("-m", "-jar") and index + 1 < len(words):
            name = words[index + 1]
            shown = name if word == "-m" else _base(name)
            return Program(shown, name, True, tuple(words[index + 2 :]))
        if word in ("-c", "-e", "--eval", "-"):
            return None
        if not word.startswith("-"):
            return Program(_base(word), word, True, tuple(words[index + 1 :])) if word else None
        index += 2 if word in _WITH_VALUE else 1
    return None


def _base(word: str) -> str:
    return word.rpartition("/")[2]
