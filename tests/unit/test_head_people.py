"""People and what they do: linear where promised, deterministic, touching where they must."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.core.errors import DataError, UsageError
from faceapp.morphable.head import Head, HeadModel, HeadParameters, load_head, random_parameters
from faceapp.morphable.head.albedo import paint
from faceapp.morphable.head.cage import PART_NAMES, cage
from faceapp.morphable.head.expressions import expression_names, expression_weights
from faceapp.morphable.head.eyes_and_teeth import eye_centres, eyeball_radius, inner_parts, turn_jaw
from faceapp.morphable.head.identity import mode_names, sex_offset


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head(2)


@pytest.fixture(scope="module")
def person() -> HeadParameters:
    return random_parameters(5, "male", 62)


@pytest.fixture(scope="module")
def head(model: HeadModel, person: HeadParameters) -> Head:
    return model.shape(person, "grin")


def on_face(model: HeadModel) -> np.ndarray:
    """Face vertices far from lips and lids, where nothing touches."""
    aside = [PART_NAMES.index(n) for n in ("lips", "eyes", "philtrum", "chin")]
    return model.face_region & ~np.isin(model.parts, aside)


def test_everything_has_the_same_length(head: Head, model: HeadModel) -> None:
    v, m = len(head.skin.vertices), len(head.mesh.vertices)
    assert v == 24127
    assert head.infrared_albedo.shape == (m,)
    assert head.mesh_parts.shape == (m,)
    assert head.landmarks.shape == (106, 3)
    np.testing.assert_array_equal(head.mesh.vertices[:v], head.skin.vertices)
    np.testing.assert_array_equal(head.mesh.faces[: 2 * len(head.quads)], model.triangles)
    assert head.mesh_parts.max() == len(head.part_names) - 1


def test_landmarks_are_finite_and_the_eyes_look_out_of_the_lids(head: Head) -> None:
    assert np.isfinite(head.landmarks).all()
    for centre, lids in ((74, range(66, 74)), (83, range(75, 83))):
        around = head.landmarks[list(lids)]
        assert around[:, 0].min() < head.landmarks[centre, 0] < around[:, 0].max()
    assert head.landmarks[104, 0] < 0 < head.landmarks[105, 0]


def test_identity_is_linear(model: HeadModel) -> None:
    weights = np.zeros(32)
    weights[[1, 7, 13]] = [1.0, -1.5, 0.7]
    expected = model.mean + np.tensordot(weights, model.identity_basis, 1)
    found = model.vertices(HeadParameters(identity=weights))
    clear = on_face(model)
    np.testing.assert_allclose(found[clear], expected[clear], atol=1e-4)


def test_expressions_are_linear_away_from_contact(model: HeadModel) -> None:
    mixture = {"brow_raiser": 0.5, "smile": 0.25}
    expected = model.mean + np.tensordot(expression_weights(mixture), model.expression_basis, 1)
    found = model.vertices(HeadParameters(), mixture)
    clear = on_face(model)
    np.testing.assert_allclose(found[clear], expected[clear], atol=1e-3)


def test_neutral_average_is_the_average(model: HeadModel) -> None:
    gap = np.linalg.norm(model.vertices(HeadParameters()) - model.mean, axis=1)
    assert gap[model.face_region].max() < 0.2


def test_the_same_person_is_the_same_and_another_is_not(model: HeadModel) -> None:
    one = model.vertices(random_parameters(11), "smile")
    np.testing.assert_array_equal(one, model.vertices(random_parameters(11), "smile"))
    other = model.vertices(random_parameters(12), "smile")
    assert np.linalg.norm(one - other, axis=1)[model.face_region].mean() > 2


def test_painting_is_deterministic(person: HeadParameters) -> None:
    first = paint(person)
    again = paint(HeadParameters(sex=person.sex, age=person.age, noise_seed=person.noise_seed,
                                 tone=person.tone, hair=person.hair))  # fmt: skip
    np.testing.assert_array_equal(first.rgb, again.rgb)
    other = paint(HeadParameters(sex=person.sex, age=person.age, noise_seed=1, tone=person.tone, hair=person.hair))
    assert (other.rgb != first.rgb).any()


def test_infrared_tells_brow_skin_and_pupil_apart(model: HeadModel) -> None:
    light = model.shape(HeadParameters(tone=3))
    ir = light.infrared_albedo
    names = light.part_names

    def of(name: str) -> np.ndarray:
        return ir[light.mesh_parts == names.index(name)]

    assert of("cheeks").mean() == pytest.approx(0.75, abs=0.05)
    assert of("scalp").mean() == pytest.approx(0.75 * 0.6, abs=0.08)
    assert np.percentile(of("brows"), 5) < 0.55
    assert of("eyeball_left").min() == pytest.approx(0.10, abs=0.02)
    assert of("teeth").mean() == pytest.approx(0.70)
    dark = model.shape(HeadParameters(tone=5))
    cheeks = dark.infrared_albedo[dark.mesh_parts == names.index("cheeks")]
    assert cheeks.mean() == pytest.approx(0.42, abs=0.04)


def test_colours_show_lips_redder_than_cheeks(head: Head) -> None:
    colours = head.mesh.colors
    assert colours is not None

    def redness(name: str) -> float:
        mine = colours[head.mesh_parts == head.part_names.index(name)].astype(float)
        return float((mine[:, 0] / mine[:, 1]).mean())

    assert redness("lips") > 1.2 * redness("forehead")


@pytest.mark.parametrize("expression", ["neutral", *expression_names()])
def test_lips_do_not_cross(model: HeadModel, person: HeadParameters, expression: str) -> None:
    skin = model.vertices(person, expression)
    ring = cage().rings["mouth"][5]
    upper = np.arange(11, 22)
    gap = skin[ring[upper], 1] - skin[ring[(20 - upper) % 24], 1]
    assert gap.min() > 0.1


@pytest.mark.parametrize("expression", ["neutral", "smile", "anger", "cheek_blowing", "lip_puckerer", "eye_closed"])
def test_closed_mouths_are_closed(model: HeadModel, person: HeadParameters, expression: str) -> None:
    skin = model.vertices(person, expression)
    ring = cage().rings["mouth"][5]
    upper = np.arange(11, 22)
    assert (skin[ring[upper], 1] - skin[ring[(20 - upper) % 24], 1]).max() < 0.4


def test_open_mouths_stay_open(model: HeadModel, person: HeadParameters) -> None:
    skin = model.vertices(person, "mouth_stretch")
    ring = cage().rings["mouth"][5]
    assert skin[ring[16], 1] - skin[ring[4], 1] > 25


def test_lids_close_and_open(model: HeadModel, person: HeadParameters) -> None:
    upper = np.arange(8, 13)

    def gaps(expression: str) -> np.ndarray:
        skin = model.vertices(person, expression)
        rings = [cage().rings[side][3] for side in ("eyeL", "eyeR")]
        return np.concatenate([skin[r[upper], 1] - skin[r[(12 - upper) % 16], 1] for r in rings])

    assert gaps("eye_closed").max() < 0.5
    assert gaps("eye_closed").min() > -0.3
    assert gaps("neutral").min() > 2
    assert gaps("surprise").mean() > gaps("neutral").mean()


def test_lids_stay_out_of_the_eyeball(head: Head, model: HeadModel, person: HeadParameters) -> None:
    closed = model.shape(person, "eye_closed")
    for number, side in enumerate(("eyeball_left", "eyeball_right")):
        ball = closed.mesh.vertices[closed.mesh_parts == closed.part_names.index(side)].astype(float)
        centre = ball[np.isclose(inner_parts().eye_angle[inner_parts().parts == number], np.pi / 2)].mean(axis=0)
        lids = closed.skin.vertices[closed.parts == PART_NAMES.index("lid_insides")]
        lids = lids[np.sign(lids[:, 0]) == np.sign(centre[0])] - centre
        angle = np.arccos(np.clip(lids[:, 2] / np.linalg.norm(lids, axis=1), -1, 1))
        assert (np.linalg.norm(lids, axis=1) - eyeball_radius(angle)).min() > 0.29
    assert np.isfinite(head.mesh.vertices).all()


def test_sides_are_the_subjects(model: HeadModel) -> None:
    chin = cage().vertex("6,0")
    middle = model.mean[chin, 0]
    assert model.vertices(HeadParameters(), "jaw_left")[chin, 0] > middle + 5
    assert model.vertices(HeadParameters(), "jaw_right")[chin, 0] < middle - 5


def test_jaw_carries_the_lower_teeth(model: HeadModel) -> None:
    shut, wide = (model.shape(HeadParameters(), e).mesh.vertices[24127:] for e in ("neutral", "mouth_stretch"))
    moved = np.linalg.norm(wide - shut, axis=1)
    lower = inner_parts().lower
    assert moved[lower].min() > 5
    assert moved[~lower].max() < 1e-4
    np.testing.assert_allclose(turn_jaw(np.array([[3.0, -35.5, -1.8]]), 1.0, [0, 0, 0]), [[3.0, -35.5, -1.8]])


def test_age_moves_and_folds(model: HeadModel) -> None:
    young, old = HeadParameters(age=25), HeadParameters(age=75)
    np.testing.assert_array_equal(model.vertices(young), model.vertices(HeadParameters(age=18)))
    flat, folded = model.vertices(old, folds=False), model.vertices(old)
    assert 1.0 < np.linalg.norm(folded - flat, axis=1).max() < 3.0
    assert np.linalg.norm(flat - model.vertices(young), axis=1)[model.face_region].max() > 4


def test_sexes_differ_as_the_offsets_say() -> None:
    drawn = {s: np.mean([random_parameters(k, s).identity for k in range(200)], axis=0) for s in ("male", "female")}
    np.testing.assert_allclose(drawn["male"] - drawn["female"], 2 * sex_offset(), atol=1e-9)
    assert drawn["male"][mode_names().index("head_breadth")] == pytest.approx(-1.7, abs=0.25)


def test_teeth_are_closed_surfaces() -> None:
    inner = inner_parts()
    edges = np.sort(inner.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 2).all()
    a, b, c = (inner.vertices[inner.faces[:, k]] for k in range(3))
    for part in range(2):
        mine = inner.parts[inner.faces[:, 0]] == part
        centre = list(eye_centres().values())[part]
        volume = np.einsum("nd,nd->n", a - centre, np.cross(b - centre, c - centre))[mine].sum() / 6
        assert volume == pytest.approx(4 / 3 * np.pi * 12.2**3, rel=0.03)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"identity": np.zeros(31)}, DataError),
        ({"sex": "none"}, UsageError),
        ({"age": -1}, UsageError),
        ({"tone": 6}, UsageError),
        ({"hair": 7}, UsageError),
        ({"iris": -1}, UsageError),
    ],
)
def test_impossible_people_are_refused(arguments: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error, match="head"):
        HeadParameters(**arguments)  # type: ignore[arg-type]


def test_unknown_expression_is_refused(model: HeadModel) -> None:
    with pytest.raises(UsageError, match="wink"):
        model.vertices(HeadParameters(), "wink")
