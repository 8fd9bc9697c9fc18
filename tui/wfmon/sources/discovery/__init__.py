"""Looking around this host for what could be watched: facts are read, proposals follow from them.

Reading never writes, never opens anything but regular files, and connects to the ports of ``servers``
on loopback and to nothing else (``probe`` does more, only when a person has agreed).
"""
