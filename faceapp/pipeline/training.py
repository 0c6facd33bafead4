"""Trainers: what learns weights, found by entry point ``faceapp.trainers``, for it needs torch, which is an extra."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceapp.core.errors import PluginError, UsageError
from faceapp.core.signals import Reporter

GROUP = "faceapp.trainers"


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What a trainer is asked for.

    Parameters
    ----------
    folder : Path
        Its pictures, checkpoints and, at the end, the weights; what is there already is gone on from.
    pictures : int
        To render before the training begins; 0 takes those of the folder.
    samples : int
        To train on in all, those of earlier runs included.
    seed : int
        Of pictures and training.
    ict : Path or None
        Folder of the ICT model, which does not ship with the program; half of the people have its heads then.
    processes : int
        That render at a time.
    threads : int
        Of torch.
    """

    folder: Path
    pictures: int = 30_000
    samples: int = 2_000_000
    seed: int = 1
    ict: Path | None = None
    processes: int = 1
    threads: int = 1


Trainer = Callable[[TrainingOptions, Reporter], dict[str, Any]]


def get_trainer(name: str) -> Trainer:
    """Return a trainer.

    Raises
    ------
    UsageError
        There is none of that name.
    PluginError
        It cannot be loaded; where torch is missing the message says how to get it.
    """
    entries = {e.name: e for e in importlib.metadata.entry_points(group=GROUP)}
    if name not in entries:
        raise UsageError(f"there is no trainer {name!r}; there are {', '.join(sorted(entries)) or 'none'}")
    try:
        loaded: Trainer = entries[name].load()
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "onnx"):
            raise
        raise PluginError(
            f"training needs {error.name}: pip install 'faceapp[learn]' (the README says which torch is small)"
        ) from error
    return loaded
