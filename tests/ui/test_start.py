"""What is imported before the first paint, and how threads reach the interface."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from psygnal import Signal as Psygnal
from PySide6.QtCore import QObject, Signal

from faceapp.gui.bridge import Relay

GUARD = """
import sys
from faceapp.gui.start import make_application, make_window
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.shell.workspace import Workspace, WorkspaceEntry
settings = WindowSettings(sys.argv[1])
app = make_application(settings)
built = []
def build():
    built.append(1)
    return Workspace()
window = make_window(settings, [WorkspaceEntry("library", "Library", "books", build)], preload=False)
heavy = ("vtkmodules", "pyqtgraph", "scipy", "numba", "cv2", "torch", "open3d", "pyvista", "h5py", "sqlalchemy")
def check():
    loaded = sorted(name for name in heavy if name in sys.modules)
    print("LOADED", loaded, "BUILT", len(built))
    app.quit()
window.painted.connect(check)
window.show()
app.exec()
"""


def test_first_paint_imports_qt_and_numpy_only(tmp_path: Path) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    result = subprocess.run(
        [sys.executable, "-c", GUARD, str(tmp_path / "w.ini")],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert "LOADED [] BUILT" in result.stdout, result.stdout + result.stderr


PROGRAM = """
import sys
from faceapp.gui.start import make_application, make_program
from faceapp.gui.shell.settings import WindowSettings
settings = WindowSettings(sys.argv[1])
app = make_application(settings)
window = make_program(settings).window
window.show()
window.grab()  # the first paint; what follows it comes with the event loop, which never runs
heavy = ("vtkmodules", "scipy", "numba", "cv2", "torch", "open3d", "pyvista", "h5py", "sqlalchemy", "faceapp.app")
print("LOADED", sorted(name for name in heavy if name in sys.modules))
"""


def test_the_whole_program_is_as_light(tmp_path: Path) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "w.ini")]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert "LOADED []" in result.stdout, result.stdout + result.stderr


def test_emit_keeps_the_references_of_true(qapp: Any) -> None:
    class Sender(QObject):
        told = Signal(bool)

    sender = Sender()
    before = sys.getrefcount(True)
    for _ in range(200):
        sender.told.emit(True)
    assert abs(sys.getrefcount(True) - before) < 20  # PySide 6.12.0 loses one at each


class Engine:
    moved = Psygnal(int)


def test_relay_brings_calls_to_this_thread(qtbot: Any) -> None:
    relay, engine, seen = Relay(), Engine(), []
    relay.listen(engine.moved, lambda n: seen.append((n, threading.current_thread())))
    worker = threading.Thread(target=lambda: [engine.moved.emit(n) for n in range(5)])
    worker.start()
    worker.join()
    assert seen == []  # nothing runs on the worker
    qtbot.waitUntil(lambda: len(seen) == 5)
    assert seen == [(n, threading.main_thread()) for n in range(5)]
    relay.close()
    engine.moved.emit(9)
    qtbot.wait(20)
    assert len(seen) == 5


def test_relay_delivers_only_the_latest_where_asked(qtbot: Any) -> None:
    relay, engine, seen = Relay(), Engine(), []
    relay.listen(engine.moved, seen.append, latest_only=True)
    for n in range(100):
        engine.moved.emit(n)
    qtbot.waitUntil(lambda: bool(seen))
    qtbot.wait(20)
    assert seen == [99]


def test_relay_hands_on_results_and_errors(qtbot: Any) -> None:
    relay, done, failed = Relay(), [], []
    with ThreadPoolExecutor(1) as pool:
        relay.watch(pool.submit(lambda: 7), done.append, failed.append)
        relay.watch(pool.submit(lambda: 1 / 0), done.append, failed.append)
        qtbot.waitUntil(lambda: bool(done and failed))
    assert done == [7]
    assert isinstance(failed[0], ZeroDivisionError)


def test_the_window_ends_the_program_while_work_runs(tmp_path: Path) -> None:
    """It vanishes before it waits for what is under way, and the process ends all the same."""
    script = """
import sys, time
from PySide6.QtCore import QTimer
from faceapp.gui.start import make_application, make_program
from faceapp.gui.shell.settings import WindowSettings
settings = WindowSettings(sys.argv[1])
settings.set_text("operator/initials", "MH")
application = make_application(settings)
program = make_program(settings, preload=False)
program.window.show()
def work(reporter):
    end = time.time() + 30
    while time.time() < end:  # hears nothing
        time.sleep(0.05)
def close():
    program.jobs.run("Endless", work, lambda _: None)
    seen = []
    program.window.closing.connect(lambda: print("visible", program.window.isVisible(), flush=True))
    program.window.close()
QTimer.singleShot(800, close)
print("status", application.exec(), flush=True)
import os
os._exit(0)
"""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "window.ini")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["visible", "False", "status", "0"], done.stderr
