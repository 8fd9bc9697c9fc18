"""The built wheel in an environment of its own, started from elsewhere, with its data inside."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = {
    "wfmon/config.toml",
    "wfmon/themes/dark.toml",
    "wfmon/sources/profiles/seed.toml",
    "wfmon/sources/profiles/shipped.json",
    "wfmon/py.typed",
}


@dataclass(frozen=True)
class Installed:
    """The wheel in a venv of its own; its dependencies are those of the tests' environment."""

    wheel: Path
    prefix: Path
    home: Path

    def run(self, *words: str, code: int = 0) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}
        done = subprocess.run(
            [str(self.prefix / "bin" / words[0]), *words[1:]],
            cwd=self.home, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, done
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    home = folder / "elsewhere"
    home.mkdir()
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    prefix = folder / "venv"
    venv.create(prefix, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = prefix / "lib" / version / "site-packages"
    pip = [sys.executable, "-m", "pip", "--python", str(prefix / "bin" / "python")]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    dependencies(folder / "dependencies")
    (site / "dependencies.pth").write_text(f"{folder / 'dependencies'}\n")
    return Installed(wheel, prefix, home)


def dependencies(folder: Path) -> None:
    """Links to all that is installed beside the tests, but for the package itself: it must come from
    the wheel."""
    folder.mkdir()
    for place in {sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]}:
        for entry in Path(place).iterdir():
            if not entry.name.startswith(("wfmon", "_wfmon", "__editable__")) and entry.suffix != ".pth":
                (folder / entry.name).symlink_to(entry)


def test_the_wheel_holds_its_data_and_no_test(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    assert names >= DATA
    assert not [name for name in names if name.startswith(("tests/", "tui/"))]
    source = {str(path.relative_to(ROOT / "tui")) for path in (ROOT / "tui" / "wfmon").rglob("*.py")}
    assert names >= source
    themes = {f"wfmon/themes/{path.name}" for path in (ROOT / "themes").iterdir()}
    assert names >= themes


def test_it_runs_from_its_own_place(installed: Installed) -> None:
    where = installed.run("python", "-c", "import wfmon; print(wfmon.__file__)")
    assert where.startswith(str(installed.prefix))
    version = installed.run("wfmon-tui", "--version")
    assert version.split()[0] == "wfmon-tui"
    assert version == installed.run("python", "-m", "wfmon", "--version")
    assert "usage: wfmon-tui" in installed.run("python", "-m", "wfmon", "--help")


def test_its_settings_themes_and_profiles_are_found(installed: Installed) -> None:
    assert 'windows.runs = "5m"' in installed.run("wfmon-tui", "config", "show")
    themes = sorted(path.stem for path in (ROOT / "themes").glob("*.toml"))
    code = f"from wfmon.ui.theme import load_theme; print(*(load_theme(name).name for name in {themes}))"
    assert installed.run("python", "-c", code).split() == themes
    own = installed.home / ".config" / "wfmon" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("[discovery]\nenabled = false\n")  # whatever else runs on this host
    assert installed.run("wfmon-tui", "check", "--no-host", code=3).startswith("UNKNOWN: ")
    doctor = installed.run(
        "wfmon-tui", "doctor", "--no-host", "--scrape", "http://127.0.0.1:9/metrics", code=1
    )
    assert "refused" in doctor


def test_the_demos_workload_runs_from_it(installed: Installed) -> None:
    """Its workers are started with the interpreter that runs it."""
    code = (
        "from wfmon.demo.workload import Workload; from time import monotonic, sleep\n"
        "with Workload(incidents=()) as w:\n"
        "    end = monotonic() + 60\n"
        "    while not (w.info.directory / 'ready').exists() and monotonic() < end: sleep(0.05)\n"
        "    print((w.info.directory / 'ready').exists(), w.problems())"
    )
    assert installed.run("python", "-c", code).split() == ["True"]
