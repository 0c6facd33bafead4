"""Rendered crops on the disk: shards of a few hundred, each from its own seed, so that any can be made again."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import BoolArray, Float32Array, UInt8Array
from faceapp.core.errors import DataError
from faceapp.formats.atomic import write_bytes
from faceapp_plugins.landmarking.painting import paint
from faceapp_plugins.landmarking.scenes import Crop, View, random_view, render, seat
from faceapp_plugins.landmarking.subjects import Person, Rng, ict_person, own_person

SCENE_PX = 128
_JPEG_QUALITY = 92
_SOURCES = ("own", "ict")
_VIEWS = 5
"""Pictures of one person: two with one expression, three with another."""


@dataclass(frozen=True)
class Recipe:
    """What is rendered.

    Parameters
    ----------
    seed : int
        Another one gives other people.
    people : int
        In a shard.
    ict : Path or None
        Folder of the ICT model; half of the people then have its heads.
    yaws_deg : tuple of float
        Views of each person, for tests; random expressions and views where empty.
    source : {"own", "ict", "both"}
        Whose heads.
    """

    seed: int
    people: int = 100
    ict: Path | None = None
    yaws_deg: tuple[float, ...] = ()
    source: str = "both"


@dataclass(frozen=True, eq=False)
class Shard:
    """Crops and scenes as read.

    Parameters
    ----------
    jpegs, scene_jpegs : list of bytes
        Encoded pictures.
    points : (n, 106, 2) float32
        Pixels of the crop.
    visible : (n, 106) bool
    scale : (n,) float32
        Outer eye distance in space, pixels at the face's depth.
    camera : (n, 16) float64
        Rows of the turn, centre (mm), focal length, principal point, yaw (degree).
    person : (n,) int32
        Number in the shard.
    source : (n,) uint8
        0 a head of our own, 1 ICT.
    boxes : (m, 3) float32
        Middle and side of the face in each scene, pixels; NaN where there is none.
    """

    jpegs: list[bytes]
    points: Float32Array
    visible: BoolArray
    scale: Float32Array
    camera: npt.NDArray[np.float64]
    person: npt.NDArray[np.int32]
    source: UInt8Array
    scene_jpegs: list[bytes]
    boxes: Float32Array

    def image(self, k: int) -> UInt8Array:
        """Return crop ``k``, RGB."""
        return decode(self.jpegs[k])


def decode(jpeg: bytes) -> UInt8Array:
    """Return the RGB picture of a JPEG."""
    return np.asarray(cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))


def shard_file(folder: Path, number: int) -> Path:
    """Return where a shard lies."""
    return folder / f"shard-{number:05d}.npz"


def shards_in(folder: Path) -> list[Path]:
    """Return the finished shards of a folder in their order."""
    return sorted(folder.glob("shard-*.npz"))


def draw_person(recipe: Recipe, rng: Rng) -> Person:
    """Return someone of the recipe's heads."""
    ict = recipe.ict is not None and (recipe.source == "ict" or (recipe.source == "both" and rng.random() < 0.5))
    if recipe.source == "ict" and recipe.ict is None:
        raise DataError("heads of the ICT model are wanted; give its folder")
    if ict and recipe.ict is not None:
        return ict_person(rng, recipe.ict)
    return own_person(rng)


