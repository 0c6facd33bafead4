"""Heat maps of the signed distance to a scan, with their scale, as pictures."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

import faceapp_resources
from faceapp.core.arrays import UInt8Array
from faceapp.core.mesh import Mesh
from faceapp.formats.images import write_png
from faceapp.render.heads import head_picture

NO_DATA = (122, 126, 134)
"""Colour of what the scan does not show."""


@functools.cache
def colour_table(name: str) -> UInt8Array:
    """Return the (256, 3) uint8 RGB table of a colour map that ships with the program (Crameri 2018)."""
    with np.load(faceapp_resources.path("colormaps", "cmcrameri.npz")) as tables:
        table = np.asarray(tables[name])
    return np.ascontiguousarray(table if table.dtype == np.uint8 else np.rint(table * 255), np.uint8)


def distance_colours(distance: npt.ArrayLike, limit: float, name: str = "vik") -> UInt8Array:
    """Return (N, 3) uint8 colours of signed distances, symmetric about 0; grey where they are NaN."""
    values = np.asarray(distance, np.float64)
    scaled = np.clip((values + limit) / (2 * limit), 0, 1)
    colours = colour_table(name)[np.nan_to_num(scaled * 255).astype(int)]
    colours[~np.isfinite(values)] = NO_DATA
    return colours


def distance_picture(
    file: Path, mesh: Mesh, distance: npt.ArrayLike, scan: Mesh | None = None, limit: float = 0.6
) -> None:
    """Write a heat map seen from three sides, the scan beside it, with the scale below.

    Parameters
    ----------
    file : Path
        PNG.
    mesh : Mesh
        Whose vertices are coloured.
    distance : (V,) array_like
        Signed, mm; NaN is grey.
    scan : Mesh, optional
        Drawn from the front for comparison.
    limit : float
        Ends of the scale, mm.
    """
    coloured = Mesh(mesh.vertices, mesh.faces, colors=distance_colours(distance, limit))
    centre = _centre(mesh)
    views = [head_picture([coloured], azimuth_deg=a, size=(480, 600), centre=centre) for a in (-45.0, 0.0, 45.0)]
    if scan is not None:
        views.append(head_picture([scan], size=(480, 600), centre=centre))
    picture = np.concatenate(views, axis=1)
    write_png(file, np.concatenate([picture, _scale(picture.shape[1], limit)]))


def _centre(mesh: Mesh) -> tuple[float, float, float]:
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    x, y, z = ((low + high) / 2).tolist()
    return float(x), float(y), float(z)


def _scale(width: int, limit: float) -> UInt8Array:
    strip = np.full((64, width, 3), 255, np.uint8)
    left, right = width // 2 - 220, width // 2 + 220
    table = colour_table("vik")
    strip[10:26, left:right] = table[np.linspace(0, 255, right - left).astype(int)]
    for value, x in ((-limit, left), (0.0, width // 2), (limit, right)):
        text = f"{value:+.1f} mm" if value else "0"
        cv2.putText(strip, text, (x - 28, 46), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (30, 30, 30), 1, cv2.LINE_AA)
    words = "signed distance to the scan: - inside, + outside; grey: the scan shows nothing"
    cv2.putText(strip, words, (left - 60, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA)
    return strip
