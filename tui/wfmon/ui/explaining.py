"""Opens what explains a run, a step, figures over many runs, a source: told anew with each snapshot."""

from __future__ import annotations

from wfmon.analysis.patterns import Pattern
from wfmon.analysis.stepstats import StepStat
from wfmon.model.run import Run
from wfmon.ui import navigate
from wfmon.ui.views.base import Frame, ShellDoor

Told = list[tuple[str, str]]


def explain_run(shell: ShellDoor, run: Run) -> None:
    from wfmon.ui.panes.runfacts import run_words
    from wfmon.ui.views.run import find_run

    last = [run]  # as it was last seen: the lists let go of old runs

    def facts(frame: Frame) -> Told:
        last[0] = find_run(frame.snapshot, run.workflow, run.id) or last[0]
        return list(run_words(frame.look, frame.snapshot, last[0], frame.now))

    navigate.open_facts(shell, run.id if run.has_id else f"a run of {run.workflow}", facts)


def explain_step(shell: ShellDoor, run: Run, number: int) -> None:
    from wfmon.ui.panes.runfacts import step_words
    from wfmon.ui.views.run import find_run

    last = [run]

    def facts(frame: Frame) -> Told:
        last[0] = find_run(frame.snapshot, run.workflow, run.id) or last[0]
        steps = last[0].steps
        if number >= len(steps):
            return []
        return list(step_words(frame.look, frame.snapshot, last[0], steps[number], frame.now))

    name = run.steps[number].name if number < len(run.steps) else ""
    navigate.open_facts(shell, f"step {name} of {run.id}", facts)


def explain_stat(shell: ShellDoor, workflow: str, stat: StepStat, runs: int) -> None:
    from wfmon.ui.panes.devfacts import stat_words

    title = f"step {stat.name} of {workflow}"
    navigate.open_facts(shell, title, lambda frame: stat_words(frame.look, stat, runs, frame.now))


def explain_error(shell: ShellDoor, workflow: str, found: Pattern) -> None:
    from wfmon.ui.panes.devfacts import error_words

    title = f"an error of {workflow}"
    navigate.open_facts(shell, title, lambda frame: error_words(frame.look, found, frame.now))


def explain_tokens(shell: ShellDoor) -> None:
    from wfmon.ui.panes.burnfacts import burn_words

    def facts(frame: Frame) -> Told:
        return [] if frame.snapshot is None else list(burn_words(frame.look, frame.snapshot, frame.now))

    navigate.open_facts(shell, "tokens and cost", facts)


def explain_memory(shell: ShellDoor) -> None:
    from wfmon.ui.panes.memoryfacts import memory_words

    def facts(frame: Frame) -> Told:
        return [] if frame.snapshot is None else list(memory_words(frame.snapshot, frame.now))

    navigate.open_facts(shell, "memory", facts)


def explain_source(shell: ShellDoor, name: str) -> None:
    from wfmon.ui.panes.sourcefacts import source_words

    def facts(frame: Frame) -> Told:
        sources = frame.snapshot.sources if frame.snapshot is not None else ()
        source = next((one for one in sources if one.name == name), None)
        return [] if source is None else list(source_words(frame.look, source, frame.now))

    navigate.open_facts(shell, f"source {name}", facts)
