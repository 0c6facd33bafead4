"""The head against heads that others made: millimetres, after a similarity."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvista

from faceapp.morphable.head import HeadModel, HeadParameters, load_head, random_parameters
from faceapp.morphable.head.attachment import attach
from faceapp.morphable.head.build import build_head_data
from faceapp.morphable.head.cage import EYE_LANDMARKS, PART_NAMES, cage
from faceapp.morphable.head.expressions import expression_names
from faceapp.morphable.head.figures import figures
from faceapp.render.heads import contact_sheet, head_picture

SHARED = Path(os.environ.get("FACEAPP_SHARED_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))
ICT = SHARED / "head" / "ict_facekit" / "ict_face_light.npz"
SCAN = SHARED / "head" / "scans" / "lee_perry_smith.ply"
needs_ict = pytest.mark.skipif(not ICT.exists(), reason="the shared ICT-FaceKit data are not here")
needs_scan = pytest.mark.skipif(not SCAN.exists(), reason="the shared scan is not here")


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head(2)


def part(model: HeadModel, *names: str) -> np.ndarray:
    return np.isin(model.parts, [PART_NAMES.index(n) for n in names])


def distances(points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Distance of each point to the surface after the similarity that brings the points closest to it."""
    original = moved = points
    for _ in range(25):
        rows, weights = attach(moved, vertices, triangles)
        foot = np.einsum("nk,nkd->nd", weights, vertices[triangles[rows]])
        gap = np.linalg.norm(moved - foot, axis=1)
        near = gap <= np.percentile(gap, 95)
        moved = similarity(original, original[near], foot[near])
    rows, weights = attach(moved, vertices, triangles)
    return np.linalg.norm(np.einsum("nk,nkd->nd", weights, vertices[triangles[rows]]) - moved, axis=1)


