"""How far the points of a group lie from a known surface, and whether their sigma says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import cKDTree

from faceapp.core.rig import CameraGroup
from faceapp.formats.images import read_image
from faceapp.formats.ply import read_ply
from faceapp.fringe.decode import GroupScan

_EDGE_STEP_MM = 3.0
_COVERED_MM = 0.7


def robust(values: np.ndarray) -> float:
    """1.4826 times the median absolute deviation."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


@dataclass(frozen=True, eq=False)
class ScanErrors:
    """Errors of the points whose truth is known: along the first camera's ray, as depth along its axis.

    Parameters
    ----------
    error, sigma : (N,) float64
        mm; sigma is that of the decoder, along the same axis.
    cosine : (N,) float64
        Smaller cosine between the normal and the two cameras' rays.
    edge : (N,) bool
        Within two pixels of a depth edge of the truth.
    modulation : (N,) float64
        Counts, of the finest fringes.
    complete, complete_front : float
        Share of the truth's points with a decoded point within 0.7 mm.
    """

    error: np.ndarray
    sigma: np.ndarray
    cosine: np.ndarray
    edge: np.ndarray
    modulation: np.ndarray
    complete: float
    complete_front: float

    @property
    def front(self) -> np.ndarray:
        """(N,) bool: normal within 60 degrees of both rays."""
        return self.cosine > 0.5

    def figures(self) -> dict[str, float]:
        """Figures of the points in front, micrometres, and of the completeness, per cent."""
        e = 1000 * self.error[self.front]
        return {
            "points": float(len(self.error)),
            "bias": float(np.median(e)),
            "robust": robust(e),
            "mean": float(np.mean(np.abs(e))),
            "p95": float(np.percentile(np.abs(e), 95)),
            "error/sigma": robust(self.error[self.front] / self.sigma[self.front]),
            "complete": 100 * self.complete,
            "front": 100 * self.complete_front,
        }

    def sigma_ratios(self) -> dict[str, float]:
        """Robust spread of error / sigma by region and by modulation; 1 is right."""
        ratio = self.error / self.sigma
        smooth = ~self.edge
        low, high = np.percentile(self.modulation, [20, 80])
        parts = {
            "front": self.front & smooth,
            "60 to 75 deg": (self.cosine <= 0.5) & (self.cosine > 0.26) & smooth,
            "edges": self.edge,
            "dark fifth": (self.modulation < low) & smooth & self.front,
            "bright fifth": (self.modulation > high) & smooth & self.front,
        }
        return {name: robust(ratio[part]) if part.sum() > 200 else float("nan") for name, part in parts.items()}


def measure(truth: Path, group: CameraGroup, scan: GroupScan) -> ScanErrors:
    """Compare a scan with the truth folder of a simulated capture."""
    camera = group.infrared[0]
    depth = read_image(truth / "depth" / f"{camera.name}.tiff").astype(np.float32)
    pixels, z = camera.project(scan.cloud.points)
    true = _at(depth, pixels)
    cosines = [_facing(scan.cloud.points, scan.cloud.normals, view.centre) for view in group.infrared]
    along = z / np.linalg.norm(scan.cloud.points - camera.centre, axis=1)
    known = np.isfinite(true)
    nearest = np.clip(np.rint(pixels[known]).astype(int), 0, np.array(depth.shape)[::-1] - 1)
    edge = _edges(depth)[nearest[:, 1], nearest[:, 0]]
    modulation = scan.phases[0].modulation[nearest[:, 1], nearest[:, 0]]
    seen = read_ply(truth / f"{group.name}.ply")
    points, normals = seen.columns("x", "y", "z"), seen.columns("nx", "ny", "nz")
    assert points is not None and normals is not None
    covered = cKDTree(scan.cloud.points).query(points)[0] < _COVERED_MM
    front = np.min([_facing(points, normals, view.centre) for view in group.infrared], axis=0) > 0.5
    return ScanErrors(
        (z - true)[known],
        (scan.cloud.sigma * along)[known],
        np.min(cosines, axis=0)[known],
        edge,
        modulation.astype(float),
        float(covered.mean()),
        float(covered[front].mean()),
    )


def table(rows: dict[str, dict[str, float]]) -> str:
    """Rows of figures as text."""
    names = list(next(iter(rows.values())))
    widths = [max(len(name), 9) + 2 for name in names]
    left = max(map(len, rows)) + 1
    lines = [" " * left + "".join(f"{name:>{w}}" for name, w in zip(names, widths, strict=True))]
    for row, values in rows.items():
        lines.append(f"{row:<{left}}" + "".join(f"{values[n]:{w}.3f}" for n, w in zip(names, widths, strict=True)))
    return "\n".join(lines)


def _facing(points: np.ndarray, normals: np.ndarray, centre: np.ndarray) -> np.ndarray:
    way = centre - points
    return np.einsum("nd,nd->n", way / np.linalg.norm(way, axis=1, keepdims=True), normals)


def _at(image: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Bilinear values; NaN where a neighbour is NaN. cv2 takes no more than 32767 rows: a wide table instead."""
    n, columns = len(pixels), 1000
    rows = -(-n // columns)
    maps = np.full((2, rows * columns), -10, np.float32)
    maps[:, :n] = pixels.T
    u, v = maps.reshape(2, rows, columns)
    return cv2.remap(image, u, v, cv2.INTER_LINEAR, borderValue=float("nan")).ravel()[:n]


def _edges(depth: np.ndarray) -> np.ndarray:
    """Pixels within two of a step of the true depth, or of its end."""
    filled = np.nan_to_num(depth, nan=1e4)
    kernel = np.ones((3, 3), np.uint8)
    step = cv2.dilate(filled, kernel) - cv2.erode(filled, kernel) > _EDGE_STEP_MM
    return cv2.dilate(step.astype(np.uint8), kernel).astype(bool)
