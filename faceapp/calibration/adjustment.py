"""Bundle adjustment of all cameras, all poses of the board, and the board's shape.

Levenberg-Marquardt on the normal equations; the poses are eliminated (Schur complement), so that each step solves
a system of the cameras' size. Bad corners lose their weight (Huber), then are left out. The inverse of the last
system, times the variance of each camera's corners, is the covariance of what was estimated.

Source: Triggs et al., Bundle adjustment - a modern synthesis, 2000.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.calibration.projection import CAMERA_TERMS, LENS_TERMS, Corners, State, project, project_with_derivatives
from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.errors import DataError

_HUBER = 2.5
_BAD = 5.0
_LEAST_SIGMA_PX = 0.005
_STAGES = ((8, 1e-2), (20, 1e-4), (60, 0.0))
"""Most rounds, and the gain that ends a stage: near it, without the bad corners, and exactly."""

_SMALL = 1e-9


@dataclass(frozen=True)
class Priors:
    """What is known before any picture: deviations about the start, infinite where nothing is.

    Parameters
    ----------
    aspect : float
        Of the pixels' height over their width; sensors are square to some 1e-5.
    k3 : float
        Of the third radial term, which narrow lenses do not show.
    shape_mm, bend_mm : float
        Of the board's shape, second and third order.
    """

    aspect: float = 3e-5
    k3: float = 0.3
    shape_mm: float = 3.0
    bend_mm: float = 0.1


@dataclass(frozen=True, eq=False)
class Freedom:
    """What may move.

    Parameters
    ----------
    cameras : (C, 15) bool
        Figures of each camera.
    boards : bool
        Poses of the board.
    shape : bool
        Of the board.
    """

    cameras: BoolArray
    boards: bool = True
    shape: bool = True

    @staticmethod
    def of_all(cameras: int, reference: int, *, shape: bool = True) -> Freedom:
        """Return that all may move but the pose of one camera, which holds the frame."""
        free = np.ones((cameras, CAMERA_TERMS), bool)
        free[reference, LENS_TERMS:] = False
        return Freedom(free, shape=shape)


@dataclass(frozen=True, eq=False)
class Adjustment:
    """What an adjustment found.

    Parameters
    ----------
    state : State
        The best figures.
    residuals : (N, 2) float64
        Seen minus expected, px.
    used : (N,) bool
        Corners that were not left out as bad.
    sigma_px : (C,) float64
        Deviation of a coordinate of a corner, of each camera.
    covariance : (K, K) float64
        Of the free figures of the cameras, then of the shape, in the order of ``free``.
    free : (C * 15 + S,) bool
        Which figures they are.
    rounds : int
        Steps that were tried.
    """

    state: State
    residuals: FloatArray
    used: BoolArray
    sigma_px: FloatArray
    covariance: FloatArray
    free: BoolArray
    rounds: int

    def deviations(self) -> tuple[FloatArray, FloatArray]:
        """Return the predicted deviations of the cameras' figures (C, 15) and of the shape (S,); 0 where held."""
        found = np.zeros(len(self.free))
        found[self.free] = np.sqrt(np.maximum(np.diag(self.covariance), 0))
        cameras = len(self.state.lens)
        return found[: cameras * CAMERA_TERMS].reshape(cameras, CAMERA_TERMS), found[cameras * CAMERA_TERMS :]


def adjust(
    start: State,
    corners: Corners,
    freedom: Freedom,
    priors: Priors = Priors(),
    told: Callable[[str], None] | None = None,
    precision: float = 1e-7,
) -> Adjustment:
    """Find the state that explains the corners best.

    Parameters
    ----------
    start : State
        Near enough (see `faceapp.calibration.starting`).
    corners : Corners
        What was seen.
    freedom : Freedom
        What may move.
    priors : Priors
        What is known of lenses and boards anyway, about the start.
    told : callable, optional
        Hears of each round; may raise to stop the work.
    precision : float
        A step that lowers the cost by less than this share is the last.

    Returns
    -------
    Adjustment

    Raises
    ------
    DataError
        The corners do not determine what shall be found.
    """
    system = _System(start, corners, freedom, priors)
    told = told or (lambda _: None)
    cameras = len(start.lens)
    sigma = np.full(cameras, 0.5)
    used = np.ones(len(corners.camera), bool)
    state, rounds = start, 0
    for turn, (limit, enough) in enumerate(_STAGES):
        state, count = _descend(
            system, state, sigma, used, limit, told, robust=turn < 2, precision=max(precision, enough)
        )
        rounds += count
        residuals = corners.pixels - project(state, corners)
        sigma = _sigmas(residuals, corners.camera, used, cameras)
        if turn:
            used = np.linalg.norm(residuals, axis=1) < _BAD * sigma[corners.camera]
            sigma = _sigmas(residuals, corners.camera, used, cameras)
    residuals = corners.pixels - project(state, corners)
    # What was estimated took part of the noise with it.
    freed = np.bincount(corners.camera[used], minlength=cameras) * 2
    share = max(1 - (system.free_count + 6 * len(start.board_shift) * freedom.boards) / max(freed.sum(), 1), 0.1)
    sigma = sigma / np.sqrt(share)
    covariance = system.covariance(state, sigma, used)
    return Adjustment(state, residuals, used, sigma, covariance, system.free, rounds)


