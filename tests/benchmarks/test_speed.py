"""Seconds and the machine: ``pytest tests/benchmarks --benchmark-only``."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from faceapp.app.decoding import decode_bundle
from faceapp.app.registering import register_scan
from faceapp.app.template import own_template
from faceapp.capture.engine import GroupCapture
from faceapp.capture.frame_signs import frame_signs
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.fringe.decode import GroupScan, decode_group
from faceapp.fringe.demodulation import decode_phase
from faceapp.fringe.reference import wrapped_phase
from faceapp.fringe.row_blocks import side_by_side
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.fusion import fuse
from faceapp.morphable.head import load_head, random_parameters


def _decode(capture: GroupCapture, threads: int = 0):
    white = dict.fromkeys(capture.stacks, 255.0)
    picture = next(iter(capture.pictures.values()))
    return decode_group(capture.group, capture.stacks, white, picture, depth_images=False, threads=threads)


def _decode_all(captured: dict[str, GroupCapture]) -> dict[str, GroupScan]:
    done = side_by_side({name: functools.partial(_decode, capture) for name, capture in captured.items()})
    return {name: scan.result() for name, scan in done}


def test_phase_of_one_camera(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture]) -> None:
    capture = captured["middle"]
    model = capture.group.infrared[0]
    phase = benchmark(decode_phase, capture.stacks[model.name], model.sensor, 255.0)
    assert phase.valid.sum() > 100_000


def test_signs_of_one_camera(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture]) -> None:
    """Whether each frame shows the pattern it should: step, residual, flood and dark."""
    capture = captured["middle"]
    model = capture.group.infrared[0]
    signs = benchmark(frame_signs, capture.stacks[model.name], model.sensor, 255.0)
    assert not signs.is_doubt


def test_phase_of_one_camera_in_plain_numpy(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture]) -> None:
    """The reference that the kernel is held to: three demodulations without masks, noise and unwrapping."""
    capture = captured["middle"]
    stack = capture.stacks[capture.group.infrared[0].name]
    steps = [stack.frames[list(stack.sequence.steps(f))] for f in stack.sequence.frequencies]
    benchmark(lambda: [wrapped_phase(s) for s in steps])


def test_decode_and_triangulate_one_group(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture]) -> None:
    scan = benchmark(_decode, captured["middle"])
    assert len(scan.cloud) > 100_000


def test_decode_three_groups_on_all_cores(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture]) -> None:
    """Frames in memory to three clouds with normals, colour and sigma."""
    benchmark(_decode_all, captured)


@pytest.mark.benchmark(timer=time.process_time)
def test_decode_three_groups_in_one_thread(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture]) -> None:
    benchmark(lambda: [_decode(c, threads=1) for c in captured.values()])


def test_read_the_bytes_of_three_groups(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture]) -> None:
    """What no decoder can do without: the twelve frames that depth needs, read once, in one thread."""
    frames = [stack.frames[:12].reshape(-1).view(np.uint64) for c in captured.values() for stack in c.stacks.values()]
    benchmark(lambda: [int(np.bitwise_xor.reduce(f)) for f in frames])


def test_clouds_to_the_screen(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture]) -> None:
    """The triangles between neighbouring pixels of three clouds, which the 3D view shows."""
    benchmark(lambda: [len(scan.faces) for scan in _decode_all(captured).values()])


def test_fusion_of_three_groups(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture]) -> None:
    clouds = {name: _decode(capture).cloud for name, capture in captured.items()}
    fused = benchmark.pedantic(fuse, (clouds,), rounds=3, iterations=1)
    assert len(fused.cloud) > 300_000


@pytest.fixture(scope="module")
def scan() -> tuple[Mesh, Landmarks3D]:
    head = load_head(3).shape(random_parameters(3), "smile")
    return Mesh(head.skin.vertices, head.skin.faces), Landmarks3D(points=head.landmarks)


def test_registration(benchmark: BenchmarkFixture, scan: tuple[Mesh, Landmarks3D]) -> None:
    result = benchmark.pedantic(register_scan, scan, rounds=3, iterations=1, warmup_rounds=1)
    assert result.report.value("face.residual_mean") < 0.1


def test_closest_points(benchmark: BenchmarkFixture, scan: tuple[Mesh, Landmarks3D]) -> None:
    tree = SurfaceTree(scan[0].vertices, scan[0].faces)
    queries = own_template().mesh.vertices.astype(np.float64)
    assert np.isfinite(benchmark(tree.query, queries).distance).all()


def test_closest_points_by_open3d(benchmark: BenchmarkFixture, scan: tuple[Mesh, Landmarks3D]) -> None:
    """The library's answer to the same queries, in the same run."""
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(np.array(scan[0].vertices), np.array(scan[0].faces).astype(np.uint32))
    queries = np.array(own_template().mesh.vertices)
    benchmark(lambda: scene.compute_closest_points(queries, nthreads=os.cpu_count() or 1))


def test_reading_and_decoding_a_bundle(benchmark: BenchmarkFixture, data: Path) -> None:
    from faceapp.formats.capture_bundle import read_bundle

    benchmark.pedantic(lambda: decode_bundle(read_bundle(data / "fringe" / "sim-a")), rounds=3, iterations=1)
