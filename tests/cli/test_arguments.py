"""Every option of the contract, before and behind the command word."""

from __future__ import annotations

import argparse
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.cli.arguments import COMMANDS, INCIDENTS, WITH_VALUE, UsageError, parse, parser, split_command
from wfmon.cli.options import Options
from wfmon.demo.incidents import NAMES

COMMON = {
    "--config": ("config", "f.toml", "f.toml"),
    "--prometheus": ("prometheus", "http://p:9090", "http://p:9090"),
    "--scrape": ("scrape", "http://s/metrics", ("http://s/metrics",)),
    "--logs": ("logs", "*.jsonl", ("*.jsonl",)),
    "--alertmanager": ("alertmanager", "http://a:9093", "http://a:9093"),
    "--interval": ("interval", "1m", 60.0),
    "--state-dir": ("state_dir", "d", "d"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", COMMON)
def test_common_options_stand_anywhere(command: str, option: str) -> None:
    field, value, read = COMMON[option]
    needed = {
        "ack": ["1a"],
        "unack": ["1a"],
        "snooze": ["1a", "--until-resolved"],
        "note": ["1a", "seen"],
        "config": ["show"],
        "rules": ["export"],
        "completions": ["bash"],
        "logs": ["billing"],
    }.get(command, [])
    for words in (
        [option, value, command, *needed],
        [command, *needed, option, value],
        [command, f"{option}={value}", *needed],
    ):
        options = parse(words)
        assert options.command == command
        assert getattr(options, field) == read


def test_no_words_mean_watch() -> None:
    assert parse([]) == Options()
    assert parse(["watch"]) == Options()


def test_options_of_commands() -> None:
    assert parse(
        ["--theme", "light", "--view", "dev", "--ascii", "--refresh", "2s", "--no-host", "--read-only"]
    ) == Options(theme="light", view="dev", ascii=True, refresh=2.0, no_host=True, read_only=True)
    assert parse(["demo", "--seed", "7", "--incident", "hang", "--workload-only"]) == Options(
        command="demo", seed=7, incident="hang", workload_only=True
    )
    assert parse(["check", "--json", "--wait", "3", "--unacked"]) == Options(
        command="check", json=True, wait=3.0, unacked=True
    )
    assert parse(["ack", "1a2b", "--for", "1h30m", "-m", "on it"]) == Options(
        command="ack", alert_id="1a2b", for_seconds=5400.0, comment="on it"
    )
    assert parse(["snooze", "1a2b", "--for", "4h", "-m", "later"]) == Options(
        command="snooze", alert_id="1a2b", for_seconds=14_400.0, comment="later"
    )
    assert parse(["snooze", "--until-resolved", "1a2b"]) == Options(
        command="snooze", alert_id="1a2b", until_resolved=True
    )
    assert parse(["note", "1a2b", "it was", "the disk"]) == Options(
        command="note", alert_id="1a2b", text="it was the disk"
    )
    assert parse(["acks", "--all", "--json"]) == Options(command="acks", all=True, json=True)
    assert parse(["--scrape", "http://a", "check", "--scrape", "http://b"]).scrape == ("http://a", "http://b")
    assert parse(["--config", "check", "snapshot"]) == Options(command="snapshot", config="check")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["snaphot"], "unknown command snaphot; did you mean snapshot?"),
        (["frobnicate"], "unknown command frobnicate; there are: watch, demo"),
        (["--logs", "/a", "/b"], "put the pattern behind --logs in quotes"),
        (["--them", "x"], "unknown option --them; did you mean --theme?"),
        (["--theem=x"], "unrecognized arguments: --theem=x"),
        (["check", "--theme", "x"], "unrecognized arguments"),
        (["watch", "watch"], "unrecognized arguments: watch"),
        (["--view", "boss"], "invalid choice: 'boss'"),
        (["--interval", "soon"], "soon: expected a duration"),
        (["--interval", "0"], "expected a duration above 0"),
        (["check", "--wait", "-5"], "--wait"),
        (["ack"], "required: ID"),
        (["ack", ""], "ID"),
        (["config"], "required: action"),
        (["config", "edit"], "invalid choice: 'edit'"),
        (["demo", "--seed", "x"], "invalid int value: 'x'"),
        (["--config"], "expected one argument"),
        (["\x1b]0;PWNED\x07"], "unknown command ␛]0;PWNED␇"),
        (["--", "x"], "unrecognized arguments"),
    ],
)
def test_wrong_use_is_told_in_one_safe_line(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@given(
    st.lists(st.sampled_from(["--config", "check", "-x", "--", "a", "--json", "--wait=3", ""]), max_size=6)
)
def test_the_split_loses_no_word(words: list[str]) -> None:
    command, rest = split_command(words)
    assert sorted([*rest, *([] if command is None else [command])]) == sorted(words)


def test_the_table_of_options_with_values_is_whole() -> None:
    """``split_command`` relies on it."""
    taking: set[str] = set()
    for command in COMMANDS:
        for action in parser(command)._actions:
            if action.option_strings and action.nargs != 0:
                taking.update(action.option_strings)
            assert not isinstance(action, argparse.BooleanOptionalAction)
    assert taking == set(WITH_VALUE)


def test_incidents_are_those_of_the_demo() -> None:
    assert set(INCIDENTS) == {*NAMES, "none", "all"}


def test_options_become_settings(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    words = [
        "--scrape",
        "http://a:1/m",
        "--scrape",
        "http://b:1/m",
        "--prometheus",
        "http://p:1",
        "--logs",
        "x/*.jsonl",
    ]
    loaded = parse([*words, "--state-dir", "st", "--no-host", "--interval", "3s", "--ascii"]).load_config()
    sources = [
        (source.name, source.kind, source.url, source.urls, source.interval)
        for source in loaded.config.source
    ]
    assert sources == [
        ("prometheus", "prometheus", "http://p:1", [], 3.0),
        ("scrape", "scrape", "", ["http://a:1/m", "http://b:1/m"], 3.0),
        ("logs", "logs", "", [], 3.0),
    ]
    assert loaded.config.source[2].paths == [os.path.join(tmp_path, "x/*.jsonl")]
    assert loaded.config.state.dir == os.path.join(tmp_path, "st")
    assert (loaded.config.host.enabled, loaded.config.host.interval, loaded.config.ui.ascii) == (
        False,
        3.0,
        True,
    )
    assert loaded.origin(("source", 1, "urls")).where == "--scrape"
    assert loaded.origin(("host", "interval")).where == "--interval"


def test_the_demos_own_state_directory_stands(
    tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = os.path.join(tmp_path, "demo.toml")
    with open(file, "w", encoding="utf-8") as stream:
        stream.write('[state]\ndir = "/demo/state"\n')
    monkeypatch.setenv("WFMON_STATE_DIR", "/real/state")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert Options().load_config(file).config.state.dir == "/demo/state"
    assert Options().load_config().config.state.dir == "/real/state"
