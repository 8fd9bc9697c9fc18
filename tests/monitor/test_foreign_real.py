"""Alerts of a real Prometheus and a real Alertmanager, through restarts of each, as our own episodes."""

from __future__ import annotations

import io
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from support.exporter import Exporter, exporting
from support.payloads import PAYLOADS
from support.servers import (
    Restartable,
    prepared_alertmanager,
    prepared_prometheus,
    required_binary,
    restartable,
)
from support.waiting import wait_until
from wfmon.analysis.episodes import EpisodeMemory, advance
from wfmon.analysis.foreign import findings
from wfmon.analysis.foreignrules import rule_infos
from wfmon.analysis.shown import alerts
from wfmon.cli.main import main
from wfmon.config.schema import Duration, Windows
from wfmon.model.alert import Alert, AlertState, Severity
from wfmon.model.foreign import ForeignAlerts
from wfmon.model.settings import EpisodeSettings
from wfmon.model.source import Failure, SourceState, SourceStatus
from wfmon.monitor.worker import poll
from wfmon.sources.alertmanager import AlertmanagerSource
from wfmon.sources.base import Source
from wfmon.sources.profile import load_profiles
from wfmon.sources.prometheus import PrometheusSource

pytestmark = pytest.mark.server

WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(21600), rate=Duration(300))
SETTINGS = EpisodeSettings(gap_seconds=600, resolved_keep_seconds=900)
EVIL = "".join(payload.text for payload in PAYLOADS if payload.text.isascii() and "\0" not in payload.text)


def _rule(name: str, expr: str, **more: object) -> dict[str, object]:
    return {"alert": name, "expr": expr, **more}


RULES = json.dumps(
    {
        "groups": [
            {
                "name": "workflows",
                "rules": [
                    _rule(
                        "Hot",
                        'active_workflows{workflow=~"hot.*"} > 10',
                        labels={"severity": "page"},
                        annotations={
                            "summary": "{{ $value }} active",
                            "runbook_url": "https://runbooks/hot",
                            "description": EVIL,
                        },
                    ),
                    _rule("Node", 'active_workflows{workflow="node"} > 10', labels={"severity": "critical"}),
                    _rule("Quiet", 'active_workflows{workflow="node"} > 5', labels={"severity": "warning"}),
                    _rule("Waits", 'active_workflows{workflow="waits"} > 10', **{"for": "1h"}),
                    _rule(
                        "Nan", 'active_workflows{workflow="nan"} * NaN', annotations={"summary": "{{ .No }}"}
                    ),
                    _rule("Watchdog", "vector(1)", labels={"severity": "none"}),
                    _rule(
                        "Broken",
                        'vector(1) + on () (label_replace(vector(1), "b", "1", "", "") or vector(2))',
                    ),
                ],
            }
        ]
    }
)
AM_CONFIG = json.dumps(
    {
        "route": {"receiver": "oncall"},
        "receivers": [{"name": "oncall"}],
        "inhibit_rules": [{"source_matchers": ["alertname=Node"], "target_matchers": ["alertname=Quiet"]}],
    }
)


