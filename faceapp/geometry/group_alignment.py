"""One group's cloud laid onto the pivot's: landmarks or calibration, rigid ICP, then a smooth displacement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.transforms import RigidTransform
from faceapp.geometry.cell_grid import cell_grid
from faceapp.geometry.moving_surface import MovingSurface, moving_surface
from faceapp.geometry.rigid import align_pairs, icp
from faceapp.geometry.smooth_displacement import Gaps, SmoothDisplacement, displacement_that_closes

_TRUSTED_START_MM = 3.0
"""A calibrated rig starts within this; landmarks that would move a cloud farther are reported."""
_ROUGH_RADII = 2.5
"""Radius of the first look for gaps, in radii of the moving average; the second look is as fine as that."""
_SURE_FADE = 0.05
"""Points whose weight is below this share lie too close to their cloud's border to pull it."""


@dataclass(frozen=True)
class RegionGap:
    """How far a group and the pivot lay apart in one region.

    Parameters
    ----------
    region : str
        Its name.
    points : int
        That see both surfaces.
    before, after : float
        Median distance, mm.
    """

    region: str
    points: int
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class GroupMotion:
    """How one group was moved.

    Parameters
    ----------
    transform : RigidTransform
        Pivot from group.
    landmarks_used : int
        Common landmarks of the coarse step; 0 if the calibration was the start.
    before, after : float
        Median distance to the pivot's surface in the overlap, mm; ``after`` all steps.
    after_rigid : float
        The same when only the rigid motion was done, mm.
    displacement : SmoothDisplacement or None
        Added after the rigid motion, in the pivot's frame.
    largest_shift : float
        95th percentile of its length over the group's points, mm.
    regions : tuple of RegionGap
        Where they lay apart.
    """

    transform: RigidTransform
    landmarks_used: int
    before: float
    after: float
    after_rigid: float = float("nan")
    displacement: SmoothDisplacement | None = None
    largest_shift: float = 0.0
    regions: tuple[RegionGap, ...] = ()

    def apply(self, points: FloatArray) -> FloatArray:
        """Return points (N, 3) of the group in the pivot's frame, mm."""
        moved = self.transform.apply(points)
        return moved if self.displacement is None else moved + self.displacement.at(moved)

    def undo(self, points: FloatArray) -> FloatArray:
        """Return points (N, 3) of the pivot's frame where the group saw them, mm."""
        places = np.asarray(points, np.float64)
        if self.displacement is not None:
            # So smooth a displacement is the same at both of its ends.
            places = places - self.displacement.at(places)
        return self.transform.inverse().apply(places)


@dataclass(frozen=True, eq=False)
class AlignedSurface:
    """A group's cloud, made ready to be laid onto another.

    Parameters
    ----------
    cloud : PointCloud
        All of it.
    surface : MovingSurface
        Over it.
    points, normals : (N, 3) float64
        Evenly thinned, on the moving average.
    variance : (N,) float64
        Of their heights before averaging, mm^2.
    """

    cloud: PointCloud
    surface: MovingSurface
    points: FloatArray
    normals: FloatArray
    variance: FloatArray


def prepare_surface(cloud: PointCloud, fade: Float32Array, radius: float, spacing: float) -> AlignedSurface:
    """Thin a cloud evenly and take its noise away.

    Parameters
    ----------
    cloud : PointCloud
        With normals.
    fade : (N,) float32
        Weights that fall towards the border.
    radius : float
        Of the moving average, mm.
    spacing : float
        Of the thinned points, mm.
    """
    surface = moving_surface(cloud, radius, fade)
    if cloud.normals is None:
        raise DataError("fusion needs normals in every cloud")
    thin = cell_grid(cloud.points, spacing)
    pick = thin.order[thin.start[:-1]]
    points, normals, _ = surface.project(cloud.points[pick].astype(np.float64), cloud.normals[pick].astype(np.float64))
    sigma = np.full(len(pick), 0.05) if cloud.sigma is None else np.nan_to_num(cloud.sigma[pick], nan=1.0)
    variance = np.maximum(sigma.astype(np.float64), 1e-3) ** 2 / np.maximum(fade[pick], 1e-6)
    variance[fade[pick] < _SURE_FADE] = np.inf
    return AlignedSurface(cloud, surface, points, normals, variance)


def align_group(
    source: AlignedSurface,
    target: AlignedSurface,
    tree: cKDTree,
    start: tuple[RigidTransform, int],
    *,
    rigid: bool,
    node_spacing: float,
    roughness: float,
    regions: Mapping[str, FloatArray],
) -> GroupMotion:
    """Lay a group onto the pivot.

    Parameters
    ----------
    source, target : AlignedSurface
        The group and the pivot.
    tree : cKDTree
        Of the target's thinned points.
    start : (RigidTransform, int)
        From `coarse_start`.
    rigid : bool
        Whether ICP follows the start.
    node_spacing : float
        Of the smooth displacement, mm; 0 leaves it out.
    roughness : float
        How much it may differ between neighbouring nodes, mm.
    regions : mapping of str to (3,) float64
        Centres of regions that the report names.
    """
    transform, used = start
    first = _apart(source, target, tree, transform.apply(source.points), transform)
    before = _median(first)
    if rigid:
        transform, closer = _rigid_step(source, target, tree, transform, before)
    else:
        closer = before
    moved = transform.apply(source.points)
    displacement = None
    if rigid and node_spacing > 0 and np.isfinite(closer):
        displacement = _smooth_step(source, target, transform, node_spacing, roughness)
    shift = np.zeros_like(moved) if displacement is None else displacement.at(moved)
    last = _apart(source, target, tree, moved + shift, transform)
    after = _median(last)
    if displacement is not None and not after <= closer:
        displacement, shift, after = None, np.zeros_like(moved), closer
        last = _apart(source, target, tree, moved, transform)
    return GroupMotion(
        transform,
        used,
        before,
        after,
        closer,
        displacement,
        float(np.quantile(np.linalg.norm(shift, axis=1), 0.95)),
        _by_region(moved, first, last, regions),
    )


