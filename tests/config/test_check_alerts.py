"""What the rules' settings may not be; each problem with its line and its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfmon.config.loader import load_config
from wfmon.config.problems import ConfigError


def problems(folder: Path, text: str) -> list[str]:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[alerts]\nflap = { transitions = 1 }",
            "2: alerts.flap.transitions: is out of range, expected 2 to",
        ),
        ('[alerts]\nflap = { quiet = "0s" }', "2: alerts.flap.quiet: is zero"),
        (
            "[alerts.failure_rate]\nbaseline_factor = -1.0",
            "2: alerts.failure_rate.baseline_factor: is out of",
        ),
        ("[alerts.failure_rate]\nbaseline_runs = 0", "2: alerts.failure_rate.baseline_runs: is too small"),
        ("[alerts.failure_rate]\ncritical_factor = 0.5", "2: alerts.failure_rate.critical_factor: is out of"),
        ("[alerts.timeout]\nfactor_p99 = 0.5", "2: alerts.timeout.factor_p99: is out of range, expected 1"),
        ("[alerts.timeout]\nfactor_p99 = nan", "2: alerts.timeout.factor_p99: is out of range, expected 1"),
        ('[alerts.stall]\nin_step = "5m"', "2: alerts.stall.in_step: is shorter than alerts.stall.after"),
        ("[alerts.runaway]\ncost_factor = 0.0", "2: alerts.runaway.cost_factor: is out of range"),
        ("[alerts.runaway]\nmax_run_usd = -1.0", "2: alerts.runaway.max_run_usd: is -1, expected an amount"),
        ("[alerts.runaway]\nmax_run_usd = inf", "2: alerts.runaway.max_run_usd: is inf, expected an amount"),
        (
            "[alerts.cost_spike]\nz_clear = 4.0",
            "2: alerts.cost_spike.z_clear: is 4, expected 0 to z_trip (3.5)",
        ),
        ("[alerts.cost_spike]\nz_trip = 0.0\nz_clear = 0.0", "2: alerts.cost_spike.z_trip: is out of range"),
        (
            "[alerts.cost_spike]\nclear_ratio = 3.0",
            "2: alerts.cost_spike.clear_ratio: is 3, expected at most",
        ),
        (
            "[alerts.cost_spike]\nsigma_floor = 0.0",
            "2: alerts.cost_spike.sigma_floor: is 0, expected a number",
        ),
        ("[alerts.cost_spike]\noffset_usd = 0.0", "2: alerts.cost_spike.offset_usd: is 0, expected a number"),
        ("[alerts.cost_spike]\ncap_usd_per_hour = -5", "2: alerts.cost_spike.cap_usd_per_hour: is -5"),
        ("[alerts.memory]\nforecast = { min_r2 = 1.5 }", "2: alerts.memory.forecast.min_r2: is 1.5"),
        ("[alerts.memory]\nforecast = { below = 0.0 }", "2: alerts.memory.forecast.below: is 0"),
        (
            '[alerts.storage]\nfills_warn = { long_horizon = "1h" }',
            "2: alerts.storage.fills_warn.long_horizon: is shorter than horizon",
        ),
        (
            '[alerts.storage]\nfills_critical = { horizon = "30h", long_horizon = "40h" }',
            "2: alerts.storage.fills_critical.horizon: is longer than fills_warn.horizon",
        ),
        ("[alerts.silence]\np_zero = 1.0", "2: alerts.silence.p_zero: is 1, expected a probability"),
        ("[alerts.silence]\ngap_factor = 0.5", "2: alerts.silence.gap_factor: is out of range"),
        ("[alerts.ack]\nvalue_factor = 1.0", "2: alerts.ack.value_factor: is 1, expected more than 1"),
        ('[alerts.ack]\nwake_on = ["mood"]', '2: alerts.ack.wake_on[0]: wrong value "mood", expected one of'),
        (
            '[alerts.share]\nextend = "15m"',
            "2: alerts.share.extend: is not shorter than alerts.share.duration",
        ),
        (
            '[alerts.stall]\nreplaced_by = ["A", " "]',
            "2: alerts.stall.replaced_by[1]: is empty, expected the",
        ),
        (
            '[[workflow]]\nname = "a"\nmax_run_usd = 0.0',
            "3: workflow[0].max_run_usd: is 0, expected an amount",
        ),
        (
            '[[workflow]]\nname = "a"\nmax_usd_per_hour = -1',
            "3: workflow[0].max_usd_per_hour: is -1, expected",
        ),
        ('[[workflow]]\nname = "a"\nlimit = "0s"', "3: workflow[0].limit: is zero, expected a duration"),
    ],
)
def test_each_has_its_line_its_key_and_what_was_expected(tmp_path: Path, text: str, problem: str) -> None:
    found = problems(tmp_path, text)
    assert len(found) == 1, found
    assert problem in found[0]


@pytest.mark.parametrize(
    "text",
    [
        '[notify]\ndebounce = "0s"',
        '[alerts.timeout]\ndefault = "0s"\nslack = "0s"',
        "[alerts.runaway]\nmax_run_usd = 0.0",
        "[alerts.failure_rate]\nbaseline_factor = 0.0",
        "[alerts.ack]\nwake_on = []",
    ],
)
def test_what_has_a_meaning_may_be_set(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    assert load_config(file, {}).config
