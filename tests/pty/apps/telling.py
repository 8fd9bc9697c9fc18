"""The monitor's screen over doors that show one more alert with every refresh (``r``).

``off``: with ``[notify] enabled = false``. ``crash``: a refresh breaks the app.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from support.alertworld import local, with_alerts
from support.screen import FakeDoors, look
from wfmon.config.schema import Notify
from wfmon.model.action import Action, Outcome, Refresh
from wfmon.model.alert import Alert
from wfmon.model.snapshot import Level, Verdict
from wfmon.ui.app import WfmonApp
from wfmon.ui.keys import Keymap
from wfmon.ui.lifeline import end_process
from wfmon.ui.screenhost import Settings
from wfmon.ui.terminal import run_app

HOSTILE = "evil\x1b]0;PWNED\x07;x"  # no source gives such a text: the last guard is tried


class Doors(FakeDoors):
    def __init__(self) -> None:
        super().__init__(replace(with_alerts(), verdict=Verdict(Level.OK, "all is well · 11 rules")))
        self.alerts: list[Alert] = []

    async def act(self, action: Action) -> Outcome:
        if isinstance(action, Refresh):
            if "crash" in sys.argv:
                app.call_later(crash)
            self.more()
        return Outcome(True, f"{len(self.alerts)} told")

    def more(self) -> None:
        name = f"w{len(self.alerts)}{HOSTILE}"
        self.alerts.append(
            local(
                id=f"{len(self.alerts):012x}", since=time.time(), workflow=name, labels=(("workflow", name),)
            )
        )
        verdict = Verdict(Level.WARNING, f"{name}: $4.20/h since 14:00", self.alerts[0].id)
        self.publish(replace(with_alerts(*self.alerts), verdict=verdict))


def crash() -> None:
    raise RuntimeError("broken")


notify = Notify(enabled="off" not in sys.argv, bell=True, desktop=True, title=True, debounce=0.0)
app = WfmonApp(Doors(), Settings(look(), Keymap(), by="joe"), notify=notify)
code = run_app(app)
end_process(code)
