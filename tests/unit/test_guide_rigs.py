"""The rig files of the guide are rig files: each block of TOML is read by the bench and its devices are made."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from faceapp.devices.projector_records import ProjectorOrder
from faceapp.devices.registry import load_projector_driver, load_trigger_driver
from faceapp.devices.trigger_records import TriggerOrder
from faceapp_hardware.bench.rig_file import parse_rig_file
from faceapp_resources import path

GUIDE = path("docs", "guide.md").read_text(encoding="utf-8")
BLOCKS = [
    b for b in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL) if "[groups.projector]" in b or "[[groups]]" in b
]
CAMERAS: list[dict[str, Any]] = [
    {"name": "middle-ir-1", "role": "ir", "driver": "pattern", "serial": "1"},
    {"name": "middle-rgb", "role": "rgb", "driver": "pattern", "serial": "2"},
]


def whole(block: str) -> dict[str, Any]:
    """The table of a block, with cameras where it leaves them out; none of the files that it names is needed."""
    data = tomllib.loads(block)
    data.pop("driver", None)
    data.pop("calibration", None)
    if isinstance(data["groups"], dict):
        data["groups"] = [{"name": "middle", **data["groups"]}]
    for group in data["groups"]:
        group.setdefault("cameras", CAMERAS)
    return data


def test_there_are_blocks_of_each_kind() -> None:
    drivers = {group["projector"]["driver"] for block in BLOCKS for group in whole(block)["groups"]}
    assert drivers == {"serial", "stored", "screen"}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_a_rig_file(block: str) -> None:
    file = parse_rig_file(whole(block))
    for group in file.groups:
        place = group.projector
        order = ProjectorOrder(place.name, group.name, place.serial, place.timing, place.options)
        assert load_projector_driver(place.driver).make_projector(order).info.group == group.name
    for box in file.boxes:
        made = load_trigger_driver(box.driver).make_trigger(TriggerOrder(box.name, box.serial, box.options))
        assert made.info.name == "box"
