"""Scan live for a while and say how it ran: the figures of a rig and of a machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

from faceapp.capture.live import LiveScan, LiveScanner
from faceapp.capture.plan import plan_for
from faceapp.core.errors import DecodeError, UsageError
from faceapp.core.signals import Reporter
from faceapp.devices.protocols import ConnectedRig

_TICK_S = 0.25


@dataclass(frozen=True, eq=False)
class LiveSummary:
    """How a live scan ran.

    Parameters
    ----------
    last : LiveScan
        The newest one with a cloud; its rates are those of the end.
    clouds : int
        How many there were.
    seconds : float
        How long it ran.
    """

    last: LiveScan
    clouds: int
    seconds: float


def scan_live(
    devices: ConnectedRig,
    group: str = "",
    seconds: float = 5.0,
    *,
    step: int = 2,
    one_frequency: bool = False,
    reporter: Reporter | None = None,
) -> LiveSummary:
    """Scan one group live.

    Parameters
    ----------
    devices : ConnectedRig
        Open devices, seated by ``prepare``.
    group : str
        Which; by default the middle one, or the only one.
    seconds : float
        How long.
    step : int
        Every so many columns and rows of the frames are used.
    one_frequency : bool
        Whether only the finest fringes are used; see `LiveScanner`.
    reporter : Reporter, optional
        Told of progress; can stop the scan.

    Raises
    ------
    UsageError
        There is no such group, or a number is impossible.
    SequenceError
        The fringes leave the order open, and the calibration does not tell it.
    DeviceError
        A device fails.
    DecodeError
        No cloud came in that time; the message says why.
    """
    reporter = reporter or Reporter()
    names = [g.name for g in devices.rig.groups]
    chosen = group or ("middle" if "middle" in names else names[0])
    if chosen not in names:
        raise UsageError(f"the rig has no group {chosen!r}; it has {', '.join(names)}")
    if not seconds > 0 or step < 1:
        raise UsageError(f"{seconds:g} s with every {step}-th pixel is not possible; both must be above zero")
    scans: list[LiveScan] = []
    count = 0

    def take(scan: LiveScan) -> None:
        nonlocal count
        count += scan.cloud is not None
        if scan.cloud is not None or not scans:
            scans[:] = [scan]

    scanner = LiveScanner(devices, chosen, plan_for(devices), step=step, one_frequency=one_frequency)
    scanner.scanned.connect(take)
    scanner.start()
    start = time.perf_counter()
    try:
        while (past := time.perf_counter() - start) < seconds:
            rates = f", {scans[0].rates.clouds_hz:.1f} clouds a second" if scans else ""
            reporter.progress(past / seconds, f"scanning {chosen}{rates}")
            time.sleep(min(_TICK_S, seconds - past))
    finally:
        scanner.stop()
    if not scans or scans[0].cloud is None:
        raise DecodeError(f"no cloud came in {seconds:g} s. " + (scans[0].note if scans else "Scan for longer"))
    reporter.progress(1.0, "scanned")
    return LiveSummary(scans[0], count, seconds)
