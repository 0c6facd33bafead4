"""Measure how the errors of the shipped landmark network go together.

``python -m faceapp_plugins.landmarking.error_shapes --ict FOLDER --out FILE`` renders people, lets the network look at
them, and writes `faceapp.landmarks.error_shapes`' file. To be run again whenever the weights change.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.landmarks.error_shapes import mirrored, packed
from faceapp.landmarks.network_points import shipped_detector
from faceapp.landmarks.scheme import load_scheme
from faceapp_plugins.landmarking.crops import Recipe, draw_person
from faceapp_plugins.landmarking.painting import paint
from faceapp_plugins.landmarking.scenes import Crop, random_view, render, seat

SEED = 70_000
"""Of no training and no test."""
YAWS_DEG = {"frontal": (-10.0, 0.0, 10.0), "turned": (30.0, 40.0, 50.0, 55.0)}
_PICTURE_PX, _BOXES, _LEAST_SIGMA, _MOST = 288, 2.2, 1e-6, 6.0


def crops(people: int, yaws_deg: tuple[float, ...], ict: Path | None, seed: int) -> Iterator[Crop]:
    """Yield one picture of each of some people; with the ICT model half of them have its heads."""
    for number in range(people):
        recipe = Recipe(seed, ict=ict, source="ict" if ict is not None and number % 2 else "own")
        rng = np.random.default_rng([seed, int(yaws_deg[0]) + 90, number])
        person = draw_person(recipe, rng)
        painting = paint(person, rng)
        shape = person.pose(rng, bool(rng.random() < 0.4))
        sitter = seat(person, painting, shape, np.random.default_rng([seed, number]), rng)
        yaw = float(rng.choice(yaws_deg))
        view = random_view(sitter, rng, yaw_deg=yaw, size=_PICTURE_PX, boxes=_BOXES)
        yield render(sitter, view, rng, size=_PICTURE_PX)


def moments(people: int, kind: str, ict: Path | None = None, seed: int = SEED) -> FloatArray:
    """Return the second moments (106, 2, 106, 2) of errors by sigma; of frontal faces and their mirror images."""
    detector, total, count = shipped_detector(), np.zeros((212, 212)), 0
    for crop in crops(people, YAWS_DEG[kind], ict, seed):
        guess = detector.detect(crop.image)
        if guess is None:
            continue
        error = (crop.points - guess.points) / np.maximum(guess.sigma, _LEAST_SIGMA)[:, None]
        flat = np.clip(error, -_MOST, _MOST).ravel()
        total += np.outer(flat, flat)
        count += 1
    found = (total / max(count, 1)).reshape(106, 2, 106, 2)
    return (found + mirrored(found, np.asarray(load_scheme().mirror))) / 2 if kind == "frontal" else found


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ict", type=Path, help="folder of ict_face_light.npz: half of the people from there")
    parser.add_argument("--people", type=int, default=1000, help="of each kind (default: 1000)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    frontal, turned = (packed(moments(options.people, kind, options.ict, options.seed)) for kind in YAWS_DEG)
    np.savez_compressed(options.out, frontal=frontal, turned=turned)


if __name__ == "__main__":
    main()
