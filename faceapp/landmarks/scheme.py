"""The 106-point scheme, read from the file that ships with the program."""

from __future__ import annotations

import functools
import json

import numpy as np

import faceapp_resources
from faceapp.core.errors import DataError
from faceapp.core.landmarks import LandmarkGroup, LandmarkScheme


@functools.cache
def load_scheme(name: str = "jd106") -> LandmarkScheme:
    """Return a landmark scheme that ships with the program.

    Raises
    ------
    DataError
        There is no scheme of that name.

    Notes
    -----
    Order and mirror of the 106 points: Liu et al., Grand Challenge of 106-Point Facial Landmark Localization (2019).
    """
    file = faceapp_resources.path("schemes", f"{name}.json")
    if not file.is_file():
        raise DataError(f"there is no landmark scheme {name!r}")
    data = json.loads(file.read_text(encoding="utf-8"))
    return LandmarkScheme(
        id=data["id"],
        names=tuple(point["name"] for point in data["points"]),
        groups=tuple(
            LandmarkGroup(g["name"], g["title"], tuple(g["indices"]), bool(g["closed"])) for g in data["groups"]
        ),
        edges=np.array(data["edges"], np.int32),
        mirror=np.array(data["mirror"], np.int32),
        mean_shape=np.array([point["mean_xy"] for point in data["points"]]),
        rigid_anchors=tuple(data["rigid_anchors"]),
        silhouette=tuple(data["silhouette"]),
        linked=tuple((a, b) for a, b in data["linked"]),
    )
