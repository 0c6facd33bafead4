"""The compiled passes of the decoder agree with plain NumPy, and with libraries where there is one."""

from __future__ import annotations

import os
import threading

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from faceapp.core.frames import FrameStack, PhaseMap
from faceapp.core.rig import CameraModel, Sensor
from faceapp.core.sequence import FringeSequence, multi_frequency
from faceapp.core.transforms import RigidTransform
from faceapp.fringe import reference
from faceapp.fringe.colour import colour_points
from faceapp.fringe.demodulation import PhaseLimits, decode_phase
from faceapp.fringe.islands import drop_islands
from faceapp.fringe.pinhole_grid import PinholeGrid
from faceapp.fringe.row_blocks import over_rows
from faceapp.fringe.surface import SurfaceRules, grid_faces, grid_points
from faceapp.fringe.triangulation import InverseDepth, match_cameras
from faceapp.geometry.depth_rendering import render_depth, visible_points

SENSOR = Sensor(255.0, 0.0, 39.2, 5.0)
H, W = 70, 300


def stack_of(sequence: FringeSequence, dtype: type = np.uint8, seed: int = 0) -> FrameStack:
    """Noisy frames of a bumpy surface, with a dark band, a saturated spot and a depth edge."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[:H, :W]
    x = 0.2 + 0.6 * u / W + 0.01 * np.sin(u / 25) * np.cos(v / 9) + 0.05 * (u > 180)
    light = np.stack([sequence.pattern(i, x) for i in range(len(sequence))])
    albedo = 0.8 + 0.1 * np.sin(v / 5)
    albedo[:, 60:75] = 0.02
    albedo[30:34, 220:230] = 2.0
    counts = 12 + 190 * albedo * light
    counts[:, 50:54, 100:140] = 170 + 40 * light[:, 50:54, 100:140]  # a lamp of the room
    counts = counts + rng.normal(size=counts.shape) * np.sqrt(counts / 39.2)
    scale = 16 if dtype is np.uint16 else 1
    return FrameStack("c", np.clip(np.rint(counts * scale), 0, 255 * scale).astype(dtype), sequence)


SEQUENCES = {
    "1, 8, 64 in 4": multi_frequency(),
    "3, 5 and 8 steps": multi_frequency((1.0, 6.0, 32.0), (3, 5, 8)),
    "heterodyne": multi_frequency((50.0, 43.0, 37.0), (4, 6, 4)),
}


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("threads", [1, 3])
def test_phase_is_that_of_the_reference(name: str, dtype: type, threads: int) -> None:
    stack = stack_of(SEQUENCES[name], dtype)
    white = 255.0 if dtype is np.uint8 else 4080.0
    sensor = Sensor(white, 0.0, 39.2 * 255 / white, 5.0)
    found = decode_phase(stack, sensor, white, threads=threads)
    position, variance, modulation = reference.decode_stack(stack, sensor, white, PhaseLimits())
    known = np.isfinite(position)
    # pixels within rounding of a limit may fall on either side of it
    assert np.mean(found.valid == known) > 0.9995
    both = found.valid & known
    assert both.mean() > 0.5
    np.testing.assert_allclose(found.modulation[both], modulation[both], rtol=1e-5)
    if name != "heterodyne":
        np.testing.assert_allclose(found.position[both], position[both], atol=3e-6 / (2 * np.pi))
        np.testing.assert_allclose(found.variance[both], variance[both], rtol=1e-4)


def test_what_is_dark_has_no_garbage_in_it() -> None:
    sequence = multi_frequency()
    frames = np.full((len(sequence), 64, 900), 3, np.uint8)
    frames[:, :, :200] = stack_of(sequence).frames[:, :64, :200]
    found = decode_phase(FrameStack("c", frames, sequence), SENSOR, 255.0)
    assert not found.valid[:, 200:].any()
    assert (found.variance[:, 300:] == 0).all() and np.isfinite(found.modulation).all()


def test_light_of_the_room_is_masked() -> None:
    stack = stack_of(multi_frequency())
    lamp = np.zeros((H, W), bool)
    lamp[50:54, 100:140] = True
    assert not decode_phase(stack, SENSOR, 255.0).valid[lamp].any()
    assert decode_phase(stack, SENSOR, 255.0, PhaseLimits(max_ambient=1.0)).valid[lamp].mean() > 0.9


def test_all_frequencies_together_are_surer_than_the_finest_alone() -> None:
    sequence = SEQUENCES["heterodyne"]
    truth = stack_of(sequence, seed=1)
    v, u = np.mgrid[:H, :W]
    x = 0.2 + 0.6 * u / W + 0.01 * np.sin(u / 25) * np.cos(v / 9) + 0.05 * (u > 180)
    found = decode_phase(truth, SENSOR, 255.0)
    alone, variance, _ = reference.decode_stack(truth, SENSOR, 255.0, PhaseLimits())
    both = found.valid & np.isfinite(alone)
    error = (found.position - x)[both]
    assert error.std() < 0.8 * (alone - x)[both].std()
    assert np.median(found.variance[both]) < 0.7 * np.nanmedian(variance[both])
    normalised = error / np.sqrt(found.variance[both])
    assert 0.93 < 1.4826 * np.median(np.abs(normalised)) < 1.07


def test_order_residuals_are_counted_in_units_of_their_noise() -> None:
    found = decode_phase(stack_of(multi_frequency()), SENSOR, 255.0)
    count, total = found.blocks[..., 0], found.blocks[..., 1]
    assert count.sum() == found.valid_pixels == found.valid.sum()
    full = count > 200
    normalised = total[full] / np.sqrt(count[full])
    assert abs(normalised.mean()) < 1.0
    assert 0.5 < normalised.std() < 1.5


def whole_grid(focal: float = 500.0, x: float = 0.0, shape: tuple[int, int] = (H, W)) -> PinholeGrid:
    v, u = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    centre = np.array([x, 0.0, 0.0])
    return PinholeGrid(np.eye(3), centre, focal, (shape[1] - 1) / 2, (shape[0] - 1) / 2, u, v)


def phase_of(position: np.ndarray) -> PhaseMap:
    """A phase map with NaN as what is not known; every pixel lies in a block that counts."""
    values = np.where(np.isfinite(position), position, -8.0).astype(np.float32)
    blocks = np.ones((-(-position.shape[0] // 32), -(-position.shape[1] // 32), 4), np.float32)
    ones = np.ones(position.shape, np.float32)
    return PhaseMap("c", 64.0, values, 1e-8 * ones, ones, blocks, True)


def test_matching_is_that_of_the_reference() -> None:
    rng = np.random.default_rng(4)
    v, u = np.mgrid[:H, :W]
    x2 = 0.1 + 0.8 * u / W + 0.002 * np.sin(u / 11 + v) + rng.normal(size=u.shape) * 2e-5
    x1 = 0.1 + 0.8 * (u - 20) / W + 0.003 * np.cos(u / 17 - v)
    x2[:, 100:120] += 0.04  # a part that stands out, and hides what is behind
    x1[rng.random(x1.shape) < 0.02] = np.nan
    x2[rng.random(x2.shape) < 0.02] = np.nan
    first, second = whole_grid(), whole_grid(x=60.0)
    found = match_cameras((phase_of(x1), phase_of(x2)), (first, second), threads=1)
    disparity = found.value * 500.0 * 60.0
    column = np.where(found.value > 0, u - disparity, np.nan)
    # bilinear interpolation at whole pixels needs the neighbours to the right and below
    for row in range(0, H - 1, 7):
        known1 = np.isfinite(x1[row : row + 2]).all(axis=0)
        known1 &= np.r_[known1[1:], False]
        known2 = np.isfinite(x2[row : row + 2]).all(axis=0)
        known2 &= np.r_[known2[1:], False]
        wanted = reference.match_row(
            np.where(known1, x1[row], np.nan).astype(np.float32), np.where(known2, x2[row], np.nan), 0.0132
        )
        wanted[~(u[row] - wanted > 0)] = np.nan
        both = np.isfinite(wanted) & np.isfinite(column[row])
        assert both.sum() > 100
        np.testing.assert_allclose(column[row][both], wanted[both], atol=2e-3)
        assert np.mean(np.isfinite(column[row])[np.isfinite(wanted)]) > 0.98


def bumpy_depth(edge: float = 60.0) -> InverseDepth:
    v, u = np.mgrid[:H, :W]
    z = 600 + 5 * np.sin(u / 20) + 4 * np.cos(v / 15) - edge * (u > 150)
    value = (1 / z).astype(np.float32)
    value[:10, :10] = -1
    sigma = np.full(value.shape, 0.03 / 600**2, np.float32)
    noise = np.random.default_rng(5).normal(size=value.shape).astype(np.float32)
    spans = np.tile(np.array([0, W], np.int32), (H, 1))
    return InverseDepth(whole_grid(), np.where(value > 0, value + sigma * noise, value), sigma, spans)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_plane_fits_are_those_of_the_reference(smooth: bool, threads: int) -> None:
    depth = bumpy_depth()
    found = grid_points(depth, SurfaceRules(smooth=smooth), threads=threads)
    assert len(found.points) > 0.95 * H * W
    for i in range(0, len(found.points), 997):
        row, column = divmod(int(found.cells[i]), W)
        w0, a, b, variance = reference.fit_plane(depth.value, 3 / 500, row, column)
        w = w0 if smooth else float(depth.value[row, column])
        x, y = (column - depth.grid.cx) / 500, (row - depth.grid.cy) / 500
        np.testing.assert_allclose(found.points[i], np.array([x, y, 1]) / w, rtol=2e-6, atol=2e-4)
        n = -np.array([a * 500, b * 500, w0 - a * 500 * x - b * 500 * y])
        np.testing.assert_allclose(found.normals[i], n / np.linalg.norm(n), atol=2e-4)
        single = float(depth.sigma[row, column])
        off = abs(w0 - float(depth.value[row, column]))
        beside_edge = variance > 1.01 / 25
        alone = off if off > 3 * single else single
        sigma = float(np.hypot(0.9 * single, 0.6 * off)) if beside_edge else alone
        scale = np.sqrt(x * x + y * y + 1) / w**2
        if smooth:  # never surer than independent neighbours would be; inside never less sure than the point alone
            least = min(np.sqrt(2.49 * variance), 0.998)
            assert single * least * scale < found.sigma[i]
            assert beside_edge or found.sigma[i] < 1.002 * sigma * scale
        else:
            assert found.sigma[i] == pytest.approx(sigma * scale, rel=2e-3)
        np.testing.assert_array_equal(found.pixels[i], (column, row))


def test_faces_join_neighbours_on_one_surface_and_face_the_camera() -> None:
    depth = bumpy_depth()
    found = grid_points(depth, SurfaceRules())
    faces = grid_faces(found.cells, found.points, depth.grid)
    there = np.zeros((H, W), bool)
    there.ravel()[found.cells] = True
    whole = there[:-1, :-1] & there[:-1, 1:] & there[1:, :-1] & there[1:, 1:]
    whole[:, 150] = False  # the edge
    assert len(faces) == 2 * whole.sum()
    corners = found.points[faces].astype(float)
    outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("nd,nd->n", outward, corners[:, 0]) < 0).all()


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 1)),
    st.integers(1, 9),
)
@settings(max_examples=200)
def test_islands_are_those_of_opencv(mask: np.ndarray, smallest: int) -> None:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] >= smallest
    large[0] = False
    wanted = large[labels]
    found = mask.copy()
    assert drop_islands(found, smallest) == wanted.sum()
    np.testing.assert_array_equal(found.astype(bool), wanted)


@given(st.integers(0, 300), st.integers(1, 40), st.integers(1, 8))
def test_blocks_cover_every_row_once(rows: int, multiple: int, threads: int) -> None:
    count = np.zeros(rows, int)

    def work(first: int, last: int) -> None:
        assert first % multiple == 0
        count[first:last] += 1

    over_rows(work, rows, multiple, threads)
    assert (count == 1).all()


def test_what_fails_in_a_block_is_told_and_the_cores_are_free_again() -> None:
    both = min(os.cpu_count() or 1, 2)
    inside = threading.Barrier(both, timeout=20)

    def work(first: int, last: int) -> None:
        inside.wait()
        raise IndexError(f"row {first}")

    for _ in range(3):
        with pytest.raises(IndexError, match="row"):
            over_rows(work, 600, threads=2)
    workers: set[int] = set()
    met = threading.Barrier(2, timeout=20)

    def meet(first: int, last: int) -> None:
        if threading.get_ident() not in workers:
            workers.add(threading.get_ident())
            met.wait()  # two at once, or it breaks

    if (os.cpu_count() or 1) > 1:
        over_rows(meet, 600, threads=2)
        assert len(workers) == 2


def test_who_finds_all_cores_busy_works_alone() -> None:
    """Groups side by side keep to a core each."""
    cores = os.cpu_count() or 1
    inside, go = threading.Barrier(cores + 1, timeout=20), threading.Event()

    def hold(first: int, last: int) -> None:
        if first == 0:
            inside.wait()
            go.wait(20)

    busy = [threading.Thread(target=over_rows, args=(hold, 1, 1, 0)) for _ in range(cores)]
    workers: set[int] = set()
    holding = [threading.Thread(target=over_rows, args=(hold, 2, 1, 2)) for _ in busy]
    for thread in holding:
        thread.start()
    inside.wait()
    over_rows(lambda first, last: workers.add(threading.get_ident()), 600)
    go.set()
    for thread in holding:
        thread.join()
    assert workers == {threading.get_ident()}


def test_points_take_the_colour_of_their_pixel_and_none_through_what_hides_them() -> None:
    """A ball in front of a wall: what the camera sees by a rendered depth image is what takes a colour."""
    ball = 40 * np.array(
        [
            [np.cos(a) * np.cos(b), np.sin(b), np.sin(a) * np.cos(b)]
            for b in np.linspace(-1.5, 1.5, 240)
            for a in np.linspace(0, 2 * np.pi, 480)
        ]
    )
    grid = np.stack(np.meshgrid(np.linspace(-150, 150, 500), np.linspace(-100, 100, 340)), axis=-1).reshape(-1, 2)
    wall = np.c_[grid, np.full(len(grid), -120.0)]
    points = np.concatenate([ball, wall]).astype(np.float32)
    normals = np.concatenate([ball / 40, np.tile([0.0, 0, 1], (len(wall), 1))]).astype(np.float32)
    pose = RigidTransform(np.diag([1.0, -1, -1]), np.array([30.0, 10, 600]))
    camera = CameraModel("rgb", 640, 480, np.array([[900.0, 0, 320], [0, 900, 240], [0, 0, 1]]), np.zeros(5), pose)
    v, u = np.mgrid[:480, :640]
    picture = np.stack([u / 3, v / 2, (u + v) / 5], axis=-1).astype(np.uint8)
    cosine = np.einsum("nd,nd->n", normals, camera.centre - points) / np.linalg.norm(camera.centre - points, axis=1)
    places = np.ascontiguousarray(np.c_[(*camera.project(points), cosine)].T, np.float32)
    colors, found = colour_points(places, camera, picture, 1.0, threads=2)
    seen = np.isfinite(found).all(axis=1)
    depth = render_depth(*_triangles(ball, wall), camera)
    front = np.einsum("nd,nd->n", normals, camera.centre - points) > 0
    wanted = visible_points(points, camera, depth, tolerance=1.5) & front
    # within a few pixels of the ball's outline and of the picture's rim the coarse cells may decide otherwise
    on_ball = (depth < 690).astype(np.uint8)
    rim = cv2.dilate(on_ball, np.ones((9, 9))) - cv2.erode(on_ball, np.ones((9, 9)))
    u, v = np.nan_to_num(camera.project(points)[0]).T
    inside = (u > 4) & (v > 4) & (u < 635) & (v < 475)
    clear = ~inside
    clear[inside] = rim[v[inside].astype(int), u[inside].astype(int)] == 0
    grazing = np.einsum("nd,nd->n", normals, camera.centre - points) / np.linalg.norm(camera.centre - points, axis=1)
    clear &= np.abs(grazing) > 0.06
    assert clear.mean() > 0.7
    np.testing.assert_array_equal(seen[clear], wanted[clear])
    pixels, _ = camera.project(points[seen])
    np.testing.assert_allclose(found[seen], pixels, atol=1e-3)
    expected = np.stack([pixels[:, 0] / 3, pixels[:, 1] / 2, pixels.sum(axis=1) / 5], axis=1)
    assert np.abs(colors[seen] - expected).max() < 2.0


def _triangles(ball: np.ndarray, wall: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    def grid_of(rows: int, columns: int, start: int) -> np.ndarray:
        i = start + np.arange(rows * columns).reshape(rows, columns)
        a, b, c, d = i[:-1, :-1].ravel(), i[:-1, 1:].ravel(), i[1:, :-1].ravel(), i[1:, 1:].ravel()
        return np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])

    faces = np.concatenate([grid_of(240, 480, 0), grid_of(340, 500, len(ball))])
    return np.concatenate([ball, wall]), faces
