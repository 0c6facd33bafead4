"""Fusion: the side clouds laid onto the middle one, overlaps merged by their uncertainty, isolated points dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.transforms import RigidTransform
from faceapp.geometry.rigid import align_pairs, icp, voxel_subset

_TRUSTED_START_MM = 3.0
"""A calibrated rig starts within this; landmarks that would move a cloud farther are reported."""


_SPACING_SAMPLE = 20_000
_DIAGONAL = 1.7
"""Times the spacing of a square grid reaches its eight next points."""


@dataclass(frozen=True)
class FusionSettings:
    """How clouds are fused.

    Parameters
    ----------
    pivot : str
        The group that stays where it is.
    icp_spacing : float
        Points are thinned to this for ICP, mm.
    overlap : float
        Points of two groups closer than this measure the same spot, mm.
    isolated_neighbours : int
        A point with fewer neighbours within ``isolated_radius`` is dropped.
    isolated_radius : float
        mm; more where the pixels of a coarse camera lie farther apart than that.
    refine : bool
        Whether ICP follows the landmarks.
    """

    pivot: str = "middle"
    icp_spacing: float = 1.2
    overlap: float = 0.6
    isolated_neighbours: int = 6
    isolated_radius: float = 1.5
    refine: bool = True


@dataclass(frozen=True)
class GroupMotion:
    """How one group was moved.

    Parameters
    ----------
    transform : RigidTransform
        Pivot from group.
    landmarks_used : int
        Common landmarks of the coarse step; 0 if the calibration was the start.
    before, after : float
        Median distance to the pivot's surface in the overlap, mm.
    """

    transform: RigidTransform
    landmarks_used: int
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class FusedScan:
    """The fused cloud and how the groups moved.

    Parameters
    ----------
    cloud : PointCloud
        In the frame of the pivot, with ``group``.
    motions : dict of str to GroupMotion
        Of every group but the pivot.
    dropped : int
        Isolated points that went.
    """

    cloud: PointCloud
    motions: dict[str, GroupMotion]
    dropped: int


def fuse(
    clouds: Mapping[str, PointCloud],
    landmarks: Mapping[str, Landmarks3D] | None = None,
    anchors: tuple[int, ...] = (),
    settings: FusionSettings = FusionSettings(),
) -> FusedScan:
    """Fuse the clouds of a rig (pixel-face.txt 3.1, multi-view fusion).

    Parameters
    ----------
    clouds : mapping of str to PointCloud
        By group, in the rig frame, with normals.
    landmarks : mapping of str to Landmarks3D, optional
        Lifted from each group's own picture; common visible ones among ``anchors`` give the coarse step.
    anchors : tuple of int
        Landmarks that are worth aligning by (no silhouettes).
    settings : FusionSettings
        Distances.

    Returns
    -------
    FusedScan

    Raises
    ------
    DataError
        There is no cloud.
    """
    if not clouds:
        raise DataError("there is no cloud to fuse")
    pivot = settings.pivot if settings.pivot in clouds else next(iter(clouds))
    motions: dict[str, GroupMotion] = {}
    moved = {pivot: clouds[pivot]}
    target = _thin(clouds[pivot], settings.icp_spacing)
    tree = cKDTree(target.points)
    for name, cloud in clouds.items():
        if name == pivot:
            continue
        start, used = _coarse(name, pivot, landmarks or {}, anchors)
        motions[name] = _refine(_thin(cloud, settings.icp_spacing), target, tree, start, used, settings)
        moved[name] = cloud.moved(motions[name].transform)
    merged = _merge(moved, settings)
    keep = _not_isolated(merged, settings)
    return FusedScan(merged.select(keep), motions, int((~keep).sum()))


def _thin(cloud: PointCloud, size: float) -> PointCloud:
    if cloud.normals is None:
        raise DataError("fusion needs normals in every cloud")
    return cloud.select(voxel_subset(cloud.points.astype(np.float64), size))


def _coarse(
    name: str, pivot: str, landmarks: Mapping[str, Landmarks3D], anchors: tuple[int, ...]
) -> tuple[RigidTransform, int]:
    """The motion that common landmarks ask for; the calibration's own where they are few or their noise is larger."""
    if name not in landmarks or pivot not in landmarks:
        return RigidTransform.identity(), 0
    rows = list(anchors) or list(range(len(landmarks[pivot].points)))
    here, there = landmarks[name], landmarks[pivot]
    common = [i for i in rows if here.visible[i] and there.visible[i]]
    if len(common) < 3:
        return RigidTransform.identity(), 0
    a, b = here.points[common], there.points[common]
    apart = np.linalg.norm(a - b, axis=1)
    common = [i for i, d in zip(common, apart, strict=True) if d < max(3 * float(np.median(apart)), 1.0)]
    a, b = here.points[common], there.points[common]
    if len(common) < 3:
        return RigidTransform.identity(), 0
    if float(np.median(np.linalg.norm(a - b, axis=1))) < _TRUSTED_START_MM:
        # The calibrated start is surer than clicks that agree with it; ICP takes the rest.
        return RigidTransform.identity(), 0
    return align_pairs(a, b).rigid, len(common)


