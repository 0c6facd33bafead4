"""Trouble of the computer: a disk that is full, slow or gone, a clock that jumps. Client side only."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

from faceapp.core.host import order_clock, order_disk
from faceapp_hardware.simulated.fault_kinds import CLOCK, DISK
from faceapp_hardware.simulated.faults import Fault

_ERRORS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "vanish": errno.ENXIO}


class HostFaults:
    """The faults of the computer that one rig has ordered."""

    def __init__(self) -> None:
        self._has_ordered = False

    def order(self, fault: Fault) -> None:
        """Let a fault of disk or clock happen, or end."""
        self._has_ordered = True
        number = fault.numbers[0] if fault.numbers else 0
        if fault.device == CLOCK:
            order_clock(0 if fault.kind == "heal" else number)
        elif fault.device == DISK and fault.kind == "heal":
            order_disk(None)
        elif fault.kind == "slow":
            order_disk(lambda _: time.sleep(number / 1000))
        else:
            order_disk(_FailingDisk(_ERRORS[fault.kind], number))

    def heal(self) -> None:
        """Make whole what this rig has ordered; that of another rig is not touched."""
        if self._has_ordered:
            order_clock(0)
            order_disk(None)
            self._has_ordered = False


class _FailingDisk:
    """A disk that takes so many files more, and then none."""

    def __init__(self, error: int, files: int) -> None:
        self._error, self._left = error, files
        self._lock = threading.Lock()

    def __call__(self, file: Path) -> None:
        with self._lock:
            if self._left > 0:
                self._left -= 1
                return
        raise OSError(self._error, os.strerror(self._error), str(file))
