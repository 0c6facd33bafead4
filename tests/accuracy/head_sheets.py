"""Contact sheets of the head, to be looked at: ``python tests/accuracy/head_sheets.py FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from faceapp.core.mesh import Mesh
from faceapp.morphable.head import Head, HeadParameters, load_head, random_parameters
from faceapp.render.heads import contact_sheet, head_picture

LEVEL = 3


def pieces(head: Head) -> list[Mesh]:
    """The textured skin and, with colours per vertex, everything inside it."""
    return [head.skin, head.mesh.submesh(np.arange(len(head.mesh.vertices)) >= len(head.skin.vertices))]


def views(folder: Path) -> None:
    head = load_head(LEVEL).shape(HeadParameters(sex="male"))
    directions = [(0, 0), (40, 0), (90, 0), (30, -35), (180, 0)]
    pictures = [head_picture(pieces(head), azimuth_deg=a, elevation_deg=e) for a, e in directions]
    pictures += [head_picture(pieces(head), azimuth_deg=a, elevation_deg=e, plain=True) for a, e in directions]
    save(folder / "views.png", contact_sheet(pictures, [f"{a}, {e} deg" for a, e in directions] * 2, len(directions)))


def expressions(folder: Path) -> None:
    model = load_head(LEVEL)
    person = random_parameters(7, "female", 28)
    names = ("neutral", *model.expression_names)
    for azimuth in (0, 35):
        pictures = [
            head_picture(pieces(model.shape(person, n)), azimuth_deg=azimuth, size=(240, 270), height_mm=250)
            for n in names
        ]
        save(folder / f"expressions-{azimuth}.png", contact_sheet(pictures, list(names), 8))


def people(folder: Path) -> None:
    model = load_head(LEVEL)
    pictures, captions = [], []
    for seed in range(12):
        person = random_parameters(seed)
        pictures.append(head_picture(pieces(model.shape(person)), azimuth_deg=20, size=(240, 300)))
        captions.append(f"{seed}: {person.sex}, {person.age:.0f} years")
    base = random_parameters(3, "male")
    for age in (25, 40, 50, 60, 70, 80):
        person = random_parameters(3, "male", age)
        pictures.append(head_picture(pieces(model.shape(person)), azimuth_deg=20, size=(240, 300)))
        captions.append(f"one {base.sex} at {age}")
    save(folder / "people.png", contact_sheet(pictures, captions, 6))


def save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    views(target)
    people(target)
    expressions(target)
