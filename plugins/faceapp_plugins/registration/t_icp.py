"""Texture-constrained non-rigid ICP (beyond-3dmm.md 3.1, Eq. 3 to 7): correspondence by shape and texture together.

The template brings a texture model; its light is found on the scan, and each vertex looks for a place near it that
looks as it does. What lies over the face and looks otherwise is left out. Landmarks lead the start, as in the paper,
and yield where texture is clear, for it says more than a click.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.core.results import Registration
from faceapp.core.template import Template
from faceapp.geometry.rigid import align_pairs
from faceapp.landmarks.scheme import load_scheme
from faceapp.pipeline.contract import Job, plugin
from faceapp.pipeline.parameters import Between, Choice, Value
from faceapp.pipeline.stages import RegistrationInput
from faceapp_plugins.registration import nicp
from faceapp_plugins.registration.rigid_start import from_own_neutral
from faceapp_plugins.registration.scan_search import ScanSearch, takes_data
from faceapp_plugins.registration.settling import Settling
from faceapp_plugins.registration.surface_colors import roughness
from faceapp_plugins.registration.texture_model import texture_model
from faceapp_plugins.registration.texture_search import TextureSearch

_LED_STAGES = (
    (nicp.Stage(60.0, 20.0, 0.4), 0.9),
    (nicp.Stage(20.0, 5.0, 0.25), 0.9),
    (nicp.Stage(200.0, 3.0, 0.2, resumes=True), 1.0),
)
"""On the template itself, each with the share of its weight that a landmark loses where texture is clearest. The last
is stiff, for many vertices tell together what one does not; from rest, a template that stiff would not smile."""

_SETTLED = nicp.Stage(1.0, 2.0, 0.2)
"""Once texture has led: as soft as without it, and led by pins alone."""

_ROUGH_MM = 0.08
"""Of a scan whose closest points jump from bump to bump: there is no gradient to follow, and a place is chosen."""


@dataclass(frozen=True, kw_only=True)
class Parameters(nicp.BendingParameters):
    """Of the non-rigid ICP, and of the texture."""

    method: Annotated[str, Choice("auto", "gradients", "places")] = "auto"
    """What leads along the surface: the gradient of colours, the place nearest in colour and space (Eq. 6), or what
    suits the scan, which is places where it is as rough as a depth camera's."""

    texture_weight: Annotated[float, Between(0.0, 1.0)] = 0.25
    """Of places: distance that the largest difference of colour is worth, as a share of that between the eyes."""

    color_threshold: Annotated[float, Between(0.02, 2.0)] = 0.17
    """Colours (0 to 1 a channel) that differ by more are not of one place: what covers the face is left out."""

    texture_pull: Annotated[float, Between(0.0, 5.0)] = 0.5
    """How strongly clear texture holds along the surface, beside the pull across it."""

    PRESETS: ClassVar[dict[str, dict[str, Value]]] = {
        "paper": {"method": "places", "texture_weight": 0.013},
    }


@plugin(stage="register", name="t-icp", version="3.2.0", title="Texture-constrained ICP", family="open3d")
def register(job: Job, subject: RegistrationInput, parameters: Parameters) -> Registration:
    """Lay the template onto the scan by shape and texture."""
    scan = subject.scan
    if scan.colors is None:
        raise DataError("the scan has no colours, which t-icp follows; use the plugin nicp, or a scan with colours")
    template = subject.template
    subject = from_own_neutral(subject, job)
    gradients = follows_gradients(scan, parameters.method)
    job.log(f"led along the surface by {'the gradient of colours' if gradients else 'places that look alike'}")
    surface = ScanSearch(scan, parameters.max_angle)
    search = TextureSearch(
        scan,
        scan.colors,
        texture_model(template),
        template.mesh.faces,
        template.face,
        surface,
        weight_mm=parameters.texture_weight * eye_distance(template),
        threshold=parameters.color_threshold,
        pull=parameters.texture_pull,
        gradients=gradients,
    )
    stages = led_stages(template, search)
    if gradients:
        # what a depth camera shows is too rough to be settled on: the stiff template is nearer to the truth
        settling = Settling(surface, search.rejected)
        stages += (replace(_SETTLED, search=settling, yielded=np.ones(len(template.mesh.vertices))),)
    found = nicp.fit_displacements(job, subject, parameters, stages)
    hidden = search.rejected & takes_data(template)
    share = float(hidden[template.face].mean())
    job.log(f"{share:.1%} of the face look otherwise than the texture model and were left out")
    return replace(
        found,
        template=template,
        distance=np.where(hidden, np.nan, found.distance).astype(np.float32),
        confidence=np.where(hidden, 0.0, found.confidence).astype(np.float32),
        # Eq. 7: what is left of the fit after its best rigid motion and size is the shape
        start=align_pairs(
            template.mesh.vertices[template.face].astype(np.float64),
            found.vertices[template.face].astype(np.float64),
            scale=parameters.scale,
        ),
    )


def follows_gradients(scan: Mesh, method: str) -> bool:
    """Return whether vertices follow the gradient of colours on a scan, by a ``method`` of the parameters."""
    return method == "gradients" or (method == "auto" and roughness(scan) < _ROUGH_MM)


def led_stages(template: Template, search: TextureSearch) -> tuple[nicp.Stage, ...]:
    """Return the stages that texture leads.

    They stay stiffer than those of shape alone: one vertex tells little of where it lies, many together tell it well.
    """
    led = led_by_texture(template, search)
    return tuple(replace(stage, search=search, yielded=share * led) for stage, share in _LED_STAGES)


def led_by_texture(template: Template, search: TextureSearch) -> FloatArray:
    """Return (V,) how clearly texture leads each vertex, 0 to 1.

    Nothing leads the outline, where hair begins, nor the line between the lips, for a mouth opens between two colours
    that are the same; the border of the lips, which that line moves, is led three quarters.
    """
    led = search.led(template.mesh.vertices.astype(np.float64))
    scheme = load_scheme(template.scheme)
    shares = {"contour": 0.0, "mouth_inner": 0.0, "mouth_outer": 0.75}
    for group in scheme.groups:
        corners = template.anchor_triangles[list(group.indices)]
        led[np.unique(corners[corners >= 0])] *= shares.get(group.name, 1.0)
    return led


def eye_distance(template: Template) -> float:
    """Return the distance between the middles of the eyes of a template, mm.

    Raises
    ------
    DataError
        It has no anchors at the eyes.
    """
    groups = {g.name: list(g.indices) for g in load_scheme(template.scheme).groups}
    anchors = template.landmarks_of(template.mesh.vertices)
    middles = [np.nanmean(anchors[points], axis=0) for name, points in groups.items() if name.startswith("eye_")]
    if len(middles) != 2 or not np.isfinite(middles).all():
        raise DataError(f"the template {template.name} has no landmarks at both eyes, which t-icp measures by")
    return float(np.linalg.norm(middles[0] - middles[1]))
