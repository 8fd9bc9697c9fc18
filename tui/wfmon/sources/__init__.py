"""Sources do the I/O and nothing else; each returns plain observations from ``wfmon.model``."""
