"""What is held before the simulated cameras instead of a head: the board, a plane, a ball bar; with its truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from faceapp.calibration.target import BoardTarget
from faceapp.core.arrays import FloatArray
from faceapp.core.mesh import Mesh
from faceapp_hardware.simulated.boards import PlacedBoard, board_pose, bowed
from faceapp_hardware.simulated.heads import Surface

BALL_MM, BAR_MM = 38.1, 150.0
"""Diameter of the balls, distance of their centres."""

_PLANE_MM = (260.0, 220.0)
_GREY, _WHITE = 170, 230
_RINGS, _SECTORS = 96, 192


@dataclass(frozen=True, eq=False)
class HeldTarget:
    """A target as it is held.

    Parameters
    ----------
    surface : Surface
        Of the renderer.
    board : PlacedBoard or None
        Where it is one.
    truth : dict
        JSON values.
    """

    surface: Surface
    board: PlacedBoard | None
    truth: dict[str, Any]


def held_target(kind: str, target: BoardTarget, bow_mm: float, seed: int, number: int) -> HeldTarget:
    """Return the target of take ``number``; the same seed holds it the same way."""
    pose = board_pose(seed, number)
    truth: dict[str, Any] = {"target": kind, "rig_from_target": pose.matrix.tolist()}
    if kind == "board":
        board = PlacedBoard(target, pose, bowed(target, bow_mm, seed))
        truth |= {
            "columns": target.columns,
            "rows": target.rows,
            "square_mm": target.square_mm,
            "bow_mm": bow_mm,
            "shape": board.shape.tolist(),
        }
        return HeldTarget(_board_surface(board), board, truth)
    if kind == "plane":
        flat = PlacedBoard(BoardTarget(3, 3, max(_PLANE_MM) / 3), pose)
        return HeldTarget(_grid(flat, np.array(_PLANE_MM) / 2, _GREY), None, truth | {"size_mm": list(_PLANE_MM)})
    centres = pose.apply([[-BAR_MM / 2, 0, 0], [BAR_MM / 2, 0, 0]])
    truth |= {"centres": centres.tolist(), "diameter_mm": BALL_MM, "distance_mm": BAR_MM}
    return HeldTarget(_balls(centres), None, truth)


def _board_surface(board: PlacedBoard) -> Surface:
    return _grid(board, board.half_mm, _WHITE)


def _grid(board: PlacedBoard, half: FloatArray, grey: int) -> Surface:
    across, down = np.linspace(-half[0], half[0], 49), np.linspace(-half[1], half[1], 41)
    places = np.stack(np.meshgrid(across, down), axis=-1)
    vertices = board.surface_points(places).reshape(-1, 3)
    wide = len(across)
    first = (np.arange(len(down) - 1)[:, None] * wide + np.arange(wide - 1)).ravel()
    # Seen from the front, where z of the board points away, columns run right and rows down.
    faces = np.concatenate(
        [np.stack([first, first + wide, first + 1], 1), np.stack([first + 1, first + wide, first + wide + 1], 1)]
    )
    return _plain(vertices, faces, grey)


def _balls(centres: FloatArray) -> Surface:
    polar = np.linspace(0, np.pi, _RINGS + 1)[:, None]
    around = np.arange(_SECTORS) * (2 * np.pi / _SECTORS)
    unit = np.stack(
        [np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar) * np.ones_like(around)], axis=-1
    ).reshape(-1, 3)
    row, column = np.meshgrid(np.arange(_RINGS), np.arange(_SECTORS), indexing="ij")
    a, b = row * _SECTORS + column, row * _SECTORS + (column + 1) % _SECTORS
    faces = np.concatenate(
        [
            np.stack([a, a + _SECTORS, b], axis=-1).reshape(-1, 3),
            np.stack([b, a + _SECTORS, b + _SECTORS], axis=-1).reshape(-1, 3),
        ]
    )
    vertices = np.concatenate([c + BALL_MM / 2 * unit for c in centres])
    return _plain(vertices, np.concatenate([faces, faces + len(unit)]), _GREY)


def _plain(vertices: FloatArray, faces: np.ndarray, grey: int) -> Surface:
    count = len(vertices)
    colours = np.full((count, 3), grey, np.uint8)
    mesh = Mesh(vertices.astype(np.float32), faces.astype(np.int32))
    mesh = Mesh(mesh.vertices, mesh.faces, mesh.vertex_normals(), colours)
    albedo = np.full(count, grey / 255, np.float32)
    return Surface(mesh, albedo, np.zeros(count, np.float32), None)
