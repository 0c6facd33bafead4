"""Rig files of the simulated rig: the default, and files that are based on another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceapp.core.errors import UsageError
from faceapp_hardware.simulated.description import default_rig_file, read_rig_description
from faceapp_resources import path


def test_five_megapixels_see_the_same_field_with_more_pixels() -> None:
    default = read_rig_description(default_rig_file()).rig
    fine = read_rig_description(path("rigs", "five-megapixels.toml")).rig
    assert fine.calibration_id != default.calibration_id
    for a, b in zip(default.cameras, fine.cameras, strict=True):
        assert (b.width, b.height) == (2592, 2048)
        np.testing.assert_array_equal(a.rig_from_camera.matrix, b.rig_from_camera.matrix)
        assert b.width / b.K[0, 0] == pytest.approx(a.width / a.K[0, 0], rel=1e-6)


def test_a_file_takes_the_place_of_single_fields(tmp_path: Path) -> None:
    (tmp_path / "default.toml").write_bytes(default_rig_file().read_bytes())
    (tmp_path / "mine.toml").write_text('based_on = "default.toml"\n[projector]\ngamma = 1.3\n')
    mine, default = read_rig_description(tmp_path / "mine.toml"), read_rig_description(default_rig_file())
    assert mine.light.gamma == 1.3
    assert mine.light.field_over_distance == default.light.field_over_distance


@pytest.mark.parametrize("base", ['"mine.toml"', "3", '"none.toml"'])
def test_a_base_that_is_none_is_named(tmp_path: Path, base: str) -> None:
    (tmp_path / "mine.toml").write_text(f"based_on = {base}\n")
    with pytest.raises(UsageError, match=r"based_on|none\.toml is missing"):
        read_rig_description(tmp_path / "mine.toml")
