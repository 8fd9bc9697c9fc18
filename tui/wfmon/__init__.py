"""wfmon-tui: a terminal monitor for the AI-automation workflows of a host."""

__version__ = "0.1.0"
