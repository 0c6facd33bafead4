"""The command of a projector that stores its sequences: 12 bytes at 9600 baud, and answers of one byte.

``36 AA``, class u8 (which stored sequence), rate u8 (exposures a second), brightness u16 (share of 65535), exposure u32
(microseconds of light in each exposure), check u16 (``AAAA``: none); little endian. Between the answers the device
sends texts that say that it lives. There is no number of a request and no word for stopping.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

HEAD = b"\x36\xaa"
BAUD = 9600
LENGTH = 12
NO_CHECK = 0xAAAA

_COMMAND = struct.Struct("<2sBBHIH")


@enum.unique
class Answer(enum.IntEnum):
    """What the device says of a command."""

    DONE = 1
    CANNOT_TRIGGER = 2
    BROKEN = 3
    LIGHT = 4
    DEVICE = 5
    PARAMETER = 6

    @property
    def sentence(self) -> str:
        """For people, after the name of the projector."""
        return {
            Answer.DONE: "is done",
            Answer.CANNOT_TRIGGER: "cannot trigger: it is busy or its trigger out is not ready. Wait, then try again",
            Answer.BROKEN: "got a command with broken bytes. Check its cable",
            Answer.LIGHT: "has a defective light source. Have it repaired",
            Answer.DEVICE: "reports a fault of its own. Switch it off and on; if it stays, have it repaired",
            Answer.PARAMETER: "refuses the sequence, the rate, the brightness or the exposure. Check its rig file",
        }[self]


@dataclass(frozen=True)
class Command:
    """Show a stored sequence once.

    Parameters
    ----------
    number : int
        Class of the sequence, 0 to 255.
    rate_hz : int
        Exposures a second, 1 to 255.
    brightness : int
        Share of 65535.
    exposure_us : int
        Light in each exposure.
    check : int
        `NO_CHECK`: the device checks nothing.
    """

    number: int
    rate_hz: int
    brightness: int
    exposure_us: int
    check: int = NO_CHECK

    def pack(self) -> bytes:
        """Return the 12 bytes."""
        return _COMMAND.pack(HEAD, self.number, self.rate_hz, self.brightness, self.exposure_us, self.check)


def unpack(data: bytes) -> Command:
    """Return the command of 12 bytes that begin with `HEAD`."""
    return Command(*_COMMAND.unpack(data)[1:])


def answers_in(data: bytes) -> list[Answer]:
    """Return the answers among what a device sent; its texts are printable, and no answer is."""
    return [Answer(byte) for byte in data if byte in set(Answer)]
