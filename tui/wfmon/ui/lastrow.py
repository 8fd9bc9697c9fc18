"""What stands at the foot of the screen in the place of the keys: a question, or for a while a message."""

from __future__ import annotations

from wfmon.ui.look import Look
from wfmon.ui.panes.footer import message_rows
from wfmon.ui.prompt import Question
from wfmon.ui.rows import Row

MESSAGE_SECONDS = 8.0


class LastRow:
    """At most one question, which is asked until it is answered or dropped, and one message."""

    def __init__(self) -> None:
        self._question: Question | None = None
        self._message: tuple[str, bool, float] | None = None  # text, whether it went well, when

    @property
    def asks(self) -> bool:
        return self._question is not None

    def ask(self, question: Question | None) -> None:
        """None: ask nothing any more."""
        self._question = question

    def tell(self, text: str, now: float, *, ok: bool) -> None:
        self._message = (text, ok, now)

    def read(self) -> None:
        """The message has been seen."""
        self._message = None

    def tells(self, now: float) -> bool:
        return self._message is not None and 0 <= now - self._message[2] < MESSAGE_SECONDS

    def press(self, key: str, character: str | None) -> None:
        """Give the question a key; answered, it may have asked another."""
        question = self._question
        if question is not None and question.press(key, character) and self._question is question:
            self._question = None

    def paste(self, text: str) -> None:
        if self._question is not None:
            self._question.paste(text)

    def rows(self, look: Look, width: int, now: float) -> list[Row]:
        """One of a question, more of a long message, none where there is neither."""
        if self._question is not None:
            return [self._question.row(look, width)]
        if self._message is None or not self.tells(now):
            return []
        text, ok, _at = self._message
        return message_rows(look, width, text, ok)
