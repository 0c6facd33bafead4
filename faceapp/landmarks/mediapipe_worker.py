"""Run by the interpreter of MediaPipe's own environment, never imported: a picture in, 478 points out as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np


def main(picture: str, model: str | None) -> dict[str, Any]:
    """Return ``points`` in pixels, (0, 0) the centre of the top-left one, or ``error``."""
    try:
        import mediapipe
    except ImportError as error:
        return {"error": f"it is not installed there ({error}); pip install mediapipe==0.10.14"}
    image = np.load(picture, allow_pickle=False)
    try:
        found = by_task(mediapipe, image, model) if model else by_package(mediapipe, image)
    except Exception as error:  # whatever it raises is told to the program that asked
        return {"error": f"{type(error).__name__}: {error}"}
    if found is None:
        return {"error": "no face was found in the picture"}
    height, width = image.shape[:2]
    return {"points": [[p.x * width - 0.5, p.y * height - 0.5] for p in found]}


def by_package(mediapipe: Any, image: Any) -> Any:
    """Return the points of the mesh that older packages bring along."""
    if not hasattr(mediapipe, "solutions"):
        raise RuntimeError("this version brings no mesh along; name a model file (face_landmarker.task)")
    options = {"static_image_mode": True, "refine_landmarks": True, "max_num_faces": 1}
    with mediapipe.solutions.face_mesh.FaceMesh(**options) as mesh:
        faces = mesh.process(image).multi_face_landmarks
    return faces[0].landmark if faces else None


def by_task(mediapipe: Any, image: Any, model: str) -> Any:
    """Return the points of a face landmarker's model file."""
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(base_options=BaseOptions(model_asset_path=model), num_faces=1)
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=image)
        faces = landmarker.detect(picture).face_landmarks
    return faces[0] if faces else None


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)))
