"""How good the demonstration is, against the truth that the simulated rig knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from faceapp.app.measuring import NOSE_TIP, OUTER_EYES, face_region
from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Metric, Registration
from faceapp.formats.landmark_files import read_landmarks
from faceapp.formats.ply import read_mesh, read_ply
from faceapp.geometry.closest_points import SurfaceTree

COVERED_MM = 0.7


@dataclass(frozen=True, eq=False)
class Truth:
    """The true surface of a capture.

    Parameters
    ----------
    surface : Mesh
        All of it.
    tree : SurfaceTree
        Over it.
    landmarks : Landmarks3D or None
        Where they are known.
    nose_tip : (3,) float64
        Centre of the face region, mm.
    reach : float
        Outer-eye distance, mm.
    seen : (N, 3) float64
        What cameras and projector of some group see of it.
    """

    surface: Mesh
    tree: SurfaceTree
    landmarks: Landmarks3D | None
    nose_tip: FloatArray
    reach: float
    seen: FloatArray

    def in_face(self, points: FloatArray) -> BoolArray:
        """Return which points (N, 3) lie within one outer-eye distance of the nose tip."""
        return np.asarray(np.linalg.norm(points - self.nose_tip, axis=1) <= self.reach)


def read_truth(folder: Path) -> Truth:
    """Read the ``truth`` folder of a capture; the face is found by the mean face where no landmarks are known.

    Raises
    ------
    DataError
        A file is missing or broken.
    """
    surface = read_mesh(folder / "surface.ply")
    marks = read_landmarks(folder / "landmarks.json") if (folder / "landmarks.json").is_file() else None
    marks = marks if isinstance(marks, Landmarks3D) else None
    if marks is not None and marks.placed[[NOSE_TIP, *OUTER_EYES]].all():
        tip = marks.points[NOSE_TIP]
        reach = float(np.linalg.norm(marks.points[OUTER_EYES[0]] - marks.points[OUTER_EYES[1]]))
    else:
        inside = surface.vertices[face_region(surface)].astype(np.float64)
        tip = inside[np.argmax(inside[:, 2])]
        reach = float(np.linalg.norm(inside - tip, axis=1).max())
    seen = []
    for file in sorted(folder.glob("*.ply")):
        if file.name != "surface.ply":
            points = read_ply(file).columns("x", "y", "z")
            seen += [] if points is None else [points.astype(np.float64)]
    return Truth(
        surface,
        SurfaceTree(surface.vertices, surface.faces),
        marks,
        tip,
        reach,
        np.concatenate(seen) if seen else np.zeros((0, 3)),
    )


def cloud_metrics(truth: Truth, cloud: PointCloud) -> list[Metric]:
    """Return distances of a cloud to the true surface, over all of it and in the face, and what it covers."""
    points = cloud.points.astype(np.float64)
    face = truth.in_face(points)
    distance = truth.tree.query(points[face], 10.0).distance
    distance = np.minimum(distance, 10.0)
    rest = np.minimum(truth.tree.query(points[~face][::5], 10.0).distance, 10.0)
    wanted = truth.seen[truth.in_face(truth.seen)]
    near = (
        cKDTree(points[face]).query(wanted, distance_upper_bound=COVERED_MM)[0] if len(wanted) and face.any() else None
    )
    covered = None if near is None else float(np.isfinite(near).mean())
    n = len(distance)
    return [
        Metric("cloud.face.distance_mean", float(distance.mean()) if n else None, "mm", n),
        Metric("cloud.face.distance_p95", float(np.percentile(distance, 95)) if n else None, "mm", n),
        Metric("cloud.face.covered", covered, "1", len(wanted)),
        Metric("cloud.elsewhere.distance_mean", float(rest.mean()) if len(rest) else None, "mm", len(rest)),
    ]


def registration_truth_metrics(truth: Truth, result: Registration, prefix: str) -> list[Metric]:
    """Return distances of the registered face to the true surface, and of its landmarks to the true ones."""
    template = result.template
    seen = template.face & np.isfinite(result.distance)
    distance = truth.tree.query(result.vertices[seen], 20.0).distance
    n = len(distance)
    metrics = [
        Metric(f"{prefix}.truth_distance_mean", float(distance.mean()) if n else None, "mm", n),
        Metric(f"{prefix}.truth_distance_p95", float(np.percentile(distance, 95)) if n else None, "mm", n),
    ]
    if truth.landmarks is not None:
        gap = np.linalg.norm(template.landmarks_of(result.vertices) - truth.landmarks.points, axis=1)[33:]
        known = np.isfinite(gap)
        metrics.append(Metric(f"{prefix}.landmark_error_mean", float(gap[known].mean()), "mm", int(known.sum())))
    return metrics
