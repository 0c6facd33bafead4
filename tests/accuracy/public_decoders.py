"""Decode the frames of one camera with public Python decoders; runs in an environment of its own, without faceapp.

``python public_decoders.py frames.npz results.npz``: frames (12, H, W) uint8 of 1, 8, 64 fringes in 4 steps; the
results are seconds (the best of three) and the position in the field of each decoder, NaN where it says nothing.
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


def timed(decode: Callable[[np.ndarray], np.ndarray], frames: np.ndarray) -> tuple[float, np.ndarray]:
    decode(frames)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        position = decode(frames)
        seconds.append(time.perf_counter() - start)
    return min(seconds), position


def main() -> None:
    frames = np.load(sys.argv[1])["frames"]
    results = {}
    for name, decode in (("fringes", with_fringes), ("cv2", with_opencv)):
        results[f"{name} seconds"], results[f"{name} position"] = timed(decode, frames)
    np.savez(sys.argv[2], **results)


if __name__ == "__main__":
    main()
