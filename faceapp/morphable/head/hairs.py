"""Single hairs drawn in the chart: brows, lashes, stubble."""

from __future__ import annotations

import cv2
import numpy as np

from faceapp.core.arrays import Float32Array
from faceapp.morphable.head.cage import CHART_ROWS, HALF, inserts
from faceapp.morphable.head.figures import figures


class Hairs:
    """Two layers that hairs are drawn into.

    Parameters
    ----------
    shape : (height, width)
        Of the chart's picture.
    cell : int
        Pixels per cell.

    Attributes
    ----------
    alpha : (H, W) float32
        Cover by hairs.
    brow : (H, W) float32
        Density of the brows, smooth, for infrared, where single hairs are not resolved.
    """

    def __init__(self, shape: tuple[int, int], cell: int) -> None:
        self.cell = cell
        self.alpha: Float32Array = np.zeros(shape, np.float32)
        self.brow: Float32Array = np.zeros(shape, np.float32)

    def pixel(self, u: float, v: float) -> tuple[float, float]:
        """Return the picture's x, y of a chart place."""
        return self.cell * (u + HALF), self.cell * (CHART_ROWS - 1 - v)

    def line(self, start: tuple[float, float], end: tuple[float, float], alpha: float, width: int) -> None:
        """Draw one hair between two chart places."""
        ends = np.array([self.pixel(*start), self.pixel(*end)])
        low = np.floor(ends.min(axis=0)).astype(int) - 3
        high = np.ceil(ends.max(axis=0)).astype(int) + 4
        window = self.alpha[low[1] : high[1], low[0] : high[0]]
        stroke = np.zeros(window.shape, np.uint8)
        fraction = 3
        (x0, y0), (x1, y1) = np.rint((ends - low) * 2**fraction).astype(int).tolist()
        cv2.line(stroke, (x0, y0), (x1, y1), (255,), width, cv2.LINE_AA, fraction)
        window[:] = 1 - (1 - window) * (1 - alpha / 255**2 * stroke.astype(np.float32))


def brow_hairs(ink: Hairs, sex: str, rng: np.random.Generator) -> None:
    """Draw both brows; few thin hairs, for many thick ones make a painted bar."""
    rule = figures("albedo")["albedo"]["brow"]
    count = rule["hairs"][0 if sex == "male" else 1]
    height = 0.86 if sex == "male" else 0.6
    first, last = rule["u"]
    for side in (-1, 1):
        for _ in range(count):
            s = float(rng.beta(1.25, 1.35))
            rows = (0.95 - 0.65 * s**1.6) * height
            u = first + s * (last - first)
            v = 20.15 + 0.35 * s - 1.1 * max(s - 0.72, 0) + rows * float(np.clip(rng.normal(0, 0.24), -0.5, 0.5))
            degrees = 82 - 72 * min(1.7 * s, 1) - 35 * max(s - 0.55, 0) / 0.45 + rng.normal(0, 9)
            length = (0.34 + 0.25 * rng.random()) * (1 - 0.35 * s)
            du, dv = length * np.cos(np.radians(degrees)), length * np.sin(np.radians(degrees))
            alpha = float(rng.uniform(*rule["alpha"])) * (1 - 0.45 * abs(2 * s - 0.9) ** 3)
            width = 2 if rng.random() < 0.25 else 1
            ink.line((side * (u - du / 2), v - dv / 2), (side * (u + du / 2), v + dv / 2), alpha, width)
    ink.brow = np.clip(1.7 * cv2.GaussianBlur(ink.alpha, (0, 0), ink.cell / 8), 0, 1)


def lash_hairs(ink: Hairs, rng: np.random.Generator) -> None:
    """Draw the lashes from the lid margins outwards."""
    rule = figures("albedo")["albedo"]["lashes"]
    for name in ("eyeL", "eyeR"):
        shape = inserts()[name]
        centre_u, centre_v = (shape.j0 + shape.j1) / 2, (shape.i0 + shape.i1) / 2
        half = (shape.j1 - shape.j0) / 2
        for count, above in ((rule["hairs_upper"], 1), (rule["hairs_lower"], -1)):
            for _ in range(count):
                x = float(rng.uniform(-0.95, 0.95))
                margin = 1 - 3 / shape.rings
                reach = margin + (0.13 if above > 0 else 0.07) * float(rng.uniform(0.5, 1))
                slant = 0.05 * x
                ends = [
                    (centre_u + half * k * (x + extra), centre_v + above * half * k)
                    for k, extra in ((margin, 0.0), (reach, slant))
                ]
                ink.line(ends[0], ends[1], float(rng.uniform(90, 170) if above > 0 else rng.uniform(50, 100)), 1)


def stubble(ink: Hairs, rng: np.random.Generator) -> None:
    """Dot a shaved beard; dots grow with the cell, which is small about the mouth."""
    rule = figures("albedo")["albedo"]["beard"]
    low, high = rule["rows"]
    mouth = inserts()["mouth"]
    count = int(rule["dots"] * 2 * rule["max_u"] * (high - low) * ink.cell**2 / 12)
    for u, v in zip(rng.uniform(-rule["max_u"], rule["max_u"], count), rng.uniform(low, high, count), strict=True):
        on_mouth = mouth.j0 * 0.72 < u < mouth.j1 * 0.72 and mouth.i0 + 0.5 < v < mouth.i1 - 0.5
        above_cheek = v > 10 and abs(u) > 3.2
        philtrum = abs(u) < 0.5 and v > mouth.i1 - 0.5
        edge = rng.random() > min((rule["max_u"] - abs(u)) / 1.5, (v - low) / 1.0, 1.0)
        if not (on_mouth or above_cheek or philtrum or edge):
            ink.line((u, v), (u + 0.02, v - 0.03), float(rng.uniform(25, 70)), 1)
