"""Two balls at different depths before two cameras and a calibrated projector, drawn without faceapp's decoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.unit.bundles import exposure_light, phase_steps, pose

SIZE = (400, 320)
K = [[900.0, 0.0, 199.5], [0.0, 900.0, 159.5], [0.0, 0.0, 1.0]]
DISTORTION = [-0.06, 0.03, 2e-4, -1e-4, 0.0]
PROJECTOR = {
    "width": 1280,
    "height": 1024,
    "K": [[2560.0, 0, 640.0], [0, 2560.0, 512.0], [0, 0, 1]],
    "distortion": [0.0] * 5,
}
BALLS = ((np.array([-42.0, 0.0, 0.0]), 55.0), (np.array([60.0, 10.0, -75.0]), 45.0))
CAMERAS = (-80.0, 80.0)
LIGHT = np.array([0.0, 0.0, 700.0])
FINEST = phase_steps(64, 4)
ALL = [*phase_steps(1, 4), *phase_steps(8, 4), *FINEST]


def distance_to_balls(points: np.ndarray) -> np.ndarray:
    """(N, 2) signed distance of points to each ball, mm."""
    return np.stack([np.linalg.norm(points - c, axis=1) - r for c, r in BALLS], axis=1)


def _rays() -> np.ndarray:
    """(H, W, 3) directions of a camera that looks along -z."""
    v, u = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float64)
    pixels = np.stack([u.ravel(), v.ravel()], axis=1)[:, None]
    ideal = cv2.undistortPointsIter(
        pixels, np.array(K), np.array(DISTORTION), None, None, (cv2.TERM_CRITERIA_COUNT, 40, 0)
    )
    x, y = ideal.reshape(SIZE[1], SIZE[0], 2).transpose(2, 0, 1)
    return np.stack([x, -y, -np.ones_like(x)], axis=-1)


def _hit(origin: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Smallest share of each ray at which it meets a ball; infinite where it meets none."""
    nearest = np.full(rays.shape[:-1], np.inf)
    square = np.sum(rays**2, axis=-1)
    for centre, radius in BALLS:
        to = origin - centre
        half = np.sum(rays * to, axis=-1)
        inside = half**2 - square * (np.sum(to**2, axis=-1) - radius**2)
        t = np.where(inside > 0, (-half - np.sqrt(np.maximum(inside, 0))) / square, np.inf)
        nearest = np.minimum(nearest, np.where(t > 1e-6, t, np.inf))
    return nearest


def field_and_light(camera_x: float) -> tuple[np.ndarray, np.ndarray]:
    """Position in the projector's field and brightness (0 in shadow) of each pixel of a camera."""
    origin, rays = np.array([camera_x, 0.0, 700.0]), _rays()
    t = _hit(origin, rays)
    seen = np.isfinite(t)
    points = origin + rays * np.where(seen, t, 1.0)[..., None]
    way = points - LIGHT
    lit = seen & (_hit(LIGHT, way) > 1 - 1e-6)
    normal = np.zeros_like(points)
    for centre, radius in BALLS:
        off = points - centre
        normal = np.where(np.abs(np.linalg.norm(off, axis=-1, keepdims=True) - radius) < 1e-6, off / radius, normal)
    slope = -np.sum(normal * way, axis=-1) / np.linalg.norm(way, axis=-1)
    x = way[..., 0] / -way[..., 2] / 0.5 + 0.5
    return x, np.where(lit, np.clip(slope, 0, 1), 0)


def write_spheres(folder: Path, exposures: list[dict[str, Any]], *, projector: bool = True, noise: float = 0.7) -> Path:
    """Write a bundle whose truth is `BALLS`."""
    rng = np.random.default_rng(5)
    cameras = []
    for i, camera_x in enumerate(CAMERAS, start=1):
        name = f"middle-ir-{i}"
        (folder / "frames" / name).mkdir(parents=True)
        x, brightness = field_and_light(camera_x)
        files = []
        for k, exposure in enumerate(exposures):
            counts = 4 + 190 * brightness * exposure_light(exposure, x) + noise * rng.normal(size=x.shape)
            files.append(f"frames/{name}/{k:03d}.png")
            cv2.imwrite(str(folder / files[-1]), np.clip(np.rint(counts), 0, 255).astype(np.uint8))
        calibration = {"width": SIZE[0], "height": SIZE[1], "K": K, "distortion": DISTORTION}
        calibration["rig_from_camera"] = pose(camera_x)
        cameras.append({"name": name, "role": "ir", "frames": files, "calibration": calibration})
    light: dict[str, Any] = {"name": "middle-projector"}
    if projector:
        light |= {"calibration": PROJECTOR, "rig_from_projector": pose(0.0)}
    data = {
        "schema": "faceapp/capture",
        "schema_version": 1,
        "id": folder.name,
        "captured_at": "2026-03-14T09:26:53.589Z",
        "subject": "S0001",
        "expression": "neutral",
        "sequence": {"kind": "phase-shift", "axis": "u", "exposures": exposures},
        "groups": [{"name": "middle", "projector": light, "cameras": cameras}],
    }
    (folder / "capture.json").write_text(json.dumps(data))
    return folder
