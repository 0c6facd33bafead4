"""From 2D to 3D and back: a landmark in a picture finds its point on the scan, and a point of the scan its pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy, Visibility
from faceapp.core.rig import CameraModel
from faceapp.geometry.depth_rendering import visible_points
from faceapp.landmarks.surface_under_pixel import points_under_pixels
from faceapp.landmarks.visibility import HIDDEN_BEHIND_MM, seen_from


@dataclass(frozen=True)
class Lifted:
    """A landmark on the scan.

    Parameters
    ----------
    vertex : int
        Nearest visible vertex of the scan; -1 where the point of the surface under the pixel was taken.
    point : (3,) float64
        mm.
    pixel_distance : float
        From the landmark to what was found on the scan, in the picture.
    """

    vertex: int
    point: FloatArray
    pixel_distance: float


class Lifter:
    """Answers for one scan and one camera, at every move of a point.

    Parameters
    ----------
    points : (N, 3) array_like
        Vertices of the scan, rig frame, mm.
    camera : CameraModel
        Whose picture the landmarks are in.
    depth : (H, W) float32, optional
        What the camera sees of the scan; vertices that it hides are no candidates.
    max_pixels : float
        A landmark farther from all that the camera sees of the scan is not on it.
    paper : bool
        Whether to take the nearest projected vertex although the surface under the pixel is known.

    Notes
    -----
    With a depth image a landmark is put where its ray meets the surface between the vertices. Without one, and in
    paper mode, it is the paper's retrieval (pixel-face.txt 3.1): of all visible vertices the one whose projection is
    nearest. Only that needs a tree of all projections, which is built when it is asked for.
    """

    def __init__(
        self,
        points: npt.ArrayLike,
        camera: CameraModel,
        depth: Float32Array | None = None,
        max_pixels: float = 6.0,
        paper: bool = False,
    ) -> None:
        self._points = np.asarray(points)
        self.camera, self.depth = camera, depth
        self.max_pixels = max_pixels
        self.paper = paper or depth is None
        self._tree: cKDTree | None = None
        self._candidates = np.zeros(0, np.intp)

    def lift(self, pixel: npt.ArrayLike) -> Lifted | None:
        """Return what a pixel (2,) shows of the scan; ``None`` where that is nothing."""
        at = np.asarray(pixel, np.float64).reshape(1, 2)
        if self.paper:
            return self._nearest_vertex(at[0])
        assert self.depth is not None
        found = points_under_pixels(at, self.camera, self.depth, self.max_pixels)
        if not np.isfinite(found.points[0]).all():
            return None
        return Lifted(-1, found.points[0], float(found.pixel_distance[0]))

    def lift_all(self, marks: Landmarks2D) -> Landmarks3D:
        """Return all visible landmarks on the scan; the others are not placed."""
        return self.lift_with_normals(marks)[0]

    def lift_with_normals(self, marks: Landmarks2D) -> tuple[Landmarks3D, FloatArray]:
        """Return all visible landmarks on the scan, and the (n, 3) unit normals there; NaN where not known."""
        points, normals = np.full((len(marks.points), 3), np.nan), np.full((len(marks.points), 3), np.nan)
        rows = np.flatnonzero(marks.visible)
        points[rows], normals[rows] = self.on_scan(marks.points[rows])
        return in_space(marks, points), normals

    def on_scan(self, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what (k, 2) pixels show of the scan, (k, 3) mm, and the unit normals there; NaN where not known."""
        if not self.paper:
            assert self.depth is not None
            under = points_under_pixels(pixels, self.camera, self.depth, self.max_pixels)
            return under.points, under.normals
        found = [self._nearest_vertex(pixel) for pixel in pixels]
        points = np.array([np.full(3, np.nan) if f is None else f.point for f in found]).reshape(-1, 3)
        return points, np.full((len(found), 3), np.nan)

    def _nearest_vertex(self, pixel: FloatArray) -> Lifted | None:
        if self._tree is None:
            self._build_tree()
        if self._tree is None or not np.isfinite(pixel).all():
            return None
        distance, nearest = self._tree.query(pixel, distance_upper_bound=self.max_pixels)
        if not np.isfinite(distance):
            return None
        vertex = int(self._candidates[int(nearest)])
        return Lifted(vertex, self._points[vertex].astype(np.float64), float(distance))

    def _build_tree(self) -> None:
        points = self._points.astype(np.float64)
        pixels, z = self.camera.project(points)
        with np.errstate(invalid="ignore"):
            seen = np.isfinite(pixels).all(axis=1) & (z > 0)
            if self.depth is not None:
                seen &= visible_points(points, self.camera, self.depth, HIDDEN_BEHIND_MM)
        self._candidates = np.flatnonzero(seen)
        self._tree = cKDTree(pixels[seen]) if seen.any() else None


def in_space(marks: Landmarks2D, points: FloatArray) -> Landmarks3D:
    """Return landmarks of a picture at their points (n, 3) of the scan."""
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
    marks: Landmarks3D,
    camera: CameraModel,
    depth: Float32Array | None = None,
    *,
    placed_by: PlacedBy | None = None,
    normals: FloatArray | None = None,
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
    normals : (n, 3) float64, optional
        Of the scan at the landmarks, unit, outward; with them grazing skin is told from what lies behind it.
    """
    pixels, _ = camera.project(marks.points)
    with np.errstate(invalid="ignore"):
        low, high = pixels >= -0.5, pixels <= (camera.width - 0.5, camera.height - 0.5)
        inside = np.asarray((low & high).all(axis=1))
    seen = inside if depth is None else inside & seen_from(camera, depth, marks.points, normals)
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
    return replace(first, points=points, visibility=visibility, placed_by=tuple(origins), sigma=None)
