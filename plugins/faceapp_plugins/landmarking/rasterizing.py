"""Triangles to pixels and pixels to light, compiled: fast enough for a hundred thousand small pictures a night."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray, IntArray

NOTHING = -1
SKIN, EYE, PLAIN = 0, 1, 2
"""Materials of a triangle: painted skin, an eyeball, the colours of its vertices."""
FAR = np.float32(1e9)


@numba.njit(cache=True, nogil=True, fastmath=True)
def rasterize(
    pixels: Float32Array,
    depth: Float32Array,
    triangles: IntArray,
    two_sided: npt.NDArray[np.bool_],
    nearest: Float32Array,
    which: IntArray,
    places: Float32Array,
) -> None:
    """Draw triangles into a depth buffer.

    Parameters
    ----------
    pixels : (V, 2) float32
        Image coordinates u, v of the vertices.
    depth : (V,) float32
        Towards the back.
    triangles : (T, 3) int32
        Counter-clockwise from outside; the others are not drawn, unless
    two_sided : (T,) bool
        says so.
    nearest : (H, W) float32
        Depth buffer, changed in place.
    which : (H, W) int32
        Triangle of each pixel, changed in place.
    places : (H, W, 2) float32
        Barycentric, of its second and third corner.
    """
    height, width = nearest.shape
    for t in range(len(triangles)):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0 = pixels[i, 0], pixels[i, 1]
        ax, ay = pixels[j, 0] - x0, pixels[j, 1] - y0
        bx, by = pixels[k, 0] - x0, pixels[k, 1] - y0
        area = ax * by - bx * ay
        if abs(area) < 1e-9 or (area > 0 and not two_sided[t]):
            continue
        left = max(int(np.ceil(x0 + min(np.float32(0), ax, bx))), 0)
        right = min(int(np.floor(x0 + max(np.float32(0), ax, bx))), width - 1)
        top = max(int(np.ceil(y0 + min(np.float32(0), ay, by))), 0)
        bottom = min(int(np.floor(y0 + max(np.float32(0), ay, by))), height - 1)
        z0, dz1, dz2 = depth[i], depth[j] - depth[i], depth[k] - depth[i]
        for r in range(top, bottom + 1):
            dy = r - y0
            for c in range(left, right + 1):
                dx = c - x0
                b = (dx * by - bx * dy) / area
                d = (ax * dy - dx * ay) / area
                if b < 0 or d < 0 or b + d > 1:
                    continue
                z = z0 + b * dz1 + d * dz2
                if z < nearest[r, c]:
                    nearest[r, c] = z
                    which[r, c] = t
                    places[r, c, 0] = b
                    places[r, c, 1] = d


@numba.njit(cache=True, nogil=True, fastmath=True)
def vertex_normals(vertices: Float32Array, triangles: IntArray) -> Float32Array:
    """Return (V, 3) unit normals, weighted by area."""
    normals = np.zeros_like(vertices)
    for t in range(len(triangles)):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        ax, ay, az = vertices[j, 0] - x, vertices[j, 1] - y, vertices[j, 2] - z
        bx, by, bz = vertices[k, 0] - x, vertices[k, 1] - y, vertices[k, 2] - z
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (i, j, k):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(len(vertices)):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
        for d in range(3):
            normals[v, d] /= max(length, np.float32(1e-12))
    return normals


@numba.njit(cache=True, nogil=True, fastmath=True)
def _bilinear(picture: Float32Array, x: float, y: float, d: int) -> float:
    height, width = picture.shape[0], picture.shape[1]
    x = min(max(x, 0.0), width - 1.001)
    y = min(max(y, 0.0), height - 1.001)
    c, r = int(x), int(y)
    fx, fy = x - c, y - r
    top = picture[r, c, d] * (1 - fx) + picture[r, c + 1, d] * fx
    return float(top * (1 - fy) + (picture[r + 1, c, d] * (1 - fx) + picture[r + 1, c + 1, d] * fx) * fy)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _mix(values: Float32Array, i: int, j: int, k: int, a: float, b: float, c: float, n: int) -> float:
    return a * values[i, n] + b * values[j, n] + c * values[k, n]


@numba.njit(cache=True, nogil=True, fastmath=True)
def _ramp(x: float, start: float, over: float) -> float:
    t = min(max((x - start) / over, 0.0), 1.0)
    return t * t * (3 - 2 * t)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _lit_share(shadow: Float32Array, frame: FloatArray, x: float, y: float, z: float, facing: float) -> float:
    """Share of the key light at a point: four taps of the shadow map about it, the more lenient the more it grazes."""
    lenience = 2.5 + min(3.0 / max(facing, 0.05), 25.0)
    u = frame[0, 0] * x + frame[0, 1] * y + frame[0, 2] * z + frame[0, 3]
    v = frame[1, 0] * x + frame[1, 1] * y + frame[1, 2] * z + frame[1, 3]
    w = frame[2, 0] * x + frame[2, 1] * y + frame[2, 2] * z + frame[2, 3]
    height, width = shadow.shape
    share = 0.0
    for k in range(4):
        c = int(u + (k % 2) * 1.2 - 0.1)
        r = int(v + (k // 2) * 1.2 - 0.1)
        if c < 0 or r < 0 or c >= width or r >= height or w < shadow[r, c] + lenience:
            share += 0.25
    return share


@numba.njit(cache=True, nogil=True, fastmath=True)
def shade(
    which: IntArray,
    places: Float32Array,
    triangles: IntArray,
    materials: npt.NDArray[np.uint8],
    positions: Float32Array,
    normals: Float32Array,
    chart: Float32Array,
    traits: Float32Array,
    tints: Float32Array,
    texture: Float32Array,
    look: FloatArray,
    eyes: FloatArray,
    camera: FloatArray,
    lights: FloatArray,
    shadow: Float32Array,
    shadow_frame: FloatArray,
    colours: Float32Array,
) -> None:
    """Fill linear colours (H, W, 3) of the pixels that `rasterize` found; the others stay.

    Parameters
    ----------
    chart : (V, 2) float32
        Place in the texture, pixels.
    traits : (V, 4) float32
        Shares of lip, of mouth lining, of open sky, of skin where no hair grows.
    tints : (V, 3) float32
        Linear colours of plain vertices.
    texture : (h, w, 5) float32
        Skin's linear colour, share of hair, brightness of the hair.
    look : (16,) float64
        Lip colour 0-2, its share 3, mouth lining 4-6, hair 7-9, gloss 10 and exponent 11 of the skin, gloss of eyes 12,
        softness of the light 13, ambient below over above 14, redness of the shadow's edge 15.
    eyes : (2, 12) float64
        Centre 0-2, gaze 3-5, iris 6-8, cosines of the half angles of iris and pupil 9-10, whiteness 11.
    lights : (L, 6) float64
        Unit direction towards the light and its colour; row 0 is ambient (colour only), row 1 casts the shadow.
    """
    height, width = which.shape
    albedo, light = np.zeros(3), np.zeros(3)
    for r in range(height):
        for c in range(width):
            t = which[r, c]
            if t < 0:
                continue
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            b, d = places[r, c, 0], places[r, c, 1]
            a = 1 - b - d
            x = _mix(positions, i, j, k, a, b, d, 0)
            y = _mix(positions, i, j, k, a, b, d, 1)
            z = _mix(positions, i, j, k, a, b, d, 2)
            nx = _mix(normals, i, j, k, a, b, d, 0)
            ny = _mix(normals, i, j, k, a, b, d, 1)
            nz = _mix(normals, i, j, k, a, b, d, 2)
            length = max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-6)
            nx, ny, nz = nx / length, ny / length, nz / length
            vx, vy, vz = camera[0] - x, camera[1] - y, camera[2] - z
            length = np.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx / length, vy / length, vz / length
            if nx * vx + ny * vy + nz * vz < 0:
                nx, ny, nz = -nx, -ny, -nz
            lip, lining = _mix(traits, i, j, k, a, b, d, 0), _mix(traits, i, j, k, a, b, d, 1)
            sky, bare = _mix(traits, i, j, k, a, b, d, 2), _mix(traits, i, j, k, a, b, d, 3)
            gloss, exponent = look[10], look[11]
            if materials[t] == SKIN:
                u, v = _mix(chart, i, j, k, a, b, d, 0), _mix(chart, i, j, k, a, b, d, 1)
                hair = _bilinear(texture, u, v, 3) * (1 - bare)
                streak = _bilinear(texture, u, v, 4)
                for n in range(3):
                    skin = _bilinear(texture, u, v, n)
                    skin += lip * look[3] * (look[n] - skin)
                    skin += lining * (look[4 + n] - skin)
                    albedo[n] = skin + hair * (look[7 + n] * streak - skin)
                gloss *= (1 - 0.7 * hair) * (1 + lip)
            elif materials[t] == EYE:
                e = 0 if x > 0 else 1
                ex, ey, ez = x - eyes[e, 0], y - eyes[e, 1], z - eyes[e, 2]
                length = np.sqrt(ex * ex + ey * ey + ez * ez)
                cosine = (ex * eyes[e, 3] + ey * eyes[e, 4] + ez * eyes[e, 5]) / length
                iris = _ramp(cosine, eyes[e, 9] - 0.01, 0.02)
                rim = iris * (1 - _ramp(cosine, eyes[e, 9], 0.04))
                pupil = _ramp(cosine, eyes[e, 10] - 0.006, 0.012)
                for n in range(3):
                    white = eyes[e, 11] * (1.0 if n == 0 else 0.93 if n == 1 else 0.9)
                    albedo[n] = (white + iris * (eyes[e, 6 + n] - white)) * (1 - 0.6 * rim) * (1 - 0.96 * pupil)
                gloss, exponent = look[12], 90.0
            else:
                for n in range(3):
                    albedo[n] = a * tints[i, n] + b * tints[j, n] + d * tints[k, n]
                gloss *= 0.5
            tone = sky * (look[14] + (1 - look[14]) * (0.5 + 0.5 * ny))
            shine = 0.0
            for n in range(3):
                light[n] = lights[0, 3 + n] * tone
            for s in range(1, len(lights)):
                facing = nx * lights[s, 0] + ny * lights[s, 1] + nz * lights[s, 2]
                soft = (facing + look[13]) / (1 + look[13])
                if soft <= 0:
                    continue
                share = _lit_share(shadow, shadow_frame, x, y, z, facing) if s == 1 else sky
                red = 1 + look[15] * (1 - soft)
                light[0] += lights[s, 3] * soft * share * red
                light[1] += lights[s, 4] * soft * share
                light[2] += lights[s, 5] * soft * share
                hx, hy, hz = lights[s, 0] + vx, lights[s, 1] + vy, lights[s, 2] + vz
                length = max(np.sqrt(hx * hx + hy * hy + hz * hz), 1e-6)
                mirror = max((nx * hx + ny * hy + nz * hz) / length, 0.0)
                if facing > 0:
                    shine += gloss * lights[s, 4] * share * mirror**exponent
            for n in range(3):
                colours[r, c, n] = albedo[n] * light[n] + shine
