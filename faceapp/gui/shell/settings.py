"""What the window remembers: an INI file whose path comes from outside, so tests leave a person's own alone."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QWidget

SCALES = (100, 125, 150, 175, 200)


class WindowSettings:
    """Theme, size of the writing, keys, geometry and the state of each workspace.

    Parameters
    ----------
    file : Path or str
        INI file; it need not exist.
    """

    def __init__(self, file: Path | str) -> None:
        self._store = QSettings(str(file), QSettings.Format.IniFormat)

    @property
    def theme(self) -> str:
        """``dark`` or ``light``."""
        return str(self._store.value("look/theme", "dark"))

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("look/theme", name)

    @property
    def more_contrast(self) -> bool:
        """Whether fields have an edge."""
        return str(self._store.value("look/more_contrast", "false")) == "true"

    @more_contrast.setter
    def more_contrast(self, on: bool) -> None:
        self._store.setValue("look/more_contrast", "true" if on else "false")

    @property
    def scale(self) -> int:
        """Size of everything in per cent, one of `SCALES`."""
        try:
            value = int(str(self._store.value("look/scale", 100)))
        except ValueError:
            return 100
        return min(200, max(100, value))

    @scale.setter
    def scale(self, percent: int) -> None:
        self._store.setValue("look/scale", percent)

    @property
    def hints(self) -> bool:
        """Whether hint bars are shown."""
        return str(self._store.value("look/hints", "true")) == "true"

    @hints.setter
    def hints(self, on: bool) -> None:
        self._store.setValue("look/hints", "true" if on else "false")

    @property
    def keys(self) -> dict[str, str]:
        """Shortcuts that a person changed, by the identifier of the action."""
        self._store.beginGroup("keys")
        result = {key.replace("|", "/"): str(self._store.value(key, "")) for key in self._store.childKeys()}
        self._store.endGroup()
        return result

    @keys.setter
    def keys(self, keys: dict[str, str]) -> None:
        self._store.remove("keys")
        for identifier, key in keys.items():
            self._store.setValue(f"keys/{identifier.replace('/', '|')}", key)

    def text(self, name: str, default: str = "") -> str:
        """Return any other text, by a name such as ``annotate/state``."""
        return str(self._store.value(name, default))

    def set_text(self, name: str, value: str) -> None:
        """Keep a text."""
        self._store.setValue(name, value)

    def geometry(self) -> QByteArray | None:
        """Return where the window stood, or ``None``."""
        value = self._store.value("window/geometry")
        return value if isinstance(value, QByteArray) else None

    def set_geometry(self, geometry: QByteArray) -> None:
        """Keep where the window stands."""
        self._store.setValue("window/geometry", geometry)

    def save(self) -> None:
        """Write the file now."""
        self._store.sync()


def apply_scale(percent: int) -> None:
    """Tell Qt the size of everything; has an effect only before the application exists.

    A QT_SCALE_FACTOR that a person set wins.
    """
    if percent != 100 and "QT_SCALE_FACTOR" not in os.environ:
        os.environ["QT_SCALE_FACTOR"] = f"{percent / 100:g}"


def place(window: QWidget, geometry: QByteArray | None) -> None:
    """Put a window where it was, never larger than its screen."""
    if geometry is None or not window.restoreGeometry(geometry):
        window.resize(1440, 900)
    room = window.screen().availableGeometry()
    window.resize(window.size().boundedTo(room.size()))
    if not room.contains(window.geometry()):
        window.move(room.topLeft())
