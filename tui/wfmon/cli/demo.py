"""``wfmon-tui demo``: the sample workload, and the monitor beside it."""

from __future__ import annotations

from wfmon.cli.options import Options
from wfmon.cli.watch import has_terminal, leave, watch
from wfmon.demo.incidents import chosen
from wfmon.demo.workload import Workload


def run(options: Options) -> int:
    """Ends the workload and removes its files on every way out."""
    incidents = chosen(options.incident)
    if options.workload_only:
        from wfmon.demo import only

        return only.run(options.seed, incidents, lambda line: print(line, flush=True))
    if not has_terminal():
        return 2
    with Workload(options.seed, incidents) as workload:
        loaded = options.load_config(workload.info.config)
        code = watch(options, loaded, label="demo")
    return leave(code)
