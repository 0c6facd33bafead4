"""Meshes from outside: PLY, OBJ and STL, their vertices in the order of the file; and OBJ with a texture out."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.formats.atomic import write_bytes
from faceapp.formats.images import read_image, write_png
from faceapp.formats.ply import read_mesh

SUFFIXES = (".ply", ".obj", ".stl")


def read_any_mesh(file: Path) -> Mesh:
    """Return the mesh of a ``.ply``, ``.obj`` or ``.stl`` file.

    Raises
    ------
    DataError
        The kind is not known, or the file is missing or broken.
    """
    suffix = file.suffix.lower()
    if file.is_dir():
        raise DataError(f"{file} is a folder; name a mesh file in it ({', '.join(SUFFIXES)})")
    if not file.exists():
        raise DataError(f"{file} is missing")
    if suffix == ".ply":
        return read_mesh(file)
    if suffix not in SUFFIXES:
        raise DataError(f"{file}: {suffix or 'no suffix'} is not a mesh that faceapp reads ({', '.join(SUFFIXES)})")
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{file} is missing") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    try:
        mesh = _parse_obj(data, file) if suffix == ".obj" else _parse_stl(data)
    except (ValueError, IndexError, struct.error, DataError) as error:
        raise DataError(f"{file} is damaged: {error}") from error
    if not np.isfinite(mesh.vertices).all():
        raise DataError(f"{file}: a vertex is not finite")
    return mesh


def write_textured_mesh(file: Path, mesh: Mesh) -> tuple[Path, Path, Path]:
    """Write a mesh with its texture as OBJ, with the MTL and the PNG of the same name beside it.

    Parameters
    ----------
    file : Path
        Ends in ``.obj``; each of the three is written whole or not at all.
    mesh : Mesh
        With uv and texture; vertices keep their order, mm.

    Returns
    -------
    tuple of Path
        OBJ, MTL, PNG.

    Raises
    ------
    DataError
        The mesh has no texture.
    """
    if mesh.uv is None or mesh.texture is None:
        raise DataError(f"{file}: the mesh has no texture")
    material, picture = file.with_suffix(".mtl"), file.with_suffix(".png")
    corners = np.ascontiguousarray(mesh.uv.reshape(-1, 2)).view(np.uint64).ravel()
    unique, which = np.unique(corners, return_inverse=True)
    lines = [f"# unit mm\nmtllib {material.name}\nusemtl skin"]
    lines += [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in mesh.vertices.tolist()]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in unique.view(np.float32).reshape(-1, 2).tolist()]
    normal = ""
    if mesh.normals is not None:
        lines += [f"vn {x:.4f} {y:.4f} {z:.4f}" for x, y, z in mesh.normals.tolist()]
        normal = "/{0}"
    pairs = zip((mesh.faces.ravel() + 1).tolist(), (which + 1).tolist(), strict=True)
    words = [f"{vertex}/{place}{normal.format(vertex)}" for vertex, place in pairs]
    lines += [f"f {a} {b} {c}" for a, b, c in zip(words[::3], words[1::3], words[2::3], strict=True)]
    write_png(picture, mesh.texture)
    write_bytes(material, f"newmtl skin\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {picture.name}\n".encode())
    write_bytes(file, ("\n".join(lines) + "\n").encode())
    return file, material, picture


def _parse_obj(data: bytes, file: Path) -> Mesh:
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    faces: list[tuple[int, int, int]] = []
    corners: list[list[list[float]]] = []
    material = ""
    for line in data.decode("utf-8", "replace").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(w) for w in words[1:]])
        elif words[0] == "vt":
            uv.append([float(w) for w in words[1:3]])
        elif words[0] == "mtllib":
            material = " ".join(words[1:])
        elif words[0] == "f":
            polygon = [_corner(w, len(vertices), len(uv)) for w in words[1:]]
            for i in range(1, len(polygon) - 1):
                triangle = (polygon[0], polygon[i], polygon[i + 1])
                faces.append((triangle[0][0], triangle[1][0], triangle[2][0]))
                if all(c[1] is not None for c in triangle):
                    corners.append([uv[c[1]] for c in triangle if c[1] is not None])
    if not vertices:
        raise ValueError("it has no vertices")
    table = np.array([v[:3] for v in vertices], np.float32)
    colors = None
    if all(len(v) >= 6 for v in vertices):
        colors = np.clip(np.rint(np.array([v[3:6] for v in vertices]) * 255), 0, 255).astype(np.uint8)
    texture = _texture(file, material)
    textured = texture is not None and len(corners) == len(faces)
    return Mesh(
        table,
        np.array(faces, np.int32).reshape(-1, 3),
        colors=colors,
        uv=np.array(corners, np.float32) if textured else None,
        texture=texture if textured else None,
    )


def _corner(word: str, vertices: int, uvs: int) -> tuple[int, int | None]:
    parts = word.split("/")
    vertex = int(parts[0])
    texture = int(parts[1]) if len(parts) > 1 and parts[1] else None
    vertex = vertex - 1 if vertex > 0 else vertices + vertex
    if texture is not None:
        texture = texture - 1 if texture > 0 else uvs + texture
    return vertex, texture


def _texture(file: Path, material: str) -> np.ndarray | None:
    """The picture that the material names, if it lies beside the mesh; a mesh without one is still a mesh."""
    described = file.with_name(Path(material).name) if material else None
    if described is None or not described.is_file():
        return None
    for line in described.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split()
        if words and words[0] == "map_Kd":
            picture = file.with_name(Path(words[-1]).name)
            if picture.is_file():
                image = read_image(picture)
                return image if image.ndim == 3 and image.dtype == np.uint8 else None
    return None


def _parse_stl(data: bytes) -> Mesh:
    if len(data) >= 84 and len(data) == 84 + 50 * struct.unpack("<I", data[80:84])[0]:
        kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
        corners = np.frombuffer(data, kind, offset=84)["corners"].reshape(-1, 3)
    else:
        lines = [line.split() for line in data.decode("ascii", "replace").splitlines()]
        corners = np.array([w[1:4] for w in lines if w and w[0] == "vertex"], np.float32)
    if not len(corners) or len(corners) % 3:
        raise ValueError("it has no whole triangles")
    # STL repeats each vertex for every triangle; equal ones are joined or nothing would hold together.
    vertices, index = np.unique(corners, axis=0, return_inverse=True)
    return Mesh(vertices.astype(np.float32), index.reshape(-1, 3).astype(np.int32))
