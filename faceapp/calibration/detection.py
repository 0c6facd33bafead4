"""The board in a picture: its corners, or the reason why the picture is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from faceapp.calibration.observations import BoardView
from faceapp.calibration.sharpness import edge_spreads, picture_blur
from faceapp.calibration.target import BoardTarget
from faceapp.core.arrays import FloatArray, UInt8Array

LEAST_CORNERS = 12
_LEAST_MARKERS = 4
_LARGEST_BLUR_PX = 1.7
_LARGEST_BEND_PX = 0.3
_RMS_OF_QUARTILE = 0.849
"""The rms of the length of a normal vector in the plane over its upper quartile."""
_LARGEST_BEND_OF_FEW_PX = 0.8
"""A lens bends what few corners show more than they can tell."""

_UNREADABLE = "no board that can be read: there is none, or it is doubled, or turned too far away"
_CUBIC = tuple((i, j) for i in range(4) for j in range(4 - i))
_ENOUGH = 3 * len(_CUBIC)


@dataclass(frozen=True)
class Picture:
    """A picture that may show the board.

    Parameters
    ----------
    camera : str
        Whose.
    pose : int
        Number of the board's pose.
    image : (H, W) or (H, W, 3)
        8 or 16 bit, or a callable that reads it.
    """

    camera: str
    pose: int
    image: npt.NDArray[Any] | Callable[[], npt.NDArray[Any]]


def grey_of(image: npt.NDArray[Any]) -> UInt8Array:
    """Return the (H, W) uint8 grey of a picture of 8 or 16 bit, mono or RGB."""
    if image.ndim == 3:
        image = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    if image.dtype != np.uint8:
        peak = max(int(image.max(initial=1)), 1)
        return np.asarray(image.astype(np.float32) * (255.0 / peak), np.uint8)
    return np.ascontiguousarray(image)


class BoardDetector:
    """Finds one board. Not to be shared by threads.

    Parameters
    ----------
    target : BoardTarget
        What to look for.
    """

    def __init__(self, target: BoardTarget) -> None:
        self.target = target
        self._detector = target.detector()

    def find(self, camera: str, pose: int, image: npt.NDArray[Any]) -> BoardView:
        """Find the corners of the board in a picture.

        Parameters
        ----------
        camera, pose : str, int
            Of the picture.
        image : (H, W) or (H, W, 3)
            8 or 16 bit.

        Returns
        -------
        BoardView
            With the reason where the picture is refused.
        """
        grey = grey_of(image)
        size = grey.shape[1], grey.shape[0]
        corners, ids, _, markers = self._detector.detectBoard(grey)
        seen = 0 if markers is None else len(markers)
        if ids is None or len(ids) == 0:
            return BoardView(
                camera, pose, size, np.zeros(0, np.int64), np.zeros((0, 2)), refusal=self._nothing(grey, seen)
            )
        pixels = np.asarray(corners, np.float64).reshape(-1, 2)
        numbers = np.asarray(ids, np.int64).ravel()
        blur, refusal = self._judge(grey, numbers, pixels, seen)
        return BoardView(camera, pose, size, numbers, pixels, blur, refusal)

    def _nothing(self, grey: UInt8Array, markers: int) -> str:
        if markers and picture_blur(grey) > _LARGEST_BLUR_PX:
            return _blurred(picture_blur(grey))
        if markers >= _LEAST_MARKERS:
            where = f"they do not lie as on the board of {self._squares}"
            return f"{markers} markers, but {where}: is it another board, or tilted too far?"
        if markers:
            return "hardly any of the board in the picture"
        return "no board in the picture" if np.isnan(picture_blur(grey)) else _UNREADABLE

    def _judge(
        self, grey: UInt8Array, ids: npt.NDArray[np.int64], pixels: FloatArray, markers: int
    ) -> tuple[float, str]:
        if len(ids) < LEAST_CORNERS or _is_flat(self.target.corners()[ids, :2]):
            if picture_blur(grey) > _LARGEST_BLUR_PX:
                return picture_blur(grey), _blurred(picture_blur(grey))
            if markers > 2 * len(ids) + _LEAST_MARKERS:
                return float("nan"), f"{markers} markers, but only {len(ids)} corners of the board of {self._squares}"
            few = f"only {len(ids)} corners can be read, {LEAST_CORNERS} in two rows are needed"
            return float("nan"), f"cut, or doubled: {few}"
        spreads = edge_spreads(grey, self.target, ids, pixels)
        blur = max((s.sigma_px for s in spreads), default=float("nan"))
        if any(s.is_double for s in spreads):
            return blur, "doubled: every edge is there twice; the board moved between two exposures of one picture"
        if blur > _LARGEST_BLUR_PX:
            return blur, _blurred(blur)
        bend = bend_px(self.target, ids, pixels)
        if bend > (_LARGEST_BEND_PX if len(ids) >= _ENOUGH else _LARGEST_BEND_OF_FEW_PX):
            return blur, f"torn, or of another board: the corners leave one plane by {bend:.1f} px"
        return blur, ""

    @property
    def _squares(self) -> str:
        return f"{self.target.columns} × {self.target.rows} squares"


def _blurred(blur_px: float) -> str:
    return f"blurred: edges {blur_px:.1f} px wide (at most {_LARGEST_BLUR_PX}); hold the board still"


def bend_px(target: BoardTarget, ids: npt.NDArray[np.int64], pixels: FloatArray) -> float:
    """Return how far corners are from a plane seen through a smooth lens, px: the rms, but deaf to a few bad ones."""
    flat = target.corners()[ids, :2]
    homography, _ = cv2.findHomography(flat, pixels, 0)
    if homography is None:
        return float("inf")
    seen = np.column_stack([flat, np.ones(len(flat))]) @ homography.T
    rest = pixels - seen[:, :2] / seen[:, 2:]
    place = (pixels - pixels.mean(axis=0)) / np.abs(pixels - pixels.mean(axis=0)).max()
    # A lens bends a plane smoothly; with few corners a cubic would swallow everything.
    powers = _CUBIC if len(ids) >= _ENOUGH else ((0, 0),)
    basis = np.stack([place[:, 0] ** i * place[:, 1] ** j for i, j in powers], axis=1)
    rest = rest - basis @ np.linalg.lstsq(basis, rest, rcond=None)[0]
    # Not the mean of the squares: a few corners that were found wrong are no tear.
    return float(_RMS_OF_QUARTILE * np.percentile(np.linalg.norm(rest, axis=1), 75))


def _is_flat(points: FloatArray) -> bool:
    """Whether points of a plane lie in one row."""
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return len(points) < 3 or bool(spread[1] < 0.05 * spread[0])


def find_boards(
    target: BoardTarget,
    pictures: Sequence[Picture],
    told: Callable[[int, BoardView], None] | None = None,
    threads: int = 2,
) -> list[BoardView]:
    """Find the board in many pictures, on threads.

    Parameters
    ----------
    target : BoardTarget
        What to look for.
    pictures : sequence of Picture
        Read on the threads where they are callables.
    told : callable, optional
        Called with how many are done, and the newest, on the thread of the caller; may raise to stop the work.
    threads : int
        How many.

    Returns
    -------
    list of BoardView
        In the order of the pictures.
    """

    def work(some: Iterable[int]) -> list[tuple[int, BoardView]]:
        detector = BoardDetector(target)
        found = []
        for i in some:
            picture = pictures[i]
            image = picture.image() if callable(picture.image) else picture.image
            found.append((i, detector.find(picture.camera, picture.pose, image)))
        return found

    portions = [range(i, min(i + 4, len(pictures))) for i in range(0, len(pictures), 4)]
    views: dict[int, BoardView] = {}
    with ThreadPoolExecutor(threads, "boards") as pool:
        futures = [pool.submit(work, portion) for portion in portions]
        try:
            for future in futures:
                for i, view in future.result():
                    views[i] = view
                    if told is not None:
                        told(len(views), view)
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return [views[i] for i in range(len(pictures))]
