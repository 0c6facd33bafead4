"""What a 3D view shows, as values; no VTK."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, UInt8Array
from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.gui.theme.colormaps import NO_DATA, colorize
from faceapp.gui.view3d.pieces import Pieces

# Of the three groups; told apart by lightness too, and named in the legend.
GROUP_COLORS = ((0x3F, 0x8E, 0xFC), (0xF2, 0xC1, 0x4E), (0xD6, 0x5D, 0x9B), (0x6C, 0xC5, 0xA1))


@enum.unique
class ColorBy(enum.Enum):
    """Where the colour of a point or a vertex comes from."""

    PLAIN = "plain"
    COLOR = "color"
    TEXTURE = "texture"
    DEPTH = "depth"
    SIGMA = "sigma"
    GROUP = "group"
    NORMALS = "normals"
    SCALARS = "scalars"


@enum.unique
class Edges(enum.Enum):
    """Whether the triangles of a mesh are drawn as lines."""

    NONE = "none"
    OVER = "over"
    ONLY = "only"


@dataclass(frozen=True, eq=False)
class Scalars:
    """A number a vertex and how it becomes a colour.

    Parameters
    ----------
    values : (N,) float32
        Not finite: no data.
    low, high : float
        Limits of the bar.
    colormap : str
        ``vik`` for signed, ``batlow`` for one-sided values.
    title, unit : str
        At the bar.
    """

    values: Float32Array
    low: float
    high: float
    colormap: str = "vik"
    title: str = ""
    unit: str = "mm"


@dataclass(frozen=True)
class LayerStyle:
    """How a layer looks.

    Parameters
    ----------
    color_by : ColorBy
        Source of the colour; where it is missing the layer is plain.
    edges : Edges
        Lines of a mesh.
    tint : (int, int, int)
        RGB of a plain layer.
    edge_tint : (int, int, int)
        RGB of the lines.
    opacity : float
        0 to 1.
    lit : bool or None
        Whether light falls on it; ``None``: all but photographs.
    point_size : float
        Pixels; 0: from the spacing of the points.
    behind : float
        How far it gives way where it coincides with another layer, in steps of the depth buffer (1.6e-5).
    """

    color_by: ColorBy = ColorBy.PLAIN
    edges: Edges = Edges.NONE
    tint: tuple[int, int, int] = (0xB4, 0xB8, 0xBE)
    edge_tint: tuple[int, int, int] = (0x3C, 0x72, 0xC8)
    opacity: float = 1.0
    lit: bool | None = None
    point_size: float = 0.0
    behind: float = 0.0


@dataclass(frozen=True, eq=False)
class SceneLayer:
    """A layer made ready to be drawn; another look makes another one.

    Parameters
    ----------
    data : Mesh or PointCloud
        What it is.
    pieces : Pieces
        How it is cut.
    style : LayerStyle
        How it looks.
    scalars : Scalars or None
        For `ColorBy.SCALARS`.
    fleeting : bool
        Whether another one follows at once: its picture is worth showing even then.
    """

    data: Mesh | PointCloud
    pieces: Pieces
    style: LayerStyle
    scalars: Scalars | None = None
    fleeting: bool = False


def layer_colors(data: Mesh | PointCloud, style: LayerStyle, scalars: Scalars | None) -> UInt8Array | None:
    """Return (N, 3) RGB of each vertex or point, or ``None`` for one colour all over."""
    by = style.color_by
    points = data.vertices if isinstance(data, Mesh) else data.points
    if by is ColorBy.SCALARS and scalars is not None:
        return colorize(scalars.values, scalars.colormap, scalars.low, scalars.high)
    if by is ColorBy.COLOR and data.colors is not None:
        return data.colors
    if by is ColorBy.SIGMA and data.sigma is not None:
        return colorize(data.sigma, "batlow", *limits(data.sigma, from_zero=True))
    if by is ColorBy.DEPTH and len(points):
        return colorize(points[:, 2], "batlow", *limits(points[:, 2]))
    if by is ColorBy.NORMALS:
        normals = (
            data.normals if data.normals is not None else (data.vertex_normals() if isinstance(data, Mesh) else None)
        )
        if normals is not None:
            return np.clip((normals + 1) * 127.5, 0, 255).astype(np.uint8)
    if by is ColorBy.GROUP and isinstance(data, PointCloud) and data.group is not None:
        table = np.array([*GROUP_COLORS, NO_DATA], np.uint8)
        return table[np.minimum(data.group, len(GROUP_COLORS))]
    return None


def limits(values: npt.NDArray[np.float32], from_zero: bool = False) -> tuple[float, float]:
    """Return the 1st and 99th percentile of what is known, for a colour bar."""
    sample = values[:: max(1, len(values) // 50_000)]
    sample = sample[np.isfinite(sample)]
    if not len(sample):
        return 0.0, 1.0
    low, high = np.percentile(sample, (1, 99))
    return (0.0 if from_zero else float(low)), float(high)


def bar_of(data: Mesh | PointCloud, style: LayerStyle, scalars: Scalars | None) -> Scalars | None:
    """Return what the colour bar says about a layer, or ``None`` for no bar."""
    if style.color_by is ColorBy.SCALARS:
        return scalars
    if style.color_by is ColorBy.SIGMA and data.sigma is not None:
        return Scalars(data.sigma, *limits(data.sigma, from_zero=True), "batlow", "Depth error, one sigma")
    if style.color_by is ColorBy.DEPTH:
        points = data.vertices if isinstance(data, Mesh) else data.points
        if len(points):
            return Scalars(points[:, 2], *limits(points[:, 2]), "batlow", "Depth")
    return None
