"""An app that changes at random, seeded: text of every width, layout, scrolling, modals, themes.

Run as a program: ``busy.py SEED STEPS [RELEASE]`` does its steps and shows ``done`` in the title;
RELEASE is the Textual version that the writer is to believe in.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.coordinate import Coordinate
from textual.screen import ModalScreen
from textual.widgets import DataTable, Sparkline, Static

from wfmon.ui.terminal import QuietApp, run_app
from wfmon.ui.writer import FrameWriter

ALPHABETS: tuple[Sequence[str], ...] = (
    "abcdefghij 0123456789",
    "─│┌┐▁▂▃▄▅▆▇█✖▲◆✓–…·≥ ",
    "日本語テスト漢字 ab",
    "éüñø Ωλд ",
    ("x\u0301", "q\u0308", "o\u0302", " ", "x"),
    "🚀🔥🎉 ok",
)
STYLES = ("", "bold", "dim red", "italic underline", "reverse", "strike green on blue", "on #204060")
THEMES = ("textual-dark", "textual-light", "nord", "ansi-dark")


def random_text(dice: random.Random, length: int) -> Text:
    text = Text()
    while len(text) < length:
        alphabet = dice.choice(ALPHABETS) if dice.random() < 0.5 else ALPHABETS[0]
        part = "".join(dice.choices(alphabet, k=dice.randint(1, 12)))
        text.append(part, dice.choice(STYLES))
    return text


class Note(ModalScreen[None]):
    CSS = "Note { align: center middle; } Note Static { width: 40; height: 5; border: round $primary; }"

    def __init__(self, text: Text) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        yield Static(self._text)


class Busy(QuietApp):
    CSS = """
    Static { text-wrap: nowrap; }
    #title { height: 1; background: $primary; }
    #left { width: 1fr; border: solid $secondary; }
    #right { width: 30; }
    #lines { height: 1fr; }
    #table { height: 8; }
    """

    def __init__(self, seed: int, steps: int = 0, **options: object) -> None:
        super().__init__(**options)
        self.dice = random.Random(seed)
        self._steps = steps

    def compose(self) -> ComposeResult:
        yield Static("busy", id="title")
        with Horizontal(id="lines"):
            with VerticalScroll(id="left"):
                for number in range(12):
                    yield Static(f"line {number}", id=f"line{number}")
            yield Static("right", id="right")
        yield Sparkline([1, 2, 3], id="spark")
        yield DataTable[Text](id="table")

    def on_mount(self) -> None:
        table = self.query_one("#table", DataTable)
        table.add_columns("one", "two", "three")
        for number in range(10):
            table.add_row(f"row {number}", "x", "y")
        if self._steps:
            self._timer = self.set_interval(0.01, self._timed_step)

    def _timed_step(self) -> None:
        self._steps -= 1
        self.step()
        if not self._steps:
            self._timer.stop()
            while len(self.screen_stack) > 1:
                self.pop_screen()
            self.screen_stack[0].query_one("#title", Static).update("done")

    def step(self) -> None:
        dice = self.dice
        change = dice.choice((self._line, self._line, self._line, self._right, self._spark, self._table,
                              self._scroll, self._layout, self._modal, self._theme))  # fmt: skip
        change(dice)

    def _line(self, dice: random.Random) -> None:
        line = self.screen_stack[0].query_one(f"#line{dice.randrange(12)}", Static)
        line.update(random_text(dice, dice.randint(0, 90)), layout=dice.random() < 0.3)

    def _right(self, dice: random.Random) -> None:
        text = Text("\n").join(random_text(dice, 25) for _ in range(dice.randint(1, 12)))
        self.screen_stack[0].query_one("#right", Static).update(text)

    def _spark(self, dice: random.Random) -> None:
        spark = self.screen_stack[0].query_one("#spark", Sparkline)
        spark.data = [dice.random() for _ in range(40)]

    def _table(self, dice: random.Random) -> None:
        table = self.screen_stack[0].query_one("#table", DataTable)
        table.update_cell_at(Coordinate(dice.randrange(10), dice.randrange(3)), random_text(dice, 9))

    def _scroll(self, dice: random.Random) -> None:
        pane = self.screen_stack[0].query_one("#left", VerticalScroll)
        pane.scroll_to(y=dice.randint(0, 8), animate=False)

    def _layout(self, dice: random.Random) -> None:
        right = self.screen_stack[0].query_one("#right", Static)
        right.styles.width = dice.randint(0, 50)
        right.display = dice.random() < 0.8

    def _modal(self, dice: random.Random) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.push_screen(Note(random_text(dice, 60)))

    def _theme(self, dice: random.Random) -> None:
        self.theme = dice.choice(THEMES)


if __name__ == "__main__":
    app = Busy(int(sys.argv[1]), int(sys.argv[2]))
    if len(sys.argv) > 3:
        app.writer = FrameWriter(release=sys.argv[3])
    raise SystemExit(run_app(app))
