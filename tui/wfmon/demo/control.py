"""The words that go down the pipes of the workload: parent to launcher to workers, and back up.

The end of a pipe is a word too: whoever reads from a process that has gone ends as well.
"""

from __future__ import annotations

GO = b"g"  # begin with the runs
QUIET = b"q"  # end the runs, keep the metrics up

READY = b"ready\n"  # a worker serves its metrics
QUIETED = b"quiet\n"  # a worker has no run open and begins no more

READY_FILE = "ready"
QUIET_FILE = "quiet"
ERRORS_FILE = "stderr.log"
LOGS = "logs"
DATA = "data"
LEDGER = "ledger.jsonl"
CONFIG = "config.toml"
STATE = "state"
