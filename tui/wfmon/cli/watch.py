"""``wfmon-tui watch``: the live monitor."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from wfmon.cli.options import Options

if TYPE_CHECKING:
    from wfmon.config.loader import Loaded


def run(options: Options) -> int:
    """Needs a terminal; exit code of how it was left."""
    if not has_terminal():
        return 2
    code = watch(options, options.load_config())
    return leave(code)


def has_terminal() -> bool:
    """Whether standard input and output are a terminal; says what to use instead if not."""
    if os.isatty(0) and os.isatty(1):
        return True
    print(
        "wfmon-tui: the screen needs a terminal (over SSH: ssh -t HOST wfmon-tui); "
        "without one use: wfmon-tui check, wfmon-tui snapshot --json",
        file=sys.stderr,
    )
    return False


def watch(options: Options, loaded: Loaded, *, label: str = "") -> int:
    """Sources are asked while the screen is still being loaded, so that neither waits for the other."""
    from wfmon.monitor.assemble import assemble_station

    config = loaded.config
    assembled = assemble_station(
        config, ad_hoc=options.ad_hoc, read_only=options.read_only, changed=loaded.layered.changed
    )
    try:
        assembled.station.start()
        from wfmon.ui import leantextual

        leantextual.load()
        from wfmon.ui.app import run_app

        return run_app(
            assembled.station,
            config,
            view=options.view,
            read_only=options.read_only,
            watch_label=label,
            by=assembled.me,
            config_file=loaded.file,
        )
    finally:
        words = assembled.parting_words()
        assembled.close()
        with suppress(OSError):  # the terminal may have gone
            for line in words:
                print(f"wfmon-tui: {line}", file=sys.stderr, flush=True)


def leave(code: int) -> int:
    """End here and now: the interpreter's own way out would wait for threads that may hang."""
    from wfmon.ui.lifeline import end_process

    end_process(code)
    return code
