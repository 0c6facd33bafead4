"""How many clouds and pictures a second reach the screen, and how long the interface's thread is held up meanwhile.

The simulated rig at its full size, offscreen. The time of a round is one turn of the event loop with all that waited,
so its worst (max) is an upper bound of any event, against the 50 ms of `design/interface.md`; ``busy_ms`` is what the
thread itself worked of the worst, for on a loaded machine others' work counts too. Rates stand in ``extra_info`` and
are printed.
"""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtWidgets import QApplication

from faceapp.gui.capture.rig_link import RigState
from faceapp.gui.capture.workspace import CaptureWorkspace
from faceapp.gui.program.program import Program
from faceapp.gui.shell.settings import WindowSettings
from tests.ui.programs import start, tiny_project

SECONDS = 10.0
RIG = 'driver = "simulated"\nseed = 7\n'


@pytest.fixture
def capture(qtbot: Any, tmp_path: Path) -> Iterator[CaptureWorkspace]:
    """Capture with the simulated rig, ready to shoot."""
    rig = tmp_path / "rig.toml"
    rig.write_text(RIG)
    program: Program = start(qtbot, WindowSettings(tmp_path / "window.ini"), tiny_project(tmp_path / "p", str(rig)))
    program.window.resize(1440, 900)
    workspace = program.window.workspace("capture")
    assert isinstance(workspace, CaptureWorkspace)
    qtbot.waitUntil(lambda: workspace.link.state is RigState.READY, timeout=60_000)
    qtbot.waitUntil(lambda: workspace.can_shoot, timeout=180_000)
    gc.freeze()  # as the program does once its window stands
    yield workspace
    gc.unfreeze()
    program.window.close()


@pytest.mark.parametrize("scanned", [True, False], ids=["scan", "pictures"])
@pytest.mark.parametrize("views", ["three", "nine"])
def test_what_reaches_the_screen(
    benchmark: Any, qtbot: Any, qapp: QApplication, capture: CaptureWorkspace, views: str, scanned: bool
) -> None:
    clouds: list[float] = []
    pictures: Counter[str] = Counter()
    busy: list[float] = []
    if views == "three":
        capture.page.stage.live_drawn.connect(lambda: clouds.append(time.perf_counter()))
    else:  # of a hidden 3D view the phase is what comes onto the screen
        capture.link.scan.arrived.connect(lambda news: clouds.append(news.seen_at))
    capture.link.pictured.connect(lambda camera, _: pictures.update([camera]))
    capture.page.views.set_current(views)
    capture._lay_out_cameras()
    if scanned:
        capture.scanning.switch(True)
        qtbot.waitUntil(lambda: len(capture.page.live._scanned) == 2, timeout=60_000)
    qtbot.wait(3000)  # until it runs evenly
    clouds.clear()
    pictures.clear()

    def pause() -> None:
        time.sleep(0.002)

    def turn() -> None:
        began = time.thread_time()
        qapp.processEvents()
        busy.append(time.thread_time() - began)

    begun = time.perf_counter()
    benchmark.pedantic(turn, setup=pause, rounds=int(SECONDS / 0.0028))
    seconds = time.perf_counter() - begun
    slowest = min(pictures.values(), default=0) / seconds
    figures = {
        "clouds_hz": round(len(clouds) / seconds, 1),
        "pictures_hz": round(slowest, 1),
        "cameras": len(pictures),
        "busy_ms": round(1000 * max(busy), 1),
        "busy_share": round(sum(busy) / seconds, 3),
        "line": [figure.text() for figure in capture.page.live_bar.figures.values()],
    }
    benchmark.extra_info.update(figures)
    print(f"\n{views} views, {'live scan' if scanned else 'no scan'}: {figures} over {seconds:.1f} s")