def _sigmas(residuals: FloatArray, camera: npt.NDArray[np.int64], used: BoolArray, cameras: int) -> FloatArray:
    """Root mean square of a coordinate, bad corners aside, of each camera."""
    square = (residuals**2).mean(axis=1)
    found = np.empty(cameras)
    for c in range(cameras):
        mine = square[(camera == c) & used]
        if not len(mine):
            found[c] = 1.0
            continue
        # The median of the mean of two squares of a unit normal is log 2; it hears nothing of bad corners.
        scale = np.median(mine) / np.log(2)
        found[c] = np.sqrt(max(mine[mine < _BAD**2 * scale].mean(), 0.0)) if scale > 0 else 0.0
    return np.maximum(found, _LEAST_SIGMA_PX)


def _descend(
    system: _System,
    state: State,
    sigma: FloatArray,
    used: BoolArray,
    limit: int,
    told: Callable[[str], None],
    *,
    robust: bool,
    precision: float,
) -> tuple[State, int]:
    damping, cost = 1e-3, system.cost(state, sigma, used, robust)
    for count in range(1, limit + 1):
        told(f"step {count}, {np.sqrt(2 * cost / max(2 * used.sum(), 1)):.3f} deviations")
        normal = system.normal(state, sigma, used, robust)
        while True:
            moved = system.step(state, normal, damping)
            new = system.cost(moved, sigma, used, robust) if moved is not None else np.inf
            if new < cost or damping > 1e8:
                break
            damping *= 10
        if not new < cost:
            return state, count
        assert moved is not None
        gain, state, cost = cost - new, moved, new
        damping = max(damping / 10, 1e-12)
        if gain < precision * cost:
            return state, count
    return state, limit


@dataclass(frozen=True, eq=False)
class _Normal:
    """The normal equations: of cameras and shape (a), of each pose (b), and between them (c)."""

    a: FloatArray
    a_side: FloatArray
    b: FloatArray
    b_side: FloatArray
    c: FloatArray


