"""What a person can do in Review, with the keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from faceapp.gui.review.figures_panel import REASONS
from faceapp.gui.shell.actions import Action

if TYPE_CHECKING:
    from faceapp.gui.review.workspace import ReviewWorkspace


def review_actions(review: ReviewWorkspace) -> list[Action]:
    """Return the acts of the workspace."""
    page, stage, judge = review.page, review.running.run, review.verdicts.judge
    run, sample = partial(Action, menu="Run"), partial(Action, menu="Sample")
    edit, view = partial(Action, menu="Edit"), partial(Action, menu="View")
    acts = [
        run("review.fuse", "Fuse", partial(stage, "fuse", False), icon="cube"),
        run("review.register", "Register", partial(stage, "register", False), icon="sphere"),
        run("review.reconstruct", "Reconstruct", partial(stage, "reconstruct", False), icon="user-circle"),
        run("review.again", "Register again as before", review.register_again, "Ctrl+R", icon="arrow-clockwise"),
        run("review.stale", "Register again what is stale", review.running.run_stale),
        edit("review.undo", "Undo the last repair or verdict", review.undo, "Ctrl+Z", icon="arrow-counter-clockwise"),
        edit("review.redo", "Do the repair again", review.repairs.redo, "Ctrl+Shift+Z", icon="arrow-clockwise"),
        sample("review.accept", "Accept registration", partial(judge, "accept", ""), "J", icon="check"),
        sample("review.maybe", "Maybe: a second reviewer looks", partial(judge, "maybe", ""), "K"),
        sample("review.reject", "Reject registration", partial(judge, "reject", ""), "L", icon="x"),
        sample("review.back", "Take the last verdict back", review.verdicts.take_back, "U", section=2),
        sample("review.before", "Sample before", partial(review.list.step, -1), "Left", icon="arrow-left", section=3),
        sample("review.next", "Next sample", partial(review.list.step, 1), "Right", icon="arrow-right", section=3),
        sample("review.agreement", "Agreement of the reviewers…", review.reports.show_agreement, section=4),
        sample("review.export", "Export verdicts, figures and pictures…", review.reports.ask_export, section=4),
        view("review.home", "Look from the front", page.home, "0", icon="house"),
        view("review.blink", "Blink between scan and result", page.views.blink, "B"),
        view("review.mesh", "Show the triangles", page.look.toggle, "W", icon="grid-four"),
        view("review.points", "Show landmarks and how far they are off", page.points.toggle, "H", icon="crosshair"),
        view("review.cut", "Cut scan and result by a plane", page.cut.toggle, "S", icon="scissors"),
        view("review.texture", "Show the texture of the scan", page.toggle_texture, "T"),
        view("review.old", "Show the registration before this one", page.toggle_before, "O"),
        view("review.repair", "Repair", review.open_repair, "R", icon="target", section=2),
        view("review.pin", "Pin a point of the registration", review.repairs.toggle_pinning, "P", section=2),
    ]
    for i, reason in enumerate(REASONS, start=1):
        title = f"Reject: {reason.lower()}"
        acts.append(Action(f"review.reject-{i}", title, partial(judge, "reject", reason.lower()), str(i)))
    return acts
