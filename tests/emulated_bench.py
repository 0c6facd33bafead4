"""A bench of pylon's emulated cameras whose pictures are fringes in files, triggered by an emulated projector."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceapp.core.sequence import multi_frequency
from faceapp.formats.capture_bundle import describe_exposure
from tests.unit.bundles import SIZE, K, pose, write_bundle

EXPOSURES = [describe_exposure(exposure) for exposure in multi_frequency().exposures]


def need_pylon(cameras: int = 9) -> None:
    """Skip without pypylon; else let pylon emulate so many cameras."""
    if importlib.util.find_spec("pypylon") is None:
        pytest.skip("pypylon is not installed (pip install 'faceapp[basler]')")
    os.environ["PYLON_CAMEMU"] = str(cameras)


def write_fringes(folder: Path, groups: int = 3) -> Path:
    """Write a bundle of a plane, 200 x 160 pixels, and its frames as TIFF for the emulated cameras beside it."""
    bundle = write_bundle(folder / "bundle", EXPOSURES, noise=1.0, groups=groups)
    for camera in sorted((bundle / "frames").iterdir()):
        (folder / "pictures" / camera.name).mkdir(parents=True)
        for file in sorted(camera.glob("*.png")):
            picture = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
            target = folder / "pictures" / camera.name / f"{file.stem}.tiff"
            assert cv2.imwrite(str(target), picture, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    return bundle


def colour_picture(group: int) -> np.ndarray:
    """(H, W, 3) RGB of a group's colour camera: three ramps that differ."""
    u, v = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    return np.stack([u, v, (u + v) // 2 + 10 * group], axis=-1).astype(np.uint8)


def write_bench(folder: Path, *, groups: int = 3, rgb: bool = True, first: int = 0) -> Path:
    """Write fringes, calibration and rig file; return the rig file. Cameras count from serial 0815-000``first``."""
    bundle = write_fringes(folder, groups)
    description = json.loads((bundle / "capture.json").read_text())
    calibrations, lines, number = (
        {},
        ['driver = "bench"', 'calibration = "calibration.json"', 'trigger = "software"'],
        first,
    )
    for g, group in enumerate(description["groups"]):
        cameras = [(c["name"], "ir", c["calibration"]) for c in group["cameras"]]
        if rgb:
            name = f"{group['name']}-rgb"
            optics = {"width": SIZE[0], "height": SIZE[1], "K": K, "distortion": [0.0] * 5}
            cameras.append((name, "rgb", {**optics, "rig_from_camera": pose(0.0, 40.0)}))
            (folder / "pictures" / name).mkdir()
            picture = np.ascontiguousarray(colour_picture(g)[..., ::-1])
            assert cv2.imwrite(str(folder / "pictures" / name / "000.bmp"), picture)
        # A machine that is cable, cameras, projector and host at once is silent for longer than a host alone.
        projector = '{ driver = "emulated", options = { watchdog_ms = 10000 } }'
        lines += ["[[groups]]", f'name = "{group["name"]}"', f"projector = {projector}"]
        for name, role, optics in cameras:
            calibrations[name] = optics
            lines += [
                "[[groups.cameras]]",
                f'name = "{name}"',
                f'role = "{role}"',
                'driver = "basler"',
                f'serial = "0815-{number:04d}"',
                f'pixel_format = "{"Mono8" if role == "ir" else "RGB8"}"',
                f'options = {{ pictures = "pictures/{name}" }}',
            ]
            number += 1
    calibration = {"schema": "faceapp/calibration", "schema_version": 1, "cameras": calibrations}
    (folder / "calibration.json").write_text(json.dumps(calibration))
    (folder / "bench.toml").write_text("\n".join(lines) + "\n")
    return folder / "bench.toml"
