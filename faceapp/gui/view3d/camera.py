"""The camera of a 3D view: where it stands, what it sees, how the mouse moves it. NumPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray

_HALF_ANGLE = math.radians(15)


@dataclass(frozen=True, eq=False)
class OrbitCamera:
    """A perspective camera that turns about a point.

    Parameters
    ----------
    focus : (3,) float64
        What it turns about, rig frame, mm.
    distance : float
        From the focus, mm.
    rotation : (3, 3) float64
        Rows: right, up, and from the focus towards the camera.
    radius : float
        Of the scene, for clipping planes.
    centre : (3,) float64
        Of the scene.
    """

    focus: FloatArray
    distance: float
    rotation: FloatArray
    radius: float = 150.0
    centre: FloatArray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.centre is None:
            object.__setattr__(self, "centre", self.focus)

    @staticmethod
    def home(low: npt.ArrayLike, high: npt.ArrayLike, aspect: float = 1.0) -> OrbitCamera:
        """Return the view from the front (along -z, y up) that shows a box.

        Parameters
        ----------
        low, high : (3,) array_like
            Corners of the box, mm.
        aspect : float
            Width of the view over its height.
        """
        return OrbitCamera(np.zeros(3), 600.0, np.eye(3)).fitted(low, high, aspect)

    def fitted(self, low: npt.ArrayLike, high: npt.ArrayLike, aspect: float = 1.0) -> OrbitCamera:
        """Return the view in the same direction that shows a whole box."""
        a, b = np.asarray(low, np.float64), np.asarray(high, np.float64)
        centre, radius = (a + b) / 2, max(1e-3, float(np.linalg.norm(b - a)) / 2)
        corners = np.array([[x, y, z] for x in (a[0], b[0]) for y in (a[1], b[1]) for z in (a[2], b[2])]) - centre
        local = corners @ self.rotation.T
        tangent = math.tan(_HALF_ANGLE)
        needed = local[:, 2] + np.maximum(np.abs(local[:, 1]), np.abs(local[:, 0]) / max(aspect, 1e-3)) / tangent
        return OrbitCamera(centre, float(needed.max()) * 1.04, self.rotation, radius, centre)

    @property
    def position(self) -> FloatArray:
        """Where it stands."""
        return self.focus + self.distance * self.rotation[2]

    @property
    def clipping(self) -> tuple[float, float]:
        """Nearest and farthest distance to draw."""
        depth = float(np.dot(self.position - self.centre, self.rotation[2]))
        reach = self.radius * 1.2
        far = max(depth + reach, 1.0)
        return max(depth - reach, far / 2000), far

    def turned(self, dx: float, dy: float, height: float) -> OrbitCamera:
        """Return the camera after a drag of ``dx, dy`` pixels in a view ``height`` pixels high."""
        scale = math.pi / max(1.0, height)
        yaw, pitch = _about(np.array([0.0, 1, 0]), dx * scale), _about(np.array([1.0, 0, 0]), dy * scale)
        rotation = pitch @ yaw @ self.rotation
        u, _, v = np.linalg.svd(rotation)  # rounding must not pile up over thousands of drags
        return replace(self, rotation=u @ v)

    def panned(self, dx: float, dy: float, height: float) -> OrbitCamera:
        """Return the camera after a shift of the picture by pixels."""
        mm = self.mm_per_pixel(height)
        return replace(self, focus=self.focus - mm * (dx * self.rotation[0] - dy * self.rotation[1]))

    def zoomed(self, factor: float) -> OrbitCamera:
        """Return the camera with things ``factor`` times as large."""
        distance = min(max(self.distance / factor, self.radius * 0.02), self.radius * 60)
        return replace(self, distance=distance)

    def focused(self, point: npt.ArrayLike) -> OrbitCamera:
        """Return the camera that turns about another point, shown in the middle."""
        return replace(self, focus=np.array(point, np.float64))

    def looking(self, direction: npt.ArrayLike, up: npt.ArrayLike = (0, 1, 0)) -> OrbitCamera:
        """Return the camera that stands in a direction from the focus."""
        back = np.asarray(direction, np.float64)
        back = back / np.linalg.norm(back)
        right = np.cross(np.asarray(up, np.float64), back)
        right /= np.linalg.norm(right)
        return replace(self, rotation=np.stack([right, np.cross(back, right), back]))

    def mm_per_pixel(self, height: float) -> float:
        """Return the size of a pixel at the focus."""
        return 2 * self.distance * math.tan(_HALF_ANGLE) / max(1.0, height)

    def project(self, points: npt.ArrayLike, width: float, height: float) -> tuple[FloatArray, FloatArray]:
        """Return (N, 2) pixels of the view and (N,) distances along the view; NaN behind the camera."""
        local = (np.asarray(points, np.float64) - self.position) @ self.rotation.T
        depth = -local[:, 2]
        scale = height / 2 / math.tan(_HALF_ANGLE)
        with np.errstate(divide="ignore", invalid="ignore"):
            pixels = local[:, :2] / np.where(depth > 1e-6, depth, np.nan)[:, None] * scale
        pixels[:, 0] += width / 2
        pixels[:, 1] = height / 2 - pixels[:, 1]
        return pixels, depth

    def ray(self, x: float, y: float, width: float, height: float) -> tuple[FloatArray, FloatArray]:
        """Return origin and unit direction of the ray through a pixel of the view."""
        tangent = math.tan(_HALF_ANGLE)
        local = np.array([(x - width / 2) / (height / 2) * tangent, (height / 2 - y) / (height / 2) * tangent, -1.0])
        direction = local @ self.rotation
        return self.position, direction / np.linalg.norm(direction)

    @property
    def view_angle_deg(self) -> float:
        """Vertical field of view, degrees."""
        return math.degrees(2 * _HALF_ANGLE)

    def between(self, other: OrbitCamera, t: float) -> OrbitCamera:
        """Return a camera on the way to another, ``t`` from 0 to 1."""
        mixed = (1 - t) * self.rotation + t * other.rotation
        u, _, v = np.linalg.svd(mixed)
        turn = u @ v
        if np.linalg.det(turn) < 0:
            turn = other.rotation
        distance = self.distance ** (1 - t) * other.distance**t
        return replace(other, focus=(1 - t) * self.focus + t * other.focus, distance=distance, rotation=turn)


def _about(axis: FloatArray, angle: float) -> FloatArray:
    """Return the matrix that turns the rows right, up, back by a drag: things follow the mouse."""
    c, s = math.cos(angle), math.sin(angle)
    if axis[0]:
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
