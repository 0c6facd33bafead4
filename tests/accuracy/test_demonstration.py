"""The demonstration keeps its bounds, on our heads, on the ICT model's and on scans of real people."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceapp.app.demo import DemoOptions, run_demo
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.results import Report
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import write_mesh
from tests.accuracy.ict import EXPRESSIONS, load_ict


def check(report: Report, residual: float = 0.5) -> None:
    """Bounds of cloud and registration in the face region."""
    figures = {m.name: m.value for m in report.metrics}
    shown = (
        "cloud.face.distance_mean",
        "cloud.face.distance_p95",
        "cloud.face.covered",
        "registration.face.residual_mean",
    )
    print("\n", {name: round(float(figures[name]), 4) for name in shown})
    assert figures["cloud.face.distance_mean"] < 0.10
    assert figures["cloud.face.distance_p95"] < 0.30
    assert figures["cloud.face.covered"] > 0.90
    assert figures["registration.face.residual_mean"] < residual
    assert figures["prefill_registration.face.residual_mean"] < residual


def ict_head(data: Path, folder: Path, seed: int) -> DemoOptions:
    ict = load_ict(data)
    vertices = ict.head(seed, EXPRESSIONS[seed])
    write_mesh(folder / "head.ply", ict.visible_mesh(vertices))
    write_landmarks(folder / "head.json", Landmarks3D(points=ict.landmarks(vertices)))
    return DemoOptions(seed, folder / "head.ply", folder / "head.json")


@pytest.mark.figures
def test_the_demonstration_of_a_random_subject(tmp_path: Path) -> None:
    report = run_demo(tmp_path / "demo", DemoOptions(seed=3, scale=0.5))
    check(report)
    assert report.extra["expression"] != "neutral"
    assert report.extra["landmarks"]["by"] == "STANDIN"
    origins = report.extra["landmarks"]["placed_by"]
    assert len(origins) == 106
    assert "stand-in STANDIN" in origins
    for name in ("fused.ply", "mesh.ply", "registered.ply", "reconstruction.ply", "landmarks.json", "report.json"):
        assert (tmp_path / "demo" / name).is_file(), name
    assert (tmp_path / "demo" / "truth" / "surface.ply").is_file()
    assert (tmp_path / "demo" / "project" / "project.json").is_file()
    assert len(list((tmp_path / "demo" / "pictures").glob("*.png"))) == 9


@pytest.mark.figures
def test_a_scan_of_a_real_face_without_landmarks(data: Path, tmp_path: Path) -> None:
    head = data / "head" / "scans" / "fran_partial.ply"
    report = run_demo(tmp_path / "demo", DemoOptions(0, head, scale=0.5))
    check(report)
    assert report.extra["landmarks"]["by"] == "prefill"


@pytest.mark.figures
@pytest.mark.parametrize("seed", range(5))
def test_demonstrations_of_ict_heads(data: Path, tmp_path: Path, seed: int) -> None:
    options = ict_head(data, tmp_path, seed)
    check(run_demo(tmp_path / "demo", options), 0.7 if "jawOpen" in EXPRESSIONS[seed] else 0.5)


@pytest.mark.figures
@pytest.mark.parametrize("name", ["lee_perry_smith.ply", "fran_partial.ply"])
def test_demonstrations_of_real_scans(data: Path, tmp_path: Path, name: str) -> None:
    check(run_demo(tmp_path / "demo", DemoOptions(0, data / "head" / "scans" / name)))


@pytest.mark.figures
@pytest.mark.parametrize("seed", range(5))
def test_demonstrations_of_random_subjects(tmp_path: Path, seed: int) -> None:
    check(run_demo(tmp_path / "demo", DemoOptions(seed)))
