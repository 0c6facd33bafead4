"""A model of an annotator: hand and eye on the real window, with times from the keystroke-level model.

Times (Card, Moran and Newell, 1980): 1.1 s to point, 0.2 s a click or a key, 1.2 s to think before each act. A drag
points twice: to the mark, and to the place; it takes 1.2 + 1.1 + 0.1 + 1.1 + 0.1 = 3.6 s. An act is one key, click or
drag. The hand misses by 1 px of the screen (one standard deviation of each coordinate), where it presses and where it
lets go.

The eye sees the marks that are drawn on the large picture, and where they should be for points that the camera sees;
of the contour, whose points slide, only how far they are off the line. It tells offsets from `SEES_PX` on, five or so
tenths of a millimetre on a screen. It walks the groups in the order of the list, once for what is far off, then again
for what is less so, and puts right the worst point of a group until none is off by more than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from faceapp.app.agreement import tangents
from faceapp.gui.annotate.workspace import AnnotateWorkspace
from faceapp.landmarks.scheme import load_scheme

THINK_S, POINT_S, CLICK_S = 1.2, 1.1, 0.2
MISS_PX = 1.0
SEES_PX = 4.0
ROUNDS_PX = (12.0, 7.0, SEES_PX)
"""Offsets on the screen, in whole pixels of it, that a walk through the groups puts right."""
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@dataclass
class Hand:
    """Does acts on the window and counts them.

    Parameters
    ----------
    workspace : AnnotateWorkspace
        The real one.
    rng : Generator
        Of its misses.
    most_acts, most_seconds : int, float
        It stops before an act that would not fit.
    """

    workspace: AnnotateWorkspace
    rng: np.random.Generator
    most_acts: int
    most_seconds: float
    acts: int = 0
    seconds: float = 0.0
    log: list[str] = field(default_factory=list)

    def key(self, wanted: Qt.Key, modifiers: Any = NONE) -> bool:
        """Press a key."""
        if not self._may(THINK_S + CLICK_S, f"key {wanted.name}"):
            return False
        QTest.keyClick(self.workspace.program.window, wanted, modifiers)
        QApplication.processEvents()
        return True

    def click(self, at: np.ndarray) -> bool:
        """Click at a place of the large picture, pixels of the screen."""
        if not self._may(THINK_S + POINT_S + CLICK_S, "click"):
            return False
        QTest.mouseClick(self.workspace.picture.viewport(), LEFT, NONE, self._near(at))
        QApplication.processEvents()
        return True

    def drag(self, start: np.ndarray, end: np.ndarray, what: str = "") -> bool:
        """Drag from one place of the large picture to another, pixels of the screen."""
        if not self._may(THINK_S + 2 * POINT_S + CLICK_S, f"drag {what}"):
            return False
        port, grip = self.workspace.picture.viewport(), self._near(start)
        to = grip + (self._near(end) - QPointF(*start).toPoint())
        QTest.mousePress(port, LEFT, NONE, grip)
        QTest.mouseMove(port, (grip + to) / 2)
        QTest.mouseMove(port, to)
        QTest.mouseRelease(port, LEFT, NONE, to)
        QApplication.processEvents()
        return True

    def _near(self, at: np.ndarray) -> QPoint:
        return QPointF(*(at + self.rng.normal(0, MISS_PX, 2))).toPoint()

    def _may(self, seconds: float, what: str) -> bool:
        if self.acts + 1 > self.most_acts or self.seconds + seconds > self.most_seconds:
            return False
        self.acts += 1
        self.seconds += seconds
        self.log.append(what)
        return True


@dataclass(frozen=True, eq=False)
class Eye:
    """Looks at the large picture.

    Parameters
    ----------
    workspace : AnnotateWorkspace
        The real one.
    truth : (106, 2) float64
        Right places in the picture.
    visible : (106,) bool
        What the camera sees.
    """

    workspace: AnnotateWorkspace
    truth: np.ndarray
    visible: np.ndarray

    def marks(self) -> np.ndarray:
        """Return where the marks are drawn (106, 2), pixels of the screen; NaN outside the view."""
        drawn = self.workspace.picture.marks()
        assert drawn is not None
        port = self.workspace.picture.viewport()
        shown = np.all((drawn.xy >= 0) & (drawn.xy < (port.width(), port.height())), axis=1)
        return np.where(shown[:, None], drawn.xy, np.nan)

    def places(self) -> np.ndarray:
        """Return where they should be (106, 2), pixels of the screen; NaN for what the camera does not see."""
        view = self.workspace.picture
        on_screen = np.array([[p.x(), p.y()] for p in (view.to_screen(u, v) for u, v in self.truth)])
        return np.where(self.visible[:, None], on_screen, np.nan)

    def offsets(self) -> np.ndarray:
        """Return (106,) how far each mark is off, pixels of the screen: of the contour, across it."""
        return off_line(self.marks() - self.places(), self.places())


def off_line(off: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the lengths (106,) of offsets (106, 2), of the contour's points the part across the contour."""
    scheme = load_scheme()
    length = np.linalg.norm(off, axis=1)
    along = np.einsum("nd,nd->n", off, tangents(scheme, places))
    slides = np.zeros(len(length), bool)
    slides[list(scheme.silhouette)] = True
    across = np.sqrt(np.maximum(length**2 - np.nan_to_num(along) ** 2, 0))
    return np.where(slides, across, length)


def put_right(hand: Hand, eye: Eye) -> None:
    """Walk the groups in the order of the walk and drag what is off, the far-off first, until no act is left."""
    for least in ROUNDS_PX:
        for group in walk(hand.workspace):
            done: set[int] = set()
            while (index := worst_of(eye, group, done, least)) >= 0:
                done.add(index)
                if not hand.drag(eye.marks()[index], eye.places()[index], str(index)):
                    return


def walk(workspace: AnnotateWorkspace) -> Iterator[tuple[int, ...]]:
    """Yield the points of each group in the order in which the program walks them."""
    desk = workspace.desk
    assert desk is not None
    model = desk.models[workspace.main]
    groups = {g.name: g.indices for g in desk.scheme.groups}
    for name in model.walked or model.group_walk:
        yield groups[name]


def worst_of(eye: Eye, group: tuple[int, ...], done: set[int], least: float) -> int:
    """Return the point of a group that is furthest off and can be grabbed, from ``least`` px on; -1 for none."""
    marks, offsets = eye.marks(), np.nan_to_num(eye.offsets(), nan=0.0)
    for index in sorted(group, key=lambda i: -offsets[i]):
        if offsets[index] < least:
            return -1
        grabbed = eye.workspace.picture.mark_at(QPointF(*marks[index]))  # the window shows it bright under the mouse
        if index not in done and grabbed == index:
            return index
    return -1


def error_mm(points: np.ndarray, truth: np.ndarray, visible: np.ndarray, mm_per_px: np.ndarray) -> float:
    """Return the root mean square error over visible points, mm at their depth; of the contour across it."""
    off = off_line(points - truth, truth) * mm_per_px
    return float(np.sqrt(np.mean(off[visible] ** 2)))
