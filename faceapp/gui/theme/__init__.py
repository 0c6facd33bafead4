"""Colours, type, icons and the one style sheet that is made from them."""

from __future__ import annotations

from faceapp.gui.theme.fonts import font, mono
from faceapp.gui.theme.icons import icon, pixmap
from faceapp.gui.theme.manager import Theme, color, restyle, surface, theme, tokens
from faceapp.gui.theme.tokens import DARK, LIGHT, MARKS, SIZES, Tokens

__all__ = [
    "DARK",
    "LIGHT",
    "MARKS",
    "SIZES",
    "Theme",
    "Tokens",
    "color",
    "font",
    "icon",
    "mono",
    "pixmap",
    "restyle",
    "surface",
    "theme",
    "tokens",
]
