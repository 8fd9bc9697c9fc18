"""The host as a source: memory, pressure, disks, directories with limits, workflow processes."""

from wfmon.sources.host.source import HostSource

__all__ = ["HostSource"]
