"""Appearance-based refinement: a registered expression slides along its scan until its texture is the neutral's.

Closest points say nothing of motion along the surface. The textures of one person's expressions, baked on the
template's chart, do: the optical flow between them is where the expression's vertices belong.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from faceapp.core.arrays import Float32Array, FloatArray, UInt8Array
from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.core.results import BakedTexture, DisplacementMap
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.displacement_map import baked_colors, displaced_points

BoolArray = npt.NDArray[np.bool_]

_FEATURE_PX = 9.0
"""Blur, in texels of 1024, beside which local contrast is judged: light that changes more slowly does not count."""

_CONTRAST = 3.0
"""Grey levels of local contrast that count as texture; the noise of a camera is about 1."""

_AGREEMENT_PX = 1.0
"""Forwards and backwards the flow must come back this close, in texels."""

_AT_REST = 1e-3
"""How strongly a vertex stays where nothing is seen, beside a vertex with clear texture."""

_NEAR_MM = 3.0
_ATTEMPTS = 12


@dataclass(frozen=True)
class FlowSettings:
    """How the texture leads.

    Parameters
    ----------
    size : int
        Texels along each side of the textures.
    smoothness : float
        How little neighbouring vertices may move apart, beside how sure the flow is.
    rounds : int
        Textures are baked anew after each.
    longest : float
        Motion in mm beyond which the flow is not believed.
    """

    size: int = 1024
    smoothness: float = 0.3
    rounds: int = 3
    longest: float = 6.0


def texture_flow(wanted: BakedTexture, found: BakedTexture) -> tuple[Float32Array, Float32Array]:
    """Return the optical flow from one baked texture to another, and how sure it is.

    Parameters
    ----------
    wanted, found : BakedTexture
        Of the neutral and of the expression, (S, S).

    Returns
    -------
    flow : (S, S, 2) float32
        Columns and rows, texels: ``wanted[y, x]`` looks like ``found[y + flow_y, x + flow_x]``.
    confidence : (S, S) float32
        0 to 1: contrast in all directions, and forwards and backwards agreeing.
    """
    sigma = _FEATURE_PX * len(wanted.image) / 1024
    one, two = _contrast(wanted, sigma), _contrast(found, sigma)
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    engine.setFinestScale(0)
    forwards = engine.calc(_as_grey(one), _as_grey(two), None)
    backwards = engine.calc(_as_grey(two), _as_grey(one), None)
    rows, columns = np.mgrid[: len(one), : len(one)].astype(np.float32)
    there = columns + forwards[..., 0], rows + forwards[..., 1]
    back = cv2.remap(backwards, *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    astray = np.linalg.norm(forwards + back, axis=2)
    seen = _inside(wanted.known) * cv2.remap(_inside(found.known), *there, cv2.INTER_LINEAR)
    structure = np.sqrt(np.maximum(cv2.GaussianBlur(_weaker_contrast(one, sigma), (0, 0), sigma / 2), 0))
    texture = structure**2 / (structure**2 + _CONTRAST**2)
    confidence = texture * np.exp(-0.5 * (astray / _AGREEMENT_PX) ** 2) * seen
    return forwards, confidence.astype(np.float32)


def _inside(known: BoolArray) -> Float32Array:
    """1 where texels all around are known too."""
    return np.asarray(cv2.erode(known.astype(np.uint8), np.ones((5, 5), np.uint8)), np.float32)


def _contrast(texture: BakedTexture, sigma: float) -> Float32Array:
    """Grey levels above the mean of the neighbourhood; 0 where nothing is known: its rim must be no edge."""
    grey = cv2.cvtColor(texture.image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    weight = texture.known.astype(np.float32)
    total = cv2.GaussianBlur(grey * weight, (0, 0), 3 * sigma)
    share = cv2.GaussianBlur(weight, (0, 0), 3 * sigma)
    mean = total / np.maximum(share, 1e-3)
    return np.where(texture.known, grey - mean, 0.0).astype(np.float32)


def _as_grey(contrast: Float32Array) -> UInt8Array:
    return np.clip(np.rint(128 + 1.5 * contrast), 0, 255).astype(np.uint8)


def _weaker_contrast(contrast: Float32Array, sigma: float) -> Float32Array:
    """Squared grey levels per feature in the direction in which there are least (smaller eigenvalue of structure)."""
    dx, dy = cv2.Sobel(contrast, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(contrast, cv2.CV_32F, 0, 1) / 8
    xx, xy, yy = (cv2.GaussianBlur(v, (0, 0), sigma) for v in (dx * dx, dx * dy, dy * dy))
    root = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    smaller: Float32Array = (0.5 * (xx + yy - root) * sigma**2).astype(np.float32)
    return smaller


def refine_by_appearance(
    expression: Mesh,
    scan: SurfaceTree,
    colors: UInt8Array,
    neutral_texture: BakedTexture,
    settings: FlowSettings = FlowSettings(),
) -> FloatArray:
    """Return the (V, 3) vertices of a registered expression after its texture has come to lie as the neutral's.

    Parameters
    ----------
    expression : Mesh
        Registered to the scan, with uv.
    scan : SurfaceTree
        Of the expression's scan.
    colors : (N, 3) uint8
        Of the scan's vertices.
    neutral_texture : BakedTexture
        From `baked_colors` of the registered neutral, of ``settings.size``.
    settings : FlowSettings
        How the texture leads.

    Raises
    ------
    DataError
        The textures differ in size.

    Notes
    -----
    facescape.md 3.3. Eq. 1 as printed is solved by leaving every vertex at its new place, for both of its terms
    vanish there; what must be smooth is the displacement from the preliminary mesh:
    ``sum_i c_i |d_i - d'_i|^2 + mu sum_ij |d_i - d_j|^2`` with the flow's confidence c.
    """
    found = len(neutral_texture.image)
    if found != settings.size:
        raise DataError(f"the neutral's texture has {found} texels a side, {settings.size} are asked for")
    moved = expression.vertices.astype(np.float64)
    for _ in range(settings.rounds):
        mesh = expression.with_vertices(moved)
        flow, confidence = texture_flow(neutral_texture, baked_colors(mesh, scan, colors, settings.size))
        step, sure = _vertex_steps(mesh, flow, confidence, settings)
        slide = _smoothed(mesh, step, sure, settings.smoothness)
        moved = _without_new_flips(mesh, scan, moved, slide)
    return moved


def _without_new_flips(mesh: Mesh, scan: SurfaceTree, before: FloatArray, slide: FloatArray) -> FloatArray:
    """Take back as much of a slide as turns triangles over: at lids and lips another surface is near."""
    normals = mesh.face_normals()
    share = np.ones(len(before))
    spread = np.zeros(len(before), np.bool_)
    after = before
    for attempt in range(_ATTEMPTS):
        after = _onto(scan, before, before + share[:, None] * slide)
        turned = np.einsum("nd,nd->n", mesh.with_vertices(after).face_normals(), normals) < 0
        if not turned.any():
            break
        spread[mesh.faces[turned]] = True
        # the neighbours too, from attempt to attempt farther: what stays beside what moves would turn over next
        spread[mesh.faces[spread[mesh.faces].any(axis=1)]] = True
        share[spread] = 0.5 * share[spread] if attempt < _ATTEMPTS // 2 else 0.0
    return after


def _vertex_steps(
    mesh: Mesh, flow: Float32Array, confidence: Float32Array, settings: FlowSettings
) -> tuple[FloatArray, FloatArray]:
    """Where the flow wants each vertex, as a step in mm, and how sure it is; 0 on seams of the chart."""
    size = settings.size
    place, seam = _texel_of_vertices(mesh, size)
    u, v = place[:, 0].astype(np.float32), place[:, 1].astype(np.float32)
    at = cv2.remap(np.dstack([flow, confidence]), u, v, cv2.INTER_LINEAR)[:, 0]
    flat = DisplacementMap(np.zeros((size, size), np.float32), 1.0)
    surface = displaced_points(mesh, flat)
    there = cv2.remap(surface, u + at[:, 0], v + at[:, 1], cv2.INTER_LINEAR, borderValue=(np.nan,) * 3)[:, 0]
    step = there.astype(np.float64) - mesh.vertices
    length = np.linalg.norm(step, axis=1)
    believed = np.isfinite(length) & (length < settings.longest) & ~seam
    return np.where(believed[:, None], step, 0.0), np.where(believed, at[:, 2], 0.0)


def _texel_of_vertices(mesh: Mesh, size: int) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Column and row of each vertex in the chart, and whether it lies on a seam, where it has several."""
    if mesh.uv is None:
        raise DataError("the template has no texture coordinates (uv); appearance cannot be compared without a chart")
    n = len(mesh.vertices)
    corner = mesh.faces.ravel()
    uv = mesh.uv.reshape(-1, 2).astype(np.float64)
    low, high = np.full((n, 2), np.inf), np.full((n, 2), -np.inf)
    np.minimum.at(low, corner, uv)
    np.maximum.at(high, corner, uv)
    used = np.isfinite(low).all(axis=1)
    seam = ~used | ((high - low).max(axis=1) > 1e-4)
    middle = np.where(used[:, None], low, 0.0)
    return np.stack([middle[:, 0] * size - 0.5, (1 - middle[:, 1]) * size - 0.5], axis=1), seam


def _smoothed(mesh: Mesh, step: FloatArray, sure: FloatArray, smoothness: float) -> FloatArray:
    edges = np.sort(np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1)
    edges = np.unique(edges, axis=0)
    n = len(step)
    rows = np.repeat(np.arange(len(edges)), 2)
    signs = np.tile([1.0, -1.0], len(edges))
    difference = sp.coo_array((signs, (rows, edges.ravel())), (len(edges), n)).tocsc()
    matrix = sp.diags_array(sure + _AT_REST) + smoothness * (difference.T @ difference)
    factor = splu(
        sp.csc_matrix(matrix), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    return np.asarray(factor.solve(sure[:, None] * step))


def _onto(scan: SurfaceTree, before: FloatArray, after: FloatArray) -> FloatArray:
    """Keep the distance that each vertex had from the scan: it slides, and is not drawn onto the noise."""
    was, now = scan.query(before, _NEAR_MM), scan.query(after, 2 * _NEAR_MM)
    both = (was.face >= 0) & (now.face >= 0)
    offset = np.where(both[:, None], before - was.points, 0.0)
    return np.where(both[:, None], now.points + offset, after)