class _System:
    def __init__(self, start: State, corners: Corners, freedom: Freedom, priors: Priors) -> None:
        self._start, self._corners, self._freedom = start, corners, freedom
        self._cameras, self._poses, self._terms = len(start.lens), len(start.board_shift), len(start.shape)
        self.free = np.concatenate([freedom.cameras.ravel(), np.full(self._terms, freedom.shape)])
        self.free_count = int(self.free.sum())
        lens = np.zeros((self._cameras, CAMERA_TERMS))
        lens[:, 1], lens[:, 8] = priors.aspect**-2, priors.k3**-2
        shape = np.full(self._terms, priors.bend_mm**-2)
        shape[:3] = priors.shape_mm**-2
        self._prior = np.concatenate([lens.ravel(), shape])
        key = corners.camera * self._poses + corners.pose
        self._first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.zeros(0, np.int64)

    def _off_prior(self, state: State) -> FloatArray:
        off = np.zeros((self._cameras, CAMERA_TERMS))
        off[:, :LENS_TERMS] = state.lens - self._start.lens
        # The board is flat until pictures say otherwise; a lens is what it was at the start.
        off[:, 8] = state.lens[:, 8]
        off[:, 1] = state.lens[:, 1] - 1
        return np.concatenate([off.ravel(), state.shape])

    def cost(self, state: State, sigma: FloatArray, used: BoolArray, robust: bool) -> float:
        size = np.linalg.norm(self._corners.pixels - project(state, self._corners), axis=1)
        size = size[used] / sigma[self._corners.camera[used]]
        rho = np.where(size < _HUBER, size**2 / 2, _HUBER * (size - _HUBER / 2)) if robust else size**2 / 2
        prior = (self._prior * self._off_prior(state) ** 2)[self.free].sum() / 2
        total = float(rho.sum() + prior)
        return total if np.isfinite(total) else np.inf

    def normal(self, state: State, sigma: FloatArray, used: BoolArray, robust: bool) -> _Normal:
        corners = self._corners
        expected, slope = project_with_derivatives(state, corners)
        rest = corners.pixels - expected
        scale = used / sigma[corners.camera]
        if robust:
            size = np.linalg.norm(rest, axis=1) * scale
            scale = scale * np.sqrt(np.minimum(1, _HUBER / np.maximum(size, 1e-12)))
        slope *= scale[:, None, None]
        rest = rest * scale[:, None]
        wide = self._cameras * CAMERA_TERMS
        a = np.zeros((wide + self._terms,) * 2)
        a_side = np.zeros(wide + self._terms)
        b, b_side = np.zeros((self._poses, 6, 6)), np.zeros((self._poses, 6))
        c = np.zeros((self._poses, wide + self._terms, 6))
        shape = np.arange(wide, wide + self._terms)
        ends = np.r_[self._first[1:], len(rest)]
        for first, last in zip(self._first, ends, strict=True):
            j = slope[first:last].reshape(-1, slope.shape[2])
            product, side = j.T @ j, j.T @ rest[first:last].ravel()
            camera, pose = corners.camera[first], corners.pose[first]
            mine = np.r_[np.arange(camera * CAMERA_TERMS, (camera + 1) * CAMERA_TERMS), shape]
            here = np.r_[np.arange(CAMERA_TERMS), np.arange(CAMERA_TERMS + 6, slope.shape[2])]
            there = slice(CAMERA_TERMS, CAMERA_TERMS + 6)
            a[np.ix_(mine, mine)] += product[np.ix_(here, here)]
            a_side[mine] += side[here]
            b[pose] += product[there, there]
            b_side[pose] += side[there]
            c[pose][mine] += product[here, there]
        a[np.diag_indices(len(a))] += self._prior
        a_side -= self._prior * self._off_prior(state)
        return _Normal(a[np.ix_(self.free, self.free)], a_side[self.free], b, b_side, c[:, self.free])

    def step(self, state: State, normal: _Normal, damping: float) -> State | None:
        """Return the state one step on, ``None`` where the equations have no solution."""
        a = normal.a + damping * np.diag(np.diag(normal.a))
        b = normal.b + (damping * np.diagonal(normal.b, axis1=1, axis2=2)[:, None, :] + _SMALL) * np.eye(6)
        try:
            if self._freedom.boards:
                inverse = np.linalg.inv(b)
                through = normal.c @ inverse
                left = a - np.einsum("pij,pkj->ik", through, normal.c, optimize=True)
                right = normal.a_side - np.einsum("pij,pj->i", through, normal.b_side)
                moves = np.linalg.solve(left, right) if self.free_count else right
                poses = np.einsum("pij,pj->pi", inverse, normal.b_side - np.einsum("pij,i->pj", normal.c, moves))
            else:
                moves, poses = np.linalg.solve(a, normal.a_side), np.zeros((self._poses, 6))
        except np.linalg.LinAlgError:
            return None
        all_moves = np.zeros(len(self.free))
        all_moves[self.free] = moves
        wide = self._cameras * CAMERA_TERMS
        return state.moved(all_moves[:wide].reshape(-1, CAMERA_TERMS), poses, all_moves[wide:])

    def covariance(self, state: State, sigma: FloatArray, used: BoolArray) -> FloatArray:
        normal = self.normal(state, sigma, used, robust=False)
        left = normal.a
        if self._freedom.boards:
            b = normal.b + _SMALL * np.eye(6)
            through = normal.c @ np.linalg.inv(b)
            left = left - np.einsum("pij,pkj->ik", through, normal.c, optimize=True)
        if not self.free_count:
            return left
        scale = 1 / np.sqrt(np.maximum(np.diag(left), 1e-300))
        scaled = left * scale[:, None] * scale
        values = np.linalg.eigvalsh(scaled)
        if values[0] < 1e-13 * values[-1]:
            raise DataError(
                "the pictures do not determine the cameras: take more, with the board tilted to both sides, "
                "near and far, and in all corners of the pictures"
            )
        return np.linalg.inv(scaled) * scale[:, None] * scale
