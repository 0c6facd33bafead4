"""What the messages between host and projector carry; ``docs/projector-protocol.md`` describes every field."""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass, fields
from typing import Any

from faceapp.core.errors import DeviceError
from faceapp_hardware.projectors.wire import Status, WireError

FULL = 65535
"""Brightness as a share of this."""
UNKNOWN_TEMPERATURE = -32768

_PLAY = struct.Struct("<IB")
_BEGIN = struct.Struct("<BII")
_HELLO = struct.Struct("<H3BIHHHIIHIIIIIIII12s")
_STATE = struct.Struct("<BIHhHBHIII")
_SET = struct.Struct("<BHII")
_SETTINGS = struct.Struct("<HII")


class Ability(enum.IntFlag):
    """What a device can, in its HELLO."""

    MASTER = 1
    BRIGHTNESS = 2
    TRIGGER_OUT = 4
    TEMPERATURE = 8
    INTERLOCK = 16
    UPDATE = 32
    BOX = 64


class FaultBit(enum.IntFlag):
    """What is wrong with a device now, in its STATE."""

    INTERLOCK_OPEN = 1
    TOO_HOT = 2
    LIGHT = 4
    MIRROR = 8
    FAN = 16
    SUPPLY = 32

    @property
    def sentences(self) -> tuple[str, ...]:
        """What each means for people."""
        return tuple(words for bit, words in _FAULTS.items() if bit & self)


_FAULTS = {
    FaultBit.INTERLOCK_OPEN: "its interlock is open, close the housing",
    FaultBit.TOO_HOT: "it is too hot, let it cool down",
    FaultBit.LIGHT: "its light source is defective, have it repaired",
    FaultBit.MIRROR: "its mirror does not move, have it repaired",
    FaultBit.FAN: "its fan stands still, clean or replace it",
    FaultBit.SUPPLY: "its supply voltage is out of range, check the power supply",
}
_NONE = FaultBit(0)
NO_LIGHT = FaultBit.INTERLOCK_OPEN | FaultBit.TOO_HOT | FaultBit.LIGHT | FaultBit.MIRROR | FaultBit.SUPPLY
"""With one of these there is no light; a fan that stands still is told, and heat ends the light."""


@enum.unique
class Upload(enum.IntEnum):
    """What is sent up in pieces."""

    SEQUENCE = 0
    IMAGE = 1


@enum.unique
class LightsOut(enum.IntEnum):
    """Why the light went off the last time."""

    NEVER = 0
    FINISHED = 1
    STOPPED = 2
    WATCHDOG = 3
    FAULT = 4
    UPDATE = 5


@dataclass(frozen=True)
class Hello:
    """What a projector says of itself.

    Parameters
    ----------
    product : int
        Number of the product: an image of another one is refused.
    major, minor, patch : int
        Version of the firmware.
    image_crc : int
        CRC-32 of the firmware's image.
    abilities : Ability
        What it can.
    width, height : int
        Pixels; 0 where it has none (a scanning mirror).
    memory, image_memory : int
        Bytes that an uploaded sequence and an image may have.
    longest_sequence : int
        Exposures.
    shortest_us, shortest_binary_us : int
        Between two exposures: any, and of a sequence of light and no light alone.
    least_width_us, most_width_us, most_delay_us : int
        Of the trigger out.
    session : int
        New after every reset: what was loaded is lost then.
    stored_length, stored_crc : int
        Of the sequence it holds; 0 where none.
    serial : str
        Serial number, up to 12 ASCII characters.
    """

    product: int
    major: int
    minor: int
    patch: int
    image_crc: int
    abilities: Ability
    width: int
    height: int
    memory: int
    image_memory: int
    longest_sequence: int
    shortest_us: int
    shortest_binary_us: int
    least_width_us: int
    most_width_us: int
    most_delay_us: int
    session: int
    stored_length: int
    stored_crc: int
    serial: str = ""

    @property
    def firmware(self) -> str:
        """Version of the firmware, for people."""
        return f"{self.major}.{self.minor}.{self.patch}"

    def pack(self) -> bytes:
        """Return the bytes."""
        *numbers, serial = (getattr(self, field.name) for field in fields(self))
        return _HELLO.pack(*numbers, serial.encode("ascii"))

    @staticmethod
    def unpack(data: bytes) -> Hello:
        """Return what the bytes say; what a later firmware adds behind them is left unread.

        Raises
        ------
        WireError
            They are too few, or the serial number is no text.
        """
        try:
            values: list[Any] = list(_HELLO.unpack_from(data))
            values[5] = Ability(values[5])
            values[-1] = values[-1].rstrip(b"\0").decode("ascii")
        except (struct.error, UnicodeDecodeError) as error:
            raise WireError(f"a greeting of {len(data)} bytes") from error
        return Hello(*values)


