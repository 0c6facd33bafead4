"""Benchmarks run when they are asked for: ``pytest tests/benchmarks --benchmark-only``."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("benchmark_only"):
        return
    skip = pytest.mark.skip(reason="a benchmark; run pytest tests/benchmarks --benchmark-only")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(skip)
