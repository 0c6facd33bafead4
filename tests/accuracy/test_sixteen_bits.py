"""The same captures as 16-bit TIFF, with 12-bit values and with the full range, give the same figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceapp.app.decoding import decode_bundle
from faceapp.formats.capture_bundle import read_bundle

CAPTURES = ("sphere-stereo", "skull-projector", "eye-projector")
SCALES = {"12 bits": 16, "full range": 257}


def as_tiff(source: Path, folder: Path, scale: int, cameras: int = 3) -> Path:
    """Copy a bundle with its counts times ``scale`` in 16-bit TIFF files; of sim-a the first group only."""
    data = json.loads((source / "capture.json").read_text())
    data["groups"] = data["groups"][:1]
    for camera in data["groups"][0]["cameras"][:cameras]:
        names = []
        for name in camera["frames"]:
            image = cv2.imread(str(source / name), cv2.IMREAD_UNCHANGED)
            file = folder / Path(name).with_suffix(".tiff")
            file.parent.mkdir(parents=True, exist_ok=True)
            if camera["role"] == "ir":
                image = image.astype(np.uint16) * scale
            assert cv2.imwrite(str(file), image)
            names.append(str(file.relative_to(folder)))
        camera["frames"] = names
        if "sensor" in camera and camera["role"] == "ir":
            sensor = camera["sensor"]
            sensor["white_level"] *= scale
            sensor["electrons_per_count"] /= scale
    (folder / "capture.json").write_text(json.dumps(data))
    shutil.copyfile(source / "LICENSE", folder / "LICENSE")
    return folder


@pytest.mark.parametrize("kind", SCALES)
@pytest.mark.parametrize("name", [*CAPTURES, "sim-a"])
def test_sixteen_bits_decode_to_the_same_points(data: Path, tmp_path: Path, name: str, kind: str) -> None:
    source = data / "fringe" / name
    group = json.loads((source / "capture.json").read_text())["groups"][0]["name"]
    wanted = decode_bundle(read_bundle(source), depth_images=False).scans[group]
    copy = read_bundle(as_tiff(source, tmp_path / "copy", SCALES[kind]))
    found = decode_bundle(copy, depth_images=False).scans[group]
    assert abs(len(found.cloud) / len(wanted.cloud) - 1) < 0.002
    common, i, j = np.intersect1d(wanted.cells, found.cells, return_indices=True)
    assert len(common) > 0.995 * len(wanted.cloud)
    apart = np.linalg.norm(wanted.cloud.points[i] - found.cloud.points[j], axis=1)
    assert np.percentile(apart, 99) < 0.002
    ratio = found.cloud.sigma[j] / wanted.cloud.sigma[i]
    assert abs(np.median(ratio) - 1) < 0.03
