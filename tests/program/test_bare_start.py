"""A start without a config and without options on a host that it has never seen: as root, as the user of the
workflows, and as somebody else."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from support.ownhost import OwnHost, needs_own_host, own_host
from support.program import Program
from support.servers import alertmanager_binary, prometheus_binary
from support.troubled import troubled_log
from support.users import ANN, BEN, as_user, needs_users

pytestmark = [pytest.mark.pty, needs_users, needs_own_host]

METRICS, DATABASE, OTHER = 8000, 5432, 19090  # ports of decoys


@dataclass(frozen=True)
class World:
    """``root``, ``ann`` (whose workflow it is) and ``ben`` (a third) run the program there, each with a home
    of their own. ``hits`` notes who connects to the decoys."""

    host: OwnHost
    root: Program
    ann: Program
    ben: Program
    log: Path
    hits: Path

    def connected(self) -> list[int]:
        return sorted(int(line) for line in self.hits.read_text().split())


def person(host: OwnHost, name: str, uid: int) -> Program:
    home = host.folder / name
    home.mkdir(mode=0o700)
    os.chown(home, uid, uid)
    user = as_user(uid, uid) if uid else ()
    return Bare(home, (), (*host.prefix, *user), user=name)


@dataclass(frozen=True, slots=True)
class Bare(Program):
    """Looks around, as the program of other tests does not."""

    def env(self, more: object = None) -> dict[str, str | None]:
        return Program.env(
            self, {"WFMON_DISCOVERY_ENABLED": None, **(more if isinstance(more, dict) else {})}
        )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="wfmon-bare-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def prometheus(folder: Path) -> list[str]:
    config = folder / "prometheus.yml"
    config.write_text('{"scrape_configs": []}')
    files = (f"--config.file={config}", f"--storage.tsdb.path={folder / 'prometheus'}")
    return [prometheus_binary(), *files, "--web.listen-address=127.0.0.1:9090"]


def alertmanager(folder: Path) -> list[str]:
    config = folder / "alertmanager.yml"
    config.write_text('{"route": {"receiver": "x"}, "receivers": [{"name": "x"}]}')
    files = (f"--config.file={config}", f"--storage.path={folder / 'am'}")
    return [alertmanager_binary(), *files, "--web.listen-address=127.0.0.1:9093", "--cluster.listen-address="]


@pytest.fixture(scope="module")
def world(folder: Path) -> Iterator[World]:
    with ExitStack() as stack:
        host = stack.enter_context(own_host(folder))
        log = troubled_log(folder / "app.jsonl")
        os.chown(log, ANN, ANN)
        hits = folder / "hits"
        stack.enter_context(host.decoys(hits, METRICS, DATABASE, OTHER))
        stack.enter_context(host.server(prometheus(folder), 9090))
        stack.enter_context(host.server(alertmanager(folder), 9093))
        script = folder / "node_modules" / "n8n" / "bin" / "n8n"
        stack.enter_context(host.script(script, log, user=as_user(ANN, ANN)))
        yield World(
            host, person(host, "root", 0), person(host, "ann", ANN), person(host, "ben", BEN), log, hits
        )


@pytest.mark.server
@pytest.mark.parametrize("who", ["root", "ann"])
def test_who_may_see_the_workflow_is_told_of_it(world: World, who: str) -> None:
    program: Program = getattr(world, who)
    checked = program.run("check")
    assert checked.code == 2, checked
    assert "invoice_extract fails" in checked.out
    told = program.run("snapshot", "--json").json
    whats = [each["what"] for each in told["discovery"]["found"]]
    assert whats[0].startswith("Prometheus 2.")
    assert whats[1].startswith("Alertmanager 0.")
    assert whats[2].startswith("1 log file of n8n (pid ")
    kinds = {each["kind"]: each["state"] for each in told["sources"]}
    assert kinds == {"prometheus": "ok", "alertmanager": "ok", "logs": "ok", "host": "ok"}
    assert not any("open files of n8n" in words for words in told["discovery"]["not_seen"])
    assert world.connected() == [], "nobody but the two was connected to"


@pytest.mark.server
def test_a_third_user_is_told_what_is_missing_and_what_gives_it(world: World) -> None:
    checked = world.ben.run("check")
    assert (checked.code, checked.out[:7]) == (3, "UNKNOWN"), checked
    doctor = world.ben.run("doctor")
    assert "found     Prometheus 2." in doctor.out
    assert "found     n8n (pid " in doctor.out
    assert ", no log of it is read" in doctor.out
    assert f"of uid {ANN}: uid {ANN}, root or CAP_SYS_PTRACE may list them" in doctor.out
    assert "install -d -o root -g wfmon -m 2770 /var/lib/wfmon" in doctor.out
    assert "next     wfmon-tui init" in doctor.out
    assert world.connected() == []


@pytest.mark.server
def test_the_screen_says_what_it_found(world: World) -> None:
    with world.root.terminal(size=(100, 40)) as screen:
        screen.wait_for(r"failure_rate +invoice_extract", timeout=60)
        screen.send("S")
        screen.wait_for(r"found +Prometheus 2\.")
        screen.wait_for(r"1 log file of n8n \(pid \d+\)")
        screen.wait_for(r"write it down: wfmon-tui init")
        with world.root.terminal(size=(100, 40)) as reader:
            reader.wait_for(r"failure_rate +invoice_extract", timeout=60)
            reader.send("e")
            reader.wait_for(r"TimeoutError: 504")  # read from the file that the collector found
            reader.send("q", "q")
        screen.send("q", "q")
    assert world.connected() == []


@pytest.mark.server
def test_a_shell_reads_the_logs_that_are_found(world: World) -> None:
    told = world.ann.run("logs", "invoice_extract", "--errors", "-n", "1")
    assert told.code == 0, told
    assert "TimeoutError: 504" in told.out
    assert world.ben.run("logs", "invoice_extract").code == 1, "who may not see it has none"


@pytest.mark.server
def test_init_asks_before_it_probes_and_writes_what_config_check_takes(world: World) -> None:
    file = world.root.folder / "config" / "wfmon" / "config.toml"
    quiet = world.root.run("init")
    assert quiet.code == 0, quiet
    assert "could be asked for metrics (GET, loopback only, 1 s and 1 MB each):" in quiet.out
    assert f"http://127.0.0.1:{METRICS}/metrics  decoy.py (pid " in quiet.out
    assert f"port {DATABASE}: the port of PostgreSQL" in quiet.out
    assert "no terminal to agree on" in quiet.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = world.root.run("init")
    assert (again.code, again.out) == (1, "")
    assert "is there already: --force writes over it" in again.err
    with world.root.terminal("init", "--force", size=(120, 50)) as screen:
        screen.wait_for(r"Ask these 2 now\? \[y/N\]", timeout=60)
        assert world.connected() == []
        screen.send("enter")
        screen.wait_for("written: ")
        assert screen.wait_exit() == 0
    assert world.connected() == [], "enter alone is no"
    with world.root.terminal("init", "--force", size=(120, 50)) as screen:
        screen.wait_for(r"\[y/N\]", timeout=60)
        screen.type("y\r")
        screen.wait_for("written: ")
        assert screen.wait_exit() == 0
    assert world.connected() == [METRICS, OTHER], "once each, and never the port of a database"
    assert world.root.run("config", "check").code == 0
    names = [(each["kind"], each["state"]) for each in world.root.run("snapshot", "--json").json["sources"]]
    assert names.count(("scrape", "ok")) == 1, "what is alike is one source"
    assert {"prometheus", "alertmanager", "logs", "host"} <= {kind for kind, _ in names}
    file.unlink()
    world.hits.write_text("")


@pytest.mark.server
def test_init_in_a_script_probes_when_it_is_told_to(world: World) -> None:
    config = world.ben.folder / "mine.toml"
    done = world.ben.run("init", "--probe", "--config", str(config))
    assert done.code == 0, done
    assert f"http://127.0.0.1:{METRICS}/metrics  2 metrics: n8n: runs" in done.out
    assert config.stat().st_uid == BEN
    assert world.ben.run("config", "check", "--config", str(config)).code == 0
    world.hits.write_text("")


@pytest.mark.server
def test_any_source_that_is_named_ends_the_looking(world: World) -> None:
    named = replace(world.root, words=("--scrape", f"http://127.0.0.1:{METRICS}/metrics"))
    told = named.run("snapshot", "--json").json
    assert told["discovery"] is None
    assert {each["kind"] for each in told["sources"]} == {"scrape", "host"}
    world.hits.write_text("")


@pytest.fixture
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnHost]:
    folder = Path(tempfile.mkdtemp(prefix="wfmon-empty-"))
    folder.chmod(0o755)
    with own_host(folder) as host:
        yield host
    shutil.rmtree(folder)


def test_an_empty_host_is_unknown_and_the_screen_is_of_use(empty: OwnHost) -> None:
    program = person(empty, "root", 0)
    checked = program.run("check")
    assert checked.code == 3, checked
    assert checked.out.startswith("UNKNOWN: no source found: looked at ")
    assert "127.0.0.1:9090: nobody listens" in checked.out
    with program.terminal(size=(80, 24)) as screen:
        screen.wait_for(r"No source is named, nothing to read was found", timeout=60)
        for words in (r"wfmon-tui init ", r"wfmon-tui --logs ", r"wfmon-tui demo ", r"host +\d"):
            screen.wait_for(words)
        screen.send("q")
        assert screen.wait_exit() == 0


@pytest.mark.server
def test_what_comes_later_appears_and_what_goes_is_told(empty: OwnHost) -> None:
    program = person(empty, "root", 0)
    log = troubled_log(empty.folder / "app.jsonl")
    with program.terminal(size=(100, 40), env={"WFMON_DISCOVERY_EVERY": "5s"}) as screen:
        screen.wait_for(r"nothing to read was found", timeout=60)
        with (
            empty.script(empty.folder / "invoice.py", log),
            empty.server(prometheus(empty.folder), 9090),
        ):
            screen.send("r")  # it would look by itself within seconds
            screen.wait_for(r"failure_rate +invoice_extract", timeout=60)
            screen.send("S")
            screen.wait_for(r"found +Prometheus 2\.", timeout=60)
            screen.wait_for(r"1 log file of invoice\.py \(pid \d+\)", timeout=60)
        screen.send("r")
        screen.wait_for(r"gone +Prometheus 2\.\S+ on 127\.0\.0\.1:9090: since \d\d:\d\d", timeout=60)
        screen.wait_for(r"✖ prometheus +prometheus +down", timeout=60)
        screen.send("q", "q")
        assert screen.wait_exit() == 0
