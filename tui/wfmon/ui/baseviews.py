"""The views on the keys 1 to 4. Each is loaded and made when it is first wanted, and keeps its cursor,
filter and scroll while another one is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wfmon.model.record import dataclass
from wfmon.ui.keys import Keymap
from wfmon.ui.views.base import ShellDoor, View


def _operations() -> View:
    from wfmon.ui.views.operations import OperationsView

    return OperationsView()


def _development() -> View:
    from wfmon.ui.views.development import DevelopmentView

    return DevelopmentView()


def _finance() -> View:
    from wfmon.ui.views.finance import FinanceView

    return FinanceView()


def _executive() -> View:
    from wfmon.ui.views.executive import ExecutiveView

    return ExecutiveView()


@dataclass(frozen=True, slots=True)
class Base:
    """``name``: of the view and of the action that shows it; ``short``: as ``--view`` and line 1 name it."""

    name: str
    short: str
    make: Callable[[], View]


FIRST = "operations"
BASES: Mapping[str, Base] = {
    each.name: each
    for each in (
        Base(FIRST, "ops", _operations),
        Base("development", "dev", _development),
        Base("finance", "finance", _finance),
        Base("executive", "exec", _executive),
    )
}


class BaseViews:
    """Those that were made. ``shown``: the name of the one that the screen stands on."""

    def __init__(self) -> None:
        self.shown = ""
        self._made: dict[str, View] = {}

    def keep(self, view: View) -> None:
        """``view`` is the first on the screen."""
        self.shown = view.name
        self._made[view.name] = view

    def show(self, name: str, shell: ShellDoor) -> View:
        """The view ``name``, made if it was not, and told that it comes onto the screen."""
        self._made[self.shown].covered()
        self.shown = name
        view = self._made.get(name)
        if view is None:
            view = self._made[name] = BASES[name].make()
            view.opened(shell)
        else:
            view.uncovered()
        return view

    def closed(self) -> None:
        """The program ends; the one that is shown is closed by whoever shows it."""
        for name, view in self._made.items():
            if name != self.shown:
                view.closed()


def of_short(short: str) -> Base | None:
    """The view that ``--view`` names."""
    return next((each for each in BASES.values() if each.short == short), None)


def keys_of(keymap: Keymap) -> str:
    """Their keys as the footer tells them: ``1-4``, or one by one where a person has moved them."""
    keys = [keymap.key(name) for name in BASES]
    first, last = keys[0], keys[-1]
    if all(key.isdigit() and int(key) == int(first) + at for at, key in enumerate(keys)):
        return f"{first}-{last}"
    return " ".join(keys)
