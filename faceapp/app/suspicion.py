"""How much a registration should be doubted: signs of each, compared with those of all others.

A small distance to the scan says little, for a template that slid fits too. So the signs are several, each is taken
for each part of the face, and each counts by how unusual it is among the registrations that stand beside it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

import faceapp_resources
from faceapp.core.arrays import FloatArray
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Registration
from faceapp.core.template import Template
from faceapp.geometry.deformation import bending_matrix
from faceapp.geometry.rigid import align_pairs
from faceapp.geometry.shape_signs import asymmetry, mirror_pairs, self_intersections, triangle_stretch
from faceapp.geometry.untangling import turned_over
from faceapp.landmarks.scheme import load_scheme

WORDS = {
    "residual": "distance to the scan",
    "unseen": "share of it that the scan does not show",
    "landmarks": "landmarks off",
    "stretch": "stretch of the triangles",
    "folds": "folds and surface through itself",
    "asymmetry": "left and right differ",
    "misfit": "unlike any face that the modes know",
    "shift": "all its landmarks off to one side",
    "pull": "held along the surface against its own stiffness",
    "uneven": "held on one side more than on the other",
}
"""Of each sign, as people read it."""

_LEAST_PULL = 2e-5

_FLOOR = {
    "residual": 0.03, "unseen": 0.05, "landmarks": 0.5, "stretch": 0.05, "folds": 1.0, "asymmetry": 0.3, "misfit": 0.2,
    "shift": 0.3, "pull": _LEAST_PULL, "uneven": 0.5,
}  # fmt: skip
"""Below it a sign is as good as nothing; units of the sign."""

_LEAST_SPREAD = 0.15
_MOST_UNUSUAL = 10.0
_COUNTED = 4
_ENOUGH = 40
"""Registrations beside which the reference that ships with the program counts as much as they do, halved."""

_RIDGE = 0.05

_ANY_PLUGIN = "any"
"""Under this name stands what is usual where the reference has no figure of a plugin's own."""


@dataclass(frozen=True)
class Suspicion:
    """Of one registration.

    Parameters
    ----------
    score : float
        0 is as usual as can be; the quadratic mean of the four most unusual signs, in standard deviations.
    reasons : tuple of (str, float)
        The most unusual signs, such as ``landmarks.mouth``, and by how many standard deviations.
    """

    score: float
    reasons: tuple[tuple[str, float], ...]

    @property
    def words(self) -> str:
        """The reasons as a sentence; empty where nothing is unusual."""
        told = []
        for name, unusual in self.reasons:
            if unusual >= 3:
                sign, _, part = name.partition(".")
                told.append(f"{part.replace('_', ' ')}: {WORDS[sign]}" if part else WORDS[sign])
        return "; ".join(told[:3])


def registration_signs(
    result: Registration, landmarks: Landmarks3D | None, modes: npt.NDArray[np.float32] | None = None
) -> dict[str, float]:
    """Return the signs of a registration: ``sign.part`` to a value that is larger where it is worse.

    Parameters
    ----------
    result : Registration
        Vertices in template order with their distance to the scan.
    landmarks : Landmarks3D, optional
        That led it.
    modes : (K, V, 3) float32, optional
        Shape modes of the template, one standard deviation each.
    """
    template = result.template
    distance = np.abs(result.distance.astype(np.float64))
    rest = template.mesh.vertices.astype(np.float64)
    vertices = result.vertices.astype(np.float64)
    faces, face = template.mesh.faces, template.face
    stretch = triangle_stretch(rest, vertices, faces)
    uneven = asymmetry(vertices, _pairs(template), face)
    pulls = _pulls(template, vertices)
    misfit = None if modes is None else _misfit(template, vertices, modes)
    signs: dict[str, float] = {}
    for i, name in enumerate(template.part_names):
        inside = (template.parts == i) & face
        if inside.sum() < 10:
            continue
        seen = distance[inside & np.isfinite(distance)]
        signs[f"residual.{name}"] = float(np.percentile(seen, 95)) if len(seen) else 0.0
        signs[f"unseen.{name}"] = 1.0 - len(seen) / int(inside.sum())
        there = stretch[inside[faces].all(axis=1)]
        signs[f"stretch.{name}"] = float(np.nanpercentile(there, 95)) if np.isfinite(there).any() else 0.0
        gap = uneven[inside]
        if np.isfinite(gap).any():
            signs[f"asymmetry.{name}"] = float(np.nanmean(gap))
        if misfit is not None:
            signs[f"misfit.{name}"] = float(np.sqrt(np.mean(np.sum(misfit[inside] ** 2, axis=1))))
        signs |= _pull_signs(name, pulls, [inside & (rest[:, 0] > 2), inside & (rest[:, 0] < -2)])
    signs |= _landmark_signs(result, landmarks)
    folded = turned_over(result.mesh, face) | self_intersections(vertices, faces, face)
    signs["folds"] = float(folded.sum())
    return signs


def _pull_signs(part: str, pulls: FloatArray, sides: Sequence[npt.NDArray[np.bool_]]) -> dict[str, float]:
    """How strongly each half of a part is held, and how much more the one than the other."""
    held = {
        side: float(np.median(pulls[half]))
        for side, half in zip(("left", "right"), sides, strict=True)
        if half.sum() >= 10
    }
    signs = {f"pull.{part}_{side}": value for side, value in held.items()}
    if len(held) == 2:
        signs[f"uneven.{part}"] = abs(float(np.log((held["left"] + _LEAST_PULL) / (held["right"] + _LEAST_PULL))))
    return signs


