"""Decode the frames of one camera with public Python decoders; runs in an environment of its own, without faceapp.

``python public_decoders.py frames.npz results.npz``: frames (12, H, W) uint8 of 1, 8, 64 fringes in 4 steps, and
three_steps (3, H, W) of 64 fringes in 3; the results are seconds (the best of three) and the position in the field of
each decoder, NaN where it says nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import cv2
import fringes
import numpy as np

FREQUENCIES, STEPS = (1, 8, 64), 4
FIELD = 1024


def with_fringes(frames: np.ndarray) -> np.ndarray:
    """``fringes``: temporal unwrapping over all frequencies."""
    decoder = fringes.Fringes()
    decoder.D, decoder.K = 1, len(FREQUENCIES)
    decoder.X, decoder.Y = FIELD, 1
    decoder.v, decoder.N = FREQUENCIES, [STEPS] * len(FREQUENCIES)
    decoder.p0 = 0.0
    found = decoder.decode(frames[..., None], bmin=8)
    return np.asarray(found[2], np.float64).squeeze() / FIELD


def with_opencv(frames: np.ndarray) -> np.ndarray:
    """``cv2.phase``: wrapped phase by OpenCV's arithmetic, orders level by level in NumPy, as its users write it."""
    position = None
    for k, frequency in enumerate(FREQUENCIES):
        i0, i1, i2, i3 = frames[STEPS * k : STEPS * k + STEPS].astype(np.float32)
        cycles = cv2.phase(i0 - i2, i1 - i3) / np.float32(2 * np.pi)
        weak = cv2.magnitude(i0 - i2, i1 - i3) < 16
        if position is None:
            position = cycles / frequency
        else:
            position = (np.round(position * frequency - cycles) + cycles) / frequency
        position[weak] = np.nan
    return position


def with_structured_light(frames: np.ndarray) -> np.ndarray:
    """``cv2.structured_light``: OpenCV's own phase shifting, of three steps, with its unwrapping in the picture.

    It tells fringes from one another, not where the first of them is: positions are right but for a constant. Its
    phase runs the other way, and it smooths the pictures first, so its noise is not that of a pixel.
    """
    parameters = cv2.structured_light_SinusoidalPattern_Params()
    parameters.width, parameters.height, parameters.nbrOfPeriods = FIELD, frames.shape[1], FREQUENCIES[-1]
    parameters.methodId, parameters.shiftValue = cv2.structured_light.PSP, 2 * np.pi / 3
    parameters.setMarkers = False
    pattern = cv2.structured_light.SinusoidalPattern.create(parameters)
    wrapped, shadow = pattern.computePhaseMap(list(frames))
    unwrapped = pattern.unwrapPhaseMap(wrapped, (frames.shape[2], frames.shape[1]), shadowMask=shadow)
    return np.where(shadow > 0, -unwrapped / np.float32(2 * np.pi) / FREQUENCIES[-1], np.nan)


def timed(decode: Callable[[np.ndarray], np.ndarray], frames: np.ndarray) -> tuple[float, np.ndarray]:
    decode(frames)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        position = decode(frames)
        seconds.append(time.perf_counter() - start)
    return min(seconds), position


def main() -> None:
    given = np.load(sys.argv[1])
    results = {}
    decoders = {
        "fringes": (with_fringes, "frames"),
        "cv2.structured_light": (with_structured_light, "three_steps"),
        "cv2.phase": (with_opencv, "frames"),
    }
    for name, (decode, which) in decoders.items():
        results[f"{name} seconds"], results[f"{name} position"] = timed(decode, given[which])
    np.savez(sys.argv[2], **results)


if __name__ == "__main__":
    main()
