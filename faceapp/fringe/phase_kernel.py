"""The compiled pass over the frames of one camera: demodulate, mask, unwrap. One pixel at a time, one row at a time."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from faceapp.core.arrays import Float32Array, FloatArray

INVALID = np.float32(np.nan)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def decode_pixels(
    frames: Any,
    indices: Any,
    counts: Any,
    cosines: FloatArray,
    sines: FloatArray,
    gray: Any,
    gray_inverted: Any,
    gray_pairs: bool,
    coefficients: FloatArray,
    rung_frequencies: FloatArray,
    white: float,
    min_modulation: float,
    max_residual: float,
    position: Float32Array,
    wrapped: Float32Array,
    modulation: Float32Array,
    mean: Float32Array,
    square_residual: Float32Array,
    order_residual: Float32Array,
) -> None:
    """Fill the six (H, W) outputs from (N, H, W) frames; see `faceapp.fringe.demodulation` for their meaning."""
    _, height, width = frames.shape
    n_frequencies = len(counts)
    n_rungs = len(rung_frequencies)
    n_bits = len(gray)
    cycles = np.zeros(n_frequencies)
    two_pi = 2.0 * np.pi
    for row in range(height):
        for col in range(width):
            ok = True
            shining = 0.0
            for k in range(n_frequencies):
                n = counts[k]
                s = 0.0
                c = 0.0
                total = 0.0
                for i in range(n):
                    value = float(frames[indices[k, i], row, col])
                    if value >= white:
                        ok = False
                    s += value * sines[k, i]
                    c += value * cosines[k, i]
                    total += value
                b = 2.0 / n * np.sqrt(s * s + c * c)
                cycles[k] = np.arctan2(s, c) / two_pi
                if b < min_modulation:
                    ok = False
                if k == n_frequencies - 1:
                    shining = total / n
                    modulation[row, col] = b
                    mean[row, col] = shining
                    wrapped[row, col] = cycles[k] * two_pi if b >= min_modulation else np.nan
                    if wrapped[row, col] >= np.pi:
                        wrapped[row, col] -= two_pi
                    rest = 0.0
                    for i in range(n):
                        fitted = shining + 2.0 / n * (c * cosines[k, i] + s * sines[k, i])
                        d = float(frames[indices[k, i], row, col]) - fitted
                        rest += d * d
                    square_residual[row, col] = rest
            position[row, col] = np.nan
            order_residual[row, col] = np.nan
            if not ok:
                continue
            x = 0.0
            first = 0
            if n_bits > 0:
                code = 0
                bit = 0
                for i in range(n_bits):
                    value = float(frames[gray[i], row, col])
                    threshold = float(frames[gray_inverted[i], row, col]) if gray_pairs else shining
                    bit ^= 1 if value > threshold else 0
                    code = 2 * code + bit
                x = (code + 0.5) / (1 << n_bits)
            else:
                f = rung_frequencies[0]
                p = 0.0
                for k in range(n_frequencies):
                    p += coefficients[0, k] * cycles[k]
                p -= np.floor(p)
                if p > 0.5 + 0.5 * f:
                    p -= 1.0
                x = p / f
                first = 1
            residual = 0.0
            for r in range(first, n_rungs):
                f = rung_frequencies[r]
                p = 0.0
                for k in range(n_frequencies):
                    p += coefficients[r, k] * cycles[k]
                order = np.round(x * f - p)
                e = x * f - p - order
                limit = max_residual
                if n_bits > 0 and r == 0:
                    limit = 0.25 + 0.5 * max_residual + 0.25 * f / (1 << (n_bits - 1))
                    limit = min(limit, 0.45)
                if abs(e) > limit:
                    ok = False
                residual = e
                x = (p + order) / f
            if ok:
                position[row, col] = x
                order_residual[row, col] = residual


@numba.njit(cache=True, nogil=True, error_model="numpy")
def resample(
    source: Float32Array,
    variance: Float32Array,
    map_u: Float32Array,
    map_v: Float32Array,
    jump: float,
    out: Float32Array,
    out_variance: Float32Array,
) -> None:
    """Fill (h, w) outputs by bilinear interpolation where all four neighbours are valid and closer than ``jump``."""
    height, width = source.shape
    rows, columns = out.shape
    for row in range(rows):
        for col in range(columns):
            out[row, col] = np.nan
            out_variance[row, col] = np.nan
            u = map_u[row, col]
            v = map_v[row, col]
            if not (u >= 0.0 and v >= 0.0 and u < width - 1 and v < height - 1):
                continue
            iu = int(u)
            iv = int(v)
            a = source[iv, iu]
            b = source[iv, iu + 1]
            c = source[iv + 1, iu]
            d = source[iv + 1, iu + 1]
            low = min(min(a, b), min(c, d))
            high = max(max(a, b), max(c, d))
            if not (a == a and b == b and c == c and d == d) or high - low > jump:
                continue
            fu = u - iu
            fv = v - iv
            wa = (1 - fu) * (1 - fv)
            wb = fu * (1 - fv)
            wc = (1 - fu) * fv
            wd = fu * fv
            out[row, col] = wa * a + wb * b + wc * c + wd * d
            out_variance[row, col] = (
                wa * wa * variance[iv, iu]
                + wb * wb * variance[iv, iu + 1]
                + wc * wc * variance[iv + 1, iu]
                + wd * wd * variance[iv + 1, iu + 1]
            )


@numba.njit(cache=True, nogil=True, error_model="numpy")
def match_rows(
    x1: Float32Array,
    var1: Float32Array,
    x2: Float32Array,
    var2: Float32Array,
    low: float,
    high: float,
    bins: int,
    jump: float,
    column: Float32Array,
    sigma: Float32Array,
) -> None:
    """Fill, for each pixel of view 1, the column of view 2 with the same position in the field, and its sigma.

    An inverse table from the position to the column serves each row: with the projector near the baseline a
    position occurs once in an epipolar row, so neither order nor search is needed and noses survive.
    """
    rows, columns = x1.shape
    table = np.empty(bins + 1, np.int32)
    scale = bins / (high - low)
    for row in range(rows):
        table[:] = -1
        for j in range(columns - 1):
            a = x2[row, j]
            b = x2[row, j + 1]
            if not abs(b - a) <= jump:
                continue
            first = int((min(a, b) - low) * scale)
            last = int((max(a, b) - low) * scale)
            for k in range(max(first, 0), min(last, bins) + 1):
                table[k] = j
        for i in range(x1.shape[1]):
            column[row, i] = np.nan
            sigma[row, i] = np.nan
            x = x1[row, i]
            if not (x >= low and x <= high):
                continue
            j = table[int((x - low) * scale)]
            if j < 0:
                continue
            for k in range(j - 2, j + 3):
                if k < 0 or k + 1 >= columns:
                    continue
                a = x2[row, k]
                b = x2[row, k + 1]
                if not abs(b - a) <= jump or a == b:
                    continue
                t = (x - a) / (b - a)
                if t >= 0.0 and t < 1.0:
                    spread = var1[row, i] + (1 - t) * (1 - t) * var2[row, k] + t * t * var2[row, k + 1]
                    column[row, i] = k + t
                    sigma[row, i] = np.sqrt(spread) / abs(b - a)
                    break
