"""Anyone's landmark network, described by a mapping file, and MediaPipe's mesh in an environment of its own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import BoolArray, FloatArray, UInt8Array
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks2D, LandmarkScheme, PlacedBy, Visibility
from faceapp.landmarks.face_finder import FaceBox, square_crop
from faceapp.landmarks.mediapipe_process import mediapipe_mesh
from faceapp.landmarks.network_points import shipped_detector
from faceapp.landmarks.onnx_models import Model
from faceapp.landmarks.point_orders import from_mediapipe, point_orders, to_scheme

Colour = Literal["RGB", "BGR", "GREY"]
Layout = Literal["NCHW", "NHWC"]
Form = Literal["coordinates", "heatmaps"]
_KINDS = ("onnx", "mediapipe")


@dataclass(frozen=True, kw_only=True)
class OnnxMapping:
    """How a network of somebody else's wants its picture and what it gives.

    Parameters
    ----------
    model : Path
        ONNX.
    order : str
        Of its points, see `point_orders`.
    width, height : int
        Of its input, pixels.
    colour, layout : str
        Of its input.
    mean, scale : float
        A pixel of 0 to 255 goes in as ``(pixel - mean) * scale``.
    box : float
        Width of the square that it sees over that of the square about the landmarks.
    form : str
        Of its output: x, y of each point in one row, or a map for each point.
    low, high : float
        Coordinates of the middle of the first and last pixel.
    output : str
        Name; the first where empty.
    """

    model: Path
    order: str
    width: int
    height: int
    colour: Colour = "RGB"
    layout: Layout = "NCHW"
    mean: float = 0.0
    scale: float = 1 / 255
    box: float = 1.3
    form: Form = "coordinates"
    low: float = 0.0
    high: float = 1.0
    output: str = ""


@dataclass(frozen=True, kw_only=True)
class MediapipeMapping:
    """Where MediaPipe lives.

    Parameters
    ----------
    python : Path
        Interpreter of the environment that it is installed in.
    model : Path or None
        A ``.task`` file of its face landmarker; without it the mesh that its older packages bring along.
    """

    python: Path
    model: Path | None = None


Mapping = OnnxMapping | MediapipeMapping


def read_mapping(file: Path) -> Mapping:
    """Read a mapping file (TOML); paths in it are from its own folder.

    Raises
    ------
    DataError
        It is missing or a field is; the message names it.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{file} is missing; expected a mapping file (guide: Somebody else's landmark model)") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{file} is no mapping file: {error}") from error
    kind = data.get("kind", "onnx")
    if kind not in _KINDS:
        raise DataError(f"{file}: field kind: {kind!r}; expected {' or '.join(_KINDS)}")
    if kind == "mediapipe":
        model = _get(data, "model", str, file, "")
        python = file.parent / _get(data, "python", str, file)
        return MediapipeMapping(python=python, model=file.parent / model if model else None)
    return _onnx_mapping(data, file)


def _onnx_mapping(data: dict[str, Any], file: Path) -> OnnxMapping:
    into, out = (data.get(name, {}) for name in ("input", "output"))
    if not isinstance(into, dict) or not isinstance(out, dict):
        raise DataError(f"{file}: input and output are tables, [input] and [output]")
    order = _get(data, "order", str, file)
    if order not in point_orders():
        raise DataError(f"{file}: field order: {order!r}; known are {', '.join(point_orders())}")
    size, limits = _get(into, "size", list, file), _get(out, "range", list, file, [0.0, 1.0])
    for name, pair in (("input.size", size), ("output.range", limits)):
        if len(pair) != 2 or not all(isinstance(x, int | float) for x in pair):
            raise DataError(f"{file}: field {name}: two numbers are expected, got {pair}")
    if float(limits[0]) == float(limits[1]) or min(size) < 8:
        raise DataError(f"{file}: input.size {size} or output.range {limits} cannot be")
    return OnnxMapping(
        model=file.parent / _get(data, "model", str, file),
        order=order,
        width=int(size[0]),
        height=int(size[1]),
        colour=_word(into, "colour", Colour, file, "RGB"),
        layout=_word(into, "layout", Layout, file, "NCHW"),
        mean=float(_get(into, "mean", (int, float), file, 0.0)),
        scale=float(_get(into, "scale", (int, float), file, 1 / 255)),
        box=float(_get(into, "box", (int, float), file, 1.3)),
        form=_word(out, "form", Form, file, "coordinates"),
        low=float(limits[0]),
        high=float(limits[1]),
        output=_get(out, "name", str, file, ""),
    )


def _get(data: dict[str, Any], name: str, kind: Any, file: Path, default: Any = None) -> Any:
    if name not in data and default is None:
        raise DataError(f"{file}: field {name} is missing")
    value = data.get(name, default)
    if not isinstance(value, kind):
        raise DataError(f"{file}: field {name}: {value!r} is of the wrong kind")
    return value


def _word(data: dict[str, Any], name: str, words: Any, file: Path, default: str) -> Any:
    value = data.get(name, default)
    if value not in get_args(words):
        raise DataError(f"{file}: field {name}: {value!r}; expected {' or '.join(get_args(words))}")
    return value


def detect_by_mapping(image: UInt8Array, mapping: Mapping, scheme: LandmarkScheme, view: str = "") -> Landmarks2D:
    """Return the points that somebody else's model finds in a picture (H, W, 3), RGB.

    Points that the model does not have are those of the mean shape, bent to it; they count as prefill, the model's own
    as a detector's.

    Raises
    ------
    DataError
        No face, or the model does not give what its mapping says.
    """
    if isinstance(mapping, MediapipeMapping):
        points, held = from_mediapipe(mediapipe_mesh(image, mapping.python, mapping.model)), np.ones(106, bool)
    else:
        boxes = shipped_detector().finder.find(image)
        if not boxes:
            raise DataError("no face was found in the picture")
        points, held = detect_in_box(image, boxes[0], mapping, scheme)
    low, high = points >= -0.5, points <= np.array([image.shape[1], image.shape[0]]) - 0.5
    inside = np.asarray((low & high).all(axis=1)).tolist()
    return Landmarks2D(
        points=points,
        placed_by=tuple(PlacedBy.DETECTOR if h else PlacedBy.PREFILL for h in held.tolist()),
        visibility=tuple(Visibility.VISIBLE if i else Visibility.OUTSIDE for i in inside),
        scheme=scheme.id,
        view=view,
        image_size=(image.shape[1], image.shape[0]),
    )


def detect_in_box(
    image: UInt8Array, box: FaceBox, mapping: OnnxMapping, scheme: LandmarkScheme
) -> tuple[FloatArray, BoolArray]:
    """Return the 106 points (106, 2), pixels, and which of them the model gave itself."""
    side = mapping.box * box.side
    longer = max(mapping.width, mapping.height)
    crop = square_crop(image, box.u, box.v, side, longer)
    left, top = (longer - mapping.width) // 2, (longer - mapping.height) // 2
    crop = crop[top : top + mapping.height, left : left + mapping.width]
    model = Model(mapping.model)
    if mapping.output and mapping.output not in model.output_names:
        raise DataError(f"{mapping.model}: no output {mapping.output!r}; it has {', '.join(model.output_names)}")
    outputs = model.run(_as_input(crop, mapping))
    found = outputs[model.output_names.index(mapping.output)] if mapping.output else outputs[0]
    pixels = _read(found, mapping) + np.array([left, top])
    scale = side / longer
    return to_scheme((pixels - (longer - 1) / 2) * scale + (box.u, box.v), mapping.order, scheme)


def _as_input(crop: UInt8Array, mapping: OnnxMapping) -> npt.NDArray[np.float32]:
    picture: npt.NDArray[Any] = crop
    if mapping.colour == "BGR":
        picture = crop[:, :, ::-1]
    elif mapping.colour == "GREY":
        picture = np.asarray(cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY))[:, :, None]
    values = ((picture.astype(np.float32) - mapping.mean) * mapping.scale)[None]
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if mapping.layout == "NCHW" else values, np.float32)


