"""Writing capture bundles: frames encoded on several threads, the description last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.frames import FrameStack
from faceapp.core.rig import CameraGroup, CameraModel
from faceapp.core.sequence import FringeSequence
from faceapp.formats.atomic import write_json
from faceapp.formats.capture_bundle import FILE, describe_camera, describe_exposure
from faceapp.formats.images import write_png


@dataclass(frozen=True, eq=False)
class GroupFrames:
    """The frames of one group, ready to be written.

    Parameters
    ----------
    group : CameraGroup
        Calibrated facts.
    stacks : mapping of str to FrameStack
        By infrared camera.
    pictures : mapping of str to (H, W, 3) uint8
        By colour camera.
    exposures_ms : mapping of str to float
        By infrared camera, where known.
    serials : mapping of str to str
        By camera, where known.
    more : sequence of (float, mapping of str to FrameStack)
        Other exposures in ms, and their frames by infrared camera.
    """

    group: CameraGroup
    stacks: Mapping[str, FrameStack]
    pictures: Mapping[str, npt.NDArray[np.uint8]]
    exposures_ms: Mapping[str, float]
    serials: Mapping[str, str]
    more: Sequence[tuple[float, Mapping[str, FrameStack]]] = ()


def write_frames(folder: Path, frames: GroupFrames) -> dict[str, Any]:
    """Write the frames of one group below ``folder`` and return its entry of ``capture.json``.

    Raises
    ------
    DataError
        The disk refuses.
    """
    jobs: list[tuple[Path, npt.NDArray[Any]]] = []
    cameras: list[dict[str, Any]] = []
    for model in frames.group.cameras:
        if model.name in frames.stacks:
            stack = frames.stacks[model.name]
            files = [f"frames/{model.name}/{k:03d}.png" for k in range(len(stack.frames))]
            jobs += [(folder / file, image) for file, image in zip(files, stack.frames, strict=True)]
            entry = _describe(model, "ir", files, frames)
            for number, (exposure, stacks) in enumerate(frames.more, 2):
                again = [f"frames/{model.name}/exposure-{number}/{k:03d}.png" for k in range(len(stack.frames))]
                jobs += [(folder / file, image) for file, image in zip(again, stacks[model.name].frames, strict=True)]
                entry.setdefault("more_exposures", []).append({"exposure_ms": exposure, "frames": again})
            if stack.frame_ids is not None:
                entry["frame_ids"] = stack.frame_ids.tolist()
        elif model.name in frames.pictures:
            files = [f"frames/{model.name}/000.png"]
            jobs.append((folder / files[0], frames.pictures[model.name]))
            entry = _describe(model, "rgb", files, frames)
        else:
            continue
        cameras.append(entry)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: write_png(*job), jobs))
    optics = frames.group.projector.optics
    projector: dict[str, Any] = {"name": frames.group.projector.name, "rig_from_projector": None, "calibration": None}
    if optics is not None:
        calibration = describe_camera(optics)
        projector["rig_from_projector"] = calibration.pop("rig_from_camera")
        projector["calibration"] = calibration
    if frames.group.projector.gamma != 1.0:
        projector["gamma"] = frames.group.projector.gamma
    return {"name": frames.group.name, "projector": projector, "cameras": cameras}


def _describe(model: CameraModel, role: str, files: list[str], frames: GroupFrames) -> dict[str, Any]:
    sensor = {k: v for k, v in vars(model.sensor).items() if v is not None}
    entry: dict[str, Any] = {"name": model.name, "role": role, "frames": files, "calibration": describe_camera(model)}
    if sensor:
        entry["sensor"] = sensor
    if model.name in frames.exposures_ms:
        entry["exposure_ms"] = frames.exposures_ms[model.name]
    if frames.serials.get(model.name):
        entry["serial"] = frames.serials[model.name]
    return entry


def write_description(
    folder: Path,
    *,
    capture_id: str,
    captured_at: str,
    subject: str,
    expression: str,
    sequence: FringeSequence,
    groups: Sequence[dict[str, Any]],
) -> None:
    """Write ``capture.json``, the last file of a bundle; ``groups`` are what `write_frames` returned."""
    write_json(
        folder / FILE,
        {
            "schema": "faceapp/capture",
            "schema_version": 1,
            "id": capture_id,
            "captured_at": captured_at,
            "subject": subject,
            "expression": expression,
            "sequence": {
                "kind": "phase-shift",
                "axis": sequence.axis,
                "exposures": [describe_exposure(e) for e in sequence.exposures],
            },
            "groups": list(groups),
        },
    )
