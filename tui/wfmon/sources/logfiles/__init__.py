"""Log files as a source: followed through rotation, folded into runs, read in pages.

``discover`` knows which files there are, ``follow`` one of them, ``lines`` and ``envelopes`` what a line
holds, ``fields`` what it says, ``fold`` which runs that makes; ``pages`` reads backwards for the screen.
"""

from wfmon.sources.logfiles.source import LogFilesSource, LogSettings

__all__ = ["LogFilesSource", "LogSettings"]
