"""OBJ files for the simulated rig: triangles in the order of the file, colours of vertices, one texture picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.formats.images import read_image


def read_obj(file: Path) -> Mesh:
    """Read a Wavefront OBJ file.

    Vertices keep their order; polygons are cut into triangles about their first corner; of several textures the
    first counts.

    Raises
    ------
    DataError
        It is missing or damaged; the message names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    vertices: list[list[float]] = []
    places: list[list[float]] = []
    corners: list[tuple[int, int]] = []
    libraries: list[str] = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        try:
            match words[:1]:
                case ["v"]:
                    vertices.append([float(w) for w in words[1:7]])
                case ["vt"]:
                    places.append([float(w) for w in words[1:3]])
                case ["f"]:
                    polygon = [_corner(w, len(vertices), len(places)) for w in words[1:]]
                    for i in range(1, len(polygon) - 1):
                        corners += [polygon[0], polygon[i], polygon[i + 1]]
                case ["mtllib"]:
                    libraries.append(line.split(maxsplit=1)[1].strip())
        except (ValueError, IndexError) as error:
            raise DataError(f"{file}, line {number}: {error}") from error
    if not vertices or not corners or len({len(v) for v in vertices}) != 1 or len(vertices[0]) < 3:
        raise DataError(f"{file} holds no triangles, or vertices that differ in their number of figures")
    table = np.array(vertices)
    index = np.array(corners).reshape(-1, 3, 2)
    if not np.isfinite(table).all():
        raise DataError(f"{file}: a vertex is not finite")
    mesh = Mesh(table[:, :3].astype(np.float32), index[:, :, 0].astype(np.int32))
    if table.shape[1] == 6:
        mesh = replace(mesh, colors=np.clip(np.rint(255 * table[:, 3:]), 0, 255).astype(np.uint8))
    picture = next(filter(None, (_picture(file.parent / name) for name in libraries)), None)
    if picture is None or not places or (index[:, :, 1] < 0).any():
        return mesh
    uv = np.array(places, np.float32)[index[:, :, 1]]
    texture = read_image(picture)
    if texture.ndim == 2:
        texture = np.repeat(texture[:, :, None], 3, axis=2)
    mesh = replace(mesh, uv=uv, texture=np.ascontiguousarray(texture, np.uint8))
    return mesh if mesh.colors is not None else replace(mesh, colors=_colours(mesh))


def _corner(word: str, vertices: int, places: int) -> tuple[int, int]:
    """Return vertex and texture place of a corner from 0; -1 where it has no place."""
    parts = word.split("/")
    found = []
    for text, count in zip(parts[:2], (vertices, places), strict=False):
        if not text:
            found.append(-1)
            continue
        number = int(text)
        number = number - 1 if number > 0 else count + number
        if not 0 <= number < count:
            raise ValueError(f"{word} names an entry that is not there")
        found.append(number)
    return found[0], found[1] if len(found) > 1 else -1


def _picture(library: Path) -> Path | None:
    if not library.is_file():
        return None
    for line in library.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split(maxsplit=1)
        if len(words) == 2 and words[0] == "map_Kd":
            # Options of the map stand before the name.
            picture = library.parent / words[1].strip()
            picture = picture if picture.is_file() else library.parent / words[1].split()[-1]
            return picture if picture.is_file() else None
    return None


def _colours(mesh: Mesh) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return the texture's colour at each vertex."""
    assert mesh.uv is not None
    assert mesh.texture is not None
    height, width = mesh.texture.shape[:2]
    colours = np.zeros((len(mesh.vertices), 3), np.uint8)
    column = np.clip(np.rint(mesh.uv[:, :, 0] * width - 0.5), 0, width - 1).astype(int)
    row = np.clip(np.rint((1 - mesh.uv[:, :, 1]) * height - 0.5), 0, height - 1).astype(int)
    colours[mesh.faces] = mesh.texture[row, column]
    return colours
