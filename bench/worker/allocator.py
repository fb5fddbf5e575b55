"""What glibc's allocator says of itself."""

from __future__ import annotations

import ctypes

_NAMES = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Mallinfo2(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_size_t) for name in _NAMES.split())


def allocator_status() -> dict[str, int]:
    """Bytes ``in_use`` and ``free`` but kept, of all arenas; empty where the C library has no mallinfo2 (glibc before 2.33)."""
    mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo2 is None:
        return {}
    mallinfo2.restype = _Mallinfo2
    info = mallinfo2()
    return {"in_use": info.uordblks + info.hblkhd, "free": info.fordblks}
