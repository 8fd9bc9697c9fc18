"""``wfmon-tui init --unit``: a systemd unit for ``record``."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from wfmon.cli.options import Options
from wfmon.store.paths import SYSTEM_DIR

# Nothing here gives the service a view of its own of the file systems (ProtectSystem=, PrivateTmp= and
# the like): it watches those of the host, and /proc, and logs wherever they are.
_UNIT = """\
# Printed by wfmon-tui init --unit. Put it into /etc/systemd/system/wfmon.service and read the comments.
#
#   groupadd --system --force wfmon
#   useradd --system --gid wfmon --no-create-home --home-dir {state} --shell /usr/sbin/nologin wfmon
#   systemctl daemon-reload
#   systemctl enable --now wfmon
#
# Who may ack and take over: usermod --append --groups wfmon USER. The screen of such a user reads what
# this service collects, as long as it watches the same: the same settings, nothing else on the command line.

[Unit]
Description=Collects and evaluates the AI workflows of this host (wfmon-tui record)
After=network.target

[Service]
Type=exec
ExecStart={command}
SuccessExitStatus=143
Restart=always
RestartSec=5

# As which user: it must be able to run the program above, to read the settings and the logs, and to write
# the state. Logs of group adm: SupplementaryGroups=adm. Memory of processes of other users is seen by
# root, or with AmbientCapabilities=CAP_SYS_PTRACE; logs that only root reads with CAP_DAC_READ_SEARCH.
User=wfmon
Group=wfmon
#SupplementaryGroups=adm
#AmbientCapabilities=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH

# The state is shared with the group: what one acks, all see.
{state_lines}
UMask=0007
Environment=LANG=C.UTF-8

# A frugal guest: it gives way to the workflows.
Nice=5
CPUQuota=50%
MemoryHigh=512M
MemoryMax=1G
TasksMax=128
OOMScoreAdjust=300

# It needs no more than sockets, its state and reading. RestrictSUIDSGID= would forbid the setgid bit of
# the shared directories; ProtectProc= and ProcSubset= would hide the workflows.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""


def run(options: Options) -> int:
    """Prints the unit."""
    loaded = options.load_config()
    config = str(loaded.file.absolute()) if loaded.file_found else None
    print(unit(program(), options, config), end="")
    return 0


def program() -> list[str]:
    """The words that run this very program."""
    name = sys.argv[0] if sys.argv else ""
    found = shutil.which(name) if name and not name.endswith("__main__.py") else None
    if found is not None:
        return [os.path.abspath(found)]
    return [sys.executable, "-m", "wfmon"]


def unit(command: list[str], options: Options, config: str | None) -> str:
    """The text of the unit that runs ``command`` with the sources and settings of ``options``."""
    state = Path(options.state_dir).absolute() if options.state_dir else SYSTEM_DIR
    words = [*command, "record", *_words(options, config), "--state-dir", str(state)]
    return _UNIT.format(
        command=" ".join(_quoted(word) for word in words),
        state=state,
        state_lines=_state_lines(state),
    )


def _words(options: Options, config: str | None) -> list[str]:
    words = ["--config", config] if config is not None else []
    given = [("--prometheus", options.prometheus), ("--alertmanager", options.alertmanager)]
    given += [("--scrape", url) for url in options.scrape]
    given += [("--logs", os.path.abspath(os.path.expanduser(glob))) for glob in options.logs]
    for option, value in given:
        words += [option, value] if value is not None else []
    words += ["--no-host"] if options.no_host else []
    words += ["--interval", f"{options.interval:g}s"] if options.interval is not None else []
    return words


def _state_lines(state: Path) -> str:
    if state.parent == SYSTEM_DIR.parent:
        return f"StateDirectory={state.name}\nStateDirectoryMode=2770"
    return f"# Make it first: install -d -o wfmon -g wfmon -m 2770 {_quoted(str(state))}"


def _quoted(word: str) -> str:
    """As systemd.service(5) reads it: specifiers and variables doubled, in quotes where needed."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    plain = all(char.isalnum() or char in "/._-+=:@,%$*?" for char in word)
    return word if plain and word else f'"{word}"'
