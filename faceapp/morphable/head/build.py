"""Makes the shipped data of the head from its figures: ``python -m faceapp.morphable.head.build``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceapp.morphable.head.attachment import attach
from faceapp.morphable.head.cage import EYE_LANDMARKS, LEVELS, cage
from faceapp.morphable.head.figures import figures
from faceapp.morphable.head.fit import fit_cage
from faceapp.morphable.head.subdivision import refine, subdivided, triangulate


def build_head_data() -> dict[str, npt.NDArray[np.generic]]:
    """Return what ``fitted.npz`` holds.

    Returns
    -------
    dict
        ``cage`` (1531, 3) float64, mm; for each level L ``triangles_L`` (106,) int32, the triangle of each landmark on
        the skin (-1 for those on the cornea), and ``weights_L`` (106, 3) float64, its weights (NaN there).
    """
    topology = cage()
    places = fit_cage()
    listed = figures("cage")["landmarks106_mean"]
    wanted = np.array([listed[str(k)] for k in range(len(listed))], np.float64)
    skin = ~np.isin(np.arange(len(wanted)), EYE_LANDMARKS)
    found: dict[str, npt.NDArray[np.generic]] = {"cage": places}
    for level in LEVELS:
        fine = refine(topology.quads, topology.mirror, level)
        rows = np.full(len(wanted), -1, np.int32)
        weights = np.full((len(wanted), 3), np.nan)
        rows[skin], weights[skin] = attach(wanted[skin], subdivided(fine.matrix, places), triangulate(fine.quads))
        found[f"triangles_{level}"], found[f"weights_{level}"] = rows, weights
    return found


def write_head_data(path: Path) -> None:
    """Build the data and write them whole, or not at all, to ``path``."""
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, **build_head_data())  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


if __name__ == "__main__":
    write_head_data(Path(sys.argv[1]))
