"""Memory that is not used any more, given back to the system."""

from __future__ import annotations

_MMAP_THRESHOLD = -3  # of <malloc.h>
_BLOCK = 128 * 1024


def give_back() -> None:
    """Let the C library return each large block when it is freed, from now on; where it is not glibc,
    nothing changes. By itself glibc keeps more and more: 10 MiB where answers of 3 MB are read."""
    import ctypes  # 3 ms, and not before the screen stands

    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    set_option(_MMAP_THRESHOLD, _BLOCK)
