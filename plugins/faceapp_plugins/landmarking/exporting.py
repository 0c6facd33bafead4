"""Trained networks as ONNX files that the program runs without torch."""

from __future__ import annotations

import io
import json
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from faceapp.core.arrays import UInt8Array
from faceapp.core.errors import DataError
from faceapp.formats.atomic import write_bytes
from faceapp_plugins.landmarking.network import FINDER_PX, INPUT_PX, FinderNetwork, LandmarkNetwork

_LARGE = 1024
"""Weights of fewer numbers stay as they are."""


class _Whole(nn.Module):  # type: ignore[misc]
    """Takes pictures as they are in memory: (B, H, W, 3) uint8."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        return self.network(pictures.float().permute(0, 3, 1, 2) / 127.5 - 1.0)


def export_rough(network: Path, crops: Iterable[UInt8Array], file: Path) -> None:
    """Write a network in whole numbers of 8 bits: less than half the time, and good enough to cut a face out by.

    Parameters
    ----------
    network : Path
        From `export`.
    crops : iterable of (B, 112, 112, 3) uint8
        What it will see: they tell how large its numbers get.
    file : Path
        To write.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepared, made = Path(folder, "prepared.onnx"), Path(folder, "made.onnx")
        quant_pre_process(str(network), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(made),
            _Shown(crops),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add"],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,  # else processors without VNNI overflow
        )
        write_bytes(file, made.read_bytes())


def _halve(model: onnx.ModelProto) -> None:
    """Keep weights in 16 bits; they are made 32 when the file is loaded, and places differ by a ten-thousandth."""
    casts = []
    for weights in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.size < _LARGE:
            continue
        name = weights.name
        weights.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.cast", to=onnx.TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)


class _Shown(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, crops: Iterable[UInt8Array]) -> None:
        self._crops = iter(crops)

    def get_next(self) -> dict[str, UInt8Array] | None:
        crops = next(self._crops, None)
        return None if crops is None else {"pictures": crops}


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
    _halve(made)
    about = {"schema": f"faceapp/{network}-network", "samples": str(state["samples"]), **(notes or {})}
    for key, value in about.items():
        entry = made.metadata_props.add()
        entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value)
    write_bytes(file, made.SerializeToString())
    return int(state["samples"])
