"""The capture bundle: one capture of one subject in one expression, as a folder that any program can write.

Reading checks the description at once and each group's frames when they are asked for, so that one broken
group does not take the others with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import BundleError, DataError, FrameLost, SequenceError
from faceapp.core.frames import FrameStack
from faceapp.core.rig import CameraGroup, CameraModel, ProjectorModel, Rig, Sensor
from faceapp.core.sequence import Dark, Exposure, Flood, Fringe, FringeSequence, GrayBit
from faceapp.core.transforms import RigidTransform
from faceapp.formats.images import read_image
from faceapp.formats.schemas import read_json

FILE, CALIBRATION = "capture.json", "calibration.json"


@dataclass(frozen=True)
class BundleCamera:
    """A camera as the bundle names it: its calibration may be missing, its frames are paths.

    ``more`` are the frames of other exposures of the same burst.
    """

    name: str
    role: str
    files: tuple[Path, ...]
    model: CameraModel | None
    frame_ids: tuple[int, ...] | None
    more: tuple[tuple[Path, ...], ...] = ()


@dataclass(frozen=True)
class BundleGroup:
    """A group as the bundle names it."""

    name: str
    cameras: tuple[BundleCamera, ...]
    projector: ProjectorModel

    def model(self) -> CameraGroup:
        """Return the calibrated group.

        Raises
        ------
        BundleError
            Fewer than two calibrated views.
        """
        infrared = tuple(c.model for c in self.cameras if c.role == "ir" and c.model is not None)
        rgb = next((c.model for c in self.cameras if c.role == "rgb" and c.model is not None), None)
        try:
            return CameraGroup(self.name, infrared, rgb, self.projector)
        except DataError as error:
            raise BundleError(str(error)) from error


@dataclass(frozen=True)
class CaptureBundle:
    """The checked description of a capture.

    Parameters
    ----------
    folder : Path
        Where the frames are.
    id, captured_at, subject, expression : str
        As the file has them.
    sequence : FringeSequence
        What was projected.
    groups : tuple of BundleGroup
        In the order of the file.
    """

    folder: Path
    id: str
    captured_at: str
    subject: str
    expression: str
    sequence: FringeSequence
    groups: tuple[BundleGroup, ...]

    def group(self, name: str) -> BundleGroup:
        """Return the group of that name.

        Raises
        ------
        BundleError
            There is none.
        """
        for group in self.groups:
            if group.name == name:
                return group
        raise BundleError(f"{self.folder}: there is no group {name!r}")

    def stack(self, camera: BundleCamera) -> FrameStack:
        """Read the frames of an infrared camera.

        Raises
        ------
        BundleError
            A frame is missing, damaged, of another size or type, or leaves the folder; the message names it.
        """
        ids = None if camera.frame_ids is None else np.array(camera.frame_ids, np.int64)
        return self._stack(camera, camera.files, ids)

    def more_stacks(self, camera: BundleCamera) -> list[FrameStack]:
        """Read the frames of the other exposures of an infrared camera.

        Raises
        ------
        BundleError
            As `stack`.
        """
        return [self._stack(camera, files, None) for files in camera.more]

    def _stack(self, camera: BundleCamera, files: tuple[Path, ...], ids: npt.NDArray[np.int64] | None) -> FrameStack:
        if len(files) != len(self.sequence):
            raise BundleError(
                f"{self.folder / FILE}: camera {camera.name} lists {len(files)} frames, "
                f"the sequence has {len(self.sequence)} exposures"
            )
        frames = [self._frame(camera, file, colour=False) for file in files]
        kinds = {frame.dtype for frame in frames}
        if len(kinds) > 1:
            raise BundleError(f"{self.folder}: camera {camera.name} mixes 8 and 16 bit frames")
        try:
            return FrameStack(camera.name, np.stack(frames), self.sequence, ids)
        except (DataError, FrameLost) as error:
            raise BundleError(f"{self.folder}: {error}") from error

    def picture(self, camera: BundleCamera) -> npt.NDArray[np.uint8]:
        """Return the (H, W, 3) uint8 RGB picture of a colour camera, the mean of its frames.

        Raises
        ------
        BundleError
            As `stack`.
        """
        frames = [self._frame(camera, file, colour=True) for file in camera.files]
        mean = np.mean(frames, axis=0) if len(frames) > 1 else frames[0]
        if frames[0].dtype == np.uint16:
            mean = mean * (255.0 / white_level(np.stack(frames), None))
        return np.clip(np.rint(mean), 0, 255).astype(np.uint8)

    def _frame(self, camera: BundleCamera, file: Path, *, colour: bool) -> npt.NDArray[Any]:
        root = self.folder.resolve()
        if not (root / file).resolve().is_relative_to(root):
            raise BundleError(f"{self.folder / FILE}: camera {camera.name}: frame {file} leaves the bundle's folder")
        image = read_image(self.folder / file, BundleError)
        if image.dtype not in (np.uint8, np.uint16):
            raise BundleError(f"{self.folder / file}: {image.dtype} pixels; 8 or 16 bit counts are expected")
        if (image.ndim == 3) is not colour:
            raise BundleError(f"{self.folder / file}: {'RGB' if colour else 'one channel'} is expected")
        if camera.model is not None and image.shape[:2] != (camera.model.height, camera.model.width):
            raise BundleError(
                f"{self.folder / file} is {image.shape[1]} x {image.shape[0]} pixels, the calibration of "
                f"{camera.name} says {camera.model.width} x {camera.model.height}"
            )
        return image

    def rig(self) -> Rig:
        """Return the calibrated rig of the groups that are calibrated; identity is the bundle's.

        Raises
        ------
        BundleError
            No group has two calibrated views.
        """
        models = []
        for group in self.groups:
            try:
                models.append(group.model())
            except BundleError:
                continue
        if not models:
            raise BundleError(f"{self.folder / FILE}: no group has two calibrated views")
        return Rig(self.id, tuple(models), self.id)


def white_level(frames: npt.NDArray[Any], stated: float | None) -> float:
    """Return the counts at which a pixel is saturated, as the bundle's contract has it."""
    if stated is not None:
        return stated
    if frames.dtype == np.uint8:
        return 255.0
    peak = int(frames.max(initial=0))
    return float(next((level for level in (1023, 4095, 16383) if peak <= level), 65535))


