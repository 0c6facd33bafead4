"""Networks that ship with the program or that the user has, run by onnxruntime on one thread."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import faceapp_resources
from faceapp.core.errors import DataError


class Model:
    """One network.

    Parameters
    ----------
    file : Path
        ONNX, with one input.

    Raises
    ------
    DataError
        It is missing or damaged.
    """

    def __init__(self, file: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if not file.is_file():
            raise DataError(f"{file} is missing")
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own tree of exceptions is not public
            raise DataError(f"{file} is not a network that onnxruntime can run: {error}") from error
        self._input = self._session.get_inputs()[0].name
        self.input_shape: tuple[int | str, ...] = tuple(self._session.get_inputs()[0].shape)
        self.output_names: tuple[str, ...] = tuple(o.name for o in self._session.get_outputs())

    @property
    def notes(self) -> Mapping[str, str]:
        """What the file says of itself."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, batch: npt.NDArray[Any]) -> list[npt.NDArray[np.float32]]:
        """Return the outputs for an input batch."""
        return [np.asarray(x) for x in self._session.run(None, {self._input: batch})]


@functools.cache
def shipped_model(name: str) -> Model:
    """Return a network of the program's resources, loaded once a process.

    Parameters
    ----------
    name : {"face-finder", "landmarks106", "landmarks106-rough"}
        Which.

    Raises
    ------
    DataError
        It is missing; the installation is damaged.
    """
    return Model(faceapp_resources.path("networks", f"{name}.onnx"))
