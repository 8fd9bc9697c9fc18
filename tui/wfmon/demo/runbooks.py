"""The runbooks that the sample workload's config names."""

from __future__ import annotations

from pathlib import Path

from wfmon.demo.spec import WORKFLOWS

FOLDER = "runbooks"  # beside the config

_TEXT = """\
# {name}

A workflow of the sample workload; nothing here needs repair.

## When many runs fail

1. Read what the errors say on the alert's screen: one pattern, or many?
2. `TimeoutError` of a provider: look at its status page; runs are tried three times by themselves.
3. `ValidationError`: what came in has changed; ask who sends it.
4. Take the alert (`a`), write down what you found (`c`), and hand it on with its card (`y`).

## When a run hangs

Open it from the alert: the last line of its log says which step it waits in.
"""


def place(name: str) -> str:
    """Where the runbook of a workflow is, from the directory of the config."""
    return f"{FOLDER}/{name}.md"


def write(directory: Path) -> None:
    (directory / FOLDER).mkdir(exist_ok=True)
    for spec in WORKFLOWS:
        (directory / place(spec.name)).write_text(_TEXT.format(name=spec.name), encoding="utf-8")
