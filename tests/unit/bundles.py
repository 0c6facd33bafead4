"""A tiny capture bundle with a known answer: a plane seen by two cameras, drawn without faceapp's decoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

K = [[600.0, 0.0, 99.5], [0.0, 600.0, 79.5], [0.0, 0.0, 1.0]]
SIZE = (200, 160)
PLANE_Z = 10.0
"""The plane z = 10 mm of the rig frame, 690 mm in front of the projector at z = 700."""


def pose(x: float, y: float = 0.0) -> list[list[float]]:
    """A camera at (x, y, 700) that looks along -z."""
    return [[1, 0, 0, x], [0, -1, 0, y], [0, 0, -1, 700], [0, 0, 0, 1]]


def field_position(camera_x: float) -> np.ndarray:
    """(H, W) position in the projector's field (350 mm at 700 mm) of the plane seen by a camera."""
    u = np.arange(SIZE[0])
    x_rig = (u - K[0][2]) / K[0][0] * (700 - PLANE_Z) + camera_x
    return np.tile(x_rig / (700 - PLANE_Z) / 0.5 + 0.5, (SIZE[1], 1))


def exposure_light(exposure: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Light of one exposure, written from the words of the bundle's definition."""
    if "frequency" in exposure:
        n, steps = exposure["step"], exposure["steps"]
        return 0.5 + 0.5 * np.cos(2 * np.pi * exposure["frequency"] * x - 2 * np.pi * n / steps)
    if "gray_code_bit" in exposure:
        bits = exposure["gray_code_bits"]
        code = np.floor(x * 2**bits).astype(int)
        on = (code ^ (code >> 1)) >> (bits - 1 - exposure["gray_code_bit"]) & 1
        return (1 - on if exposure.get("inverted") else on).astype(float)
    return np.full(x.shape, exposure.get("flood", 0.0))


def phase_steps(frequency: float, steps: int, order: list[int] | None = None) -> list[dict[str, Any]]:
    return [{"frequency": frequency, "step": n, "steps": steps} for n in order or range(steps)]


DEFAULT = [*phase_steps(1, 4), *phase_steps(8, 4), {"flood": 1.0}, {"dark": True}]


def write_bundle(
    folder: Path, exposures: list[dict[str, Any]] | None = None, *, bits: int = 8, noise: float = 0.0, groups: int = 1
) -> Path:
    """Write a bundle whose truth is the plane z = 10 mm."""
    exposures = exposures or DEFAULT
    rng = np.random.default_rng(3)
    described = []
    for g in range(groups):
        name = ("middle", "left", "right")[g]
        cameras = []
        for i, x in enumerate((-60.0, 60.0), start=1):
            camera = f"{name}-ir-{i}"
            (folder / "frames" / camera).mkdir(parents=True)
            files = []
            position = field_position(x)
            for k, exposure in enumerate(exposures):
                light = 15 + 180 * exposure_light(exposure, position) + noise * rng.normal(size=position.shape)
                counts = np.clip(np.rint(light * (16 if bits > 8 else 1)), 0, 65535 if bits > 8 else 255)
                file = f"frames/{camera}/{k:03d}.png"
                cv2.imwrite(str(folder / file), counts.astype(np.uint16 if bits > 8 else np.uint8))
                files.append(file)
            calibration = {
                "width": SIZE[0],
                "height": SIZE[1],
                "K": K,
                "distortion": [0.0] * 5,
                "rig_from_camera": pose(x),
            }
            cameras.append({"name": camera, "role": "ir", "frames": files, "calibration": calibration})
        described.append({"name": name, "projector": {"name": f"{name}-projector"}, "cameras": cameras})
    data = {
        "schema": "faceapp/capture",
        "schema_version": 1,
        "id": folder.name,
        "captured_at": "2026-03-14T09:26:53.589Z",
        "subject": "S0001",
        "expression": "neutral",
        "sequence": {"kind": "phase-shift", "axis": "u", "exposures": exposures},
        "groups": described,
    }
    (folder / "capture.json").write_text(json.dumps(data))
    return folder


def edit(folder: Path, change: Any) -> None:
    """Apply ``change(data)`` to the description."""
    data = json.loads((folder / "capture.json").read_text())
    change(data)
    (folder / "capture.json").write_text(json.dumps(data))
