"""The developers' log of what held the interface up names the event, the receiver and the code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys, time
from PySide6.QtCore import QTimer
from faceapp.gui.start import make_application

def long_work():
    time.sleep(0.2)

application = make_application()
QTimer.singleShot(0, lambda: None)
QTimer.singleShot(10, long_work)
QTimer.singleShot(500, application.quit)
application.exec()
"""


def _run(environment: dict[str, str]) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **environment}
    subprocess.run([sys.executable, "-c", SCRIPT], env=environment, check=True, timeout=60)


def test_a_slow_event_is_written_down_with_its_place_in_the_code(tmp_path: Path) -> None:
    log = tmp_path / "slow.jsonl"
    _run({"FACEAPP_SLOW_EVENTS": str(log)})
    events = [json.loads(line) for line in log.read_text().splitlines()]
    mine = [event for event in events if any("long_work" in place for place in event["doing"])]
    assert len(mine) == 1
    assert mine[0]["seconds"] >= 0.2
    assert mine[0]["busy"] < mine[0]["seconds"]
    assert mine[0]["event"] in ("Timer", "MetaCall")


def test_without_the_variable_nothing_is_watched(tmp_path: Path) -> None:
    _run({"FACEAPP_SLOW_EVENTS": ""})
    assert list(tmp_path.iterdir()) == []
