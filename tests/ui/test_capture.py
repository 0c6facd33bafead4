"""Capture: protocol and figures without a window, and a session on a replayed rig."""

from __future__ import annotations

import itertools
import json
import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from faceapp.app.take_figures import GroupFigures
from faceapp.core.cloud import PointCloud
from faceapp.core.subject import Sample, Verdict
from faceapp.formats.ply import write_cloud
from faceapp.gui.capture.figures import advice_of, rows_of
from faceapp.gui.capture.protocol import Standing, load_expressions, next_open, stands_of, title_of
from faceapp.gui.capture.rig_link import RigState
from faceapp.gui.capture.stored import read_clouds
from faceapp.gui.capture.verdict_panel import VerdictPanel
from faceapp.gui.capture.workspace import CaptureWorkspace
from faceapp.gui.program.program import Program
from faceapp.gui.shell.settings import WindowSettings
from tests.ui.programs import messages, prompt, start, tiny_bundle, tiny_project

GOOD = GroupFigures(14, 14, 0.0, 0.7, 300_000, 0.95, 60.0)


def sample(expression: str, take: int = 1, verdict: Verdict = Verdict.OPEN) -> Sample:
    return Sample(f"x-{expression}-{take}", "S0001", expression, take, f"2026-01-01T00:00:0{take}Z", verdict)


def test_the_protocol_has_22_expressions_and_neutral_again() -> None:
    names = [e.name for e in load_expressions()]
    assert len(names) == 23 and len(set(names)) == 23
    assert (names[0], names[-1]) == ("neutral", "neutral_repeat")
    assert title_of("eye_closed") == "Eyes closed"
    assert all(e.prompt for e in load_expressions())


def test_where_a_subject_stands() -> None:
    samples = [
        sample("neutral", 1, Verdict.RETAKEN),
        sample("neutral", 2, Verdict.ACCEPTED),
        sample("smile"),
        sample("grin", 1, Verdict.SKIPPED),
    ]
    stands = {s.expression.name: s for s in stands_of(samples, "S0001", {"anger": "tired"})}
    assert stands["neutral"].standing is Standing.ACCEPTED and stands["neutral"].words == "Take 2"
    assert stands["smile"].standing is Standing.TAKEN
    assert stands["grin"].standing is Standing.SKIPPED
    assert (stands["anger"].standing, stands["anger"].reason) == (Standing.SKIPPED, "tired")
    order = list(stands.values())
    assert next_open(order, "neutral") == "mouth_stretch"
    assert next_open(order, "neutral_repeat") == "mouth_stretch"  # round, past the accepted neutral


def test_a_verdict_names_the_worst_and_what_to_do() -> None:
    groups = {"left": GroupFigures(14, 14, 0.0, 1.4, 300_000, 0.95, 60.0), "middle": GOOD}
    assert advice_of({"middle": GOOD}, {})[:2] == (0, "Good")
    grade, badge, text, todo = advice_of(groups, {})
    assert (grade, badge) == (1, "Check motion")
    assert "left" in text and "still head" in todo
    assert advice_of(groups, {"right": "no point survives"})[0] == 2
    rows = {row.name: row for row in rows_of(groups, 1.0)}
    assert rows["Motion"].grade == 1 and rows["Frames"].value == "28 of 28"
    assert all(row.grade == -1 for row in rows_of({}))
    undecoded = {row.name: row for row in rows_of({"left": GroupFigures(14, 14, 0.0, 0.5)})}
    assert math.isnan(GroupFigures(14, 14, 0.0, 0.5).coverage) and undecoded["Coverage"].grade == -1


