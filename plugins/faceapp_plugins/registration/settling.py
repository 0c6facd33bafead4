"""The end of a fit that texture led: each vertex stays where it lies along the surface, and takes the scan's height.

What texture says is averaged by stiffness, and a stiff template does not follow the folds of a smile. Along the
surface it is right by then; across it the scan knows better than the stiffness.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray
from faceapp.geometry.deformation import Attraction
from faceapp_plugins.registration.scan_search import ScanSearch

_HELD = 1.0
"""Along the surface, beside the pull across it."""


class Settling:
    """Closest points, for vertices that shall move across the surface only.

    Parameters
    ----------
    surface : ScanSearch
        Of the scan.
    rejected : (V,) bool
        Vertices that the scan does not show. They and those that find no point stay where the fit left them: a
        template this soft would sink into what covers them.
    """

    def __init__(self, surface: ScanSearch, rejected: npt.NDArray[np.bool_]) -> None:
        self._surface, self._rejected = surface, rejected

    def attraction(self, vertices: FloatArray, normals: FloatArray, reach: float, weight: FloatArray) -> Attraction:
        """Return where the scan pulls each vertex; see `ScanSearch.attraction`."""
        good, closest, normal = self._surface.closest(vertices, normals, reach, weight > 0)
        shown = (good & ~self._rejected)[:, None]
        return Attraction(weight, np.where(shown, closest, vertices), np.where(shown, normal, normals), _HELD)
