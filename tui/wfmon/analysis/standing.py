"""Who keeps a foreign alert quiet, and until when: what its Alertmanagers say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wfmon.analysis.foreignjoin import Heard
from wfmon.analysis.words import plural
from wfmon.model.alert import Ack, AlertState
from wfmon.model.foreign import Silence
from wfmon.model.record import dataclass

# How a silence begins that stands for an ack, as karma and kthxbye know it, and how one of ours ends.
ACK = "ACK!"
_EPISODE = re.compile(r"\s*\(wfmon [0-9a-f]+\)\Z")

# How long a mute is believed that has no end of its own, after its Alertmanager was last heard of.
BELIEVED_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Standing:
    """``state``: silenced, inhibited or acked; None: nobody keeps it quiet. ``by``: whose word that is."""

    state: AlertState | None = None
    held: Ack | None = None
    words: str = ""
    by: Heard | None = None


NO_STANDING = Standing()


def standing(notified: Sequence[Heard], now: float) -> Standing:
    """``notified``: one alert in every Alertmanager that has it. One that notifies is enough to be heard;
    the last word of one that is silent now counts where no other speaks."""
    fresh = [heard for heard in notified if heard.fresh] or list(notified)
    told = [_of_one(heard, now) for heard in fresh]
    if not told or any(each.state is None for each in told):
        return NO_STANDING
    order = (AlertState.ACKED, AlertState.SILENCED, AlertState.INHIBITED)
    return min(told, key=lambda each: order.index(each.state) if each.state in order else len(order))


def _of_one(heard: Heard, now: float) -> Standing:
    alert, system = heard.alert, heard.system
    if not heard.fresh and not alert.silenced_by and now - system.at > BELIEVED_SECONDS:
        return NO_STANDING
    silences = [each for each in system.silences if each.id in alert.silenced_by]
    if not heard.fresh:
        silences = [each for each in silences if each.ends_at - system.clock_ahead > now]
        if alert.silenced_by and not silences:
            return NO_STANDING
    if silences:
        return _silenced(heard, silences)
    if alert.state is AlertState.INHIBITED:
        names = {other.fingerprint: other.name for other in system.alerts}
        by = dict.fromkeys(names.get(fingerprint, fingerprint) for fingerprint in alert.inhibited_by)
        return Standing(AlertState.INHIBITED, None, _by("inhibited", by), heard)
    if alert.state is AlertState.SILENCED:
        muted = "muted by time interval" if alert.muted_by else "silenced"
        words = f"{muted} {', '.join(alert.muted_by)}".strip()
        return Standing(AlertState.SILENCED, None, words, heard)
    return NO_STANDING


def _silenced(heard: Heard, silences: Sequence[Silence]) -> Standing:
    """By the one that is an ack, if one is; else by the one that ends last."""
    best = max(silences, key=lambda each: (_is_ack(each), each.ends_at, each.id))
    ahead = heard.system.clock_ahead
    held = Ack(
        by=best.by or "somebody",
        at=best.starts_at - ahead,
        until=best.ends_at - ahead,
        comment=_comment(best),
        shared=True,
        silence=best.id,
        via=heard.system.source,
    )
    words = f"silenced by {held.by}" + (f": {held.comment}" if held.comment else "")
    if len(silences) > 1:
        words += f", and by {plural(len(silences) - 1, 'more silence')}"
    return Standing(AlertState.ACKED if _is_ack(best) else AlertState.SILENCED, held, words, heard)


def _is_ack(silence: Silence) -> bool:
    return silence.comment.lstrip().startswith(ACK)


def _comment(silence: Silence) -> str:
    """What the person said, without the marks of an ack."""
    text = silence.comment.strip()
    return _EPISODE.sub("", text.removeprefix(ACK)).strip()


def _by(what: str, names: dict[str, None]) -> str:
    return f"{what} by {', '.join(names)}" if names else what
