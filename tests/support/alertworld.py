"""Alerts in every state, of our own rules and of other systems."""

from __future__ import annotations

from dataclasses import replace

from support.snapshots import NOW, incident
from wfmon.model.alert import Ack, Alert, AlertState, ForeignRef
from wfmon.model.snapshot import Snapshot

HOUR = NOW + 3393  # 15:00

REF = ForeignRef(
    (("alertname", "HighErrorRate"), ("workflow", "invoice_extract")),
    alertmanager="am",
    fingerprint="ff00",
    receivers=("pager", "slack"),
    writable=True,
)


def local(state: AlertState = AlertState.FIRING, ack: Ack | None = None, **fields: object) -> Alert:
    """``cost_spike`` of research_agent."""
    return replace(incident().alerts[1], state=state, ack=ack, **fields)


def foreign(state: AlertState = AlertState.FIRING, ack: Ack | None = None, **fields: object) -> Alert:
    """``HighErrorRate`` of an Alertmanager, about invoice_extract."""
    given: dict[str, object] = {
        "id": "f1b2c3d4e5f6",
        "rule": "HighErrorRate",
        "labels": REF.labels,
        "summary": "31% of requests fail",
        "source": "am",
        "foreign": REF,
        "since": NOW - 100,
    }
    return replace(incident().alerts[0], state=state, ack=ack, **{**given, **fields})


def acked(by: str = "joe", ago: float = 720.0, until: float | None = HOUR, **fields: object) -> Ack:
    return replace(Ack(by, NOW - ago, until, until_resolved=until is None), **fields)


def with_alerts(*alerts: Alert) -> Snapshot:
    """The incident with these alerts alone, and nothing that ended."""
    return replace(incident(), alerts=alerts, ended=())
