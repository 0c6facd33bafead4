"""Topology of the head: the same for everyone, closed but for the neck and the eyes, mirror-symmetric."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceapp.core.errors import UsageError
from faceapp.morphable.head import HeadModel, head_template, load_head
from faceapp.morphable.head.cage import PART_NAMES, cage
from faceapp.morphable.head.smoothness import edges, second_differences
from faceapp.morphable.head.subdivision import inherit_corners, refine, triangulate


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head(2)


def directed_edges(quads: np.ndarray) -> np.ndarray:
    return np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2)


def test_cage_has_the_counts_of_the_recipe() -> None:
    topology = cage()
    assert topology.size == 1531
    assert topology.quads.shape == (1500, 4)
    assert len(edges()) == 3032
    assert second_differences().shape == (2926, 1531)


@pytest.mark.parametrize(("level", "vertices"), [(0, 1531), (1, 6063), (2, 24127), (3, 96255)])
def test_subdivision_counts_and_weights(level: int, vertices: int) -> None:
    topology = cage()
    fine = refine(topology.quads, topology.mirror, level)
    assert fine.matrix.shape == (vertices, 1531)
    assert fine.quads.shape == (1500 * 4**level, 4)
    np.testing.assert_allclose(np.asarray(fine.matrix.sum(axis=1)), 1, atol=1e-12)


def test_surface_is_oriented_and_open_only_at_neck_and_eyes(model: HeadModel) -> None:
    directed = directed_edges(model.quads)
    assert len(np.unique(directed, axis=0)) == len(directed)
    undirected, counts = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)
    assert set(counts) == {1, 2}
    rim = undirected[counts == 1]
    topology = cage()
    fine = refine(topology.quads, topology.mirror, 2)
    open_cage = [topology.grid[0], topology.rings["eyeL"][-1], topology.rings["eyeR"][-1]]
    assert len(rim) == 4 * sum(len(loop) for loop in open_cage)
    assert set(np.concatenate(open_cage)) <= set(rim.ravel())
    assert len(fine.mirror) - len(undirected) + len(fine.quads) == 2 - 3  # Euler: a sphere with three holes


def test_mirror_maps_quads_to_quads(model: HeadModel) -> None:
    assert np.array_equal(model.mirror[model.mirror], np.arange(len(model.mirror)))
    reflected = np.sort(model.mirror[model.triangles], axis=1)
    assert {tuple(t) for t in reflected} == {tuple(t) for t in np.sort(model.triangles, axis=1)}


def test_average_head_is_symmetric(model: HeadModel) -> None:
    np.testing.assert_allclose(model.mean[model.mirror] * [-1, 1, 1], model.mean, atol=1e-9)


def test_old_vertices_keep_their_numbers_and_nearly_their_places() -> None:
    coarse, fine = load_head(1), load_head(2)
    gap = np.linalg.norm(fine.mean[: len(coarse.mean)] - coarse.mean, axis=1)
    assert np.median(gap) < 0.3


def test_normals_point_outwards(model: HeadModel) -> None:
    normals = np.cross(
        model.mean[model.triangles[:, 1]] - model.mean[model.triangles[:, 0]],
        model.mean[model.triangles[:, 2]] - model.mean[model.triangles[:, 0]],
    )
    middle = model.mean[model.triangles].mean(axis=1)
    scalp = model.parts[model.triangles[:, 0]] == PART_NAMES.index("scalp")
    assert (np.einsum("nd,nd->n", normals, middle - [0, 0, -10])[scalp] > 0).all()


def test_chart_does_not_overlap(model: HeadModel) -> None:
    corners = model.chart
    following = np.roll(corners, -1, axis=1)
    area = 0.5 * (corners[..., 0] * following[..., 1] - corners[..., 1] * following[..., 0]).sum(axis=1)
    assert (area > 0).all()
    cells = np.floor(corners.mean(axis=1) * 64).astype(int)
    assert len(np.unique(cells, axis=0)) == len(cells)
    assert model.uv.min() >= 0
    assert model.uv.max() <= 1


def test_corner_values_are_interpolated_bilinearly() -> None:
    square = np.array([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]])
    children = inherit_corners(square, 1)
    np.testing.assert_allclose(children[1], [[1, 0], [1, 0.5], [0.5, 0.5], [0.5, 0]])
    np.testing.assert_allclose(children.mean(axis=1), [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=12, max_size=12))
def test_subdivision_of_a_flat_affine_grid_stays_affine(numbers: list[float]) -> None:
    # Catmull-Clark reproduces affine maps inside a regular grid: rows that sum to 1 and keep the centre of each star.
    i, j = np.meshgrid(np.arange(7), np.arange(7), indexing="ij")
    flat = np.stack([i.ravel(), j.ravel(), np.ones(49)], axis=1)
    number = np.arange(49).reshape(7, 7)
    quads = np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], axis=2).reshape(-1, 4)
    fine = refine(quads.astype(np.int32), np.arange(49, dtype=np.int32), 1)
    places = flat @ np.array(numbers).reshape(3, 4)[:, :3]
    found = fine.matrix @ places
    inner = number[2:-2, 2:-2].ravel()
    np.testing.assert_allclose(found[inner], places[inner], atol=1e-9)


def test_template_is_whole(model: HeadModel) -> None:
    template = head_template()
    missing = np.flatnonzero(template.anchor_triangles[:, 0] < 0)
    assert missing.tolist() == [74, 83, 104, 105]
    points = template.landmarks_of(template.mesh.vertices)
    assert np.isfinite(np.delete(points, missing, axis=0)).all()
    assert np.isnan(points[missing]).all()
    assert set(template.stiffness) == set(template.part_names)
    assert len(np.unique(template.parts)) == len(template.part_names)
    assert template.mesh.faces.shape == (48000, 3)
    np.testing.assert_array_equal(template.mesh.faces, triangulate(model.quads))


def test_parts_lie_where_they_belong(model: HeadModel) -> None:
    def middle(name: str) -> np.ndarray:
        return model.mean[model.parts == PART_NAMES.index(name)].mean(axis=0)

    heights = [middle(n)[1] for n in ("forehead", "brows", "eyes", "nose", "philtrum", "lips", "chin", "neck")]
    assert heights == sorted(heights, reverse=True)
    ears = model.mean[model.parts == PART_NAMES.index("ears")]
    assert np.abs(ears[:, 0]).min() > 55
    np.testing.assert_array_equal(model.parts[model.mirror], model.parts)


def test_unknown_level_is_refused() -> None:
    with pytest.raises(UsageError, match="level 5"):
        load_head(5)
