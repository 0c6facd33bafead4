"""A depth image as a scan: what a depth camera or ``faceapp decode`` gives, with the camera that took it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array
from faceapp.core.errors import DataError, UsageError
from faceapp.core.mesh import Mesh
from faceapp.core.rig import CameraModel
from faceapp.formats.calibration_files import read_calibration
from faceapp.formats.capture_bundle import FILE, read_bundle
from faceapp.formats.images import read_depth, read_image
from faceapp.fringe.pinhole_grid import PinholeGrid
from faceapp.fringe.surface import grid_faces

_FEWEST = 1000
"""Triangles below which a depth image shows no face."""


def mesh_of_depth(depth: Float32Array, camera: CameraModel, picture: npt.NDArray[np.uint8] | None = None) -> Mesh:
    """Return the surface between neighbouring pixels of a depth image, in the rig frame.

    Parameters
    ----------
    depth : (H, W) float32
        Along the camera's z, mm; NaN where there is none.
    camera : CameraModel
        That it was seen by; its lens is taken into account.
    picture : (H, W, 3) uint8, optional
        RGB of the same camera: the colours of the vertices.

    Raises
    ------
    DataError
        Sizes differ, or there is next to no surface.
    """
    for name, shape in (
        ("depth image", depth.shape),
        *([("picture", picture.shape[:2])] if picture is not None else []),
    ):
        if shape != (camera.height, camera.width):
            raise DataError(
                f"the {name} has {shape[1]} x {shape[0]} pixels, the camera {camera.name} {camera.width} x "
                f"{camera.height}; give the calibration of the camera that took it"
            )
    rows, columns = np.nonzero(np.isfinite(depth) & (depth > 0))
    z = depth[rows, columns].astype(np.float64)
    ideal = camera.undistort(np.column_stack([columns, rows]))
    points = camera.rig_from_camera.apply(np.column_stack([ideal * z[:, None], z])).astype(np.float32)
    empty = np.zeros(depth.shape, np.float32)
    grid = PinholeGrid(
        camera.rig_from_camera.rotation,
        camera.centre,
        float(camera.K[0, 0]),
        camera.K[0, 2],
        camera.K[1, 2],
        empty,
        empty,
    )
    faces = grid_faces((rows * depth.shape[1] + columns).astype(np.int32), points, grid)
    if len(faces) < _FEWEST:
        raise DataError(f"the depth image of {camera.name} shows next to no surface ({len(faces)} triangles)")
    used = np.zeros(len(points), bool)
    used[faces] = True
    colors = None if picture is None else np.ascontiguousarray(picture[rows, columns])
    return Mesh(points, faces, colors=colors).submesh(used)


def read_depth_target(depth: Path, camera: Path, picture: Path | None = None) -> Mesh:
    """Read a depth image and make a mesh of it.

    Parameters
    ----------
    depth : Path
        TIFF (float32, mm, NaN = none) or PNG (16 bit, 0.05 mm, 0 = none); its name, without the ending, is the camera's
        where several are described.
    camera : Path
        A ``calibration.json`` or ``capture.json`` (or its folder) that describes the camera.
    picture : Path, optional
        RGB picture of the same camera.

    Raises
    ------
    DataError
        A file is missing, broken, or does not fit the others.
    UsageError
        Which camera took it is not clear.
    """
    values = read_depth(depth)
    model = _camera_of(camera, depth.stem)
    colors = None if picture is None else _rgb(picture)
    return mesh_of_depth(values, model, colors)


def is_camera_file(file: Path) -> bool:
    """Return whether a file describes cameras: a calibration or a capture."""
    if file.suffix.lower() != ".json" or not file.is_file():
        return False
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and data.get("schema") in ("faceapp/calibration", "faceapp/capture")


def _rgb(file: Path) -> npt.NDArray[np.uint8]:
    image = read_image(file)
    if image.ndim != 3 or image.dtype != np.uint8:
        raise DataError(f"{file} is no RGB picture of 8 bits; the colours of a depth image come from one")
    return image


def _camera_of(file: Path, name: str) -> CameraModel:
    is_capture = file.name == FILE or (file / FILE).is_file()
    if is_capture:
        rig = read_bundle(file).rig()
        cameras = {c.name: c for g in rig.groups for c in g.cameras}
    else:
        cameras = read_calibration(file).cameras
    if name in cameras:
        return cameras[name]
    if len(cameras) == 1:
        return next(iter(cameras.values()))
    raise UsageError(
        f"{file} describes {', '.join(cameras) or 'no camera'}, none of them {name}; name the depth image after its "
        "camera"
    )
