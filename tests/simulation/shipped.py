"""The settings that wfmon-tui ships: a simulation of any others would hide what a changed default costs."""

from __future__ import annotations

from wfmon.config.loader import load_config
from wfmon.monitor.settings import rule_settings

CONFIG = load_config(environ={}).config
SHIPPED = rule_settings(CONFIG)