def _pulls(template: Template, vertices: FloatArray) -> FloatArray:
    """(V,) 1/mm^3: how strongly bending pulls each vertex along the surface.

    Nothing else acts there: where a registration has come to rest, the pull is nothing. One that was stopped on its
    way, or slid, is given away by it however close it lies to the scan.
    """
    rest, face = template.mesh.vertices.astype(np.float64), template.face
    placed = align_pairs(vertices[face], rest[face], scale=True).apply(vertices)
    bending, areas = _bending(template)
    force = bending @ (placed - rest) / np.maximum(areas, 1e-9)[:, None]
    normals = Mesh(placed.astype(np.float32), template.mesh.faces).vertex_normals().astype(np.float64)
    force -= np.einsum("nd,nd->n", force, normals)[:, None] * normals
    return np.asarray(np.linalg.norm(force, axis=1))


@functools.lru_cache(maxsize=4)
def _bending(template: Template) -> tuple[sp.csc_array, FloatArray]:
    mesh = template.mesh
    areas = mesh.vertex_areas()
    return bending_matrix(mesh.vertices.astype(np.float64), mesh.faces, areas, np.ones(len(areas))), areas


@functools.lru_cache(maxsize=4)
def _pairs(template: Template) -> npt.NDArray[np.int32]:
    return mirror_pairs(template.mesh.vertices)


def _landmark_signs(result: Registration, landmarks: Landmarks3D | None) -> dict[str, float]:
    """Mean distance of the landmarks of each group from their anchors, and their mean offset; outlines tell nothing."""
    if landmarks is None:
        return {}
    scheme = load_scheme(result.template.scheme)
    offset = result.template.landmarks_of(result.vertices) - landmarks.points
    offset[list(scheme.silhouette)] = np.nan
    signs = {}
    for group in scheme.groups:
        known = offset[list(group.indices)]
        known = known[np.isfinite(known).all(axis=1)]
        if len(known):
            signs[f"landmarks.{group.name}"] = float(np.linalg.norm(known, axis=1).mean())
        if len(known) >= 4:
            signs[f"shift.{group.name}"] = float(np.linalg.norm(known.mean(axis=0)))
    return signs


def _misfit(template: Template, vertices: FloatArray, modes: npt.NDArray[np.float32]) -> FloatArray:
    """(V, 3) mm: from the nearest face that the modes can make to each vertex, in the template's frame."""
    face = np.flatnonzero(template.face)
    mean = template.mesh.vertices.astype(np.float64)
    basis = modes[:, face].reshape(len(modes), -1).astype(np.float64)
    normal = basis @ basis.T + _RIDGE * len(face) * np.eye(len(modes))
    shape = mean[face]
    placed = vertices[face]
    for _ in range(2):
        placed = align_pairs(vertices[face], shape, scale=True).apply(vertices[face])
        weights = np.linalg.solve(normal, basis @ (placed - mean[face]).ravel())
        shape = mean[face] + (weights @ basis).reshape(-1, 3)
    misfit = np.zeros_like(vertices)
    misfit[face] = placed - shape
    return misfit


@dataclass(frozen=True)
class Population:
    """What is usual: median and standard deviation of the logarithm of each sign."""

    usual: Mapping[str, tuple[float, float]]


def population_of(signs: Sequence[Mapping[str, float]], template: str = "", plugin: str = "") -> Population:
    """Return what is usual among registrations of one template by one plugin.

    Parameters
    ----------
    signs : sequence of mapping
        From `registration_signs`.
    template : str
        Its name: where the program knows what is usual with it, that counts too while the registrations are few.
    plugin : str
        By whose name the registrations go: what texture led does not follow landmarks, and says nothing by it.
    """
    own: dict[str, list[float]] = {}
    for each in signs:
        for name, value in each.items():
            own.setdefault(name, []).append(_log(name, value))
    reference = reference_population(template, plugin).usual
    usual: dict[str, tuple[float, float]] = {}
    for name in {*own, *reference}:
        values = np.array(own.get(name, []))
        values = values[np.isfinite(values)]
        share = len(values) / (len(values) + _ENOUGH) if name in reference else 1.0
        if not len(values):
            usual[name] = reference[name]
            continue
        median = float(np.median(values))
        spread = max(1.4826 * float(np.median(np.abs(values - median))), _LEAST_SPREAD)
        if name in reference:
            there, its = reference[name]
            median, spread = share * median + (1 - share) * there, share * spread + (1 - share) * its
        usual[name] = median, spread
    return Population(usual)


@functools.cache
def reference_population(template: str, plugin: str = "") -> Population:
    """Return what is usual of registrations of simulated people with a template (``resources/suspicion``).

    What a plugin leaves to landmarks and closest points alone is usual of all; what it has otherwise, by its name.
    """
    file = faceapp_resources.path("suspicion", "reference.json")
    known = json.loads(file.read_text(encoding="utf-8"))["templates"].get(template, {})
    data = known.get(_ANY_PLUGIN, {}) | known.get(plugin, {})
    return Population({name: (float(median), float(spread)) for name, (median, spread) in data.items()})


def suspicion(signs: Mapping[str, float], population: Population) -> Suspicion:
    """Return how much a registration should be doubted beside a population."""
    unusual = []
    for name, value in signs.items():
        if name not in population.usual:
            continue
        median, spread = population.usual[name]
        z = (_log(name, value) - median) / spread
        unusual.append((name, float(np.clip(np.nan_to_num(z, nan=0.0), 0.0, _MOST_UNUSUAL))))
    unusual.sort(key=lambda entry: -entry[1])
    top = [z for _, z in unusual[:_COUNTED]]
    score = float(np.sqrt(np.mean(np.square(top)))) if top else 0.0
    return Suspicion(score, tuple(unusual[:_COUNTED]))


def _log(name: str, value: float) -> float:
    return float(np.log(max(value, 0.0) + _FLOOR[name.partition(".")[0]]))
