"""What can be done in every workspace: the palette, the look, the end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from faceapp.gui.shell.actions import Action
from faceapp.gui.shell.settings import SCALES

if TYPE_CHECKING:
    from faceapp.gui.shell.keys_panel import KeysPanel
    from faceapp.gui.shell.window import MainWindow


def own_actions(window: MainWindow) -> list[Action]:
    """Return the actions of the window itself."""
    look = partial(Action, menu="View", where="Settings", checkable=True)
    settings, dark = window.settings, window.settings.theme != "light"

    acts = [
        Action("help.commands", "Search or run a command", window.palette_box.open, "Ctrl+K", "Help", "command"),
        Action("help.keys", "Keys…", partial(show_keys, window), menu="Help", icon="keyboard", where="Settings"),
    ]
    for name, icon in (("dark", "moon"), ("light", "sun")):
        title, run = f"{name.capitalize()} theme", lambda _, name=name: window.set_theme(name)
        acts.append(look(f"view.theme-{name}", title, run, icon=icon, checked=dark == (name == "dark"), section=90))
    contrast, on = window.set_more_contrast, settings.more_contrast
    acts.append(look("view.more-contrast", "More contrast", contrast, checked=on, section=90))
    for percent in SCALES:
        title = f"Size {percent}\N{NO-BREAK SPACE}%"
        run = lambda _, percent=percent: window.set_scale(percent)  # noqa: E731
        acts.append(look(f"view.scale-{percent}", title, run, checked=settings.scale == percent, section=91))
    acts.append(Action("view.full-screen", "Full screen", window.toggle_full_screen, "F11", "View", section=92))
    acts.append(Action("file.quit", "Quit", window.close, "Ctrl+Q", "File", section=99))
    return acts


def show_keys(window: MainWindow) -> KeysPanel:
    """Show every act with its key, to be changed."""
    from faceapp.gui.shell.keys_panel import KeysPanel

    panel = KeysPanel(window.actions_registry, window.settings, window)
    panel.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    panel.show()
    return panel