def _read(found: npt.NDArray[np.float32], mapping: OnnxMapping) -> FloatArray:
    """Return points (n, 2) in pixels of the crop."""
    count, size = len(point_orders()[mapping.order]), np.array([mapping.width, mapping.height], np.float64)
    if mapping.form == "coordinates":
        if found.size != 2 * count:
            raise DataError(f"{mapping.model}: {found.size} numbers come out; {mapping.order} needs {2 * count}")
        share = (found.reshape(count, 2).astype(np.float64) - mapping.low) / (mapping.high - mapping.low)
        return np.asarray(share * (size - 1), np.float64)
    maps = found.reshape(-1, found.shape[-2], found.shape[-1])
    if len(maps) != count:
        raise DataError(f"{mapping.model}: {len(maps)} maps come out; {mapping.order} needs {count}")
    peaks = np.array([_peak(m.astype(np.float64)) for m in maps])
    return np.asarray((peaks + 0.5) * size / (maps.shape[2], maps.shape[1]) - 0.5, np.float64)


def _peak(heat: FloatArray) -> tuple[float, float]:
    """Column and row of the highest place of a map, between its pixels by the mean of those about it."""
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    top, left = max(row - 1, 0), max(column - 1, 0)
    near = np.asarray(np.clip(heat[top : row + 2, left : column + 2], 0, None), np.float64)
    total = float(near.sum())
    if total <= 0:
        return float(column), float(row)
    across, down = near.sum(axis=0), near.sum(axis=1)
    return left + float(across @ np.arange(len(across))) / total, top + float(down @ np.arange(len(down))) / total
