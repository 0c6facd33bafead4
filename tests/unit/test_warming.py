"""A capture does not wait for a compiler."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.fringe import warming
from faceapp.fringe.match_kernel import match_rows
from faceapp.fringe.order_kernel import (
    check_orders,
    drop_lonely,
    drop_small_parts,
    hand_out,
    set_orders,
    vote_orders,
)
from faceapp.fringe.phase_kernel import decode_rows
from faceapp.fringe.spatial_unwrapping import unwrap_regions
from faceapp.fringe.surface_kernel import pack_rows


def test_who_connects_a_rig_finds_the_decoder_warm() -> None:
    devices = connect_described_rig("simulated", {"seed": 1})
    try:
        for thread in threading.enumerate():
            if thread.name == "faceapp-warm":
                assert thread.daemon
                thread.join()
        # 8 and 16 bit frames of 3 dimensions
        assert len(decode_rows.signatures) >= 2
        assert match_rows.signatures and pack_rows.signatures
        orders = unwrap_regions, vote_orders, check_orders, drop_lonely, drop_small_parts, set_orders, hand_out
        assert all(kernel.signatures for kernel in orders)
    finally:
        devices.close()


def test_who_leaves_while_the_decoder_warms_leaves_in_silence() -> None:
    """A program that ends at once (``faceapp devices``) ends while the thread works: pools are closed by then."""
    program = "import atexit; from faceapp.fringe import warming; atexit.register(warming.warm_in_background().join)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pool_closed_early_is_an_end_but_no_other_error_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda hook: told.append(str(hook.exc_value)))
    for words in ("cannot schedule new futures after shutdown", "no plane"):

        def fail(words: str = words) -> None:
            raise RuntimeError(words)

        monkeypatch.setattr(warming, "warm_decoder", fail)
        warming.warm_in_background().join()
    assert told == ["no plane"]
