"""Pictures that show how an expression looks: made once from the head model, in a process of their own. No Qt."""

from __future__ import annotations

from pathlib import Path

DRAW = "faceapp.gui.capture.guides:draw_guide"
_VERSION = 1
_SIZE = (184, 200)
_HEIGHT_MM = 262.0


def guide_file(folder: Path, name: str) -> Path:
    """Return where the picture of an expression is kept."""
    return folder / f"expression-{_VERSION}-{name}.png"


def make_guide(folder: Path, name: str) -> Path:
    """Return the picture of an expression, drawn by a worker if it is missing; blocks, so call it on a thread.

    Parameters
    ----------
    folder : Path
        Of pictures that may be thrown away.
    name : str
        Expression of the protocol.
    """
    file = guide_file(folder, name)
    if not file.is_file():
        from faceapp.app.jobs import worker_pool

        folder.mkdir(parents=True, exist_ok=True)
        worker_pool().call(DRAW, file, "neutral" if name == "neutral_repeat" else name)
    return file


def draw_guide(file: Path, expression: str) -> None:
    """Draw a grey head with an expression on nothing, and keep the picture whole; runs in a worker."""
    import cv2
    import numpy as np

    from faceapp.formats.atomic import write_bytes
    from faceapp.morphable.head import HeadParameters, load_head
    from faceapp.render.heads import head_picture

    head = load_head(2).shape(HeadParameters(sex="female"), expression, folds=False)
    inner = head.mesh.submesh(np.arange(len(head.mesh.vertices)) >= len(head.skin.vertices))
    picture = head_picture([head.skin, inner], size=_SIZE, height_mm=_HEIGHT_MM, plain=True)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    around = picture[0, 0].astype(np.int16)
    alpha = np.where(np.abs(picture - around).max(axis=2) > 6, 255, 0).astype(np.uint8)
    done, data = cv2.imencode(".png", np.dstack([grey, grey, grey, alpha]))
    if done:
        write_bytes(file, data.tobytes())