def read_bundle(folder: Path, calibration: Path | None = None) -> CaptureBundle:
    """Read and check the description of a capture bundle.

    Parameters
    ----------
    folder : Path
        The bundle, or its ``capture.json``.
    calibration : Path, optional
        A ``calibration.json`` whose cameras and projectors stand in for those of the bundle. Without it, one that lies
        beside a sample's ``capture`` folder does: the rig was calibrated anew after the capture.

    Raises
    ------
    BundleError
        The file is missing, broken, or asks for what no decoder can do; the message names the field.
    """
    folder = folder.parent if folder.name == FILE else folder
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder; a capture bundle is a folder with a {FILE}")
    data = read_json(folder / FILE, "capture", BundleError)
    if calibration is None and folder.name == "capture" and (folder.parent / CALIBRATION).is_file():
        calibration = folder.parent / CALIBRATION
    newer = read_json(calibration, "calibration") if calibration else None
    where = str(folder / FILE)
    sequence = parse_sequence(data["sequence"], where)
    groups = tuple(_parse_group(g, f"groups[{i}]", where, newer) for i, g in enumerate(data["groups"]))
    names = [c.name for g in groups for c in g.cameras]
    twice = {n for n in names if names.count(n) > 1} | {
        g.name for g in groups if [h.name for h in groups].count(g.name) > 1
    }
    if twice:
        raise BundleError(f"{where}: the name {sorted(twice)[0]!r} is used twice")
    return CaptureBundle(folder, data["id"], data["captured_at"], data["subject"], data["expression"], sequence, groups)


def parse_sequence(data: dict[str, Any], where: str) -> FringeSequence:
    """Return the sequence of a description's ``sequence`` field.

    Raises
    ------
    BundleError
        An exposure is of an unknown kind or the steps are incomplete; the message names it.
    """
    exposures: list[Exposure] = []
    for i, item in enumerate(data["exposures"]):
        try:
            exposures.append(_parse_exposure(item))
        except (SequenceError, TypeError, KeyError, ValueError) as error:
            reason = f"needs {error}" if isinstance(error, KeyError) else str(error)
            raise BundleError(f"{where}: field sequence.exposures[{i}]: {reason}") from error
    try:
        return FringeSequence(tuple(exposures), data.get("axis", "u"))
    except SequenceError as error:
        raise BundleError(f"{where}: field sequence: {error}") from error