class Watch:
    """Both servers as sources, asked when a test looks, and the episodes that come of them."""

    def __init__(self, prometheus: Restartable, alertmanager: Restartable, exporter: Exporter) -> None:
        self.prometheus, self.alertmanager = prometheus, alertmanager
        self._exporter = exporter
        self.sources: Mapping[str, Source] = {
            "prom": PrometheusSource(
                "prom", prometheus.url, windows=WINDOWS, profiles=load_profiles(), interval=0.2
            ),
            "am": AlertmanagerSource("am", alertmanager.url),
        }
        self.foreign: dict[str, ForeignAlerts] = {}
        self.sees: dict[str, str] = {}
        self.memory = EpisodeMemory()

    def active(self, workflow: str, number: float) -> None:
        self._exporter.metrics.active.labels(workflow).set(number)

    def close(self) -> None:
        for source in self.sources.values():
            source.close()

    def look(self) -> list[Alert]:
        now = time.time()
        statuses = tuple(self._status(name, source, now) for name, source in self.sources.items())
        found = findings(tuple(self.foreign.values()), statuses, self.memory, {}, now)
        self.memory = advance(self.memory, found, now, SETTINGS)
        return list(alerts(self.memory, {}, now, SETTINGS))

    def _status(self, name: str, source: Source, now: float) -> SourceStatus:
        answer = poll(source, now)
        assert answer.failure is not Failure.INTERNAL, answer.detail
        if answer.reading is None:
            return SourceStatus(name, source.kind, SourceState.DOWN, failure=answer.failure)
        if answer.reading.foreign is not None:
            self.foreign[name] = answer.reading.foreign
            self.sees[name] = answer.reading.sees
        return SourceStatus(name, source.kind, SourceState.OK)

    def of(self, name: str, workflow: str) -> Alert | None:
        """The alert as it is shown; there is never more than one."""
        found = [each for each in self.look() if (each.rule, each.workflow) == (name, workflow)]
        assert len(found) <= 1, found
        return found[0] if found else None

    def until(self, name: str, workflow: str, state: AlertState) -> Alert:
        def there() -> Alert | None:
            shown = self.of(name, workflow)
            assert shown is not None
            assert shown.state is state
            return shown

        return wait_until(there, message=f"{name} of {workflow} is {state}", pause=0.1)

    def joined(self, workflow: str) -> Alert:
        """Alert Hot of the workflow, once both servers tell of it."""

        def both() -> Alert | None:
            shown = self.of("Hot", workflow)
            assert shown is not None
            assert shown.state is AlertState.FIRING
            assert shown.foreign is not None
            return shown if shown.foreign.fingerprint and shown.value is not None else None

        return wait_until(both, message=f"{workflow} fires in both", pause=0.1)

    def silence(self, alert: str, workflow: str, comment: str, author: str = "joe") -> str:
        done = self._amtool(
            "silence", "add", f"alertname={alert}", f"workflow={workflow}",
            f"--comment={comment}", f"--author={author}", "--duration=1h",
        )  # fmt: skip
        return done.strip()

    def expire(self, silence: str) -> None:
        self._amtool("silence", "expire", silence)

    def _amtool(self, *arguments: str) -> str:
        command = [required_binary("amtool"), f"--alertmanager.url={self.alertmanager.url}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    folder = tmp_path_factory.mktemp("foreign")
    with (
        exporting() as exporter,
        restartable(prepared_alertmanager(folder, config=AM_CONFIG)) as alertmanager,
    ):
        prepared = prepared_prometheus(
            folder,
            [exporter.target],
            rules=RULES,
            alertmanagers=[alertmanager.url.removeprefix("http://")],
            external_labels={"site": "lab"},
            options=["--rules.alert.resend-delay=1s"],
        )
        with restartable(prepared) as prometheus:
            watch = Watch(prometheus, alertmanager, exporter)
            yield watch
            watch.close()


def test_an_alert_of_both_is_one_from_begin_to_end(watch: Watch) -> None:
    watch.active("hot-a", 12)
    shown = watch.joined("hot-a")
    assert (shown.severity, shown.summary, shown.value) == (Severity.CRITICAL, "12 active", 12.0)
    assert (shown.runbook, shown.source) == ("https://runbooks/hot", "prom")
    assert shown.foreign is not None
    assert dict(shown.foreign.labels)["site"] == "lab"
    # Whoever tells of it first names it: a Prometheus that is slow to answer leaves that to the other.
    assert set(shown.labels) | {("site", "lab")} == set(shown.foreign.labels)
    assert shown.foreign.receivers == ("oncall",)
    assert shown.foreign.description
    assert shown.foreign.description.isprintable()
    assert abs(shown.since - time.time()) < 60
    # The Alertmanager may tell of it first; its begin is known once the Prometheus does.
    wait_until(lambda: not watch.joined("hot-a").since_at_least, message="its begin is known", pause=0.1)
    watch.active("hot-a", 1)
    ended = watch.until("Hot", "hot-a", AlertState.RESOLVED)
    assert ended.id == shown.id
    wait_until(lambda: watch.of("Hot", "hot-a") and not watch.foreign["am"].alerts, message="gone there too")
    assert ended.ended_at is not None
    assert ended.ended_at <= time.time()


def test_pending_shows_and_does_not_fire(watch: Watch) -> None:
    watch.active("waits", 12)
    assert not watch.until("Waits", "waits", AlertState.PENDING).open
    watch.active("waits", 1)
    wait_until(lambda: watch.of("Waits", "waits") is None, message="nothing is left of it", pause=0.1)


def test_what_has_no_number_and_a_broken_text_fires_all_the_same(watch: Watch) -> None:
    watch.active("nan", 1)
    shown = watch.until("Nan", "nan", AlertState.FIRING)
    assert shown.value is None
    assert shown.summary.startswith("<error expanding template")
    watch._exporter.metrics.active.remove("nan")


def test_a_silence_an_ack_by_silence_and_its_end(watch: Watch) -> None:
    watch.active("hot-s", 12)
    first = watch.joined("hot-s")
    plain = watch.silence("Hot", "hot-s", f"deploy {EVIL}", author=f"joe {EVIL}")
    silenced = watch.until("Hot", "hot-s", AlertState.SILENCED)
    assert silenced.ack is not None
    assert silenced.ack.by.startswith("joe")
    assert silenced.ack.silence == plain
    assert all(text.isprintable() for text in (silenced.ack.by, silenced.ack.comment, silenced.quieted))
    assert silenced.ack.until is not None
    assert abs(silenced.ack.until - time.time() - 3600) < 60
    ack = watch.silence("Hot", "hot-s", "ACK! looking into it", author="dana")
    acked = watch.until("Hot", "hot-s", AlertState.ACKED)
    assert acked.ack is not None
    assert (acked.ack.by, acked.ack.comment, acked.id) == ("dana", "looking into it", first.id)
    watch.expire(ack)
    watch.until("Hot", "hot-s", AlertState.SILENCED)
    watch.expire(plain)
    assert watch.until("Hot", "hot-s", AlertState.FIRING).id == first.id
    watch.active("hot-s", 1)
    watch.until("Hot", "hot-s", AlertState.RESOLVED)


def test_an_inhibited_alert_says_by_what(watch: Watch) -> None:
    watch.active("node", 12)
    inhibited = watch.until("Quiet", "node", AlertState.INHIBITED)
    assert inhibited.quieted == "inhibited by Node"
    assert watch.until("Node", "node", AlertState.FIRING).severity is Severity.CRITICAL
    watch.active("node", 7)
    watch.until("Quiet", "node", AlertState.FIRING)
    watch.active("node", 1)
    watch.until("Quiet", "node", AlertState.RESOLVED)


@pytest.mark.parametrize("lose_data", [False, True], ids=["same data", "lost data"])
def test_a_restart_of_the_alertmanager_goes_on_with_the_episode(watch: Watch, lose_data: bool) -> None:
    workflow = f"hot-am-{lose_data}"
    watch.active(workflow, 12)
    first = watch.joined(workflow)
    watch.silence("Hot", workflow, "ACK! mine", author="dana")
    watch.until("Hot", workflow, AlertState.ACKED)
    watch.alertmanager.stop()
    down = watch.until("Hot", workflow, AlertState.ACKED)
    assert down.id == first.id, "the Prometheus tells that it fires; the silence has not ended"
    watch.alertmanager.start(lose_data=lose_data)
    after = watch.until("Hot", workflow, AlertState.FIRING if lose_data else AlertState.ACKED)
    wait_until(lambda: watch.look() and watch.foreign["am"].alerts, message="it knows the alert again")
    after = watch.until("Hot", workflow, AlertState.FIRING if lose_data else AlertState.ACKED)
    assert (after.id, after.since, after.flaps) == (first.id, first.since, 0)
    watch.active(workflow, 1)
    watch.until("Hot", workflow, AlertState.RESOLVED)


@pytest.mark.parametrize("lose_data", [False, True], ids=["same data", "lost data"])
def test_a_restart_of_the_prometheus_goes_on_with_the_episode(watch: Watch, lose_data: bool) -> None:
    workflow = f"hot-prom-{lose_data}"
    watch.active(workflow, 12)
    first = watch.joined(workflow)
    watch.prometheus.stop()
    assert watch.until("Hot", workflow, AlertState.FIRING).id == first.id, "the Alertmanager vouches"
    if not lose_data:  # it takes the alert for over, because nobody sends it any more
        assert watch.until("Hot", workflow, AlertState.NO_DATA).id == first.id
    watch.prometheus.start(lose_data=lose_data)
    after = watch.joined(workflow)
    assert (after.id, after.since, after.flaps) == (first.id, first.since, 0)
    watch.active(workflow, 1)
    watch.look()


def test_a_broken_rule_and_a_watchdog_are_told(watch: Watch) -> None:
    def told() -> bool:
        watch.look()
        return "fails" in watch.sees.get("prom", "") and "watchdog" in watch.sees.get("am", "")

    wait_until(told, message="rules and watchdog are seen", pause=0.1)
    assert "7 rules of which 1 fails, a watchdog that fires, as it should" in watch.sees["prom"]
    assert not any(each.rule == "Watchdog" for each in watch.look())
    (broken,) = [each for each in rule_infos(watch.foreign.values()) if each.health == "err"]
    assert (broken.name, broken.system) == ("Broken", "prom")
    assert "many-to-many" in broken.error or "duplicate series" in broken.error


def test_check_and_doctor_see_them(watch: Watch, tmp_path: Path) -> None:
    watch.active("hot-check", 12)
    watch.joined("hot-check")
    options = [
        f"--prometheus={watch.prometheus.url}", f"--alertmanager={watch.alertmanager.url}",
        "--no-host", f"--state-dir={tmp_path}",
    ]  # fmt: skip
    shown = io.StringIO()
    with redirect_stdout(shown):
        assert main(["check", *options]) == 2
    assert "hot-check: 12 active since" in shown.getvalue()
    shown = io.StringIO()
    with redirect_stdout(shown):
        assert main(["doctor", *options]) == 0
    said = shown.getvalue()
    assert "about    version 0." in said
    assert "about    clock as ours; silences end by its clock" in said
    assert "about    silences may not be set: allow_write" in said
    assert "missing  may not write: allow_write = false" in said
    watch.active("hot-check", 1)
