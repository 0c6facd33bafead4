"""Weights learnt on pictures that the program renders itself."""

from __future__ import annotations

from typing import Any

from faceapp.core.errors import UsageError
from faceapp.core.signals import Reporter
from faceapp.pipeline.training import TrainingOptions, get_trainer


def train_weights(name: str, options: TrainingOptions, reporter: Reporter | None = None) -> dict[str, Any]:
    """Train what a trainer of that name trains; goes on from what lies in the folder.

    Parameters
    ----------
    name : str
        ``landmarks``.
    options : TrainingOptions
        Where and how long.
    reporter : Reporter, optional
        Told of progress.

    Returns
    -------
    dict
        Figures of the weights.

    Raises
    ------
    UsageError
        A number is out of range, or there is no such trainer.
    """
    for field, value, least in (
        ("--pictures", options.pictures, 0),
        ("--samples", options.samples, 1),
        ("--processes", options.processes, 1),
        ("--threads", options.threads, 1),
    ):
        if value < least:
            raise UsageError(f"{field} {value}: at least {least} is expected")
    return get_trainer(name)(options, reporter or Reporter())
