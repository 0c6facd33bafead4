"""What a worker may take of the machine, so that a plugin that goes wild harms its job alone.

Memory: three quarters of what the machine has, or of what its container may use. A file: what the disk has free but for
a reserve. ``FACEAPP_WORKER_MEMORY_GB`` and ``FACEAPP_WORKER_FILE_GB`` say otherwise. Where the system knows no such
limits (Windows) there are none.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import tempfile
from pathlib import Path

MEMORY, FILE = "FACEAPP_WORKER_MEMORY_GB", "FACEAPP_WORKER_FILE_GB"
_SHARE, _RESERVE_GB = 0.75, 1.0
_CONTAINER = Path("/sys/fs/cgroup/memory.max")
_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def limit_this_process() -> None:
    """Take no more memory, and write no longer file, than a job may."""
    try:
        import resource
    except ImportError:
        return
    for kind, most in ((resource.RLIMIT_DATA, memory_limit_gb()), (resource.RLIMIT_FSIZE, file_limit_gb())):
        _, hard = resource.getrlimit(kind)
        wanted = int(most * 1e9)
        with contextlib.suppress(ValueError, OSError):  # a stricter limit is in force already
            resource.setrlimit(kind, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    # a file that grows beyond its limit is an error of the write then, not the end of the process
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def memory_limit_gb() -> float:
    """Return how much memory a job may take, GB."""
    said = _said(MEMORY)
    if said is not None:
        return said
    most = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):  # "max" where the container has no limit
        most = min(most, float(_CONTAINER.read_text()))
    return _SHARE * most / 1e9


def file_limit_gb() -> float:
    """Return how long a file of a job may become, GB."""
    said = _said(FILE)
    return said if said is not None else max(shutil.disk_usage(tempfile.gettempdir()).free / 1e9 - _RESERVE_GB, 0.1)


def _said(name: str) -> float | None:
    with contextlib.suppress(ValueError):
        value = float(os.environ.get(name, ""))
        return value if value > 0 else None
    return None


def exhausted(error: BaseException) -> str:
    """Return a sentence where an error says that memory or disk is used up, else the empty string."""
    if isinstance(error, MemoryError):
        limit = _in_force("RLIMIT_DATA")
        asked = f"the {limit:.1f} GB that a job may take" if limit else "there is"
        return (
            f"it needs more memory than {asked}. Thin the scan, close other programs, or allow more with the "
            f"environment variable {MEMORY}"
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        limit = _in_force("RLIMIT_FSIZE")
        file = f"; a single file may have {limit:.1f} GB ({FILE})" if limit else ""
        return (
            f"the disk of {error.filename or tempfile.gettempdir()} has no room for what it writes. Free some, or set "
            f"TMPDIR to a disk with more{file}"
        )
    return ""


def _in_force(kind: str) -> float | None:
    """Return the limit that this process has, GB; ``None`` where there is none."""
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(getattr(resource, kind))[0]
    return None if limit == resource.RLIM_INFINITY else limit / 1e9
