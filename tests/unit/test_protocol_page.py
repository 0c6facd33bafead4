"""The page of the projector protocol says what the program does: its tables, its example bytes, its test vectors."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

import pytest

from faceapp.core.sequence import Dark, Flood, Fringe, FringeSequence, GrayBit
from faceapp_hardware.projectors import firmware_image, messages, sequence_bytes, wire
from faceapp_hardware.projectors.messages import Ability, FaultBit, Hello, LightsOut, State
from faceapp_hardware.projectors.wire import Kind, Message, Status
from faceapp_hardware.simulated.box_firmware import BoxFirmware
from faceapp_hardware.simulated.firmware import EVERYTHING, Firmware
from faceapp_hardware.triggers import program_bytes
from faceapp_resources import path

PAGE = path("docs", "projector-protocol.md").read_text(encoding="utf-8")
VERSION = ("major", "minor", "patch")
CODES = {"u8": "B", "u16": "H", "i16": "h", "u32": "I", "f64": "d", "text12": "12s", "text4": "4s"}


def tables() -> Iterator[list[list[str]]]:
    """Each table of the page as rows of cells, the head first."""
    for block in re.findall(r"(?:^\|.*\n?)+", PAGE, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()]
        yield [rows[0], *rows[2:]]


def table(*head: str) -> list[list[str]]:
    """The rows of the only table whose first columns have these heads."""
    found = [rows for rows in tables() if tuple(rows[0][: len(head)]) == head]
    assert len(found) == 1, head
    return found[0][1:]


def table_after(words: str) -> list[list[str]]:
    """The rows of the first table with offsets after some words of the page."""
    rest = PAGE[PAGE.index(words) :]
    block = re.search(r"(?:^\| offset .*\n)(?:^\|.*\n?)+", rest, re.MULTILINE)
    assert block is not None
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block[0].splitlines()[2:]]


def layout(rows: list[list[str]]) -> str:
    """The format of `struct` of a table of fields, whose offsets are checked."""
    code = "<"
    for offset, kind, *_ in rows:
        assert struct.calcsize(code) == int(offset)
        code += CODES[kind]
    return code


def data_in(cell: str) -> bytes:
    return bytes.fromhex(cell.strip("`"))


def expanded(code: str) -> str:
    """The format with repeated letters written out."""
    return re.sub(r"(\d+)([BHIhd])", lambda m: m[2] * int(m[1]), code)


def test_kinds_and_statuses_are_all_there() -> None:
    boxes = {Kind.PROGRAM, Kind.ARM}
    assert {row[0]: int(row[1]) for row in table("kind", "number")} == {k.name: k for k in set(Kind) - boxes}
    assert [int(number) for number in re.findall(r"(\d+) and (\d+) belong to trigger boxes", PAGE)[0]] == sorted(boxes)
    assert {row[0]: int(row[1]) for row in table("status", "number")} == {s.name: s for s in Status}


def test_bits_and_reasons_are_all_there() -> None:
    assert {row[0]: int(row[1]) for row in table("ability", "bit")} == {a.name: a for a in Ability}
    assert {row[0]: int(row[1]) for row in table("lights_out", "number")} == {r.name: r for r in LightsOut}
    faults = {row[0]: (int(row[1]), row[2]) for row in table("fault", "bit", "light")}
    assert {name: bit for name, (bit, _) in faults.items()} == {f.name: f for f in FaultBit}
    for name, (bit, light) in faults.items():
        assert light.startswith("none") == bool(bit & messages.NO_LIGHT), name


@pytest.mark.parametrize(
    ("words", "code", "fields"),
    [
        ("### HELLO", messages._HELLO.format, list(Hello.__dataclass_fields__)),
        ("### STATE", messages._STATE.format, list(State.__dataclass_fields__)),
        ("### SET", messages._SETTINGS.format, list(messages.Settings.__dataclass_fields__)),
        ("A sequence is parameters", sequence_bytes._SEQUENCE.format, ["period_us", "axis", "count"]),
        ("| offset | type | field | fringe", sequence_bytes._EXPOSURE.format, ["what", "value", "first", "second"]),
        (
            "An image is a head",
            firmware_image._HEAD.format,
            [
                "magic",
                "layout",
                "reserved",
                "product",
                "major",
                "minor",
                "patch",
                "reserved",
                "length",
                "crc",
                "head_crc",
            ],
        ),
    ],
)
def test_fields_stand_where_the_page_says(words: str, code: str, fields: list[str]) -> None:
    rows = table_after(words)
    assert layout(rows) == expanded(code)
    assert [row[2] for row in rows] == fields


def test_the_request_of_set_is_which_and_the_fields() -> None:
    assert messages._SET.format == "<B" + messages._SETTINGS.format[1:]
    assert firmware_image.HEAD_BYTES == 24


def test_exposures_have_the_numbers_of_the_page() -> None:
    numbers = [int(cell) for cell in table_after("| offset | type | field | fringe")[0][3:]]
    sequences = [
        FringeSequence(tuple(Fringe(8.0, n, 3) for n in range(3))),
        FringeSequence((GrayBit(0, 1),)),
        FringeSequence((Flood(0.5),)),
        FringeSequence((Dark(),)),
    ]
    assert [sequence_bytes.pack_sequence(s, 0.01)[7] for s in sequences] == numbers


def test_constants_are_those_of_the_program() -> None:
    told = {row[0]: float(row[1].split()[0]) for row in table("constant", "value")}
    assert told == {
        "version": wire.VERSION,
        "baud": wire.BAUD,
        "watchdog": wire.WATCHDOG_S,
        "beat": wire.BEAT_S,
        "block of the host": wire.BLOCK,
        "frames in flight": wire.IN_FLIGHT,
        "answers kept": wire.REMEMBERED,
    }


def test_the_worked_example_is_a_frame() -> None:
    steps = {row[0]: data_in(row[1]) for row in table("step", "bytes")}
    header, payload, crc, frame = steps.values()
    assert zlib.crc32(b"123456789") == 0xCBF43926
    assert zlib.crc32(header + payload).to_bytes(4, "little") == crc
    assert wire.cobs_encode(header + payload + crc) + b"\0" == frame
    assert wire.decode(frame[:-1]) == Message(Kind.HELLO, 1, (0x1234ABCD).to_bytes(4, "little"))


def test_the_vectors_are_what_the_firmware_answers() -> None:
    triggers: list[int] = []
    firmware = Firmware((1280, 1024), 64, 0.004, triggers.append, abilities=EVERYTHING)
    rows = table("what", "request", "answer")
    assert len(rows) == 20
    for what, request, answer in rows:
        assert firmware.receive(data_in(request)) == data_in(answer), what
    firmware.light_off()
    assert firmware.lightings == 1


def test_the_vectors_of_a_box_are_what_it_answers() -> None:
    box = BoxFirmware(4, 8, lambda output: None)
    rows = table("what a box hears", "request", "answer")
    assert len(rows) == 8
    for what, request, answer in rows:
        assert box.receive(data_in(request)) == data_in(answer), what
    assert {row[0]: int(row[1]) for row in table("kind of a box", "number")} == {"PROGRAM": 16, "ARM": 17}
    words = "PROGRAM is this head, then 13 bytes for each pulse, 8 pulses at most"
    assert words in PAGE and program_bytes.MOST_PULSES == 8
    assert layout(table_after(words)) == program_bytes._HEAD.format
    rows = table("offset", "type", "field of a pulse")
    assert layout(rows) == program_bytes._PULSE.format
    assert [row[2] for row in rows] == ["output", "first", "last", "delay_us", "width_us"]


def test_the_payloads_are_what_they_say() -> None:
    hello, state = (data_in(row[1]) for row in table("what", "payload"))
    greeting = Hello.unpack(hello)
    assert (greeting.product, greeting.firmware, greeting.image_crc) == (18000, "2.1.0", 0x0BADCAFE)
    assert (greeting.width, greeting.height, greeting.memory, greeting.image_memory) == (1280, 1024, 65536, 262_144)
    assert (greeting.session, greeting.stored_length, greeting.serial) == (0xDEADBEEF, 0, "A-17")
    assert greeting.pack() == hello
    now = State.unpack(state)
    assert (now.is_lit, now.run, now.exposure, now.temperature_c, now.faults) == (True, 7, 3, 38.5, FaultBit.FAN)
    assert (now.lights_out, now.uptime_ms) == (LightsOut.FINISHED, 123_456)
    assert now.pack() == state
