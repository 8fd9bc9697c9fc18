"""Layers, origins, and every problem with its place."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from wfmon.config.layers import LayerKind, Table
from wfmon.config.loader import Loaded, Overlay, load_config
from wfmon.config.problems import ConfigError
from wfmon.config.resources import shipped_config

LOGS = '[[source]]\nkind = "logs"\npaths = ["x"]\n'
PROMETHEUS = '[[source]]\nkind = "prometheus"\n'
WORKFLOW = '[[workflow]]\nname = "a"\n'


class Folder:
    """A user's home with a config file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {"XDG_CONFIG_HOME": str(root)}
        self.file = root / "wfmon" / "config.toml"
        self.file.parent.mkdir()

    def load(self, text: str | bytes | None = None, overlay: Overlay | None = None, **environ: str) -> Loaded:
        if text is not None:
            self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
            self.file.chmod(0o600)
        return load_config(None, {**self.environ, **environ}, overlay)

    def problems(self, text: str | bytes, **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.load(text, None, **environ)
        return [str(problem).removeprefix(f"{self.file}:") for problem in caught.value.problems]


@pytest.fixture
def home(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_shipped_config_alone(home: Folder) -> None:
    loaded = home.load()
    assert loaded.file_found is False
    assert loaded.file == home.file
    assert loaded.config.ui.theme == "dark"
    assert loaded.config.windows.runs == 300.0
    assert loaded.config.alerts.storage.warn.trip_bytes == 20 * 2**30
    assert loaded.config.source == []
    assert loaded.origin(("ui", "theme")).kind is LayerKind.SHIPPED


def test_each_layer_wins_over_the_one_below(home: Folder) -> None:
    text = '[ui]\ntheme = "light"\nrefresh = "2s"\nmouse = false\n[alerts.memory]\nwarn = { trip = 0.12 }\n'
    overlay = Overlay(values={"ui": {"theme": "terminal"}}, named={("ui", "theme"): "--theme"})
    loaded = home.load(text, overlay, WFMON_UI_THEME="clear", WFMON_UI_REFRESH="3s", WFMON_USER="joe")
    ui = loaded.config.ui
    assert (ui.theme, ui.refresh, ui.mouse, ui.ascii) == ("terminal", 3.0, False, False)
    assert loaded.config.user.name == "joe"
    warn = loaded.config.alerts.memory.warn
    assert (warn.trip, warn.clear) == (0.12, 0.15), "an inline table says only what differs, too"
    assert loaded.origin(("ui", "theme")).where == "--theme"
    assert loaded.origin(("ui", "refresh")).where == "WFMON_UI_REFRESH"
    assert loaded.origin(("user", "name")).where == "WFMON_USER"
    assert loaded.origin(("ui", "mouse")).where == f"{home.file}:4"
    assert loaded.origin(("alerts", "memory", "warn", "trip")).where == f"{home.file}:6"
    assert loaded.origin(("alerts", "memory", "warn", "clear")).kind is LayerKind.SHIPPED


def test_given_sources_replace_those_of_their_kind(home: Folder) -> None:
    text = """
[[source]]
kind = "scrape"
url = "http://a:1/metrics"
[[source]]
kind = "logs"
paths = ["/var/log/x"]
[[source]]
kind = "logs"
paths = ["/var/log/y"]
"""
    given: Table = {"name": "scrape", "kind": "scrape", "urls": ["http://b:2/metrics"]}
    overlay = Overlay(sources=(given,), source_interval=3.0, named={("sources", 0): "--scrape"})
    loaded = home.load(text, overlay)
    assert [(s.name, s.kind, s.urls) for s in loaded.config.source] == [
        ("logs", "logs", []),
        ("logs 2", "logs", []),
        ("scrape", "scrape", ["http://b:2/metrics"]),
    ]
    assert [s.interval for s in loaded.config.source] == [3.0, 3.0, 3.0]
    assert loaded.origin(("source", 1, "paths")).where == f"{home.file}:10"
    assert loaded.origin(("source", 2, "urls")).where == "--scrape"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[ui]\ntheem = "x"', "2: ui.theem: unknown key, nearest known key: ui.theme"),
        ('\ntheme = "dark"', "2: theme: unknown key here, nearest known key: ui.theme"),
        ("[uii]\nx = 1", "1: uii: unknown key, nearest known key: ui"),
        ("zzz = 1", "1: zzz: unknown key, expected one of: windows"),
        ('[ui]\nascii = "yes"', '2: ui.ascii: wrong value "yes", expected true or false'),
        ("[ui]\nrefresh = true", "2: ui.refresh: wrong value true, expected a duration"),
        ("[windows]\ngrow_runs = 2.5", "2: windows.grow_runs: wrong value 2.5, expected a whole number"),
        ("[ui]\nkeys = []", "2: ui.keys: wrong value (a list), expected a table of texts"),
        ("ui = 5", "1: ui: is not a table, expected [ui] with keys of its own"),
        ('[source]\nkind = "logs"', "1: source: is not a list, expected tables that begin with [[source]]"),
        ("source = [5]", "1: source[0]: is not a table"),
        ('[[source]]\nname = "a"', '1: source[0]: kind is missing, expected one of "prometheus"'),
        ('[[source]]\nkind = "log"', 'kind: wrong value "log", expected one of "prometheus", '),
        ('[[source]]\nkind = "logs"', "1: source[0]: paths is missing, expected file names or globs"),
        ('[[source]]\nkind = "scrape"', "1: source[0]: url is missing, expected http://HOST:PORT/metrics"),
        ('[[source]]\nkind = "scrape"\nurls = [""]', "3: source[0].urls[0]: does not begin with http://"),
        (PROMETHEUS + 'url = "h:9090"', "expected http://HOST:PORT, for instance http://h:9090"),
        (PROMETHEUS + 'url = "ftp://h/"', "3: source[0].url: does not begin with http://"),
        (PROMETHEUS + 'url = "http://"', "3: source[0].url: names no host"),
        (PROMETHEUS + 'url = "http://h:99999"', "3: source[0].url: is not a URL"),
        (PROMETHEUS + 'url = "http://[::1"', "3: source[0].url: is not a URL"),
        (PROMETHEUS + 'url = "http://u:pw@h"', "3: source[0].url: has credentials in it"),
        (LOGS + 'url = "http://h"', '4: source[0].url: has no meaning for kind "logs"'),
        (LOGS + 'encoding = "utf-9"', '4: source[0].encoding: unknown encoding "utf-9"'),
        (LOGS + 'timezone = "CET/X"', "4: source[0].timezone: unknown time zone"),
        (
            LOGS + 'name = "a"\n' + LOGS + 'name = "a"',
            '8: source[1].name: "a" is the name of another source too',
        ),
        (WORKFLOW + 'match = ["ok", "("]', '3: workflow[0].match[1]: "(" is not a regular expression'),
        ('[[workflow]]\nname = "a"\n[[workflow]]\nname = "b"\naliases = ["a"]', "5: workflow[1].aliases: "),
        (
            '[profiles]\nprefix = { n8n = "2 " }',
            '2: profiles.prefix.n8n: no metric name can begin with "2 ", expected as "n8n_"',
        ),
        ('[profiles]\ntotals = ["n8n", " "]', "2: profiles.totals[1]: is empty, expected the name"),
        ('[discovery]\nevery = "1s"', "2: discovery.every: is too short, expected at least 5s"),
        ("[host]\ninterval = 0", "2: host.interval: is zero, expected a duration longer than 0"),
        ("[alerts.failure_rate]\nthreshold = 5", "2: alerts.failure_rate.threshold: is 5, expected a ratio"),
        ("[alerts.memory]\nwarn = { trip = 0.5 }", "2: alerts.memory.warn.clear: is below trip (0.5)"),
        ("[alerts.storage.critical]\ntrip = 0.15\nclear = 0.3", "2: alerts.storage.critical.trip: is above"),
        ('[alerts.ack]\nmax = "1m"', "2: alerts.ack.max: is shorter than alerts.ack.lease"),
        ('[windows]\nmax = "1m"', "2: windows.max: is shorter than windows.runs"),
        ('[[storage.dir]]\npath = "/x"\nlimit = "big"', '3: storage.dir[0].limit: wrong value "big", '),
        ('[ui]\ntheme = "drak"', '2: ui.theme: no theme "drak", expected one of clear, dark, '),
        ('[ui]\ntheme = "../dark"', "2: ui.theme: no theme"),
        ('[ui]\ntimezone = "Mars/Base"', '2: ui.timezone: unknown time zone "Mars/Base", expected "local"'),
        ('[user]\nname = "a\\u001b]0;x"', "2: user.name: control or invisible characters in a␛]0;x"),
        ("[ui\n", "1: not TOML: "),
        ('[ui]\ntheme = "a"\ntheme = "b"', "3: not TOML: Cannot overwrite a value"),
        ("[ui]\n\ntheme =", "3: not TOML: Invalid value"),
        (b'[ui]\ntheme = "\xff"', "2: is not UTF-8 text"),
    ],
)  # fmt: skip
def test_each_problem_has_its_line_its_key_and_what_was_expected(
    home: Folder, text: str | bytes, problem: str
) -> None:
    problems = home.problems(text)
    assert len(problems) == 1, problems
    assert problem in problems[0]


