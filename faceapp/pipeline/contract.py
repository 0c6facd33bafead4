"""The plugin contract: a function of typed input and typed parameters, and the job that it reports to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from faceapp.core.errors import PluginError
from faceapp.pipeline.stages import INPUTS, RESULTS

ATTRIBUTE = "__faceapp_plugin__"


@dataclass(frozen=True)
class Plugin:
    """A registered plugin.

    Parameters
    ----------
    stage : str
        ``mesh``, ``register`` or ``reconstruct``.
    name, version : str
        What it is called and which one it is; a result's key holds both.
    title : str
        For people.
    function : callable
        ``(job, input, parameters) -> result``.
    parameters : type
        A frozen dataclass (see `faceapp.pipeline.parameters`).
    family : str
        Workers are kept warm for each; plugins with the same heavy imports share one.
    """

    stage: str
    name: str
    version: str
    title: str
    function: Callable[..., Any]
    parameters: type
    family: str = "default"


class Job:
    """What a plugin may ask of the program while it runs.

    Parameters
    ----------
    report : callable
        Takes ``(kind, done, text)``.
    scratch : Path
        A folder that goes when the job ends.
    seed : int
        Of `random`.
    """

    def __init__(self, report: Callable[[str, float, str], None], scratch: Path, seed: int = 0) -> None:
        self._report = report
        self.scratch = scratch
        self.seed = seed
        self.random = np.random.default_rng(seed)
        self.device = "cpu"
        self._started = time.perf_counter()

    def progress(self, done: float, text: str) -> None:
        """Say how far the work is, 0 to 1; a job that is cancelled ends here at the latest."""
        self._report("progress", float(done), text)

    def log(self, text: str) -> None:
        """Write a line to the job's log, with the seconds since it began."""
        self._report("log", 0.0, f"{time.perf_counter() - self._started:7.2f} s  {text}")

    def warning(self, text: str) -> None:
        """Say something that the person should know."""
        self._report("warning", 0.0, text)


def plugin(
    *, stage: str, name: str, version: str, title: str = "", family: str = "default"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function a plugin; its annotations are the contract and are checked here.

    Parameters
    ----------
    stage : str
        Of the line.
    name, version, title, family : str
        See `Plugin`.

    Raises
    ------
    PluginError
        The stage is unknown, or the annotations are not those of the stage.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(function)
        result = hints.pop("return", None)
        kinds = list(hints.values())
        if stage not in RESULTS:
            raise PluginError(f"plugin {name}: stage {stage!r} is not one of {', '.join(RESULTS)}")
        if len(kinds) != 3 or kinds[0] is not Job or kinds[1] is not INPUTS[stage] or result is not RESULTS[stage]:
            raise PluginError(
                f"plugin {name}: a {stage} plugin is a function (job: Job, input: {INPUTS[stage].__name__}, "
                f"parameters: a frozen dataclass) -> {RESULTS[stage].__name__}"
            )
        if not (isinstance(kinds[2], type) and is_dataclass(kinds[2])):
            raise PluginError(f"plugin {name}: its parameters must be a frozen dataclass, got {kinds[2]}")
        made = Plugin(stage, name, version, title or name, function, kinds[2], family)
        setattr(function, ATTRIBUTE, made)
        return function

    return register
