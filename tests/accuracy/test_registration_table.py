"""Registrations against the truth: distance to the scan and, beside it, correspondence.

A template that slid along a scan lies as close as one that did not: only synthetic truth tells them apart. The scans
are ICT heads of another topology with noise, holes and spikes; the landmarks are 1 mm off.

The public methods need an environment of their own::

    python3 -m venv peers && peers/bin/pip install trimesh rtree scipy
    FACEAPP_PEERS=peers/bin/python pytest -m figures -s tests/accuracy/test_registration_table.py
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.registering import flipped_triangles, register_scan
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.template import Template
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.landmarks.scheme import load_scheme
from tests.accuracy.ict import EXPRESSIONS, IctModel, as_scan, clicked, load_ict

PEERS = os.environ.get("FACEAPP_PEERS", "")
SCRIPT = Path(__file__).with_name("registration_peers.py")
NAMES = ("neutral", "jaw open, smile", "smile, brows up", "brows down, frown", "pucker")
PARTS = {"eyes": ("eye",), "nose": ("nose",), "mouth": ("lips", "philtrum"), "brows": ("brow",), "cheeks": ("cheek",)}


MOST = {"eyes": 0.95, "nose": 0.85, "mouth": 1.1, "brows": 0.85, "cheeks": 1.6}
"""Largest mean correspondence error of each part, mm."""


@dataclass(frozen=True, eq=False)
class Case:
    """A spoiled scan whose truth is known."""

    scan: Mesh
    landmarks: Landmarks3D
    truth: np.ndarray
    hidden: np.ndarray


def case(ict: IctModel, seed: int, *, skin_only: bool = False) -> Case:
    """One head in one expression: holes of 12 mm in three places of the face, a spike in a thousand vertices.

    A scan shows teeth and eyeballs too; without them is what the public methods are made for.
    """
    rng = np.random.default_rng([seed, 31])
    vertices = ict.head(seed, EXPRESSIONS[seed % len(EXPRESSIONS)])
    truth = vertices[ict.skin]
    template = ict.template()
    scan = as_scan(template.mesh.with_vertices(truth) if skin_only else ict.visible_mesh(vertices), seed)
    centres = truth[rng.choice(np.flatnonzero(template.face), 3, replace=False)]
    points = scan.vertices.astype(float)
    spikes = rng.random(len(points)) < 0.001
    points[spikes] += rng.normal(scale=4.0, size=(spikes.sum(), 1)) * scan.vertex_normals()[spikes]
    in_hole = (np.linalg.norm(points[:, None] - centres, axis=2) < 12).any(axis=1)
    faces = scan.faces[~in_hole[scan.faces].any(axis=1)]
    hidden = (np.linalg.norm(truth[:, None] - centres, axis=2) < 12).any(axis=1)
    return Case(Mesh(points.astype(np.float32), faces), clicked(ict.landmarks(vertices), seed), truth, hidden)


@dataclass(frozen=True)
class Figures:
    """Of one registration, mm and seconds."""

    residual: float
    residual_p95: float
    error: float
    error_p95: float
    hidden: float
    flips: int
    parts: tuple[float, ...]
    seconds: float


def figures(vertices: np.ndarray, template: Template, there: Case, seconds: float) -> Figures:
    seen = template.face & ~there.hidden
    distance = SurfaceTree(there.scan.vertices, there.scan.faces).query(vertices[seen]).distance
    error = np.linalg.norm(vertices - there.truth, axis=1)
    parts = []
    for names in PARTS.values():
        labels = [i for i, n in enumerate(template.part_names) if n.startswith(names)]
        parts.append(float(error[np.isin(template.parts, labels) & seen].mean()))
    mesh = template.mesh.with_vertices(vertices)
    return Figures(
        float(distance.mean()), float(np.percentile(distance, 95)), float(error[seen].mean()),
        float(np.percentile(error[seen], 95)), float(error[template.face & there.hidden].mean()),
        flipped_triangles(mesh, template.face), tuple(parts), seconds,
    )  # fmt: skip


HEAD = (
    f"{'':26s} residual mean p95  correspondence mean p95  hidden  "
    + "  ".join(f"{name:>6s}" for name in PARTS)
    + "  flips  seconds"
)


def line(name: str, f: Figures) -> str:
    parts = "  ".join(f"{v:6.2f}" for v in f.parts)
    return (
        f"{name:26s} {f.residual:13.3f} {f.residual_p95:.2f}  {f.error:19.2f} {f.error_p95:.2f}  {f.hidden:6.2f}  "
        f"{parts}  {f.flips:5d}  {f.seconds:7.1f}"
    )


def ours(there: Case, template: Template, parameters: dict[str, str] | None = None) -> Figures:
    start = time.perf_counter()
    result = register_scan(there.scan, there.landmarks, template, parameters=parameters).registration
    return figures(result.vertices.astype(float), template, there, time.perf_counter() - start)


def mean_of(found: list[Figures]) -> Figures:
    parts = tuple(np.mean([f.parts for f in found], axis=0))
    names = ("residual", "residual_p95", "error", "error_p95", "hidden")
    return Figures(
        *(float(np.mean([getattr(f, n) for f in found])) for n in names),
        sum(f.flips for f in found), parts, float(np.mean([f.seconds for f in found])),
    )  # fmt: skip


def test_a_scan_with_holes_and_spikes_is_registered_where_it_belongs(data: Path) -> None:
    ict = load_ict(data)
    found = ours(case(ict, 2), ict.template())
    assert found.residual < 0.08
    assert found.error < 1.05
    assert found.error_p95 < 2.7
    assert found.hidden < 2.0
    assert found.flips == 0


@pytest.mark.figures
def test_by_expression_and_method(data: Path) -> None:
    """Ten heads, two in each expression; the default and Eq. 3 as printed."""
    ict = load_ict(data)
    template = ict.template()
    cases = [case(ict, seed) for seed in range(10)]
    print(f"\n{HEAD}")
    means = {}
    for method, parameters in (("nicp", None), ("preset paper", {"preset": "paper"})):
        found = [ours(there, template, parameters) for there in cases]
        for i, name in enumerate(NAMES):
            print(line(f"{method}: {name}", mean_of(found[i :: len(NAMES)])))
        means[method] = mean_of(found)
        print(line(f"{method}: mean", means[method]))
    default = means["nicp"]
    assert default.residual <= 0.06
    assert default.residual_p95 <= 0.20
    assert default.error <= 1.05
    assert default.error_p95 <= 2.7
    assert default.hidden <= 2.0
    assert default.flips == 0
    for name, most in MOST.items():
        assert default.parts[list(PARTS).index(name)] <= most, name
    assert default.error < means["preset paper"].error


def with_contour_moved(there: Case, along: float, across: float) -> Case:
    """The same with its outline landmarks moved over the skin, the same way each: along the outline or across, mm."""
    contour = list(load_scheme("jd106").silhouette)
    points = there.landmarks.points.copy()
    place = SurfaceTree(there.scan.vertices, there.scan.faces).query(points[contour])
    corners = there.scan.vertex_normals()[there.scan.faces[place.face]]
    normal = np.einsum("nk,nkd->nd", place.weights, corners)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    way = np.gradient(points[contour], axis=0)
    way -= np.einsum("nd,nd->n", way, normal)[:, None] * normal
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    points[contour] += along * way + across * np.cross(way, normal)
    return replace(there, landmarks=replace(there.landmarks, points=points))


@pytest.mark.figures
def test_a_contour_that_slid_does_no_harm(data: Path) -> None:
    """The outline leads, with little weight: 3 mm off as a whole it is as good as none; 5 mm off it would harm."""
    ict = load_ict(data)
    template = ict.template()
    cases = [case(ict, seed) for seed in range(5)]
    print(f"\n{HEAD}")
    found = {}
    for name, along, across, weight in (
        ("outline left out", 0.0, 0.0, "0"), ("outline 1 mm off", 0.0, 0.0, "0.3"), ("3 mm along", 3.0, 0.0, "0.3"),
        ("3 mm across", 0.0, 3.0, "0.3"), ("5 mm along", 5.0, 0.0, "0.3"), ("5 mm across", 0.0, 5.0, "0.3"),
    ):  # fmt: skip
        moved = [with_contour_moved(there, along, across) for there in cases]
        found[name] = mean_of([ours(there, template, {"contour_weight": weight}) for there in moved])
        print(line(name, found[name]))
    without = found["outline left out"]
    assert found["outline 1 mm off"].error < 0.9 * without.error
    for name in ("3 mm along", "3 mm across"):
        assert found[name].error <= 1.02 * without.error
        assert found[name].error_p95 <= without.error_p95


@pytest.mark.figures
@pytest.mark.skipif(not PEERS, reason="FACEAPP_PEERS names no Python with trimesh and rtree")
def test_beside_public_methods(data: Path, tmp_path: Path) -> None:
    """One head with its mouth open: the same scan, the same landmarks, the same start, in one run."""
    ict = load_ict(data)
    template = ict.template()
    there = case(ict, 1, skin_only=True)
    result = register_scan(there.scan, there.landmarks, template)
    rest = result.registration.start.apply(template.mesh.vertices)
    there_too = template.anchor_triangles[:, 0] >= 0
    np.savez(
        tmp_path / "in.npz", template=rest, faces=template.mesh.faces, scan=there.scan.vertices,
        scan_faces=there.scan.faces, corners=template.anchor_triangles[there_too],
        weights=template.anchor_weights[there_too], points=there.landmarks.points[there_too],
    )  # fmt: skip
    found = {"faceapp nicp": ours(there, template)}
    subprocess.run([PEERS, SCRIPT, tmp_path / "in.npz", tmp_path / "out.npz"], check=True)
    peers = np.load(tmp_path / "out.npz")
    for name in ("sumner, defaults", "amberg, defaults", "amberg, tuned"):
        found[f"trimesh {name}"] = figures(
            peers[f"{name} vertices"], template, there, float(peers[f"{name} seconds"][0])
        )
    print(f"\n{HEAD}")
    for name, f in found.items():
        print(line(name, f))
    mine = found.pop("faceapp nicp")
    for name, f in found.items():
        assert mine.error < f.error, name
        assert mine.residual < f.residual, name
