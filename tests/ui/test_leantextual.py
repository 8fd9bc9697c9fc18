"""Textual without its command palette, and with it for those who want it."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_palette_is_not_loaded_and_can_be_later() -> None:
    shown = run(
        "import sys\n"
        "from wfmon.ui import leantextual\n"
        "leantextual.load()\n"
        "import wfmon.ui.app\n"
        "print([name for name in ('textual.command', 'textual.widgets._input') if name in sys.modules])\n"
        "from textual.command import CommandPalette, Provider\n"
        "print(CommandPalette.__module__, Provider.__module__)\n"
        "import textual.system_commands\n"
    )
    assert shown == "[]\ntextual.command textual.command"


def test_an_unknown_textual_is_loaded_as_it_is() -> None:
    shown = run(
        "import sys\n"
        "from wfmon.ui import leantextual\n"
        "leantextual.RELEASE = '9.0.0'\n"
        "leantextual.load()\n"
        "import textual.app\n"
        "print(textual.app.CommandPalette.__module__, 'textual.widgets._input' in sys.modules)\n"
    )
    assert shown == "textual.command True"


def test_what_came_first_stays() -> None:
    shown = run(
        "import textual.app, textual.command\n"
        "from wfmon.ui import leantextual\n"
        "leantextual.load()\n"
        "import sys\n"
        "print(sys.modules['textual.command'] is textual.command, textual.app.CommandPalette.__module__)\n"
    )
    assert shown == "True textual.command"


def test_what_is_never_used_is_not_loaded_and_still_works() -> None:
    shown = run(
        "import sys\n"
        "from wfmon.ui import leantextual\n"
        "leantextual.load()\n"
        "import wfmon.ui.app, textual.app, textual.design\n"
        "print([name for name in ('platformdirs', 'rich.table') if name in sys.modules])\n"
        "print(textual.app.user_downloads_path())\n"
        "print(type(textual.design.Table(box=None)).__module__)\n"
        "import platformdirs, rich.table\n"
        "print(platformdirs.user_downloads_path(), rich.table.Table.__name__)\n"
    ).splitlines()
    assert shown[0] == "[]"
    assert shown[2] == "rich.table"
    assert shown[3] == f"{shown[1]} Table"


def test_links_in_texts_and_mistyped_words_load_what_they_need() -> None:
    shown = run(
        "import sys\n"
        "from wfmon.ui import leantextual\n"
        "leantextual.load()\n"
        "import wfmon.ui.app\n"
        "print([name for name in ('pickle', 'difflib') if name in sys.modules])\n"
        "from rich.style import Style\n"
        "from textual.suggestions import get_suggestion\n"
        "print(Style(meta={'@click': 'go'}).meta, get_suggestion('colr', ['color', 'width']))\n"
        "print([name for name in ('pickle', 'difflib') if name in sys.modules])\n"
    )
    assert shown.splitlines() == ["[]", "{'@click': 'go'} color", "['pickle', 'difflib']"]
