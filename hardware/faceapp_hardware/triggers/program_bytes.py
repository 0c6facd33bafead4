"""The program of a trigger box as bytes: PROGRAM and ARM of the projector protocol."""

from __future__ import annotations

import struct

from faceapp.devices.trigger_records import Pulse, TriggerProgram
from faceapp_hardware.projectors.wire import WireError

MOST_PULSES = 8

_HEAD = struct.Struct("<BHIB")
_PULSE = struct.Struct("<BHHII")


def pack_program(program: TriggerProgram) -> bytes:
    """Return the payload of a PROGRAM."""
    data = _HEAD.pack(program.input, program.count, round(program.period_s * 1e6), len(program.pulses))
    for pulse in program.pulses:
        delay, width = round(pulse.delay_s * 1e6), round(pulse.width_s * 1e6)
        data += _PULSE.pack(pulse.output, pulse.first, pulse.last, delay, width)
    return data


def unpack_program(data: bytes) -> TriggerProgram:
    """Return what a PROGRAM asks for.

    Raises
    ------
    WireError
        It has another length than it says.
    """
    try:
        number, count, period, pulses = _HEAD.unpack_from(data)
        rows = list(_PULSE.iter_unpack(data[_HEAD.size :]))
    except struct.error as error:
        raise WireError(f"a program of {len(data)} bytes") from error
    if len(rows) != pulses or pulses > MOST_PULSES:
        raise WireError(f"{len(rows)} of {pulses} pulses")
    return TriggerProgram(
        count,
        tuple(Pulse(output, delay / 1e6, width / 1e6, first, last) for output, first, last, delay, width in rows),
        number,
        period / 1e6,
    )
