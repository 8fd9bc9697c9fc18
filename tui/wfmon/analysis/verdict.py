"""The one sentence that the screen, ``check`` and ``snapshot`` say, and its exit code.

Order: critical, cannot see, warning, fine; among equals the worst that nobody has; what is left out
is appended. Alerts of severity info are only counted where all is fine. Texts hold times of day instead
of ages, so that a quiet sentence does not change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from wfmon.analysis.headline import headline, since_words, taken_words
from wfmon.analysis.rules import evaluation, retention, source_down
from wfmon.analysis.words import clock, plural
from wfmon.model.alert import Alert, AlertState, Severity
from wfmon.model.discovery import Discovery
from wfmon.model.episode import Unjudged
from wfmon.model.host import HostSample
from wfmon.model.money import NO_MONEY, CostQuality, Money
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Level, Verdict, Workflow
from wfmon.model.source import SourceState, SourceStatus

EXIT_CODES = {Level.OK: 0, Level.WARNING: 1, Level.CRITICAL: 2, Level.UNKNOWN: 3}
# Rules are checked every few seconds; after this long without, the sentence is no longer true.
LATE_SECONDS = 60.0
# What these cannot say does not make the present unknown: a silent source is told as such, and how far
# back data reaches is no question of now.
_UNASKED = (source_down.RULE, retention.RULE)
_BLIND = (SourceState.DOWN, SourceState.STALE, SourceState.WAITING)


@dataclass(frozen=True, slots=True)
class Scene:
    """All that the verdict looks at. ``me`` is who looks; ``zone`` is the display
    zone (None: local).

    ``acks_shared`` False: acks of others could not be seen, so nobody is said to have nothing.
    ``unacked``: leave out what somebody has (``check --unacked``). ``rules_checked`` None: how many
    were checked is not known (a past moment). ``discovery``: what was found where no source is named.
    """

    now: float
    zone: tzinfo | None
    alerts: Sequence[Alert]
    unjudged: Sequence[Unjudged]
    sources: Sequence[SourceStatus]
    workflows: Sequence[Workflow]
    host: HostSample | None
    rules_checked: int | None
    rules_checked_at: float | None
    acks_shared: bool
    me: str
    burn: Money = NO_MONEY
    unacked: bool = False
    discovery: Discovery | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """One thing to say: ``text`` as the main sentence, ``short`` when appended."""

    level: Level
    text: str
    short: str
    alert_id: str | None = None


def exit_code(level: Level) -> int:
    """The exit code of ``check``."""
    return EXIT_CODES[level]


def verdict(scene: Scene) -> Verdict:
    """The sentence, without sign in front and without a key at its end (the screen adds them)."""
    blind = _blind_sources(scene)
    names = {source.name for source in blind}
    unjudged = [each for each in scene.unjudged if _is_rule(each) or _is_asked(each)]
    failing = {each.key[0] for each in unjudged if _is_rule(each)}
    open_alerts = [alert for alert in scene.alerts if _counts(alert, scene)]
    of_source = {name: alert for alert in open_alerts if (name := _source_of(alert)) in names}
    of_rule = {name: alert for alert in open_alerts if (name := _rule_of(alert)) in failing}
    told = {alert.id for alert in (*of_source.values(), *of_rule.values())}
    trouble = _of_each_workflow([alert for alert in open_alerts if alert.id not in told])
    parts = [
        *_alert_part([each for each in trouble if each.severity is Severity.CRITICAL], Level.CRITICAL, scene),
        *_blind_part(blind, of_source, scene),
        *_unknown(scene),
        *_unjudged_part(unjudged, of_rule, scene),
        *_alert_part([each for each in trouble if each.severity is Severity.WARNING], Level.WARNING, scene),
    ]
    if not parts:
        return Verdict(Level.OK, _fine(scene))
    first, also = parts[0], tuple(part.short for part in parts[1:])
    return Verdict(first.level, " · ".join((first.text, *also)), first.alert_id, also)


def holder_words(alert: Alert, scene: Scene) -> str:
    """Who has it: ``joe has it until 15:00``, ``nobody has it``, or that it cannot be known."""
    taken = taken_words(alert, scene.now, scene.zone)
    if taken is not None:
        return taken
    # A private store is the login's, from wherever it logs in.
    return "nobody has it" if scene.acks_shared else f"acks private to {scene.me.partition(' from ')[0]}"


def _info(alert: Alert) -> bool:
    return alert.severity is Severity.INFO


def _counts(alert: Alert, scene: Scene) -> bool:
    return alert.open and not (scene.unacked and alert.taken)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Alerts of one workflow: the worst of them, and those that it stands for."""

    first: Alert
    others: tuple[Alert, ...] = ()

    @property
    def severity(self) -> Severity:
        return self.first.severity

    @property
    def all(self) -> tuple[Alert, ...]:
        return (self.first, *self.others)

    @property
    def words(self) -> str:
        return headline(self.first) + (f" and {len(self.others)} more" if self.others else "")


