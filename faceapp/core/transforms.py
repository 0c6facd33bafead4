"""Rigid and similarity transforms, named ``target_from_source``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray, frozen
from faceapp.core.errors import DataError


@dataclass(frozen=True, eq=False)
class RigidTransform:
    """A rotation, then a translation: ``p_target = rotation @ p_source + translation``.

    Parameters
    ----------
    rotation : (3, 3) float64
        Orthonormal, determinant +1 (checked to 1e-6).
    translation : (3,) float64
        Millimetres.

    Raises
    ------
    DataError
        ``rotation`` is not a rotation or a value is not finite.
    """

    rotation: FloatArray
    translation: FloatArray

    def __post_init__(self) -> None:
        rotation = frozen(self.rotation, np.float64, (3, 3), "rotation")
        translation = frozen(self.translation, np.float64, (3,), "translation")
        if not (np.isfinite(rotation).all() and np.isfinite(translation).all()):
            raise DataError("rigid transform: a value is not finite")
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-6 or np.linalg.det(rotation) < 0:
            raise DataError("rigid transform: the 3x3 part is not a rotation (not orthonormal, or a reflection)")
        object.__setattr__(self, "rotation", rotation)
        object.__setattr__(self, "translation", translation)

    @staticmethod
    def identity() -> RigidTransform:
        """Return the transform that moves nothing."""
        return RigidTransform(np.eye(3), np.zeros(3))

    @staticmethod
    def from_matrix(matrix: npt.ArrayLike) -> RigidTransform:
        """Return the transform of a (4, 4) matrix, its rotation made exactly orthonormal.

        Raises
        ------
        DataError
            The matrix is not (4, 4), its last row is not 0 0 0 1, or the 3x3 part is off a rotation by over 1e-4.
        """
        m = frozen(matrix, np.float64, (4, 4), "transform")
        if not np.isfinite(m).all():
            raise DataError("transform: a value is not finite")
        if np.abs(m[3] - (0, 0, 0, 1)).max() > 1e-9:
            raise DataError("transform: the last row must be 0 0 0 1")
        u, _, vt = np.linalg.svd(m[:3, :3])
        rotation = u @ vt
        if np.abs(rotation - m[:3, :3]).max() > 1e-4 or np.linalg.det(rotation) < 0:
            raise DataError("transform: the 3x3 part is not a rotation (scale, shear or reflection)")
        return RigidTransform(rotation, m[:3, 3])

    @property
    def matrix(self) -> FloatArray:
        """The (4, 4) float64 matrix."""
        m = np.eye(4)
        m[:3, :3] = self.rotation
        m[:3, 3] = self.translation
        return m

    def inverse(self) -> RigidTransform:
        """Return ``source_from_target``."""
        return RigidTransform(self.rotation.T, -self.rotation.T @ self.translation)

    def __matmul__(self, other: RigidTransform) -> RigidTransform:
        """Return ``a_from_c`` of ``a_from_b @ b_from_c``."""
        return RigidTransform(self.rotation @ other.rotation, self.rotation @ other.translation + self.translation)

    def apply(self, points: npt.ArrayLike) -> FloatArray:
        """Return the (..., 3) points moved, float64."""
        return np.asarray(points, np.float64) @ self.rotation.T + self.translation

    def turn(self, vectors: npt.ArrayLike) -> FloatArray:
        """Return the (..., 3) directions rotated, float64."""
        return np.asarray(vectors, np.float64) @ self.rotation.T


@dataclass(frozen=True, eq=False)
class Similarity:
    """A uniform scale, then a rigid transform: ``p_target = scale * rotation @ p_source + translation``.

    Parameters
    ----------
    scale : float
        Above zero.
    rigid : RigidTransform
        Applied after the scale.
    """

    scale: float
    rigid: RigidTransform

    def __post_init__(self) -> None:
        if not np.isfinite(self.scale) or self.scale <= 0:
            raise DataError(f"similarity: the scale must be above zero, got {self.scale}")

    def apply(self, points: npt.ArrayLike) -> FloatArray:
        """Return the (..., 3) points scaled and moved, float64."""
        return self.rigid.apply(self.scale * np.asarray(points, np.float64))
