"""What may be asked of the simulated rig."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

import numpy as np

from faceapp.calibration.target import parse_board
from faceapp.core.errors import FaceappError, UsageError
from faceapp.formats.landmark_files import read_landmarks
from faceapp.morphable.head import HeadParameters
from faceapp_hardware.simulated.boards import TARGET_KINDS
from faceapp_hardware.simulated.description import default_rig_file

_MODES = len(HeadParameters().identity)


@dataclass(frozen=True)
class Options:
    """The options of the simulated rig.

    Parameters
    ----------
    head : Path, optional
        A mesh (.ply, .obj; mm, y up, z out of the face) that is scanned as it stands; without it, a head of our own
        for each subject.
    head_landmarks : Path, optional
        Its 106 points, 3D, for the truth.
    seed : int
        Of all chance: heads, poses, noise.
    scale : float
        Of the cameras' pixels a side, 0.1 to 1.
    rig : Path
        A rig file in the form of ``rigs/default.toml``.
    sex : {"female", "male"}, optional
        Of our own heads; drawn where ``None``.
    age : float, optional
        Years; drawn where ``None``.
    identity : tuple of 32 float, optional
        Weights of the modes of the head model; drawn where ``None``.
    tone, hair, iris : int, optional
        Colours of the head model; drawn where ``None``.
    pose : float, optional
        How far the head turns and shifts from take to take: 1 is about 2 degrees and 2 mm. 0 for a head from a file
        unless said otherwise.
    velocity : tuple of 3 float
        Of the head during each burst of 120 exposures a second, mm/s in the rig frame.
    shift : tuple of 3 float
        Of the head from one group to the next, mm; its truth is where it stands for the middle group.
    faults : tuple of str
        See `faceapp_hardware.simulated.faults`; what an order leaves open is drawn by the seed.
    first_id : int, optional
        Of the cameras' 16-bit frame counters; drawn where ``None``.
    target : {"head", "board", "plane", "bar"}
        What is before the cameras; each take of a target holds it another way.
    board : str
        Columns, rows and the true millimetres of a square of the board, such as ``14x11x15``.
    bow : float
        How far the board is bowed, mm.
    assembly : int, optional
        Seed of how the rig was put together: lenses and places a little otherwise than the rig says. Exact where
        ``None``.
    knocks : tuple of str
        Cameras that were hit since, see `faceapp_hardware.simulated.assembly`.
    swaps : tuple of str
        Pairs of cameras whose cables are swapped.
    triggers : tuple of str
        Cameras whose trigger cable is in another projector, or in ``none``: ``left-ir-1 right``.
    mirrors : tuple of str
        Groups whose projector shows its picture mirrored.
    lamp : float, optional
        Light of the projectors: with 1 a light skin reaches the rig's ``peak_counts``, and a dark one stays darker.
        Where ``None``, each head is lit so that it reaches them.
    """

    head: Path | None = None
    head_landmarks: Path | None = None
    seed: int = 0
    scale: float = 1.0
    rig: Path = field(default_factory=default_rig_file)
    sex: str | None = None
    age: float | None = None
    identity: tuple[float, ...] | None = None
    tone: int | None = None
    hair: int | None = None
    iris: int | None = None
    pose: float | None = None
    velocity: tuple[float, ...] = (0.0, 0.0, 0.0)
    shift: tuple[float, ...] = (0.0, 0.0, 0.0)
    faults: tuple[str, ...] = ()
    first_id: int | None = None
    target: str = "head"
    board: str = "14x11x15"
    bow: float = 0.0
    assembly: int | None = None
    knocks: tuple[str, ...] = ()
    swaps: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    lamp: float | None = None

    @property
    def pose_spread(self) -> float:
        """How far the head moves from take to take."""
        if self.pose is not None:
            return self.pose
        return 0.0 if self.head else 1.0


def parse_options(options: Mapping[str, Any]) -> Options:
    """Check options that come from a file or a command line.

    Raises
    ------
    UsageError
        One is unknown or wrong; the message names it.
    """
    known = [option.name for option in fields(Options)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(f"the simulated rig has no option {unknown[0]!r}; it has {', '.join(known)}")
    values = {name: value for name, value in options.items() if value is not None}
    for names, convert in (
        (("head", "head_landmarks", "rig"), Path),
        (("sex", "target", "board"), str),
        (("seed", "tone", "hair", "iris", "first_id", "assembly"), int),
        (("scale", "age", "pose", "bow", "lamp"), float),
        (("identity", "velocity", "shift"), _numbers),
        (("faults", "knocks", "swaps", "triggers", "mirrors"), _texts),
    ):
        for name in names:
            _convert(values, name, convert)
    return _checked(Options(**values))


def _texts(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(str(part).strip() for part in parts)


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(float(part) for part in _texts(value))


def _convert(values: dict[str, Any], name: str, convert: Callable[[Any], Any]) -> None:
    if name not in values:
        return
    try:
        values[name] = convert(values[name])
    except (TypeError, ValueError) as error:
        raise UsageError(f"the simulated rig: option {name}: {values[name]!r} cannot be used") from error


def _checked(options: Options) -> Options:
    if not 0.1 <= options.scale <= 1:
        raise UsageError(f"the simulated rig: option scale: {options.scale:g} is not between 0.1 and 1")
    if options.target not in TARGET_KINDS:
        raise UsageError(f"the simulated rig: option target: {options.target!r} is none of {', '.join(TARGET_KINDS)}")
    parse_board(options.board)
    if not 0 <= options.bow <= 5:
        raise UsageError(f"the simulated rig: option bow: {options.bow:g} mm is not between 0 and 5")
    if options.lamp is not None and not 0 < options.lamp <= 1000:
        raise UsageError(f"the simulated rig: option lamp: {options.lamp:g} is not between 0 and 1000")
    if options.first_id is not None and not 1 <= options.first_id <= 65535:
        raise UsageError(f"the simulated rig: option first_id: {options.first_id} is not between 1 and 65535")
    if options.identity is not None and len(options.identity) != _MODES:
        raise UsageError(f"the simulated rig: option identity: {len(options.identity)} weights, {_MODES} are expected")
    for name in ("velocity", "shift"):
        if len(getattr(options, name)) != 3:
            raise UsageError(f"the simulated rig: option {name}: 3 numbers x,y,z are expected, in mm")
    for name in ("head", "head_landmarks"):
        file = cast("Path | None", getattr(options, name))
        if file is not None and not file.is_file():
            raise UsageError(f"the simulated rig: option {name}: {file} is missing")
    if options.head is not None and options.head.suffix.lower() not in (".ply", ".obj"):
        raise UsageError(f"the simulated rig: option head: {options.head} is neither .ply nor .obj")
    if options.head_landmarks is not None:
        if options.head is None:
            raise UsageError("the simulated rig: option head_landmarks needs the option head")
        try:
            marks = read_landmarks(options.head_landmarks)
        except FaceappError as error:
            raise UsageError(f"the simulated rig: option head_landmarks: {error}") from error
        if marks.points.shape[1] != 3:
            raise UsageError(f"the simulated rig: option head_landmarks: {options.head_landmarks} holds 2D points")
    if options.head is None:
        HeadParameters(
            sex=cast(Any, options.sex or "female"),
            age=25.0 if options.age is None else options.age,
            identity=np.zeros(_MODES) if options.identity is None else np.array(options.identity),
            tone=options.tone or 0,
            hair=options.hair or 0,
            iris=options.iris or 0,
        )
    return options