@dataclass(frozen=True)
class Settings:
    """What SET asks for and answers.

    Parameters
    ----------
    brightness : int or None
        Share of `FULL`; ``None``: leave it.
    trigger_width_us, trigger_delay_us : int or None
        Of the trigger out, from the start of an exposure.
    """

    brightness: int | None = None
    trigger_width_us: int | None = None
    trigger_delay_us: int | None = None

    def pack(self) -> bytes:
        """Return the payload of the request: which fields count, and all of them."""
        values = [getattr(self, field.name) for field in fields(self)]
        which = sum(1 << i for i, value in enumerate(values) if value is not None)
        return _SET.pack(which, *(value or 0 for value in values))

    @staticmethod
    def unpack(data: bytes) -> Settings:
        """Return what a request asks for.

        Raises
        ------
        WireError
            It has another length.
        """
        try:
            which, *values = _SET.unpack(data)
        except struct.error as error:
            raise WireError(f"settings of {len(data)} bytes") from error
        return Settings(*(value if which >> i & 1 else None for i, value in enumerate(values)))

    def pack_answer(self) -> bytes:
        """Return what the device has, behind the status of its answer."""
        return _SETTINGS.pack(self.brightness, self.trigger_width_us, self.trigger_delay_us)

    @staticmethod
    def unpack_answer(data: bytes) -> Settings:
        """Return what the device has.

        Raises
        ------
        WireError
            It is too short.
        """
        try:
            return Settings(*_SETTINGS.unpack_from(data))
        except struct.error as error:
            raise WireError(f"settings of {len(data)} bytes") from error


@dataclass(frozen=True)
class State:
    """How a device is.

    Parameters
    ----------
    is_lit : bool
        Whether there is light, or a trigger box is armed.
    run : int
        Number of the last PLAY.
    exposure : int
        That is shown, from 0.
    temperature : int
        Tenths of a degree Celsius, or `UNKNOWN_TEMPERATURE`.
    faults : FaultBit
        That are now.
    lights_out : LightsOut
        Why the light went off the last time.
    brightness, trigger_width_us, trigger_delay_us : int
        As SET has them.
    uptime_ms : int
        Since the reset; begins anew after 49 days.
    """

    is_lit: bool
    run: int
    exposure: int
    temperature: int
    faults: FaultBit
    lights_out: LightsOut
    brightness: int
    trigger_width_us: int
    trigger_delay_us: int
    uptime_ms: int

    @property
    def temperature_c(self) -> float:
        """Degrees Celsius; NaN where unknown."""
        return float("nan") if self.temperature == UNKNOWN_TEMPERATURE else self.temperature / 10

    def pack(self) -> bytes:
        """Return the bytes."""
        return _STATE.pack(*(getattr(self, field.name) for field in fields(self)))

    @staticmethod
    def unpack(data: bytes) -> State:
        """Return what the bytes say; what a later firmware adds behind them is left unread.

        Raises
        ------
        WireError
            They are too few, or say what nobody here knows.
        """
        try:
            values: list[Any] = list(_STATE.unpack_from(data))
            values[0], values[4], values[5] = bool(values[0]), FaultBit(values[4]), LightsOut(values[5])
        except (struct.error, ValueError) as error:
            raise WireError(f"a state of {len(data)} bytes") from error
        return State(*values)


def pack_begin(what: Upload, length: int, crc: int) -> bytes:
    """Return the payload of a BEGIN: what comes, how long it is, and its CRC-32."""
    return _BEGIN.pack(what, length, crc)


def unpack_begin(data: bytes) -> tuple[Upload, int, int]:
    """Return what comes, its length and its CRC-32.

    Raises
    ------
    WireError
        The bytes are no BEGIN.
    """
    try:
        what, length, crc = _BEGIN.unpack(data)
        return Upload(what), length, crc
    except (struct.error, ValueError) as error:
        raise WireError("no upload of that kind") from error


def pack_commit(data: bytes) -> bytes:
    """Return the payload of a COMMIT: length and CRC-32 of all that was sent up."""
    return len(data).to_bytes(4, "little") + zlib.crc32(data).to_bytes(4, "little")


def pack_play(run: int, again: bool) -> bytes:
    """Return the payload of a PLAY: the number of the run, and whether it begins anew when it ends."""
    return _PLAY.pack(run, again)


def unpack_play(data: bytes) -> tuple[int, bool]:
    """Return number and repetition of a PLAY.

    Raises
    ------
    WireError
        The bytes are no PLAY.
    """
    try:
        run, again = _PLAY.unpack(data)
    except struct.error as error:
        raise WireError(f"a PLAY of {len(data)} bytes") from error
    return run, bool(again)


def refusal(name: str, status: Status, faults: FaultBit = _NONE) -> DeviceError:
    """Return the error for people of an answer that is not `Status.DONE`."""
    why = " and ".join((faults & NO_LIGHT or faults).sentences) or "ask it with faceapp devices RIG"
    sentence = {
        Status.BAD_OFFSET: "lost part of what was loaded; load it again",
        Status.BAD_CHECK: "got what was loaded damaged; load it again",
        Status.BAD_SEQUENCE: "cannot show this sequence: it is too long or too fast",
        Status.EMPTY: "holds no sequence; load one first",
        Status.UNKNOWN: "does not know this command; update its firmware",
        Status.BAD_VALUE: "cannot be set so; its limits are shown by faceapp devices RIG",
        Status.BUSY: "is busy: it shows a sequence or takes firmware; stop it first",
        Status.INTERLOCK: "gives no light: its interlock is open. Close the housing, then go on",
        Status.FAULT: f"gives no light: {why}",
        Status.NO_IMAGE: "refuses the file: it is no firmware image. Nothing was changed",
        Status.WRONG_PRODUCT: "refuses the file: it is firmware of another product. Nothing was changed",
        Status.WRONG_SIZE: "refuses the file: its size is not that of its image. Nothing was changed",
    }.get(status, "refused")
    return DeviceError(f"{name} {sentence}")
