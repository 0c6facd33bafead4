"""What every registration asks of scan and template: closest points worth following, stiffness, landmark rows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import UsageError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.template import Template
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.deformation import Attraction, smooth_over_mesh
from faceapp.landmarks.scheme import load_scheme
from faceapp.pipeline.stages import Pin

_NO_DATA_PARTS = {"mouth_interior", "mouth interior", "nostrils", "lid_insides", "eyeballs", "teeth", "inner_mouth"}
"""Parts that no scanner sees as the template means them: the skin round them carries them along."""

_TANGENTIAL = 0.01
"""A closest point says little of motion along the surface; a trace keeps the solution from drifting."""


class Search(Protocol):
    """What tells each vertex of the template where the scan wants it."""

    def attraction(self, vertices: FloatArray, normals: FloatArray, reach: float, weight: FloatArray) -> Attraction:
        """See `ScanSearch.attraction`."""
        ...


class ScanSearch:
    """The scan with its tree, and the tests that a closest point must pass.

    Parameters
    ----------
    scan : Mesh
        mm.
    max_angle_deg : float
        Points whose normal differs by more are another surface.
    """

    def __init__(self, scan: Mesh, max_angle_deg: float) -> None:
        self.tree = SurfaceTree(scan.vertices, scan.faces)
        self._normals = scan.vertex_normals().astype(np.float64)
        self._faces = scan.faces
        self._border = self.tree.border_faces()
        self._cosine = np.cos(np.radians(max_angle_deg))

    def closest(
        self,
        vertices: FloatArray,
        normals: FloatArray,
        max_distance: float,
        wanted: npt.NDArray[np.bool_] | None = None,
    ) -> tuple[npt.NDArray[np.bool_], FloatArray, FloatArray]:
        """Return which vertices have a closest point worth following, the points, and the scan's normals there.

        Of some vertices (V,) only, if ``wanted`` says so: the inside of a mouth is far from all, which takes long.
        """
        # the search passes over what is no number
        found = self.tree.query(
            vertices if wanted is None else np.where(wanted[:, None], vertices, np.nan), max_distance
        )
        known = found.face >= 0
        face = np.where(known, found.face, 0)
        weights = np.where(known[:, None], found.weights, 0.0)
        there = np.einsum("nk,nkd->nd", weights, self._normals[self._faces[face]])
        length = np.linalg.norm(there, axis=1, keepdims=True)
        there /= np.where(length > 0, length, 1.0)
        # The scan ends at its border: following it would pull the template's rim inwards.
        good = known & ~self._border[face] & (np.einsum("nd,nd->n", there, normals) > self._cosine)
        return good, np.where(known[:, None], found.points, 0.0), there

    def attraction(self, vertices: FloatArray, normals: FloatArray, reach: float, weight: FloatArray) -> Attraction:
        """Return where the scan pulls each vertex: onto the plane of its closest point.

        Parameters
        ----------
        vertices, normals : (V, 3) float64
            Of the template as it lies now.
        reach : float
            Largest distance, mm.
        weight : (V,) float64
            Of each vertex where it is pulled.
        """
        good, target, normal = self.closest(vertices, normals, reach, weight > 0)
        return Attraction(np.where(good, weight, 0.0), target, normal, _TANGENTIAL)


def part_stiffness(template: Template, factors: str = "") -> FloatArray:
    """Return (V,) relative stiffness of each vertex, smooth across the borders of parts (lambda_p of Eq. 3).

    Parameters
    ----------
    template : Template
        Says how stiff each part is.
    factors : str
        What some parts are multiplied by, such as ``lips=3, nose=0.5``.

    Raises
    ------
    UsageError
        A part is unknown, or a factor is no positive number.
    """
    wanted = _part_factors(factors, template.part_names)
    values = np.array([template.stiffness.get(name, 1.0) * wanted.get(name, 1.0) for name in template.part_names])
    return smooth_over_mesh(values[template.parts], template.mesh.faces)


def _part_factors(text: str, parts: tuple[str, ...]) -> dict[str, float]:
    factors: dict[str, float] = {}
    for entry in filter(None, (word.strip() for word in text.split(","))):
        name, _, number = (word.strip() for word in entry.partition("="))
        if name not in parts:
            raise UsageError(f"part_stiffness: the template has no part {name!r}; there are {', '.join(parts)}")
        try:
            factors[name] = float(number)
        except ValueError:
            factors[name] = 0.0
        if not 0 < factors[name] < np.inf:
            raise UsageError(f"part_stiffness: {entry!r} is not a part and a positive factor, such as lips=3")
    return factors


def takes_data(template: Template) -> npt.NDArray[np.bool_]:
    """Return (V,) bool: vertices of parts that a scanner sees as the template means them."""
    hidden = [i for i, name in enumerate(template.part_names) if name.lower() in _NO_DATA_PARTS]
    return ~np.isin(template.parts, hidden)


_PIN_WEIGHT = 10.0
"""Of a pin beside a landmark: a person looked at the result before giving it."""


def landmark_rows(
    template: Template, marks: Landmarks3D | None, pins: tuple[Pin, ...] = (), contour_weight: float = 1.0
) -> tuple[sp.csr_array, FloatArray]:
    """Return the (L, V) rows and (L, 3) targets of the landmarks that both have, and of the pins, which weigh more.

    Parameters
    ----------
    template : Template
        With its anchors.
    marks : Landmarks3D, optional
        Of the scan, mm.
    pins : tuple of Pin
        Vertices that a person holds.
    contour_weight : float
        Of a point of the silhouette beside the others: it may slide along it and over it.

    Raises
    ------
    UsageError
        A pin names a vertex that the template does not have.
    """
    v = len(template.mesh.vertices)
    wrong = [pin.vertex for pin in pins if not 0 <= pin.vertex < v]
    if wrong:
        raise UsageError(f"a pin names vertex {wrong[0]}, but the template {template.name} has {v} vertices")
    rows, targets = _anchor_rows(template, marks, contour_weight)
    if not pins:
        return rows, targets
    weight = _PIN_WEIGHT**0.5
    entries = (np.full(len(pins), weight), (np.arange(len(pins)), [pin.vertex for pin in pins]))
    held = sp.coo_array(entries, (len(pins), v)).tocsr()
    return sp.csr_array(sp.vstack([rows, held])), np.vstack([targets, weight * np.array([pin.point for pin in pins])])


def _anchor_rows(
    template: Template, marks: Landmarks3D | None, contour_weight: float
) -> tuple[sp.csr_array, FloatArray]:
    v = len(template.mesh.vertices)
    if marks is None:
        return sp.csr_array((0, v)), np.zeros((0, 3))
    weight = np.ones(len(marks.points))
    weight[list(load_scheme(template.scheme).silhouette)] = contour_weight
    there = template.anchor_triangles[: len(weight), 0] >= 0
    usable = [i for i in np.flatnonzero(there & (weight > 0)).tolist() if marks.placed[i]]
    scale = np.sqrt(weight[usable])[:, None]
    rows = np.repeat(np.arange(len(usable)), 3)
    matrix = sp.coo_array(
        ((scale * template.anchor_weights[usable]).ravel(), (rows, template.anchor_triangles[usable].ravel())),
        (len(usable), v),
    )
    return matrix.tocsr(), scale * marks.points[usable]


def yielding_rows(
    rows: sp.csr_array, targets: FloatArray, yielded: FloatArray, *, pins: int
) -> tuple[sp.csr_array, FloatArray]:
    """Return rows and targets of landmarks that lose a share of their weight to what says more than they do.

    Parameters
    ----------
    rows, targets : (L, V) sparse, (L, 3) float64
        From `landmark_rows`.
    yielded : (V,) float64
        Share that a landmark loses at each vertex, 0 to 1.
    pins : int
        How many of the last rows are pins, which lose nothing.
    """
    size = abs(rows)
    share = np.minimum((size @ yielded) / size.sum(axis=1), 1.0)
    share[len(share) - pins :] = 0.0
    scale = np.sqrt(1 - share)
    return sp.csr_array(sp.diags_array(scale) @ rows), scale[:, None] * targets


def judge(
    surface: ScanSearch, vertices: FloatArray, faces: npt.NDArray[np.int32], seen_parts: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return signed distance to the scan and confidence of each vertex; NaN and 0 where the scan shows nothing."""
    normals = Mesh(vertices.astype(np.float32), faces).vertex_normals().astype(np.float64)
    good, target, there = surface.closest(vertices, normals, 5.0)
    gap = vertices - target
    distance = np.sign(np.einsum("nd,nd->n", gap, there)) * np.linalg.norm(gap, axis=1)
    seen = good & seen_parts
    distance = np.where(seen, distance, np.nan)
    confidence = np.where(seen, np.exp(-((distance / 1.0) ** 2)), 0.0)
    return distance.astype(np.float32), confidence.astype(np.float32)
