"""PLY files: points and meshes with normals, colours, sigma and any further figure of each vertex.

Written as binary little-endian in mm; read in all three encodings. Vertices keep their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.formats.atomic import write_bytes

_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "float": "f4", "double": "f8",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
_NAMES = {"f4": "float", "u1": "uchar", "i4": "int", "f8": "double"}


@dataclass(frozen=True, eq=False)
class PlyData:
    """What a PLY file holds.

    Parameters
    ----------
    vertex : dict of str to (V,) array
        Properties by name.
    faces : (F, 3) int32
        Polygons are cut into triangles about their first corner.
    uv : (F, 3, 2) float32, optional
        Texture coordinates of each corner, where the faces are triangles that have them.
    comments : tuple of str
        Of the header.
    """

    vertex: dict[str, npt.NDArray[Any]]
    faces: npt.NDArray[np.int32]
    comments: tuple[str, ...]
    uv: npt.NDArray[np.float32] | None = None

    def columns(self, *names: str) -> npt.NDArray[Any] | None:
        """Return the named properties side by side, or ``None`` if one is missing."""
        if not all(name in self.vertex for name in names):
            return None
        return np.stack([self.vertex[name] for name in names], axis=1)


def read_ply(file: Path) -> PlyData:
    """Read a PLY file of any encoding.

    Raises
    ------
    DataError
        It is missing, truncated or not PLY; the message says what was expected.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{file} is missing") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    end = data.find(b"end_header")
    if not data:
        raise DataError(f"{file} is empty (0 bytes)")
    if not data.startswith(b"ply") or end < 0:
        raise DataError(f"{file} is not a PLY file")
    body = data.find(b"\n", end) + 1
    try:
        encoding, elements, comments = _parse_header(data[:end].decode("latin1"))
        reader = _AsciiBody(data[body:]) if encoding == "ascii" else _BinaryBody(data[body:], encoding)
        tables = {name: reader.read(count, properties) for name, count, properties in elements}
    except (ValueError, KeyError, IndexError) as error:
        raise DataError(f"{file} is damaged or truncated: {error}") from error
    vertex = tables.get("vertex", {})
    if not {"x", "y", "z"} <= set(vertex):
        raise DataError(f"{file} has no vertices with x, y and z")
    polygons = tables.get("face", {})
    lists = polygons.get("vertex_indices", polygons.get("vertex_index"))
    faces = _triangles(lists) if lists is not None else np.zeros((0, 3), np.int32)
    if len(faces) and (faces.min() < 0 or faces.max() >= len(vertex["x"])):
        raise DataError(f"{file}: a face names a vertex that is not there")
    return PlyData(vertex, faces, tuple(comments), _corner_uv(polygons.get("texcoord"), len(faces)))


def _corner_uv(lists: Any, faces: int) -> npt.NDArray[np.float32] | None:
    """Texture coordinates as MeshLab writes them: two numbers for each corner of a triangle."""
    if isinstance(lists, np.ndarray) and lists.shape == (faces, 6):
        return lists.reshape(faces, 3, 2).astype(np.float32)
    return None


_Property = tuple[str, str, str]  # name, type, type of the count ("" for a plain value)


def _parse_header(text: str) -> tuple[str, list[tuple[str, int, list[_Property]]], list[str]]:
    encoding = ""
    elements: list[tuple[str, int, list[_Property]]] = []
    comments: list[str] = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if not words:
            continue
        if words[0] == "format":
            encoding = {"ascii": "ascii", "binary_little_endian": "<", "binary_big_endian": ">"}[words[1]]
        elif words[0] == "comment":
            comments.append(line[8:])
        elif words[0] == "element":
            elements.append((words[1], int(words[2]), []))
        elif words[0] == "property" and words[1] == "list":
            elements[-1][2].append((words[4], _TYPES[words[3]], _TYPES[words[2]]))
        elif words[0] == "property":
            elements[-1][2].append((words[2], _TYPES[words[1]], ""))
    if not encoding:
        raise ValueError("the header names no format")
    return encoding, elements, comments


