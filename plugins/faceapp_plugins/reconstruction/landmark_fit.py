"""The head's own identity and expression modes, its pose and, where it is not known, the camera, fitted to landmarks.

The classic 3DMM fit by landmarks (Blanz and Vetter 1999, Eq. 1 of pixel-face.txt for the model): Gauss-Newton on the
reprojection error with a Gaussian prior on identity and bounds on expression.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from scipy.optimize import least_squares

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.core.results import Reconstruction
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.geometry.rigid import rotation_of
from faceapp.landmarks.scheme import load_scheme
from faceapp.morphable.head import HeadModel, load_head
from faceapp.pipeline.contract import Job, plugin
from faceapp.pipeline.parameters import Between, Unit
from faceapp.pipeline.stages import Photograph, ReconstructionInput

_MIN_POINTS = 12
_FLIP = np.diag([1.0, -1.0, -1.0])
"""The head looks along +z with y up; a camera that it looks at has z and y the other way round."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Of the fit."""

    misfit: Annotated[float, Between(0.1, 10.0), Unit("mm")] = 1.0
    """How far the model's landmarks may stand off the true ones: larger trusts the average head more."""

    identity_spread: Annotated[float, Between(0.1, 5.0), Unit("sd")] = 1.5
    """One standard deviation of the prior on each identity mode."""

    expression_spread: Annotated[float, Between(0.05, 2.0)] = 0.4
    """The same for expressions, whose weights run from 0 to 1."""

    contour_weight: Annotated[float, Between(0.0, 1.0)] = 0.3
    """Weight of the contour in front views; in side views the outline is other skin, and it counts nothing."""


@plugin(stage="reconstruct", name="landmark-fit", version="1.0.0", title="Head modes to landmarks", family="light")
def reconstruct(job: Job, subject: ReconstructionInput, parameters: Parameters) -> Reconstruction:
    """Fit the head to the landmarks of the photographs."""
    job.progress(0.05, "loading the head")
    head = load_head(2)
    views = [_View(p, head, parameters) for p in subject.photographs]
    views = [v for v in views if v.count >= _MIN_POINTS]
    if not views:
        raise DataError(f"no photograph has {_MIN_POINTS} visible landmarks of the skin; annotate or prefill it first")
    free_camera = views[0].camera is None
    if free_camera and len(views) > 1:
        raise DataError("several photographs without calibration cannot be fitted together; give one")
    problem = _Problem(head, views, parameters, free_camera)
    x = problem.start()
    for i, name in enumerate(("pose", "shape", "all")):
        job.progress(0.2 + 0.2 * i, f"fitting {name}")
        x = problem.solve(x, name)
        job.log(f"{name}: reprojection {problem.reprojection(x):.2f} px")
    job.progress(0.9, "building the face")
    return problem.result(x)


class _View:
    """One photograph's landmarks that the head has, and their weights."""

    def __init__(self, photograph: Photograph, head: HeadModel, parameters: Parameters) -> None:
        marks = photograph.landmarks
        silhouette = list(load_scheme(marks.scheme).silhouette)
        usable = marks.visible & (head.landmark_triangles[:, 0] >= 0)
        self.camera = photograph.camera
        self.size = (photograph.image.shape[1], photograph.image.shape[0])
        weight = np.ones(len(marks.points))
        front = self.camera is None or self._looks_from_front(self.camera)
        weight[silhouette] = parameters.contour_weight if front else 0.0
        self.rows = np.flatnonzero(usable & (weight > 0))
        self.pixels = marks.points[self.rows]
        self.weight = weight[self.rows]

    @staticmethod
    def _looks_from_front(camera: CameraModel) -> bool:
        direction = camera.centre / np.linalg.norm(camera.centre)
        return bool(direction[2] > np.cos(np.radians(20)))

    @property
    def count(self) -> int:
        return len(self.rows)


