"""What travels between host and device over a serial line: framing, check sums, kinds of messages.

A frame is ``COBS(header | payload | CRC-32) 00``; the header is version u8, kind u8, sequence u16, length u16, little
endian. Requests are idempotent: the same sequence number gets the same answer and no second act. A broken frame is
answered at once, with the offset that the upload has reached. The whole stands in ``docs/projector-protocol.md``.
"""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass

VERSION = 2
BAUD = 921_600
WATCHDOG_S = 0.5
"""The firmware puts the light off when it has heard nothing for this long."""
BEAT_S = 0.15
"""How often the host speaks while there is light."""
BLOCK = 128
"""Bytes of data of one WRITE."""
IN_FLIGHT = 4
"""Requests of an upload that may be on the line before the first answer: adapters of USB add up to 16 ms each way."""
REMEMBERED = 8
"""Answers that the firmware keeps, for requests that come again."""

_HEADER = struct.Struct("<BBHH")
_CRC = struct.Struct("<I")
_ANSWER = 0x80
_MOST_PAYLOAD = 1024


class WireError(Exception):
    """A frame that cannot be what was sent."""


class OtherVersion(WireError):
    """A whole frame of another version of the protocol.

    Parameters
    ----------
    version : int
        Which.
    """

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} of the protocol")
        self.version = version


@enum.unique
class Kind(enum.IntEnum):
    """What a request asks."""

    HELLO = 1
    WRITE = 2
    COMMIT = 3
    PLAY = 4
    STOP = 5
    BEAT = 6
    BROKEN = 7
    STATE = 8
    SET = 9
    BEGIN = 10
    PROGRAM = 16
    ARM = 17


_KINDS = frozenset(Kind)


@enum.unique
class Status(enum.IntEnum):
    """How a request went."""

    DONE = 0
    BAD_OFFSET = 1
    BAD_CHECK = 2
    BAD_SEQUENCE = 3
    EMPTY = 4
    UNKNOWN = 5
    BAD_VERSION = 6
    BAD_VALUE = 7
    BUSY = 8
    INTERLOCK = 9
    FAULT = 10
    NO_IMAGE = 11
    WRONG_PRODUCT = 12
    WRONG_SIZE = 13


@dataclass(frozen=True)
class Message:
    """A request or its answer.

    Parameters
    ----------
    kind : Kind
        What it asks; a number where nobody here knows it.
    sequence : int
        0 to 65535; an answer has its request's.
    payload : bytes
        As the kind has it; that of an answer begins with its status.
    is_answer : bool
        Which of the two.
    """

    kind: Kind | int
    sequence: int
    payload: bytes = b""
    is_answer: bool = False

    @property
    def status(self) -> Status:
        """How the request went, of an answer.

        Raises
        ------
        WireError
            There is none, or a firmware that is newer says one that nobody here knows.
        """
        try:
            return Status(self.payload[0])
        except (IndexError, ValueError) as error:
            raise WireError(f"an answer {self.payload[:1].hex() or 'without a status'}") from error


def cobs_encode(data: bytes) -> bytes:
    """Return the bytes without any zero (consistent overhead byte stuffing), no delimiter."""
    out = bytearray()
    for block in data.split(b"\0"):
        while len(block) >= 254:
            out += b"\xff" + block[:254]
            block = block[254:]
        out.append(len(block) + 1)
        out += block
    return bytes(out)


def cobs_decode(data: bytes) -> bytes:
    """Return what `cobs_encode` was given.

    Raises
    ------
    WireError
        It cannot be what `cobs_encode` returned.
    """
    if not data:
        raise WireError("an empty frame")
    out = bytearray()
    at = 0
    while at < len(data):
        end = at + data[at]
        block = data[at + 1 : end]
        if end == at or end > len(data) or 0 in block:
            raise WireError(f"a broken block at byte {at}")
        out += block
        if data[at] < 255 and end < len(data):
            out.append(0)
        at = end
    return bytes(out)


def encode(message: Message) -> bytes:
    """Return the frame of a message, its delimiter included."""
    kind = message.kind | (_ANSWER if message.is_answer else 0)
    body = _HEADER.pack(VERSION, kind, message.sequence, len(message.payload)) + message.payload
    return cobs_encode(body + _CRC.pack(zlib.crc32(body))) + b"\0"


def decode(frame: bytes) -> Message:
    """Return the message of a frame without its delimiter.

    Raises
    ------
    WireError
        A byte is wrong.
    OtherVersion
        No byte is wrong, but it is of another version of the protocol.
    """
    body = cobs_decode(frame)
    if len(body) < _HEADER.size + _CRC.size:
        raise WireError(f"a frame of {len(body)} bytes")
    body, check = body[: -_CRC.size], body[-_CRC.size :]
    if _CRC.unpack(check)[0] != zlib.crc32(body):
        raise WireError("the check sum does not fit")
    version, kind, sequence, length = _HEADER.unpack_from(body)
    if version != VERSION:
        raise OtherVersion(version)
    payload = body[_HEADER.size :]
    if length != len(payload):
        raise WireError(f"{len(payload)} of {length} bytes")
    what = kind & ~_ANSWER
    return Message(Kind(what) if what in _KINDS else what, sequence, payload, bool(kind & _ANSWER))


class Splitter:
    """Cuts a stream of bytes into frames at their delimiters; a stream without any does not grow for ever."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are complete now, without delimiters; empty ones are left out."""
        *frames, self._rest = (self._rest + data).split(b"\0")
        self._rest = self._rest[-2 * _MOST_PAYLOAD :]
        return [frame for frame in frames if frame]
