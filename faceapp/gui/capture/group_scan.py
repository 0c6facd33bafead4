"""The live scan of one group: run beside the live pictures, its clouds thinned and coloured before they are shown."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from faceapp.gui.bridge import Relay
from faceapp.gui.theme.colormaps import colorize
from faceapp.gui.view3d.pieces import Pieces, thin_cloud, uncut

if TYPE_CHECKING:
    from faceapp.capture.live import LiveRates, LiveScan, LiveScanner
    from faceapp.capture.plan import CapturePlan
    from faceapp.core.cloud import PointCloud
    from faceapp.core.frames import PhaseMap
    from faceapp.devices.protocols import ConnectedRig

_PHASE_WIDTH = 330  # px; a tile beside the 3D view shows no more


@dataclass(frozen=True, eq=False)
class ScanNews:
    """A live scan made ready to be shown.

    Parameters
    ----------
    group : str
        Which group.
    cloud : PointCloud or None
        Thinned to what can be drawn within a frame; ``None`` where no surface was found.
    pieces : Pieces or None
        The same for the drawing thread.
    points : int
        How many were measured.
    phases : dict of str to (h, w, 3) uint8
        Wrapped phase by camera.
    note : str
        Why there is no cloud.
    rates : LiveRates
        How it runs.
    seen_at : float
        When its last frame came, by `time.perf_counter`; NaN where none came.
    """

    group: str
    cloud: PointCloud | None
    pieces: Pieces | None
    points: int
    phases: dict[str, npt.NDArray[np.uint8]]
    note: str
    rates: LiveRates
    seen_at: float

    @property
    def is_silence(self) -> bool:
        """Whether no frames come at all."""
        return math.isnan(self.seen_at)


def news_of(scan: LiveScan) -> ScanNews:
    """Thin and colour a live scan; on the scanner's thread."""
    seen_at = time.perf_counter() - scan.rates.age_s
    phases = {phase.camera: _picture(phase) for phase in scan.phases}
    if scan.cloud is None:
        return ScanNews(scan.group, None, None, 0, phases, scan.note, scan.rates, seen_at)
    thin = thin_cloud(scan.cloud)
    return ScanNews(scan.group, thin, uncut(thin), len(scan.cloud), phases, scan.note, scan.rates, seen_at)


def _picture(phase: PhaseMap) -> npt.NDArray[np.uint8]:
    step = max(1, math.ceil(phase.wrapped_phase.shape[1] / _PHASE_WIDTH))
    return np.ascontiguousarray(colorize(phase.wrapped_phase[::step, ::step], "romaO", -np.pi, np.pi))


class GroupScan:
    """Starts and stops the scanner of one group; `begin` and `end` belong on the thread of the rig.

    Parameters
    ----------
    relay : Relay
        Where the newest news arrives; older ones are dropped.
    plan : callable
        Returns what the scan is made with, and gives the projectors their light.
    """

    arrived = Signal(ScanNews)
    failed = Signal(str, object)

    def __init__(self, relay: Relay, plan: Callable[[ConnectedRig], CapturePlan]) -> None:
        self._relay, self._plan = relay, plan
        self._scanner: LiveScanner | None = None
        self._waiting: ScanNews | None = None
        self._lock = threading.Lock()
        self.group = ""
        self.one_frequency = False
        """Whether the next scan uses the finest fringes alone."""

    def begin(self, devices: ConnectedRig, group: str) -> None:
        """Scan a group; that it cannot be is told by `failed`."""
        from faceapp.capture.live import LiveScanner

        self.group = group
        try:
            scanner = LiveScanner(devices, group, self._plan(devices), one_frequency=self.one_frequency)
            scanner.scanned.connect(self._take)
            scanner.start()
            self._scanner = scanner
        except Exception as error:  # whatever it is, the operator must hear of it
            self.group, why = "", error
            self._relay.post(lambda: self.failed.emit(group, why))

    def end(self) -> None:
        """Light off, thread ended; does no harm when nothing runs."""
        scanner, self._scanner, self.group = self._scanner, None, ""
        if scanner is not None:
            scanner.stop()
        with self._lock:
            self._waiting = None

    def _take(self, scan: LiveScan) -> None:
        news: Any = news_of(scan)
        with self._lock:
            queued = self._waiting is not None
            self._waiting = news
        if not queued:
            self._relay.post(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            news, self._waiting = self._waiting, None
        if news is not None:
            self.arrived.emit(news)
