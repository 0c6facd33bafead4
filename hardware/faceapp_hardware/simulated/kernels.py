"""The renderer's compiled loops: rays of pixels, light on a surface, exposures, noise. All release the lock."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray, UInt8Array

MISS = 0xFFFFFFFF
"""What Open3D gives as the triangle of a ray that hits none."""

UIntArray = npt.NDArray[np.uint32]


@numba.njit(cache=True, nogil=True)
def pixel_rays(
    first: tuple[int, int],
    every: int,
    offsets: FloatArray,
    K: FloatArray,
    distortion: FloatArray,
    rotation: FloatArray,
    centre: FloatArray,
    rays: Float32Array,
) -> None:
    """Fill ``rays`` (rows, columns, offsets, 6) with origin and direction of unit depth, in the rig frame.

    Parameters
    ----------
    first : (int, int)
        Column and row of the first pixel.
    every : int
        Pixels from one to the next.
    offsets : (S, 2) float64
        Of the rays of one pixel, pixels.
    """
    k1, k2, p1, p2, k3 = distortion[0], distortion[1], distortion[2], distortion[3], distortion[4]
    for r in range(rays.shape[0]):
        for c in range(rays.shape[1]):
            for s in range(rays.shape[2]):
                yd = (first[1] + every * r + offsets[s, 1] - K[1, 2]) / K[1, 1]
                xd = (first[0] + every * c + offsets[s, 0] - K[0, 2] - K[0, 1] * yd) / K[0, 0]
                x, y = xd, yd
                # Each turn gains about two digits: 1e-9 in all, a millionth of a pixel.
                for _ in range(5):
                    r2 = x * x + y * y
                    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
                    dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
                    dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
                    x, y = (xd - dx) / radial, (yd - dy) / radial
                for i in range(3):
                    rays[r, c, s, i] = centre[i]
                    rays[r, c, s, 3 + i] = rotation[i, 0] * x + rotation[i, 1] * y + rotation[i, 2]


@numba.njit(cache=True, nogil=True)
def surface_points(
    triangles: UIntArray,
    places: Float32Array,
    vertices: Float32Array,
    normals: Float32Array,
    faces: npt.NDArray[np.int32],
    points: Float32Array,
    directions: Float32Array,
) -> None:
    """Fill points and unit normals (n, 3) of hits; NaN where a ray hit nothing.

    Parameters
    ----------
    triangles : (n,) uint32
        Which triangle, or `MISS`.
    places : (n, 2) float32
        Barycentric, of its second and third corner.
    """
    for n in range(len(triangles)):
        if triangles[n] == MISS:
            points[n, :] = np.nan
            directions[n, :] = np.nan
            continue
        f = triangles[n]
        b, c = places[n, 0], places[n, 1]
        a = np.float32(1) - b - c
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        length = 0.0
        for d in range(3):
            points[n, d] = a * vertices[i, d] + b * vertices[j, d] + c * vertices[k, d]
            directions[n, d] = a * normals[i, d] + b * normals[j, d] + c * normals[k, d]
            length += directions[n, d] ** 2
        length = np.sqrt(length)
        for d in range(3):
            directions[n, d] /= length if length > 0 else np.float32(1)


@numba.njit(cache=True, nogil=True)
def values_at(
    values: Float32Array,
    triangles: UIntArray,
    places: Float32Array,
    faces: npt.NDArray[np.int32],
    found: Float32Array,
) -> None:
    """Fill ``found`` (n, k) with values of vertices (V, k) at hits (see `surface_points`); 0 where there is none."""
    for n in range(len(triangles)):
        if triangles[n] == MISS:
            found[n, :] = 0
            continue
        f = triangles[n]
        b, c = places[n, 0], places[n, 1]
        for d in range(values.shape[1]):
            found[n, d] = (
                (np.float32(1) - b - c) * values[faces[f, 0], d]
                + b * values[faces[f, 1], d]
                + c * values[faces[f, 2], d]
            )


@numba.njit(cache=True, nogil=True)
def rays_to(points: Float32Array, lamp: FloatArray, rays: Float32Array) -> float:
    """Fill rays (n, 6) from points to a place, directions of length 1; returns the shortest way, mm."""
    shortest = np.inf
    for n in range(len(points)):
        x, y, z = lamp[0] - points[n, 0], lamp[1] - points[n, 1], lamp[2] - points[n, 2]
        length = np.sqrt(x * x + y * y + z * z)
        shortest = min(shortest, length)
        rays[n, 0], rays[n, 1], rays[n, 2] = points[n, 0], points[n, 1], points[n, 2]
        rays[n, 3], rays[n, 4], rays[n, 5] = x / length, y / length, z / length
    return shortest


@numba.njit(cache=True, nogil=True)
def projector_light(
    points: Float32Array,
    normals: Float32Array,
    albedo: Float32Array,
    eye: FloatArray,
    rotation: FloatArray,
    lamp: FloatArray,
    figures: tuple[float, float, float, float],
    field: Float32Array,
    light: Float32Array,
) -> None:
    """Fill position in the field (n,) and light (n,) of the projector at surface points, shadows apart.

    Parameters
    ----------
    eye, lamp : (3,) float64
        Centres of camera and projector.
    rotation : (3, 3) float64
        ``rig_from_projector``.
    figures : tuple of float
        Specular share and exponent, distance of unit light, field over distance.
    """
    specular, exponent, reference, spread = figures
    for n in range(len(points)):
        field[n], light[n] = 0, 0
        if np.isnan(points[n, 0]):
            continue
        lx, ly, lz = lamp[0] - points[n, 0], lamp[1] - points[n, 1], lamp[2] - points[n, 2]
        r = np.sqrt(lx * lx + ly * ly + lz * lz)
        lx, ly, lz = lx / r, ly / r, lz / r
        facing = normals[n, 0] * lx + normals[n, 1] * ly + normals[n, 2] * lz
        if facing <= 0:
            continue
        across = -(rotation[0, 0] * lx + rotation[1, 0] * ly + rotation[2, 0] * lz)
        along = -(rotation[0, 2] * lx + rotation[1, 2] * ly + rotation[2, 2] * lz)
        if along <= 0:
            continue
        x = across / along / spread + 0.5
        if not 0 < x < 1:
            continue
        vx, vy, vz = eye[0] - points[n, 0], eye[1] - points[n, 1], eye[2] - points[n, 2]
        v = np.sqrt(vx * vx + vy * vy + vz * vz)
        hx, hy, hz = lx + vx / v, ly + vy / v, lz + vz / v
        h = np.sqrt(hx * hx + hy * hy + hz * hz)
        shine = max((normals[n, 0] * hx + normals[n, 1] * hy + normals[n, 2] * hz) / h, 0.0)
        field[n] = x
        light[n] = (albedo[n] * facing + specular * shine**exponent) * (reference / r) ** 2


@numba.njit(cache=True, nogil=True)
def expose(field: Float32Array, light: Float32Array, table: Float32Array, pictures: Float32Array) -> None:
    """Fill noiseless pictures (E, P) of pixels with rays (P, S): the mean of light times pattern over the rays.

    Parameters
    ----------
    table : (T, E) float32
        Each pattern at T places from 0 to 1, linear between them.
    """
    steps, exposures = table.shape[0] - 1, table.shape[1]
    total = np.zeros(exposures, np.float32)
    for p in range(field.shape[0]):
        total[:] = 0
        for s in range(field.shape[1]):
            if light[p, s] > 0:
                place = field[p, s] * steps
                i = min(int(place), steps - 1)
                share = np.float32(place - i)
                for e in range(exposures):
                    total[e] += light[p, s] * (table[i, e] + share * (table[i + 1, e] - table[i, e]))
        for e in range(exposures):
            pictures[e, p] = total[e] / field.shape[1]


@numba.njit(cache=True, nogil=True)
def add_noise(
    light: Float32Array,
    ambient: Float32Array,
    gain: float,
    ambient_gain: float,
    sensor: tuple[float, float, float],
    normal: Float32Array,
    seed: int,
    frame: UInt8Array,
) -> None:
    """Fill a frame (h, w) with counts of the light: shot and reading noise, rounding, saturation.

    Parameters
    ----------
    light, ambient : (h, w) float32
        Before the gain.
    sensor : tuple of float
        Electrons per count, electrons of reading noise, white level.
    normal : (65536,) float32
        Quantiles of the normal distribution.
    """
    per_count, read, white = sensor
    for r in range(light.shape[0]):
        # splitmix gives each row its own start, xorshift goes on from there.
        state = np.uint64(seed) + np.uint64(r + 1) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = (state ^ (state >> np.uint64(31))) | np.uint64(1)
        for c in range(light.shape[1]):
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            mixed = (state * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(48)
            electrons = (gain * light[r, c] + ambient_gain * ambient[r, c]) * per_count
            electrons += normal[mixed] * np.sqrt(electrons + read * read)
            frame[r, c] = np.uint8(min(max(np.rint(electrons / per_count), 0.0), white))


@numba.njit(cache=True, nogil=True)
def lamp_light(
    points: Float32Array,
    normals: Float32Array,
    albedo: Float32Array,
    gloss: Float32Array,
    eye: FloatArray,
    lamps: FloatArray,
    seen: npt.NDArray[np.bool_],
    sky: float,
    colour: Float32Array,
) -> None:
    """Fill linear colours (P, 3): the mean over each pixel's rays (P, S, 3) under soft lamps and light from all round.

    Parameters
    ----------
    lamps : (L, 4) float64
        Place and strength.
    seen : (P, L) bool
        Whether the pixel's surface sees the lamp.
    sky : float
        Light from all round, more from above.
    """
    rays = points.shape[1]
    for p in range(points.shape[0]):
        for d in range(3):
            colour[p, d] = 0
        for s in range(rays):
            if np.isnan(points[p, s, 0]):
                continue
            x, y, z = points[p, s, 0], points[p, s, 1], points[p, s, 2]
            nx, ny, nz = normals[p, s, 0], normals[p, s, 1], normals[p, s, 2]
            vx, vy, vz = eye[0] - x, eye[1] - y, eye[2] - z
            v = np.sqrt(vx * vx + vy * vy + vz * vz)
            diffuse, shine = sky * (0.75 + 0.25 * ny), 0.0
            for k in range(len(lamps)):
                if not seen[p, k]:
                    continue
                lx, ly, lz = lamps[k, 0] - x, lamps[k, 1] - y, lamps[k, 2] - z
                r = np.sqrt(lx * lx + ly * ly + lz * lz)
                facing = (nx * lx + ny * ly + nz * lz) / r
                if facing <= 0:
                    continue
                diffuse += lamps[k, 3] * facing
                hx, hy, hz = lx / r + vx / v, ly / r + vy / v, lz / r + vz / v
                cosine = max((nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz), 0.0)
                shine += lamps[k, 3] * 0.05 * cosine**18
                if gloss[p, s] > 0:
                    shine += lamps[k, 3] * gloss[p, s] * 1.2 * cosine**120
            for d in range(3):
                colour[p, d] += (albedo[p, s, d] * diffuse + shine) / rays
