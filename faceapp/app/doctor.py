"""What this machine has and lacks: every line names the thing, its state, and what to do."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_WINDOW_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
}
_X_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}
_PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "opencv-python-headless",
    "PySide6-Essentials",
    "vtk",
    "pyvista",
    "SQLAlchemy",
    "pyserial",
)


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Parameters
    ----------
    what : str
        The thing.
    state : {"good", "missing", "note"}
        ``missing`` stops a part of the program; ``note`` does not.
    text : str
        The state in words and, where something lacks, what to do.
    """

    what: str
    state: str
    text: str


def examine(folder: Path) -> list[Finding]:
    """Return what this machine has and lacks, the disk of ``folder`` included."""
    findings = [
        Finding("Python", "good" if sys.version_info >= (3, 11) else "missing", platform.python_version()),
        *map(_package, _PACKAGES),
        *_libraries(),
        _display(),
        _disk(folder),
        _memory(),
    ]
    findings += [_guarded("drivers", "faceapp.drivers"), _guarded("plugins", "faceapp.plugins")]
    return findings


def missing_debian_packages() -> list[str]:
    """Return the Debian packages that hold shared libraries which a window needs and this machine lacks."""
    if not sys.platform.startswith("linux"):
        return []
    wanted = _WINDOW_LIBRARIES | (_X_LIBRARIES if os.environ.get("DISPLAY") else {})
    return [package for library, package in wanted.items() if not _loads(library)]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _package(name: str) -> Finding:
    try:
        return Finding(name, "good", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", f"not installed; run: python -m pip install {name}")


def _libraries() -> list[Finding]:
    packages = missing_debian_packages()
    if packages:
        return [Finding("shared libraries", "missing", f"for a window run: sudo apt-get install {' '.join(packages)}")]
    return [Finding("shared libraries", "good", "all there")]


def _display() -> Finding:
    if has_display():
        return Finding(
            "display", "good", os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or platform.system()
        )
    return Finding("display", "note", "none; faceapp demo --headless and all commands work without one")


def has_display() -> bool:
    """Return whether a window can be shown here."""
    if not sys.platform.startswith("linux"):
        return True
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or chosen.startswith("offscreen"))


def _disk(folder: Path) -> Finding:
    existing = next(p for p in [folder.resolve(), *folder.resolve().parents] if p.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        why = "may not be written" if existing.is_dir() else "is a file"
        return Finding("disk", "missing", f"{existing} {why}, so no project can lie there; name another folder")
    free = shutil.disk_usage(existing).free / 1e9
    state = "good" if free > 5 else "missing"
    return Finding("disk", state, f"{free:.0f} GB free at {existing}" + ("" if free > 5 else "; a session needs 5 GB"))


def _memory() -> Finding:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError, AttributeError):
        return Finding("memory", "note", "not known")
    return Finding("memory", "good" if total > 4 else "note", f"{total:.0f} GB, {os.cpu_count()} cores")


def _guarded(what: str, group: str) -> Finding:
    names: list[str] = []
    broken: list[str] = []
    for entry in importlib.metadata.entry_points(group=group):
        load: Callable[[], object] = entry.load
        try:
            load()
            names.append(entry.name)
        except Exception as error:  # a stranger's package may raise anything at import
            broken.append(f"{entry.name} ({type(error).__name__}: {error})")
    if broken:
        return Finding(what, "missing", f"cannot be loaded: {'; '.join(broken)}")
    return Finding(what, "good" if names else "missing", ", ".join(names) or "none found; install faceapp again")
