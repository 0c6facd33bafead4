"""The tables of the landmark network: renderings of unseen people, another renderer, photographs, honest sigma.

``pytest -m figures -s tests/accuracy/test_landmark_network.py`` prints them whole. Per cent of the outer eye distance
in space at the face's depth, boxes from the face finder. The bars of the plan stand in ``AIMS``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceapp.core.landmarks import PlacedBy
from faceapp.landmarks.network_points import NetworkGuess, shipped_detector
from tests.accuracy.landmark_figures import (
    FRONTAL,
    GROUPS,
    HEADER,
    TURNED,
    Answers,
    answers,
    as_68,
    dlib_points,
    eye_distance_px,
    hand_made,
    mediapipe_points,
    of_crops,
    photograph,
    rendered,
    sim_a,
)

HAND_MADE = Path(__file__).parent.parent / "data" / "photo_landmarks"
AIMS = {"own 0": 1.8, "own 60": 2.7, "ict 0": 2.2, "sim-a visible": 2.0, "photographs, frontal": 4.5}
BARS = AIMS | {"ict 60": 3.0}
"""The plan has none for the last: a little above what the shipped weights reach."""


TITLES = {
    "mp": "ours against MediaPipe",
    "hand": "ours against hand-made",
    "mp-hand": "MediaPipe against hand-made",
    "moved": "ours against the points that were moved by hand",
    "mp-moved": "MediaPipe against those",
}


def renderings(data: Path, people: int) -> dict[str, Answers]:
    """Answers on people that no training has seen."""
    ict = data / "head" / "ict_facekit"
    detector = shipped_detector()
    return {
        f"{source} {yaw}": answers(detector, of_crops(rendered(source, yaw, people, ict)))[0]
        for source in ("own", "ict")
        for yaw in (0, 60)
    }


def told(name: str, value: float) -> str:
    """One line against its aim."""
    verdict = "" if name not in AIMS else f"; aim {AIMS[name]}: {'reached' if value <= AIMS[name] else 'MISSED'}"
    return f"{name:24s} {value:.2f} %{verdict}"


def test_a_few_renderings_and_sim_a(data: Path) -> None:
    """The named subset of the tables."""
    table = renderings(data, 8) | {"sim-a": answers(shipped_detector(), sim_a(data))[0]}
    print("\n" + "\n".join([HEADER, *(a.row(name) for name, a in table.items())]))
    assert not any(a.lost for a in table.values())
    for name in ("own 0", "own 60", "ict 0", "ict 60"):
        assert np.nanmean(table[name].errors) < 1.25 * BARS[name], name
    seen = np.where(table["sim-a"].visible, table["sim-a"].errors, np.nan)
    assert np.nanmean(seen) < BARS["sim-a visible"]


@pytest.mark.figures
def test_renderings_of_many(data: Path) -> None:
    table = renderings(data, 150)
    table["sim-a"] = answers(shipped_detector(), sim_a(data))[0]
    print("\n" + "\n".join([HEADER, *(a.row(name) for name, a in table.items())]))
    reached = {name: float(np.nanmean(a.errors)) for name, a in table.items() if name != "sim-a"}
    reached["sim-a visible"] = float(np.nanmean(np.where(table["sim-a"].visible, table["sim-a"].errors, np.nan)))
    print("\n".join(told(name, value) for name, value in reached.items()))
    for name, a in list(table.items())[:4]:
        print(f"{name:24s} mean squared normalised error {a.honesty:.2f} (0.8 to 1.25), logs correlate {a.sorting:.2f}")
    for name, value in reached.items():
        assert value < BARS[name], name
    everything = [a for name, a in table.items() if name != "sim-a"]
    assert all(0.8 < a.honesty < 1.25 for a in everything)
    assert all(a.sorting > 0.45 for a in everything)
    assert sum(a.lost for a in everything) <= 3


def percent(points: np.ndarray, others: np.ndarray, scale: float, ids: tuple[int, ...] | range | None = None) -> float:
    """Mean distance in per cent."""
    rows = list(range(len(points))) if ids is None else list(ids)
    return float(100 * np.linalg.norm(points[rows] - others[rows], axis=1).mean() / scale)


@pytest.mark.figures
def test_photographs_beside_two_detectors(data: Path) -> None:
    """Ours, MediaPipe's and dlib's points against each other and, where there are any, against hand-made ones."""
    columns = "ours-mp  (inner) | ours-dlib68 mp-dlib68 | ours-hand (inner)  mp-hand (inner) dlib-hand"
    print(f"\n{'photograph':18s} {columns}   groups of ours-hand: {', '.join(GROUPS)}")
    frontal: dict[str, list[float]] = {name: [] for name in TITLES}
    for name in FRONTAL + TURNED:
        guess, mesh = shipped_detector().detect(photograph(data, name)), mediapipe_points(data, name)
        assert guess is not None, name
        scale = eye_distance_px(mesh)
        line, values = photograph_row(data, name, guess, mesh, scale)
        print(line)
        if name in FRONTAL:
            for key, value in values.items():
                frontal[key].append(value)
    for key, title in TITLES.items():
        if frontal[key]:
            print(f"mean of {len(frontal[key])} frontal, {title}: {np.nanmean(frontal[key]):.2f} %")
    assert np.mean(frontal["mp"]) < BARS["photographs, frontal"]
    if frontal["hand"]:
        print(told("photographs, frontal", float(np.mean(frontal["hand"]))))
        assert np.mean(frontal["hand"]) < BARS["photographs, frontal"]


def photograph_row(
    data: Path, name: str, guess: NetworkGuess, mesh: np.ndarray, scale: float
) -> tuple[str, dict[str, float]]:
    """The line of a photograph and its figures against MediaPipe and, where there are such, hand-made points."""
    inner, dlib = range(33, 106), dlib_points(data, name)
    values = {"mp": percent(guess.points, mesh, scale)}
    line = f"{name:18s} {values['mp']:7.2f} {percent(guess.points, mesh, scale, inner):8.2f} |"
    if dlib is None:
        line += f" {'-':>11s} {'-':>9s} |"
    else:
        ours, theirs = (percent(as_68(p), dlib, scale) for p in (guess.points, mesh))
        line += f" {ours:11.2f} {theirs:9.2f} |"
    hand = hand_made(HAND_MADE, name)
    if hand is None:
        return line + " none", values
    placed = np.flatnonzero(hand.visible)
    within = tuple(int(i) for i in placed if i >= 33)
    values["hand"] = percent(guess.points, hand.points, scale, tuple(placed))
    values["mp-hand"] = percent(mesh, hand.points, scale, tuple(placed))
    moved = tuple(i for i in placed.tolist() if hand.placed_by[i] is PlacedBy.PERSON)
    values["moved"], values["mp-moved"] = (percent(p, hand.points, scale, moved) for p in (guess.points, mesh))
    line += f" {values['hand']:9.2f} {percent(guess.points, hand.points, scale, within):7.2f}"
    line += f" {values['mp-hand']:8.2f} {percent(mesh, hand.points, scale, within):7.2f}"
    line += f" {percent(as_68(hand.points), dlib, scale):9.2f}  " if dlib is not None else f" {'-':>9s}  "
    for ids in GROUPS.values():
        mine = tuple(int(i) for i in placed if i in ids)
        line += f" {percent(guess.points, hand.points, scale, mine):5.2f}" if mine else "     -"
    return line, values
