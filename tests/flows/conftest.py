"""What tests of several files share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flows.fault_rows import Bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A simulated rig of one group with a project that has a take."""
    bench = Bench(tmp_path_factory.mktemp("bench"))
    bench.shoot()
    yield bench
    bench.project.close()
    bench.rig.close()
