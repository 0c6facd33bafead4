"""Firmware over the line: a right image runs, a wrong one is refused by both ends, a power cut keeps the old one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceapp.core.errors import DataError, DeviceError
from faceapp.core.sequence import multi_frequency
from faceapp_hardware.projectors.firmware_image import check_image, pack_image, unpack_head
from faceapp_hardware.projectors.messages import Hello, LightsOut, State, Upload, pack_begin, pack_commit
from faceapp_hardware.projectors.serial_projector import SerialProjector
from faceapp_hardware.projectors.wire import BLOCK, Kind, Status
from faceapp_hardware.simulated.firmware import Firmware
from faceapp_hardware.simulated.firmware_line import FirmwareLine
from faceapp_hardware.simulated.firmware_memory import IMAGE_MEMORY, PRODUCT
from tests.unit.test_serial_projector import Line, send

BODY = bytes(range(256)) * 40
IMAGE = pack_image(PRODUCT, (2, 3, 0), BODY)
FLIPPED = IMAGE[:-1] + bytes([IMAGE[-1] ^ 1])
WRONG = {
    "another product": (pack_image(7, (2, 3, 0), BODY), "it is for product 7", Status.WRONG_PRODUCT),
    "truncated": (IMAGE[:-100], "it was cut off", Status.WRONG_SIZE),
    "too long": (IMAGE + b"more", "it was cut off", Status.WRONG_SIZE),
    "no image": (b"\x7fELF" + IMAGE[4:], "it is no firmware image", Status.NO_IMAGE),
    "damaged": (FLIPPED, "the check sum of its body does not fit", Status.BAD_CHECK),
    "damaged head": (IMAGE[:8] + b"\xff" + IMAGE[9:], "the check sum of its head does not fit", Status.NO_IMAGE),
    "too large": (pack_image(PRODUCT, (2, 3, 0), bytes(IMAGE_MEMORY)), "the device has room for", Status.WRONG_SIZE),
}


@pytest.fixture
def firmware() -> Iterator[Firmware]:
    firmware = Firmware((0, 0), 64, 0.004, lambda exposure: None)
    yield firmware
    firmware.light_off()


def version(firmware: Firmware) -> str:
    return Hello.unpack(send(firmware, Kind.HELLO, b"host").payload[1:]).firmware


def opened(firmware: Firmware) -> SerialProjector:
    projector = SerialProjector("middle-projector", "middle", "memory", lambda path: Line(firmware))
    projector.open()
    return projector


def push(firmware: Firmware, image: bytes) -> Status:
    """Send an image past the host's own checks; return the first refusal, or what COMMIT says."""
    answer = send(firmware, Kind.BEGIN, pack_begin(Upload.IMAGE, len(image), zlib.crc32(image)))
    for offset in range(0, len(image), BLOCK):
        if answer.status is not Status.DONE:
            return answer.status
        answer = send(firmware, Kind.WRITE, offset.to_bytes(4, "little") + image[offset : offset + BLOCK])
    return answer.status if answer.status is not Status.DONE else send(firmware, Kind.COMMIT, pack_commit(image)).status


def test_a_right_image_runs_and_the_projector_plays_again(firmware: Firmware) -> None:
    projector = opened(firmware)
    assert projector.info.version == "2.0.0"
    projector.load(multi_frequency(), 0.05)
    projector.play()
    shares: list[float] = []
    assert projector.update_firmware(IMAGE, shares.append) == "2.3.0"
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert (projector.info.version, firmware.is_lit) == ("2.3.0", False)
    with pytest.raises(DeviceError, match="holds no sequence"):
        projector.play()
    projector.load(multi_frequency(), 0.05)
    projector.play()
    assert firmware.is_lit
    projector.close()


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_image_is_refused_by_the_host(firmware: Firmware, what: str) -> None:
    image, words, _ = WRONG[what]
    projector = opened(firmware)
    projector.load(multi_frequency(), 0.05)
    with pytest.raises(DeviceError, match=f"middle-projector: the file is not taken: .*{words}"):
        projector.update_firmware(image)
    projector.play()  # nothing was touched
    projector.close()
    assert version(firmware) == "2.0.0"


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_image_is_refused_by_the_firmware_itself(firmware: Firmware, what: str) -> None:
    image, _, status = WRONG[what]
    assert push(firmware, image) is status
    assert version(firmware) == "2.0.0"
    assert push(firmware, IMAGE) is Status.DONE
    assert firmware.flash.head.version == "2.3.0"


def test_the_light_is_off_while_firmware_arrives_and_no_play_lights_it(firmware: Firmware) -> None:
    projector = opened(firmware)
    projector.load(multi_frequency(), 0.05)
    projector.play()
    send(firmware, Kind.BEGIN, pack_begin(Upload.IMAGE, len(IMAGE), zlib.crc32(IMAGE)))
    assert not firmware.is_lit
    assert State.unpack(send(firmware, Kind.STATE).payload[1:]).lights_out is LightsOut.UPDATE
    with pytest.raises(DeviceError, match="it shows a sequence or takes firmware; stop it first"):
        projector.play()
    projector.stop()  # gives the update up
    projector.load(multi_frequency(), 0.05)
    projector.play()
    assert firmware.lightings == 2
    projector.close()


@pytest.mark.parametrize("after", [1, 20])
def test_a_power_cut_in_the_middle_keeps_the_old_firmware(firmware: Firmware, after: int) -> None:
    projector = opened(firmware)
    receive, writes = firmware.receive, 0

    def cut(data: bytes) -> bytes:
        nonlocal writes
        writes += 1
        if writes >= after:
            return b""  # no power
        return receive(data)

    firmware.receive = cut  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match="does not answer"):
        projector.update_firmware(IMAGE)
    firmware.receive = receive  # type: ignore[method-assign]
    firmware.reset()
    assert version(firmware) == "2.0.0"
    assert projector.update_firmware(IMAGE) == "2.3.0"
    projector.close()


def test_an_update_over_a_pseudo_terminal_whose_bytes_break(firmware: Firmware) -> None:
    line = FirmwareLine(firmware, 1e-3, 5)
    projector = SerialProjector("middle-projector", "middle", line.path)
    projector.open()
    assert projector.update_firmware(IMAGE) == "2.3.0"
    assert line.damaged > 0
    assert firmware.flash.running == IMAGE
    projector.close()
    line.pull()


def test_an_image_says_what_it_is(tmp_path: Path) -> None:
    head = check_image(IMAGE, PRODUCT, IMAGE_MEMORY)
    assert (head, head.version) == (unpack_head(IMAGE), "2.3.0")
    with pytest.raises(DataError, match="its layout is 9"):
        changed = IMAGE[:4] + b"\x09" + IMAGE[5:20]
        unpack_head(changed + zlib.crc32(changed).to_bytes(4, "little") + BODY)
