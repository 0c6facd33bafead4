"""Corners of the board into cameras, with the derivatives of everything that may be estimated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from faceapp.calibration.rotations import rotation_of, skew
from faceapp.core.arrays import FloatArray

LENS = ("f", "aspect", "cx", "cy", "k1", "k2", "p1", "p2", "k3")
"""Figures of a lens: focal length along u in px, that along v over it, principal point, distortion."""

LENS_TERMS = len(LENS)
CAMERA_TERMS = LENS_TERMS + 6
"""Lens, then rotation vector and translation of ``camera_from_rig``, both as small steps from the left."""


@dataclass(frozen=True, eq=False)
class State:
    """All that is estimated.

    Parameters
    ----------
    lens : (C, 9) float64
        See `LENS`.
    camera_turn, camera_shift : (C, 3, 3), (C, 3) float64
        ``camera_from_rig``.
    board_turn, board_shift : (P, 3, 3), (P, 3) float64
        ``rig_from_board``.
    shape : (S,) float64
        Of the board, see `BoardTarget.shape_basis`.
    """

    lens: FloatArray
    camera_turn: FloatArray
    camera_shift: FloatArray
    board_turn: FloatArray
    board_shift: FloatArray
    shape: FloatArray

    def moved(self, cameras: FloatArray, boards: FloatArray, shape: FloatArray) -> State:
        """Return the state after a step: (C, 15), (P, 6) and (S,)."""
        lens, turn, shift = np.split(cameras, [LENS_TERMS, LENS_TERMS + 3], axis=1)
        first, second = rotation_of(turn), rotation_of(boards[:, :3])
        return replace(
            self,
            lens=self.lens + lens,
            camera_turn=first @ self.camera_turn,
            camera_shift=np.einsum("cij,cj->ci", first, self.camera_shift) + shift,
            board_turn=second @ self.board_turn,
            board_shift=np.einsum("cij,cj->ci", second, self.board_shift) + boards[:, 3:],
            shape=self.shape + shape,
        )


@dataclass(frozen=True, eq=False)
class Corners:
    """Every corner that was seen, one row each, sorted by view.

    Parameters
    ----------
    camera, pose : (N,) int64
        Numbers into the state.
    flat : (N, 3) float64
        On the flat board, mm.
    basis : (N, S) float64
        What each figure of the shape adds to z.
    pixels : (N, 2) float64
        Where they were seen.
    """

    camera: npt.NDArray[np.int64]
    pose: npt.NDArray[np.int64]
    flat: FloatArray
    basis: FloatArray
    pixels: FloatArray


def project(state: State, corners: Corners) -> FloatArray:
    """Return the (N, 2) pixels at which the corners should be."""
    return _project(state, corners)[0]


def project_with_derivatives(state: State, corners: Corners) -> tuple[FloatArray, FloatArray]:
    """Return (N, 2) pixels and their (N, 2, 15 + 6 + S) derivatives after camera, board pose and shape."""
    pixels, local, ideal, in_rig = _project(state, corners)
    lens = state.lens[corners.camera]
    by_lens, by_ideal = _lens_derivatives(lens, ideal)
    z = local[:, 2]
    by_local = np.zeros((len(z), 2, 3))
    by_local[:, :, :2] = by_ideal / z[:, None, None]
    by_local[:, :, 2] = -np.einsum("nij,nj->ni", by_ideal, ideal) / z[:, None]
    turn = state.camera_turn[corners.camera]
    by_rig = by_local @ turn
    count = len(z)
    found = np.empty((count, 2, CAMERA_TERMS + 6 + corners.basis.shape[1]))
    found[:, :, :LENS_TERMS] = by_lens
    found[:, :, LENS_TERMS : LENS_TERMS + 3] = -by_local @ skew(local)
    found[:, :, LENS_TERMS + 3 : CAMERA_TERMS] = by_local
    found[:, :, CAMERA_TERMS : CAMERA_TERMS + 3] = -by_rig @ skew(in_rig)
    found[:, :, CAMERA_TERMS + 3 : CAMERA_TERMS + 6] = by_rig
    upright = state.board_turn[corners.pose][:, :, 2]
    found[:, :, CAMERA_TERMS + 6 :] = np.einsum("nij,nj->ni", by_rig, upright)[:, :, None] * corners.basis[:, None, :]
    return pixels, found


def _project(state: State, corners: Corners) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    on_board = corners.flat.copy()
    on_board[:, 2] += corners.basis @ state.shape
    in_rig = (state.board_turn[corners.pose] @ on_board[:, :, None])[:, :, 0] + state.board_shift[corners.pose]
    turned = (state.camera_turn[corners.camera] @ in_rig[:, :, None])[:, :, 0]
    local = turned + state.camera_shift[corners.camera]
    ideal = local[:, :2] / local[:, 2:]
    return _through_lens(state.lens[corners.camera], ideal), local, ideal, in_rig


def _through_lens(lens: FloatArray, ideal: FloatArray) -> FloatArray:
    f, aspect, cx, cy, k1, k2, p1, p2, k3 = lens.T
    x, y = ideal.T
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    xd = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    yd = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return np.stack([f * xd + cx, f * aspect * yd + cy], axis=1)


def _lens_derivatives(lens: FloatArray, ideal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the (N, 2, 9) derivatives after the lens and the (N, 2, 2) after the ideal coordinates."""
    f, aspect, _, _, k1, k2, p1, p2, k3 = lens.T
    x, y = ideal.T
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    slope = 2 * (k1 + r2 * (2 * k2 + 3 * r2 * k3))
    xd = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    yd = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    zero, one = np.zeros_like(x), np.ones_like(x)
    fy = f * aspect
    u = [xd, zero, one, zero, f * x * r2, f * x * r2**2, 2 * f * x * y, f * (r2 + 2 * x * x), f * x * r2**3]
    v = [
        *(aspect * yd, f * yd, zero, one, fy * y * r2, fy * y * r2**2),
        *(fy * (r2 + 2 * y * y), 2 * fy * x * y, fy * y * r2**3),
    ]
    by_lens = np.stack([np.stack(u, axis=1), np.stack(v, axis=1)], axis=1)
    xx = f * (radial + x * x * slope + 2 * p1 * y + 6 * p2 * x)
    xy = f * (x * y * slope + 2 * p1 * x + 2 * p2 * y)
    yx = fy * (x * y * slope + 2 * p1 * x + 2 * p2 * y)
    yy = fy * (radial + y * y * slope + 6 * p1 * y + 2 * p2 * x)
    by_ideal = np.stack([np.stack([xx, xy], axis=1), np.stack([yx, yy], axis=1)], axis=1)
    return by_lens, by_ideal
