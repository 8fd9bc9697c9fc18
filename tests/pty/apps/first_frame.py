"""What the program's entry does with the first frame; MODE says how it goes on."""

from __future__ import annotations

import sys
import time

from wfmon.ui import firstframe

mode, *argv = sys.argv[1:]
firstframe.begin(argv)
if mode == "fail":
    firstframe.undo()
    print("config.toml:3: windows.runs: not a duration", file=sys.stderr)
    raise SystemExit(2)
if mode == "wait":
    time.sleep(20)
from ways_out import WaysOut  # noqa: E402 (heavy imports come after the first frame)

from wfmon.ui.terminal import run_app  # noqa: E402

raise SystemExit(run_app(WaysOut()))
