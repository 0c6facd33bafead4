"""What the README promises of itself."""

from __future__ import annotations

import re
from pathlib import Path

from faceapp.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]


def test_every_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"`faceapp ([a-z]+)", (ROOT / "README.md").read_text()))
    assert named
    assert named <= set(COMMANDS)


def test_files_that_the_readme_names_are_there() -> None:
    text = (ROOT / "README.md").read_text()
    for name in re.findall(r"`(resources/[\w/.]+)`", text):
        assert (ROOT / name).exists(), name
