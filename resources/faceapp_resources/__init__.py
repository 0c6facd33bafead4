"""Data only: schemas, schemes, rigs, the template, the head, icons, fonts and documents."""

from __future__ import annotations

from pathlib import Path


def path(*parts: str) -> Path:
    """Return the path of a file that comes with the program, for instance ``path("schemes", "jd106.json")``."""
    return Path(__file__).parent.joinpath(*parts)
