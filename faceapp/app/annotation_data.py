"""What a sample's folder holds to annotate: a capture's pictures and scan, pictures from outside, or a scan alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from faceapp.app.sample_views import AnnotationView, prefill_views, read_scan, read_views
from faceapp.app.template import own_modes, own_template
from faceapp.core.arrays import Float32Array
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.signals import Reporter
from faceapp.formats.atomic import write_json
from faceapp.formats.capture_bundle import FILE, read_bundle
from faceapp.formats.images import read_image
from faceapp.formats.landmark_files import describe_landmarks, read_landmarks
from faceapp.formats.ply import read_cloud, read_mesh
from faceapp.geometry.point_depth import completed_depth
from faceapp.landmarks.board import Board, BoardView
from faceapp.landmarks.lifting import Lifter
from faceapp.landmarks.prefill import prefill_scan
from faceapp.landmarks.scheme import load_scheme

PICTURES = "pictures"
"""Folder of a sample whose pictures were not captured here."""
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
SCAN_PREFILL = "scan.json"


@dataclass(frozen=True, eq=False)
class AnnotationData:
    """Pictures, scan and first guess of a sample.

    Parameters
    ----------
    views : tuple of AnnotationView
        Front view first; none where there is a scan alone.
    clouds : dict of str to PointCloud
        By group.
    depths : dict of str to (H, W) float32
        By view, what it sees of the scan.
    mesh : Mesh or None
        Where the sample was fused, or came as a mesh.
    prefill : dict of str to Landmarks2D
        By view.
    scan_prefill : Landmarks3D or None
        On the scan, where there is no picture.
    """

    views: tuple[AnnotationView, ...]
    clouds: dict[str, PointCloud] = field(default_factory=dict)
    depths: dict[str, Float32Array] = field(default_factory=dict)
    mesh: Mesh | None = None
    prefill: dict[str, Landmarks2D] = field(default_factory=dict)
    scan_prefill: Landmarks3D | None = None

    def board(self, *, paper: bool = False) -> Board:
        """Return an empty board of this sample; ``paper``: points go onto the nearest projected vertex alone."""
        return Board(
            load_scheme(),
            tuple(BoardView(v.name, v.camera, self._lifter(v, paper)) for v in self.views),
            self.prefill,
            self.scan_prefill,
        )

    def _lifter(self, view: AnnotationView, paper: bool) -> Lifter | None:
        depth = self.depths.get(view.name)
        if view.camera is None or (view.group not in self.clouds and depth is None):
            return None
        points = self.clouds[view.group].points if view.group in self.clouds else np.zeros((0, 3))
        return Lifter(points, view.camera, depth, paper=paper)


def read_annotation_data(folder: Path, reporter: Reporter | None = None) -> AnnotationData:
    """Read a sample's folder; slow, so call it off the window's thread.

    Raises
    ------
    DataError
        There is neither a picture nor a scan.
    """
    reporter = reporter or Reporter()
    reporter.progress(0.0, "reading the pictures")
    mesh_file = folder / "scan" / "mesh.ply"
    mesh = read_mesh(mesh_file) if mesh_file.is_file() else None
    if not (folder / "capture" / FILE).is_file():
        return _from_outside(folder, mesh, reporter)
    bundle = read_bundle(folder / "capture")
    views = read_views(bundle)
    if not views:
        raise DataError(
            f"{folder}: the capture has no colour picture of a calibrated camera, so there is nothing to annotate"
        )
    reporter.progress(0.3, "reading the scan")
    clouds, depths = read_scan(folder, bundle, views)
    reporter.progress(0.6, "first guess of the points")
    prefill = prefill_views(folder / "landmarks" / "prefill", views, clouds, depths)
    reporter.progress(0.8, "laying the scan under the pictures")
    return AnnotationData(views, clouds, _completed(views, clouds, depths), mesh, prefill)


def _completed(
    views: tuple[AnnotationView, ...], clouds: dict[str, PointCloud], depths: dict[str, Float32Array]
) -> dict[str, Float32Array]:
    """The depth images of the views, their gaps filled with what the other groups measured."""

    def complete(view: AnnotationView) -> Float32Array:
        others = [cloud for group, cloud in clouds.items() if group != view.group]
        assert view.camera is not None
        return completed_depth(depths[view.name], view.camera, others)

    known = [v for v in views if v.name in depths and v.camera is not None]
    with ThreadPoolExecutor(2, thread_name_prefix="faceapp-depth") as pool:
        return dict(zip((v.name for v in known), pool.map(complete, known), strict=True))


def _from_outside(folder: Path, mesh: Mesh | None, reporter: Reporter) -> AnnotationData:
    """Pictures without a camera, or a mesh or a cloud without pictures."""
    files = sorted(f for f in folder.glob(f"{PICTURES}/*") if f.suffix.lower() in PICTURE_SUFFIXES)
    views = tuple(AnnotationView(f.stem, f.stem, _rgb(f), None) for f in files)
    clouds = {f.stem: read_cloud(f) for f in sorted(folder.glob("scan/*.ply")) if mesh is None}
    reporter.progress(0.6, "first guess of the points")
    prefill = folder / "landmarks" / "prefill"
    if views:
        return AnnotationData(views, clouds, {}, mesh, prefill_views(prefill, views, {}, {}))
    if mesh is None and not clouds:
        raise DataError(f"{folder} holds neither a picture nor a scan, so there is nothing to annotate")
    return AnnotationData((), clouds, {}, mesh, {}, _guess_on_scan(prefill / SCAN_PREFILL, mesh, clouds))


def _rgb(file: Path) -> np.ndarray:
    image = read_image(file)
    image = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else np.ascontiguousarray(image[..., :3])


def _guess_on_scan(file: Path, mesh: Mesh | None, clouds: dict[str, PointCloud]) -> Landmarks3D:
    """The template's points laid onto the scan, kept beside the annotators'; not placed where no face is found."""
    if file.is_file():
        kept = read_landmarks(file)
        if isinstance(kept, Landmarks3D):
            return kept
    try:
        if mesh is not None:
            marks = prefill_scan(own_template(), mesh.vertices, mesh.vertex_normals(), own_modes())
        else:
            cloud = next(c for c in clouds.values() if c.normals is not None)
            marks = prefill_scan(own_template(), cloud.points, np.asarray(cloud.normals), own_modes())
    except (DataError, StopIteration):
        return Landmarks3D(points=np.full((len(load_scheme()), 3), np.nan))
    write_json(file, describe_landmarks(marks))
    return marks