def similarity(points: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Apply to points the similarity that maps source to target best (Umeyama 1991)."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    scale = (s * np.diag(sign)).sum() / (a**2).sum()
    return scale * (points - source.mean(axis=0)) @ (u @ sign @ vt).T + target.mean(axis=0)


@needs_ict
def test_average_face_lies_on_the_average_ict_face(model: HeadModel) -> None:
    data = np.load(ICT)
    faces = data["faces"][data["face_group"] <= 1]
    gap = distances(model.mean[model.face_region], data["neutral"].astype(np.float64), faces)
    print(f"to the ICT mean: mean {gap.mean():.3f}, p95 {np.percentile(gap, 95):.3f} mm")
    assert gap.mean() < 0.35
    assert np.percentile(gap, 95) < 1.1


@needs_ict
def test_landmarks_lie_on_those_of_ict(model: HeadModel) -> None:
    listed = figures("cage")["landmarks106_mean"]
    wanted = np.array([listed[str(k)] for k in range(106)], np.float64)
    data = np.load(ICT)
    reference = data["neutral"][data["landmarks106"]].astype(np.float64)
    found = model.shape(HeadParameters()).landmarks
    skin = ~np.isin(np.arange(106), EYE_LANDMARKS)
    inner = np.arange(106) > 32
    assert np.linalg.norm(found - wanted, axis=1)[skin].mean() < 0.3
    assert np.linalg.norm(found - reference, axis=1)[skin & inner].mean() < 1.0
    assert np.linalg.norm(found - wanted, axis=1)[list(EYE_LANDMARKS)].max() < 2.0


@needs_ict
def test_expressions_move_as_those_of_ict(model: HeadModel) -> None:
    data = np.load(ICT)
    faces = data["faces"][data["face_group"] <= 1]
    neutral = data["neutral"].astype(np.float64)
    shapes, step, names = data["expression"], float(data["expression_step_mm"]), list(data["expression_names"])
    face = np.flatnonzero(model.face_region)
    rows, weights = attach(model.mean[face], neutral, faces)
    missed = {}
    for name, recipe in figures("expressions")["expressions"]["recipe"].items():
        moved = step * sum(w * shapes[names.index(n)].astype(np.float64) for n, w in recipe.items())
        wanted = np.einsum("nk,nkd->nd", weights, moved[faces[rows]])
        found = model.vertices(HeadParameters(), name)[face] - model.mean[face]
        error, size = np.linalg.norm(found - wanted, axis=1), np.linalg.norm(wanted, axis=1)
        moving = size > 1
        missed[name] = error[moving].mean() / size[moving].mean()
        print(f"{name}: moving skin off by {error[moving].mean():.2f} of {size[moving].mean():.2f} mm")
        assert error.mean() < 1.1
    assert max(missed.values()) < 0.5
    assert np.mean(list(missed.values())) < 0.3


@needs_scan
def test_average_face_is_like_a_scanned_face(model: HeadModel) -> None:
    scan = pyvista.read(SCAN)
    triangles = scan.faces.reshape(-1, 4)[:, 1:]
    gap = distances(model.mean[model.face_region], np.asarray(scan.points, np.float64), triangles)
    print(f"to Lee Perry-Smith: mean {gap.mean():.3f}, p95 {np.percentile(gap, 95):.3f} mm")
    assert gap.mean() < 1.8


def test_shipped_head_is_what_the_figures_make() -> None:
    rebuilt = build_head_data()
    shipped = load_head(2)
    assert np.linalg.norm(rebuilt["cage"] - shipped.cage, axis=1).mean() < 0.06
    surface = shipped.matrix @ rebuilt["cage"]
    gap = np.linalg.norm(surface - shipped.mean, axis=1)
    assert np.percentile(gap[shipped.face_region], 95) < 0.36


def test_profile_follows_the_measured_one(model: HeadModel) -> None:
    rows = figures("measurements")["sagittal_profile"]["rows"]
    profile = np.array([[0, y, front] for y, front, _ in rows if front is not None and -105 < y < 100], np.float64)
    corners, weights = attach(profile, model.mean, model.triangles)
    foot = np.einsum("nk,nkd->nd", weights, model.mean[model.triangles[corners]])
    gap = np.linalg.norm(foot - profile, axis=1)
    assert len(gap) > 50
    assert gap.mean() < 0.5


def test_people_spread_as_measured_people_do() -> None:
    listed = figures("measurements")["anthropometry"]
    tables = {row["name"]: row for row in listed if row["source"] == "ansur2"}
    model = load_head(1)
    topology = cage()
    skull = part(model, "scalp", "temples")
    for sex in ("male", "female"):
        length, breadth = [], []
        for seed in range(60):
            skin = model.vertices(random_parameters(seed, sex, 25))
            middle = skin[topology.grid[:, 16][topology.grid[:, 16] >= 0]]
            length.append(np.linalg.norm(middle - skin[topology.vertex("20,0")], axis=1)[10:].max())
            breadth.append(np.ptp(skin[skull, 0]))
        for name, values in (("head_length", length), ("head_breadth", breadth)):
            mean, sd = tables[name][sex]["mean"], tables[name][sex]["sd"]
            print(f"{sex} {name}: {np.mean(values):.1f} ({np.std(values):.1f}) / {mean} ({sd})")
            assert np.mean(values) == pytest.approx(mean, rel=0.03)
            assert 0.6 * sd < np.std(values) < 1.4 * sd


def folded_quads(model: HeadModel, skin: np.ndarray) -> int:
    """Quads of outer skin and lips whose two halves stand more than 60 deg to each other."""
    allowed = ~part(model, "eyes", "lid_insides", "ears", "nostrils", "mouth_interior")
    quads = model.quads[allowed[model.quads].all(axis=1)]
    a, b, c, d = (skin[quads[:, k]] for k in range(4))
    first, second = np.cross(b - a, c - a), np.cross(c - a, d - a)
    length = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return int((np.einsum("nd,nd->n", first, second) < np.cos(np.radians(60)) * length).sum())


def test_few_heads_have_a_folded_quad(model: HeadModel) -> None:
    counts = [
        folded_quads(model, model.vertices(random_parameters(seed), name))
        for seed in range(10)
        for name in expression_names()
    ]
    print(f"folded quads a head: {np.mean(counts):.2f}, heads with any: {np.mean(np.array(counts) > 0):.2%}")
    assert np.mean(np.array(counts) > 0) <= 0.1
    a_fold = model.mean.copy()
    forehead = np.flatnonzero(part(model, "forehead"))
    a_fold[forehead[::7]] += [0, 0, -40]
    assert folded_quads(model, a_fold) > 10


@pytest.mark.parametrize("people", [3, pytest.param(10, marks=pytest.mark.figures)])
def test_a_face_detector_sees_faces(model: HeadModel, people: int) -> None:
    detector = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    found = 0
    for seed in range(people):
        picture = head_picture([model.shape(random_parameters(seed)).mesh], size=(400, 480))
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        boxes = detector.detectMultiScale(grey, 1.05, 5, minSize=(120, 120))
        # The nose tip projects to the middle of the picture, a little below it.
        found += any(x < 200 < x + w and y < 235 < y + h for x, y, w, h in boxes)
    print(f"faces found: {found} of {people}")
    assert found >= 0.9 * people
    behind = head_picture([model.shape(random_parameters(0)).mesh], azimuth_deg=180, size=(400, 480))
    assert len(detector.detectMultiScale(cv2.cvtColor(behind, cv2.COLOR_RGB2GRAY), 1.05, 5, minSize=(120, 120))) == 0


def test_a_sheet_holds_every_picture() -> None:
    pictures = [np.full((40, 30, 3), shade, np.uint8) for shade in (10, 90, 170)]
    sheet = contact_sheet(pictures, ["a", "b", "c"], 2)
    assert sheet.shape[1] == 60
    assert [int(sheet[5, 5, 0]), int(sheet[5, 35, 0]), int(sheet[67, 5, 0])] == [10, 90, 170]