def coarse_start(
    name: str, pivot: str, landmarks: Mapping[str, Landmarks3D], anchors: tuple[int, ...]
) -> tuple[RigidTransform, int]:
    """Return the motion that common landmarks ask for and how many; the calibration's own where it is surer.

    Parameters
    ----------
    name, pivot : str
        Groups.
    landmarks : mapping of str to Landmarks3D
        By group.
    anchors : tuple of int
        Landmarks that are worth aligning by; all if empty.
    """
    still = RigidTransform.identity(), 0
    if name not in landmarks or pivot not in landmarks:
        return still
    rows = list(anchors) or list(range(len(landmarks[pivot].points)))
    here, there = landmarks[name], landmarks[pivot]
    common = [i for i in rows if here.visible[i] and there.visible[i]]
    if len(common) < 3:
        return still
    apart = np.linalg.norm(here.points[common] - there.points[common], axis=1)
    common = [i for i, d in zip(common, apart, strict=True) if d < max(3 * float(np.median(apart)), 1.0)]
    a, b = here.points[common], there.points[common]
    if len(common) < 3 or float(np.median(np.linalg.norm(a - b, axis=1))) < _TRUSTED_START_MM:
        # The calibrated start is surer than clicks that agree with it; ICP takes the rest.
        return still
    return align_pairs(a, b).rigid, len(common)


def _rigid_step(
    source: AlignedSurface, target: AlignedSurface, tree: cKDTree, start: RigidTransform, before: float
) -> tuple[RigidTransform, float]:
    p, n, q, m = source.points, source.normals, target.points, target.normals
    try:
        coarse = icp(p, n, q, m, start=start, max_distance=5.0, tree=tree)
        fine = icp(p, n, q, m, start=coarse.transform, max_distance=1.5, keep=0.9, tree=tree)
    except DataError:
        return start, before  # too little overlap: the start is all there is
    after = _median(_apart(source, target, tree, fine.transform.apply(p), fine.transform))
    return (fine.transform, after) if after < before else (start, before)


def _smooth_step(
    source: AlignedSurface, target: AlignedSurface, transform: RigidTransform, spacing: float, roughness: float
) -> SmoothDisplacement | None:
    """Close the gaps that are left: roughly, with a look far around, then as finely as the surfaces are known."""
    moved, normals = transform.apply(source.points), transform.turn(source.normals)
    even = PointCloud(target.points.astype(np.float32), target.normals.astype(np.float32))
    rough = moving_surface(even, max(_ROUGH_RADII * target.surface.radius, 2.0 * _spacing_of(target)))
    found: SmoothDisplacement | None = None
    for surface in (rough, target.surface):
        shift = np.zeros_like(moved) if found is None else found.at(moved)
        _, other, height = surface.project(moved + shift, normals)
        gap = np.where(np.isfinite(height) & (np.einsum("nd,nd->n", other, normals) > 0.9), -height, np.nan)
        gap[~np.isfinite(source.variance)] = np.nan
        known = np.isfinite(gap)
        if not known.any():
            return found
        spread = 1.4826 * float(np.median(np.abs(gap[known] - np.median(gap[known]))))
        gap[np.abs(gap - np.nanmedian(gap)) > max(5 * spread, 0.1)] = np.nan
        total = gap + np.einsum("nd,nd->n", shift, normals)
        better = displacement_that_closes(Gaps(moved, normals, total, source.variance), spacing, roughness)
        if better is None:
            return found
        found = better
    return found


def _spacing_of(surface: AlignedSurface) -> float:
    some = surface.points[:: max(len(surface.points) // 2000, 1)]
    return float(np.median(np.asarray(cKDTree(surface.points).query(some, k=[2])[0])))


def _apart(
    source: AlignedSurface, target: AlignedSurface, tree: cKDTree, points: FloatArray, transform: RigidTransform
) -> FloatArray:
    """Distances (N,) to the target's surface at the nearest thinned point, mm; NaN where it is not near."""
    normals = transform.turn(source.normals)
    distance, nearest = (np.asarray(v) for v in tree.query(points, distance_upper_bound=3.0, workers=2))
    near = np.isfinite(distance)
    pair = np.where(near, nearest, 0)
    other = target.normals[pair]
    cosine = np.einsum("nd,nd->n", normals, other)
    along = np.einsum("nd,nd->n", points - target.points[pair], normals + other) / (1 + np.maximum(cosine, 0))
    return np.where(near & (cosine > 0.8), np.abs(along), np.nan)


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("inf")


def _by_region(
    points: FloatArray, before: FloatArray, after: FloatArray, regions: Mapping[str, FloatArray]
) -> tuple[RegionGap, ...]:
    """Each point counts in the region whose centre is nearest."""
    both = np.isfinite(before) & np.isfinite(after)
    if not regions or not both.any():
        return ()
    names = tuple(regions)
    centres = np.stack([np.asarray(regions[n], np.float64) for n in names])
    nearest = np.asarray(cKDTree(centres).query(points)[1])
    rows = []
    for i, name in enumerate(names):
        ours = both & (nearest == i)
        if ours.any():
            rows.append(RegionGap(name, int(ours.sum()), float(np.median(before[ours])), float(np.median(after[ours]))))
    return tuple(rows)
