"""Which alerts of several Prometheis and Alertmanagers are one and the same, and whose episode each is.

A Prometheus adds its external labels when it tells an Alertmanager: there the alert has its labels and some
more. So two of them are one alert if the name is the same and the labels of the one are among those of the
other; where several fit, the one with the fewest labels of its own. Which labels name the episode is settled
when it begins, and holds while it lasts, whoever answers then.

Labels are looked up by the names that they have (there are few sets of names), not compared one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wfmon.model.alert import Labels
from wfmon.model.foreign import NO_NAME, ForeignAlert, ForeignAlerts, System
from wfmon.model.record import dataclass, field

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Heard:
    """One alert as one system tells it. ``fresh`` False: as it told when it last answered."""

    system: ForeignAlerts
    alert: ForeignAlert
    fresh: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """One real alert: what Prometheis say of it, what Alertmanagers say of it; fresh ones first. ``twin``:
    it shares what the Prometheis say with another, and has labels of its own in an Alertmanager alone."""

    evaluated: tuple[Heard, ...] = ()
    notified: tuple[Heard, ...] = ()
    twin: bool = False

    @property
    def inner(self) -> Labels | None:
        """Its labels in a Prometheus."""
        return self.evaluated[0].alert.labels if self.evaluated else None

    @property
    def outer(self) -> Labels | None:
        """Its labels in an Alertmanager."""
        return self.notified[0].alert.labels if self.notified else None

    @property
    def labels(self) -> Labels:
        """Those that name an episode of it that begins now."""
        chosen = self.outer if self.twin or self.inner is None else self.inner
        assert chosen is not None
        return chosen


@dataclass(slots=True)
class _Shapes:
    """Sets of labels by the names that they have."""

    by_names: dict[Names, set[Labels]] = field(default_factory=dict)

    def add(self, labels: Labels) -> None:
        self.by_names.setdefault(frozenset(name for name, _ in labels), set()).add(labels)

    def within(self, labels: Labels) -> Iterator[Labels]:
        """Those that are ``labels``, or a part of them."""
        names = frozenset(name for name, _ in labels)
        for wanted, known in self.by_names.items():
            if wanted <= names:
                part = tuple(pair for pair in labels if pair[0] in wanted)
                if part in known:
                    yield part


def is_foreign(rule: str, labels: Labels) -> bool:
    """Whether an episode of this key is of another system's alert: ours have no alertname."""
    name = next((value for key, value in labels if key == "alertname"), None)
    return name == rule or (not name and rule == NO_NAME)


def joined(foreign: Iterable[ForeignAlerts], fresh: frozenset[str]) -> list[Joined]:
    """Each alert once, in an order that does not depend on who answered first. ``fresh``: the sources that
    answer now."""
    inner: dict[str, dict[Labels, list[Heard]]] = {}
    outer: dict[str, dict[Labels, list[Heard]]] = {}
    for system in sorted(foreign, key=lambda each: (each.source not in fresh, each.source)):
        side = inner if system.system is System.PROMETHEUS else outer
        for alert in system.alerts:
            heard = Heard(system, alert, system.source in fresh)
            side.setdefault(alert.name, {}).setdefault(alert.labels, []).append(heard)
    names = sorted(inner.keys() | outer.keys())
    return [each for name in names for each in _of_one_name(inner.get(name, {}), outer.get(name, {}))]


def _of_one_name(
    inner: Mapping[Labels, list[Heard]], outer: Mapping[Labels, list[Heard]]
) -> Iterator[Joined]:
    shapes = _Shapes()
    for labels in inner:
        shapes.add(labels)
    pairs = sorted(
        (len(wide) - len(narrow), wide, narrow) for wide in outer for narrow in shapes.within(wide)
    )
    partner: dict[Labels, Labels] = {}
    shared: dict[Labels, int] = {}
    for _, wide, narrow in pairs:  # each to one of its own
        if wide not in partner and narrow not in shared:
            partner[wide], shared[narrow] = narrow, 1
    for _, wide, narrow in pairs:  # and what is left to the nearest
        if wide not in partner:
            partner[wide], shared[narrow] = narrow, shared[narrow] + 1
    for wide in sorted(outer):
        narrow_one = partner.get(wide)
        if narrow_one is None:
            yield Joined(notified=tuple(outer[wide]))
        else:
            yield Joined(tuple(inner[narrow_one]), tuple(outer[wide]), shared[narrow_one] > 1)
    for narrow in sorted(inner):
        if narrow not in shared:
            yield Joined(evaluated=tuple(inner[narrow]))


def named(alerts: Iterable[Joined], known: Mapping[Labels, bool]) -> dict[Labels, Joined]:
    """The alerts (of one name) by the labels of their episodes. ``known``: labels of episodes that there
    are, and whether they are open; an open one is continued rather than one that ended."""
    alerts = list(alerts)
    pairs = sorted(_candidates(alerts, known))
    taken: dict[Labels, Joined] = {}
    placed: set[int] = set()
    for *_, labels, index in pairs:
        if labels not in taken and index not in placed:
            taken[labels] = alerts[index]
            placed.add(index)
    for index, alert in enumerate(alerts):
        if index not in placed:
            own = (alert.labels, alert.outer, alert.inner)
            free = next((labels for labels in own if labels is not None and labels not in taken), None)
            if free is not None:
                taken[free] = alert
    return taken


def _candidates(
    alerts: list[Joined], known: Mapping[Labels, bool]
) -> Iterator[tuple[bool, int, Labels, int]]:
    """Episodes whose labels are those of an alert, or lie between its narrow and its wide ones, or beyond:
    (ended, how many labels differ, labels, index of the alert), the best first when sorted."""
    shapes, inner = _Shapes(), _Shapes()
    owners: dict[Labels, list[int]] = {}
    for labels in known:
        shapes.add(labels)
    for index, alert in enumerate(alerts):
        if alert.inner is not None:
            inner.add(alert.inner)
            owners.setdefault(alert.inner, []).append(index)
        if alert.outer is not None:
            for labels in shapes.within(alert.outer):
                yield not known[labels], _distance(labels, alert), labels, index
    for labels, is_open in known.items():
        for narrow in inner.within(labels):
            for index in owners[narrow]:
                yield not is_open, _distance(labels, alerts[index]), labels, index


def _distance(labels: Labels, alert: Joined) -> int:
    """How many labels differ from the nearer of the alert's own."""
    own = [alert.outer] if alert.twin else [alert.inner, alert.outer]
    return min(len({*each} ^ {*labels}) for each in own if each is not None)
