"""What the landmark network is measured on: its own unseen people, ICT's, another renderer, photographs.

Every error is a distance in per cent of the outer eye distance **in space** at the face's depth, so that a turned head
does not shrink it. Faces are found by the face finder in pictures that are 2.2 times as wide as the face.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceapp.core.landmarks import Landmarks2D, Landmarks3D
from faceapp.formats.capture_bundle import read_bundle
from faceapp.formats.images import read_image
from faceapp.formats.landmark_files import read_landmarks
from faceapp.landmarks.network_points import LandmarkDetector, NetworkGuess
from faceapp.landmarks.point_orders import from_mediapipe, point_orders
from faceapp.landmarks.scheme import load_scheme
from faceapp.morphable.head import load_head
from faceapp_plugins.landmarking.crops import Recipe, draw_person
from faceapp_plugins.landmarking.painting import paint
from faceapp_plugins.landmarking.scenes import Crop, random_view, render, seat

TEST_SEED = 90001
"""No training uses it: the shipped weights were trained on seed 1."""
PICTURE_PX = 288
GROUPS = {
    "contour": range(33),
    "brows": range(33, 51),
    "nose": range(51, 66),
    "eyes": (*range(66, 84), 104, 105),
    "mouth": range(84, 104),
}
FRONTAL = ("astronaut.png", *(f"portrait_{k}.jpg" for k in ("047", "057", "028", "071", "050")))
TURNED = ("portrait_040.jpg", "portrait_018.jpg")


@dataclass(frozen=True, eq=False)
class Answers:
    """What was found in some pictures.

    Parameters
    ----------
    errors : (n, 106) float64
        Per cent; all NaN for a picture in which no face was found.
    normalised : (n, 106) float64
        Mean over both coordinates of squared error by squared sigma.
    log_sigma : (n, 106) float64
        Of the sigma in per cent.
    visible, said : (n, 106) bool
        True and claimed visibility.
    """

    errors: np.ndarray
    normalised: np.ndarray
    log_sigma: np.ndarray
    visible: np.ndarray
    said: np.ndarray

    @property
    def lost(self) -> int:
        """Pictures without a face found."""
        return int(np.isnan(self.errors).all(axis=1).sum())

    @property
    def honesty(self) -> float:
        """Mean squared normalised error; 1 where sigma tells the truth."""
        return float(np.nanmean(self.normalised))

    @property
    def sorting(self) -> float:
        """Correlation of the logarithms of sigma and error, by point."""
        good = np.isfinite(self.errors) & (self.errors > 0)
        return float(np.corrcoef(np.log(self.errors[good]), self.log_sigma[good])[0, 1])

    def row(self, name: str) -> str:
        """Return the line of a table."""
        e = self.errors
        seen = np.where(self.visible, e, np.nan)
        groups = " ".join(f"{np.nanmean(e[:, list(ids)]):6.2f}" for ids in GROUPS.values())
        right = (self.visible == self.said)[np.isfinite(e)].mean()
        return (
            f"{name:26s} {len(e):5d} {self.lost:4d} {np.nanmean(e):6.2f} {np.nanmean(seen):7.2f}  {groups}"
            f" {self.honesty:7.2f} {self.sorting:7.2f} {100 * right:6.1f}"
        )


HEADER = (
    f"{'per cent of eye distance':26s} {'n':>5s} lost {'all':>6s} {'visible':>7s}  "
    + " ".join(f"{g:>6s}" for g in ("contr", "brows", "nose", "eyes", "mouth"))
    + f" {'honesty':>7s} {'sorting':>7s} {'flag %':>6s}"
)


def rendered(source: str, yaw_deg: float, people: int, ict: Path | None = None, seed: int = TEST_SEED) -> list[Crop]:
    """Return one picture each of people whom no training has seen."""
    recipe = Recipe(seed, ict=ict, source=source)
    found = []
    for k in range(people):
        rng = np.random.default_rng([seed, len(source), int(yaw_deg), k])
        person = draw_person(recipe, rng)
        painting = paint(person, rng)
        sitter = seat(
            person, painting, person.pose(rng, bool(rng.random() < 0.4)), np.random.default_rng([seed, k]), rng
        )
        turn = yaw_deg if yaw_deg == 0 or k % 2 == 0 else -yaw_deg
        view = random_view(sitter, rng, yaw_deg=turn, size=PICTURE_PX, boxes=2.2)
        found.append(render(sitter, view, rng, size=PICTURE_PX))
    return found


def answers(
    detector: LandmarkDetector, pictures: list[tuple[np.ndarray, np.ndarray, np.ndarray, float]]
) -> tuple[Answers, list[NetworkGuess | None]]:
    """Return what the detector finds in pictures with points (106, 2), visibility (106,) and scale (pixels)."""
    n = len(pictures)
    errors, normalised, log_sigma = (np.full((n, 106), np.nan) for _ in range(3))
    visible, said = np.zeros((n, 106), bool), np.zeros((n, 106), bool)
    guesses = []
    for k, (image, points, seen, scale) in enumerate(pictures):
        guess = detector.detect(image)
        guesses.append(guess)
        visible[k] = seen
        if guess is None:
            continue
        off = np.linalg.norm(guess.points - points, axis=1)
        errors[k] = 100 * off / scale
        normalised[k] = 0.5 * (off / guess.sigma) ** 2
        log_sigma[k] = np.log(100 * guess.sigma / scale)
        said[k] = guess.seen >= 0.5
    return Answers(errors, normalised, log_sigma, visible, said), guesses


def of_crops(crops: list[Crop]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, float]]:
    """Return renderings as `answers` takes them."""
    return [(c.image, c.points.astype(np.float64), c.visible, c.scale) for c in crops]


def sim_a(data: Path) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, float]]:
    """Return the three colour pictures of the capture that another renderer made."""
    folder = data / "fringe" / "sim-a"
    bundle = read_bundle(folder)
    whole = read_landmarks(folder / "truth" / "landmarks.json")
    assert isinstance(whole, Landmarks3D)
    found = []
    for group in bundle.groups:
        for camera in group.cameras:
            if camera.role != "rgb" or camera.model is None:
                continue
            marks = read_landmarks(folder / "truth" / f"landmarks-{camera.name}.json")
            outer = np.linalg.norm(whole.points[66] - whole.points[79])
            _, depth = camera.model.project(whole.points[[66, 79]])
            scale = float(camera.model.K[0, 0] * outer / depth.mean())
            found.append((bundle.picture(camera), marks.points, marks.visible, scale))
    return found


def eye_distance_px(points: np.ndarray) -> float:
    """Return the outer eye distance in space, pixels, of points (106, 2) of a photograph.

    The average head's points but for the contour and the mouth are laid onto them by a scaled orthographic view; its
    own outer eye distance times that scale is what a ruler in the plane of the picture would read.
    """
    head = load_head(2)
    mean = head.landmarks_of(head.mean)
    use = [i for i in range(51, 84) if np.isfinite(mean[i]).all()]
    there = mean[use] - mean[use].mean(axis=0)
    here = points[use] - points[use].mean(axis=0)
    turn, *_ = np.linalg.lstsq(there, here, rcond=None)
    scale = np.sqrt(np.linalg.svd(turn, compute_uv=False).prod())
    return float(scale * np.linalg.norm(mean[66] - mean[79]))


def photograph(data: Path, name: str) -> np.ndarray:
    """Return a photograph, RGB."""
    return read_image(data / "photos" / name)


def mediapipe_points(data: Path, name: str) -> np.ndarray:
    """Return (106, 2) of MediaPipe's points for a photograph: a detector's output, not truth."""
    there = json.loads((data / "photos" / "reference_points.json").read_text())["pictures"][name]["mediapipe478"]
    return from_mediapipe(np.array(there)[:, :2])


def dlib_points(data: Path, name: str) -> np.ndarray | None:
    """Return (68, 2) of dlib's points for a photograph; ``None`` where it found no face."""
    there = json.loads((data / "photos" / "reference_points.json").read_text())["pictures"][name]
    return np.array(there["dlib68"]) if there.get("dlib68") else None


def as_68(points: np.ndarray) -> np.ndarray:
    """Return the 68 points of iBUG of 106."""
    return np.array([points[list(ids)].mean(axis=0) for ids in point_orders()["ibug68"]])


def hand_made(folder: Path, name: str) -> Landmarks2D | None:
    """Return the points that a person placed in a photograph, where there are any."""
    file = folder / f"{Path(name).stem}.json"
    if not file.is_file():
        return None
    marks = read_landmarks(file)
    assert isinstance(marks, Landmarks2D)
    assert len(load_scheme()) == len(marks.points)
    return marks
