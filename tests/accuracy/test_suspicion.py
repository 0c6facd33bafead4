"""Suspicion is for finding bad registrations: they must stand at the head of the queue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

import faceapp_resources
from faceapp.app.registering import register_scan
from faceapp.app.suspicion import Suspicion, population_of, registration_signs, suspicion
from faceapp.app.template import own_template
from tests.accuracy.spoiled import NAMED, OWN, person, registered, spoil, thin_modes

Signs = Mapping[str, float]


def _good(data: Path, seeds: Sequence[int]) -> list[Signs]:
    signs = []
    for seed in seeds:
        subject = person(data, seed)
        signs.append(registration_signs(registered(subject), subject.landmarks, thin_modes()))
    return signs


def _bad(data: Path, kinds: Sequence[str], each: int) -> list[tuple[str, Signs]]:
    signs = []
    for k, kind in enumerate(kinds):
        for i in range(each):
            result, marks = spoil(data, kind, 1000 + i + 20 * k)
            signs.append((kind, registration_signs(result, marks, thin_modes())))
    return signs


def _ranks(good: Sequence[Signs], bad: Sequence[tuple[str, Signs]]) -> list[tuple[str, int, Suspicion]]:
    """Place in the queue of each spoiled one, and why."""
    everyone = [*good, *(signs for _, signs in bad)]
    population = population_of(everyone)
    doubts = [suspicion(signs, population) for signs in everyone]
    place = np.empty(len(everyone), int)
    place[np.argsort([-d.score for d in doubts], kind="stable")] = np.arange(len(everyone))
    return [(kind, int(place[len(good) + i]) + 1, doubts[len(good) + i]) for i, (kind, _) in enumerate(bad)]


def _print(title: str, ranks: Sequence[tuple[str, int, Suspicion]], first: int) -> None:
    print(f"\n{title}: spoiled among the first {first}")
    for kind in dict.fromkeys(kind for kind, _, _ in ranks):
        places = sorted(place for name, place, _ in ranks if name == kind)
        print(f"  {kind:22s} {sum(p <= first for p in places)} of {len(places)}, places {places}")


def test_spoiled_registrations_stand_first(data: Path) -> None:
    good = _good(data, range(300, 318))
    assert max(signs["residual.brows"] for signs in good) < 0.2  # taking back folds keeps the rest on the scan
    ranks = _ranks(good, _bad(data, NAMED, 1))
    assert sum(place <= 8 for _, place, _ in ranks) >= 4
    turned = next(doubt for kind, _, doubt in ranks if kind == "40 degrees off")
    assert turned.score > 5
    assert turned.words


@pytest.mark.figures
def test_27_of_30_spoiled_ones_are_among_the_first_60_of_300(data: Path) -> None:
    good = _good(data, range(400, 670))
    named = _ranks(good, _bad(data, NAMED, 6))
    own = _ranks(good, _bad(data, OWN, 10))
    _print("kinds that the score was made with", named, 60)
    _print("kinds that it had never seen", own, 60)
    assert sum(place <= 60 for _, place, _ in named) >= 27
    assert sum(place <= 60 for _, place, _ in own) >= 27


@pytest.mark.figures
def test_the_reference_is_what_registrations_of_simulated_people_show(data: Path) -> None:
    """Prints the file that ships; a queue of few is judged by it."""
    signs = []
    for seed in range(700, 724):
        subject = person(data, seed)
        signs.append(register_scan(subject.scan, subject.landmarks).report.extra["signs"])
    usual = population_of(signs).usual
    template = own_template().name
    made_by = "pytest -m figures -s tests/accuracy/test_suspicion.py -k reference"
    rounded = {name: [round(median, 4), round(spread, 4)] for name, (median, spread) in sorted(usual.items())}
    print(json.dumps({"made_by": made_by, "templates": {template: rounded}}, indent=1))
    shipped = json.loads(faceapp_resources.path("suspicion", "reference.json").read_text(encoding="utf-8"))
    for name, (median, spread) in shipped["templates"][template].items():
        assert abs(median - usual[name][0]) < 2 * spread, name