def _refine(
    source: PointCloud, target: PointCloud, tree: cKDTree, start: RigidTransform, used: int, settings: FusionSettings
) -> GroupMotion:
    if source.normals is None or target.normals is None:
        raise DataError("fusion needs normals in every cloud")
    p, n = source.points.astype(np.float64), source.normals.astype(np.float64)
    q, m = target.points.astype(np.float64), target.normals.astype(np.float64)
    before = _disagreement(start.apply(p), start.turn(n), q, m, tree)
    if not settings.refine:
        return GroupMotion(start, used, before, before)
    try:
        coarse = icp(p, n, q, m, start=start, max_distance=5.0, tree=tree)
        fine = icp(p, n, q, m, start=coarse.transform, max_distance=1.5, keep=0.9, tree=tree)
    except DataError:
        return GroupMotion(start, used, before, before)  # too little overlap: the start is all there is
    after = _disagreement(fine.transform.apply(p), fine.transform.turn(n), q, m, tree)
    if not after < before:
        return GroupMotion(start, used, before, before)
    return GroupMotion(fine.transform, used, before, after)


def _disagreement(p: FloatArray, n: FloatArray, q: FloatArray, m: FloatArray, tree: cKDTree) -> float:
    distance, nearest = (np.asarray(v) for v in tree.query(p, distance_upper_bound=3.0))
    near = np.isfinite(distance)
    if not near.any():
        return float("inf")
    pair = nearest[near]
    agree = np.einsum("nd,nd->n", n[near], m[pair]) > 0.8
    gap = np.abs(np.einsum("nd,nd->n", p[near] - q[pair], m[pair]))[agree]
    return float(np.median(gap)) if len(gap) else float("inf")


def _merge(clouds: Mapping[str, PointCloud], settings: FusionSettings) -> PointCloud:
    """In the overlap each point moves along its normal to the weighted mean of both groups; both stay.

    Weights are 1 / sigma^2. Of two points that lie closer than a tenth of the overlap distance the surer one stays.
    """
    names = tuple(clouds)
    adjusted = {name: _towards_others(name, clouds, settings.overlap) for name in names}
    points = np.concatenate([adjusted[n][0] for n in names])
    sigma = np.concatenate([adjusted[n][1] for n in names])
    normals = np.concatenate([_known(clouds[n].normals, n, "normals") for n in names])
    colors = np.concatenate([_known(clouds[n].colors, n, "colours") for n in names])
    group = np.concatenate([np.full(len(clouds[n]), i, np.uint8) for i, n in enumerate(names)])
    order = np.argsort(sigma, kind="stable")
    keep = np.sort(order[voxel_subset(points[order], settings.overlap / 10)])
    return PointCloud(
        points[keep].astype(np.float32), normals[keep], colors[keep], sigma[keep], None, group[keep], "", names
    )


def _known(values: np.ndarray | None, group: str, what: str) -> np.ndarray:
    if values is None:
        raise DataError(f"fusion: the cloud of {group} has no {what}")
    return values


def _towards_others(name: str, clouds: Mapping[str, PointCloud], reach: float) -> tuple[FloatArray, np.ndarray]:
    own = clouds[name]
    points, normals = own.points.astype(np.float64), _known(own.normals, name, "normals").astype(np.float64)
    sigma = np.maximum(_known(own.sigma, name, "sigma").astype(np.float64), 1e-3)
    weight = 1 / sigma**2
    shift, total = np.zeros(len(points)), weight.copy()
    for other_name, other in clouds.items():
        if other_name == name:
            continue
        answer = cKDTree(other.points).query(points, distance_upper_bound=reach, workers=2)
        distance, nearest = (np.asarray(v) for v in answer)
        near = np.flatnonzero(np.isfinite(distance))
        pair = nearest[near]
        m = _known(other.normals, other_name, "normals")[pair]
        near_agree = np.einsum("nd,nd->n", normals[near], m) > 0.7
        near, pair, m = near[near_agree], pair[near_agree], m[near_agree]
        w = 1 / np.maximum(_known(other.sigma, other_name, "sigma")[pair].astype(np.float64), 1e-3) ** 2
        gap = np.einsum("nd,nd->n", other.points[pair] - points[near], m)
        shift[near] += w * gap
        total[near] += w
    moved = points + normals * (shift / total)[:, None]
    return moved, (1 / np.sqrt(total)).astype(np.float32)


def _not_isolated(cloud: PointCloud, settings: FusionSettings) -> BoolArray:
    tree = cKDTree(cloud.points)
    k = settings.isolated_neighbours + 1
    if len(cloud) <= k:
        return np.ones(len(cloud), bool)
    asking = cloud.points[:: max(len(cloud) // _SPACING_SAMPLE, 1)]
    spacing = float(np.median(np.asarray(tree.query(asking, k=[2], workers=2)[0])))
    radius = max(settings.isolated_radius, _DIAGONAL * spacing)
    distance = np.asarray(tree.query(cloud.points, k=[k], distance_upper_bound=radius, workers=2)[0])
    return np.asarray(np.isfinite(distance[:, 0]))
