"""Distances between two surfaces or two landmark sets."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

import faceapp
from faceapp.app.jobs import worker_pool
from faceapp.app.landmark_conversion import is_landmark_file, read_any_landmarks
from faceapp.app.outputs import check_output
from faceapp.app.registering import RENDER_DISTANCE
from faceapp.app.template import own_template
from faceapp.core.arrays import BoolArray
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Metric, Provenance, Report
from faceapp.formats.atomic import new_folder
from faceapp.formats.mesh_files import read_any_mesh
from faceapp.formats.reports import hash_path, write_report
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.distances import surface_distance
from faceapp.geometry.rigid import align_pairs
from faceapp.landmarks.prefill import fit_template
from faceapp.landmarks.scheme import load_scheme

ALIGNMENTS = ("none", "rigid", "similarity")
NOSE_TIP = 54
OUTER_EYES = (66, 79)
_NEAR_MM = 20.0


def measure_to_folder(
    first: Path, second: Path, out: Path, *, region: str | None = None, align: str = "none", force: bool = False
) -> Report:
    """Measure ``first`` against ``second``; write ``report.json`` and, for surfaces, ``distance.png``.

    Parameters
    ----------
    first, second : Path
        Two meshes or clouds (the second with triangles), or two landmark files of one dimension.
    out : Path
        New folder.
    region : str, optional
        ``face``, or a part of the template where ``first`` has its vertices.
    align : {"none", "rigid", "similarity"}
        What may move first.
    force : bool
        Whether an earlier result may be replaced.

    Raises
    ------
    UsageError
        The kinds differ, or region or alignment are unknown.
    DataError
        A file is missing or broken.
    """
    check_output(out, [first, second], force=force)
    if align not in ALIGNMENTS:
        raise UsageError(f"--align {align}: expected one of {', '.join(ALIGNMENTS)}")
    marks = [is_landmark_file(p) for p in (first, second)]
    if marks[0] != marks[1]:
        raise UsageError(f"{first} and {second} cannot be compared: give two surfaces or two landmark files")
    if marks[0] and region is not None:
        raise UsageError("--region is for surfaces; landmarks are reported by their groups anyway")
    start = time.perf_counter()
    inputs = {str(p): hash_path(p) for p in (first, second) if p.is_file()}
    measured: tuple[Mesh, np.ndarray] | None = None
    if marks[0]:
        metrics = _measure_landmarks(first, second, align)
    else:
        metrics, mesh, distance = _measure_surfaces(first, second, region, align)
        measured = mesh, distance
    values = {"region": region, "align": align}
    provenance = Provenance("faceapp measure", faceapp.__version__, values, inputs, None, time.perf_counter() - start)
    report = Report(tuple(metrics), provenance, _warnings(measured, first, second))
    with new_folder(out, replace=force) as temporary:
        write_report(temporary / "report.json", report)
        if measured is not None and len(measured[0].faces):
            worker_pool().call(RENDER_DISTANCE, temporary / "distance.png", *measured)
    return report


def _warnings(measured: tuple[Mesh, np.ndarray] | None, first: Path, second: Path) -> tuple[str, ...]:
    if measured is None or np.isfinite(measured[1]).any():
        return ()
    return (
        f"no point of {first} lies within {_NEAR_MM:.0f} mm of {second}: are both in mm and in one frame? "
        "--align moves only what lies near already",
    )


def _measure_surfaces(
    first: Path, second: Path, region: str | None, align: str
) -> tuple[list[Metric], Mesh, np.ndarray]:
    a, b = read_any_mesh(first), read_any_mesh(second)
    if not len(b.faces):
        raise UsageError(f"{second} has no triangles; distances go from the first to the surface of the second")
    inside = _region(region, a, b, first)
    measured = surface_distance(
        a.vertices, SurfaceTree(b.vertices, b.faces), inside, align=align, max_distance=_NEAR_MM
    )
    distance = measured.distance
    seen = distance[inside & np.isfinite(distance)]
    n = len(seen)
    size = np.abs(seen)

    def told(value: float) -> float | None:
        return float(value) if n else None

    metrics = [
        Metric("distance.mean", told(size.mean() if n else 0), "mm", n),
        Metric("distance.median", told(np.median(size) if n else 0), "mm", n),
        Metric("distance.p95", told(np.percentile(size, 95) if n else 0), "mm", n),
        Metric("distance.rms", told(np.sqrt(np.mean(size**2)) if n else 0), "mm", n),
        Metric("distance.signed_mean", told(seen.mean() if n else 0), "mm", n),
        Metric("distance.within_20_mm", n / max(int(inside.sum()), 1), "1", int(inside.sum())),
        Metric("alignment.scale", measured.alignment.scale, "1"),
    ]
    return metrics, a, distance


def _region(region: str | None, a: Mesh, b: Mesh, file: Path) -> BoolArray:
    if region is None:
        return np.ones(len(a.vertices), bool)
    template = own_template()
    if len(a.vertices) == len(template.mesh.vertices):
        if region == "face":
            return template.face
        if region in template.part_names:
            return np.asarray(template.parts == template.part_names.index(region))
        raise UsageError(f"--region {region}: expected face or one of {', '.join(template.part_names)}")
    if region != "face":
        raise UsageError(
            f"--region {region}: {file} has not the template's vertices; only the region face can be found in it"
        )
    return face_region(a, b)


def face_region(mesh: Mesh, reference: Mesh | None = None) -> BoolArray:
    """Return (V,) bool: what lies within one outer-eye distance of the nose tip, found by the mean face.

    Parameters
    ----------
    mesh : Mesh
        With or without triangles; the region is asked of its vertices.
    reference : Mesh, optional
        A surface of the same head with triangles, where ``mesh`` has none.
    """
    surface = mesh if len(mesh.faces) else reference
    if surface is None or not len(surface.faces):
        raise DataError("the face region is found on a surface with triangles")
    template = own_template()
    fitted = fit_template(template, surface.vertices, surface.vertex_normals())
    marks = template.landmarks_of(fitted.vertices)
    reach = float(np.linalg.norm(marks[OUTER_EYES[0]] - marks[OUTER_EYES[1]]))
    return np.asarray(np.linalg.norm(mesh.vertices - marks[NOSE_TIP], axis=1) <= reach)


def _measure_landmarks(first: Path, second: Path, align: str) -> list[Metric]:
    a, b = read_any_landmarks(first).marks, read_any_landmarks(second).marks
    if a.points.shape[1] != b.points.shape[1]:
        raise UsageError(
            f"{first} is {a.points.shape[1]}D and {second} is {b.points.shape[1]}D; they cannot be compared"
        )
    flat = isinstance(a, Landmarks2D)
    p, q = a.points, b.points
    both = a.placed & b.placed
    if not both.any():
        raise DataError(f"{first} and {second} have no landmark that is placed in both")
    if align != "none":
        if flat:
            raise UsageError("--align is for surfaces and 3D landmarks")
        if both.sum() < 3:
            raise DataError(f"{first} and {second}: {both.sum()} landmarks are placed in both, --align needs three")
        p = align_pairs(p[both], q[both], scale=align == "similarity").apply(p)
    gap = np.linalg.norm(p - q, axis=1)
    scheme = load_scheme(a.scheme)
    unit = "px" if flat else "mm"
    metrics = [_mean_gap("landmarks", gap[both], unit)]
    for group in scheme.groups:
        rows = [i for i in group.indices if both[i]]
        metrics.append(_mean_gap(group.name, gap[rows], unit))
    eyes = float(np.linalg.norm(q[OUTER_EYES[0]] - q[OUTER_EYES[1]]))
    if np.isfinite(eyes) and eyes > 0 and both.any():
        metrics.append(Metric("landmarks.by_outer_eyes", float(gap[both].mean()) / eyes, "1", int(both.sum())))
    if isinstance(a, Landmarks3D):
        metrics.append(Metric("alignment", align, ""))
    return metrics


def _mean_gap(name: str, gap: np.ndarray, unit: str) -> Metric:
    return Metric(f"{name}.mean", float(gap.mean()) if len(gap) else None, unit, len(gap))
