"""The landmark network that ships with the program: what it promises on pictures that are made here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import faceapp_resources
from faceapp.cli.main import main
from faceapp.core.landmarks import Landmarks2D, PlacedBy, Visibility
from faceapp.formats.images import write_png
from faceapp.formats.landmark_files import read_landmarks
from faceapp.landmarks.face_finder import square_crop
from faceapp.landmarks.network_points import shipped_detector
from faceapp.landmarks.prefill import prefill_photograph
from faceapp.landmarks.scheme import load_scheme
from faceapp_plugins.landmarking.scenes import Crop
from tests.accuracy.landmark_figures import FRONTAL, TURNED, answers, of_crops, photograph, rendered


@pytest.fixture(scope="module")
def frontal() -> list[Crop]:
    return rendered("own", 0.0, 4)


@pytest.fixture(scope="module")
def turned() -> list[Crop]:
    return rendered("own", 60.0, 4)


def test_points_of_unseen_people_are_near_the_truth(frontal: list[Crop], turned: list[Crop]) -> None:
    """A few people only; the table of many is in tests/accuracy."""
    detector = shipped_detector()
    front, side = answers(detector, of_crops(frontal))[0], answers(detector, of_crops(turned))[0]
    assert front.lost == side.lost == 0
    assert np.nanmean(front.errors) < 3.5
    assert np.nanmean(side.errors) < 5.0


def test_hidden_points_are_told_from_seen_ones(turned: list[Crop]) -> None:
    found = answers(shipped_detector(), of_crops(turned))[0]
    assert 0.2 < found.visible.mean() < 0.9
    assert (found.visible == found.said).mean() > 0.85


def test_a_mirrored_picture_gives_mirrored_points(frontal: list[Crop]) -> None:
    picture, mirror = frontal[0].image, np.asarray(load_scheme().mirror)
    one, other = shipped_detector().detect(picture), shipped_detector().detect(np.ascontiguousarray(picture[:, ::-1]))
    assert one is not None
    assert other is not None
    back = other.points[mirror] * (-1, 1) + (picture.shape[1] - 1, 0)
    assert np.linalg.norm(back - one.points, axis=1).mean() < 0.01 * one.box.side


def test_points_follow_a_turned_and_enlarged_picture(frontal: list[Crop]) -> None:
    picture = frontal[1].image
    first = shipped_detector().detect(picture)
    assert first is not None
    turn = cv2.getRotationMatrix2D((144.0, 144.0), 20, 2.0)
    turn[:, 2] += 144
    larger = cv2.warpAffine(picture, turn, (576, 576), borderMode=cv2.BORDER_REPLICATE)
    second = shipped_detector().detect(np.asarray(larger))
    assert second is not None
    moved = first.points @ turn[:, :2].T + turn[:, 2]
    assert np.linalg.norm(second.points - moved, axis=1).mean() < 0.02 * second.box.side


def test_a_plain_picture_has_no_face() -> None:
    assert shipped_detector().detect(np.full((300, 400, 3), 128, np.uint8)) is None
    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    assert shipped_detector().detect(noise) is None


@pytest.mark.parametrize("angle", [0.0, 0.4])
@pytest.mark.parametrize("side", [60.0, 250.0, 1400.0])
def test_a_crop_shows_the_square_that_it_is_of(side: float, angle: float) -> None:
    """A Gaussian spot off the middle is found where it should be, in crops finer and coarser than the picture."""
    size, middle = 1600, np.array([820.3, 790.6])
    spot = middle + 0.2 * side * np.array([np.cos(0.3), np.sin(0.3)])
    v, u = np.mgrid[:size, :size]
    grey = 255 * np.exp(-0.5 * ((u - spot[0]) ** 2 + (v - spot[1]) ** 2) / (0.06 * side) ** 2)
    crop = square_crop(np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8), *middle, side, 112, angle)
    weight = crop[:, :, 0].astype(float)
    rows, columns = np.mgrid[:112, :112]
    found = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(found, 55.5 + turn @ (spot - middle) * 112 / side, atol=0.15)


def test_the_command_writes_sigma_and_visibility(tmp_path: Path, turned: list[Crop]) -> None:
    write_png(tmp_path / "face.png", turned[0].image)
    assert main(["landmarks", "prefill", str(tmp_path / "face.png"), "--out", str(tmp_path)]) == 0
    stored = json.loads((tmp_path / "face.json").read_text())
    assert len(stored["sigma"]) == 106
    marks = read_landmarks(tmp_path / "face.json")
    assert isinstance(marks, Landmarks2D)
    assert marks.sigma is not None
    assert (marks.sigma > 0).all()
    assert Visibility.OCCLUDED in marks.visibility
    assert set(marks.placed_by) == {PlacedBy.PREFILL}


def test_all_photographs_are_found_the_near_profiles_too(data: Path) -> None:
    for name in FRONTAL + TURNED:
        marks = prefill_photograph(photograph(data, name), load_scheme(), name)
        assert marks.sigma is not None, name


def test_the_weights_are_small_and_have_a_card() -> None:
    folder = faceapp_resources.path("networks")
    assert sum(f.stat().st_size for f in folder.glob("landmarks106*.onnx")) <= 4_000_000
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    for word in ("ICT", "seed 501", "sigma", "never"):
        assert word in card


def test_training_without_torch_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in ("trainer", "training", "exporting", "network"):
        monkeypatch.delitem(sys.modules, f"faceapp_plugins.landmarking.{name}", raising=False)
    assert main(["model", "train", "landmarks", "--out", str(tmp_path)]) == 4
    assert "pip install 'faceapp[learn]'" in capsys.readouterr().err
    assert main(["model", "train", "landmarks", "--out", str(tmp_path), "--samples", "0"]) == 2
