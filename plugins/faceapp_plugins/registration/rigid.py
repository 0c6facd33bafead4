"""The rigid part alone: landmarks (Procrustes) or the shapes, then trimmed point-to-plane ICP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from faceapp.core.results import Registration
from faceapp.pipeline.contract import Job, plugin
from faceapp.pipeline.parameters import Between, Unit
from faceapp.pipeline.stages import RegistrationInput
from faceapp_plugins.registration.rigid_start import rigid_start
from faceapp_plugins.registration.scan_search import ScanSearch, judge, takes_data


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Of the rigid registration."""

    scale: bool = False
    """Whether the template may change its size (Procrustes with scale)."""

    max_angle: Annotated[float, Between(10.0, 90.0), Unit("deg")] = 50.0
    """Where distances are reported: points whose normal differs by more are another surface."""


@plugin(stage="register", name="rigid", version="1.0.0", title="Rigid ICP", family="open3d")
def register(job: Job, subject: RegistrationInput, parameters: Parameters) -> Registration:
    """Lay the template onto the scan without bending it (pixel-face.txt 4.1, first stage)."""
    template = subject.template
    start = rigid_start(subject, scale=parameters.scale, job=job)
    job.progress(0.8, "measuring")
    vertices = start.apply(template.mesh.vertices)
    surface = ScanSearch(subject.scan, parameters.max_angle)
    distance, confidence = judge(surface, vertices, template.mesh.faces, takes_data(template))
    job.progress(1.0, "laid on")
    return Registration(template, vertices.astype(np.float32), distance, confidence, start)
