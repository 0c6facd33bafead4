"""What stages hand out: figures with units, and by what they were made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray, UInt8Array, frozen
from faceapp.core.mesh import Mesh
from faceapp.core.template import Template
from faceapp.core.transforms import Similarity


@dataclass(frozen=True)
class Metric:
    """One figure.

    Parameters
    ----------
    name : str
        For instance ``residual_mean``.
    value : float or str or None
        ``None`` where nothing could be measured.
    unit : str
        ``mm``, ``s``, ``px``, ``1`` for ratios, empty for words.
    count : int
        How many values it was made of.
    """

    name: str
    value: float | str | None
    unit: str = "mm"
    count: int = 1


@dataclass(frozen=True)
class Provenance:
    """By what a result was made.

    Parameters
    ----------
    made_by : str
        Command, stage or plugin.
    version : str
        Of that.
    parameters : dict
        JSON values.
    inputs : dict of str to str
        Name to SHA-256.
    seed : int or None
        Of random numbers.
    seconds : float
        Wall time.
    """

    made_by: str
    version: str
    parameters: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """Figures of a result, warnings, and its provenance."""

    metrics: tuple[Metric, ...]
    provenance: Provenance
    warnings: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def value(self, name: str) -> float | str | None:
        """Return the value of the metric of that name.

        Raises
        ------
        KeyError
            There is none.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric.value
        raise KeyError(name)


@dataclass(frozen=True, eq=False)
class DisplacementMap:
    """What a base mesh leaves out of a surface, on the base's chart.

    Parameters
    ----------
    values : (S, S) float32
        Signed distance along the base's interpolated vertex normal, mm, positive outwards; NaN where nothing is known.
        Row 0 is the top of the chart (v = 1).
    reach : float
        Largest distance that was looked for, mm.
    """

    values: Float32Array
    reach: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values, np.float32, (None, None), "displacement map"))


@dataclass(frozen=True, eq=False)
class BakedTexture:
    """The colours of a scan on the chart of the mesh that is registered to it.

    Parameters
    ----------
    image : (S, S, 3) uint8
        RGB; row 0 is the top of the chart (v = 1).
    known : (S, S) bool
        Where the scan shows the texel.
    """

    image: UInt8Array
    known: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        image = frozen(self.image, np.uint8, (None, None, 3), "baked texture")
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "known", frozen(self.known, np.bool_, image.shape[:2], "baked texture's mask"))


@dataclass(frozen=True, eq=False)
class Registration:
    """A template laid onto a scan.

    Parameters
    ----------
    template : Template
        Whose order the vertices have.
    vertices : (V, 3) float32
        In the scan's frame, mm.
    distance : (V,) float32
        Signed distance to the scan along the scan's normal, mm, positive outside; NaN where the scan shows nothing.
    confidence : (V,) float32
        0 to 1.
    start : Similarity
        Rigid part: scan from template.
    displacement : DisplacementMap, optional
        What the mesh leaves out of the scan.
    texture : BakedTexture, optional
        Colours of the scan on the mesh's chart.
    """

    template: Template
    vertices: Float32Array
    distance: Float32Array
    confidence: Float32Array
    start: Similarity
    displacement: DisplacementMap | None = None
    texture: BakedTexture | None = None

    def __post_init__(self) -> None:
        v = len(self.template.mesh.vertices)
        object.__setattr__(self, "vertices", frozen(self.vertices, np.float32, (v, 3), "registration vertices"))
        object.__setattr__(self, "distance", frozen(self.distance, np.float32, (v,), "registration distance"))
        object.__setattr__(self, "confidence", frozen(self.confidence, np.float32, (v,), "registration confidence"))

    @property
    def mesh(self) -> Mesh:
        """The registered mesh, in template order."""
        return self.template.mesh.with_vertices(self.vertices)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A face made from photographs.

    Parameters
    ----------
    mesh : Mesh
        In the rig frame where the views are calibrated, else in the camera frame of the photograph, mm.
    identity, expression : (K,) float64
        Weights of the modes.
    landmarks : (n, 3) float64
        The model's landmarks, in the frame of ``mesh``.
    focal_px : float
        Of the camera that was fitted; NaN where the views were calibrated.
    reprojection_px : float
        Root mean square distance of the landmarks in the pictures.
    """

    mesh: Mesh
    identity: FloatArray
    expression: FloatArray
    landmarks: FloatArray
    focal_px: float
    reprojection_px: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", frozen(self.identity, np.float64, (None,), "identity weights"))
        object.__setattr__(self, "expression", frozen(self.expression, np.float64, (None,), "expression weights"))
        object.__setattr__(self, "landmarks", frozen(self.landmarks, np.float64, (None, 3), "model landmarks"))
