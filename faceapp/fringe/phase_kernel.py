"""The compiled pass over the frames of one camera: demodulate, mask, unwrap.

It runs over tiles of one row: every step of the arithmetic is a short loop without branches over rows of one small
buffer, which the compiler turns into vector instructions. `faceapp.fringe.reference.decode_stack` says the same in
plain NumPy.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from faceapp.core.frames import LIT, UNKNOWN
from faceapp.fringe.kernel_memory import stack_array

INVALID = np.float32(UNKNOWN)
BLOCK = 32
"""Pixels: edge of the blocks whose order residual is summed, for motion and for skipping what is empty."""

MAX_FREQUENCIES = 12

FAST = {"contract", "arcp", "nsz", "reassoc", "afn"}
"""Arithmetic may be reordered; NaN and infinity stay what they are."""

KERNEL: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": FAST, "_nrt": False}
"""Options of a compiled pass. Arrays are not counted references in it: each view of a row would cost two locked
instructions, a third of the time in all. So it can make no array but on the stack, see `stack_array`."""

_TILE = 128
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_QUARTER, _HALF, _TINY = np.float32(0.25), np.float32(0.5), np.float32(1e-12)
_LIT = np.float32(LIT)
_PER_SQUARE = np.float32(0.5 / (4 * np.pi**2))
_BAD, _S, _C, _MEAN, _NOISE, _SUM, _X, _P, _E, _WEIGHT, _CYCLES = range(11)
_SQUARES = _CYCLES + MAX_FREQUENCIES
_ROWS = _SQUARES + MAX_FREQUENCIES

# atan(a) / 2 pi for 0 <= a <= 1, least maximum error (2e-6 rad) of the odd polynomials of degree 11
_A1, _A3, _A5, _A7, _A9, _A11 = (
    np.float32(v) for v in (0.15915132, -0.05293857, 0.03080291, -0.01852985, 0.00837908, -0.00186515)
)


@numba.njit(inline="always")
def _cycles(s: Any, c: Any) -> Any:
    """Return ``atan2(s, c) / 2 pi`` by selects instead of branches."""
    a, b = abs(s), abs(c)
    q = min(a, b) / (max(a, b) + _TINY)
    z = q * q
    r = q * (_A1 + z * (_A3 + z * (_A5 + z * (_A7 + z * (_A9 + z * _A11)))))
    r = _QUARTER - r if a > b else r
    r = _HALF - r if c < _ZERO else r
    return -r if s < _ZERO else r


@numba.njit(inline="always")
def _demodulate(frames: Any, row: Any, left: Any, n: Any, k: Any, tables: Any, limits: Any, buffer: Any) -> None:
    """Sums, squared length and phase (cycles) of frequency k; marks what is saturated or too weak."""
    bad, s, c, total = buffer[_BAD], buffer[_S], buffer[_C], buffer[_SUM]
    cycles, square = buffer[_CYCLES + k], buffer[_SQUARES + k]
    steps = tables.counts[k]
    if steps == 4:
        f0 = frames[tables.indices[k, 0], row, left : left + n]
        f1 = frames[tables.indices[k, 1], row, left : left + n]
        f2 = frames[tables.indices[k, 2], row, left : left + n]
        f3 = frames[tables.indices[k, 3], row, left : left + n]
        for j in range(n):
            i0, i1, i2, i3 = np.float32(f0[j]), np.float32(f1[j]), np.float32(f2[j]), np.float32(f3[j])
            s[j] = i1 - i3
            c[j] = i0 - i2
            total[j] = (i0 + i1) + (i2 + i3)
            bad[j] += _ONE if max(max(i0, i1), max(i2, i3)) >= limits.white else _ZERO
    else:
        for j in range(n):
            s[j] = _ZERO
            c[j] = _ZERO
            total[j] = _ZERO
        for i in range(steps):
            f = frames[tables.indices[k, i], row, left : left + n]
            sine, cosine = tables.sines[k, i], tables.cosines[k, i]
            for j in range(n):
                value = np.float32(f[j])
                s[j] += sine * value
                c[j] += cosine * value
                total[j] += value
                bad[j] += _ONE if value >= limits.white else _ZERO
    weakest = limits.min_modulation * np.float32(steps) * _HALF
    weakest = weakest * weakest
    for j in range(n):
        square[j] = s[j] * s[j] + c[j] * c[j]
        bad[j] += _ONE if square[j] < weakest else _ZERO
        cycles[j] = _cycles(s[j], c[j])


@numba.njit(inline="always")
def _rung(r: Any, n: Any, tables: Any, buffer: Any) -> None:
    """Put the phase of rung r, in cycles, into row P."""
    p = buffer[_P]
    for j in range(n):
        p[j] = _ZERO
    for k in range(len(tables.counts)):
        q = tables.coefficients[r, k]
        if q != _ZERO:
            cycles = buffer[_CYCLES + k]
            for j in range(n):
                p[j] += q * cycles[j]


@numba.njit(inline="always")
def _start(frames: Any, row: Any, left: Any, n: Any, tables: Any, buffer: Any) -> int:
    """Put the coarse position into row X; return the first rung to climb."""
    x, p = buffer[_X], buffer[_P]
    bits = len(tables.gray)
    if bits == 0:
        _rung(0, n, tables, buffer)
        frequency = tables.frequencies[0]
        top = _HALF + _HALF * frequency
        for j in range(n):
            v = p[j] - np.floor(p[j])
            x[j] = (v - _ONE if v > top else v) / frequency
        return 1
    mean, bit = buffer[_MEAN], buffer[_E]
    for j in range(n):
        x[j] = _ZERO
        bit[j] = _ZERO
    for i in range(bits):
        f = frames[tables.gray[i], row, left : left + n]
        if len(tables.gray_inverted):
            g = frames[tables.gray_inverted[i], row, left : left + n]
            for j in range(n):
                on = _ONE if f[j] > g[j] else _ZERO
                bit[j] = abs(bit[j] - on)
                x[j] = _TWO * x[j] + bit[j]
        else:
            for j in range(n):
                on = _ONE if np.float32(f[j]) > mean[j] else _ZERO
                bit[j] = abs(bit[j] - on)
                x[j] = _TWO * x[j] + bit[j]
    scale = _ONE / np.float32(1 << bits)
    for j in range(n):
        x[j] = (x[j] + _HALF) * scale
    return 0


@numba.njit(inline="always")
def _climb(first: Any, n: Any, tables: Any, limits: Any, buffer: Any) -> None:
    """Resolve rung after rung; marks orders that are not near a whole number. Row E keeps the last residual."""
    bad, x, p, e = buffer[_BAD], buffer[_X], buffer[_P], buffer[_E]
    bits = len(tables.gray)
    for j in range(n):
        e[j] = _ZERO
    for r in range(first, len(tables.frequencies)):
        _rung(r, n, tables, buffer)
        frequency = tables.frequencies[r]
        per = _ONE / frequency
        limit = limits.max_residual
        if bits > 0 and r == 0:
            # a code covers a stretch of the field; the phase may lie anywhere in it
            limit = _QUARTER + _HALF * limits.max_residual + _QUARTER * frequency / np.float32(1 << (bits - 1))
            limit = min(limit, np.float32(0.45))
        for j in range(n):
            d = x[j] * frequency - p[j]
            order = np.floor(d + _HALF)
            rest = d - order
            bad[j] += _ONE if abs(rest) > limit else _ZERO
            e[j] = rest
            x[j] = (p[j] + order) * per


@numba.njit(inline="always")
def _weigh_all(n: Any, tables: Any, buffer: Any) -> None:
    """Replace the position by the mean of all real frequencies, each weighed by the inverse of its variance."""
    x, p, weight = buffer[_X], buffer[_P], buffer[_WEIGHT]
    for j in range(n):
        weight[j] = _ZERO
        p[j] = _ZERO
    for k in range(len(tables.counts)):
        cycles, square = buffer[_CYCLES + k], buffer[_SQUARES + k]
        frequency = tables.real[k]
        per = _ONE / frequency
        scale = frequency * frequency / np.float32(tables.counts[k])
        for j in range(n):
            w = scale * square[j]
            order = np.floor(x[j] * frequency - cycles[j] + _HALF)
            p[j] += w * ((cycles[j] + order) * per - x[j])
            weight[j] += w
    for j in range(n):
        x[j] += p[j] / (weight[j] + _TINY)


@numba.njit(inline="always")
def _rung_variance(r: Any, n: Any, tables: Any, buffer: Any, out: Any, factor: Any) -> None:
    """Add ``factor`` times the variance of rung r, in cycles squared for one count of noise, to a row."""
    for k in range(len(tables.counts)):
        q = tables.coefficients[r, k]
        if q != _ZERO:
            # sigma_phi^2 = 2/N / B^2 with B = 2/N sqrt(square): N / 2 / square
            scale = factor * q * q * np.float32(tables.counts[k]) * _PER_SQUARE
            square = buffer[_SQUARES + k]
            for j in range(n):
                out[j] += scale / (square[j] + _TINY)


@numba.njit(inline="always")
def _keep_finest(row: Any, left: Any, n: Any, tables: Any, limits: Any, buffer: Any, out: Any) -> int:
    """Put mean and noise of the finest fringes aside, write their modulation; return how many pixels may be valid."""
    bad, total, mean, noise = buffer[_BAD], buffer[_SUM], buffer[_MEAN], buffer[_NOISE]
    last = len(tables.counts) - 1
    square = buffer[_SQUARES + last]
    per_step = _ONE / np.float32(tables.counts[last])
    modulation = out.modulation[row, left : left + n]
    good = 0
    for j in range(n):
        mean[j] = total[j] * per_step
        noise[j] = max(mean[j] - limits.black, _ZERO) * limits.per_count + limits.constant
        modulation[j] = _TWO * per_step * np.sqrt(square[j])
        # fringes swing between 0 and twice their height: what the mean has more is light of the room
        bad[j] += _ONE if mean[j] - modulation[j] > limits.max_ambient else _ZERO
        good += 1 if bad[j] == _ZERO else 0
    return good


@numba.njit(inline="always")
def _weak_square(tables: Any, limits: Any) -> Any:
    """Squared length of the finest fringes' sums below which a pixel is not lit."""
    weakest = limits.min_modulation * np.float32(tables.counts[-1]) * _HALF
    return weakest * weakest


