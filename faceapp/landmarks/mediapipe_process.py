"""MediaPipe in an environment of its own: its package brings another OpenCV, which must not overwrite ours."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from faceapp.core.arrays import FloatArray, UInt8Array
from faceapp.core.errors import DataError

_PATIENCE_S = 120.0


def mediapipe_mesh(image: UInt8Array, python: Path, model: Path | None = None) -> FloatArray:
    """Return the 478 points (478, 2), pixels, that MediaPipe finds in a picture (H, W, 3), RGB.

    Parameters
    ----------
    python : Path
        Interpreter that has ``mediapipe``.
    model : Path, optional
        A ``.task`` file; without it the mesh inside the package (mediapipe 0.10.14 and its like).

    Raises
    ------
    DataError
        The environment, the model or the face is missing.
    """
    if not python.is_file():
        raise DataError(f"{python} is missing; make it: python3 -m venv DIR && DIR/bin/pip install mediapipe==0.10.14")
    if model is not None and not model.is_file():
        raise DataError(f"{model} is missing")
    worker = Path(__file__).with_name("mediapipe_worker.py")
    with tempfile.TemporaryDirectory(prefix="faceapp-mediapipe-") as folder:
        picture = Path(folder) / "picture.npy"
        np.save(picture, np.ascontiguousarray(image))
        command = [str(python), "-I", str(worker), str(picture), *([str(model.absolute())] if model else [])]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise DataError(f"MediaPipe did not answer within {_PATIENCE_S:.0f} s") from error
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise DataError(f"MediaPipe ({python}) failed: {done.stderr.strip()[-400:] or 'it said nothing'}") from None
    if "error" in answer:
        raise DataError(f"MediaPipe: {answer['error']}")
    return np.array(answer["points"], np.float64)
