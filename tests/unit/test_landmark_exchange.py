"""Landmarks in and out of every format: round trips, other programs' own files, orders told by how the points lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceapp.app.landmark_conversion import (
    ALL_KINDS,
    BY_NAME,
    ending_of,
    holds,
    mean_face,
    read_any_landmarks,
    write_any_landmarks,
)
from faceapp.app.landmark_exchange import export_landmarks, import_landmarks
from faceapp.cli.main import main
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy, Visibility
from faceapp.core.mesh import Mesh
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import write_mesh
from faceapp.landmarks.history import SCAN, LandmarkJournal
from faceapp.landmarks.order_recognition import fit_order, recognise_order
from faceapp.landmarks.point_orders import point_orders
from faceapp.landmarks.scheme import load_scheme
from faceapp.store.project import Project

SCHEME = load_scheme()
PHOTO_MARKS = Path(__file__).parents[1] / "data" / "photo_landmarks"


def solid(missing: tuple[int, ...] = ()) -> Landmarks3D:
    """The average face, eye centres between the lids, with a random millimetre."""
    points = mean_face() + np.random.default_rng(4).normal(size=(106, 3))
    for centre, lids in ((74, range(66, 74)), (83, range(75, 83)), (104, range(66, 74)), (105, range(75, 83))):
        points[centre] = points[list(lids)].mean(axis=0)
    points[list(missing)] = np.nan
    return Landmarks3D(points=points.round(4), placed_by=(PlacedBy.PERSON,) * 106)


def flat(yaw_deg: float = 0.0, missing: tuple[int, ...] = ()) -> Landmarks2D:
    """The same face in a picture of 1600 x 1200."""
    turn = np.deg2rad(yaw_deg)
    x, y, z = solid().points.T
    u = 800 + 4 * (np.cos(turn) * x + np.sin(turn) * z)
    points = np.column_stack([u, 600 - 4 * y]).round(4)
    points[list(missing)] = np.nan
    seen = [Visibility.VISIBLE] * 106
    seen[3] = Visibility.OCCLUDED
    for i in missing:
        seen[i] = Visibility.OUTSIDE
    return Landmarks2D(
        points=points, visibility=tuple(seen), placed_by=(PlacedBy.PERSON,) * 106, view="front", image_size=(1600, 1200)
    )


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("missing", [(), (7, 90)])
def test_what_a_format_holds_comes_back(tmp_path: Path, kind: str, dimension: int, missing: tuple[int, ...]) -> None:
    marks: Landmarks2D | Landmarks3D = flat(missing=missing) if dimension == 2 else solid(missing)
    file = tmp_path / f"marks{ending_of(kind)}"
    if not holds(kind, marks) or (kind == "pts" and missing):
        with pytest.raises(DataError, match=r"holds? |are 2D points"):
            write_any_landmarks(file, marks, kind)
        assert not file.exists()
        return
    write_any_landmarks(file, marks, kind)
    again = read_any_landmarks(file)
    assert type(again.marks) is type(marks)
    np.testing.assert_allclose(again.marks.points, marks.points, atol=1e-4)
    assert again.order == (BY_NAME if kind in ("slicer", "fcsv", "meshlab", "csv", "coco") else "jd106")
    if kind in ("json", "coco", "csv"):
        assert again.marks.visibility == marks.visibility
    if kind in ("json", "csv"):
        assert again.marks.placed_by == marks.placed_by


@pytest.mark.parametrize("order", list(point_orders()))
@pytest.mark.parametrize("kind", ["pts", "ljson", "csv", "coco"])
def test_a_picture_s_points_in_another_order_are_recognised(tmp_path: Path, order: str, kind: str) -> None:
    marks = flat(yaw_deg=25)
    file = tmp_path / f"marks{ending_of(kind)}"
    write_any_landmarks(file, marks, kind, order)
    again = read_any_landmarks(file)
    if order == "jd106" and kind in ("csv", "coco"):
        assert again.order == BY_NAME
    else:
        assert again.order == order
    held = [i[0] for i in point_orders()[order] if len(i) == 1]
    np.testing.assert_allclose(again.marks.points[held], marks.points[held], atol=1e-3)
    assert int(again.marks.placed.sum()) == len(held)


@pytest.mark.parametrize("order", list(point_orders()))
def test_points_in_space_are_recognised_in_any_frame(tmp_path: Path, order: str) -> None:
    marks = solid()
    turned = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    moved = Landmarks3D(points=marks.points @ turned.T + (200, -30, 5))
    write_any_landmarks(tmp_path / "marks.ljson", moved, "ljson", order)
    assert read_any_landmarks(tmp_path / "marks.ljson").order == order


@pytest.mark.parametrize("file", sorted(PHOTO_MARKS.glob("*.json")), ids=lambda f: f.stem)
def test_photographs_tell_their_order_by_far(file: Path) -> None:
    points = read_any_landmarks(file).marks.points
    for order, ids in point_orders().items():
        given = np.array([points[list(i)].mean(axis=0) for i in ids])
        assert recognise_order(given, mean_face()) == order
        others = [n for n, i in point_orders().items() if len(i) == len(ids) and n != order]
        right = fit_order(given, mean_face(), order).error
        assert all(fit_order(given, mean_face(), n).error > 4 * right for n in others)


def told(points: np.ndarray) -> str:
    with pytest.raises(DataError) as error:
        recognise_order(points, mean_face())
    return str(error.value)


def test_an_order_that_cannot_be_told_is_refused() -> None:
    marks = flat().points
    assert "no known order has as many" in told(marks[:100])
    assert "none of the known orders" in told(marks[np.random.default_rng(1).permutation(106)])
    assert "as in a mirror" in told(marks * (-1, 1))
    assert "as in a mirror" in told(marks[SCHEME.mirror])
    assert "as in a mirror" in told(solid().points * (-1, 1, 1))
    few = np.full((106, 2), np.nan)
    few[:5] = marks[:5]
    assert "at least 8" in told(few)
    same = np.full((106, 2), np.nan)
    same[:20] = marks[:20]  # the contour alone stands alike in two orders
    assert "jd106 and sensetime106 about equally" in told(same)


def test_a_named_order_is_taken_at_its_word(tmp_path: Path) -> None:
    marks = flat()
    write_any_landmarks(tmp_path / "a.pts", Landmarks2D(points=marks.points * (-1, 1) + (1600, 0)), "pts")
    with pytest.raises(DataError, match=r"a\.pts: the points lie as in a mirror"):
        read_any_landmarks(tmp_path / "a.pts")
    assert read_any_landmarks(tmp_path / "a.pts", "jd106").order == "jd106"
    with pytest.raises(UsageError, match="known are jd106"):
        read_any_landmarks(tmp_path / "a.pts", "nobody")
    with pytest.raises(DataError, match="106 points, ibug68 has 68"):
        read_any_landmarks(tmp_path / "a.pts", "ibug68")


# Files as other programs write them, by the public definitions of their formats


def ljson_1(points: np.ndarray) -> str:
    half = len(points) // 2
    groups = [
        {"label": name, "connectivity": [[0, 1]], "landmarks": [{"point": [v, u]} for u, v in part]}
        for name, part in (("a", points[:half]), ("b", points[half:]))
    ]
    return json.dumps({"version": 1, "groups": groups})


def ljson_2(points: np.ndarray) -> str:
    rows = [[v, u] for u, v in points]
    label = {"label": "all", "mask": list(range(len(rows)))}
    return json.dumps({"version": 2, "labels": [label], "landmarks": {"connectivity": [[0, 1]], "points": rows}})


def ljson_3(points: np.ndarray) -> str:
    whole = json.loads(ljson_2(points))
    return json.dumps({"version": 3, "groups": {"LJSON": {"labels": whole["labels"], "landmarks": whole["landmarks"]}}})


def ibug_pts(points: np.ndarray) -> str:
    rows = "\n".join(f"{u + 1:.6f} {v + 1:.6f}" for u, v in points)
    return f"version: 1\nn_points:  {len(points)}\n{{\n{rows}\n}}\n"


def lapa(points: np.ndarray) -> str:
    return f"{len(points)}\n" + "\n".join(f"{u:.4f} {v:.4f}" for u, v in points) + "\n"


def wflw(points: np.ndarray) -> str:
    return " ".join(f"{x:.6f}" for x in points.ravel()) + " 100 100 400 400 0 0 0 0 0 0 1--Handshaking/a_1_1.jpg\n"


def coco(points: np.ndarray) -> str:
    flat_points = [x for u, v in points for x in (u, v, 2)]
    face = {"id": 8, "image_id": 3, "category_id": 1, "keypoints": flat_points, "iscrowd": 0, "num_keypoints": 106}
    category = {"id": 1, "name": "person", "keypoints": []}
    image = {"id": 3, "file_name": "10773.jpg", "width": 90, "height": 80}
    return json.dumps({"images": [image], "annotations": [face], "categories": [category]})


def whole_body(points: np.ndarray) -> str:
    flat_points = [x for u, v in points for x in (u, v, 1)]
    face = {"id": 8, "image_id": 3, "category_id": 1, "face_kpts": flat_points, "face_valid": True}
    return json.dumps({"images": [], "annotations": [face], "categories": []})


def openface(points: np.ndarray) -> str:
    heads = ["frame", " confidence", *(f" x_{k}" for k in range(68)), *(f" y_{k}" for k in range(68))]
    values = ["1", " 0.98", *(f" {u:.4f}" for u in points[:, 0]), *(f" {v:.4f}" for v in points[:, 1])]
    return ",".join(heads) + "\n" + ",".join(values) + "\n"


@pytest.mark.parametrize(
    ("write", "name", "order"),
    [
        (ljson_1, "a.ljson", "ibug68"),
        (ljson_2, "a.ljson", "jd106"),
        (ljson_3, "a.ljson", "wflw98"),
        (ljson_3, "a.json", "insightface106"),
        (ibug_pts, "a.pts", "ibug68"),
        (lapa, "a.txt", "jd106"),
        (wflw, "a.txt", "wflw98"),
        (coco, "a.json", "jd106"),
        (whole_body, "a.json", "ibug68"),
        (openface, "a.csv", "ibug68"),
    ],
)
def test_a_picture_s_file_of_another_program_is_read(tmp_path: Path, write: Any, name: str, order: str) -> None:
    marks = flat()
    ids = point_orders()[order]
    (tmp_path / name).write_text(write(np.array([marks.points[list(i)].mean(axis=0) for i in ids])))
    found = read_any_landmarks(tmp_path / name)
    assert found.order == order
    held = [i[0] for i in ids if len(i) == 1]
    np.testing.assert_allclose(found.marks.points[held], marks.points[held], atol=1e-3)


def slicer(points: np.ndarray, system: str) -> str:
    signs = (-1, -1, 1) if system == "RAS" else (1, 1, 1)
    controls = [{"id": str(k), "label": f"F-{k}", "position": list(p * signs)} for k, p in enumerate(points, 1)]
    return json.dumps({"markups": [{"type": "Fiducial", "coordinateSystem": system, "controlPoints": controls}]})


def fcsv(points: np.ndarray, system: str) -> str:
    signs = (-1, -1, 1) if system in ("0", "RAS") else (1, 1, 1)
    head = f"# Markups fiducial file version = 4.10\n# CoordinateSystem = {system}\n"
    head += "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
    rows = [
        f"vtkMRMLMarkupsFiducialNode_{k},{x:.6f},{y:.6f},{z:.6f},0,0,0,1,1,1,0,F-{k + 1},,vtkMRMLModelNode4"
        for k, (x, y, z) in enumerate(points * signs)
    ]
    return head + "\n".join(rows) + "\n"


def picked(points: np.ndarray, _: str) -> str:
    rows = "".join(
        f' <point y="{y:.6f}" z="{z:.6f}" active="1" name="{k}" x="{x:.6f}"/>\n' for k, (x, y, z) in enumerate(points)
    )
    head = ' <DocumentData>\n  <DateTime time="10:11:12" date="2020-01-02"/>\n  <User name="u"/>\n'
    head += '  <DataFileName name="a.ply"/>\n  <templateName name=""/>\n </DocumentData>\n'
    return f"<!DOCTYPE PickedPoints>\n<PickedPoints>\n{head}{rows}</PickedPoints>\n"


@pytest.mark.parametrize(
    ("write", "name", "system"),
    [
        (slicer, "a.mrk.json", "LPS"),
        (slicer, "a.mrk.json", "RAS"),
        (fcsv, "a.fcsv", "0"),
        (fcsv, "a.fcsv", "LPS"),
        (picked, "a.pp", ""),
    ],
)
def test_a_mesh_s_file_of_another_program_is_read(tmp_path: Path, write: Any, name: str, system: str) -> None:
    marks = solid()
    (tmp_path / name).write_text(write(marks.points, system))
    found = read_any_landmarks(tmp_path / name)
    assert found.order == "jd106"
    np.testing.assert_allclose(found.marks.points, marks.points, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.ljson", '{"version": 4, "groups": {}}', "version 4 is not known"),
        ("a.ljson", '{"version": 3, "groups": {"a": 1, "b": 2}}', "2 groups of landmarks"),
        ("a.ljson", '{"version": 2, "landmarks": {}}', "field points is missing"),
        ("a.ljson", "[1, 2", "no JSON"),
        ("a.json", '{"hello": 1}', "neither LJSON, nor 3D Slicer markups"),
        ("a.mrk.json", '{"markups": []}', "0 lists of points"),
        ("a.mrk.json", '{"markups": [{"coordinateSystem": "IJK", "controlPoints": []}]}', "LPS or RAS"),
        ("a.coco.json", '{"annotations": []}', "0 faces"),
        ("a.pp", "<PickedPoints><point x='1'/></PickedPoints>", "not as its format says"),
        ("a.pp", "<!DOCTYPE a [<!ENTITY b 'c'>]><PickedPoints/>", "defines entities"),
        ("a.csv", "a,b\n1,2\n", "columns x and y"),
        ("a.csv", "", "no rows"),
        ("a.txt", "3\n1 2\n", "a count and as many lines"),
    ],
)
def test_a_broken_file_says_what_is_wrong(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message) as error:
        read_any_landmarks(tmp_path / name)
    assert name in str(error.value)


# The commands


def test_convert_says_the_order_that_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_any_landmarks(tmp_path / "a.pts", flat(), "pts", "ibug68")
    out = tmp_path / "b.coco.json"
    assert main(["landmarks", "convert", str(tmp_path / "a.pts"), str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["order"] == "ibug68"
    assert json.loads(out.read_text())["annotations"][0]["num_keypoints"] == 60
    assert main(["landmarks", "convert", str(tmp_path / "a.pts"), str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    json_out = str(tmp_path / "c.json")
    assert main(["landmarks", "convert", str(tmp_path / "a.pts"), json_out, "--to-order", "ibug68"]) == 2


def scanned(folder: Path) -> Project:
    """A project with a sample of a scan alone, whose surface passes through the points of `solid`."""
    project = Project.create(folder / "p")
    project.add_subject()
    with project.new_sample("S0001", "neutral") as (_, sample):
        (sample / "scan").mkdir()
        points = solid().points
        write_mesh(sample / "scan" / "mesh.ply", Mesh(points.astype(np.float32), np.array([[0, 1, 2]], np.int32)))
        guess = Landmarks3D(points=points)
        (sample / "landmarks" / "prefill").mkdir(parents=True)
        write_landmarks(sample / "landmarks" / "prefill" / "scan.json", guess)
    return project


def test_points_in_space_go_onto_the_scan_and_out_again(tmp_path: Path) -> None:
    marks = solid((7,))
    write_any_landmarks(tmp_path / "a.mrk.json", marks, "slicer")
    with scanned(tmp_path) as project:
        sample = project.samples()[0]
        done = import_landmarks(project, sample, tmp_path / "a.mrk.json", "AB")
        assert (done.view, done.order, done.count) == (SCAN, BY_NAME, 105)
        journal = LandmarkJournal(project.sample_folder(sample) / "landmarks" / "AB" / "journal.jsonl")
        assert (SCAN, 7) not in journal.state
        for kind in ("slicer", "fcsv", "meshlab", "csv", "ljson", "json"):
            file = export_landmarks(project, sample, tmp_path / kind, kind)[0]
            again = read_any_landmarks(file).marks
            np.testing.assert_allclose(again.points[marks.placed], marks.points[marks.placed], atol=1e-3)
        with pytest.raises(DataError, match="no landmarks of pictures"):
            export_landmarks(project, sample, tmp_path / "pts", "pts")
        far = Landmarks3D(points=marks.points + 500)
        write_any_landmarks(tmp_path / "far.pp", far, "meshlab")
        with pytest.raises(DataError, match="do not lie on the scan"):
            import_landmarks(project, sample, tmp_path / "far.pp", "AB")
