"""Who leaves the screen while an ack is shared reads until when it holds; the silence stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.program import Program
from support.servers import running_alertmanager
from support.sharing import ByHand, labels
from support.waiting import wait_until


@pytest.mark.server
@pytest.mark.pty
@pytest.mark.parametrize("how", ["q", "SIGTERM"])
def test_leaving_says_until_when_it_is_silenced(tmp_path: Path, how: str) -> None:
    mine = labels("HighErrorRate", workflow="invoice_extract", severity="critical")
    with running_alertmanager(tmp_path) as server:
        am = ByHand(server.url)
        am.fire(mine)
        config = tmp_path / "config.toml"
        config.write_text(
            f'[host]\nenabled = false\n[[source]]\nname = "am"\n'
            f'kind = "alertmanager"\nurl = "{server.url}"\nallow_write = true\ninterval = "1s"\n'
        )
        with Program(tmp_path, ("--config", str(config))).terminal() as program:
            program.wait_for("HighErrorRate")
            program.send("A")
            program.wait_for("mutes HighErrorRate in am")
            program.send("y")
            wait_until(lambda: am.silences(mine))
            program.wait_for("shared")
            if how == "q":
                program.send("q")
            else:
                program.signal(15)
            program.wait_exit()
            assert program.restored()
            words = " ".join(program.screen_text().split())
        assert "shared ack HighErrorRate invoice_extract: silenced in am until " in words
        assert len(am.silences(mine)) == 1
