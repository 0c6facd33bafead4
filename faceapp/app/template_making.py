"""Anyone's mesh as a registration template: its anchors from landmarks, its parts from our own head laid onto it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceapp.app.fusing import read_landmark_set
from faceapp.app.registering import register_scan
from faceapp.app.template import own_modes, own_template
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.signals import Reporter
from faceapp.core.template import Template
from faceapp.formats.mesh_files import read_any_mesh
from faceapp.formats.template_files import write_template
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.landmarks.prefill import prefill_scan
from faceapp.landmarks.scheme import load_scheme

_FARTHEST_ANCHOR_MM = 5.0
"""A landmark farther from the mesh is none of its points."""

_FARTHEST_PART_MM = 15.0
OTHER = "other"
"""Part of the vertices that our head has nothing near to, such as a collar or the inside of a mouth."""

_FEWEST_ANCHORS = 6


@dataclass(frozen=True, eq=False)
class MadeTemplate:
    """A template and what should be known of it.

    Parameters
    ----------
    template : Template
        Vertices in the order of the mesh.
    missing : tuple of str
        Names of the landmarks that have no anchor.
    guessed : bool
        Whether the anchors come from the shape alone: to be looked at.
    """

    template: Template
    missing: tuple[str, ...]
    guessed: bool


def make_template(
    mesh: Mesh, name: str, landmarks: Landmarks3D | None = None, licence: str = "", reporter: Reporter | None = None
) -> MadeTemplate:
    """Return a template made of a mesh whose vertex order becomes the template's.

    Parameters
    ----------
    mesh : Mesh
        mm; y up, z out of the face where there are no landmarks.
    name : str
        What people will call it.
    landmarks : Landmarks3D, optional
        On the mesh; each becomes an anchor between the corners of the triangle that it lies on. Without them the
        average face is laid onto the mesh and its points are taken: a guess.
    licence : str
        Of the mesh.
    reporter : Reporter, optional
        Told of progress; can stop the work.

    Raises
    ------
    DataError
        The mesh has no triangles, or too few landmarks lie on it.
    """
    reporter = reporter or Reporter()
    if not len(mesh.faces):
        raise DataError("the mesh has no triangles; a template is a surface")
    guessed = landmarks is None
    if landmarks is None:
        reporter.progress(0.0, "guessing the landmarks from the shape")
        landmarks = prefill_scan(own_template(), mesh.vertices, mesh.vertex_normals(), own_modes())
    triangles, weights = _anchors(mesh, landmarks)
    scheme = load_scheme()
    missing = tuple(scheme.names[i] for i in np.flatnonzero(triangles[:, 0] < 0))
    if len(scheme) - len(missing) < _FEWEST_ANCHORS:
        raise DataError(
            f"only {len(scheme) - len(missing)} landmarks lie within {_FARTHEST_ANCHOR_MM:g} mm of the mesh; "
            "are both in mm and in the same place?"
        )
    with reporter.part(0.1, 0.95):
        labels, face = _parts(mesh, landmarks, reporter)
    ours = own_template()
    made = Template(
        name, mesh, triangles, weights, labels, (*ours.part_names, OTHER), face,
        {**ours.stiffness, OTHER: 2.0}, licence, scheme.id,
    )  # fmt: skip
    reporter.progress(1.0, "made")
    return MadeTemplate(made, missing, guessed)


def _anchors(mesh: Mesh, landmarks: Landmarks3D) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Corners and weights of the nearest point of the surface for each landmark; -1 and NaN where it is far."""
    placed = np.flatnonzero(landmarks.placed)
    near = SurfaceTree(mesh.vertices, mesh.faces).query(landmarks.points[placed], _FARTHEST_ANCHOR_MM)
    on = near.face >= 0
    triangles = np.full((len(landmarks.points), 3), -1, np.int32)
    weights = np.full((len(landmarks.points), 3), np.nan)
    triangles[placed[on]] = mesh.faces[near.face[on]]
    weights[placed[on]] = near.weights[on]
    return triangles, weights


def _parts(
    mesh: Mesh, landmarks: Landmarks3D, reporter: Reporter
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Part of each vertex, and whether it is of the face: those of our own head where it comes to lie."""
    ours = own_template()
    laid = register_scan(mesh, landmarks, reporter=reporter).registration
    near = SurfaceTree(laid.vertices, ours.mesh.faces).query(mesh.vertices, _FARTHEST_PART_MM)
    known = near.face >= 0
    corner = np.take_along_axis(
        ours.mesh.faces[np.where(known, near.face, 0)],
        np.argmax(np.where(known[:, None], near.weights, 0.0), axis=1)[:, None],
        axis=1,
    )[:, 0]
    labels = np.where(known, ours.parts[corner], len(ours.part_names)).astype(np.int32)
    return labels, known & ours.face[corner]


def import_template(
    mesh_file: Path,
    out: Path,
    *,
    landmarks: Path | None = None,
    name: str = "",
    licence: str = "",
    reporter: Reporter | None = None,
    force: bool = False,
) -> MadeTemplate:
    """Make a template of a mesh file and write ``NAME.json`` with ``NAME.ply`` beside it.

    Raises
    ------
    UsageError
        ``out`` exists, is no JSON file, or the landmarks are 2D.
    DataError
        A file is missing or broken, or the landmarks do not lie on the mesh.
    """
    if out.suffix != ".json":
        raise UsageError(f"--out {out}: a template is a JSON file with its mesh beside it, such as {out.stem}.json")
    beside = [f for f in (out, out.with_suffix(".ply")) if f.exists()]
    if beside and not force:
        raise UsageError(f"{beside[0]} exists; give another --out, or --force to write over it")
    if out.with_suffix(".ply").resolve() == mesh_file.resolve():
        raise UsageError(f"--out {out} would write over the mesh {mesh_file} itself; give another name")
    mesh = read_any_mesh(mesh_file)
    marks = None
    if landmarks is not None:
        views, marks = read_landmark_set([landmarks])
        if views:
            raise UsageError("a template is made with 3D landmarks; lift 2D ones with: faceapp landmarks lift")
    made = make_template(mesh, name or out.stem, marks, licence, reporter)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_template(out, made.template)
    return made