def person_crops(recipe: Recipe, shard: int, number: int) -> Iterator[tuple[str, Crop]]:
    """Yield the crops of one person, and one scene (``"scene"``) with the face somewhere in it."""
    rng = np.random.default_rng([recipe.seed, shard, number])
    person = draw_person(recipe, rng)
    painting, wardrobe = paint(person, rng), int(rng.integers(2**31))
    yaws: tuple[float | None, ...] = recipe.yaws_deg or (None,) * _VIEWS
    shape = person.pose(rng, bool(rng.random() < 0.4))
    for k, yaw in enumerate(yaws):
        if k == 2 and not recipe.yaws_deg:
            shape = person.pose(rng, False)
        sitter = seat(person, painting, shape, np.random.default_rng(wardrobe), rng)
        yield person.topology.name, render(sitter, random_view(sitter, rng, yaw_deg=yaw), rng)
    if recipe.yaws_deg:
        return
    away = rng.random() < 0.12
    boxes = float(np.exp(rng.uniform(np.log(1.15), np.log(9.0))))
    yaw = float(rng.uniform(140, 220)) if away else None
    view = random_view(sitter, rng, yaw_deg=yaw, size=SCENE_PX, boxes=boxes)
    free = SCENE_PX / 2 * (1 - 0.9 / boxes)
    middle = view.middle + rng.uniform(-free, free, 2)
    view = View(view.turn, view.centre, view.focal, middle, view.yaw_deg)
    yield "back" if away else "scene", render(sitter, view, rng, size=SCENE_PX, finer=1)


def render_shard(recipe: Recipe, number: int) -> bytes:
    """Return the bytes of a shard; the same recipe and number give the same people and labels."""
    crops: list[tuple[int, str, Crop]] = []
    scenes: list[tuple[bool, Crop]] = []
    for person in range(recipe.people):
        for kind, crop in person_crops(recipe, number, person):
            if kind in _SOURCES:
                crops.append((person, kind, crop))
            else:
                scenes.append((kind == "scene", crop))
    jpeg, starts = _encoded([c.image for _, _, c in crops])
    scene_jpeg, scene_starts = _encoded([c.image for _, c in scenes])
    boxes = np.array([_box(c) if there else (np.nan,) * 3 for there, c in scenes], np.float32).reshape(-1, 3)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        jpeg=jpeg,
        starts=starts,
        points=np.array([c.points for *_, c in crops]),
        visible=np.array([c.visible for *_, c in crops]),
        scale=np.array([c.scale for *_, c in crops], np.float32),
        camera=np.array([_camera(c.view) for *_, c in crops]),
        person=np.array([p for p, *_ in crops], np.int32),
        source=np.array([_SOURCES.index(s) for _, s, _ in crops], np.uint8),
        scene_jpeg=scene_jpeg,
        scene_starts=scene_starts,
        boxes=boxes,
    )
    return buffer.getvalue()


def write_shard(folder: Path, recipe: Recipe, number: int) -> bool:
    """Render a shard into a folder unless it is there; returns whether it was made."""
    file = shard_file(folder, number)
    if file.is_file():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(file, render_shard(recipe, number))
    return True


def read_shard(file: Path) -> Shard:
    """Read a shard.

    Raises
    ------
    DataError
        It cannot be read.
    """
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as data:
            a = {name: data[name] for name in data.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: not a shard of crops ({error}); delete it and it is rendered again") from error
    return Shard(
        _split(a["jpeg"], a["starts"]), a["points"], a["visible"], a["scale"], a["camera"], a["person"], a["source"],
        _split(a["scene_jpeg"], a["scene_starts"]), a["boxes"],
    )  # fmt: skip


def face_box(points: npt.NDArray[np.floating]) -> tuple[float, float, float]:
    """Return middle (u, v) and side of the square round landmarks (n, 2)."""
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    u, v = (low + high) / 2
    return float(u), float(v), float((high - low).max())


def _box(crop: Crop) -> tuple[float, float, float]:
    return face_box(crop.points)


def _camera(view: View) -> npt.NDArray[np.float64]:
    return np.concatenate([view.turn.ravel(), view.centre, [view.focal], view.middle, [view.yaw_deg]])


def _encoded(images: list[UInt8Array]) -> tuple[UInt8Array, npt.NDArray[np.int64]]:
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    parts = [cv2.imencode(".jpg", np.ascontiguousarray(i[:, :, ::-1]), options)[1].ravel() for i in images]
    starts = np.cumsum([0] + [len(p) for p in parts])
    return (np.concatenate(parts) if parts else np.zeros(0, np.uint8)), starts.astype(np.int64)


def _split(data: UInt8Array, starts: npt.NDArray[np.int64]) -> list[bytes]:
    return [data[a:b].tobytes() for a, b in itertools.pairwise(starts)]
