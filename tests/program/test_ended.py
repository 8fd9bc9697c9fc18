"""``check`` after the incident: content again, the episode over, its ack with it.

It stands apart from test_check because an incident takes its minute: other tests run meanwhile.
"""

from __future__ import annotations

import pytest

from support.incident import Incident


@pytest.mark.timeout(480)
def test_after_the_incident_all_is_well_and_the_ack_has_ended(incident: Incident) -> None:
    alert = incident.taken()
    calm = incident.wait_calm()
    assert calm.out.startswith("OK: ")
    assert "7 workflows normal" in calm.out
    listed = incident.program.run("acks", "--json").json
    assert alert not in [entry["id"] for entry in listed]
    trail = incident.program.run("acks", "--all", "--json").json
    assert [entry["what"] for entry in trail if entry["id"] == alert][-1] in ("resolved", "woke")
    gone = incident.program.run("ack", alert)
    assert gone.code == 1
    assert "is over: ended" in gone.err
