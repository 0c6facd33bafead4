"""What emulated firmware keeps: an upload on its way, and two places for images of which one runs."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from faceapp.core.errors import DataError
from faceapp_hardware.projectors.firmware_image import HEAD_BYTES, ImageHead, pack_image, unpack_head
from faceapp_hardware.projectors.messages import Upload
from faceapp_hardware.projectors.wire import Status

PRODUCT = 0x4650
IMAGE_MEMORY = 262_144


@dataclass
class Flash:
    """The memory that survives a reset and a power cut.

    Parameters
    ----------
    running : bytes
        The image that runs.
    """

    running: bytes = field(default_factory=lambda: pack_image(PRODUCT, (2, 0, 0), b"emulated firmware" * 60))

    @property
    def head(self) -> ImageHead:
        """Of the image that runs."""
        return unpack_head(self.running)

    def check(self, image: bytes) -> Status:
        """Return whether an image that has arrived whole may run."""
        status = check_head(image, len(image))
        if status is Status.DONE and zlib.crc32(image[HEAD_BYTES:]) != unpack_head(image).crc:
            return Status.BAD_CHECK
        return status


def check_head(data: bytes, length: int) -> Status:
    """Return whether the first bytes of an image let the rest be worth sending."""
    try:
        head = unpack_head(data)
    except DataError:
        return Status.NO_IMAGE
    if head.product != PRODUCT:
        return Status.WRONG_PRODUCT
    return Status.DONE if HEAD_BYTES + head.length == length else Status.WRONG_SIZE


class Receiving:
    """An upload on its way, in memory that a reset empties.

    Parameters
    ----------
    memory : int
        Bytes that a sequence may have.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._what: tuple[Upload, int, int] | None = None
        self.data = b""

    @property
    def is_image(self) -> bool:
        """Whether firmware is on its way."""
        return self._what is not None and self._what[0] is Upload.IMAGE

    def forget(self) -> None:
        """End it."""
        self._what, self.data = None, b""

    def begin(self, what: Upload, length: int, crc: int) -> Status:
        """Begin, or go on with the same as before."""
        if length > (IMAGE_MEMORY if what is Upload.IMAGE else self._memory):
            return Status.WRONG_SIZE
        if self._what != (what, length, crc):
            self._what, self.data = (what, length, crc), b""
        return Status.DONE

    def write(self, offset: int, block: bytes) -> Status:
        """Take a block that begins where the last one ended, or before: then it has been here already."""
        if self._what is None or offset > len(self.data) or offset + len(block) > self._what[1]:
            return Status.BAD_OFFSET
        if offset + len(block) > len(self.data):
            self.data = self.data[:offset] + block
        if self.is_image and len(self.data) >= HEAD_BYTES:
            status = check_head(self.data[:HEAD_BYTES], self._what[1])
            if status is not Status.DONE:
                self.forget()
            return status
        return Status.DONE

    def take(self, length: int, crc: int) -> tuple[Upload, bytes] | None:
        """Return what has arrived if it is whole, and end."""
        if self._what is None or (len(self.data), zlib.crc32(self.data)) != (length, crc):
            return None
        what, data = self._what[0], self.data
        self.forget()
        return what, data