@numba.njit(inline="always")
def _hand_out_dark(row: Any, left: Any, n: Any, tables: Any, limits: Any, buffer: Any, out: Any) -> None:
    """Write a tile without a valid pixel."""
    last = len(tables.counts) - 1
    cycles, square = buffer[_CYCLES + last], buffer[_SQUARES + last]
    position = out.position[row, left : left + n]
    variance = out.variance[row, left : left + n]
    weakest = _weak_square(tables, limits)
    for j in range(n):
        position[j] = _LIT - cycles[j] if square[j] >= weakest else INVALID
        variance[j] = _ZERO


@numba.njit(inline="always")
def _hand_out(row: Any, left: Any, n: Any, tables: Any, limits: Any, buffer: Any, out: Any) -> None:
    """Write the tile's pixels."""
    bad, x, noise, weight = buffer[_BAD], buffer[_X], buffer[_NOISE], buffer[_WEIGHT]
    last = len(tables.counts) - 1
    cycles, square = buffer[_CYCLES + last], buffer[_SQUARES + last]
    variance = out.variance[row, left : left + n]
    position = out.position[row, left : left + n]
    weakest = _weak_square(tables, limits)
    for j in range(n):
        lit = _LIT - cycles[j] if square[j] >= weakest else INVALID
        position[j] = x[j] if bad[j] == _ZERO else lit
    if limits.weigh_all:
        for j in range(n):
            variance[j] = noise[j] * _PER_SQUARE / (weight[j] + _TINY)
    else:
        scale = np.float32(tables.counts[last]) * _PER_SQUARE / (tables.real[last] * tables.real[last])
        for j in range(n):
            variance[j] = noise[j] * scale / (square[j] + _TINY)


