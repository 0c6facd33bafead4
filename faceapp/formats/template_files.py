"""Registration templates: a JSON file beside a PLY whose vertex order is the template's for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from faceapp.core.errors import DataError
from faceapp.core.template import Template
from faceapp.formats.atomic import write_json
from faceapp.formats.landmark_files import SCHEME_SIZES
from faceapp.formats.ply import read_mesh, write_mesh
from faceapp.formats.schemas import read_json

_NOT_FACE = {"neck", "ear", "ears", "scalp", "other", "back", "mouth interior", "mouth_interior", "jaw_underside"}


def read_template(file: Path) -> Template:
    """Read a template.

    Raises
    ------
    DataError
        The file, its mesh or a field is missing or wrong; the message names it.
    """
    data = read_json(file, "template")
    mesh_file = (file.parent / data["mesh"]).resolve()
    if not mesh_file.is_relative_to(file.parent.resolve()):
        raise DataError(f"{file}: field mesh: {data['mesh']} leaves the template's folder")
    mesh = read_mesh(mesh_file)
    if not len(mesh.faces):
        raise DataError(f"{file}: field mesh: {data['mesh']} has no triangles")
    scheme = data.get("scheme", "jd106")
    expected = SCHEME_SIZES.get(scheme)
    if expected is None or len(data["anchors"]) != expected:
        raise DataError(f"{file}: field anchors: {len(data['anchors'])} anchors, the scheme {scheme} has {expected}")
    triangles = np.full((expected, 3), -1, np.int32)
    weights = np.full((expected, 3), np.nan)
    for i, anchor in enumerate(data["anchors"]):
        _put_anchor(anchor, triangles[i], weights[i], len(mesh.vertices), f"{file}: field anchors[{i}]")
    if (triangles < 0).all():
        raise DataError(f"{file}: field anchors: all are null; some must say where the landmarks lie on the mesh")
    names, labels = ("face",), np.zeros(len(mesh.vertices), np.int32)
    if "parts" in data:
        names, labels = tuple(data["parts"]["names"]), np.array(data["parts"]["labels"], np.int32)
        if len(labels) != len(mesh.vertices):
            raise DataError(f"{file}: field parts.labels: {len(labels)} labels for {len(mesh.vertices)} vertices")
        if labels.max(initial=0) >= len(names):
            raise DataError(f"{file}: field parts.labels: label {labels.max()}, but parts.names has {len(names)} names")
    return Template(
        data["name"],
        mesh,
        triangles,
        weights,
        labels,
        names,
        _face(data, names, labels, file),
        dict(data.get("stiffness", {})),
        data.get("licence", ""),
        scheme,
    )


def _put_anchor(anchor: Any, triangle: Any, weights: Any, vertices: int, where: str) -> None:
    if anchor is None:
        return
    corners = anchor.get("triangle") or [anchor["vertex"]] * 3
    if max(corners) >= vertices:
        raise DataError(f"{where}: names vertex {max(corners)} of {vertices}")
    triangle[:] = corners
    weights[:] = anchor.get("weights", (1.0, 0.0, 0.0))


def _face(data: dict[str, Any], names: tuple[str, ...], labels: Any, file: Path) -> Any:
    wanted = data.get("narrow_face")
    if wanted is None:
        return np.array([n.lower() not in _NOT_FACE for n in names])[labels]
    unknown = [w for w in wanted if (w not in names if isinstance(w, str) else not 0 <= w < len(labels))]
    if unknown or not wanted:
        told = f"{unknown[0]!r} is no part and no vertex" if unknown else "it is empty"
        raise DataError(f"{file}: field narrow_face: {told}")
    if all(isinstance(w, str) for w in wanted):
        return np.isin(labels, [i for i, n in enumerate(names) if n in wanted])
    mask = np.zeros(len(labels), bool)
    mask[np.array([w for w in wanted if isinstance(w, int)], int)] = True
    return mask


def write_template(file: Path, template: Template) -> None:
    """Write a template as ``NAME.json`` and ``NAME.ply`` beside it."""
    mesh_file = file.with_suffix(".ply")
    write_mesh(mesh_file, template.mesh)
    anchors = [
        None if t[0] < 0 else {"triangle": t.tolist(), "weights": [round(float(x), 6) for x in w]}
        for t, w in zip(template.anchor_triangles, template.anchor_weights, strict=True)
    ]
    write_json(
        file,
        {
            "schema": "faceapp/template",
            "schema_version": 1,
            "name": template.name,
            "mesh": mesh_file.name,
            "scheme": template.scheme,
            "anchors": anchors,
            "parts": {"names": list(template.part_names), "labels": template.parts.tolist()},
            "stiffness": template.stiffness,
            "narrow_face": np.flatnonzero(template.face).tolist(),
            "licence": template.licence,
            "unit": "mm",
        },
    )
