"""106 points by our own network: the face found, cut out, found again upright, and averaged with its mirror image."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from faceapp.core.arrays import FloatArray, UInt8Array
from faceapp.core.landmarks import Landmarks2D, LandmarkScheme, PlacedBy, Visibility
from faceapp.landmarks.face_finder import FaceBox, FaceFinder, square_crop
from faceapp.landmarks.onnx_models import Model, shipped_model
from faceapp.landmarks.scheme import load_scheme

_INPUT_PX = 112
_INPUT_BOXES = 1.25
_SEEN = 0.5
_UPPER = (*range(33, 51), *range(66, 84))
_LOWER = tuple(range(84, 104))
_LOST = 0.06
"""Median sigma, in sides of the box, above which what the finder gave is no face."""


@dataclass(frozen=True, eq=False)
class NetworkGuess:
    """What the network says of one face.

    Parameters
    ----------
    points : (106, 2) float64
        Pixels of the picture.
    sigma : (106,) float64
        One standard deviation of each coordinate, pixels.
    seen : (106,) float64
        Probability that the camera sees the point.
    box : FaceBox
        Where the face was found.
    """

    points: FloatArray
    sigma: FloatArray
    seen: FloatArray
    box: FaceBox


class LandmarkDetector:
    """The two networks together.

    Parameters
    ----------
    finder, points, rough : Model, optional
        Those that ship with the program where not given; ``rough`` is ``points`` in whole numbers and takes the first
        look, which only tells where to cut.
    """

    def __init__(self, finder: Model | None = None, points: Model | None = None, rough: Model | None = None) -> None:
        self.finder = FaceFinder(finder or shipped_model("face-finder"))
        self._rough = rough or points or shipped_model("landmarks106-rough")
        self._model = points or shipped_model("landmarks106")
        self._mirror = np.asarray(load_scheme().mirror)
        self._correction = float(self._model.notes.get("sigma_correction", "1"))

    def detect(self, image: UInt8Array, box: FaceBox | None = None) -> NetworkGuess | None:
        """Return the points of the most prominent face, or of the one in a box; ``None`` where there is none.

        Parameters
        ----------
        image : (H, W, 3) uint8
            RGB.
        box : FaceBox, optional
            Where the face is, to a tenth of its size.
        """
        for candidate in [box] if box is not None else self.finder.find(image)[:3]:
            guess = self._in_box(image, candidate)
            if box is not None or float(np.median(guess.sigma)) < _LOST * guess.box.side:
                return guess
        return None

    def _in_box(self, image: UInt8Array, box: FaceBox) -> NetworkGuess:
        width = _INPUT_BOXES * box.side
        places = self._rough.run(square_crop(image, box.u, box.v, width, _INPUT_PX)[None])[0].astype(np.float64)
        first = places[0] * width + (box.u, box.v)
        down = first[list(_LOWER)].mean(axis=0) - first[list(_UPPER)].mean(axis=0)
        angle = float(np.arctan2(-down[0], down[1]))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        upright = first @ turn
        low, high = upright.min(axis=0), upright.max(axis=0)
        middle, side = turn @ ((low + high) / 2), float((high - low).max())
        width = _INPUT_BOXES * side
        crop = square_crop(image, middle[0], middle[1], width, _INPUT_PX, angle)
        places, sigma, seen = self._run(np.stack([crop, crop[:, ::-1]]))
        mirrored = places[1][self._mirror] * (-1, 1)
        apart = 0.5 * np.linalg.norm(places[0] - mirrored, axis=1)
        mean = (places[0] + mirrored) / 2
        spread = np.exp(0.5 * (np.log(sigma[0]) + np.log(sigma[1][self._mirror])))
        # Where the picture and its mirror image disagree, neither is to be trusted as much as it says.
        spread = self._correction * np.sqrt(spread**2 + 0.5 * apart**2)
        points = (mean * width) @ turn.T + middle
        found = FaceBox(float(middle[0]), float(middle[1]), side, box.score)
        return NetworkGuess(points, spread * width, (seen[0] + seen[1][self._mirror]) / 2, found)

    def _run(self, crops: UInt8Array) -> tuple[FloatArray, FloatArray, FloatArray]:
        places, log_sigma, logits = (np.asarray(x, np.float64) for x in self._model.run(np.ascontiguousarray(crops)))
        return places, np.exp(np.clip(log_sigma, -7.5, 0)), 1 / (1 + np.exp(-logits))


def as_landmarks(guess: NetworkGuess, scheme: LandmarkScheme, size: tuple[int, int], view: str = "") -> Landmarks2D:
    """Return the guess as landmarks of a picture of a size (width, height)."""
    low, high = guess.points >= -0.5, guess.points <= np.array(size) - 0.5
    inside = np.asarray((low & high).all(axis=1))
    return Landmarks2D(
        points=guess.points,
        placed_by=(PlacedBy.PREFILL,) * len(guess.points),
        visibility=tuple(
            Visibility.OUTSIDE if not i else Visibility.VISIBLE if s >= _SEEN else Visibility.OCCLUDED
            for i, s in zip(inside.tolist(), guess.seen.tolist(), strict=True)
        ),
        sigma=guess.sigma,
        scheme=scheme.id,
        view=view,
        image_size=size,
    )


@functools.cache
def shipped_detector() -> LandmarkDetector:
    """Return the detector of the networks that ship with the program; loaded once a process."""
    return LandmarkDetector()
