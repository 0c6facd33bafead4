"""Fusion: the side clouds laid onto the middle one, overlaps blended by their uncertainty, isolated parts dropped."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from faceapp.core.arrays import FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks3D
from faceapp.geometry.cloud_merging import border_fade, large_enough, merge_clouds
from faceapp.geometry.group_alignment import AlignedSurface, GroupMotion, align_group, coarse_start, prepare_surface
from faceapp.geometry.moving_surface import point_spacing

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
        Points are thinned to this for the alignment, mm.
    blend_spacings : float
        Radius of the moving average over all groups, in spacings of the points.
    node_spacing : float
        Of the smooth displacement that follows the rigid motion, mm; 0 leaves it out.
    roughness : float
        How much that displacement may differ between neighbouring nodes, mm.
    isolated_points : int
        Parts of fewer points are dropped.
    isolated_share : float
        And parts of less than this share of all points.
    isolated_radius : float
        Points within some of this hang together, mm; more where a coarse camera's pixels lie farther apart.
    refine : bool
        Whether ICP and displacement follow the landmarks.
    """

    pivot: str = "middle"
    icp_spacing: float = 1.2
    blend_spacings: float = 2.3
    node_spacing: float = 4.0
    roughness: float = 0.015
    isolated_points: int = 7
    isolated_share: float = 0.0005
    isolated_radius: float = 1.5
    refine: bool = True


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
    redundant : int
        Points that went because another group sees their spot better.
    """

    cloud: PointCloud
    motions: dict[str, GroupMotion]
    dropped: int
    redundant: int = 0


def fuse(
    clouds: Mapping[str, PointCloud],
    landmarks: Mapping[str, Landmarks3D] | None = None,
    anchors: tuple[int, ...] = (),
    settings: FusionSettings = FusionSettings(),
    regions: Mapping[str, FloatArray] | None = None,
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
    regions : mapping of str to (3,) array_like, optional
        Centres of regions, in the pivot's frame: how far the groups disagree is told for each. Without them the head
        is told apart by height.

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
    spacing = point_spacing(clouds[pivot].points)
    radius = settings.blend_spacings * max(spacing, 1e-3)
    with ThreadPoolExecutor(2) as pool:
        faded = pool.map(lambda cloud: border_fade(cloud, spacing), clouds.values())
        fades = dict(zip(clouds, faded, strict=True))

    def ready(name: str) -> AlignedSurface:
        return prepare_surface(clouds[name], fades[name], radius, settings.icp_spacing)

    motions: dict[str, GroupMotion] = {}
    moved = {pivot: clouds[pivot]}
    if len(clouds) > 1:
        target = ready(pivot)
        tree = cKDTree(target.points)
        centres = regions or _by_height(target.points)

        def align(name: str) -> GroupMotion:
            return align_group(
                ready(name),
                target,
                tree,
                coarse_start(name, pivot, landmarks or {}, anchors),
                rigid=settings.refine,
                node_spacing=settings.node_spacing,
                roughness=settings.roughness,
                regions=centres,
            )

        others = [name for name in clouds if name != pivot]
        with ThreadPoolExecutor(2) as pool:
            motions = dict(zip(others, pool.map(align, others), strict=True))
        moved |= {name: _moved(clouds[name], motions[name]) for name in others}
    merged = merge_clouds(moved, fades, radius)
    least = max(settings.isolated_points, int(settings.isolated_share * len(merged.cloud)))
    keep = large_enough(merged.cloud, max(settings.isolated_radius, _DIAGONAL * spacing), least)
    return FusedScan(merged.cloud.select(keep), motions, int((~keep).sum()), merged.redundant)


def _moved(cloud: PointCloud, motion: GroupMotion) -> PointCloud:
    if motion.displacement is None:
        return cloud.moved(motion.transform)
    moved = cloud.moved(motion.transform)
    points = moved.points + motion.displacement.at(moved.points.astype(np.float64)).astype(np.float32)
    return PointCloud(points, moved.normals, moved.colors, moved.sigma, moved.pixels, moved.group, moved.camera)


def _by_height(points: FloatArray) -> dict[str, FloatArray]:
    """Three regions one above the other, and each of them left and right."""
    low, middle, high = (np.quantile(points, q, axis=0) for q in (0.1, 0.5, 0.9))
    regions = {}
    for height, y in (("top", high[1]), ("centre", middle[1]), ("bottom", low[1])):
        for side, x in (("left", high[0]), ("middle", middle[0]), ("right", low[0])):
            regions[f"{height} {side}"] = np.array([x, y, middle[2]])
    return regions
