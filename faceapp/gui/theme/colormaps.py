"""Colour maps by Fabio Crameri, four tables of 256 colours (MIT, copied from cmcrameri 1.10)."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

import faceapp_resources
from faceapp.core.arrays import UInt8Array

NAMES = ("vik", "batlow", "romaO", "grayC")
NO_DATA = (0x7A, 0x7E, 0x86)


@functools.cache
def colormap(name: str) -> UInt8Array:
    """Return the (256, 3) uint8 RGB table ``vik``, ``batlow``, ``romaO`` or ``grayC``.

    Raises
    ------
    KeyError
        There is no such map.
    """
    with np.load(faceapp_resources.path("colormaps", "cmcrameri.npz"), allow_pickle=False) as tables:
        table: UInt8Array = tables[name]
    table.flags.writeable = False
    return table


def colorize(values: npt.ArrayLike, name: str, low: float, high: float) -> UInt8Array:
    """Return RGB colours of numbers.

    Parameters
    ----------
    values : array_like
        Any shape; not finite means no data and becomes grey.
    name : str
        Colour map.
    low, high : float
        Values of the first and the last colour; what lies outside takes theirs.

    Returns
    -------
    (..., 3) uint8
    """
    numbers = np.asarray(values, np.float32)
    known = np.isfinite(numbers)
    span = high - low if high > low else 1.0
    index = np.clip((np.where(known, numbers, low) - low) * (255.999 / span), 0, 255).astype(np.uint8)
    result = colormap(name)[index]
    result[~known] = NO_DATA
    return result