def _of_each_workflow(alerts: Sequence[Alert]) -> list[_Trouble]:
    """Several alerts of one workflow are said once. What nobody has is never hidden behind what somebody
    has, nor is a note (severity info) said of."""
    found: dict[str, list[Alert]] = {}
    for alert in sorted(alerts, key=_rank):
        if not _info(alert):
            found.setdefault(alert.workflow or alert.id, []).append(alert)
    troubles = []
    for group in found.values():
        first = group[0]
        hidden = tuple(each for each in group[1:] if each.taken or not first.taken)
        troubles.append(_Trouble(first, hidden))
        troubles += [_Trouble(each) for each in group[1:] if each not in hidden]
    return troubles


def _rank(alert: Alert) -> tuple[int, bool, float, float, str]:
    return (-alert.severity, alert.taken, -_excess(alert), alert.since, alert.id)


def _alert_part(troubles: Sequence[_Trouble], level: Level, scene: Scene) -> list[_Part]:
    """The worst as the main sentence; appended, the others are counted and their holders named."""
    if not troubles:
        return []
    worst = min(troubles, key=lambda each: _rank(each.first))
    first = worst.first
    text = f"{worst.words} {since_words(first, scene.now, scene.zone)} · {holder_words(first, scene)}"
    rest = [each for each in troubles if each is not worst]
    if rest:
        text += f" · {len(rest)} more {level.value}{_holders(rest)}"
    short = plural(len(troubles), "warning") + _holders(troubles)
    if len(troubles) == 1:
        short = f"{level.value}: {worst.words}{_holders(troubles)}"
    return [_Part(level, text, short, first.id)]


def _excess(alert: Alert) -> float:
    if alert.value is None or not alert.threshold:
        return 0.0
    return alert.value / alert.threshold


def _holders(troubles: Sequence[_Trouble]) -> str:
    """``(joe has it)``; of what is only quieted (snoozed, silenced, inhibited): how."""
    alerts = [alert for each in troubles for alert in each.all]
    names = list(dict.fromkeys(each.ack.by for each in alerts if each.ack and each.state is AlertState.ACKED))
    free = [alert for alert in alerts if not alert.taken]
    if not names:
        states = {alert.state for alert in alerts}
        return "" if free or len(states) != 1 else f" ({states.pop().value})"
    return f" ({', '.join(names)} {'has' if len(names) == 1 else 'have'} {'some' if free else 'it'})"


def _is_rule(each: Unjudged) -> bool:
    """Whether a whole rule could not be evaluated."""
    return each.key[1] == ()


def _is_asked(each: Unjudged) -> bool:
    return not each.learning and each.key[0] not in _UNASKED


def _rule_of(alert: Alert) -> str | None:
    """The rule of ours that an alert says fails."""
    labels = dict(alert.labels)
    return labels.get("rule") if alert.rule == evaluation.RULE and "source" not in labels else None


def _source_of(alert: Alert) -> str | None:
    return dict(alert.labels).get("source") if alert.rule == source_down.RULE else None


def _blind_sources(scene: Scene) -> list[SourceStatus]:
    """Sources that do not answer, the longest silent first, those never heard of last."""
    taken = {_source_of(alert) for alert in scene.alerts if scene.unacked and alert.open and alert.taken}
    blind = [source for source in scene.sources if source.state in _BLIND and source.name not in taken]
    return sorted(blind, key=lambda each: (each.state is SourceState.WAITING, each.failing_since or 0.0))


def _blind_part(blind: Sequence[SourceStatus], alerts: Mapping[str, Alert], scene: Scene) -> list[_Part]:
    if not blind:
        return []
    first = blind[0]
    alert = alerts.get(first.name)
    text = f"cannot see {first.name}: {source_down.reason(first)}"
    if first.failing_since is not None:
        text += f" since {clock(first.failing_since, scene.now, scene.zone)}"
    if alert is not None:
        text += f" · {holder_words(alert, scene)}"
    if len(blind) > 1:
        text += " · cannot see " + ", ".join(source.name for source in blind[1:])
    short = "? cannot see " + ", ".join(source.name for source in blind)
    return [_Part(Level.UNKNOWN, text, short, alert.id if alert else None)]


