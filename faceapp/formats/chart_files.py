"""Maps on a template's chart: displacement as a 16-bit PNG with a JSON file that says what it means, and texture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from faceapp.core.errors import DataError
from faceapp.core.results import BakedTexture, DisplacementMap
from faceapp.formats.atomic import write_bytes, write_json
from faceapp.formats.images import read_image, write_png
from faceapp.formats.schemas import read_json

NAME = "displacement"
TEXTURE = "texture.png"
_STEPS = 65534
"""Counts 1 to 65535 stand for the distances from -reach to +reach; 0 is unknown."""


def write_displacement(folder: Path, displacement: DisplacementMap) -> Path:
    """Write ``displacement.png`` (16 bit) and ``displacement.json``; return the latter.

    A count c above 0 is ``((c - 1) / 65534 * 2 - 1) * reach_mm``; 0 is unknown. One step of 2 mm reach is 0.00006 mm.
    """
    values = displacement.values
    share = np.clip(values / displacement.reach, -1.0, 1.0) * 0.5 + 0.5
    counts = np.where(np.isfinite(values), np.rint(np.nan_to_num(share) * _STEPS) + 1, 0).astype(np.uint16)
    write_png(folder / f"{NAME}.png", counts)
    file = folder / f"{NAME}.json"
    described = {
        "schema": "faceapp/displacement",
        "schema_version": 1,
        "map": f"{NAME}.png",
        "size": len(values),
        "reach_mm": displacement.reach,
        "direction": "interpolated unit vertex normals of the base mesh",
        "base": "registered.ply",
    }
    write_json(file, described)
    return file


def read_displacement(file: Path) -> DisplacementMap:
    """Read a displacement map by its JSON file.

    Raises
    ------
    DataError
        A file is missing or broken, or they do not fit each other.
    """
    data = read_json(file, NAME)
    picture = file.with_name(data["map"])
    counts = read_image(picture)
    size = data["size"]
    if counts.dtype != np.uint16 or counts.shape != (size, size):
        raise DataError(f"{picture}: {counts.shape} of {counts.dtype}; {file.name} says {size} x {size} of 16 bit")
    share = (counts.astype(np.float32) - 1) / _STEPS
    values = np.where(counts > 0, (share * 2 - 1) * np.float32(data["reach_mm"]), np.nan)
    return DisplacementMap(values.astype(np.float32), float(data["reach_mm"]))


def write_texture(folder: Path, texture: BakedTexture) -> Path:
    """Write ``texture.png``, (S, S) RGBA: transparent where the scan shows nothing."""
    alpha = np.where(texture.known, 255, 0).astype(np.uint8)
    ok, data = cv2.imencode(".png", np.dstack([texture.image[..., ::-1], alpha]), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not ok:
        raise DataError(f"{folder / TEXTURE} cannot be encoded")
    write_bytes(folder / TEXTURE, bytes(data))
    return folder / TEXTURE


def read_texture(folder: Path) -> BakedTexture | None:
    """Return the texture of a registration's folder, or ``None`` where it has none.

    Raises
    ------
    DataError
        The file is damaged.
    """
    file = folder / TEXTURE
    if not file.is_file():
        return None
    data = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if data is None or data.ndim != 3 or data.shape[2] != 4:
        raise DataError(f"{file} is damaged or has no transparency; register the neutral again")
    return BakedTexture(np.ascontiguousarray(data[..., 2::-1]), data[..., 3] > 0)
