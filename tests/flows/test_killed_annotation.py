"""Killed at any moment of editing: at most the act in flight is lost, and undo goes back to the beginning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from faceapp.formats.landmark_files import read_landmarks
from tests.flows import editor

FEW, MANY = 5, 100


def kill_while_editing(folder: Path, seed: int, after_s: float) -> list[str]:
    """Run the editor for some time after it is ready, kill it, and return what it said was done."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.flows.editor", str(folder), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("ready"), first
        timer = threading.Timer(after_s, lambda: process.send_signal(signal.SIGKILL))
        timer.start()
        told = process.stdout.read().splitlines()
        process.wait()
        timer.join()
    assert process.returncode == -signal.SIGKILL
    said = [first, *told]
    return [line.split()[1] for line in said if len(line.split()) == 2]


def replayed(folder: Path, seed: int, acts: int) -> list[str]:
    """What the same acts without a kill would show, one more than were told."""
    session, rng = editor.open_session(folder), np.random.default_rng(seed)
    shown = [editor.fingerprint(session)]
    for _ in range(acts):
        editor.act(session, rng)
        shown.append(editor.fingerprint(session))
    return shown


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.figures)])
def test_at_most_the_act_in_flight_is_lost(tmp_path: Path, count: int) -> None:
    rng = np.random.default_rng(count)
    acts = 0
    for i in range(count):
        folder = tmp_path / f"killed-{i}" / "AB"
        told = kill_while_editing(folder, i, float(rng.uniform(0.02, 0.6)))
        again = editor.open_session(folder)
        shown = editor.fingerprint(again)
        expected = replayed(tmp_path / f"whole-{i}" / "AB", i, len(told))
        assert told == expected[: len(told)]
        assert shown in expected[len(told) - 1 : len(told) + 1], f"kill {i}"  # with or without the act in flight
        acts += len(told) - 1
        undone = 0
        while again.undo():
            undone += 1
        fresh = editor.open_session(tmp_path / f"fresh-{i}" / "AB")
        np.testing.assert_allclose(again.landmarks("front").points, fresh.landmarks("front").points, atol=1e-9)
        again.close()
        if (folder / "front.json").is_file():
            written = read_landmarks(folder / "front.json")
            np.testing.assert_allclose(written.points, again.landmarks("front").points, atol=1e-3)
    assert acts > 3 * count
    print(f"\n{count} kills, {acts} acts told as done: none lost, undo went back to the beginning each time")