def test_all_problems_are_told_at_once_in_order_of_lines(home: Folder) -> None:
    text = """[ui]
theem = "dark"
timezone = "Mars/Base"
[[source]]
kind = "prometeus"
[[source]]
kind = "scrape"
url = "ftp://x"
[alerts.failure_rate]
threshold = 7
min_failures = "3"
"""
    problems = home.problems(text, WFMON_UI_ASCII="maybe", WFMON_UI_THEEM="x", WFMON_LOGS_KEEP_RUNS="0")
    where = [re.split(r": (?:unknown|wrong|does|is|no)", problem)[0] for problem in problems]
    assert where == [
        "2: ui.theem",
        "3: ui.timezone",
        "5: source[0].kind",
        "8: source[1].url",
        "10: alerts.failure_rate.threshold",
        "11: alerts.failure_rate.min_failures",
        "WFMON_LOGS_KEEP_RUNS: logs.keep_runs",
        "WFMON_UI_ASCII: ui.ascii",
        "WFMON_UI_THEEM",
    ]


@pytest.mark.parametrize("reference", ["sk-abcdefghijklmnopqrstuv", "hunter2", "env:", "cmd:x"])
def test_a_secret_in_clear_is_refused_and_not_repeated(home: Folder, reference: str) -> None:
    text = PROMETHEUS + f'url = "http://h"\nauth = {{ bearer = "{reference}" }}\n'
    (problem,) = home.problems(text)
    assert problem.startswith("4: source[0].auth.bearer: is not a reference, expected")
    assert reference == "env:" or reference not in problem


