"""From a command to a window: Qt and NumPy first, everything heavy after the first paint."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import NoReturn

from PySide6.QtCore import QCoreApplication, QStandardPaths, QTimer
from PySide6.QtWidgets import QApplication

from faceapp.gui.bridge import Relay
from faceapp.gui.program.entries import entries_of
from faceapp.gui.program.program import Program
from faceapp.gui.shell.settings import WindowSettings, apply_scale
from faceapp.gui.shell.window import MainWindow
from faceapp.gui.shell.workspace import WorkspaceEntry
from faceapp.gui.slow_events import watched_application
from faceapp.gui.widgets.messages import EmptyState

_log = logging.getLogger(__name__)
_SIGNALS_EVERY_MS = 250
SWITCH_S = 0.001  # after which a busy thread lets the interface's go on; Python's own 5 ms add up to pauses

# Imported on a thread once the window stands, so that the first use does not wait.
HEAVY = ("vtkmodules.vtkRenderingOpenGL2", "vtkmodules.vtkFiltersGeneral", "scipy.spatial")


def settings_file() -> Path:
    """Return where the window's settings of this person are."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation)
    return Path(folder) / "window.ini"


def make_application(settings: WindowSettings | None = None) -> QApplication:
    """Return the application, made if there is none; the size of the writing is set before."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    if settings is not None:
        apply_scale(settings.scale)
    application = watched_application(sys.argv[:1]) or QApplication(sys.argv[:1])
    application.setApplicationName("faceapp")
    application.setDesktopFileName("faceapp")
    return application


def make_window(
    settings: WindowSettings,
    entries: Sequence[WorkspaceEntry] = (),
    preload: bool = True,
    window: MainWindow | None = None,
) -> MainWindow:
    """Return the window with its tabs, not yet shown.

    Parameters
    ----------
    settings : WindowSettings
        What is remembered.
    entries : sequence of WorkspaceEntry
        Tabs; each is built after the first paint.
    preload : bool
        Whether heavy modules are imported on a thread after the first paint.
    window : MainWindow, optional
        That a program has made already.
    """
    window = window or MainWindow(settings)
    window.show_empty(
        EmptyState("folder-open", "No project is open", "Open a project folder, or make a new one.", primary=False)
        if not entries
        else EmptyState("hourglass-medium", "", "")
    )
    for entry in entries:
        window.add_workspace(entry)
    shown, relay = window, Relay(window)

    def show() -> None:
        if entries:
            last = settings.text("window/workspace")
            known = [entry.id for entry in entries]
            shown.open_workspaces(last if last in known else known[0])

    def load() -> None:
        _import_modules(*HEAVY, *(entry.module for entry in entries if entry.module))
        relay.post(show)

    def after_first_paint() -> None:
        if preload:  # the window stays alive while VTK is read
            threading.Thread(target=load, name="faceapp-preload", daemon=True).start()
        else:
            show()

    window.painted.connect(after_first_paint)
    return window


def pictures_folder() -> Path:
    """Return where pictures are kept that can be made again."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.CacheLocation)) / "pictures"


def make_program(
    settings: WindowSettings, project: Path | None = None, preload: bool = True, pictures: Path | None = None
) -> Program:
    """Return the whole program, its window not yet shown.

    Parameters
    ----------
    settings : WindowSettings
        What is remembered.
    project : Path, optional
        Project (or capture bundle) to open after the first paint; else that of the last time.
    preload : bool
        Whether heavy modules are imported on a thread after the first paint.
    pictures : Path, optional
        Folder for pictures that are made once; without it none are made.
    """
    program = Program(settings, pictures)
    make_window(settings, entries_of(program), preload, program.window)

    def after_first_paint() -> None:
        program.after_first_paint()
        wanted = project or program.context.last_project
        if wanted is not None:
            program.files.open_paths([str(wanted)])

    program.window.painted.connect(after_first_paint)
    return program


def _import_modules(*names: str) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            _log.exception("%s cannot be imported", name)


def run_window(project: Path | None = None, settings_path: Path | str | None = None) -> NoReturn:
    """Show the window until it is closed, and end the process with its exit status.

    Parameters
    ----------
    project : Path, optional
        Project or capture bundle to open.
    settings_path : path, optional
        INI file of the window; by default in the person's configuration folder.
    """
    os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")
    sys.setswitchinterval(SWITCH_S)
    if QApplication.instance() is None:
        QCoreApplication.setApplicationName("faceapp")  # names the configuration folder before there is an application
    settings = WindowSettings(settings_path or settings_file())
    application = make_application(settings)
    program = make_program(settings, project, pictures=pictures_folder())
    program.window.built.connect(gc.freeze)  # what stands now stays: searching it for garbage took 35 ms each time
    program.window.show()
    ticks = _close_on_signals(program.window)
    try:
        status = application.exec()
    finally:
        ticks.stop()
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End the workers and the process, without the seconds that taking Qt and VTK apart would last."""
    from faceapp.app.jobs import worker_pool

    worker_pool().close()
    shutil.rmtree(get_temp_dir(), ignore_errors=True)  # of the lines to the workers
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _close_on_signals(window: MainWindow) -> QTimer:
    """Let Ctrl+C and the end of a session close the window in good order; the timer lets Python hear them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.close())
    ticks = QTimer(window)
    ticks.start(_SIGNALS_EVERY_MS)
    ticks.timeout.connect(lambda: None)
    return ticks
