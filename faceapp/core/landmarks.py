"""The landmark scheme and the positions that people, detectors and projections give its points."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray, IntArray, frozen
from faceapp.core.errors import DataError


@enum.unique
class Visibility(enum.Enum):
    """Whether the camera sees the point."""

    VISIBLE = "visible"
    OCCLUDED = "occluded"
    OUTSIDE = "outside"


@enum.unique
class PlacedBy(enum.Enum):
    """Who or what gave a point its position."""

    PERSON = "person"
    DETECTOR = "detector"
    PROJECTION = "projection"
    PROPAGATION = "propagation"
    PREFILL = "prefill"
    SIMULATION = "simulation"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class LandmarkGroup:
    """A named part of the face and the curve through its points."""

    name: str
    title: str
    indices: tuple[int, ...]
    closed: bool


@dataclass(frozen=True, eq=False)
class LandmarkScheme:
    """Names, groups, curves and symmetry of a set of points.

    Parameters
    ----------
    id : str
        ``jd106``.
    names : tuple of str
        In the subject's left and right.
    groups : tuple of LandmarkGroup
        Each point is in exactly one.
    edges : (E, 2) int32
        Lines to draw.
    mirror : (n,) int32
        The point on the other side.
    mean_shape : (n, 2) float64
        Image coordinates (u right, v down) in units of the outer-eye distance.
    rigid_anchors : tuple of int
        Points on bone-near skin that align views of one head.
    silhouette : tuple of int
        Points that depend on the view and weigh nothing in alignment.
    linked : tuple of pairs
        Points that stand in the same place by default.
    """

    id: str
    names: tuple[str, ...]
    groups: tuple[LandmarkGroup, ...]
    edges: IntArray
    mirror: IntArray
    mean_shape: FloatArray
    rigid_anchors: tuple[int, ...]
    silhouette: tuple[int, ...]
    linked: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        n = len(self.names)
        object.__setattr__(self, "edges", frozen(self.edges, np.int32, (None, 2), "scheme edges"))
        object.__setattr__(self, "mirror", frozen(self.mirror, np.int32, (n,), "scheme mirror"))
        object.__setattr__(self, "mean_shape", frozen(self.mean_shape, np.float64, (n, 2), "scheme mean shape"))
        if sorted(i for group in self.groups for i in group.indices) != list(range(n)):
            raise DataError(f"landmark scheme {self.id}: each point must be in exactly one group")

    def __len__(self) -> int:
        return len(self.names)

    def group_of(self, index: int) -> LandmarkGroup:
        """Return the group that holds the point."""
        return next(group for group in self.groups if index in group.indices)


_Points = TypeVar("_Points", bound="_PlacedPoints")


@dataclass(frozen=True, eq=False, kw_only=True)
class _PlacedPoints:
    """What 2D and 3D landmarks share."""

    points: FloatArray
    visibility: tuple[Visibility, ...] = ()
    placed_by: tuple[PlacedBy, ...] = ()
    annotator: str = ""
    revision: int = 0
    created_at: str = ""
    scheme: str = "jd106"
    sigma: FloatArray | None = None

    def _check(self, columns: int) -> None:
        points = frozen(self.points, np.float64, (None, columns), "landmarks")
        object.__setattr__(self, "points", points)
        n = len(points)
        if self.sigma is not None:
            object.__setattr__(self, "sigma", frozen(self.sigma, np.float64, (n,), "landmark sigma"))
        if not self.visibility:
            object.__setattr__(self, "visibility", (Visibility.VISIBLE,) * n)
        if not self.placed_by:
            object.__setattr__(self, "placed_by", (PlacedBy.UNKNOWN,) * n)
        if len(self.visibility) != n or len(self.placed_by) != n:
            raise DataError(
                f"landmarks: {n} points, {len(self.visibility)} visibilities, {len(self.placed_by)} origins"
            )

    @property
    def placed(self) -> npt.NDArray[np.bool_]:
        """(n,) bool: which points have a position."""
        return np.asarray(np.isfinite(self.points).all(axis=1))

    @property
    def visible(self) -> npt.NDArray[np.bool_]:
        """(n,) bool: which points have a position that the camera sees."""
        return self.placed & np.array([v is Visibility.VISIBLE for v in self.visibility])

    def with_point(
        self: _Points,
        index: int,
        position: npt.ArrayLike,
        placed_by: PlacedBy,
        visibility: Visibility | None = None,
    ) -> _Points:
        """Return the landmarks with one point moved (NaN takes it away)."""
        points = self.points.copy()
        points[index] = position
        origins, seen = list(self.placed_by), list(self.visibility)
        origins[index] = placed_by
        if visibility is not None:
            seen[index] = visibility
        return replace(self, points=points, placed_by=tuple(origins), visibility=tuple(seen))


@dataclass(frozen=True, eq=False, kw_only=True)
class Landmarks2D(_PlacedPoints):
    """Points in one picture.

    Parameters
    ----------
    points : (n, 2) float64
        ``(u, v)`` pixels, (0, 0) at the centre of the top-left one; NaN is not placed.
    visibility, placed_by : tuple
        One entry a point; by default visible, unknown.
    annotator : str
        Initials, never a name.
    revision : int
        Rises with every act.
    created_at : str
        ISO 8601, UTC.
    view : str
        Camera or picture.
    image_size : (int, int)
        Width and height, pixels.
    sigma : (n,) float64, optional
        One standard deviation of each point, pixels; NaN is not known.
    """

    view: str = ""
    image_size: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self._check(2)


@dataclass(frozen=True, eq=False, kw_only=True)
class Landmarks3D(_PlacedPoints):
    """Points in the rig frame.

    Parameters
    ----------
    points : (n, 3) float64
        mm; NaN is not placed.
    sigma : (n,) float64, optional
        One standard deviation of each point, mm; NaN is not known.

    Other parameters are those of `Landmarks2D`.
    """

    def __post_init__(self) -> None:
        self._check(3)
