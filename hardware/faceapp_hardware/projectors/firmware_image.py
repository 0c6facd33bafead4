"""Firmware images: a head of 24 bytes that says for which product they are, and the body with its check sum."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from faceapp.core.errors import DataError

MAGIC = b"FAFW"
HEAD_BYTES = 24

_HEAD = struct.Struct("<4sBBHBBBBIII")
_CRC = struct.Struct("<I")
_LAYOUT = 1


@dataclass(frozen=True)
class ImageHead:
    """What an image says of itself.

    Parameters
    ----------
    product : int
        For which it is.
    major, minor, patch : int
        Version.
    length, crc : int
        Of the body.
    """

    product: int
    major: int
    minor: int
    patch: int
    length: int
    crc: int

    @property
    def version(self) -> str:
        """For people."""
        return f"{self.major}.{self.minor}.{self.patch}"


def pack_image(product: int, version: tuple[int, int, int], body: bytes) -> bytes:
    """Return an image: its head and its body.

    Parameters
    ----------
    product : int
        0 to 65535.
    version : (int, int, int)
        0 to 255 each.
    body : bytes
        What the controller runs.
    """
    head = _HEAD.pack(MAGIC, _LAYOUT, 0, product, *version, 0, len(body), zlib.crc32(body), 0)[: -_CRC.size]
    return head + _CRC.pack(zlib.crc32(head)) + body


def unpack_head(data: bytes) -> ImageHead:
    """Return the head of an image.

    Raises
    ------
    DataError
        It is none.
    """
    if len(data) < HEAD_BYTES or not data.startswith(MAGIC):
        raise DataError("it is no firmware image: it does not begin with FAFW")
    _, layout, _, product, major, minor, patch, _, length, crc, check = _HEAD.unpack_from(data)
    if check != zlib.crc32(data[: HEAD_BYTES - _CRC.size]):
        raise DataError("it is damaged: the check sum of its head does not fit. Fetch it again")
    if layout != _LAYOUT:
        raise DataError(f"its layout is {layout}, this program knows {_LAYOUT}. Update faceapp")
    return ImageHead(product, major, minor, patch, length, crc)


def check_image(data: bytes, product: int, memory: int) -> ImageHead:
    """Check a whole image before anything is sent.

    Parameters
    ----------
    data : bytes
        The file.
    product, memory : int
        Of the device: its number, and the bytes it has for an image.

    Raises
    ------
    DataError
        The image is for another product, too large, cut off or damaged; the sentence goes on after its name.
    """
    head = unpack_head(data)
    if head.product != product:
        raise DataError(f"it is for product {head.product}, this one is product {product}. Fetch the right one")
    if len(data) != HEAD_BYTES + head.length:
        raise DataError(f"it has {len(data)} bytes, {HEAD_BYTES + head.length} are due: it was cut off. Fetch it again")
    if len(data) > memory:
        raise DataError(f"it has {len(data)} bytes, the device has room for {memory}. Fetch the right one")
    if zlib.crc32(data[HEAD_BYTES:]) != head.crc:
        raise DataError("it is damaged: the check sum of its body does not fit. Fetch it again")
    return head
