"""FaceScape's two layers: a base mesh in template order, and a displacement map of what it leaves out.

Landmarks and non-rigid ICP give the base (facescape.md 3.2), the texture of the subject's neutral corrects it along the
surface (3.3), and a ray of each texel along the base's normal gives the map.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from faceapp.core.errors import DataError
from faceapp.core.results import Registration
from faceapp.geometry.appearance_flow import FlowSettings, refine_by_appearance
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.displacement_map import baked_colors, displacement_map
from faceapp.pipeline.contract import Job, plugin
from faceapp.pipeline.parameters import Between, Choice, Unit
from faceapp.pipeline.stages import RegistrationInput
from faceapp_plugins.registration import nicp
from faceapp_plugins.registration.scan_search import ScanSearch, judge, takes_data

_JUDGED_WITHIN_DEG = 50.0


@dataclass(frozen=True, kw_only=True)
class Parameters(nicp.Parameters):
    """Of the base mesh's non-rigid ICP, and of the map."""

    map_size: Annotated[str, Choice("1024", "2048", "4096")] = "1024"
    """Texels along each side of the displacement map."""

    reach: Annotated[float, Between(0.2, 10.0), Unit("mm")] = 2.0
    """How far along the normals the scan is looked for."""

    ray_angle: Annotated[float, Between(10.0, 89.0), Unit("deg")] = 60.0
    """Where the scan's normal differs by more from the ray the texel stays unknown."""

    appearance: bool = True
    """Whether an expression slides until its texture lies as that of the subject's neutral, where both have colours."""


@plugin(stage="register", name="facescape", version="1.1.0", title="Base mesh and displacement map", family="open3d")
def register(job: Job, subject: RegistrationInput, parameters: Parameters) -> Registration:
    """Lay the template onto the scan and measure what it leaves out."""
    if subject.template.mesh.uv is None:
        raise DataError(
            f"the template {subject.template.name} has no texture coordinates (uv), which a displacement map needs; "
            "use the plugin nicp, or a template with uv"
        )
    base = nicp.register(job, subject, parameters)
    scan = SurfaceTree(subject.scan.vertices, subject.scan.faces)
    if parameters.appearance and subject.neutral_texture is not None:
        base = _as_the_neutral_looks(job, subject, base, scan)
    job.progress(0.97, "measuring the displacement map")
    found = displacement_map(base.mesh, scan, int(parameters.map_size), parameters.reach, parameters.ray_angle)
    colors = subject.scan.colors
    texture = None if colors is None else baked_colors(base.mesh, scan, colors, FlowSettings().size)
    return replace(base, displacement=found, texture=texture)


def _as_the_neutral_looks(job: Job, subject: RegistrationInput, base: Registration, scan: SurfaceTree) -> Registration:
    if subject.scan.colors is None or subject.neutral_texture is None:
        job.warning("the scan has no colours: its texture cannot be laid as the neutral's")
        return base
    job.progress(0.95, "laying the texture as the neutral's")
    vertices = refine_by_appearance(base.mesh, scan, subject.scan.colors, subject.neutral_texture)
    moved = np.linalg.norm(vertices - base.vertices, axis=1)[base.template.face]
    job.log(f"appearance moved the face by {moved.mean():.2f} mm, at most {moved.max():.2f}")
    surface = ScanSearch(subject.scan, _JUDGED_WITHIN_DEG)
    distance, confidence = judge(surface, vertices, base.template.mesh.faces, takes_data(base.template))
    return replace(base, vertices=vertices.astype(np.float32), distance=distance, confidence=confidence)
