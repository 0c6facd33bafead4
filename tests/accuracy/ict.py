"""Random heads of the ICT model, as scans of another topology and as a template: for tests of correspondence."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceapp.core.landmarks import Landmarks3D, PlacedBy
from faceapp.core.mesh import Mesh
from faceapp.core.template import Template

EXPRESSIONS: tuple[dict[str, float], ...] = (
    {},
    {"jawOpen": 0.6, "mouthSmile_L": 0.5, "mouthSmile_R": 0.5},
    {"mouthSmile_L": 0.8, "mouthSmile_R": 0.8, "browInnerUp_L": 0.5, "browInnerUp_R": 0.5},
    {"browDown_L": 0.8, "browDown_R": 0.8, "mouthFrown_L": 0.6, "mouthFrown_R": 0.6},
    {"mouthPucker": 0.8},
)
_HIDDEN_GROUPS = ("occlusion", "blend", "lash", "fluid")
FACE_PARTS = ("forehead", "brow", "eye", "nose", "cheek", "philtrum", "lips", "chin")


@dataclass(frozen=True, eq=False)
class IctModel:
    """The arrays of the file, floats in mm."""

    neutral: np.ndarray
    identity: np.ndarray
    expression: dict[str, np.ndarray]
    faces: np.ndarray
    face_group: np.ndarray
    group_names: list[str]
    part: np.ndarray
    part_names: list[str]
    corners: np.ndarray
    weights: np.ndarray

    def head(self, seed: int, expression: dict[str, float]) -> np.ndarray:
        """(26719, 3) vertices of a random identity with an expression."""
        weights = np.random.default_rng([seed, 53]).normal(size=len(self.identity))
        vertices = self.neutral + np.tensordot(weights, self.identity, 1)
        for name, weight in expression.items():
            vertices = vertices + weight * self.expression[name]
        return vertices

    def landmarks(self, vertices: np.ndarray) -> np.ndarray:
        """(106, 3) exact landmarks of vertices."""
        return np.einsum("nk,nkd->nd", self.weights, vertices[self.corners])

    def visible_mesh(self, vertices: np.ndarray) -> Mesh:
        """The head with eyeballs and teeth, without the transparent shells."""
        shown = [i for i, n in enumerate(self.group_names) if not any(h in n for h in _HIDDEN_GROUPS)]
        faces = self.faces[np.isin(self.face_group, shown)]
        used = np.zeros(len(vertices), bool)
        used[faces] = True
        return Mesh(vertices.astype(np.float32), faces).submesh(used)

    @functools.cached_property
    def skin(self) -> np.ndarray:
        """(V,) bool: vertices of the outer skin."""
        mask = np.zeros(len(self.neutral), bool)
        mask[self.faces[self.face_group <= 1]] = True
        return mask

    def template(self) -> Template:
        """The average skin as a registration template."""
        mesh = Mesh(self.neutral.astype(np.float32), self.faces[self.face_group <= 1]).submesh(self.skin)
        new = np.cumsum(self.skin) - 1
        triangles, weights = np.full((106, 3), -1, np.int32), np.full((106, 3), np.nan)
        there = self.skin[self.corners].all(axis=1)
        triangles[there], weights[there] = new[self.corners[there]], self.weights[there]
        parts = self.part[self.skin].astype(np.int32)
        face = np.isin(parts, [self.part_names.index(n) for n in self.part_names if n.startswith(FACE_PARTS)])
        stiffness = {n: 0.5 for n in self.part_names if n.startswith(("eye", "lips", "mouth"))}
        stiffness |= {n: 1.5 for n in self.part_names if n.startswith("cheek")}
        stiffness |= {n: 2.0 for n in self.part_names if n.startswith(("forehead", "temple", "scalp"))}
        stiffness |= {n: 3.0 for n in self.part_names if n.startswith(("ear", "neck"))}
        return Template("ict", mesh, triangles, weights, parts, tuple(self.part_names), face, stiffness, "MIT")


@functools.cache
def load_ict(data: Path) -> IctModel:
    """Read the model from the data folder."""
    folder = data / "head" / "ict_facekit"
    with np.load(folder / "ict_face_light.npz") as m:
        expression = m["expression"].astype(np.float32) * m["expression_step_mm"]
        names = [str(n) for n in m["expression_names"]]
        surface = json.loads((folder / "landmarks106_vertices.json").read_text())["surface"]
        return IctModel(
            m["neutral"].astype(np.float64),
            m["identity"].astype(np.float32) * m["identity_step_mm"],
            dict(zip(names, expression, strict=True)),
            m["faces"].astype(np.int32),
            m["face_group"],
            [str(n) for n in m["group_names"]],
            m["part"],
            [str(n) for n in m["part_names"]],
            np.array(surface["vertices"]),
            np.array(surface["weights"], np.float64),
        )


def as_scan(mesh: Mesh, seed: int, vertices: int = 100_000, noise_mm: float = 0.05) -> Mesh:
    """The same surface with another topology and noise, as a scanner would give it."""
    import open3d as o3d

    dense = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(mesh.vertices.astype(float)), o3d.utility.Vector3iVector(np.array(mesh.faces))
    )
    dense = dense.subdivide_midpoint(2).simplify_quadric_decimation(2 * vertices)
    points = np.asarray(dense.vertices)
    normals = Mesh(points.astype(np.float32), np.asarray(dense.triangles)).vertex_normals()
    moved = points + noise_mm * np.random.default_rng([seed, 3]).normal(size=(len(points), 1)) * normals
    return Mesh(moved.astype(np.float32), np.asarray(dense.triangles).astype(np.int32))


def clicked(points: np.ndarray, seed: int, noise_mm: float = 1.0) -> Landmarks3D:
    """Landmarks with the noise of a click."""
    noisy = points + noise_mm * np.random.default_rng([seed, 7]).normal(size=points.shape) / np.sqrt(3)
    return Landmarks3D(points=noisy, placed_by=(PlacedBy.SIMULATION,) * len(points))
