"""Any sequence that can be decoded gives the plane; any that cannot says why."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceapp.app.decoding import decode_bundle, report_decoding
from faceapp.core.errors import BundleError, DecodeError, SequenceError
from faceapp.core.sequence import Fringe, FringeSequence, multi_frequency
from faceapp.formats.capture_bundle import read_bundle
from faceapp.fringe.decode import DecodeSettings
from faceapp.fringe.reference import wrapped_phase
from faceapp.fringe.unwrapping import plan_unwrapping
from tests.unit.bundles import PLANE_Z, phase_steps, write_bundle

GRAY = [{"gray_code_bit": k, "gray_code_bits": 5, "inverted": False} for k in range(5)]
INVERTED = [{"gray_code_bit": k, "gray_code_bits": 5, "inverted": True} for k in range(5)]

SEQUENCES = {
    "hierarchical": [*phase_steps(1, 4), *phase_steps(8, 4)],
    "fine first": [*phase_steps(16, 5), *phase_steps(1, 3), *phase_steps(4, 3)],
    "steps out of order": [*phase_steps(1, 4, [2, 0, 3, 1]), *phase_steps(8, 4, [1, 0, 3, 2])],
    "steps interleaved": [e for pair in zip(phase_steps(1, 4), phase_steps(8, 4), strict=True) for e in pair],
    "heterodyne of two": [*phase_steps(12, 4), *phase_steps(11, 4)],
    "heterodyne of three, not whole": [*phase_steps(14.0, 6), *phase_steps(12.6, 6), *phase_steps(11.34, 6)],
    "Gray code": [*phase_steps(16, 12, [6, 5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7]), *GRAY],
    "Gray code with its inverse": [*GRAY, *INVERTED, *phase_steps(16, 4)],
    "one frequency below one": [*phase_steps(0.9, 8), *phase_steps(7, 8)],
}


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("bits", [8, 16])
def test_any_sequence_that_can_be_unwrapped_gives_the_plane(tmp_path: Path, name: str, bits: int) -> None:
    bundle = read_bundle(write_bundle(tmp_path / "capture", SEQUENCES[name], bits=bits))
    decoded = decode_bundle(bundle)
    assert not decoded.failures
    cloud = decoded.scans["middle"].cloud
    assert len(cloud) > 10_000
    error = cloud.points[:, 2] - PLANE_Z
    assert abs(np.median(error)) < 0.1
    assert np.percentile(np.abs(error), 99) < 3
    assert np.median(cloud.normals @ (0, 0, 1)) > 0.99


def test_depth_noise_is_what_sigma_says(tmp_path: Path) -> None:
    bundle = read_bundle(write_bundle(tmp_path / "capture", [*phase_steps(1, 4), *phase_steps(8, 12)], noise=2.0))
    cloud = decode_bundle(bundle).scans["middle"].cloud
    normalised = (cloud.points[:, 2] - PLANE_Z) / cloud.sigma
    assert 0.85 < 1.4826 * np.median(np.abs(normalised)) < 1.15


def test_depth_images_hold_the_plane(tmp_path: Path) -> None:
    scan = decode_bundle(read_bundle(write_bundle(tmp_path / "capture"))).scans["middle"]
    for depth in scan.depths.values():
        assert np.isfinite(depth).mean() > 0.44  # the two pictures share 48 %
        assert abs(np.nanmedian(depth) - (700 - PLANE_Z)) < 0.1


@given(
    steps=st.integers(3, 12),
    phase=st.floats(-3.1, 3.1),
    amplitude=st.floats(1, 100),
    offset=st.floats(0, 200),
)
@settings(max_examples=60)
def test_demodulation_undoes_projection(steps: int, phase: float, amplitude: float, offset: float) -> None:
    frames = offset + amplitude * np.cos(phase - 2 * np.pi * np.arange(steps) / steps)
    found, modulation = wrapped_phase(frames)
    assert found == pytest.approx(phase, abs=1e-6)
    assert modulation == pytest.approx(amplitude, rel=1e-6)


def test_demodulation_needs_three_frames() -> None:
    with pytest.raises(DecodeError, match="at least 3 steps"):
        wrapped_phase(np.zeros((2, 4, 4)))


@pytest.mark.parametrize("frequencies", [(8.0,), (64.0, 8.0), (70.0, 50.0)])
def test_a_sequence_that_leaves_the_order_open_is_refused(frequencies: tuple[float, ...]) -> None:
    sequence = FringeSequence(tuple(Fringe(f, n, 4) for f in frequencies for n in range(4)))
    with pytest.raises(SequenceError, match="cannot be unwrapped"):
        plan_unwrapping(sequence)


def test_a_jump_too_far_for_the_noise_takes_the_rung_between() -> None:
    ladder = plan_unwrapping(multi_frequency((1.0, 8.0, 64.0)))
    assert [rung.frequency for rung in ladder.rungs] == [1.0, 8.0, 64.0]


def test_a_step_that_is_missing_is_named() -> None:
    with pytest.raises(SequenceError, match=r"steps \[0, 1, 3\] of 4"):
        FringeSequence(tuple(Fringe(1.0, n, 4) for n in (0, 1, 3)))


def test_a_scene_without_light_is_an_error_that_says_so(tmp_path: Path) -> None:
    import cv2

    folder = write_bundle(tmp_path / "capture")
    for file in folder.rglob("*.png"):
        cv2.imwrite(str(file), np.full((160, 200), 7, np.uint8))
    decoded = decode_bundle(read_bundle(folder))
    assert not decoded.scans
    assert "no point was found" in str(decoded.failures["middle"])


def test_one_broken_group_leaves_the_others(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "capture", groups=2)
    (folder / "frames" / "left-ir-2" / "003.png").unlink()
    decoded = decode_bundle(read_bundle(folder))
    assert list(decoded.scans) == ["middle"]
    assert isinstance(decoded.failures["left"], BundleError)
    assert "left-ir-2/003.png is missing" in str(decoded.failures["left"])


def test_a_projector_that_is_not_linear_is_not_called_a_head_that_moved(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "capture", [*phase_steps(1, 3), *phase_steps(8, 3)], noise=1.0)
    for file in folder.glob("frames/*/*.png"):
        light = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) / 255.0
        cv2.imwrite(str(file), np.rint(255 * light**1.3).astype(np.uint8))
    bundle = read_bundle(folder)
    said = report_decoding(bundle, decode_bundle(bundle), DecodeSettings()).warnings
    said = [w for w in said if "ir-1" in w]
    assert len(said) == 1
    assert "the subject moved or the projector's brightness is not linear" in said[0]
    assert "again" not in said[0]
