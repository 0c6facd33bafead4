"""What travels between host and projector over a serial line: framing, check sums, messages.

A frame is ``COBS(header | payload | CRC-32) 00``; the header is version u8, kind u8, sequence u16, length u16, little
endian. Requests are idempotent: the same sequence number gets the same answer and no second act. A broken frame is
answered at once, with the offset that the upload has reached.
"""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass

from faceapp.core.errors import DeviceError
from faceapp.core.sequence import Dark, Exposure, Flood, Fringe, FringeSequence, GrayBit

VERSION = 1
BAUD = 921_600
WATCHDOG_S = 0.5
"""The firmware puts the light off when it has heard nothing for this long."""
BEAT_S = 0.15
"""How often the host speaks while there is light."""
BLOCK = 128
"""Bytes of one WRITE."""

_HEADER = struct.Struct("<BBHH")
_CRC = struct.Struct("<I")
_EXPOSURE = struct.Struct("<BdHH")
_SEQUENCE = struct.Struct("<IBH")
_PLAY = struct.Struct("<IB")
_HELLO = struct.Struct("<HHHIBIII")
_ANSWER = 0x80
_MOST_PAYLOAD = 1024


class WireError(Exception):
    """A frame that cannot be what was sent."""


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


@enum.unique
class Status(enum.IntEnum):
    """How a request went."""

    DONE = 0
    BAD_OFFSET = 1
    BAD_CHECK = 2
    BAD_SEQUENCE = 3
    EMPTY = 4
    UNKNOWN = 5


@dataclass(frozen=True)
class Message:
    """A request or its answer.

    Parameters
    ----------
    kind : Kind
        What it asks.
    sequence : int
        0 to 65535; an answer has its request's.
    payload : bytes
        As the kind has it; that of an answer begins with its status.
    is_answer : bool
        Which of the two.
    """

    kind: Kind
    sequence: int
    payload: bytes = b""
    is_answer: bool = False

    @property
    def status(self) -> Status:
        """How the request went, of an answer."""
        return Status(self.payload[0])


@dataclass(frozen=True)
class Hello:
    """What a projector says of itself.

    Parameters
    ----------
    width, height : int
        Pixels.
    longest_sequence : int
        Exposures.
    shortest_period_us : int
        Between two exposures.
    is_master : bool
        Whether it triggers the cameras.
    session : int
        New after every reset: what was loaded is lost then.
    stored_length, stored_crc : int
        Of the sequence it holds; 0 where none.
    """

    width: int
    height: int
    longest_sequence: int
    shortest_period_us: int
    is_master: bool
    session: int
    stored_length: int
    stored_crc: int

    def pack(self) -> bytes:
        """Return the bytes."""
        return _HELLO.pack(
            self.width,
            self.height,
            self.longest_sequence,
            self.shortest_period_us,
            self.is_master,
            self.session,
            self.stored_length,
            self.stored_crc,
        )

    @staticmethod
    def unpack(data: bytes) -> Hello:
        """Return what the bytes say."""
        try:
            width, height, longest, shortest, master, session, length, crc = _HELLO.unpack(data)
        except struct.error as error:
            raise WireError(f"a greeting of {len(data)} bytes") from error
        return Hello(width, height, longest, shortest, bool(master), session, length, crc)


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
    """
    body = cobs_decode(frame)
    if len(body) < _HEADER.size + _CRC.size:
        raise WireError(f"a frame of {len(body)} bytes")
    body, check = body[: -_CRC.size], body[-_CRC.size :]
    if _CRC.unpack(check)[0] != zlib.crc32(body):
        raise WireError("the check sum does not fit")
    version, kind, sequence, length = _HEADER.unpack_from(body)
    payload = body[_HEADER.size :]
    if version != VERSION or length != len(payload):
        raise WireError(f"version {version}, {len(payload)} of {length} bytes")
    try:
        return Message(Kind(kind & ~_ANSWER), sequence, payload, bool(kind & _ANSWER))
    except ValueError as error:
        raise WireError(f"kind {kind}") from error


class Splitter:
    """Cuts a stream of bytes into frames at their delimiters; a stream without any does not grow for ever."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are complete now, without delimiters; empty ones are left out."""
        *frames, self._rest = (self._rest + data).split(b"\0")
        self._rest = self._rest[-2 * _MOST_PAYLOAD :]
        return [frame for frame in frames if frame]


def pack_play(run: int, again: bool) -> bytes:
    """Return the payload of a PLAY: the number of the run, and whether it begins anew when it ends."""
    return _PLAY.pack(run, again)


def unpack_play(data: bytes) -> tuple[int, bool]:
    """Return number and repetition of a PLAY; a host of before knew no repetition."""
    run, again = _PLAY.unpack(data[: _PLAY.size].ljust(_PLAY.size, b"\0"))
    return run, bool(again)


def pack_sequence(sequence: FringeSequence, period_s: float) -> bytes:
    """Return the parameters of a sequence: the projector draws the pictures itself."""
    data = _SEQUENCE.pack(round(period_s * 1e6), "uv".index(sequence.axis), len(sequence))
    for exposure in sequence.exposures:
        match exposure:
            case Fringe(frequency, step, steps):
                data += _EXPOSURE.pack(1, frequency, step, steps)
            case GrayBit(bit, bits, inverted):
                data += _EXPOSURE.pack(2, float(inverted), bit, bits)
            case Flood(level):
                data += _EXPOSURE.pack(3, level, 0, 0)
            case Dark():
                data += _EXPOSURE.pack(4, 0.0, 0, 0)
    return data


def unpack_sequence(data: bytes) -> tuple[FringeSequence, float]:
    """Return the sequence and its period in seconds.

    Raises
    ------
    WireError
        The bytes are no sequence.
    """
    try:
        period, axis, count = _SEQUENCE.unpack_from(data)
        rows = list(_EXPOSURE.iter_unpack(data[_SEQUENCE.size :]))
        if len(rows) != count:
            raise WireError(f"{len(rows)} of {count} exposures")
        return FringeSequence(tuple(_exposure(*row) for row in rows), "uv"[axis]), period / 1e6
    except (struct.error, IndexError, ValueError) as error:
        raise WireError(str(error)) from error


def _exposure(kind: int, value: float, first: int, second: int) -> Exposure:
    match kind:
        case 1:
            return Fringe(value, first, second)
        case 2:
            return GrayBit(first, second, bool(value))
        case 3:
            return Flood(value)
        case 4:
            return Dark()
        case _:
            raise WireError(f"exposure of kind {kind}")


def refusal(name: str, status: Status) -> DeviceError:
    """Return the error for people of an answer that is not `Status.DONE`."""
    sentence = {
        Status.BAD_OFFSET: "lost part of the sequence while it was loaded; load it again",
        Status.BAD_CHECK: "got the sequence damaged; load it again",
        Status.BAD_SEQUENCE: "cannot show this sequence: it is too long or too fast",
        Status.EMPTY: "holds no sequence; load one first",
        Status.UNKNOWN: "does not know this command; update its firmware",
    }.get(status, "refused")
    return DeviceError(f"{name} {sentence}")
