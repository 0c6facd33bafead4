"""Pictures of a board's poses, taken by all cameras and on the disk before all else."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from faceapp.calibration.detection import Picture, find_boards
from faceapp.calibration.target import BoardTarget
from faceapp.capture.stills import take_stills
from faceapp.core.errors import DataError
from faceapp.core.signals import Reporter
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraSettings
from faceapp.formats.images import read_image, write_png

PICTURES = "pictures"
"""Folder of the pictures beside a calibration."""

NUMBER = re.compile(r"^(\d+)\.(png|tif|tiff|bmp)$")
"""Names of pictures: the number of their pose."""

_BLIND_POSES = 2
"""Poses that nobody need see before it is said that something is wrong."""


def poses_in(folder: Path) -> list[int]:
    """Return the numbers of the poses of which a calibration's folder holds pictures."""
    numbers = set()
    for file in (folder / PICTURES).glob("*/*"):
        match = NUMBER.match(file.name)
        if match and file.parent.is_dir():
            numbers.add(int(match[1]))
    return sorted(numbers)


def take_pose(
    devices: ConnectedRig, folder: Path, number: int, settings: CameraSettings | None = None
) -> dict[str, Path]:
    """Take pictures of the board with all cameras and put them onto the disk.

    Parameters
    ----------
    devices : ConnectedRig
        Open devices.
    folder : Path
        Of the calibration.
    number : int
        Of the pose.
    settings : CameraSettings
        Of the infrared cameras.

    Returns
    -------
    dict of str to Path
        By camera.
    """
    devices.prepare("", "board", number)
    pictures = take_stills(devices, settings)
    files = {name: folder / PICTURES / name / f"{number:04}.png" for name in pictures}
    for name, picture in pictures.items():
        write_png(files[name], picture)
    return files


def take_poses(
    devices: ConnectedRig,
    folder: Path,
    count: int,
    reporter: Reporter,
    ready: Callable[[int], None] | None = None,
    target: BoardTarget | None = None,
) -> None:
    """Take pictures of so many poses; those that lie in the folder already are not taken again.

    Parameters
    ----------
    devices : ConnectedRig
        Open devices.
    folder : Path
        Of the calibration.
    count : int
        Poses in all.
    reporter : Reporter
        Told of progress.
    ready : callable, optional
        Called with the number of each pose before it is taken; waits until somebody holds the board there.
    target : BoardTarget, optional
        What is held: who sees it is told after each pose.

    Raises
    ------
    DataError
        No camera saw the board in the first poses.
    """
    cameras = len(devices.cameras)
    whole = [n for n in poses_in(folder) if len(list((folder / PICTURES).glob(f"*/{n:04}.png"))) == cameras]
    seen_once = bool(whole)
    for number in range(1, count + 1):
        reporter.progress((number - 1) / count, f"pose {number} of {count}")
        if number in whole:
            continue
        if ready is not None:
            ready(number)
        files = take_pose(devices, folder, number)
        if target is not None:
            pictures = [Picture(name, number, partial(read_image, file)) for name, file in files.items()]
            seen = sum(len(view) > 0 for view in find_boards(target, pictures))
            seen_once |= seen > 0
            reporter.progress(number / count, f"pose {number}: {seen} of {cameras} cameras see the board")
            if not seen_once and number >= _BLIND_POSES:
                raise DataError(
                    f"no camera saw the board {target.name} in {number} poses. Is it this board, in the middle of the "
                    f"pictures, lit and without glare? They lie in {folder / PICTURES}"
                )
    reporter.progress(1.0, f"{count} poses taken")
