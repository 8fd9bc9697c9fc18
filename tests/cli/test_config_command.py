"""``config path|show|check|schema``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from wfmon.cli.main import main
from wfmon.config.resources import shipped_config


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("WFMON_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "wfmon").mkdir()
    return tmp_path / "wfmon" / "config.toml"


def test_path(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{home}  (does not exist)\n{shipped_config()}  (defaults)\n"
    home.write_text("")
    assert main(["config", "path"]) == 0
    assert capsys.readouterr().out.startswith(f"{home}\n")


def test_path_answers_even_where_the_file_is_wrong(home: Path) -> None:
    home.write_text("[")
    assert main(["config", "path"]) == 0


def test_check(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check"]) == 0
    assert "defaults only" in capsys.readouterr().out
    home.write_text('[ui]\ntheme = "light"\n')
    assert main(["config", "check"]) == 0
    assert capsys.readouterr().out == f"{home}: ok\n"
    home.write_text("[ui]\ntheme = 5\n")
    assert main(["config", "check"]) == 2
    assert capsys.readouterr().err.startswith(f"{home}:2: ui.theme: wrong value 5, expected a text")


def test_check_knows_the_profiles(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.write_text('[profiles]\ntotals = ["litellm", "logs"]\nprefix = { n8n = "flows_" }\n')
    assert main(["config", "check"]) == 0
    for wrong in ('totals = ["litelm"]', 'enabled = ["litelm"]', 'prefix = { litelm = "x_" }'):
        home.write_text(f"[profiles]\n{wrong}\n")
        assert main(["config", "check"]) == 2
        said = capsys.readouterr().err
        assert f"[profiles] {wrong.split()[0]}: litelm: no such profile, nearest: litellm; known:" in said


def test_check_reads_the_users_profiles(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = home.parent / "profiles"
    folder.mkdir()
    profile = 'schema = 1\nname = "mine"\ntitle = "Mine"\ndetect = ["my_runs_total"]\n'
    (folder / "a.toml").write_text(profile)
    (folder / "b.toml").write_text(profile.replace('"mine"', '"n8n"'))
    source = '[[source]]\nkind = "scrape"\nurl = "http://127.0.0.1:9/metrics"\n'
    home.write_text(f'[profiles]\nenabled = ["mine"]\n{source}')
    assert main(["config", "check"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{home}: ok",
        f"{folder}/a.toml: ok, profile mine beside the shipped ones",
        f"{folder}/b.toml: ok, profile n8n in place of the shipped one",
    ]
    (folder / "b.toml").write_text(profile + "[tokens]\ncashed = 'subset'\n[signals]\nrun = []\n")
    (folder / "c.toml").write_text(profile + "[logs]\npath = []\n")
    assert main(["config", "check"]) == 2
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.startswith(
        f"{folder}/b.toml: tokens.cashed: unknown, expected one of: cached reasoning (did"
    )
    assert second.startswith(f"{folder}/b.toml: signals.run: unknown, expected one of: runs active queue")
    assert third.startswith(f"{folder}/c.toml: logs.path: unknown, expected one of: paths")
    assert main(["snapshot", "--json"]) == 2, "who reads them says the same"
    assert capsys.readouterr().err.splitlines() == [first, second]


def test_show_tells_values_and_origins_but_no_secret(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write_text(
        '[ui]\ntimezone = "UTC"\n[[source]]\nkind = "prometheus"\nurl = "http://h/?api_key=s3cret"\n'
        'auth = { cmd = ["vault", "--token=s3cret"] }\n'
    )
    home.chmod(0o600)
    monkeypatch.setenv("WFMON_UI_REFRESH", "2s")
    assert main(["config", "show", "--theme", "light"]) == 0
    shown = capsys.readouterr().out
    rows = {line.split(" = ")[0]: line for line in shown.splitlines()}
    assert rows["ui.theme"].split("#") == ['ui.theme = "light"'.ljust(50), " --theme"]
    assert rows["ui.refresh"].endswith("# WFMON_UI_REFRESH")
    assert rows["ui.timezone"].endswith(f"# {home}:2")
    assert rows["source[0].url"].endswith(f"# {home}:5")
    assert rows["windows.runs"].endswith("# shipped")
    assert "s3cret" not in shown


def test_schema_is_json_schema_of_a_users_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    definitions = schema["$defs"]
    assert "required" not in definitions["Ui"]
    assert definitions["Source"]["required"] == ["kind"]
    assert definitions["Ui"]["additionalProperties"] is False
    assert set(definitions["Config"]["properties"]) >= {"windows", "ui", "alerts", "source"}
    assert msgspec.json.encode(schema)
