"""Pictures and scans from outside become samples of a project: one photograph, several of one face, a mesh, a cloud."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from faceapp.app.annotation_data import PICTURE_SUFFIXES, PICTURES
from faceapp.app.depth_targets import is_camera_file, read_depth_target
from faceapp.core.errors import DataError, UsageError
from faceapp.core.mesh import Mesh
from faceapp.core.subject import Sample
from faceapp.formats.images import is_depth, read_image
from faceapp.formats.mesh_files import SUFFIXES, read_any_mesh
from faceapp.formats.ply import read_cloud, write_cloud, write_mesh
from faceapp.store.project import Project


def import_sample(project: Project, subject: str, files: Sequence[Path], expression: str = "neutral") -> Sample:
    """Make a sample of pictures of one face, or of a scan.

    Parameters
    ----------
    project : Project
        Open for writing.
    subject : str
        Code of the subject.
    files : sequence of Path
        Pictures of one moment, the frontal one first; or one mesh or cloud, mm, y up, z out of the face; or a folder
        of pictures; or a depth image with the ``calibration.json`` or ``capture.json`` that describes its camera and,
        for colours, that camera's picture.
    expression : str
        What the face does.

    Raises
    ------
    UsageError
        No file, or pictures and scans mixed.
    DataError
        A file cannot be read.
    """
    found = [f for path in files for f in (sorted(path.iterdir()) if path.is_dir() else [path])]
    cameras = [f for f in found if is_camera_file(f)]
    if cameras:
        mesh = _mesh_of_depth([f for f in found if f not in cameras], cameras)
        with project.new_sample(subject, expression) as (sample, folder):
            (folder / "scan").mkdir(parents=True)
            write_mesh(folder / "scan" / "mesh.ply", mesh)
        return sample
    pictures = [f for f in found if f.suffix.lower() in PICTURE_SUFFIXES]
    scans = [f for f in found if f.suffix.lower() in SUFFIXES]
    if not pictures and len(scans) != 1:
        raise UsageError("give pictures of one face, or one mesh or cloud (.ply, .obj, ...), to make a sample of")
    if pictures and scans:
        raise UsageError("give either pictures or a scan: a scan without calibrated cameras is annotated by itself")
    with project.new_sample(subject, expression) as (sample, folder):
        if pictures:
            _copy_pictures(folder / PICTURES, pictures)
        else:
            _copy_scan(folder / "scan", scans[0])
    return sample


def _mesh_of_depth(files: Sequence[Path], cameras: Sequence[Path]) -> Mesh:
    depths = [f for f in files if is_depth(f)]
    pictures = [f for f in files if f.suffix.lower() in PICTURE_SUFFIXES and f not in depths]
    if len(cameras) != 1 or len(depths) != 1 or len(pictures) > 1 or len(files) != len(depths) + len(pictures):
        raise UsageError(
            "give one depth image, the file that describes its camera and, if you like, the picture of that camera"
        )
    return read_depth_target(depths[0], cameras[0], pictures[0] if pictures else None)


def _copy_pictures(folder: Path, files: Sequence[Path]) -> None:
    """Under numbered names: their order is the order of the views, and a file's own name may name a person."""
    folder.mkdir(parents=True)
    for number, file in enumerate(files, start=1):
        read_image(file)  # a picture that cannot be read is refused before anything is written
        shutil.copyfile(file, folder / f"{number:02d}-{_kind(number, len(files))}{file.suffix.lower()}")


def _kind(number: int, count: int) -> str:
    return "front" if number == 1 else "side" if count <= 3 else "view"


def _copy_scan(folder: Path, file: Path) -> None:
    folder.mkdir(parents=True)
    mesh = read_any_mesh(file)
    if len(mesh.faces):
        write_mesh(folder / "mesh.ply", mesh)
        return
    cloud = read_cloud(file)
    if cloud.normals is None:
        raise DataError(f"{file}: a cloud needs normals; export it with them, or as a mesh")
    write_cloud(folder / "scan.ply", cloud)


def are_importable(paths: Sequence[Path]) -> bool:
    """Return whether dropped files or folders could become a sample; what describes a camera is none by itself."""
    return all(is_importable(p) for p in paths) and not all(is_camera_file(p) for p in paths)


def is_importable(path: Path) -> bool:
    """Return whether a dropped file or folder could become a sample, or belongs to what becomes one."""
    if path.is_dir():
        return any(f.suffix.lower() in PICTURE_SUFFIXES for f in path.iterdir())
    known = re.fullmatch("|".join(map(re.escape, (*PICTURE_SUFFIXES, *SUFFIXES))), path.suffix.lower())
    return bool(known) or is_camera_file(path)
