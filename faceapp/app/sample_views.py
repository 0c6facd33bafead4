"""What an annotator sees of a sample: pictures, clouds, depth images, and the first guess of the points."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.app.decoding import decode_bundle
from faceapp.app.template import own_modes, own_template
from faceapp.core.arrays import Float32Array
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError, DecodeError
from faceapp.core.landmarks import Landmarks2D, PlacedBy
from faceapp.core.rig import CameraModel
from faceapp.formats.capture_bundle import CaptureBundle
from faceapp.formats.images import read_image
from faceapp.formats.landmark_files import read_landmarks, write_landmarks
from faceapp.formats.ply import read_cloud
from faceapp.landmarks.lifting import project_landmarks
from faceapp.landmarks.prefill import find_points, mean_shape_guess, prefill_scan
from faceapp.landmarks.scheme import load_scheme


@dataclass(frozen=True, eq=False)
class AnnotationView:
    """A picture to annotate.

    Parameters
    ----------
    name : str
        Camera.
    group : str
        Its camera group.
    picture : (H, W, 3) uint8
        RGB.
    camera : CameraModel or None
        Calibrated; a picture from outside has none.
    """

    name: str
    group: str
    picture: npt.NDArray[np.uint8]
    camera: CameraModel | None


def read_views(bundle: CaptureBundle) -> tuple[AnnotationView, ...]:
    """Return the colour pictures of a bundle, the frontal one first."""
    views = [
        AnnotationView(c.name, g.name, bundle.picture(c), c.model)
        for g in bundle.groups
        for c in g.cameras
        if c.role == "rgb" and c.model is not None
    ]
    return tuple(sorted(views, key=lambda v: abs(float(v.camera.centre[0])) if v.camera else 0.0))


def read_scan(
    folder: Path, bundle: CaptureBundle, views: tuple[AnnotationView, ...]
) -> tuple[dict[str, PointCloud], dict[str, Float32Array]]:
    """Return the clouds by group and the depth images by view; decoded anew where the scan folder lacks them."""
    clouds: dict[str, PointCloud] = {}
    depths: dict[str, Float32Array] = {}
    for view in views:
        cloud_file = folder / "scan" / f"{view.group}.ply"
        depth_file = folder / "scan" / "depth" / f"{view.name}.tiff"
        if cloud_file.is_file() and depth_file.is_file():
            clouds[view.group] = read_cloud(cloud_file)
            depths[view.name] = np.asarray(read_image(depth_file), np.float32)
    if len(clouds) < len({v.group for v in views}):
        decoded = decode_bundle(bundle)
        if not decoded.scans:
            raise DecodeError(f"{folder}: no group could be decoded, so points cannot be put onto the scan")
        for view in views:
            if view.group in decoded.scans:
                clouds[view.group] = decoded.scans[view.group].cloud
                depths[view.name] = decoded.scans[view.group].depths[view.name]
    return clouds, depths


def joined_cloud(clouds: dict[str, PointCloud]) -> PointCloud:
    """Return the clouds of all groups one after the other, with ``group``."""
    parts = list(clouds.values())
    if not parts:
        raise DataError("the sample has no scan")

    def stacked(name: str) -> npt.NDArray[Any] | None:
        values = [getattr(p, name) for p in parts]
        return None if any(v is None for v in values) else np.concatenate(values)

    group = np.concatenate([np.full(len(p), i, np.uint8) for i, p in enumerate(parts)])
    points = np.concatenate([p.points for p in parts])
    return PointCloud(points, stacked("normals"), stacked("colors"), stacked("sigma"), None, group, "", tuple(clouds))


def prefill_views(
    folder: Path, views: tuple[AnnotationView, ...], clouds: dict[str, PointCloud], depths: dict[str, Float32Array]
) -> dict[str, Landmarks2D]:
    """Return a first guess for each view: the landmark network's, kept on the disk beside the annotators'.

    Where it finds no face in a picture, the mean face laid onto the scan is projected; without a scan, or where the
    face is not found in it either, the mean shape is placed in the picture.
    """
    files = {v.name: folder / f"{v.name}.json" for v in views}
    if all(f.is_file() for f in files.values()):
        kept = {name: read_landmarks(f) for name, f in files.items()}
        return {name: marks for name, marks in kept.items() if isinstance(marks, Landmarks2D)}
    scheme = load_scheme()
    found = {v.name: find_points(v.picture, scheme, v.name) for v in views}
    lost = tuple(v for v in views if found[v.name] is None)
    guesses = {name: marks for name, marks in found.items() if marks is not None} | _without_network(
        lost, clouds, depths
    )
    with contextlib.suppress(DataError):  # a project that may not be written is read all the same
        for name, guess in guesses.items():
            write_landmarks(files[name], guess)
    return guesses


def _without_network(
    views: tuple[AnnotationView, ...], clouds: dict[str, PointCloud], depths: dict[str, Float32Array]
) -> dict[str, Landmarks2D]:
    """Return the mean face of the scan in each view, or the mean shape where that is impossible."""
    scheme = load_scheme()
    if not views:
        return {}
    try:
        scan = joined_cloud(clouds) if clouds else None
        if scan is None or scan.normals is None:
            raise DataError("there is no scan with normals")
        marks = prefill_scan(own_template(), scan.points, scan.normals, own_modes())
        points = marks.points.copy()
        for centre, pupil in scheme.linked:
            eye = scheme.group_of(centre).indices
            points[[centre, pupil]] = np.nanmean(points[[i for i in eye if i != centre]], axis=0)
        marks = replace(marks, points=points)
    except DataError:
        return {v.name: mean_shape_guess(v.picture, scheme, v.name) for v in views}
    return {
        v.name: mean_shape_guess(v.picture, scheme, v.name)
        if v.camera is None
        else project_landmarks(marks, v.camera, depths.get(v.name), placed_by=PlacedBy.PREFILL)
        for v in views
    }
