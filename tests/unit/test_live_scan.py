"""Live scanning on a replayed plane: clouds come, what is lost is counted, and nothing is left lit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.live import LiveScan, LiveScanner
from faceapp.capture.plan import CapturePlan, plan_for
from faceapp.core.errors import UsageError
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import TriggeredFrame
from tests.unit.bundles import PLANE_Z, write_bundle


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ConnectedRig]:
    devices = connect_described_rig(str(write_bundle(tmp_path / "plane", noise=0.3)))
    yield devices
    devices.close()


def scans_of(scanner: LiveScanner, wanted: int, timeout_s: float = 20.0) -> list[LiveScan]:
    found: list[LiveScan] = []
    scanner.scanned.connect(found.append)
    scanner.start()
    deadline = time.monotonic() + timeout_s
    while len(found) < wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    scanner.stop()
    return found


@pytest.mark.parametrize("step", [1, 2, 3])
def test_clouds_are_those_of_a_capture_with_fewer_pixels(rig: ConnectedRig, step: int) -> None:
    found = scans_of(LiveScanner(rig, "middle", plan_for(rig), step=step), 3)
    assert len(found) >= 3
    cloud = found[-1].cloud
    assert cloud is not None and not found[-1].note
    assert abs(np.median(cloud.points[:, 2]) - PLANE_Z) < 0.1
    assert 0.3 < len(cloud) * step**2 / (200 * 160) < 0.7
    assert found[-1].phases[0].position.shape == (-(-160 // step), -(-200 // step))
    rates = found[-1].rates
    assert rates.clouds_hz > 0 and rates.frames_hz > 0 and rates.dropped == 0 and 0 <= rates.age_s < 5


def test_the_window_slides_and_counts_what_is_lost(rig: ConnectedRig) -> None:
    scanner = LiveScanner(rig, "middle", plan_for(rig))
    taken: dict[str, int] = {}
    for name in ("middle-ir-1", "middle-ir-2"):
        camera = rig.cameras[name]
        follow = camera.follow

        def lossy(take, follow=follow, name=name) -> None:  # type: ignore[no-untyped-def]
            def some(frame: TriggeredFrame) -> None:
                taken[name] = taken.get(name, 0) + 1
                if taken[name] % 7 != 3:
                    take(frame)

            follow(some)

        camera.follow = lossy  # type: ignore[method-assign]
    found = scans_of(scanner, 6)
    assert found[-1].cloud is not None
    assert found[-1].rates.dropped > 0
    assert abs(np.median(found[-1].cloud.points[:, 2]) - PLANE_Z) < 0.1


def test_after_the_stop_the_rig_is_free_and_no_thread_is_left(rig: ConnectedRig) -> None:
    scanner = LiveScanner(rig, "middle", plan_for(rig))
    scans_of(scanner, 2)
    scanner.stop()
    assert not [t for t in threading.enumerate() if t.name.startswith("live scan")]
    again = scans_of(scanner, 2)
    assert again[-1].cloud is not None


def test_silence_is_told(rig: ConnectedRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.projectors["middle"], "loop", lambda: None)
    found = scans_of(LiveScanner(rig, "middle", plan_for(rig)), 1)
    assert found[0].cloud is None and "No frames come" in found[0].note


def test_an_impossible_plan_is_refused_and_leaves_the_light_off(rig: ConnectedRig) -> None:
    scanner = LiveScanner(rig, "middle", CapturePlan(plan_for(rig).sequence, rate_hz=1000.0))
    with pytest.raises(UsageError, match="does not fit"):
        scanner.start()
    assert not [t for t in threading.enumerate() if t.name.startswith("live scan")]
