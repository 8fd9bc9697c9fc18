"""One key, one action; remapping; what Textual itself would bind."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from support.devworld import developed
from support.screen import FakeDoors, Stage, look
from support.snapshots import incident
from wfmon.config.problems import ConfigError
from wfmon.ui import views
from wfmon.ui.app import WfmonApp
from wfmon.ui.baseviews import BASES
from wfmon.ui.keys import ACTIONS, Keymap, Where, spelled
from wfmon.ui.screenhost import Settings
from wfmon.ui.views.base import MOVES, View
from wfmon.ui.views.operations import OperationsView


def view_classes() -> list[type[View]]:
    """Every view there is."""
    for module in pkgutil.iter_modules(views.__path__):
        importlib.import_module(f"wfmon.ui.views.{module.name}")
    found: list[type[View]] = []
    pending = [View]
    while pending:
        for child in pending.pop().__subclasses__():
            pending.append(child)
            if child.__module__.startswith("wfmon.") and child not in found:
                found.append(child)
    return found


@pytest.mark.parametrize("where", list(Where))
def test_no_key_has_two_actions_in_any_context(where: Where) -> None:
    taken: dict[str, str] = {}
    for action in ACTIONS:
        if where in action.where:
            for key in action.keys:
                assert key not in taken, f"{key}: {taken.get(key)} and {action.id}"
                taken[key] = action.id


def test_an_action_added_twice_on_a_key_would_be_found() -> None:
    with pytest.raises(ConfigError, match="would both"):
        Keymap({"pause": "s"})


@pytest.mark.parametrize("view", view_classes(), ids=lambda view: view.__name__)
def test_every_view_offers_actions_of_its_own_context(view: type[View]) -> None:
    ids = {action.id for action in ACTIONS if view.where in action.where}
    assert set(view.footer) <= ids, "a footer of this view offers what its keys cannot do"


@pytest.mark.parametrize(
    "keys",
    [
        [],
        ["S"],
        ["?"],
        [":"],
        [":", *"perf", "enter"],
        ["i"],
        *([str(number), *["tab"] * tabs] for number in range(2, len(BASES) + 1) for tabs in range(6)),
    ],
    ids=str,
)
def test_every_deed_has_a_key_in_its_context(keys: list[str]) -> None:
    stage = Stage(developed())
    for key in keys:
        stage.press(key)
    ids = {action.id for action in ACTIONS if stage.shell.view.where in action.where}
    assert set(stage.shell.deeds()) <= ids


async def test_textual_binds_no_key_of_its_own() -> None:
    app = WfmonApp(FakeDoors(), Settings(look(), Keymap()))
    async with app.run_test(size=(80, 24)):
        assert list(app._bindings.key_to_bindings) == []
        assert list(app.screen._bindings.key_to_bindings) == []
        for widget in app.screen.walk_children():
            assert list(widget._bindings.key_to_bindings) == []


@pytest.mark.parametrize(
    ("remapped", "words"),
    [
        ({"paws": "x"}, "ui.keys.paws: no such action; known: .*pause"),
        ({"pause": ""}, "ui.keys.pause: expected"),
        ({"pause": "hyper-x"}, "ui.keys.pause: no key 'hyper-x'"),
        ({"pause": "q"}, "ui.keys.pause: q always quits"),
        ({"pause": "ctrl-c"}, "ui.keys.pause: ctrl-c always quits"),
        ({"pause": "e"}, "ui.keys: e would both 'worst_error' and 'pause'"),
    ],
)
def test_a_keymap_that_cannot_be_is_told(remapped: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Keymap(remapped)


def test_a_remapped_key_acts_and_the_old_one_does_not() -> None:
    keymap = Keymap({"pause": "space, f5", "quit": "x"})
    for key in ("space", "f5"):
        action = keymap.action(Where.LIST, key)
        assert action is not None
        assert action.id == "pause"
    assert keymap.action(Where.LIST, "p") is None
    for key in ("x", "q"):
        action = keymap.action(Where.LIST, key)
        assert action is not None
        assert action.id == "quit", "q always quits"


@pytest.mark.parametrize(
    ("key", "character", "name"),
    [
        ("j", "j", "j"),
        ("G", "G", "G"),
        ("upper_g", "G", "G"),
        ("question_mark", "?", "?"),
        ("slash", "/", "/"),
        ("space", " ", "space"),
        ("enter", "\r", "enter"),
        ("escape", "\x1b", "esc"),
        ("pageup", None, "pgup"),
        ("ctrl+u", "\x15", "ctrl-u"),
        ("shift+tab", None, "shift-tab"),
        ("f1", None, "f1"),
    ],
)
def test_keys_are_written_one_way(key: str, character: str | None, name: str) -> None:
    assert spelled(key, character) == name


def test_q_goes_back_before_it_quits_and_ctrl_c_quits_anywhere() -> None:
    stage = Stage(incident())
    stage.press("S", "q")
    assert not stage.host.left
    assert isinstance(stage.shell.view, OperationsView)
    stage.press("q")
    assert stage.host.left
    stage = Stage(incident())
    stage.shell.press("slash", "/")
    stage.shell.press("ctrl+c", "\x03")
    assert stage.host.left, "also while something is being typed"


def test_redraw_and_suspend_reach_the_program() -> None:
    stage = Stage(incident())
    stage.shell.press("ctrl+l", "\x0c")
    stage.shell.press("ctrl+z", "\x1a")
    assert stage.host.repainted == 1
    assert stage.host.suspended


def test_help_lists_every_key_of_the_screen_it_is_for() -> None:
    stage = Stage(incident(), size=(100, 70))
    text = "\n".join(stage.press("?"))
    for action in ACTIONS:
        if Where.LIST in action.where:
            assert action.words in text
    assert "Help: operations" in text
    assert "Signs" in text
    stage.press("?")
    assert len(stage.shell.views) == 2, "help of help is help"
    stage.press("esc")
    assert isinstance(stage.shell.view, OperationsView)


def test_help_scrolls_to_its_end() -> None:
    stage = Stage(incident())
    lines = stage.press("?")
    assert "more lines below" in lines[22]
    assert "not priced" in "\n".join(stage.press("G"))
    assert all(move in {action.id for action in ACTIONS} for move in MOVES)


def test_the_palette_finds_and_does() -> None:
    stage = Stage(incident())
    stage.press(":")
    lines = stage.type("light")
    assert "theme: light" in "\n".join(lines)
    stage.press("enter")
    assert stage.shell.look.theme.name == "light"
    stage.press(":", *"perf", "enter")
    assert "key may wait, p99       3ms" in stage.text()
    stage.press("q", ":", *"zzz")
    assert "nothing of that name" in stage.text()
    stage.press("esc")
    assert isinstance(stage.shell.view, OperationsView)
    stage.press(":", "down", "up", "esc", "ctrl-p", *"ask every", "esc")
    assert isinstance(stage.shell.view, OperationsView)
