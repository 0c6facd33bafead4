"""Training: resumed where it stopped, stopped without loss, exported as what the program runs. Needs torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceapp.core.errors import Cancelled
from faceapp.core.signals import Progress, Reporter
from faceapp.landmarks.onnx_models import Model
from faceapp.pipeline.training import TrainingOptions, get_trainer
from faceapp_plugins.landmarking.crops import Recipe, write_shard

torch = pytest.importorskip("torch", reason="training needs torch (pip install 'faceapp[learn]')")


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crops")
    write_shard(folder, Recipe(seed=2, people=3), 0)
    return folder


def plan(crops: Path, run: Path, samples: int, network: str = "landmarks"):  # type: ignore[no-untyped-def]
    from faceapp_plugins.landmarking.training import Plan

    return Plan(crops, run, samples, batch=4, network=network, low_precision=False, fall=0.25)


@pytest.mark.parametrize("network", ["landmarks", "finder"])
def test_a_stopped_training_ends_where_an_unbroken_one_does(crops: Path, tmp_path: Path, network: str) -> None:
    from faceapp_plugins.landmarking import training

    whole = training.train(plan(crops, tmp_path / "whole", 32, network), lambda *_: None)

    class Stopping(training.Trainer):
        def step(self, batch: tuple) -> float:  # type: ignore[type-arg]
            if self.samples == 16:
                raise Cancelled("stopped")
            return super().step(batch)

    original, training.Trainer = training.Trainer, Stopping  # type: ignore[misc]
    try:
        with pytest.raises(Cancelled):
            training.train(plan(crops, tmp_path / "broken", 32, network), lambda *_: None)
    finally:
        training.Trainer = original  # type: ignore[misc]
    resumed = training.train(plan(crops, tmp_path / "broken", 32, network), lambda *_: None)
    assert resumed.samples == whole.samples == 32
    for name, value in whole.average.items():
        torch.testing.assert_close(resumed.average[name], value, rtol=1e-4, atol=1e-6)


def test_a_longer_plan_goes_on_from_before_the_rate_fell(crops: Path, tmp_path: Path) -> None:
    from faceapp_plugins.landmarking import training

    training.train(plan(crops, tmp_path, 32), lambda *_: None)
    longer = training.Trainer(plan(crops, tmp_path, 64))
    assert longer.resume()
    assert longer.samples == 24
    assert longer.rate() > 0


def test_a_plan_made_shorter_goes_on_from_where_a_longer_one_stopped(crops: Path, tmp_path: Path) -> None:
    """Its rate had not fallen there, whatever an earlier training left beside it."""
    from faceapp_plugins.landmarking import training

    training.train(plan(crops, tmp_path, 32), lambda *_: None)
    longer = training.Trainer(plan(crops, tmp_path, 400))
    assert longer.resume() and longer.samples == 24
    longer.samples = 160
    longer.save(longer.checkpoint)
    shorter = training.Trainer(plan(crops, tmp_path, 320))
    assert shorter.resume() and shorter.samples == 160
    too_short = training.Trainer(plan(crops, tmp_path, 200))
    assert too_short.resume() and too_short.samples == 24  # its rate had fallen at 150 already


def test_the_command_makes_weights_that_the_program_runs(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    import faceapp_plugins.landmarking.trainer as trainer

    said: list[float] = []
    reporter = Reporter(lambda event: said.append(event.done) if isinstance(event, Progress) else None)
    before = trainer._PEOPLE, trainer._CALIBRATION_PEOPLE
    trainer._PEOPLE, trainer._CALIBRATION_PEOPLE = 2, 2
    try:
        options = TrainingOptions(folder=tmp_path, pictures=10, samples=64, seed=3)
        figures = get_trainer("landmarks")(options, reporter)
    finally:
        trainer._PEOPLE, trainer._CALIBRATION_PEOPLE = before
    assert figures["shards"] == 1
    assert figures["samples"] == 64
    points = Model(tmp_path / "landmarks106.onnx")
    assert points.output_names == ("places", "log_sigma", "seen")
    pictures = np.random.default_rng(0).integers(0, 255, (2, 112, 112, 3)).astype(np.uint8)
    places = points.run(pictures)[0]
    assert places.shape == (2, 106, 2)
    rough = tmp_path / "landmarks106-rough.onnx"
    assert rough.stat().st_size < 1_250_000
    assert 0 < np.abs(Model(rough).run(pictures)[0] - places).max() < 0.1
    assert Model(tmp_path / "face-finder.onnx").run(np.zeros((1, 128, 128, 3), np.uint8))[0].shape == (1, 4, 16, 16)
    assert said
