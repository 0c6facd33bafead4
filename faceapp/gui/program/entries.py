"""Which workspaces there are; each is imported when it is built, after the first paint."""

from __future__ import annotations

from faceapp.gui.program.program import Program
from faceapp.gui.shell.workspace import Workspace, WorkspaceEntry


def entries_of(program: Program) -> tuple[WorkspaceEntry, ...]:
    """Return the tabs of the rail."""

    def capture() -> Workspace:
        from faceapp.gui.capture.workspace import CaptureWorkspace

        return CaptureWorkspace(program)

    def annotate() -> Workspace:
        from faceapp.gui.annotate.workspace import AnnotateWorkspace

        return AnnotateWorkspace(program)

    def review() -> Workspace:
        from faceapp.gui.review.workspace import ReviewWorkspace

        return ReviewWorkspace(program)

    def rig() -> Workspace:
        from faceapp.gui.rig.workspace import RigWorkspace

        return RigWorkspace(program)

    return (
        WorkspaceEntry("capture", "Capture", "aperture", capture, "faceapp.gui.capture.workspace"),
        WorkspaceEntry("annotate", "Annotate", "crosshair-simple", annotate, "faceapp.gui.annotate.workspace"),
        WorkspaceEntry("review", "Review", "seal-check", review, "faceapp.gui.review.workspace"),
        WorkspaceEntry("rig", "Rig", "video-camera", rig, "faceapp.gui.rig.workspace"),
    )
