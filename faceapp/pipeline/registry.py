"""Plugins by stage and name: installed packages announce modules under the entry point ``faceapp.plugins``."""

from __future__ import annotations

import functools
import importlib.metadata
import types

from faceapp.core.errors import PluginError, UsageError
from faceapp.pipeline.contract import ATTRIBUTE, Plugin

GROUP = "faceapp.plugins"


DEFAULTS = {"mesh": "cvt", "register": "nicp", "reconstruct": "landmark-fit"}
"""The plugin of each stage that runs where nobody names one; lists begin with it."""


@functools.cache
def find_plugins() -> tuple[tuple[Plugin, ...], tuple[str, ...]]:
    """Return all plugins and, for each that cannot be loaded, a sentence.

    A plugin module is imported here to read its contract; heavy libraries belong inside its functions.
    """
    found: list[Plugin] = []
    broken: list[str] = []
    for entry in importlib.metadata.entry_points(group=GROUP):
        try:
            found += plugins_of(entry.load())
        except Exception as error:  # a stranger's package may raise anything at import
            broken.append(f"plugin {entry.name} ({entry.value}) cannot be loaded: {type(error).__name__}: {error}")
    return tuple(sorted(found, key=lambda p: (p.stage, p.name != DEFAULTS.get(p.stage), p.name))), tuple(broken)


def plugins_of(loaded: object) -> list[Plugin]:
    """Return the plugins of a module, or of a single function."""
    values = vars(loaded).values() if isinstance(loaded, types.ModuleType) else [loaded]
    return [v for v in (getattr(value, ATTRIBUTE, None) for value in values) if isinstance(v, Plugin)]


def get_plugin(stage: str, name: str | None = None) -> Plugin:
    """Return a plugin; without a name the stage's default, or where that is not installed the first.

    Raises
    ------
    UsageError
        There is none of that name; the message lists those of the stage.
    PluginError
        The stage has no plugin at all.
    """
    plugins, broken = find_plugins()
    those = [p for p in plugins if p.stage == stage]
    if not those:
        raise PluginError(f"no {stage} plugin is installed. {' '.join(broken)}".strip())
    if name is None:
        return those[0]
    for p in those:
        if p.name == name:
            return p
    raise UsageError(f"there is no {stage} plugin {name!r}; there are {', '.join(p.name for p in those)}")
