"""Every act of Annotate with its menu and its key; the keys can be changed in Help, Keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from faceapp.gui.shell.actions import Action

if TYPE_CHECKING:
    from faceapp.gui.annotate.workspace import AnnotateWorkspace

_NUDGES = (("", 1.0), ("Shift+", 5.0), ("Ctrl+", 0.25))
_ARROWS = (("Left", -1, 0), ("Right", 1, 0), ("Up", 0, -1), ("Down", 0, 1))


def actions_of(desk: AnnotateWorkspace) -> list[Action]:
    """Return the actions of the workspace."""
    return [*_edit_actions(desk), *_view_actions(desk), *_sample_actions(desk), *_nudges(desk)]


def _edit_actions(desk: AnnotateWorkspace) -> list[Action]:
    edit, bar = partial(Action, menu="Edit"), desk.bar
    return [
        edit("annotate.undo", "Undo", desk.undo, "Ctrl+Z", icon="arrow-counter-clockwise"),
        edit("annotate.redo", "Redo", desk.redo, "Ctrl+Shift+Z", icon="arrow-clockwise"),
        edit("annotate.group", "Next group", desk.next_group, "Space", section=1),
        edit("annotate.group-back", "Group before", partial(desk.next_group, -1), "Shift+Space", section=1),
        edit("annotate.point", "Next point", desk.next_point, "Tab", section=1),
        edit("annotate.point-back", "Point before", partial(desk.next_point, -1), "Shift+Backtab", section=1),
        edit("annotate.visibility", "Change visibility", desk.change_visibility, "V", icon="eye", section=2),
        edit("annotate.mirror", "Mirror from the other side", desk.mirror, "M", icon="flip-horizontal", section=2),
        edit("annotate.even", "Space the curve evenly", desk.space_evenly, "E", icon="ruler", section=2),
        edit("annotate.curve", "Draw the curve", desk.toggle_mode, "W", icon="bezier-curve", section=2),
        edit("annotate.refit", "Refit what nobody touched", desk.refit, "F", icon="magic-wand", section=2),
        edit("annotate.reset", "Give the point back to the first guess", desk.reset_point, "R", section=2),
        edit("annotate.lock", "Lock or unlock the point", desk.change_lock, "L", icon="target", section=2),
        edit("annotate.five", "Begin with five clicks", desk.ask_five, "C", icon="crosshair", section=2),
        edit("annotate.stop", "Stop drawing or clicking", desk.stop_mode, "Esc", section=2),
        edit("annotate.symmetric", "Move both sides alike", bar.symmetric.toggle, "X", section=3),
        edit("annotate.live", "The rest follows each point", bar.live.toggle, "Shift+F", section=3),
        edit("annotate.linked", "Eye centres and pupils together", bar.linked.toggle, icon="link", section=3),
        edit("annotate.paper", "Paper mode: nearest vertex alone", desk.change_paper_mode, section=3),
    ]


def _view_actions(desk: AnnotateWorkspace) -> list[Action]:
    view, bar, tones = partial(Action, menu="View"), desk.bar, desk.change_tones
    acts = [
        view("annotate.hide", "Hide the points", bar.hide_points.toggle, "H", icon="eye-slash"),
        view("annotate.blink", "Blink the points", bar.blink.toggle, "B", icon="lightning"),
        view("annotate.names", "Names of the points", bar.names.toggle, "N", icon="tag"),
        view("annotate.loupe", "Loupe", bar.loupe.toggle, "Z", icon="magnifying-glass-plus"),
        view("annotate.follow", "Zoom follows the group", bar.follow.toggle, "G", icon="frame-corners"),
        view("annotate.others", "Points of other annotators", desk.show_others, "O"),
        view("annotate.face", "Whole face", desk.show_face, "0", icon="arrows-out"),
        view("annotate.brighter", "Brighter", partial(tones, 1), ".", icon="sun", section=1),
        view("annotate.darker", "Darker", partial(tones, -1), ",", section=1),
        view("annotate.more-contrast", "More contrast of the picture", partial(tones, 0, 1), "Ctrl+.", section=1),
        view("annotate.less-contrast", "Less contrast of the picture", partial(tones, 0, -1), "Ctrl+,", section=1),
        view("annotate.as-taken", "Picture as taken", tones, section=1),
    ]
    shown = [(f"annotate.view-{n}", f"View {n}", partial(desk.show_view, n - 1), f"Alt+{n}") for n in (1, 2, 3)]
    return acts + [view(*act, section=2) for act in shown]


def _sample_actions(desk: AnnotateWorkspace) -> list[Action]:
    sample = partial(Action, menu="Sample")
    return [
        sample("annotate.submit", "Submit", desk.submit, "Return", icon="check"),
        sample("annotate.before", "Sample before", partial(desk.step_sample, -1), "A", icon="arrow-left"),
        sample("annotate.next", "Next sample", desk.step_sample, "D", icon="arrow-right"),
        sample("annotate.next-mine", "Next of your queue", desk.go_on, "Shift+D", icon="skip-forward"),
        sample("annotate.agreement", "Agreement of annotators", desk.show_agreement, icon="seal-check", section=1),
        sample("annotate.plan", "Plan of annotation", desk.show_plan, icon="rows", section=1),
        sample("annotate.gold", "Mark as gold…", desk.plans.ask_gold_here, icon="star-fill", section=1),
        sample("annotate.gold-back", "Take gold back", desk.plans.take_gold_back_here, section=1),
        sample("annotate.propagate", "Propagate to others…", desk.ask_propagation, "P", icon="share-network"),
        sample("annotate.import", "Import landmarks…", desk.exchange.ask_import, "Ctrl+I", section=2),
        sample("annotate.export", "Export landmarks…", desk.exchange.ask_export, "Ctrl+E", section=2),
        sample("annotate.template", "Make a registration template…", desk.templates.ask, section=3),
    ]


def _nudges(desk: AnnotateWorkspace) -> list[Action]:
    acts = []
    for prefix, step in _NUDGES:
        for name, du, dv in _ARROWS:
            title = f"Nudge {name.lower()} by {step:g}\N{NO-BREAK SPACE}px"
            run = partial(desk.nudge, du * step, dv * step)
            acts.append(Action(f"annotate.nudge-{prefix}{name}".lower(), title, run, f"{prefix}{name}"))
    return acts
