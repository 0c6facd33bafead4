"""A window on a rig in a process of its own, as the program starts it, that shoots and accepts one take after another.

``python -m tests.flows.window_session FOLDER RIG TAKES keep|free`` prints the resident memory after each take, MB, as
a JSON list; ``free`` leaves the C library as it is.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")

from faceapp.core.allocator import keep_freed_memory

WITHIN_S = 60


def run(folder: Path, rig: str, takes: int) -> list[float]:
    """Return the resident memory after each take, MB."""
    from PySide6.QtCore import QEventLoop, Qt, QTimer
    from PySide6.QtTest import QTest

    from faceapp.core.subject import Verdict
    from faceapp.gui.capture.rig_link import RigState
    from faceapp.gui.capture.workspace import CaptureWorkspace
    from faceapp.gui.shell.settings import WindowSettings
    from faceapp.gui.start import SWITCH_S, make_application, make_program
    from tests.ui.programs import messages, tiny_project

    def wait_until(is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + WITHIN_S
        while not is_so():
            if time.monotonic() > end:
                raise SystemExit(f"waited {WITHIN_S} s in vain; messages: {messages(program)}")
            loop = QEventLoop()
            QTimer.singleShot(10, loop.quit)
            loop.exec()  # QTest.qWait would keep Python's lock from the threads of the program

    sys.setswitchinterval(SWITCH_S)
    settings = WindowSettings(folder / "window.ini")
    settings.set_text("operator/initials", "MH")
    project = tiny_project(folder / "project", rig)
    application = make_application(settings)
    program = make_program(settings, project, pictures=folder / "pictures-made")
    program.window.built.connect(gc.freeze)
    program.window.resize(1600, 900)
    program.window.show()
    wait_until(lambda: program.window.current != "" and program.context.project is not None)
    capture = program.window.workspace("capture")
    assert isinstance(capture, CaptureWorkspace)
    capture.set_countdown(False)
    wait_until(lambda: capture.link.state is RigState.READY)
    resident: list[float] = []
    for number in range(1, takes + 1):
        wait_until(lambda: capture.can_shoot)
        QTest.keyClick(program.window, Qt.Key.Key_Space)
        wait_until(lambda: capture.judging)
        QTest.keyClick(program.window, Qt.Key.Key_Return)
        wait_until(lambda n=number: sum(s.verdict is Verdict.ACCEPTED for s in program.context.samples()) == n)
        gc.collect()
        resident.append(resident_mb())
    program.window.close()
    application.processEvents()
    return resident


def resident_mb() -> float:
    """Return the memory of this process that is in use, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    place, described, count, how = sys.argv[1:]
    if how == "keep":
        keep_freed_memory()  # before any thread, as the program does
    print(json.dumps(run(Path(place), described, int(count))), flush=True)
    os._exit(0)  # as the program ends: without taking Qt and VTK apart
