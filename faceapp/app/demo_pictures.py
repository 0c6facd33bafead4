"""Pictures of each step of the demonstration, and one sheet of them all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from faceapp.app.capturing import Capture
from faceapp.app.jobs import worker_pool
from faceapp.core.arrays import UInt8Array
from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.core.signals import Reporter
from faceapp.formats.images import read_image, write_png
from faceapp.formats.ply import read_cloud, read_mesh, read_ply
from faceapp.render.distance import colour_table

_THIN = 400_000
"""Points in a picture of a cloud: more do not show."""


def write_pictures(folder: Path, captured: Capture, results: Path, reporter: Reporter) -> list[Path]:
    """Write ``pictures/NN-step.png`` and ``00-contact-sheet.png``.

    Parameters
    ----------
    folder : Path
        Where to.
    captured : Capture
        Frames and phases, still in memory.
    results : Path
        The demonstration's folder with ``fused.ply``, ``mesh.ply`` and so on.
    reporter : Reporter
        Told of progress.
    """
    reporter.progress(0.0, "drawing the pictures")
    cloud, mesh = read_cloud(results / "fused.ply"), read_mesh(results / "mesh.ply")
    registered = read_ply(results / "registered.ply")
    surface = read_mesh(results / "registered.ply")
    run = next(iter(results.glob("project/subjects/*/*/runs/reconstruct-*")))
    frames = _frames(captured)
    pictures: list[tuple[str, str, UInt8Array | str, tuple[object, ...]]] = [
        ("frames", "fringes, wrapped phase, modulation", frames, ()),
        ("photographs", "photographs with landmarks, face over them", read_image(run / "overlay.png"), ()),
        ("groups", "three clouds: right, middle, left", "cloud_views", (_thinned(cloud), "group")),
        ("cloud", "fused cloud", "cloud_views", (_thinned(cloud), "colour")),
        ("mesh", "mesh", "mesh_views", (mesh, None)),
        ("registered", "template on the scan", "mesh_views", (Mesh(surface.vertices, surface.faces), None)),
        ("distance", "distance to the scan, -0.6 to 0.6 mm", "mesh_views", (surface, registered.vertex["distance"])),
        (
            "reconstruction",
            "face from the photographs",
            "mesh_views",
            (read_mesh(results / "reconstruction.ply"), None),
        ),
    ]
    written: list[Path] = []
    tiles: list[UInt8Array] = []
    for i, (name, caption, what, arguments) in enumerate(pictures, start=1):
        reporter.progress(i / (len(pictures) + 1), f"drawing {caption}")
        image = (
            what if isinstance(what, np.ndarray) else worker_pool().call(f"faceapp.render.journey:{what}", *arguments)
        )
        write_png(folder / f"{i:02d}-{name}.png", image)
        written.append(folder / f"{i:02d}-{name}.png")
        tiles.append(image)
    captions = [f"{i}  {p[1]}" for i, p in enumerate(pictures, start=1)]
    sheet = worker_pool().call("faceapp.render.journey:sheet", tiles, captions)
    write_png(folder / "00-contact-sheet.png", sheet)
    return [folder / "00-contact-sheet.png", *written]


def _thinned(cloud: PointCloud) -> PointCloud:
    return cloud.select(np.arange(0, len(cloud), max(len(cloud) // _THIN, 1)))


def _frames(captured: Capture) -> UInt8Array:
    """Of each group: a frame of the finest fringes, the wrapped phase, the modulation."""
    rows = []
    for name, capture in captured.groups.items():
        scan = captured.decoded.scans[name]
        camera = scan.phases[0].camera
        stack = capture.stacks[camera]
        finest = stack.sequence.steps(stack.sequence.frequencies[-1])[0]
        frame = np.repeat((stack.frames[finest] >> (8 if stack.frames.dtype == np.uint16 else 0))[..., None], 3, axis=2)
        phase = scan.phases[0].wrapped_phase
        turns = np.nan_to_num((phase + np.pi) / (2 * np.pi) * 255).astype(np.uint8)
        wheel = np.where(np.isfinite(phase)[..., None], colour_table("romaO")[turns], 20)
        modulation = scan.phases[0].modulation
        strength = np.clip(modulation / max(float(np.percentile(modulation, 99.5)), 1e-6) * 255, 0, 255).astype(
            np.uint8
        )
        rows.append(
            np.concatenate([frame.astype(np.uint8), wheel.astype(np.uint8), colour_table("grayC")[strength]], axis=1)
        )
    return np.concatenate([row[::2, ::2] for row in rows])
