"""Arrays that values are made of: checked once, C-ordered, read-only for ever after."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DataError

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]
UInt8Array = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]


def frozen(
    values: npt.ArrayLike,
    dtype: npt.DTypeLike,
    shape: tuple[int | None, ...],
    name: str,
) -> npt.NDArray[Any]:
    """Return ``values`` as a read-only C-ordered array of the given type and shape.

    Parameters
    ----------
    values : array_like
        Copied only where the type, the order or the shared ownership demands it.
    dtype : dtype
        Wanted element type.
    shape : tuple of int or None
        Wanted shape; ``None`` admits any length of that axis.
    name : str
        What the array is, for the error message.

    Returns
    -------
    ndarray
        Not writeable.

    Raises
    ------
    DataError
        The shape differs or the values cannot be converted.
    """
    try:
        array = np.array(values, dtype=dtype, order="C", copy=None)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: expected numbers of type {np.dtype(dtype)}, got {error}") from error
    wanted = tuple("any" if n is None else n for n in shape)
    fits = array.ndim == len(shape) and all(n is None or n == m for n, m in zip(shape, array.shape, strict=True))
    if not fits:
        raise DataError(f"{name}: expected shape {wanted}, got {array.shape}")
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def frozen_or_none(
    values: npt.ArrayLike | None,
    dtype: npt.DTypeLike,
    shape: tuple[int | None, ...],
    name: str,
) -> npt.NDArray[Any] | None:
    """Return ``frozen(...)``, or ``None`` for a value that is not known."""
    return None if values is None else frozen(values, dtype, shape, name)
