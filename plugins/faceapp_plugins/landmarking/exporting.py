"""Trained networks as ONNX files that the program runs without torch."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from faceapp.core.errors import DataError
from faceapp.formats.atomic import write_bytes
from faceapp_plugins.landmarking.network import FINDER_PX, INPUT_PX, FinderNetwork, LandmarkNetwork


class _Whole(nn.Module):  # type: ignore[misc]
    """Takes pictures as they are in memory: (B, H, W, 3) uint8."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        return self.network(pictures.float().permute(0, 3, 1, 2) / 127.5 - 1.0)


def export(checkpoint: Path, network: str, file: Path, notes: dict[str, str] | None = None) -> int:
    """Write the averaged weights of a checkpoint as ONNX; returns the samples it was trained on.

    Parameters
    ----------
    network : {"landmarks", "finder"}
        Which.
    notes : dict of str to str, optional
        Kept in the file.

    Raises
    ------
    DataError
        There is no checkpoint.
    """
    if not checkpoint.is_file():
        raise DataError(f"{checkpoint} is missing; train first")
    state = torch.load(checkpoint, weights_only=True)
    model: nn.Module = LandmarkNetwork() if network == "landmarks" else FinderNetwork()
    model.load_state_dict(state["average"])
    names = ["places", "log_sigma", "seen"] if network == "landmarks" else ["cells"]
    size = INPUT_PX if network == "landmarks" else FINDER_PX
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter needs one more package and gives the same network.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            _Whole(model).eval(),
            (torch.zeros(1, size, size, 3, dtype=torch.uint8),),
            buffer,
            input_names=["pictures"],
            output_names=names,
            dynamic_axes={n: {0: "batch"} for n in ("pictures", *names)},
            opset_version=17,
            dynamo=False,
        )
    made = onnx.load_model_from_string(buffer.getvalue())
    about = {"schema": f"faceapp/{network}-network", "samples": str(state["samples"]), **(notes or {})}
    for key, value in about.items():
        entry = made.metadata_props.add()
        entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value)
    write_bytes(file, made.SerializeToString())
    return int(state["samples"])
