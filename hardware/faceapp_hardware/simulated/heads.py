"""Who sits in the simulated rig: a head of our own for each subject, or a mesh from a file."""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.transforms import RigidTransform
from faceapp.formats.landmark_files import read_landmarks
from faceapp.formats.ply import read_mesh
from faceapp.morphable.head import Head, HeadParameters, load_head, random_parameters
from faceapp_hardware.simulated.obj_reading import read_obj
from faceapp_hardware.simulated.options import Options

_LEVEL = 3
"""Of the head's subdivision: 0.9 mm between vertices, for pictures."""
_TURN_DEG, _SHIFT_MM, _MOST = 2.0, 2.0, 2.0
_PLAIN_RGB = (204, 163, 142)
_REACH_MM = 150.0


@dataclass(frozen=True, eq=False)
class Surface:
    """What the cameras look at.

    Parameters
    ----------
    mesh : Mesh
        Rig frame, mm; normals and colours per vertex. Where its ``uv`` is NaN the colours of the vertices count.
    infrared : (V,) float32
        Albedo, 0 to 1.
    gloss : (V,) float32
        1 where the surface is wet (eyes), else 0; of the colour pictures.
    landmarks : (106, 3) float64 or None
        Where they are known.
    """

    mesh: Mesh
    infrared: Float32Array
    gloss: Float32Array
    landmarks: FloatArray | None

    def moved(self, pose: RigidTransform) -> Surface:
        """Return the surface elsewhere."""
        mesh = self.mesh
        assert mesh.normals is not None
        moved = replace(
            mesh,
            vertices=pose.apply(mesh.vertices).astype(np.float32),
            normals=pose.turn(mesh.normals).astype(np.float32),
        )
        return replace(self, mesh=moved, landmarks=None if self.landmarks is None else pose.apply(self.landmarks))


class HeadSource:
    """Makes the surface of a subject, an expression and a take; the same question has the same answer.

    Parameters
    ----------
    options : Options
        Which head, and which chance.
    infrared_skin : float
        Albedo of a mesh without colours.
    """

    def __init__(self, options: Options, infrared_skin: float) -> None:
        self._options = options
        self._infrared_skin = infrared_skin
        self._shape = functools.lru_cache(maxsize=2)(self._shape_of)

    def warm_up(self) -> None:
        """Load the head model ahead, where one is needed."""
        if self._options.head is None:
            load_head(_LEVEL)

    def surface(self, subject: str, expression: str, take: int) -> Surface:
        """Return the head as it sits there for this take.

        Notes
        -----
        An expression that the head model does not know is neutral; a head from a file keeps its expression.

        Raises
        ------
        DataError
            The file of the head cannot be used.
        """
        key = (subject, expression) if self._options.head is None else ("", "")
        return self._shape(*key).moved(self.pose(subject, expression, take))

    def pose(self, subject: str, expression: str, take: int) -> RigidTransform:
        """Return how the head sits in this take: some degrees and millimetres, never the same twice."""
        spread = self._options.pose_spread
        rng = np.random.default_rng([self._options.seed, *_words(subject, expression), take])
        draws = spread * np.clip(rng.normal(size=6), -_MOST, _MOST)
        return RigidTransform(_rotation(np.radians(_TURN_DEG) * draws[:3]), _SHIFT_MM * draws[3:])

    def parameters(self, subject: str) -> HeadParameters:
        """Return the person of a subject's code."""
        options = self._options
        rng = np.random.default_rng([options.seed, *_words(subject)])
        person = random_parameters(rng, cast(Any, options.sex), options.age)
        wanted = {name: getattr(options, name) for name in ("tone", "hair", "iris")}
        if options.identity is not None:
            wanted["identity"] = np.array(options.identity)
        return replace(person, **{name: value for name, value in wanted.items() if value is not None})

    def _shape_of(self, subject: str, expression: str) -> Surface:
        if self._options.head is not None:
            return self._from_file(self._options.head)
        model = load_head(_LEVEL)
        known = expression in model.expression_names
        return _own_surface(model.shape(self.parameters(subject), expression if known else "neutral"))

    def _from_file(self, file: Path) -> Surface:
        mesh = read_obj(file) if file.suffix.lower() == ".obj" else read_mesh(file)
        if not len(mesh.faces):
            raise DataError(f"{file} has no triangles; the simulated rig needs a surface")
        middle = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
        if np.linalg.norm(middle) > _REACH_MM:
            place = ", ".join(f"{v:.0f}" for v in middle)
            raise DataError(
                f"{file}: the middle of the mesh is at ({place}) mm, out of the cameras' sight; "
                "the origin must lie in the head (y up, z out of the face, mm)"
            )
        mesh = replace(mesh, normals=mesh.vertex_normals())
        n = len(mesh.vertices)
        infrared = np.full(n, self._infrared_skin, np.float32)
        if mesh.colors is not None:
            # Red skin is bright in infrared, whatever its blue.
            infrared = np.clip(mesh.colors @ np.array([0.65, 0.3, 0.05], np.float32) / 255, 0.05, 0.95)
        else:
            mesh = replace(mesh, colors=np.tile(np.array(_PLAIN_RGB, np.uint8), (n, 1)))
        landmarks = None
        if self._options.head_landmarks is not None:
            marks = read_landmarks(self._options.head_landmarks)
            landmarks = marks.points if isinstance(marks, Landmarks3D) else None
        return Surface(mesh, infrared.astype(np.float32), np.zeros(n, np.float32), landmarks)


def _own_surface(head: Head) -> Surface:
    mesh, skin = head.mesh, head.skin
    assert skin.uv is not None
    # The painted chart is sharper than the vertices; eyes and teeth have colours of their vertices only.
    inner = np.full((len(mesh.faces) - len(skin.faces), 3, 2), np.nan, np.float32)
    mesh = replace(mesh, uv=np.concatenate([skin.uv, inner]), texture=skin.texture)
    wet = [number for number, name in enumerate(head.part_names) if name.startswith("eyeball")]
    gloss = np.isin(head.mesh_parts, wet).astype(np.float32)
    return Surface(mesh, head.infrared_albedo, gloss, head.landmarks)


def _words(*texts: str) -> list[int]:
    return [zlib.crc32(text.encode()) for text in texts]


def _rotation(vector: FloatArray) -> FloatArray:
    """Return the rotation about ``vector`` by its length (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle == 0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
