"""From nothing to weights: render people, train both networks, measure sigma on unseen people, export."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import numpy as np

from faceapp.core.errors import Cancelled
from faceapp.core.signals import Reporter
from faceapp.formats.atomic import write_json
from faceapp.landmarks.network_points import LandmarkDetector
from faceapp.landmarks.onnx_models import Model
from faceapp.pipeline.training import TrainingOptions
from faceapp_plugins.landmarking.crops import Recipe, person_crops, shard_file, shards_in, write_shard
from faceapp_plugins.landmarking.exporting import export, export_rough
from faceapp_plugins.landmarking.training import Crops, Plan, train

_PEOPLE = 100
_CROPS_OF_ONE = 5
_FINDER_SHARE = 0.2
_CALIBRATION_PEOPLE = 80
_ROUGH_BATCHES = 16
_CALIBRATION_SEED_STEP = 50_000
_SHARES = (0.45, 0.9, 0.98)


def train_landmarks(options: TrainingOptions, reporter: Reporter) -> dict[str, Any]:
    """Return figures of the weights that now lie in the folder.

    They are ``landmarks106.onnx``, the same in whole numbers as ``landmarks106-rough.onnx``, and ``face-finder.onnx``.
    Rendering and training each go on from what is there; an interrupt loses a shard or no step at all.
    """
    recipe = Recipe(options.seed, _PEOPLE, options.ict)
    rendering = _SHARES[0] if options.pictures else 0.0
    with reporter.part(0, rendering):
        render(options, recipe, reporter)
    run = options.folder / "run"
    plan = Plan(options.folder / "crops", run, options.samples, seed=options.seed, threads=options.threads)
    with reporter.part(rendering, _SHARES[1]):
        train(plan, reporter.progress)
    finder = replace(plan, network="finder", samples=int(_FINDER_SHARE * options.samples), fall=0.4)
    with reporter.part(_SHARES[1], _SHARES[2]):
        train(finder, reporter.progress)
    return export_weights(options, reporter)


def render(options: TrainingOptions, recipe: Recipe, reporter: Reporter) -> None:
    """Render the shards that are missing, several at a time."""
    folder = options.folder / "crops"
    count = -(-options.pictures // (_PEOPLE * _CROPS_OF_ONE))
    missing = [k for k in range(count) if not shard_file(folder, k).is_file()]
    with _pool(options.processes) as pool:
        waiting: set[Future[bool]] = {pool.submit(write_shard, folder, recipe, k) for k in missing}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                there = count - len(waiting)
                reporter.progress(there / count, f"{there} of {count} shards rendered")
        except (KeyboardInterrupt, Cancelled):
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    # One thread a process: many small pictures are faster side by side than one after the other on all cores.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield pool


def export_weights(options: TrainingOptions, reporter: Reporter) -> dict[str, Any]:
    """Write both networks beside the checkpoints, the landmarks' sigma put right on people whom no training saw."""
    run, out = options.folder / "run", options.folder
    finder, points, rough = (out / f"{name}.onnx" for name in ("face-finder", "landmarks106", "landmarks106-rough"))
    seen_faces = export(run / "finder.pt", "finder", finder)
    samples = export(run / "landmarks.pt", "landmarks", points)
    reporter.progress(0.985, "measuring sigma on unseen people")
    export_rough(points, Crops(out / "crops").some_pictures(_ROUGH_BATCHES, options.seed), rough)
    correction, error = calibrate(LandmarkDetector(Model(finder), Model(points), Model(rough)), options)
    if error is None:
        reporter.warning("no face of an unseen person is found; train longer (--samples)")
    notes = {"sigma_correction": f"{correction:.4f}", "seed": str(options.seed), "ict": str(options.ict is not None)}
    export(run / "landmarks.pt", "landmarks", points, notes)
    figures = {
        "samples": samples,
        "finder_samples": seen_faces,
        "shards": len(shards_in(out / "crops")),
        "sigma_correction": correction,
        "error_percent": error,
    }
    write_json(out / "training.json", figures)
    for file in (points, rough, finder):
        reporter.artifact(file, "onnx")
    return figures


def calibrate(detector: LandmarkDetector, options: TrainingOptions) -> tuple[float, float | None]:
    """Return the factor of sigma that makes it honest on unseen people, and their mean error in per cent.

    1 and ``None`` where no face is found at all, for it was trained too briefly.
    """
    recipe = Recipe(options.seed + _CALIBRATION_SEED_STEP, ict=options.ict)
    squared, errors = [], []
    for person in range(_CALIBRATION_PEOPLE):
        for kind, crop in person_crops(recipe, 0, person):
            guess = detector.detect(crop.image) if kind in ("own", "ict") else None
            if guess is None:
                continue
            off = np.linalg.norm(guess.points - crop.points, axis=1)
            squared.append(np.mean(0.5 * (off / guess.sigma) ** 2))
            errors.append(np.mean(100 * off / crop.scale))
    if not squared:
        return 1.0, None
    # Without the worst in fifty: a face that was mistaken for something else would make all others look unsure.
    usual = np.sort(squared)[: max(int(0.98 * len(squared)), 1)]
    return float(np.sqrt(usual.mean())), float(np.mean(errors))
