"""What every test may use: the data beside the checkout, where it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared_data() -> Path:
    """Return where the data for trying and testing would be."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("FACEAPP_SHARED_DATA", beside))


@pytest.fixture(scope="session")
def data() -> Path:
    """The data folder; a test that asks for it skips where it is missing."""
    folder = shared_data()
    if not folder.is_dir():
        pytest.skip("the shared data folder is not beside the checkout (set FACEAPP_SHARED_DATA)")
    return folder
