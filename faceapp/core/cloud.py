"""Point clouds: what a decoder measured, how well, and where each point came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, UInt8Array, frozen, frozen_or_none
from faceapp.core.transforms import RigidTransform


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Points in the rig frame, mm.

    Parameters
    ----------
    points : (N, 3) float32
        Positions.
    normals : (N, 3) float32, optional
        Unit, outward.
    colors : (N, 3) uint8, optional
        RGB.
    sigma : (N,) float32, optional
        One standard deviation of the depth error, mm.
    pixels : (N, 2) float32, optional
        ``(u, v)`` in the camera ``camera`` of each point.
    group : (N,) uint8, optional
        Which of ``groups`` measured each point.
    camera : str
        The camera that ``pixels`` belongs to; empty in a fused cloud.
    picture_pixels : (N, 2) float32, optional
        ``(u, v)`` in the colour picture of ``picture_camera``, NaN where that camera does not see the point.
    picture_camera : str
        The camera that ``picture_pixels`` belongs to.
    groups : tuple of str
        Names that ``group`` counts.
    """

    points: Float32Array
    normals: Float32Array | None = None
    colors: UInt8Array | None = None
    sigma: Float32Array | None = None
    pixels: Float32Array | None = None
    group: UInt8Array | None = None
    camera: str = ""
    groups: tuple[str, ...] = ()
    picture_pixels: Float32Array | None = None
    picture_camera: str = ""

    def __post_init__(self) -> None:
        points = frozen(self.points, np.float32, (None, 3), "cloud points")
        n = len(points)
        object.__setattr__(self, "points", points)
        for name, dtype, shape in (
            ("normals", np.float32, (n, 3)),
            ("colors", np.uint8, (n, 3)),
            ("sigma", np.float32, (n,)),
            ("pixels", np.float32, (n, 2)),
            ("group", np.uint8, (n,)),
            ("picture_pixels", np.float32, (n, 2)),
        ):
            object.__setattr__(self, name, frozen_or_none(getattr(self, name), dtype, shape, f"cloud {name}"))

    def __len__(self) -> int:
        return len(self.points)

    def select(self, keep: npt.NDArray[Any]) -> PointCloud:
        """Return the points of a mask (N,) bool or of indices (M,) int."""

        def pick(values: npt.NDArray[Any] | None) -> npt.NDArray[Any] | None:
            return None if values is None else values[keep]

        return PointCloud(
            self.points[keep],
            pick(self.normals),
            pick(self.colors),
            pick(self.sigma),
            pick(self.pixels),
            pick(self.group),
            self.camera,
            self.groups,
            pick(self.picture_pixels),
            self.picture_camera,
        )

    def moved(self, transform: RigidTransform) -> PointCloud:
        """Return the cloud after a rigid motion."""
        normals = None if self.normals is None else transform.turn(self.normals).astype(np.float32)
        return PointCloud(
            transform.apply(self.points).astype(np.float32),
            normals,
            self.colors,
            self.sigma,
            self.pixels,
            self.group,
            self.camera,
            self.groups,
            self.picture_pixels,
            self.picture_camera,
        )