@numba.njit(inline="always")
def _normalise_residual(n: Any, tables: Any, buffer: Any) -> None:
    """Put the last rung's residual in units of its noise into row P."""
    e, noise, spread = buffer[_E], buffer[_NOISE], buffer[_P]
    rungs = len(tables.frequencies)
    for j in range(n):
        spread[j] = _TINY
    _rung_variance(rungs - 1, n, tables, buffer, spread, _ONE)
    if rungs > 1:
        ratio = tables.frequencies[rungs - 1] / tables.frequencies[rungs - 2]
        _rung_variance(rungs - 2, n, tables, buffer, spread, ratio * ratio)
    for j in range(n):
        spread[j] = e[j] / np.sqrt(noise[j] * spread[j])


@numba.njit(inline="always")
def _sum_blocks(row: Any, left: Any, n: Any, buffer: Any, blocks: Any) -> None:
    """Add the tile's pixels and order residuals to their blocks."""
    bad, e, normalised = buffer[_BAD], buffer[_E], buffer[_P]
    line = blocks[row // BLOCK]
    for start in range(0, n, BLOCK):
        count, total, squares, signed = _ZERO, _ZERO, _ZERO, _ZERO
        for j in range(start, min(start + BLOCK, n)):
            good = bad[j] == _ZERO
            count += _ONE if good else _ZERO
            total += normalised[j] if good else _ZERO
            squares += e[j] * e[j] if good else _ZERO
            signed += e[j] if good else _ZERO
        cell = line[(left + start) // BLOCK]
        cell[0] += count
        cell[1] += total
        cell[2] += squares
        cell[3] += signed


@numba.njit(inline="always")
def _sine_rest(frames: Any, row: Any, left: Any, n: Any, tables: Any, buffer: Any, out: Any) -> None:
    """Write the mean of the finest steps and what their sine fit leaves over, from S and C of the finest."""
    last = len(tables.counts) - 1
    steps = tables.counts[last]
    s, c, total = buffer[_S], buffer[_C], buffer[_SUM]
    mean = out.mean[row, left : left + n]
    rest = out.square_residual[row, left : left + n]
    for j in range(n):
        mean[j] = total[j] / np.float32(steps)
        rest[j] = _ZERO
    scale = _TWO / np.float32(steps)
    for i in range(steps):
        f = frames[tables.indices[last, i], row, left : left + n]
        sine, cosine = tables.sines[last, i] * scale, tables.cosines[last, i] * scale
        for j in range(n):
            d = np.float32(f[j]) - mean[j] - cosine * c[j] - sine * s[j]
            rest[j] += d * d


@numba.njit(inline="always")
def _decode_tile(frames: Any, row: Any, left: Any, n: Any, tables: Any, limits: Any, buffer: Any, out: Any) -> None:
    finest = len(tables.counts) - 1
    bad = buffer[_BAD]
    for j in range(n):
        bad[j] = _ZERO
    _demodulate(frames, row, left, n, finest, tables, limits, buffer)
    if out.mean.size:
        _sine_rest(frames, row, left, n, tables, buffer, out)
    if _keep_finest(row, left, n, tables, limits, buffer, out) == 0:
        _hand_out_dark(row, left, n, tables, limits, buffer, out)
    else:
        for k in range(finest):
            _demodulate(frames, row, left, n, k, tables, limits, buffer)
        rung = _start(frames, row, left, n, tables, buffer)
        _climb(rung, n, tables, limits, buffer)
        if limits.weigh_all:
            _weigh_all(n, tables, buffer)
        _hand_out(row, left, n, tables, limits, buffer, out)
        _normalise_residual(n, tables, buffer)
        _sum_blocks(row, left, n, buffer, out.blocks)


@numba.njit(**KERNEL)
def decode_rows(frames: Any, first: int, last: int, tables: Any, limits: Any, out: Any) -> None:
    """Fill rows ``first`` to ``last`` of the outputs from the frames of one camera.

    Parameters
    ----------
    frames : (N, H, W) uint8 or uint16
        Raw counts.
    first, last : int
        Rows; whole blocks, for two threads must not share one.
    tables : SequenceTables
        Of the sequence.
    limits : KernelLimits
        Masks and noise.
    out : PhaseOutputs
        Filled; its blocks are zero before.
    """
    width = frames.shape[2]
    buffer = stack_array(_ROWS, _TILE, np.float32)
    for row in range(first, last):
        for left in range(0, width, _TILE):
            n = min(_TILE, width - left)
            # whole tiles have their own copy, whose loops know their length: a fifth faster
            if n == _TILE:
                _decode_tile(frames, row, left, _TILE, tables, limits, buffer, out)
            else:
                _decode_tile(frames, row, left, n, tables, limits, buffer, out)
