"""FaceScape's two layers: a base mesh in template order, and a displacement map of what it leaves out.

Landmarks and non-rigid ICP give the base (facescape.md 3.2); a ray of each texel along the base's normal gives the map.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from faceapp.core.errors import DataError
from faceapp.core.results import Registration
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.displacement_map import displacement_map
from faceapp.pipeline.contract import Job, plugin
from faceapp.pipeline.parameters import Between, Choice, Unit
from faceapp.pipeline.stages import RegistrationInput
from faceapp_plugins.registration import nicp


@dataclass(frozen=True, kw_only=True)
class Parameters(nicp.Parameters):
    """Of the base mesh's non-rigid ICP, and of the map."""

    map_size: Annotated[str, Choice("1024", "2048", "4096")] = "1024"
    """Texels along each side of the displacement map."""

    reach: Annotated[float, Between(0.2, 10.0), Unit("mm")] = 2.0
    """How far along the normals the scan is looked for."""

    ray_angle: Annotated[float, Between(10.0, 89.0), Unit("deg")] = 60.0
    """Where the scan's normal differs by more from the ray the texel stays unknown."""


@plugin(stage="register", name="facescape", version="1.0.0", title="Base mesh and displacement map", family="open3d")
def register(job: Job, subject: RegistrationInput, parameters: Parameters) -> Registration:
    """Lay the template onto the scan and measure what it leaves out."""
    if subject.template.mesh.uv is None:
        raise DataError(
            f"the template {subject.template.name} has no texture coordinates (uv), which a displacement map needs; "
            "use the plugin nicp, or a template with uv"
        )
    base = nicp.register(job, subject, parameters)
    job.progress(0.97, "measuring the displacement map")
    scan = SurfaceTree(subject.scan.vertices, subject.scan.faces)
    found = displacement_map(base.mesh, scan, int(parameters.map_size), parameters.reach, parameters.ray_angle)
    return replace(base, displacement=found)