def _parse_exposure(item: dict[str, Any]) -> Exposure:
    if "frequency" in item:
        return Fringe(float(item["frequency"]), int(item["step"]), int(item["steps"]))
    if "gray_code_bit" in item:
        return GrayBit(int(item["gray_code_bit"]), int(item["gray_code_bits"]), bool(item.get("inverted", False)))
    if "flood" in item:
        return Flood(float(item["flood"]))
    if item.get("dark"):
        return Dark()
    raise ValueError(
        f"unknown exposure kind {', '.join(item) or '(empty)'}; known are frequency, gray_code_bit, flood, dark"
    )


def _parse_group(data: dict[str, Any], field: str, where: str, newer: dict[str, Any] | None) -> BundleGroup:
    cameras = tuple(_parse_camera(c, f"{field}.cameras[{i}]", where, newer) for i, c in enumerate(data["cameras"]))
    given = data.get("projector") or {}
    name = given.get("name") or f"{data['name']}-projector"
    if newer and name in newer.get("projectors", {}):
        given = {**given, **newer["projectors"][name]}
    optics = None
    if given.get("calibration") and given.get("rig_from_projector"):
        calibration = {**given["calibration"], "rig_from_camera": given["rig_from_projector"]}
        optics = parse_optics(name, calibration, Sensor(), f"{field}.projector.calibration", where)
    gamma = (newer or {}).get("gamma", {}).get(name, given.get("gamma", 1.0))
    return BundleGroup(data["name"], cameras, ProjectorModel(name, optics, float(gamma)))


def _parse_camera(data: dict[str, Any], field: str, where: str, newer: dict[str, Any] | None) -> BundleCamera:
    keys = ("white_level", "black_level", "electrons_per_count", "read_noise_electrons")
    sensor = Sensor(**{k: data.get("sensor", {}).get(k) for k in keys})
    calibration = data.get("calibration")
    if newer and data["name"] in newer.get("cameras", {}):
        calibration = newer["cameras"][data["name"]]
    model = None
    if calibration:
        model = parse_optics(data["name"], calibration, sensor, f"{field}.calibration", where)
    ids = data.get("frame_ids")
    files = tuple(Path(f) for f in data["frames"])
    more = tuple(tuple(Path(f) for f in other["frames"]) for other in data.get("more_exposures", ()))
    return BundleCamera(data["name"], data["role"], files, model, None if ids is None else tuple(ids), more)


def parse_optics(name: str, data: dict[str, Any], sensor: Sensor, field: str, where: str) -> CameraModel:
    """Return a camera of a ``calibration`` field.

    Raises
    ------
    BundleError
        A value is not possible; the message names the field.
    """
    try:
        return CameraModel(
            name,
            data["width"],
            data["height"],
            np.array(data["K"], np.float64),
            np.array(data["distortion"], np.float64),
            RigidTransform.from_matrix(data["rig_from_camera"]),
            sensor,
        )
    except DataError as error:
        raise BundleError(f"{where}: field {field}: {error}") from error


def describe_camera(model: CameraModel) -> dict[str, Any]:
    """Return the ``calibration`` field of a camera."""
    return {
        "width": model.width,
        "height": model.height,
        "K": model.K.tolist(),
        "distortion": model.distortion.tolist(),
        "rig_from_camera": model.rig_from_camera.matrix.tolist(),
    }


def describe_exposure(exposure: Exposure) -> dict[str, Any]:
    """Return one entry of ``sequence.exposures``."""
    match exposure:
        case Fringe(frequency, step, steps):
            return {"frequency": frequency, "step": step, "steps": steps}
        case GrayBit(bit, bits, inverted):
            return {"gray_code_bit": bit, "gray_code_bits": bits, "inverted": inverted}
        case Flood(level):
            return {"flood": level}
        case Dark():
            return {"dark": True}


def rename_capture(folder: Path, *, subject: str | None = None, expression: str | None = None) -> dict[str, Any]:
    """Return the description of a bundle with another subject or expression (the frames do not change)."""
    data: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    data["subject"] = subject or data["subject"]
    data["expression"] = expression or data["expression"]
    return data


def without_camera(group: BundleGroup, name: str) -> BundleGroup:
    """Return the group without one of its cameras."""
    return replace(group, cameras=tuple(c for c in group.cameras if c.name != name))
