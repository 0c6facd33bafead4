"""From 2D to 3D and back: a landmark in a picture finds its vertex on the scan, and a vertex its pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy, Visibility
from faceapp.core.rig import CameraModel
from faceapp.geometry.depth_rendering import visible_points

HIDDEN_BEHIND_MM = 3.0
"""A point this far behind the surface that a camera sees is hidden from it."""


@dataclass(frozen=True)
class Lifted:
    """A landmark on the scan.

    Parameters
    ----------
    vertex : int
        Index in the scan.
    point : (3,) float64
        mm.
    pixel_distance : float
        From the landmark to the vertex' projection.
    """

    vertex: int
    point: FloatArray
    pixel_distance: float


class Lifter:
    """Answers for one scan and one camera; built once (in the background), asked at every move of a point.

    Parameters
    ----------
    points : (N, 3) array_like
        Vertices of the scan, rig frame, mm.
    camera : CameraModel
        Whose picture the landmarks are in.
    depth : (H, W) float32, optional
        What the camera sees of the scan; vertices that it hides are no candidates.
    max_pixels : float
        A landmark farther from every projected vertex is not on the scan.

    Notes
    -----
    The paper's retrieval (pixel-face.txt 3.1): of all vertices the one whose projection is nearest.
    """

    def __init__(
        self, points: npt.ArrayLike, camera: CameraModel, depth: Float32Array | None = None, max_pixels: float = 6.0
    ) -> None:
        self._points = np.asarray(points, np.float64)
        self.camera = camera
        self.max_pixels = max_pixels
        pixels, z = camera.project(self._points)
        with np.errstate(invalid="ignore"):
            seen = np.isfinite(pixels).all(axis=1) & (z > 0)
            if depth is not None:
                seen &= visible_points(self._points, camera, depth, HIDDEN_BEHIND_MM)
        self._candidates = np.flatnonzero(seen)
        self._tree = cKDTree(pixels[seen]) if seen.any() else None

    def lift(self, pixel: npt.ArrayLike) -> Lifted | None:
        """Return the vertex whose projection is nearest to a pixel (2,); ``None`` where the scan has none."""
        if self._tree is None or not np.isfinite(pixel).all():
            return None
        distance, nearest = self._tree.query(np.asarray(pixel, np.float64), distance_upper_bound=self.max_pixels)
        if not np.isfinite(distance):
            return None
        vertex = int(self._candidates[int(nearest)])
        return Lifted(vertex, self._points[vertex], float(distance))

    def lift_all(self, marks: Landmarks2D) -> Landmarks3D:
        """Return all visible landmarks on the scan; the others are not placed."""
        points = np.full((len(marks.points), 3), np.nan)
        for i in np.flatnonzero(marks.visible):
            found = self.lift(marks.points[i])
            if found is not None:
                points[i] = found.point
        return Landmarks3D(
            points=points,
            visibility=marks.visibility,
            placed_by=marks.placed_by,
            annotator=marks.annotator,
            revision=marks.revision,
            created_at=marks.created_at,
            scheme=marks.scheme,
        )


def project_landmarks(
    marks: Landmarks3D, camera: CameraModel, depth: Float32Array | None = None, *, placed_by: PlacedBy | None = None
) -> Landmarks2D:
    """Return 3D landmarks as a camera sees them, the occlusion flag set from the geometry.

    Parameters
    ----------
    marks : Landmarks3D
        Rig frame.
    camera : CameraModel
        Whose picture.
    depth : (H, W) float32, optional
        What it sees of the scan; without it nothing counts as hidden.
    placed_by : PlacedBy, optional
        Origin of the projected points; by default that of ``marks``.
    """
    pixels, _ = camera.project(marks.points)
    with np.errstate(invalid="ignore"):
        low, high = pixels >= -0.5, pixels <= (camera.width - 0.5, camera.height - 0.5)
        inside = np.asarray((low & high).all(axis=1))
    seen = inside if depth is None else visible_points(marks.points, camera, depth, HIDDEN_BEHIND_MM)
    visibility = tuple(
        Visibility.VISIBLE if s else Visibility.OCCLUDED if i else Visibility.OUTSIDE
        for s, i in zip(seen, inside, strict=True)
    )
    return Landmarks2D(
        points=pixels,
        visibility=visibility,
        placed_by=marks.placed_by if placed_by is None else (placed_by,) * len(pixels),
        annotator=marks.annotator,
        revision=marks.revision,
        created_at=marks.created_at,
        scheme=marks.scheme,
        view=camera.name,
        image_size=(camera.width, camera.height),
    )


def join_views(views: dict[str, Landmarks3D], prefer: tuple[str, ...] = ()) -> Landmarks3D:
    """Return one set of 3D landmarks out of those lifted from each view.

    Parameters
    ----------
    views : dict of str to Landmarks3D
        In one frame; at least one.
    prefer : tuple of str
        Views whose silhouette points win, best first; by default the order of the dict.

    Notes
    -----
    A point seen in several views is their median: one bad retrieval, at a nostril's rim say, then does no harm. Where a
    person placed it in some view, the views that only follow or guess do not pull it away.
    """
    names = [n for n in prefer if n in views] + [n for n in views if n not in prefer]
    first = views[names[0]]
    stack = np.stack([views[n].points for n in names])
    points = np.full_like(first.points, np.nan)
    origins = list(first.placed_by)
    for i in range(len(points)):
        seen = np.asarray(np.isfinite(stack[:, i]).all(axis=1))
        by_person = seen & [views[n].placed_by[i] is PlacedBy.PERSON for n in names]
        seen = by_person if by_person.any() else seen
        if not seen.any():
            continue
        points[i] = np.median(stack[seen, i], axis=0) if seen.sum() > 2 else stack[seen, i][0]
        those = [views[n].placed_by[i] for n, s in zip(names, seen, strict=True) if s]
        origins[i] = PlacedBy.PERSON if PlacedBy.PERSON in those else those[0]
    visibility = tuple(Visibility.VISIBLE if np.isfinite(p).all() else Visibility.OCCLUDED for p in points)
    return Landmarks3D(
        points=points,
        visibility=visibility,
        placed_by=tuple(origins),
        annotator=first.annotator,
        revision=first.revision,
        created_at=first.created_at,
        scheme=first.scheme,
    )
