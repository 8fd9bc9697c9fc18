"""Which system a command line runs."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.sources.discovery.systems import SYSTEMS, is_own, program_of, system_of
from wfmon.sources.profile import load_profiles


@pytest.mark.parametrize(
    ("command", "system"),
    [
        ("node --max-old-space-size=4096 /usr/lib/node_modules/n8n/bin/n8n start", "n8n"),
        ("node /home/n8n/node_modules/.bin/n8n worker", "n8n"),
        ("/usr/local/bin/n8n start", "n8n"),
        ("npx n8n", "n8n"),
        ("/venv/bin/python /venv/bin/litellm --config config.yaml --port 4000", "litellm"),
        ("uv run litellm --config x", "litellm"),
        ("python3 -m vllm.entrypoints.openai.api_server --model m", "vllm"),
        ("vllm serve m", "vllm"),
        ("'VLLM::EngineCore'", "vllm"),
        ("/usr/local/bin/ollama serve", "ollama"),
        ("/venv/bin/python3.11 -u /venv/bin/celery -A app worker", "celery"),
        ("'[celeryd: celery@host:MainProcess] -active- (worker)'", "celery"),
        ("celery -A app flower", "flower"),
        ("/venv/bin/python /venv/bin/airflow scheduler", "airflow"),
        ("'airflow worker -- LocalExecutor: 3'", "airflow"),
        ("python -m prefect.engine", "prefect"),
        ("prefect worker start -p lab", "prefect"),
        ("temporal server start-dev --ip 127.0.0.1", "temporal"),
        ("'ray::ServeReplica:app:Model'", "ray-serve"),
        ("/venv/lib/python3.11/site-packages/ray/core/src/ray/raylet/raylet --x", "ray-serve"),
        ("langflow run --port 7860", "langflow"),
        ("java -Xmx1g -jar /opt/kestra.jar server standalone", "kestra"),
        ("text-generation-router --port 80", "tgi"),
        ("mlflow server --port 5000", "mlflow"),
        ("python -m wfmon.demo.worker --group app", "wfmon-demo"),
        ("A=b C=d python /venv/bin/litellm", "litellm"),
    ],
)
def test_a_system_is_known_by_its_program(command: str, system: str) -> None:
    found = system_of(shlex.split(command))
    assert found is not None
    assert found.name == system


@pytest.mark.parametrize(
    "command",
    [
        "tail -f /home/n8n/.n8n/n8n.log",
        "vim n8n",
        "grep -r litellm /etc",
        "python train.py --model vllm",
        "python -c 'import celery'",
        "ssh airflow",
        "node server.js n8n",
        "journalctl -u ollama",
        "docker run n8n",
        "",
    ],
)
def test_a_word_beside_the_program_is_no_system(command: str) -> None:
    assert system_of(shlex.split(command)) is None


@pytest.mark.parametrize(
    ("command", "name", "script"),
    [
        ("python3 -u invoice.py --once", "invoice.py", True),
        ("python -X dev -W ignore /srv/wf/invoice.py", "invoice.py", True),
        ("python -m pipelines.invoice", "pipelines.invoice", True),
        ("node --require ./a.js worker.js", "worker.js", True),
        ("/usr/sbin/sshd -D", "sshd", False),
        ("nohup python a.py", "a.py", True),
    ],
)
def test_a_script_is_known_by_its_name(command: str, name: str, script: bool) -> None:
    program = program_of(shlex.split(command))
    assert program is not None
    assert (program.name, program.script) == (name, script)


@pytest.mark.parametrize(
    "command", ["wfmon-tui record", "python -m wfmon watch", "/v/bin/python /v/bin/wfmon-tui"]
)
def test_this_program_is_no_workflow(command: str) -> None:
    assert is_own(command.split())
    assert system_of(command.split()) is None


def test_its_sample_workload_is_one() -> None:
    assert not is_own(["python", "-m", "wfmon.demo.worker", "--group", "app"])


def test_a_system_that_has_a_profile_is_called_like_it() -> None:
    profiles = {profile.name: profile.title for profile in load_profiles()}
    with_logs = {profile.name for profile in load_profiles() if profile.logs.paths}
    names = {system.name for system in SYSTEMS}
    assert len(names) == len(SYSTEMS)
    assert {"n8n", "litellm", "airflow", "prefect", "celery", "vllm"} <= names & profiles.keys()
    assert with_logs - names <= {"seed"}, "whose usual places are looked at must be known when it runs"


@given(st.lists(st.text(max_size=30), max_size=70))
def test_no_command_line_is_too_odd(command: list[str]) -> None:
    program_of(command)
    system_of(command)
    is_own(command)
