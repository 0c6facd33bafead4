"""What every rig driver must keep: one suite of laws for all of them, the same as ``faceapp devices --check``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faceapp.app.driver_check import life_of_a_rig_driver
from faceapp.app.driver_laws import Examined, Law
from faceapp.app.driver_rig_laws import RIG_LAWS
from faceapp.app.rigs import connect_described_rig, describe_rig
from faceapp.core.sequence import multi_frequency
from faceapp.devices.registry import driver_names
from tests.emulated_bench import need_pylon, write_bench
from tests.unit.bundles import write_bundle

DRIVERS = ("bench", "replay", "simulated")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "plane", groups=2, noise=0.3)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bench(tmp_path_factory.mktemp("bench"))


def rig_of(driver: str, request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Return the rig as people name it, and options on top."""
    if driver == "bench":
        need_pylon()
        return str(request.getfixturevalue("bench")), {}
    if driver == "replay":
        return driver, {"bundle": request.getfixturevalue("bundle")}
    return driver, {"seed": 5, "scale": 0.25}


@pytest.fixture(scope="session", params=DRIVERS)
def rig_of_driver(request: pytest.FixtureRequest) -> Iterator[Examined]:
    rig = connect_described_rig(*rig_of(request.param, request))
    rig.prepare("S0001", "neutral", 1)
    sequence = multi_frequency((1.0, 8.0), (4, 4)) if request.param == "replay" else multi_frequency()
    # The emulation needs 11.7 ms a frame.
    yield Examined(rig, sequence, 1 / 60 if request.param == "bench" else 1 / 120)
    rig.close()
    rig.close()


@pytest.fixture
def examined(rig_of_driver: Examined) -> Iterator[Examined]:
    """The rig, shared by all tests; each leaves it dark, disarmed and without a live view."""
    yield rig_of_driver
    rig_of_driver.quiet()


def test_every_driver_is_tried() -> None:
    assert set(DRIVERS) == set(driver_names())


@pytest.mark.parametrize("name", DRIVERS)
def test_life_from_connect_to_close(name: str, request: pytest.FixtureRequest) -> None:
    rig, more = rig_of(name, request)
    driver, options = describe_rig(rig)
    life_of_a_rig_driver(driver, {**options, **more})


@pytest.mark.parametrize("law", RIG_LAWS, ids=lambda law: law.__name__)
def test_law(law: Law, examined: Examined) -> None:
    law(examined)