class _BinaryBody:
    def __init__(self, data: bytes, order: str) -> None:
        self.data, self.order, self.at = data, order, 0

    def read(self, count: int, properties: list[_Property]) -> dict[str, Any]:
        if all(not p[2] for p in properties):
            kind = np.dtype([(p[0], self.order + p[1]) for p in properties])
            table = self._take(kind, count)
            return {name: table[name].astype(table[name].dtype.newbyteorder("=")) for name in kind.names or ()}
        return self._read_lists(count, properties)

    def _take(self, kind: np.dtype[Any], count: int) -> npt.NDArray[Any]:
        if self.at + kind.itemsize * count > len(self.data):
            raise ValueError(f"{len(self.data) - self.at} bytes left, {kind.itemsize * count} needed")
        table = np.frombuffer(self.data, kind, count, self.at)
        self.at += kind.itemsize * count
        return table

    def _read_lists(self, count: int, properties: list[_Property]) -> dict[str, Any]:
        """Lists of one length are read at once: it is the rule, and a loop over a million faces takes seconds."""
        start = self.at
        first = {p[0]: self._read_row([p])[p[0]] for p in properties} if count else {}
        self.at = start
        fields: list[Any] = []
        for name, kind, counter in properties:
            if counter:
                fields.append((f"#{name}", self.order + counter))
                fields.append((name, self.order + kind, (len(first.get(name, ())),)))
            else:
                fields.append((name, self.order + kind))
        row = np.dtype(fields)
        if count and self.at + row.itemsize * count <= len(self.data):
            table = np.frombuffer(self.data, row, count, self.at)
            if all((table[f"#{p[0]}"] == len(first[p[0]])).all() for p in properties if p[2]):
                self.at += row.itemsize * count
                return {p[0]: table[p[0]] for p in properties}
        rows = [self._read_row(properties) for _ in range(count)]
        return {p[0]: [r[p[0]] for r in rows] for p in properties}

    def _read_row(self, properties: list[_Property]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, kind, counter in properties:
            n = int(self._take(np.dtype(self.order + counter), 1)[0]) if counter else 1
            values = self._take(np.dtype(self.order + kind), n)
            row[name] = values if counter else values[0]
        return row


class _AsciiBody:
    def __init__(self, data: bytes) -> None:
        self.lines, self.at = data.decode("latin1").split("\n"), 0

    def read(self, count: int, properties: list[_Property]) -> dict[str, Any]:
        lines = self.lines[self.at : self.at + count]
        self.at += count
        if len(lines) < count:
            raise ValueError(f"{len(lines)} lines left, {count} needed")
        if all(not p[2] for p in properties):
            table = np.array([line.split()[: len(properties)] for line in lines], np.float64)
            table = table.reshape(count, len(properties))
            return {p[0]: table[:, i].astype(p[1]) for i, p in enumerate(properties)}
        rows = [self._read_row(line.split(), properties) for line in lines]
        return {p[0]: [r[p[0]] for r in rows] for p in properties}

    @staticmethod
    def _read_row(words: list[str], properties: list[_Property]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        at = 0
        for name, kind, counter in properties:
            n = int(words[at]) if counter else 1
            at += bool(counter)
            values = np.array(words[at : at + n], np.float64).astype(kind)
            row[name] = values if counter else values[0]
            at += n
        return row


def _triangles(lists: Any) -> npt.NDArray[np.int32]:
    if isinstance(lists, np.ndarray) and lists.ndim == 2:
        fans = [lists[:, [0, i, i + 1]] for i in range(1, lists.shape[1] - 1)]
        return np.stack(fans, axis=1).reshape(-1, 3).astype(np.int32) if fans else np.zeros((0, 3), np.int32)
    fan = [(p[0], p[i], p[i + 1]) for p in lists for i in range(1, len(p) - 1)]
    return np.array(fan, np.int32).reshape(-1, 3)


def read_mesh(file: Path) -> Mesh:
    """Return the mesh of a PLY file (see `read_ply`), its vertices in the order of the file."""
    data = read_ply(file)
    vertices = data.columns("x", "y", "z")
    if vertices is None or not np.isfinite(vertices).all():
        raise DataError(f"{file}: a vertex is not finite")
    normals = data.columns("nx", "ny", "nz")
    colors = data.columns("red", "green", "blue")
    sigma = data.vertex.get("sigma")
    return Mesh(
        vertices.astype(np.float32),
        data.faces,
        None if normals is None else normals.astype(np.float32),
        None if colors is None else colors.astype(np.uint8),
        None if sigma is None else sigma.astype(np.float32),
        data.uv,
    )


def read_cloud(file: Path) -> PointCloud:
    """Return the points of a PLY file (see `read_ply`) with what it knows of them."""
    data = read_ply(file)
    mesh = read_mesh(file)
    pixels, group = data.columns("u", "v"), data.vertex.get("group")
    groups = tuple(c.split(" ", 1)[1] for c in data.comments if c.startswith("group "))
    camera, picture_camera = (_named(data.comments, kind) for kind in ("camera", "picture"))
    picture_pixels = data.columns("picture_u", "picture_v")
    return PointCloud(
        mesh.vertices,
        mesh.normals,
        mesh.colors,
        mesh.sigma,
        None if pixels is None else pixels.astype(np.float32),
        None if group is None else group.astype(np.uint8),
        camera,
        groups,
        None if picture_pixels is None else picture_pixels.astype(np.float32),
        picture_camera,
    )


def _named(comments: Sequence[str], kind: str) -> str:
    return next((c.split(" ", 1)[1] for c in comments if c.startswith(f"{kind} ")), "")


def write_cloud(file: Path, cloud: PointCloud) -> None:
    """Write a cloud with all that is known of its points."""
    extra: dict[str, npt.NDArray[Any]] = {}
    if cloud.pixels is not None:
        extra |= {"u": cloud.pixels[:, 0], "v": cloud.pixels[:, 1]}
    if cloud.picture_pixels is not None:
        extra |= {"picture_u": cloud.picture_pixels[:, 0], "picture_v": cloud.picture_pixels[:, 1]}
    if cloud.group is not None:
        extra["group"] = cloud.group
    comments = [f"camera {cloud.camera}"] if cloud.camera else []
    comments += [f"picture {cloud.picture_camera}"] if cloud.picture_camera else []
    comments += [f"group {name}" for name in cloud.groups]
    shell = Mesh(cloud.points, np.zeros((0, 3), np.int32), cloud.normals, cloud.colors, cloud.sigma)
    write_mesh(file, shell, extra, comments)


def write_mesh(
    file: Path,
    mesh: Mesh,
    extra: Mapping[str, npt.NDArray[Any]] | None = None,
    comments: list[str] | None = None,
) -> None:
    """Write a mesh as binary little-endian PLY in mm.

    Parameters
    ----------
    file : Path
        Written whole or not at all.
    mesh : Mesh
        Vertices in their order, faces, and what is known of normals, colours, sigma and uv.
    extra : mapping of str to (V,) array
        Further properties of each vertex, such as ``distance``.
    comments : list of str
        Lines for the header.
    """
    columns: list[tuple[str, str, npt.NDArray[Any]]] = []
    columns += [(n, "f4", mesh.vertices[:, i]) for i, n in enumerate("xyz")]
    if mesh.normals is not None:
        columns += [(n, "f4", mesh.normals[:, i]) for i, n in enumerate(("nx", "ny", "nz"))]
    if mesh.colors is not None:
        columns += [(n, "u1", mesh.colors[:, i]) for i, n in enumerate(("red", "green", "blue"))]
    if mesh.sigma is not None:
        columns.append(("sigma", "f4", mesh.sigma))
    columns += [(name, "u1" if v.dtype == np.uint8 else "f4", v) for name, v in (extra or {}).items()]
    table = np.empty(len(mesh.vertices), np.dtype([(name, "<" + kind) for name, kind, _ in columns]))
    for name, _, values in columns:
        table[name] = values
    header = ["ply", "format binary_little_endian 1.0", "comment unit mm", *(f"comment {c}" for c in comments or [])]
    header.append(f"element vertex {len(table)}")
    header += [f"property {_NAMES[kind]} {name}" for name, kind, _ in columns]
    corners: list[Any] = [("n", "u1"), ("v", "<i4", (3,))]
    if mesh.uv is not None:
        corners += [("m", "u1"), ("uv", "<f4", (6,))]
    faces = np.empty(len(mesh.faces), np.dtype(corners))
    faces["n"], faces["v"] = 3, mesh.faces
    if len(faces):
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    if mesh.uv is not None:
        faces["m"], faces["uv"] = 6, mesh.uv.reshape(-1, 6)
        header += ["property list uchar float texcoord"] if len(faces) else []
    write_bytes(file, "\n".join([*header, "end_header\n"]).encode() + table.tobytes() + faces.tobytes())