def test_a_secret_of_the_wrong_type_is_not_repeated(home: Folder) -> None:
    text = PROMETHEUS + 'url = "http://h"\nauth = { password = 12345, cmd = "pw" }\n'
    problems = home.problems(text)
    assert len(problems) == 2
    assert not any("12345" in problem or '"pw"' in problem for problem in problems)


COMMAND = PROMETHEUS + 'url = "http://h"\nauth = { cmd = ["pass", "prom"] }\n'


def test_a_command_only_from_a_file_that_nobody_else_may_write(home: Folder) -> None:
    assert home.load(COMMAND).config.source[0].auth is not None
    home.file.chmod(0o620)
    with pytest.raises(ConfigError, match=r":4: source\[0\].auth.cmd: is not allowed here: others may write"):
        home.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give the file away")
def test_a_command_only_from_a_file_of_ones_own(home: Folder) -> None:
    home.load(COMMAND)
    os.chown(home.file, 12_345, -1)
    with pytest.raises(ConfigError, match="a config file that you own"):
        home.load()


def test_a_named_file_must_be_readable(home: Folder, tmp_path: Path) -> None:
    for file, reason in (
        (tmp_path / "none.toml", "No such file"),
        (tmp_path, "directory"),
        (Path("a\0b"), "null"),
    ):
        with pytest.raises(ConfigError, match=f"cannot be read: .*{reason}"):
            load_config(file, home.environ)


def test_an_endless_file_is_refused(home: Folder) -> None:
    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        load_config("/dev/zero", home.environ)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_default_file_that_may_not_be_read_is_told(home: Folder) -> None:
    home.load("")
    home.file.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        home.load()


def test_windows_line_ends_and_a_byte_order_mark_are_fine(home: Folder) -> None:
    loaded = home.load(b'\xef\xbb\xbf[ui]\r\ntheme = "light"\r\n')
    assert loaded.config.ui.theme == "light"
    assert loaded.origin(("ui", "theme")).where == f"{home.file}:2"


def test_a_theme_of_ones_own_is_a_theme(home: Folder) -> None:
    themes = home.root / "wfmon" / "themes"
    themes.mkdir()
    (themes / "mine.toml").write_text("")
    assert home.load('[ui]\ntheme = "mine"').config.ui.theme == "mine"


def test_variables_of_others_are_left_alone(home: Folder) -> None:
    home.load(WFMON_REQUIRE_SERVERS="1", WFMONX="1", WFMON_="x")


def test_variables_have_the_type_of_their_key(home: Folder) -> None:
    config = home.load(
        WFMON_STORAGE_MOUNTS="/, /var",
        WFMON_ALERTS_FAILURE_RATE_THRESHOLD="0.1",
        WFMON_ALERTS_MEMORY_WARN_FOR="7m",
        WFMON_HOST_ENABLED="no",
        WFMON_STATE_DIR="/tmp/x",
    ).config
    assert config.storage.mounts == ["/", "/var"]
    assert config.alerts.failure_rate.threshold == 0.1
    assert config.alerts.memory.warn.for_ == 420.0
    assert config.host.enabled is False
    assert config.state.dir == "/tmp/x"


def test_the_shipped_config_says_every_plain_key() -> None:
    """Every field without a default is shipped; a missing one would be an error for everybody."""
    assert "[alerts.failure_rate]" in shipped_config().read_text(encoding="utf-8")
    load_config(None, {"XDG_CONFIG_HOME": "/nonexistent"})
