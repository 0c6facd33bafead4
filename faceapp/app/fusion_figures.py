"""Figures of a fusion: how many points, and how far the groups disagreed, before and after, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceapp.app.decoding import spacing
from faceapp.core.arrays import FloatArray
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Metric
from faceapp.geometry.fusion import FusedScan
from faceapp.geometry.mesh_repair import smallest_angles
from faceapp.landmarks.lifting import join_views
from faceapp.landmarks.scheme import load_scheme

_LEAST_PLACED = 2


def landmark_regions(lifted: Mapping[str, Landmarks3D], pivot: str) -> dict[str, FloatArray]:
    """Return the middle (3,) of each group of landmarks that is placed in some view, rig frame, mm."""
    if not lifted:
        return {}
    marks = join_views(dict(lifted), prefer=(pivot,))
    regions = {}
    for group in load_scheme().groups:
        rows = [i for i in group.indices if marks.placed[i]]
        if len(rows) >= _LEAST_PLACED:
            regions[group.name] = np.asarray(marks.points[rows], np.float64).mean(axis=0)
    return regions


def fusion_metrics(fused: FusedScan, mesh: Mesh) -> list[Metric]:
    """Return the figures of a fused cloud, its mesh and each group's motion."""
    angles = smallest_angles(mesh.vertices, mesh.faces)
    metrics = [
        Metric("fused.points", len(fused.cloud), "1", len(fused.cloud)),
        Metric("fused.spacing", spacing(fused.cloud), "mm", len(fused.cloud)),
        Metric("fused.isolated_points_dropped", fused.dropped, "1", fused.dropped),
        Metric("fused.redundant_points_dropped", fused.redundant, "1", fused.redundant),
        Metric("mesh.vertices", len(mesh.vertices), "1", len(mesh.vertices)),
        Metric("mesh.faces", len(mesh.faces), "1", len(mesh.faces)),
        Metric("mesh.smallest_angle_mean", float(angles.mean()), "deg", len(angles)),
        Metric("mesh.faces_under_20_deg", float(np.mean(angles < 20)), "1", len(angles)),
    ]
    for name, motion in fused.motions.items():
        metrics += [
            Metric(f"{name}.disagreement_before", motion.before, "mm"),
            Metric(f"{name}.disagreement_after_rigid", motion.after_rigid, "mm"),
            Metric(f"{name}.disagreement_after", motion.after, "mm"),
            Metric(f"{name}.moved_by", float(np.linalg.norm(motion.transform.translation)), "mm"),
            Metric(f"{name}.bent_by", motion.largest_shift, "mm"),
            Metric(f"{name}.landmarks_used", motion.landmarks_used, "1", motion.landmarks_used),
        ]
    return metrics


def disagreements(fused: FusedScan) -> dict[str, dict[str, dict[str, Any]]]:
    """Return by group and region how many points see both surfaces and how far these lay apart, mm."""
    return {
        name: {
            gap.region: {"points": gap.points, "before_mm": round(gap.before, 4), "after_mm": round(gap.after, 4)}
            for gap in motion.regions
        }
        for name, motion in fused.motions.items()
    }
