"""Views that look from the same place."""

from __future__ import annotations

from collections.abc import Callable

from faceapp.gui.view3d.view import View3D


def link(*views: View3D) -> Callable[[], None]:
    """Link the cameras of views; return a function that undoes it."""
    undo: list[Callable[[], None]] = []
    for view in views:
        others = [other for other in views if other is not view]

        def follow(view: View3D = view, others: list[View3D] = others) -> None:
            for other in others:
                other.set_camera(view.camera, quietly=True)

        view.cameraChanged.connect(follow)
        undo.append(lambda view=view, follow=follow: view.cameraChanged.disconnect(follow))  # type: ignore[misc]

    def unlink() -> None:
        for run in undo:
            run()

    return unlink
