"""Frames survive the line or are refused: never taken for something else."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceapp.core.errors import SequenceError
from faceapp.core.sequence import Dark, Flood, FringeSequence, GrayBit, multi_frequency
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.messages import Ability, FaultBit, Hello, LightsOut, Settings, State
from faceapp_hardware.projectors.sequence_bytes import pack_sequence, unpack_sequence
from faceapp_hardware.projectors.wire import Kind, Message, OtherVersion, Splitter, WireError

MESSAGES = st.builds(
    Message,
    st.sampled_from(Kind),
    st.integers(0, 65535),
    st.binary(max_size=600),
    st.booleans(),
)


@given(st.binary(min_size=1, max_size=1200))
def test_cobs_has_no_zero_and_comes_back(data: bytes) -> None:
    encoded = wire.cobs_encode(data)
    assert 0 not in encoded
    assert len(encoded) <= len(data) + len(data) // 254 + 1
    assert wire.cobs_decode(encoded) == data


@pytest.mark.parametrize(
    ("plain", "encoded"),
    [
        (b"\0", b"\x01\x01"),
        (b"\0\0", b"\x01\x01\x01"),
        (b"\x11\x22\0\x33", b"\x03\x11\x22\x02\x33"),
        (b"\x11\0\0\0", b"\x02\x11\x01\x01\x01"),
        (bytes(range(1, 255)), b"\xff" + bytes(range(1, 255)) + b"\x01"),
        (bytes(range(1, 256)), b"\xff" + bytes(range(1, 255)) + b"\x02\xff"),
    ],
)
def test_cobs_of_the_published_examples(plain: bytes, encoded: bytes) -> None:
    assert wire.cobs_encode(plain) == encoded
    assert wire.cobs_decode(encoded) == plain


@given(MESSAGES)
def test_message_comes_back(message: Message) -> None:
    frame = wire.encode(message)
    assert frame.endswith(b"\0")
    assert frame.count(b"\0") == 1
    assert wire.decode(frame[:-1]) == message


@given(MESSAGES, st.data())
def test_a_changed_byte_is_never_taken_for_a_message(message: Message, data: st.DataObject) -> None:
    frame = bytearray(wire.encode(message)[:-1])
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        wire.decode(bytes(frame))


@given(MESSAGES, st.data())
def test_a_lost_byte_is_never_taken_for_a_message(message: Message, data: st.DataObject) -> None:
    frame = wire.encode(message)[:-1]
    at = data.draw(st.integers(0, len(frame) - 1))
    with pytest.raises(WireError):
        wire.decode(frame[:at] + frame[at + 1 :])


@settings(max_examples=30)
@given(st.lists(MESSAGES, max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_frames_are_found_however_the_bytes_arrive(messages: list[Message], cuts: list[int]) -> None:
    stream = b"\0" + b"".join(wire.encode(m) for m in messages)
    splitter = Splitter()
    found: list[Message] = []
    at, turn = 0, 0
    while at < len(stream):
        step = cuts[turn % len(cuts)]
        found += [wire.decode(frame) for frame in splitter.feed(stream[at : at + step])]
        at, turn = at + step, turn + 1
    assert found == messages


@pytest.mark.parametrize(
    "sequence",
    [
        multi_frequency(),
        multi_frequency((1.0, 6.5, 48.25), (3, 5, 8)),
        FringeSequence((*(GrayBit(k, 7) for k in range(7)), *(GrayBit(k, 7, True) for k in range(7))), "v"),
        FringeSequence((Flood(0.25), Dark())),
    ],
)
def test_sequence_travels_as_parameters(sequence: FringeSequence) -> None:
    data = pack_sequence(sequence, 1 / 120)
    back, period = unpack_sequence(data)
    assert back == sequence
    assert period == pytest.approx(1 / 120, abs=1e-6)
    assert len(data) < 20 * len(sequence)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_sequence_or_refused(data: bytes) -> None:
    try:
        sequence, period = unpack_sequence(data)
    except (WireError, SequenceError):
        return
    assert len(sequence) > 0
    assert period >= 0


HELLO = Hello(
    *(0x4650, 2, 1, 0, 0xCAFE, Ability.MASTER | Ability.UPDATE, 1280, 1024, 65536, 262_144, 64, 4000, 500),
    *(10, 10_000, 100_000, 0xDEADBEEF, 193, 0x12345678, "A-17"),
)


def test_greeting_comes_back() -> None:
    assert Hello.unpack(HELLO.pack()) == HELLO
    assert Hello.unpack(HELLO.pack() + b"of later") == HELLO
    assert HELLO.firmware == "2.1.0"
    with pytest.raises(WireError, match="greeting of 3 bytes"):
        Hello.unpack(b"abc")


@given(
    st.builds(
        State,
        st.booleans(),
        st.integers(0, 2**32 - 1),
        st.integers(0, 65535),
        st.integers(-32768, 32767),
        st.builds(FaultBit, st.integers(0, 63)),
        st.sampled_from(LightsOut),
        st.integers(0, 65535),
        *[st.integers(0, 2**32 - 1)] * 3,
    )
)
def test_state_comes_back(state: State) -> None:
    assert State.unpack(state.pack()) == state
    assert len(state.faults.sentences) == int(state.faults).bit_count()


@given(st.builds(Settings, *[st.none() | st.integers(0, 65535)] * 3))
def test_settings_come_back(settings_: Settings) -> None:
    assert Settings.unpack(settings_.pack()) == settings_


def test_another_version_is_told_from_damage() -> None:
    frame = wire.encode(Message(Kind.HELLO, 1, b"1234"))
    body = bytearray(wire.cobs_decode(frame[:-1])[:-4])
    body[0] = 1
    with pytest.raises(OtherVersion, match="version 1"):
        wire.decode(wire.cobs_encode(bytes(body) + zlib.crc32(body).to_bytes(4, "little")))


def test_a_kind_that_nobody_knows_is_a_message_all_the_same() -> None:
    assert wire.decode(wire.encode(Message(99, 7))[:-1]) == Message(99, 7)
