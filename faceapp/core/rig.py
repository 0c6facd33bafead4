"""Calibrated facts of a rig: cameras, projectors, groups. No handle of any device."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray, frozen
from faceapp.core.errors import DataError
from faceapp.core.transforms import RigidTransform


@dataclass(frozen=True)
class Sensor:
    """What is known of a sensor's counts.

    Parameters
    ----------
    white_level, black_level : float or None
        Counts of saturation and of darkness; ``None`` is not known.
    electrons_per_count, read_noise_electrons : float or None
        Noise model: a pixel of A counts has the variance ``(A g + r^2) / g^2 + 1/12`` counts squared.
    """

    white_level: float | None = None
    black_level: float | None = None
    electrons_per_count: float | None = None
    read_noise_electrons: float | None = None


@dataclass(frozen=True, eq=False)
class CameraModel:
    """A calibrated pinhole camera with OpenCV's lens model.

    Parameters
    ----------
    name : str
        Unique in its rig.
    width, height : int
        Pixels.
    K : (3, 3) float64
        Intrinsic matrix.
    distortion : (5,) float64
        ``k1 k2 p1 p2 k3``.
    rig_from_camera : RigidTransform
        Camera coordinates (x right, y down, z forward, mm) to the rig frame.
    sensor : Sensor
        Noise and saturation where known.

    Raises
    ------
    DataError
        A size or focal length is not positive, or a value is not finite.
    """

    name: str
    width: int
    height: int
    K: FloatArray
    distortion: FloatArray
    rig_from_camera: RigidTransform
    sensor: Sensor = field(default_factory=Sensor)

    def __post_init__(self) -> None:
        k = frozen(self.K, np.float64, (3, 3), f"camera {self.name}: K")
        d = frozen(self.distortion, np.float64, (5,), f"camera {self.name}: distortion")
        if self.width < 1 or self.height < 1:
            raise DataError(f"camera {self.name}: size {self.width} x {self.height} is not possible")
        if not (np.isfinite(k).all() and np.isfinite(d).all()) or k[0, 0] <= 0 or k[1, 1] <= 0:
            raise DataError(f"camera {self.name}: K and distortion must be finite, focal lengths above zero")
        object.__setattr__(self, "K", k)
        object.__setattr__(self, "distortion", d)

    @property
    def centre(self) -> FloatArray:
        """The (3,) optical centre in the rig frame, mm."""
        return self.rig_from_camera.translation

    def distort(self, normalised: npt.ArrayLike) -> FloatArray:
        """Return (N, 2) pixels of (N, 2) ideal image coordinates ``(X/Z, Y/Z)``."""
        p = np.asarray(normalised, np.float64)
        k1, k2, p1, p2, k3 = self.distortion
        x, y = p[..., 0], p[..., 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        xd = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        yd = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        u = self.K[0, 0] * xd + self.K[0, 1] * yd + self.K[0, 2]
        v = self.K[1, 1] * yd + self.K[1, 2]
        return np.stack([u, v], axis=-1)

    def undistort(self, pixels: npt.ArrayLike) -> FloatArray:
        """Return (N, 2) ideal image coordinates of (N, 2) pixels (fixed-point iteration).

        Notes
        -----
        Converges wherever the lens model is monotonic, which a calibration guarantees inside the image only.
        """
        p = np.asarray(pixels, np.float64)
        yd = (p[..., 1] - self.K[1, 2]) / self.K[1, 1]
        xd = (p[..., 0] - self.K[0, 2] - self.K[0, 1] * yd) / self.K[0, 0]
        k1, k2, p1, p2, k3 = self.distortion
        x, y = xd.copy(), yd.copy()
        for _ in range(25):
            r2 = x * x + y * y
            radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
            dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
            dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
            x, y = (xd - dx) / radial, (yd - dy) / radial
        return np.stack([x, y], axis=-1)

    def project(self, points: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Project points of the rig frame.

        Parameters
        ----------
        points : (N, 3) array_like
            Rig frame, mm.

        Returns
        -------
        pixels : (N, 2) float64
            ``(u, v)``; NaN for points behind the camera.
        depth : (N,) float64
            Along the camera's z, mm.
        """
        local = self.rig_from_camera.inverse().apply(points)
        depth = local[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            ideal = local[..., :2] / np.where(depth > 1e-9, depth, np.nan)[..., None]
            return self.distort(ideal), depth

    def rays(self, pixels: npt.ArrayLike) -> FloatArray:
        """Return (N, 3) directions in the rig frame with unit depth along the camera's z."""
        ideal = self.undistort(pixels)
        ones = np.ones((*ideal.shape[:-1], 1))
        return self.rig_from_camera.turn(np.concatenate([ideal, ones], axis=-1))

    def scaled(self, factor: float) -> CameraModel:
        """Return the same view with ``factor`` times as many pixels a side."""
        k = self.K.copy()
        k[:2, :2] *= factor
        k[0, 2] = factor * (k[0, 2] + 0.5) - 0.5
        k[1, 2] = factor * (k[1, 2] + 0.5) - 0.5
        size = round(self.width * factor), round(self.height * factor)
        return CameraModel(self.name, *size, k, self.distortion, self.rig_from_camera, self.sensor)

    def every(self, step: int) -> CameraModel:
        """Return the camera whose pixels are every ``step``-th column and row of this one, from the first."""
        k = self.K.copy()
        k[:2] /= step
        size = -(-self.width // step), -(-self.height // step)
        return CameraModel(self.name, *size, k, self.distortion, self.rig_from_camera, self.sensor)


@dataclass(frozen=True, eq=False)
class ProjectorModel:
    """A projector, calibrated or not.

    Parameters
    ----------
    name : str
        Unique in its rig.
    optics : CameraModel or None
        The projector as a camera: column ``u`` shows ``x = u / width``. ``None`` is not calibrated.
    gamma : float
        Its light goes as the command to this power.
    """

    name: str
    optics: CameraModel | None = None
    gamma: float = 1.0


@dataclass(frozen=True, eq=False)
class CameraGroup:
    """One projector and the cameras that look at its light.

    Parameters
    ----------
    name : str
        ``left``, ``middle`` or ``right`` (the subject's), or any name of a rig from outside.
    infrared : tuple of CameraModel
        The cameras that see the fringes; one or two.
    rgb : CameraModel or None
        The colour camera.
    projector : ProjectorModel
        The source of the fringes.

    Raises
    ------
    DataError
        Fewer than two calibrated views in all.
    """

    name: str
    infrared: tuple[CameraModel, ...]
    rgb: CameraModel | None
    projector: ProjectorModel

    def __post_init__(self) -> None:
        views = len(self.infrared) + (self.projector.optics is not None)
        if not self.infrared or views < 2:
            raise DataError(
                f"group {self.name}: {len(self.infrared)} infrared camera(s) and "
                f"{'a' if self.projector.optics else 'no'} calibrated projector; depth needs two calibrated views"
            )

    @property
    def cameras(self) -> tuple[CameraModel, ...]:
        """All cameras, infrared first."""
        return self.infrared + ((self.rgb,) if self.rgb else ())


@dataclass(frozen=True, eq=False)
class Rig:
    """All groups in one rig frame.

    Parameters
    ----------
    name : str
        What people call it.
    groups : tuple of CameraGroup
        In firing order.
    calibration_id : str
        Identity of the calibration (a hash or a folder's name).
    """

    name: str
    groups: tuple[CameraGroup, ...]
    calibration_id: str = ""

    def group(self, name: str) -> CameraGroup:
        """Return the group of that name.

        Raises
        ------
        DataError
            The rig has no such group.
        """
        for group in self.groups:
            if group.name == name:
                return group
        raise DataError(f"rig {self.name} has no group {name!r}; it has {', '.join(g.name for g in self.groups)}")

    def camera(self, name: str) -> CameraModel:
        """Return the camera of that name.

        Raises
        ------
        DataError
            The rig has no such camera.
        """
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise DataError(f"rig {self.name} has no camera {name!r}")

    @property
    def cameras(self) -> tuple[CameraModel, ...]:
        """Every camera of every group."""
        return tuple(camera for group in self.groups for camera in group.cameras)
