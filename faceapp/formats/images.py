"""Pictures in and out: PNG, JPEG and TIFF; RGB in memory; a damaged file is an error, never a grey picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array
from faceapp.core.errors import DataError
from faceapp.formats.atomic import write_bytes

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
"""Suffixes of the pictures that are read."""

DEPTH_UNIT_MM = 0.05
"""Unit of a 16-bit depth PNG (0 means no surface)."""

cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # a broken file is reported once, by us, with its name


def read_image(file: Path, error: type[DataError] = DataError) -> npt.NDArray[Any]:
    """Return a picture as (H, W) or (H, W, 3) RGB, of the type that the file holds.

    Raises
    ------
    DataError
        The file is missing, empty, truncated or not a picture.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise error(f"{file} is missing") from None
    except OSError as cause:
        raise error(f"{file} cannot be read: {cause.strerror}") from cause
    if not data:
        raise error(f"{file} is empty (0 bytes)")
    if data.startswith(b"\x89PNG") and b"IEND" not in data[-16:]:
        raise error(f"{file} is truncated: the PNG has no end ({len(data)} bytes)")
    if data.startswith(b"\xff\xd8") and b"\xff\xd9" not in data[-1024:]:
        raise error(f"{file} is truncated: the JPEG has no end ({len(data)} bytes)")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise error(f"{file} is damaged or not a picture (PNG, TIFF or JPEG is expected)")
    if image.ndim == 3:
        image = image[..., :3][..., ::-1]
    return np.ascontiguousarray(image)


def write_png(file: Path, image: npt.NDArray[Any], *, compression: int = 1) -> None:
    """Write (H, W) or (H, W, 3) RGB of 8 or 16 bit as PNG, whole or not at all."""
    write_bytes(file, encode_png(image, compression=compression))


def encode_png(image: npt.NDArray[Any], *, compression: int = 1) -> bytes:
    """Return the bytes of a PNG; compression 1 is the quick one, of the same size within a few per cent."""
    bgr = image[..., ::-1] if image.ndim == 3 else image
    ok, data = cv2.imencode(".png", np.ascontiguousarray(bgr), [cv2.IMWRITE_PNG_COMPRESSION, compression])
    if not ok:
        raise DataError(f"a picture of {image.shape} {image.dtype} cannot be written as PNG")
    return bytes(data)


def is_depth(file: Path) -> bool:
    """Return whether a picture is a depth image by its type: one channel of float32 or of 16 bits."""
    if file.suffix.lower() not in (".tif", ".tiff", ".png"):
        return False
    try:
        image = read_image(file)
    except DataError:
        return False
    return image.ndim == 2 and image.dtype in (np.float32, np.uint16)


def read_depth(file: Path) -> Float32Array:
    """Read a depth image as `write_depth` writes them.

    Returns
    -------
    (H, W) float32
        mm; NaN where there is none.

    Raises
    ------
    DataError
        The file is missing, broken or no depth image.
    """
    image = read_image(file)
    if image.ndim == 2 and image.dtype == np.float32:
        return image
    if image.ndim == 2 and image.dtype == np.uint16:
        return np.where(image > 0, image * np.float32(DEPTH_UNIT_MM), np.float32(np.nan)).astype(np.float32)
    raise DataError(
        f"{file} is no depth image: a TIFF in float32 (mm) or a PNG of 16 bits ({DEPTH_UNIT_MM} mm) with one channel "
        f"is expected, it has {image.shape} {image.dtype}"
    )


def write_depth(folder: Path, camera: str, depth: Float32Array) -> tuple[Path, Path]:
    """Write a depth image (H, W) in mm as ``CAMERA.tiff`` (float32, NaN = none) and ``CAMERA.png`` (16 bit, 0.05 mm).

    Returns
    -------
    tuple of Path
        The TIFF and the PNG.
    """
    ok, data = cv2.imencode(".tiff", depth, [cv2.IMWRITE_TIFF_COMPRESSION, 8])
    if not ok:
        raise DataError(f"the depth image of {camera} cannot be written as TIFF")
    tiff, png = folder / f"{camera}.tiff", folder / f"{camera}.png"
    write_bytes(tiff, bytes(data))
    steps = np.nan_to_num(depth / DEPTH_UNIT_MM, nan=0.0)
    write_png(png, np.clip(np.rint(steps), 0, 65535).astype(np.uint16))
    return tiff, png
