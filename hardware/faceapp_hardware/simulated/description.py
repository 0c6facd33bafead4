"""The simulated rig in figures: what a rig file says, checked once."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.core.errors import DataError, UsageError
from faceapp.core.rig import CameraGroup, CameraModel, ProjectorModel, Rig, Sensor
from faceapp.core.transforms import RigidTransform
from faceapp_resources import path


@dataclass(frozen=True)
class Light:
    """What a surface does with the projector's light, and the camera's lens with what comes back.

    Parameters
    ----------
    field_over_distance : float
        The projector lights ``x = X / Z / field + 0.5`` from 0 to 1.
    gamma : float
        Of the projector.
    blur_sigma_field : float
        Of the fringes, as a share of the field.
    peak_counts : float
        To which the 99.5th percentile of the flood picture of camera 1 is brought.
    ambient_counts : float
        In every frame, times the albedo.
    specular, specular_exponent : float
        Of the highlight.
    reference_mm : float
        Distance at which the falloff is 1.
    lens_blur_px : float
        One sigma.
    rays_per_side : int
        The square root of the rays of a pixel.
    infrared_skin : float
        Albedo of a surface without colours.
    exposure_ms : float
        At which ``peak_counts`` holds.
    """

    field_over_distance: float
    gamma: float
    blur_sigma_field: float
    peak_counts: float
    ambient_counts: float
    specular: float
    specular_exponent: float
    reference_mm: float
    lens_blur_px: float
    rays_per_side: int
    infrared_skin: float
    exposure_ms: float


@dataclass(frozen=True)
class Limits:
    """What the devices can do at most.

    Parameters
    ----------
    camera_period_s, projector_period_s : float
        Shortest time between two frames.
    longest_sequence : int
        Exposures that a projector holds.
    """

    camera_period_s: float
    projector_period_s: float
    longest_sequence: int


@dataclass(frozen=True, eq=False)
class RigDescription:
    """A simulated rig.

    Parameters
    ----------
    rig : Rig
        Its calibration, which is exact.
    light : Light
        What happens between projector and camera.
    limits : Limits
        Of the devices.
    """

    rig: Rig
    light: Light
    limits: Limits


def default_rig_file() -> Path:
    """Return the rig file that comes with the program."""
    return path("rigs", "default.toml")


def read_rig_description(file: Path, scale: float = 1.0) -> RigDescription:
    """Read a rig file.

    Parameters
    ----------
    file : Path
        In the form of ``rigs/default.toml``.
    scale : float
        Of the cameras' pixels a side; the field of view stays.

    Raises
    ------
    UsageError
        It is missing, is not TOML, or lacks a field; the message names it.
    """
    text, data = _read(file)
    identity = hashlib.sha256(text + f" scale {scale:g}".encode()).hexdigest()[:12]
    try:
        groups = tuple(_group(data, name, scale) for name in data["geometry"]["groups"])
        rig = Rig("simulated", groups, f"simulated-{identity}")
        return RigDescription(rig, _light(data), _limits(data.get("timing", {})))
    except KeyError as error:
        raise UsageError(f"the rig file {file} lacks the field {error}; see {default_rig_file()}") from error
    except (DataError, TypeError, ValueError) as error:
        raise UsageError(f"the rig file {file}: {error}") from error


def _read(file: Path, above: tuple[Path, ...] = ()) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes and the fields of a rig file, those of the file that it is based on included."""
    try:
        text = file.read_bytes()
        data = tomllib.loads(text.decode("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"the rig file {file} is missing") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the rig file {file} cannot be read: {error}") from error
    base = data.pop("based_on", None)
    if base is None:
        return text, data
    if not isinstance(base, str) or file.with_name(base) in (file, *above):
        raise UsageError(f"the rig file {file}: field based_on: the name of another rig file beside it is expected")
    below, fields = _read(file.with_name(base), (file, *above))
    return below + text, _merged(fields, data)


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of both, table by table; those above win."""
    found = dict(below)
    for name, value in above.items():
        old = found.get(name)
        found[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return found


def _group(data: Mapping[str, Any], name: str, scale: float) -> CameraGroup:
    poses, sensor = data["poses"][name], data["sensor"]
    white, black = float(sensor["white_level"]), float(sensor["black_level"])
    noise = float(sensor["electrons_per_count"]), float(sensor["read_noise_electrons"])
    if sensor["bits"] != 8 or black != 0:
        raise DataError("the simulated sensor has 8 bits and the black level 0")
    infrared = tuple(
        _camera(data, f"{name}-ir-{i}", f"ir_{i}", poses, scale, Sensor(white, black, *noise)) for i in (1, 2)
    )
    rgb = _camera(data, f"{name}-rgb", "rgb", poses, scale, Sensor(white, black))
    optics = data["projector"]["calibration"]
    model = CameraModel(
        f"{name}-projector",
        int(optics["width"]),
        int(optics["height"]),
        np.array(optics["K"], np.float64),
        np.array(optics["distortion"], np.float64),
        RigidTransform.from_matrix(poses["projector"]),
    )
    return CameraGroup(name, infrared, rgb, ProjectorModel(model.name, model))


def _camera(
    data: Mapping[str, Any], name: str, kind: str, poses: Mapping[str, Any], scale: float, sensor: Sensor
) -> CameraModel:
    camera = data["camera"]
    f, (u, v) = float(camera["focal_px"]), camera["principal_point_px"]
    k = np.array([[f, 0, u], [0, f, v], [0, 0, 1]], np.float64)
    distortion = np.array(camera[f"distortion_{kind}"], np.float64)
    pose = RigidTransform.from_matrix(poses[kind])
    return CameraModel(name, int(camera["width"]), int(camera["height"]), k, distortion, pose, sensor).scaled(scale)


def _light(data: Mapping[str, Any]) -> Light:
    projector, light, camera = data["projector"], data["light"], data["camera"]
    side = round(float(camera["rays_per_pixel"]) ** 0.5)
    if side * side != camera["rays_per_pixel"]:
        raise DataError(f"rays_per_pixel: {camera['rays_per_pixel']} is not a square number")
    return Light(
        field_over_distance=float(projector["field_over_distance"]),
        gamma=float(projector["gamma"]),
        blur_sigma_field=float(projector["blur_sigma_field"]),
        peak_counts=float(light["peak_counts"]),
        ambient_counts=float(light["ambient_counts"]),
        specular=float(light["specular"]),
        specular_exponent=float(light["specular_exponent"]),
        reference_mm=float(data["geometry"]["distance_mm"]),
        lens_blur_px=float(camera["lens_blur_sigma_px"]),
        rays_per_side=side,
        infrared_skin=float(data.get("albedo", {}).get("infrared_skin", 0.75)),
        exposure_ms=float(data.get("timing", {}).get("exposure_ms", 7.0)),
    )


def _limits(timing: Mapping[str, Any]) -> Limits:
    return Limits(
        camera_period_s=float(timing.get("camera_shortest_period_ms", 5.0)) / 1000,
        projector_period_s=float(timing.get("projector_shortest_period_ms", 4.0)) / 1000,
        longest_sequence=int(timing.get("projector_longest_sequence", 64)),
    )
