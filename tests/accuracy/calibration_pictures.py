"""Pictures of boards as the simulated rig's cameras take them, without its process; the truth is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from faceapp.calibration.detection import BoardDetector
from faceapp.calibration.observations import BoardView, CameraSeat
from faceapp.calibration.target import BoardTarget
from faceapp.core.arrays import UInt8Array
from faceapp.core.rig import CameraModel, Rig
from faceapp_hardware.simulated import kernels
from faceapp_hardware.simulated.assembly import assembled
from faceapp_hardware.simulated.boards import PlacedBoard, blurred, board_pose, bowed, print_seen, window_of
from faceapp_hardware.simulated.description import default_rig_file, read_rig_description

_NORMAL = ndtri((np.arange(65536) + 0.5) / 65536).astype(np.float32)
_SENSOR = (39.215686, 5.0, 255.0)
_STEEPEST_DEG = 72.0


@dataclass(frozen=True)
class BuiltRig:
    """A rig as a workshop built it, and the board before it."""

    rig: Rig
    drawn: Rig
    target: BoardTarget
    seed: int
    bow_mm: float

    @property
    def seats(self) -> list[CameraSeat]:
        return [
            CameraSeat(c.name, g.name, "rgb" if g.rgb is not None and c.name == g.rgb.name else "ir")
            for g in self.rig.groups
            for c in g.cameras
        ]

    def board(self, number: int) -> PlacedBoard:
        return PlacedBoard(self.target, board_pose(self.seed, number), bowed(self.target, self.bow_mm, self.seed))


def built_rig(seed: int, bow_mm: float, target: BoardTarget = BoardTarget()) -> BuiltRig:  # noqa: B008 (frozen)
    drawn = read_rig_description(default_rig_file()).rig
    return BuiltRig(assembled(drawn, seed), drawn, target, seed, bow_mm)


def sees(camera: CameraModel, board: PlacedBoard) -> bool:
    way = camera.centre - board.rig_from_board.translation
    facing = -(way / np.linalg.norm(way)) @ board.rig_from_board.rotation[:, 2]
    return bool(facing > np.cos(np.radians(_STEEPEST_DEG)))


def picture(camera: CameraModel, board: PlacedBoard, rng: np.random.Generator) -> UInt8Array:
    """Rendered, through the lens, with the noise of the sensor, in a light of some strength."""
    left, top, width, height = window_of(camera, board)
    light = np.zeros((camera.height, camera.width), np.float32)
    if width:
        light[top : top + height, left : left + width] = print_seen(camera, board, (left, top, width, height))[0]
    light = blurred(light, 0.5)
    frame = np.empty(light.shape, np.uint8)
    gain = 235 * rng.uniform(0.6, 1.0)
    kernels.add_noise(light, np.zeros_like(light), gain, 0.0, _SENSOR, _NORMAL, int(rng.integers(2**62)), frame)
    return frame


def board_views(built: BuiltRig, numbers: range, rig: Rig | None = None) -> list[BoardView]:
    """Render every picture that shows the board, and find the board in it."""
    rig = rig or built.rig
    jobs = [(c, n) for n in numbers for c in rig.cameras if sees(c, built.board(n))]

    def work(portion: list[tuple[CameraModel, int]]) -> list[BoardView]:
        detector = BoardDetector(built.target)
        found = []
        for camera, number in portion:
            rng = np.random.default_rng(
                [built.seed, number, len(camera.name), ord(camera.name[-1]), ord(camera.name[0])]
            )
            found.append(detector.find(camera.name, number, picture(camera, built.board(number), rng)))
        return found

    with ThreadPoolExecutor(2) as pool:
        return [view for part in pool.map(work, [jobs[0::2], jobs[1::2]]) for view in part]
