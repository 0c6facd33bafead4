"""Sequences as parameters: the projector draws the pictures itself, so 14 exposures are 189 bytes."""

from __future__ import annotations

import struct

from faceapp.core.sequence import Dark, Exposure, Flood, Fringe, FringeSequence, GrayBit
from faceapp_hardware.projectors.wire import WireError

_EXPOSURE = struct.Struct("<BdHH")
_SEQUENCE = struct.Struct("<IBH")


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