def _unknown(scene: Scene) -> list[_Part]:
    """What was not or could not be judged although its source answers."""
    parts = []
    late = None if scene.rules_checked_at is None else scene.now - scene.rules_checked_at
    if late is not None and late > LATE_SECONDS and scene.rules_checked_at is not None:
        words = f"rules not checked since {clock(scene.rules_checked_at, scene.now, scene.zone)}"
        parts.append(_Part(Level.UNKNOWN, words, f"? {words}"))
    waiting = any(source.state is SourceState.WAITING for source in scene.sources)
    if not scene.workflows and not waiting:
        words = _nothing_words(scene.discovery)
        parts.append(_Part(Level.UNKNOWN, words + _host_words(scene), f"? {words}"))
    elif not any(workflow.ladder for workflow in scene.workflows) and not waiting:
        words = f"no finished run known of {_workflows(len(scene.workflows))}"
        parts.append(_Part(Level.UNKNOWN, words, f"? {words}"))
    elif scene.rules_checked_at is None and not waiting:
        parts.append(_Part(Level.UNKNOWN, "no rule checked yet", "? no rule checked yet"))
    return parts


def _nothing_words(discovery: Discovery | None) -> str:
    """Why no workflow is known."""
    if discovery is None:
        return "no workflow seen yet"
    if discovery.problem is not None:
        return f"cannot look around this host: {discovery.problem}"
    if discovery.at is None:
        return "looking around this host"
    if discovery.readable:
        return "no workflow seen yet in what was found"
    return f"no source found: looked at {', '.join(discovery.looked)}"


def _unjudged_part(unjudged: Sequence[Unjudged], failing: Mapping[str, Alert], scene: Scene) -> list[_Part]:
    """``failing``: the alerts of rules that cannot be evaluated, by rule."""
    if not unjudged:
        return []
    texts = list(dict.fromkeys(each.text for each in unjudged))
    first = unjudged[0]
    if len(unjudged) == 1:
        words = f"{first.workflow}: {first.text}" if first.workflow else first.text
    elif len(texts) == 1:
        words = f"{first.text} ({plural(len(unjudged), 'rule')})"
    else:
        name = f"{first.workflow}: " if first.workflow else ""
        words = f"{name}{first.text} · {len(unjudged) - 1} more not judged"
    alert = failing.get(first.key[0]) if _is_rule(first) else None
    if alert is None:
        return [_Part(Level.UNKNOWN, words, f"? {words}")]
    who = f"{since_words(alert, scene.now, scene.zone)} · {holder_words(alert, scene)}"
    return [_Part(Level.UNKNOWN, f"{words} {who}", f"? {words}", alert.id)]


def _workflows(count: int) -> str:
    return "the only workflow" if count == 1 else f"any of {count} workflows"


def _host_words(scene: Scene) -> str:
    if scene.host is None:
        return ""
    ill = any(alert.open and alert.rule in ("memory", "storage") for alert in scene.alerts)
    return "" if ill else " · host is fine"


def _burn_words(burn: Money) -> str:
    sure = not burn.at_least and burn.quality in (CostQuality.EXACT, CostQuality.PRICED)
    mark = "~" if burn.quality is CostQuality.PRICED else ""
    return f"{mark if sure else 'at least '}${burn.least or 0.0:.2f}/h"


def _fine(scene: Scene) -> str:
    count = len(scene.workflows)
    known = sum(1 for workflow in scene.workflows if workflow.ladder)
    who = "the only workflow is normal" if count == 1 else f"all {count} workflows normal"
    if known < count:
        who = f"{known} of {count} workflows normal, no finished run known of {count - known}"
    parts = [who]
    if scene.rules_checked is not None:
        parts.append(f"{plural(scene.rules_checked, 'rule')} checked just now")
    if scene.burn.known:
        parts.append(_burn_words(scene.burn))
    acked = sum(1 for alert in scene.alerts if alert.open and alert.taken)
    if scene.unacked and acked:
        parts[0] = "nothing that nobody has"
        parts.append(f"{acked} taken")
    pending = sum(1 for alert in scene.alerts if alert.state is AlertState.PENDING and not _info(alert))
    if pending:
        parts.append(f"{pending} pending")
    infos = sum(1 for alert in scene.alerts if alert.open and not alert.taken and _info(alert))
    if infos:
        parts.append(f"{infos} info")
    return " · ".join(parts)
