"""The fonts that come with the program, with figures of equal width."""

from __future__ import annotations

import functools

from PySide6.QtGui import QFont, QFontDatabase

import faceapp_resources

_FILES = ("Inter-Regular.ttf", "Inter-Medium.ttf", "Inter-SemiBold.ttf", "JetBrainsMono-Regular.ttf")
_TABULAR = QFont.Tag("tnum")
_TABULAR_BELOW = 20  # px; large figures look better with their own widths


@functools.cache
def load_fonts() -> None:
    """Register the fonts with Qt, once; there must be an application."""
    for name in _FILES:
        QFontDatabase.addApplicationFont(str(faceapp_resources.path("fonts", name)))


@functools.cache
def font(size: int = 13, weight: int = 400) -> QFont:
    """Return Inter in the given pixel size and weight (400, 500 or 600).

    The object is shared: copy it before changing it.
    """
    result = QFont("Inter")
    result.setPixelSize(size)
    result.setWeight(QFont.Weight(weight))
    result.setStyleHint(QFont.StyleHint.SansSerif)
    result.setHintingPreference(QFont.HintingPreference.PreferNoHinting)  # widths in fractions of a pixel
    if size < _TABULAR_BELOW:
        result.setFeature(_TABULAR, 1)
    return result


@functools.cache
def mono(size: int = 12) -> QFont:
    """Return JetBrains Mono, for details of errors and logs."""
    result = QFont("JetBrains Mono")
    result.setPixelSize(size)
    result.setStyleHint(QFont.StyleHint.Monospace)
    return result
