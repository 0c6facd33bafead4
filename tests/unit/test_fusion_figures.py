"""Regions of the report are where the landmarks are."""

from __future__ import annotations

import numpy as np

from faceapp.app.fusion_figures import landmark_regions
from faceapp.core.landmarks import Landmarks3D
from faceapp.landmarks.scheme import load_scheme


def test_regions_are_the_middles_of_the_groups_that_are_placed() -> None:
    scheme = load_scheme()
    points = np.random.default_rng(0).normal(size=(106, 3)) * 30
    gone = scheme.groups[0]
    points[list(gone.indices)] = np.nan
    marks = Landmarks3D(points=points)
    regions = landmark_regions({"middle": marks}, "middle")
    assert gone.name not in regions
    assert len(regions) == len(scheme.groups) - 1
    other = scheme.groups[1]
    np.testing.assert_allclose(regions[other.name], points[list(other.indices)].mean(axis=0))
    assert landmark_regions({}, "middle") == {}
