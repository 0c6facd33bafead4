"""The figures that the head is made from: read once from the project's data."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

from faceapp.core.errors import DataError

SCHEMA_VERSION = 1


@functools.cache
def figures(name: str) -> dict[str, Any]:
    """Return one file of figures.

    Parameters
    ----------
    name : str
        ``cage``, ``parts``, ``identity``, ``expressions``, ``albedo`` or ``measurements``.

    Returns
    -------
    dict
        As in the JSON file; shared by all callers, not to be changed.

    Raises
    ------
    DataError
        The file is missing or of another version.
    """
    place = resources.files("faceapp_resources") / "head" / f"{name}.json"
    try:
        content: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"head figures {name}: cannot be read ({error}); reinstall faceapp") from error
    if content.get("schema") != f"faceapp/head-{name}" or content.get("schema_version") != SCHEMA_VERSION:
        raise DataError(f"head figures {name}: not of version {SCHEMA_VERSION}; reinstall faceapp")
    return content
