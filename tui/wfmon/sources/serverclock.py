"""How far a server's clock is from ours, from the times that it tells."""

from __future__ import annotations

from wfmon.text.numbers import duration


class ServerClock:
    """``ahead``: seconds that it is ahead of ours; 0 where that lies within what can be told.

    An estimate stays until another is surely different, so that it does not waver from answer to answer.
    """

    def __init__(self) -> None:
        self.ahead = 0.0

    def told(self, theirs: float, ours: float, error: float) -> None:
        """``theirs`` was their time at ``ours``, give or take ``error`` seconds."""
        ahead = theirs - ours
        if abs(ahead - self.ahead) <= error:
            return
        self.ahead = 0.0 if abs(ahead) <= error else ahead

    def told_by_header(self, date: str, asked_at: float, answered_at: float) -> None:
        """``date``: the header ``Date`` (whole seconds) of an answer between these two times of our clock."""
        from email.utils import parsedate_to_datetime  # 1.5 ms, and only systems of alerts are asked this

        try:
            theirs = parsedate_to_datetime(date).timestamp() + 0.5
        except (ValueError, TypeError, OverflowError):
            return
        self.told(theirs, (asked_at + answered_at) / 2, 1.0 + (answered_at - asked_at) / 2)

    @property
    def words(self) -> str:
        if not self.ahead:
            return "clock as ours"
        return f"clock {duration(abs(self.ahead))} {'ahead of' if self.ahead > 0 else 'behind'} ours"
