"""The texture that leads t-icp: the shipped one is what the program makes, and what has none is refused in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.registering import register_scan
from faceapp.app.template import own_template
from faceapp.core.errors import FaceappError
from faceapp.morphable.head.albedo import paint
from faceapp.morphable.head.parameters import random_parameters
from faceapp_plugins.registration.texture_building import SkinSampler, build_texture_model, write_texture_model
from faceapp_plugins.registration.texture_model import TextureModel, texture_model
from tests.accuracy.textured_people import person


@pytest.fixture(scope="module")
def sampler() -> SkinSampler:
    return SkinSampler()


def unexplained(model: TextureModel, colors: np.ndarray) -> float:
    """Root mean square of what the model's best weights leave over, of what its mean leaves."""
    modes = model.modes.reshape(len(model.modes), -1).astype(np.float64)
    rest = (colors - model.mean).ravel()
    weights = np.linalg.lstsq(modes.T, rest, rcond=None)[0]
    return float(np.linalg.norm(rest - modes.T @ weights) / np.linalg.norm(rest))


def test_the_shipped_model_knows_people_of_its_making_and_others(sampler: SkinSampler) -> None:
    model = texture_model(own_template())
    for seed, most in ((4100, 0.08), (9000, 0.14)):
        assert unexplained(model, sampler.colors(paint(random_parameters(seed)).rgb)) < most


def test_the_model_knows_least_of_the_hairs_of_a_brow() -> None:
    own = own_template()
    left, parts = texture_model(own).deviation, np.array(own.part_names)[own.parts]
    mean = {part: left[(parts == part) & own.face].mean() for part in ("brows", "cheeks", "lips")}
    assert mean["brows"] > 1.5 * mean["cheeks"] > 2.0 * mean["lips"] > 0.0


def test_the_border_of_the_lips_is_sharp_in_the_model() -> None:
    # Averaged over a circle in the chart the step was 0.025 a millimetre, and pulled lips aside.
    own = own_template()
    model, parts = texture_model(own), np.array(own.part_names)[own.parts]
    lips, around = (parts == "lips") & own.face, np.isin(parts, ("philtrum", "chin"))
    faces = own.mesh.faces[lips[own.mesh.faces].any(axis=1) & around[own.mesh.faces].any(axis=1)]
    i, j = faces[:, [0, 1, 2, 1, 2, 0]].T.reshape(2, -1)
    across = lips[i] != lips[j]
    edge = np.linalg.norm(own.mesh.vertices[i] - own.mesh.vertices[j], axis=1)[across]
    step = np.linalg.norm(model.mean[i] - model.mean[j], axis=1)[across]
    assert np.median(step / edge) > 0.05


@pytest.mark.figures
def test_the_shipped_model_is_what_its_command_makes(tmp_path: Path) -> None:
    write_texture_model(build_texture_model(), tmp_path / "texture.npz")
    shipped = texture_model(own_template())
    with np.load(tmp_path / "texture.npz") as data:
        np.testing.assert_allclose(data["mean"] / 255, shipped.mean, atol=1.01 / 255)
        np.testing.assert_allclose(data["deviation"], shipped.deviation, atol=1e-4)
        made = data["modes"] * data["scales"][:, None, None]
    # A direction of change has no sign of its own.
    for ours, theirs in zip(made, shipped.modes, strict=True):
        sign = np.sign((ours * theirs).sum())
        np.testing.assert_allclose(sign * ours, theirs, atol=0.02 * np.abs(theirs).max())


def test_a_template_without_colours_is_refused() -> None:
    own = own_template()
    bare = replace(own, name="elsewhere", mesh=replace(own.mesh, colors=None))
    with pytest.raises(FaceappError, match=r"elsewhere has no texture.*plugin nicp"):
        texture_model(bare)


def test_colours_of_a_template_are_its_mean() -> None:
    own = own_template()
    colors = np.full((len(own.mesh.vertices), 3), 102, np.uint8)
    model = texture_model(replace(own, name="elsewhere", mesh=replace(own.mesh, colors=colors)))
    np.testing.assert_allclose(model.colors(np.zeros(0)), 0.4, atol=1e-6)


def test_a_scan_without_colours_is_refused() -> None:
    someone = person(3)
    with pytest.raises(FaceappError, match=r"the scan has no colours.*plugin nicp"):
        register_scan(replace(someone.scan, colors=None), someone.landmarks, plugin="t-icp")
