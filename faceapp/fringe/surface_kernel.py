"""The compiled pass over inverse depth: a plane through each pixel's neighbours gives normal, fit and depth edges."""

from __future__ import annotations

import numba
import numpy as np

from faceapp.core.arrays import Float32Array


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fit_planes(
    inverse: Float32Array,
    sigma: Float32Array,
    near: float,
    min_neighbours: int,
    fitted: Float32Array,
    fitted_sigma: Float32Array,
    residual: Float32Array,
    slope_u: Float32Array,
    slope_v: Float32Array,
) -> None:
    """Fit ``w = w0 + a du + b dv`` over the 5 x 5 neighbours of each pixel of an inverse-depth grid.

    The inverse depth of a plane is affine in ideal pixels, so the fit is exact on planes. Neighbours farther than
    ``near`` (share of the centre's inverse depth for one pixel of distance) are another surface and stay out.

    Parameters
    ----------
    inverse, sigma : (H, W) float32
        1/mm and its standard deviation; NaN is no surface.
    near : float
        Largest relative step from pixel to pixel.
    min_neighbours : int
        Fewer give NaN.
    fitted, fitted_sigma, residual, slope_u, slope_v : (H, W) float32
        Out: value of the fit at the centre, its sigma, centre minus the fit, slopes in 1/mm a pixel.
    """
    rows, columns = inverse.shape
    for row in range(rows):
        for col in range(columns):
            fitted[row, col] = np.nan
            fitted_sigma[row, col] = np.nan
            residual[row, col] = np.nan
            slope_u[row, col] = np.nan
            slope_v[row, col] = np.nan
            centre = inverse[row, col]
            if np.isnan(centre):
                continue
            n = 0.0
            su = 0.0
            sv = 0.0
            suu = 0.0
            suv = 0.0
            svv = 0.0
            sw = 0.0
            suw = 0.0
            svw = 0.0
            step = near * centre
            for dv in range(-2, 3):
                r = row + dv
                if r < 0 or r >= rows:
                    continue
                for du in range(-2, 3):
                    c = col + du
                    if c < 0 or c >= columns:
                        continue
                    w = inverse[r, c] - centre
                    reach = step * (abs(du) + abs(dv))
                    if not abs(w) <= reach:
                        continue
                    n += 1.0
                    su += du
                    sv += dv
                    suu += du * du
                    suv += du * dv
                    svv += dv * dv
                    sw += w
                    suw += du * w
                    svw += dv * w
            if n < min_neighbours:
                continue
            # Normal equations of the plane, solved by Cramer's rule.
            d = n * (suu * svv - suv * suv) - su * (su * svv - suv * sv) + sv * (su * suv - suu * sv)
            if abs(d) < 1e-6:
                continue
            w0 = (sw * (suu * svv - suv * suv) - su * (suw * svv - suv * svw) + sv * (suw * suv - suu * svw)) / d
            a = (n * (suw * svv - svw * suv) - sw * (su * svv - sv * suv) + sv * (su * svw - sv * suw)) / d
            b = (n * (suu * svw - suv * suw) - su * (su * svw - sv * suw) + sw * (su * suv - sv * suu)) / d
            fitted[row, col] = centre + w0
            fitted_sigma[row, col] = sigma[row, col] * np.sqrt(max((suu * svv - suv * suv) / d, 0.0))
            residual[row, col] = -w0
            slope_u[row, col] = a
            slope_v[row, col] = b
