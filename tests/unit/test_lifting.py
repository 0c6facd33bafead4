"""From a pixel to the surface between the vertices, over holes and edges, and whether a camera sees a point."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.core.cloud import PointCloud
from faceapp.core.landmarks import Landmarks2D, PlacedBy, Visibility
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.geometry.depth_rendering import render_depth
from faceapp.geometry.point_depth import completed_depth
from faceapp.landmarks.board import Board, BoardView
from faceapp.landmarks.history import SCAN, Placed
from faceapp.landmarks.lifting import Lifter
from faceapp.landmarks.scheme import load_scheme
from faceapp.landmarks.surface_under_pixel import points_under_pixels
from faceapp.landmarks.visibility import seen_from

SIZE = (400, 320)


def camera(x: float = 0.0, turn_deg: float = 0.0, name: str = "front") -> CameraModel:
    """700 mm before the origin, turned about y, with a lens that bends a little."""
    t = np.radians(turn_deg)
    turn = np.array([[np.cos(t), 0, np.sin(t)], [0, 1, 0], [-np.sin(t), 0, np.cos(t)]])
    k = np.array([[900.0, 0, 199.5], [0, 900.0, 159.5], [0, 0, 1]])
    pose = RigidTransform(turn @ np.diag([1.0, -1, -1]), turn @ np.array([x, 0, 700.0]))
    return CameraModel(name, *SIZE, k, np.array([-0.05, 0.02, 0, 0, 0]), pose)


def grid(step: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(-140, 141, step), np.arange(-110, 111, step))
    n = x.shape[1]
    a = (np.arange(x.shape[0] - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + n + 1], 1), np.stack([a, a + n + 1, a + n], 1)])
    return np.stack([x, y, 0.4 * x + 0.1 * y], axis=-1).reshape(-1, 3), faces


@pytest.fixture(scope="module")
def slope() -> tuple[CameraModel, np.ndarray, np.ndarray]:
    points, faces = grid()
    front = camera()
    return front, points, render_depth(points, faces, front)


def test_a_pixel_finds_the_surface_between_the_vertices(slope: tuple[CameraModel, np.ndarray, np.ndarray]) -> None:
    front, points, depth = slope
    wanted = np.array([[3.3, 7.7, 0.4 * 3.3 + 0.77], [-40.1, 22.9, -16.04 + 2.29], [61.7, -51.3, 24.68 - 5.13]])
    pixels, _ = front.project(wanted)
    found = points_under_pixels(pixels, front, depth)
    np.testing.assert_allclose(found.points, wanted, atol=0.02)
    normal = np.array([-0.4, -0.1, 1]) / np.linalg.norm([-0.4, -0.1, 1])
    np.testing.assert_allclose(found.normals, np.tile(normal, (3, 1)), atol=0.02)
    fine, paper = Lifter(points, front, depth), Lifter(points, front, depth, paper=True)
    one, other = fine.lift(pixels[0]), paper.lift(pixels[0])
    assert one is not None and other is not None
    assert one.vertex == -1
    np.testing.assert_allclose(points[other.vertex], other.point)
    assert np.linalg.norm(other.point - wanted[0]) > 10 * np.linalg.norm(one.point - wanted[0])


def test_a_small_hole_is_bridged_and_a_large_one_is_not(slope: tuple[CameraModel, np.ndarray, np.ndarray]) -> None:
    front, _, depth = slope
    pixel = np.array([[200.0, 160.0]])
    whole = points_under_pixels(pixel, front, depth).points
    for reach, found in ((3, True), (9, False)):
        holed = depth.copy()
        holed[160 - reach : 161 + reach, 200 - reach : 201 + reach] = np.nan
        over = points_under_pixels(pixel, front, holed)
        assert np.isfinite(over.points).all() == found
        if found:
            assert np.linalg.norm(over.points - whole) < 0.5
            assert np.isnan(over.normals).all()  # the rim does not tell it


def test_an_edge_does_not_pull_a_point_off_its_surface() -> None:
    front = camera()
    depth = np.full((SIZE[1], SIZE[0]), 700.0, np.float32)
    depth[:, :200] = 640.0
    for u, z in ((198.6, 640.0), (201.4, 700.0)):
        point = points_under_pixels([[u, 160.0]], front, depth).points[0]
        assert 700 - point[2] == pytest.approx(z, abs=0.01)


def test_what_a_group_lacks_comes_from_the_others() -> None:
    front = camera()
    points, faces = grid(0.5)
    whole = render_depth(points, faces, front)
    part = whole.copy()
    part[:, 230:] = np.nan
    normal = np.array([-0.4, -0.1, 1]) / np.linalg.norm([-0.4, -0.1, 1])
    cloud = PointCloud(points.astype(np.float32), normals=np.tile(normal, (len(points), 1)).astype(np.float32))
    filled = completed_depth(part, front, [cloud])
    seen = np.isfinite(whole[40:280, 240:330])
    np.testing.assert_allclose(filled[40:280, 240:330][seen], whole[40:280, 240:330][seen], atol=0.4)
    known = np.isfinite(part)
    np.testing.assert_array_equal(filled[known], part[known])
    turned = PointCloud(cloud.points, normals=-np.asarray(cloud.normals))
    assert np.isnan(completed_depth(part, front, [turned])[100, 300])  # its back says nothing


def test_grazing_skin_is_seen_and_turned_skin_is_not() -> None:
    front = camera()
    angle = np.radians(np.arange(-120, 121, 0.5))
    y = np.arange(-60, 61, 1.0)
    a, v = np.meshgrid(angle, y)
    barrel = np.stack([70 * np.sin(a), v, 70 * np.cos(a)], axis=-1).reshape(-1, 3)
    n = len(angle)
    i = (np.arange(len(y) - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate([np.stack([i, i + 1, i + n + 1], 1), np.stack([i, i + n + 1, i + n], 1)])
    depth = render_depth(barrel, faces, front)
    at = np.radians([0.0, 60, 80, 83, 88, 100])
    normals = np.stack([np.sin(at), np.zeros(6), np.cos(at)], axis=1)
    points = 70 * normals
    towards = np.einsum("nd,nd->n", front.centre - points, normals) > 0
    np.testing.assert_array_equal(seen_from(front, depth, points, normals), towards)
    assert seen_from(front, depth, points, None)[4]  # the blunt tolerance takes what turns away for seen


def two_views() -> tuple[Board, np.ndarray]:
    points, faces = grid()
    scheme = load_scheme()
    face = np.column_stack([scheme.mean_shape * (60, -60), np.zeros(106)])
    face[:, 2] = 0.4 * face[:, 0] + 0.1 * face[:, 1]
    views, prefill = [], {}
    for name, x in (("front", 0.0), ("side", 60.0)):
        seen_by = camera(x, 5.0 if x else 0.0, name)
        views.append(BoardView(name, seen_by, Lifter(points, seen_by, render_depth(points, faces, seen_by))))
        guess = seen_by.project(face + np.array([4.0, 0, 1.6]))[0]
        prefill[name] = Landmarks2D(points=guess, placed_by=(PlacedBy.PREFILL,) * 106, view=name)
    return Board(scheme, tuple(views), prefill), face


def test_a_point_placed_in_one_view_stands_right_in_the_other() -> None:
    board, face = two_views()
    front, side = (camera(x, t, n) for x, t, n in ((0.0, 0.0, "front"), (60.0, 5.0, "side")))
    u, v = front.project(face[[90]])[0][0]
    board.update({("front", 90): Placed((u, v), Visibility.VISIBLE)})
    np.testing.assert_allclose(board.joined.points[90], face[90], atol=0.03)
    np.testing.assert_allclose(board.shown["side"].points[90], side.project(face[[90]])[0][0], atol=0.05)
    assert board.shown["side"].placed_by[90] is PlacedBy.PROJECTION
    assert np.isnan(board.spread(90))
    at = side.project(face[[90]] + np.array([[2.0, 0, 0.8]]))[0][0]
    both = {("front", 90): Placed((u, v), Visibility.VISIBLE), ("side", 90): Placed(tuple(at), Visibility.VISIBLE)}
    board.update(both)
    assert board.spread(90) == pytest.approx(np.hypot(2.0, 0.8), abs=0.05)
    assert board.residual("front", 90) == pytest.approx(np.hypot(1.0, 0.4), abs=0.03)


def test_a_point_on_the_scan_is_followed_by_every_view_and_guesses_are_not() -> None:
    board, face = two_views()
    board.update({(SCAN, 54): Placed(tuple(face[54]), Visibility.VISIBLE)})
    for name, x, turn in (("front", 0.0, 0.0), ("side", 60.0, 5.0)):
        pixels = camera(x, turn, name).project(face[[54]])[0][0]
        np.testing.assert_allclose(board.shown[name].points[54], pixels, atol=0.01)
        assert board.shown[name].placed_by[53] is PlacedBy.PREFILL
    refitted = Placed((100.0, 100.0), Visibility.VISIBLE, PlacedBy.PREFILL)
    board.update({("front", 53): refitted})
    assert board.shown["side"].placed_by[53] is PlacedBy.PREFILL  # what only a machine moved is not carried over


def test_a_point_that_went_past_an_edge_is_not_carried_into_pictures_whose_guess_it_contradicts() -> None:
    """A mouth corner whose pixel shows the inside of the mouth, 60 mm behind the lips."""
    cameras = {name: camera(turn_deg=turn, name=name) for name, turn in (("front", 0.0), ("side", 35.0))}
    depths = {"front": np.full((SIZE[1], SIZE[0]), 760.0, np.float32), "side": None}
    lips = np.zeros((106, 3))
    guess = {
        name: Landmarks2D(points=model.project(lips)[0], sigma=np.full(106, 3.0), view=name)
        for name, model in cameras.items()
    }
    lifters = {"front": Lifter(np.zeros((0, 3)), cameras["front"], depths["front"]), "side": None}
    board = Board(load_scheme(), tuple(BoardView(n, m, lifters[n]) for n, m in cameras.items()), guess)
    u, v = guess["front"].points[90]
    board.update({("front", 90): Placed((float(u) + 1, float(v)), Visibility.VISIBLE)})
    np.testing.assert_allclose(board.shown["side"].points[90], guess["side"].points[90])
    # Far from the guess where it was placed, a person knows better than any guess.
    board.update({("front", 90): Placed((float(u) + 40, float(v)), Visibility.VISIBLE)})
    assert board.shown["side"].placed_by[90] is PlacedBy.PROJECTION
