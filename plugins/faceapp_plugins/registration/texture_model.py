"""The face's texture as a mean and a few directions of change, as beyond-3dmm.md Eq. 3 has it.

The model of our own head is made by `texture_building`. Of another template the colours of its vertices are the mean,
and nothing changes but the light.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray, frozen
from faceapp.core.errors import DataError
from faceapp.core.template import Template
from faceapp.morphable.head import load_head
from faceapp.morphable.head.template import TEMPLATE_NAME

UNKNOWN_DEVIATION = 0.01
"""Of skin, in the model of our own head: what stands for it where a template's colours are all that is known."""


@dataclass(frozen=True, eq=False)
class TextureModel:
    """Colours without light, ``T = mean + sum_k weight_k modes_k``.

    Parameters
    ----------
    mean : (V, 3) float32
        RGB, 0 to 1.
    modes : (K, V, 3) float32
        For one standard deviation.
    deviation : (V,) float32
        Of what no mode explains, root mean square of the channels: single hairs, moles.
    """

    mean: Float32Array
    modes: Float32Array
    deviation: Float32Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", frozen(self.mean, np.float32, (None, 3), "texture model"))
        modes = frozen(self.modes, np.float32, (None, len(self.mean), 3), "modes of the texture model")
        object.__setattr__(self, "modes", modes)
        left = frozen(self.deviation, np.float32, (len(self.mean),), "deviation of the texture model")
        object.__setattr__(self, "deviation", left)

    def part(self, vertices: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> TextureModel:
        """Return the model of some of its vertices, by index or by mask."""
        return TextureModel(self.mean[vertices], self.modes[:, vertices], self.deviation[vertices])

    def colors(self, weights: FloatArray) -> FloatArray:
        """Return the (V, 3) colours of weights (K,), in standard deviations."""
        return np.asarray(self.mean + np.einsum("k,kvc->vc", weights, self.modes, optimize=True), np.float64)


def texture_model(template: Template) -> TextureModel:
    """Return the texture of a template.

    Raises
    ------
    DataError
        It has none.
    """
    colors = template.mesh.colors
    if template.name == TEMPLATE_NAME and len(template.mesh.vertices) == len(load_head(2).mirror):
        return _own_model()
    if colors is None:
        raise DataError(
            f"the template {template.name} has no texture: give its vertices colours without shadows, or use the "
            "plugin nicp"
        )
    deviation = np.full(len(colors), UNKNOWN_DEVIATION, np.float32)
    return TextureModel((colors / 255).astype(np.float32), np.zeros((0, *colors.shape), np.float32), deviation)


@functools.cache
def _own_model() -> TextureModel:
    place = resources.files("faceapp_resources") / "head" / "texture.npz"
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as data:
            modes = data["modes"].astype(np.float32) * data["scales"][:, None, None]
            deviation = data["deviation"].astype(np.float32)
            return TextureModel((data["mean"] / 255).astype(np.float32), modes.astype(np.float32), deviation)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"head: texture.npz cannot be read ({error}); reinstall faceapp") from error
