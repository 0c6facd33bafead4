"""The head: from parameters and an expression to surface, landmarks, parts and albedo."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from faceapp.core.arrays import BoolArray, Float32Array, FloatArray, IntArray, frozen
from faceapp.core.errors import DataError, UsageError
from faceapp.core.mesh import Mesh
from faceapp.morphable.head import albedo, eyes_and_teeth, identity
from faceapp.morphable.head.attachment import attach
from faceapp.morphable.head.cage import EYE_LANDMARKS, INSERTS, LEVELS, PART_NAMES, cage
from faceapp.morphable.head.expressions import (
    SIDES,
    Contact,
    clear_lids,
    closing,
    expression_fields,
    expression_names,
    expression_weights,
    jaw_pose,
    teeth_back,
)
from faceapp.morphable.head.figures import figures
from faceapp.morphable.head.fit import smoothstep
from faceapp.morphable.head.parameters import HeadParameters
from faceapp.morphable.head.subdivision import inherit_corners, inherit_quads, refine, subdivided, triangulate

FACE_PARTS = ("forehead", "brows", "eyes", "nose", "cheeks", "philtrum", "lips", "chin")
"""The face region of every figure (conventions)."""
# A label that must not be lost to a larger neighbour comes first.
_PRECEDENCE = (
    *("lips", "lid_insides", "nostrils", "mouth_interior", "eyes", "brows", "nose", "philtrum", "ears"),
    *("chin", "forehead", "cheeks", "temples", "jaw_underside", "neck", "scalp"),
)


@dataclass(frozen=True, eq=False)
class Head:
    """One head with one expression.

    Parameters
    ----------
    skin : Mesh
        Outer skin with its inner cavities, in the template's vertex order; normals, colours, uv and texture.
    mesh : Mesh
        Skin, eyeballs, teeth, gums and tongue, in this order; normals and colours per vertex.
    infrared_albedo : (M,) float32
        Of each vertex of ``mesh``, 0 to 1.
    landmarks : (106, 3) float64
        Scheme jd106, mm, rig frame; pupils and eye centres on the cornea.
    quads : (Q, 4) int32
        Of the skin.
    parts : (V,) int32
        Index into ``part_names`` of each vertex of ``skin``.
    mesh_parts : (M,) int32
        The same for ``mesh``.
    part_names : tuple of str
        Those of the skin first.
    face_region : (V,) bool
        Forehead, brows, lids, nose, cheeks, philtrum, lips, chin.
    parameters : HeadParameters
        The person.
    expression : (21,) float64
        Weights of the expressions.
    """

    skin: Mesh
    mesh: Mesh
    infrared_albedo: Float32Array
    landmarks: FloatArray
    quads: IntArray
    parts: IntArray
    mesh_parts: IntArray
    part_names: tuple[str, ...]
    face_region: BoolArray
    parameters: HeadParameters
    expression: FloatArray


@dataclass(frozen=True, eq=False)
class _Surface:
    """What the shaping of one head leaves behind for its parts."""

    skin: FloatArray
    eye_shift: dict[str, FloatArray]
    mouth_shift: FloatArray


@dataclass(frozen=True, eq=False)
class HeadModel:
    """The head's topology, average and directions of change at one level of subdivision.

    Parameters
    ----------
    level : int
        1 (6 k quads), 2 (24 k, the template) or 3 (96 k, for pictures).
    cage : (1531, 3) float64
        The average head's cage, mm.
    matrix : (V, 1531) sparse float64
        Skin vertices in cage vertices; rows 0..1530 are the cage's own vertices.
    quads : (Q, 4) int32
        Counter-clockwise from outside.
    triangles : (2 Q, 3) int32
        Triangles 2 i and 2 i + 1 are quad i.
    mirror : (V,) int32
        The vertex on the other side.
    parts : (V,) int32
        Index into ``part_names``.
    face_region : (V,) bool
        The face of every figure.
    chart : (Q, 4, 2) float64
        Column and row of each quad corner in the chart; one seam at the back, the crown apart.
    landmark_triangles : (106, 3) int32
        Skin vertices that each landmark lies between; -1 for pupils and eye centres.
    landmark_weights : (106, 3) float64
        Barycentric; NaN for pupils and eye centres.
    modes : (32, 1531, 3) float64
        Identity modes on the cage, mm for one standard deviation.
    fields : (21, 1531, 3) float64
        Expressions on the cage, mm for weight 1.
    """

    level: int
    cage: FloatArray
    matrix: sparse.csr_array[np.float64]
    quads: IntArray
    triangles: IntArray
    mirror: IntArray
    parts: IntArray
    face_region: BoolArray
    chart: FloatArray
    landmark_triangles: IntArray
    landmark_weights: FloatArray
    modes: FloatArray
    fields: FloatArray

    part_names: tuple[str, ...] = PART_NAMES

    @property
    def mode_names(self) -> tuple[str, ...]:
        """Names of the 32 identity modes."""
        return identity.mode_names()

    @property
    def expression_names(self) -> tuple[str, ...]:
        """Names of the 21 expressions; ``neutral`` is all weights zero."""
        return expression_names()

    @functools.cached_property
    def mean(self) -> FloatArray:
        """(V, 3) float64 skin of the average head, mm, as the bases start from."""
        return _frozen(subdivided(self.matrix, self.cage))

    @functools.cached_property
    def identity_basis(self) -> Float32Array:
        """(32, V, 3) float32 displacement of the skin for one standard deviation of each mode, mm."""
        return self._on_skin(self.modes)

    @functools.cached_property
    def expression_basis(self) -> Float32Array:
        """(21, V, 3) float32 displacement of the skin for weight 1 of each expression, mm; lips and lids may cross."""
        return self._on_skin(self.fields)

    def _on_skin(self, moves: FloatArray) -> Float32Array:
        flat = subdivided(self.matrix, moves.transpose(1, 0, 2).reshape(moves.shape[1], -1))
        basis = flat.reshape(len(flat), len(moves), 3).transpose(1, 0, 2)
        return frozen(np.ascontiguousarray(basis, np.float32), np.float32, (None, None, 3), "head basis")

    @functools.cached_property
    def fold_heights(self) -> FloatArray:
        """(V,) heights of the folds at 75 years, mm along the normals."""
        place = np.zeros((len(self.mirror), 2))
        place[self.quads.ravel()] = inherit_corners(cage().quad_place, self.level).reshape(-1, 2)
        # Normals fan out at the corners of mouth and lids, where moving along them would fold the quads.
        inside = place[:, 0] > 0
        fade = np.where(inside, 1 - smoothstep((place[:, 1] - 1) / 2), 1.0)
        return _frozen(fade * identity.fold_heights(self.mean))

    @functools.cached_property
    def uv(self) -> Float32Array:
        """(2 Q, 3, 2) float32 texture coordinates of the corners of ``triangles``."""
        corners = albedo.chart_uv(self.chart)
        return np.ascontiguousarray(corners[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 2))

    @functools.cached_property
    def _contact(self) -> Contact:
        return Contact(_template_rows())

    @functools.cached_property
    def _lids(self) -> dict[str, IntArray]:
        place = cage().quad_place[:, :, 0].min(axis=1)
        found = {}
        for side in SIDES:
            quads = self.quads[np.repeat(place == INSERTS.index(side) + 1, 4**self.level)]
            found[side] = np.unique(quads).astype(np.int32)
        return found

    @functools.cached_property
    def _vertex_chart(self) -> FloatArray:
        places = np.zeros((len(self.mirror), 2))
        places[self.quads.ravel()] = self.chart.reshape(-1, 2)
        return places

    @functools.cached_property
    def _cornea(self) -> dict[int, tuple[IntArray, FloatArray]]:
        """Corners among the inner parts' vertices and weights of each landmark on a cornea."""
        inner = eyes_and_teeth.inner_parts()
        balls = inner.faces[inner.parts[inner.faces[:, 0]] < 2]
        listed = figures("cage")["landmarks106_mean"]
        rows, weights = attach([listed[str(k)] for k in EYE_LANDMARKS], inner.vertices, balls)
        return {k: (balls[r], w) for k, r, w in zip(EYE_LANDMARKS, rows, weights, strict=True)}

    def vertices(
        self, parameters: HeadParameters, expression: str | Mapping[str, float] = "neutral", *, folds: bool = True
    ) -> FloatArray:
        """Return the skin alone, (V, 3) float64, mm; see ``shape``."""
        return self._surface(parameters, expression_weights(expression), folds=folds).skin

    def unpainted(
        self, parameters: HeadParameters, expression: str | Mapping[str, float] = "neutral"
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return skin (V, 3), inner parts (n, 3) and landmarks (106, 3), mm, without the painting that takes longest.

        Parameters are those of ``shape``; the inner parts are those of `eyes_and_teeth.inner_parts`.
        """
        weights = expression_weights(expression)
        surface = self._surface(parameters, weights, folds=True)
        inside = _pose_inner(eyes_and_teeth.inner_parts(), surface, weights)
        return surface.skin, inside, self._all_landmarks(surface.skin, inside)

    def shape(
        self, parameters: HeadParameters, expression: str | Mapping[str, float] = "neutral", *, folds: bool = True
    ) -> Head:
        """Return a person with an expression.

        Parameters
        ----------
        parameters : HeadParameters
            The person.
        expression : str or mapping of str to float
            One of the 22 names, or weights by name (1 = as wide as the figures).
        folds : bool
            Whether folds of age are cut into the skin.

        Raises
        ------
        UsageError
            The expression is not known.
        """
        weights = expression_weights(expression)
        surface = self._surface(parameters, weights, folds=folds)
        inner = eyes_and_teeth.inner_parts()
        inside = _pose_inner(inner, surface, weights)
        painting = albedo.paint(parameters)
        # Half the spacing of the vertices, so that a hair shows as its share of the skin.
        colours, infrared = painting.sample(self._vertex_chart, albedo.CELL / 2**self.level / 2)
        skin = Mesh(_single(surface.skin), self.triangles, colors=colours, uv=self.uv, texture=painting.rgb)
        skin = replace(skin, normals=skin.vertex_normals())
        inner_colours, inner_infrared = albedo.inner_albedo(inner, parameters.iris)
        faces = np.concatenate([self.triangles, inner.faces + len(self.mirror)])
        places = _single(np.concatenate([surface.skin, inside]))
        mesh = Mesh(places, faces, colors=np.concatenate([colours, inner_colours]))
        mesh = replace(mesh, normals=mesh.vertex_normals())
        return Head(
            skin=skin,
            mesh=mesh,
            infrared_albedo=_frozen(np.concatenate([infrared, inner_infrared])),
            landmarks=_frozen(self._all_landmarks(surface.skin, inside)),
            quads=self.quads,
            parts=self.parts,
            mesh_parts=_frozen(np.concatenate([self.parts, inner.parts + len(PART_NAMES)])),
            part_names=PART_NAMES + eyes_and_teeth.INNER_PART_NAMES,
            face_region=self.face_region,
            parameters=parameters,
            expression=_frozen(weights),
        )

    def landmarks_of(self, vertices: npt.ArrayLike) -> FloatArray:
        """Return (106, 3) landmarks of skin vertices (V, 3); NaN for pupils and eye centres."""
        corners = np.asarray(vertices, np.float64)[self.landmark_triangles]
        points: FloatArray = np.einsum("nk,nkd->nd", self.landmark_weights, corners)
        return points

    def _all_landmarks(self, skin: FloatArray, inside: FloatArray) -> FloatArray:
        points = self.landmarks_of(skin)
        for k, (corners, weights) in self._cornea.items():
            points[k] = weights @ inside[corners]
        return points

    def _surface(self, parameters: HeadParameters, weights: FloatArray, *, folds: bool) -> _Surface:
        topology = cage()
        share = identity.share_of_age(parameters.age)
        person = np.tensordot(parameters.identity, self.modes, 1)
        if share > 0:
            person += share * identity.ageing(self.cage)
        if parameters.noise_seed is not None:
            person += identity.noise(self.cage, topology.mirror, parameters.noise_seed)
        eye_shift = {side: person[topology.rings[side][4]].mean(axis=0) for side in SIDES}
        centres = {side: eyes_and_teeth.eye_centres()[side] + eye_shift[side] for side in SIDES}
        places = self.cage + person + np.tensordot(weights, self.fields, 1)
        places = self._contact.apply(places, closing(weights), centres)
        skin = subdivided(self.matrix, places)
        if folds and share > 0:
            normals = Mesh(_single(skin), self.triangles).vertex_normals()
            skin += share * self.fold_heights[:, None] * normals
        for side in SIDES:
            clear_lids(skin, self._lids[side], centres[side])
        return _Surface(skin, eye_shift, person[topology.rings["mouth"][5]].mean(axis=0))


def _single(values: FloatArray) -> Float32Array:
    return values.astype(np.float32)


def _frozen(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return frozen(values, values.dtype, (None,) * values.ndim, "head")


def _pose_inner(inner: eyes_and_teeth.InnerParts, surface: _Surface, weights: FloatArray) -> FloatArray:
    places = inner.vertices.copy()
    opening, glide = jaw_pose(weights)
    places[inner.lower] = eyes_and_teeth.turn_jaw(places[inner.lower], opening, glide)
    for part, side in enumerate(SIDES):
        places[inner.parts == part] += surface.eye_shift[side]
    places[inner.parts >= len(SIDES)] += surface.mouth_shift - [0.0, 0.0, teeth_back(weights)]
    return places


def _vertex_parts(quads: IntArray, quad_parts: IntArray, size: int) -> IntArray:
    """Return the part that most quads round a vertex have; a tie goes to the smaller part."""
    votes = np.zeros((size, len(PART_NAMES)))
    np.add.at(votes, (quads.ravel(), np.repeat(quad_parts, 4)), 1.0)
    precedence = np.array([_PRECEDENCE.index(name) for name in PART_NAMES])
    return np.asarray((votes - 1e-3 * precedence).argmax(axis=1), np.int32)


@functools.cache
def _template_rows() -> sparse.csr_array[np.float64]:
    """Return the cage's own vertices in the twice subdivided mesh, where contact is measured at every level."""
    topology = cage()
    return sparse.csr_array(refine(topology.quads, topology.mirror, 2).matrix[: topology.size])


@functools.cache
def load_head(level: int = 2) -> HeadModel:
    """Return the head at a level of subdivision; built once a process.

    Parameters
    ----------
    level : {1, 2, 3}
        2 is the template, 3 for pictures.

    Raises
    ------
    UsageError
        No such level.
    DataError
        The shipped data are missing or damaged.
    """
    if level not in LEVELS:
        raise UsageError(f"head: level {level}; expected one of {', '.join(map(str, LEVELS))}")
    topology = cage()
    place = resources.files("faceapp_resources") / "head" / "fitted.npz"
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as data:
            places = np.asarray(data["cage"], np.float64)
            rows, weights = data[f"triangles_{level}"], np.asarray(data[f"weights_{level}"], np.float64)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"head: fitted.npz cannot be read ({error}); reinstall faceapp") from error
    fine = refine(topology.quads, topology.mirror, level)
    triangles = triangulate(fine.quads)
    parts = _vertex_parts(fine.quads, inherit_quads(topology.quad_parts, level), len(fine.mirror))
    corners = np.where(rows[:, None] >= 0, triangles[rows], -1)
    return HeadModel(
        level=level,
        cage=_frozen(places),
        matrix=fine.matrix,
        quads=_frozen(fine.quads),
        triangles=_frozen(triangles),
        mirror=_frozen(fine.mirror),
        parts=_frozen(parts),
        face_region=_frozen(np.isin(parts, [PART_NAMES.index(n) for n in FACE_PARTS])),
        chart=_frozen(inherit_corners(topology.quad_chart, level)),
        landmark_triangles=_frozen(corners.astype(np.int32)),
        landmark_weights=_frozen(weights),
        modes=_frozen(identity.modes(places)),
        fields=_frozen(expression_fields()),
    )