def open_capture(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> tuple[Program, CaptureWorkspace]:
    bundle = tiny_bundle(tmp_path / "bundle")
    program = start(qtbot, settings, tiny_project(tmp_path / "p", str(bundle), 2))
    capture = program.window.workspace("capture")
    assert isinstance(capture, CaptureWorkspace)
    qtbot.waitUntil(lambda: capture.link.state is RigState.READY, timeout=30_000)
    capture.set_countdown(False)
    return program, capture


def shoot(qtbot: Any, program: Program, capture: CaptureWorkspace) -> None:
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    qtbot.keyClick(program.window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: capture.judging, timeout=60_000)


def test_a_session_on_a_replayed_rig(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    qtbot.waitUntil(lambda: len(capture.page.live._pictures["live"]) == 3)
    shoot(qtbot, program, capture)
    assert set(capture._groups) == {"left", "middle", "right"}
    assert all(g.frames == g.wanted == 14 and g.points > 1000 for g in capture._groups.values())
    assert np.asarray(capture.page.live._pictures["phase"]["middle-ir-1"]).shape[2] == 3
    assert "modulation" in capture.page.live._pictures
    qtbot.keyClick(program.window, Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: [s.verdict for s in program.context.content.samples] == [Verdict.RETAKEN])
    assert capture.expression == "neutral"  # the same once more
    shoot(qtbot, program, capture)
    heard: list[str] = []
    assert capture.link.devices is not None
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)  # what follows is prepared while the take is judged
    capture.link.devices.prepare = lambda _, expression, take: heard.append(expression)  # type: ignore[method-assign]
    qtbot.keyClick(program.window, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: capture.stands()[0].standing is Standing.ACCEPTED)
    assert capture.expression == "mouth_stretch" and capture.can_shoot and heard == []
    assert [s.take for s in program.context.samples()] == [2]
    program.window.close()


def test_a_take_of_the_wrong_subject_is_moved(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    shoot(qtbot, program, capture)
    qtbot.waitUntil(lambda: len(program.context.samples()) == 1)
    assert capture.take is not None
    capture._move(capture.take, "S0002", "smile")
    qtbot.waitUntil(lambda: [(s.subject, s.expression) for s in program.context.samples()] == [("S0002", "smile")])
    qtbot.waitUntil(lambda: program.context.subject == "S0002")
    qtbot.waitUntil(lambda: len(capture.page.stage.surfaces) == 3, timeout=20_000)  # the take is still on the screen
    assert capture.page.verdict._title.text() == "Smile"
    assert capture.judging
    program.window.close()


def test_an_expression_is_skipped_with_a_reason(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    qtbot.keyClick(program.window, Qt.Key.Key_N)
    prompt(program).accept()
    assert capture.expression == "mouth_stretch"
    assert capture.stands()[0].reason == "Cannot do it"
    assert "Cannot do it" in WindowSettings(tmp_path / "window.ini").text("capture/state")  # already on the disk
    program.window.close()


def test_escape_stops_the_countdown(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    capture.set_countdown(True)
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    qtbot.keyClick(program.window, Qt.Key.Key_Space)
    assert capture.page.counting
    qtbot.keyClick(program.window, Qt.Key.Key_Escape)
    assert not capture.page.counting and capture.shot is None
    program.window.close()


def test_a_rig_that_fails_says_what_to_do(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program = start(qtbot, settings, tiny_project(tmp_path / "p", "no-such-rig"))
    capture = program.window.workspace("capture")
    assert isinstance(capture, CaptureWorkspace)
    qtbot.waitUntil(lambda: capture.link.state is RigState.FAILED, timeout=30_000)
    assert capture.page.middle.currentIndex() == 2  # Retry and Choose rig…
    assert not capture.can_shoot
    assert program.window.status.state_text("devices") == "No devices"
    assert messages(program) == []
    program.context.set_rig(str(tiny_bundle(tmp_path / "bundle", 1)))
    qtbot.waitUntil(lambda: capture.link.state is RigState.READY, timeout=30_000)
    program.window.close()


def test_all_nine_stand_instead_of_the_3d_view(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    capture.page.views.set_current("nine")
    capture._lay_out_cameras()
    assert len(capture.page.live.view.names) == 6  # two infrared cameras in each of three groups
    assert not capture.page.middle.isVisible()
    program.window.close()


def test_the_newest_choice_is_prepared_and_never_two_at_once(
    qtbot: Any, settings: WindowSettings, tmp_path: Path
) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    heard: list[tuple[str, str, int]] = []
    go_on, at_once = threading.Event(), threading.Lock()

    def prepare(subject: str, expression: str, take: int) -> None:
        with at_once:
            heard.append((subject, expression, take))
            assert go_on.wait(20)

    assert capture.link.devices is not None
    capture.link.devices.prepare = prepare  # type: ignore[method-assign]
    capture.choose_expression("smile")
    qtbot.waitUntil(lambda: len(heard) == 1)
    capture.choose_expression("grin")
    capture.choose_expression("anger")
    assert capture.page.ready.text == "Preparing…" and not capture.can_shoot
    go_on.set()
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    assert heard == [("S0001", "smile", 1), ("S0001", "anger", 1)]
    assert capture.page.ready.text == "Ready to shoot"
    program.window.close()


def test_an_old_take_shows_its_cloud_again(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    shoot(qtbot, program, capture)
    qtbot.waitUntil(lambda: len(program.context.samples()) == 1)
    points = sum(g.points for g in capture._groups.values())
    capture.choose_expression("smile")
    assert capture.take is None and not capture.page.stage.surfaces
    capture.choose_expression("neutral")
    qtbot.waitUntil(lambda: len(capture.page.stage.surfaces) == 3, timeout=20_000)
    assert sum(len(cloud) for cloud in capture.page.stage.surfaces.values()) == points
    assert capture.judging  # it can still be accepted
    program.window.close()


def words_of_verdict(capture: CaptureWorkspace) -> dict[str, str]:
    return {name: row.accessibleName() for name, row in capture.page.verdict._rows.items()}


def test_figures_of_a_take_are_there_after_a_restart(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    shoot(qtbot, program, capture)
    qtbot.waitUntil(lambda: len(program.context.samples()) == 1)
    figures, words = dict(capture._groups), words_of_verdict(capture)
    assert "–" not in "".join(words.values())
    folder = program.context.project.sample_folder(program.context.samples()[0])  # type: ignore[union-attr]
    assert json.loads((folder / "figures.json").read_text())["schema"] == "faceapp/report"
    program.window.close()

    program = start(qtbot, settings)
    qtbot.waitUntil(lambda: program.context.project is not None, timeout=20_000)
    again = program.window.workspace("capture")
    assert isinstance(again, CaptureWorkspace)
    qtbot.waitUntil(lambda: len(again._groups) == 3, timeout=20_000)
    assert again._groups == figures
    assert words_of_verdict(again) == words
    program.window.close()


def test_an_accepted_take_says_so_beside_its_figures(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    shoot(qtbot, program, capture)
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    qtbot.keyClick(program.window, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: capture.expression == "mouth_stretch")
    qtbot.waitUntil(lambda: len(program.context.samples()) == 1)
    capture.choose_expression("neutral")
    qtbot.waitUntil(lambda: len(capture._groups) == 3, timeout=20_000)
    assert capture.page.verdict._badge.text == "Accepted"
    program.window.close()


def test_the_card_names_what_the_live_pictures_show(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    assert capture.page.verdict._next_title.text() == "Next: neutral"
    shoot(qtbot, program, capture)
    qtbot.waitUntil(lambda: len(program.context.samples()) == 1)
    assert capture.link._next is not None
    assert capture.link._next[1] == "mouth_stretch"
    assert capture.page.verdict._next_title.text() == "After this take: mouth stretch"
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    qtbot.keyClick(program.window, Qt.Key.Key_Space)  # judged first: nothing is shot of what nobody prepared
    assert capture.shot is None
    assert not capture.page.counting
    qtbot.keyClick(program.window, Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: capture.page.verdict._next_title.text() == "Take again: neutral")
    assert capture.link._next[1] == "neutral"
    program.window.close()


def test_a_subject_is_typed_with_keys_alone(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    capture.choose_expression("smile")
    capture.new_subject()
    asked = prompt(program)
    assert asked._fields[0].lineEdit().textMargins().left() >= 6  # type: ignore[attr-defined]  # not at the edge
    qtbot.waitUntil(lambda: asked._fields[0].hasFocus())

    def press(key: Qt.Key) -> None:
        widget = QApplication.focusWidget()
        assert widget is not None
        qtbot.keyClick(widget, key)

    for key in (Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_Tab, Qt.Key.Key_Up, Qt.Key.Key_Tab, Qt.Key.Key_Space):
        press(key)
    assert asked._fields[0].value() == 34  # type: ignore[attr-defined]
    gender = asked._fields[1].currentData()  # type: ignore[attr-defined]
    assert gender != "unknown"
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: program.context.subject == "S0003", timeout=10_000)
    made = next(s for s in program.context.content.subjects if s.code == "S0003")
    assert (made.age, made.gender, made.consent) == (34, gender, ("record",))
    assert capture.expression == "neutral"  # a new subject begins at the beginning
    program.window.close()


def test_the_table_of_groups_stands_whole_or_not_at_all(qtbot: Any) -> None:
    panel = VerdictPanel()
    qtbot.addWidget(panel)
    panel.setFixedWidth(348)
    panel.show_figures(dict.fromkeys(("left", "middle", "right"), GOOD), {}, 2.0)
    panel.setFixedHeight(660)
    panel.show()
    qtbot.waitExposed(panel)
    assert panel._table.isVisible() and panel._table.height() >= panel._table.sizeHint().height()
    panel.setFixedHeight(520)  # a notice stands above
    qtbot.waitUntil(lambda: not panel._table.isVisible() and not panel._table_head.isVisible())
    panel.setFixedHeight(660)
    qtbot.waitUntil(lambda: panel._table.isVisible() and panel._table_head.isVisible())
    assert panel._table.height() >= panel._table.sizeHint().height()


def test_notices_above_a_low_window_squash_nothing(qtbot: Any) -> None:
    """At 1366 x 768 two notices leave 412 pixels to the panel, each further one 70 less."""
    panel = VerdictPanel()
    qtbot.addWidget(panel)
    panel.set_narrow(True)
    panel.show_acts(False, True)
    panel.show_next("After this take", load_expressions()[1], "once the take is judged")
    panel.show_figures(dict.fromkeys(("left", "middle", "right"), replace(GOOD, coverage=0.4)), {}, 2.0)
    panel.setFixedSize(288, 550)
    panel.show()
    qtbot.waitExposed(panel)
    for height, following, words in ((550, True, True), (470, True, False), (412, False, False), (342, False, False)):
        panel.setFixedHeight(height)
        qtbot.waitUntil(lambda h=height: panel.height() == h)
        QApplication.processEvents()
        assert (panel._next.isVisible(), panel._next_words.isVisible() and words) == (following, words), height
        parts = [*panel._rows.values(), panel._advice, *((panel._next,) if following else ())]
        for part in parts:
            least = part.heightForWidth(part.width()) if part.hasHeightForWidth() else part.minimumSizeHint().height()
            assert part.height() >= least, (height, part.accessibleName())
        for upper, lower in itertools.pairwise(parts):
            assert upper.geometry().bottom() < lower.geometry().top(), height
        assert panel.accept.geometry().bottom() <= height and panel.accept.height() >= panel.accept.sizeHint().height()
    assert panel._room.verticalScrollBar().maximum() > 0  # the advice is a turn of the wheel away


def test_the_clouds_of_a_take_are_those_of_its_groups(tmp_path: Path) -> None:
    (tmp_path / "scan").mkdir()
    for name, count in (("left", 3), ("middle", 4), ("right", 5), ("fused", 12), ("mesh", 6)):
        write_cloud(tmp_path / "scan" / f"{name}.ply", PointCloud(np.zeros((count, 3), np.float32)))
    assert {name: len(cloud) for name, cloud in read_clouds(tmp_path).items()} == {"left": 3, "middle": 4, "right": 5}
