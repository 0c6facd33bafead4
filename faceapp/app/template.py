"""The registration template that comes with the program, and the head's modes that go with it."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceapp.core.template import Template
from faceapp.formats.template_files import read_template
from faceapp.morphable.head import head_template, load_head

OWN_TEMPLATE = "faceapp-head"


@functools.cache
def own_template() -> Template:
    """Return the template made from the average head."""
    return head_template()


@functools.cache
def own_modes() -> npt.NDArray[np.float32]:
    """Return identity and expression modes of the head, (53, V, 3) float32 mm, one standard deviation or full each."""
    head = load_head(2)
    return np.concatenate([head.identity_basis, head.expression_basis])


def load_template(file: Path | None) -> tuple[Template, npt.NDArray[np.float32] | None]:
    """Return a template and its modes: our own without a file; anyone's has no modes.

    Raises
    ------
    DataError
        The file is missing or wrong.
    """
    if file is None or str(file) == OWN_TEMPLATE:
        return own_template(), own_modes()
    return read_template(file), None