class _Problem:
    """Unknowns: identity, expression, rotation vector, translation, log of the focal length."""

    def __init__(self, head: HeadModel, views: list[_View], parameters: Parameters, free_camera: bool) -> None:
        self.head, self.views, self.parameters, self.free_camera = head, views, parameters, free_camera
        self.ids, self.expressions = len(head.identity_basis), len(head.expression_basis)
        self.mean = head.landmarks_of(head.mean)
        bases = np.concatenate([head.identity_basis, head.expression_basis]).astype(np.float64)
        self.basis = np.stack([head.landmarks_of(mode) for mode in bases])
        self.modes = self.ids + self.expressions
        self.scale_px = max(views[0].size)

    def start(self) -> FloatArray:
        x = np.zeros(self.modes + 7)
        if self.free_camera:
            view = self.views[0]
            spread_px = float(np.ptp(view.pixels[:, 0]) + np.ptp(view.pixels[:, 1]))
            shape = self.mean[view.rows]
            spread_mm = float(np.ptp(shape[:, 0]) + np.ptp(shape[:, 1]))
            focal = 1.5 * self.scale_px
            depth = focal * spread_mm / max(spread_px, 1e-6)
            centre = (view.pixels.mean(axis=0) - self._principal(view)) / focal * depth
            middle = _FLIP @ shape.mean(axis=0)
            x[self.modes + 3 : self.modes + 6] = (centre[0] - middle[0], centre[1] - middle[1], depth - middle[2])
            x[-1] = np.log(focal)
        return x

    @staticmethod
    def _principal(view: _View) -> FloatArray:
        return (np.array(view.size, np.float64) - 1) / 2

    def _pose(self, x: FloatArray) -> RigidTransform:
        turn = rotation_of(x[self.modes : self.modes + 3])
        return RigidTransform(turn @ _FLIP if self.free_camera else turn, x[self.modes + 3 : self.modes + 6])

    def _project(self, x: FloatArray, view: _View, points: FloatArray) -> FloatArray:
        placed = self._pose(x).apply(points)
        if view.camera is not None:
            return view.camera.project(placed)[0]
        return np.exp(x[-1]) * placed[:, :2] / placed[:, 2:] + self._principal(view)

    def _landmarks(self, x: FloatArray) -> FloatArray:
        points: FloatArray = self.mean + np.tensordot(x[: self.modes], self.basis, 1)
        return points

    def _misfit_px(self, x: FloatArray, view: _View) -> float:
        """The model's misfit as pixels of a view, at the depth of the head."""
        centre = self._pose(x).translation
        if view.camera is not None:
            depth = float(view.camera.project(centre[None])[1][0])
            return max(self.parameters.misfit * view.camera.K[0, 0] / depth, 0.3)
        return max(self.parameters.misfit * float(np.exp(x[-1])) / max(float(centre[2]), 1.0), 0.3)

    def solve(self, x: FloatArray, what: str) -> FloatArray:
        n = self.modes
        free = np.zeros(len(x), bool)
        free[n : n + 6] = True
        if what in ("shape", "all"):
            free[:n] = True
        if what == "all":
            free[-1] = self.free_camera
        misfits = [self._misfit_px(x, v) for v in self.views]

        def residuals(part: FloatArray) -> FloatArray:
            y = x.copy()
            y[free] = part
            marks = self._landmarks(y)
            rows = [
                ((self._project(y, v, marks[v.rows]) - v.pixels) * (v.weight / m)[:, None]).ravel()
                for v, m in zip(self.views, misfits, strict=True)
            ]
            prior = [
                y[: self.ids] / self.parameters.identity_spread,
                y[self.ids : n] / self.parameters.expression_spread,
                # An ordinary lens sees 1.0 to 3 picture widths; only a strong perspective may say otherwise.
                np.array([(y[-1] - np.log(1.5 * self.scale_px)) / 0.35]) if self.free_camera else np.zeros(0),
            ]
            return np.nan_to_num(np.concatenate([*rows, *prior]), nan=1e3)

        low, high = np.full(len(x), -np.inf), np.full(len(x), np.inf)
        low[: self.ids], high[: self.ids] = -4, 4
        low[self.ids : n], high[self.ids : n] = -0.05, 1.2
        begin = np.clip(x[free], low[free] + 1e-6, high[free] - 1e-6)
        found = least_squares(
            residuals, begin, bounds=(low[free], high[free]), x_scale="jac", loss="soft_l1", f_scale=2.0, max_nfev=40
        )
        y = x.copy()
        y[free] = found.x
        return y

    def reprojection(self, x: FloatArray) -> float:
        marks = self._landmarks(x)
        gaps = [
            np.linalg.norm(self._project(x, v, marks[v.rows]) - v.pixels, axis=1)[v.weight == 1] for v in self.views
        ]
        return float(np.sqrt(np.mean(np.concatenate(gaps) ** 2)))

    def result(self, x: FloatArray) -> Reconstruction:
        head, pose = self.head, self._pose(x)
        basis = np.concatenate([head.identity_basis, head.expression_basis]).astype(np.float64)
        vertices = pose.apply(head.mean + np.tensordot(x[: self.modes], basis, 1))
        bare = Mesh(vertices.astype(np.float32), head.triangles)
        mesh = Mesh(bare.vertices, bare.faces, bare.vertex_normals())
        return Reconstruction(
            mesh=mesh,
            identity=x[: self.ids],
            expression=x[self.ids : self.modes],
            landmarks=head.landmarks_of(vertices),
            focal_px=float(np.exp(x[-1])) if self.free_camera else float("nan"),
            reprojection_px=self.reprojection(x),
        )
