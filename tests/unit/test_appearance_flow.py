"""An expression slides along its scan until its texture lies as the neutral's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faceapp.app.template import own_template
from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.core.results import BakedTexture
from faceapp.formats.chart_files import read_texture, write_texture
from faceapp.geometry.appearance_flow import FlowSettings, refine_by_appearance, texture_flow
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.displacement_map import baked_colors
from faceapp.morphable.head import load_head, random_parameters

FOLDED = ("eyes", "lid_insides", "lips", "mouth_interior", "nostrils")
TEXTURED = ("brows", "nose", "philtrum", "chin", "forehead", "cheeks")


@dataclass(frozen=True, eq=False)
class Take:
    """A painted scan, and the template's vertices where they truly belong."""

    tree: SurfaceTree
    colors: np.ndarray
    mesh: Mesh


def take(expression: str, seed: int = 11) -> Take:
    scan = load_head(3).shape(random_parameters(seed), expression).skin
    assert scan.texture is not None and scan.uv is not None
    height, width = scan.texture.shape[:2]
    u, v = scan.uv.reshape(-1, 2).T
    rows = np.clip(np.rint((1 - v) * height - 0.5).astype(int), 0, height - 1)
    columns = np.clip(np.rint(u * width - 0.5).astype(int), 0, width - 1)
    colors = np.zeros((len(scan.vertices), 3), np.uint8)
    colors[scan.faces.ravel()] = scan.texture[rows, columns]
    true = load_head(2).shape(random_parameters(seed), expression).skin.vertices
    template = own_template().mesh
    return Take(SurfaceTree(scan.vertices, scan.faces), colors, Mesh(true, template.faces, uv=template.uv))


def slid(where: Take, length: float) -> np.ndarray:
    """The vertices moved along the scan by a smooth field of up to about ``length`` mm; lids and lips stay.

    The nearest point of the scan would lie on the other lid there, and fold the mesh.
    """
    x = where.mesh.vertices.astype(float)
    field = np.stack(
        [
            np.sin(x[:, 1] / 25 + 1) * np.cos(x[:, 0] / 30),
            np.cos(x[:, 1] / 22) * np.sin(x[:, 0] / 28 + 0.5),
            np.zeros(len(x)),
        ],
        axis=1,
    )
    normals = where.mesh.vertex_normals()
    field -= np.einsum("nd,nd->n", field, normals)[:, None] * normals
    template = own_template()
    folded = np.isin(template.parts, [template.part_names.index(n) for n in FOLDED])
    field *= np.clip(cKDTree(x[folded]).query(x)[0] / 15.0, 0, 1)[:, None]
    found = where.tree.query(x + length * field, 10.0).points
    return np.where(np.isfinite(found), found, x)


@pytest.fixture(scope="module")
def neutral() -> BakedTexture:
    there = take("neutral")
    return baked_colors(there.mesh, there.tree, there.colors, 512)


@pytest.fixture(scope="module")
def smile() -> Take:
    return take("smile")


SMALL = FlowSettings(size=512)


def test_a_slide_of_one_to_three_millimetres_is_undone_to_a_fifth(neutral: BakedTexture, smile: Take) -> None:
    start = slid(smile, 3.5)
    refined = refine_by_appearance(smile.mesh.with_vertices(start), smile.tree, smile.colors, neutral, SMALL)
    template = own_template()
    there = np.isin(template.parts, [template.part_names.index(n) for n in TEXTURED]) & template.face
    before = np.linalg.norm(start - smile.mesh.vertices, axis=1)
    asked = there & (before > 1) & (before < 3)
    after = np.linalg.norm(refined - smile.mesh.vertices, axis=1)
    assert asked.sum() > 1000
    assert after[asked].mean() < 0.2 * before[asked].mean()
    # it slides: the vertices lie on the scan as before, and no triangle turns over
    assert np.abs(smile.tree.query(refined[asked]).distance).mean() < 0.02
    turned = [
        np.einsum("nd,nd->n", smile.mesh.with_vertices(v).face_normals(), smile.mesh.face_normals()) < 0
        for v in (start, refined)
    ]
    on_face = template.face[template.mesh.faces].all(axis=1)
    assert not (turned[1] & ~turned[0] & on_face).any()


def test_skin_without_texture_stays(neutral: BakedTexture, smile: Take) -> None:
    rng = np.random.default_rng(3)
    bare = np.clip(rng.normal(150, 1, smile.colors.shape), 0, 255).astype(np.uint8)
    blank = BakedTexture(np.full_like(neutral.image, 150), neutral.known)
    start = slid(smile, 2.0)
    refined = refine_by_appearance(smile.mesh.with_vertices(start), smile.tree, bare, blank, SMALL)
    assert np.linalg.norm(refined - start, axis=1).max() < 0.1


def test_light_that_changes_slowly_moves_nothing(neutral: BakedTexture, smile: Take) -> None:
    """The expression is lit from the side, to half as bright on the other: what lay right stays."""
    x = smile.tree.vertices[:, 0]
    light = np.interp(x, [-80, 80], [0.55, 1.0])[:, None]
    darker = np.rint(smile.colors * light).astype(np.uint8)
    refined = refine_by_appearance(smile.mesh, smile.tree, darker, neutral, SMALL)
    face = own_template().face
    assert np.linalg.norm(refined - smile.mesh.vertices, axis=1)[face].mean() < 0.2


def test_textures_of_one_size_are_compared(neutral: BakedTexture, smile: Take) -> None:
    with pytest.raises(DataError, match="512 texels"):
        refine_by_appearance(smile.mesh, smile.tree, smile.colors, neutral, FlowSettings(size=1024))
    flow, confidence = texture_flow(neutral, neutral)
    assert np.abs(flow[confidence > 0.5]).max() < 0.2
    assert confidence[~neutral.known].max() == 0


def test_a_texture_comes_back_from_the_disk(neutral: BakedTexture, tmp_path: Path) -> None:
    write_texture(tmp_path, neutral)
    again = read_texture(tmp_path)
    assert again is not None
    np.testing.assert_array_equal(again.known, neutral.known)
    np.testing.assert_array_equal(again.image, neutral.image)
    assert read_texture(tmp_path / "nowhere") is None
    (tmp_path / "texture.png").write_bytes(b"broken")
    with pytest.raises(DataError, match="damaged"):
        read_texture(tmp_path)
