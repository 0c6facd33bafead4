"""A stage that resumes keeps what the one before found, however stiff it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from faceapp.app.template import own_template
from faceapp.core.arrays import FloatArray
from faceapp.core.landmarks import Landmarks3D
from faceapp.geometry.deformation import Attraction
from faceapp.pipeline.contract import Job
from faceapp.pipeline.stages import RegistrationInput
from faceapp_plugins.registration import nicp


class _NothingPulls:
    def attraction(self, vertices: FloatArray, normals: FloatArray, reach: float, weight: FloatArray) -> Attraction:
        return Attraction(np.zeros(len(vertices)), vertices, normals, 0.01)


def test_a_stiff_stage_that_resumes_keeps_a_dent_and_one_from_rest_takes_it_back() -> None:
    template = own_template()
    rest = template.mesh.vertices.astype(np.float64)
    cheek = np.nanmean(template.landmarks_of(rest), axis=0)
    cheek[0] += 35.0
    aside = np.linalg.norm((rest - cheek)[:, :2], axis=1)
    dent = -2.0 * np.exp(-((aside / 6.0) ** 2)) * (rest[:, 2] > cheek[2])
    scan = replace(template.mesh, vertices=(rest + dent[:, None] * (0.0, 0.0, 1.0)).astype(np.float32))
    subject = RegistrationInput(scan=scan, template=template, landmarks=Landmarks3D(points=template.landmarks_of(rest)))
    job = Job(lambda kind, done, text: None, Path())

    def fitted(*stages: nicp.Stage) -> FloatArray:
        return nicp.fit_displacements(job, subject, nicp.Parameters(), stages).vertices.astype(np.float64)

    soft = nicp.Stage(1.0, 2.0, 0.2)
    stiff = nicp.Stage(1e8, 0.0, 0.2, _NothingPulls())
    alone, resumed = fitted(soft), fitted(soft, replace(stiff, resumes=True))
    from_rest = fitted(soft, stiff)
    deep = template.face & (dent < -1.0)
    depth = np.abs(alone - rest)[deep, 2].mean()
    assert depth > 1.0
    assert np.abs(resumed - alone).max() < 1e-3
    assert np.abs(from_rest - alone)[deep].max() > 0.5 * depth
