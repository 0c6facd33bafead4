"""What the simulated cameras will see next: rendered ahead, noise fresh for each burst. World side only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from faceapp.calibration.target import parse_board
from faceapp.core.arrays import Float32Array, FloatArray, UInt8Array
from faceapp.core.mesh import Mesh
from faceapp.core.rig import CameraGroup, CameraModel
from faceapp.core.sequence import FringeSequence, multi_frequency
from faceapp_hardware.simulated import kernels
from faceapp_hardware.simulated.assembly import parse_mirrors, parse_swaps, parse_triggers
from faceapp_hardware.simulated.board_rendering import BoardRenderer
from faceapp_hardware.simulated.description import RigDescription
from faceapp_hardware.simulated.exchange import LIVE_SHRINK
from faceapp_hardware.simulated.heads import HeadSource, Surface
from faceapp_hardware.simulated.motion import Motion, moving_exposures, seen_from
from faceapp_hardware.simulated.options import Options
from faceapp_hardware.simulated.photographs import photograph, with_noise
from faceapp_hardware.simulated.rendering import LitView, Renderer, mean_of_rays
from faceapp_hardware.simulated.target_surfaces import held_target

_THREADS = 2
_PEAK_PERCENTILE = 99.5
_LIT = 0.02
_LIGHT_SKIN = 0.9
"""Of the flood light, the 99.5th percentile of the lightest head."""
_NORMAL = ndtri((np.arange(65536) + 0.5) / 65536).astype(np.float32)


@dataclass(frozen=True)
class _Shot:
    """What frames were exposed with: exposure in ms, gain in dB, and which share of its light the projector gives."""

    exposure_ms: float
    gain_db: float = 0.0
    brightness: float = 1.0


@dataclass(eq=False)
class _InfraredView:
    """One infrared camera before one scene."""

    view: LitView
    sequence: FringeSequence
    light: Float32Array
    flood: Float32Array
    gain: float = 0.0
    frames: UInt8Array | None = None
    shot: _Shot | None = None


@dataclass(eq=False)
class _Scene:
    """One take before the cameras."""

    key: tuple[str, str, int]
    renderer: Renderer
    truth: dict[str, Any] = field(default_factory=dict)
    infrared: dict[str, _InfraredView] = field(default_factory=dict)
    photographs: dict[str, Float32Array] = field(default_factory=dict)
    colour_frames: dict[str, UInt8Array] = field(default_factory=dict)


class Studio:
    """Prepares the frames of every camera.

    Parameters
    ----------
    options : Options
        Whose heads, which chance.
    description : RigDescription
        Cameras and light.

    Notes
    -----
    All methods are called from one thread.
    """

    def __init__(self, options: Options, description: RigDescription) -> None:
        self._description, self._options = description, options
        self._source = HeadSource(options, description.light.infrared_skin)
        self._scene: _Scene | None = None
        names = [c.name for c in description.rig.cameras]
        self._rngs = {name: np.random.default_rng([options.seed, 1, i]) for i, name in enumerate(names)}
        self._sequences = {g.name: multi_frequency() for g in description.rig.groups}
        self._shots = dict.fromkeys(names, _Shot(description.light.exposure_ms))
        self._motion = Motion(options.velocity, options.shift)
        groups = description.rig.groups
        self._displacements = {g.name: self._motion.of_group(i, len(groups)) for i, g in enumerate(groups)}
        self._groups = {c.name: g for g in description.rig.groups for c in g.cameras}
        self._lit_by = self._lights()
        self._mirrored = parse_mirrors(options.mirrors, description.rig)

    def _lights(self) -> dict[str, CameraGroup]:
        """Whose light a camera sees in its bursts: that of the projector that triggers it, under whatever name."""
        rig, options = self._description.rig, self._options
        swaps, wired = parse_swaps(options.swaps, rig), parse_triggers(options.triggers, rig)
        lights = dict(self._groups)
        for name, group in wired.items():
            if group != "none":
                lights[swaps.get(name, name)] = rig.group(group)
        return lights

    def warm_up(self) -> None:
        """Do once, on a speck, what is slow the first time: compile, load the head."""
        corners = 40 * np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]], np.float32)
        mesh = Mesh(corners, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32))
        colours = np.full((4, 3), 128, np.uint8)
        mesh = Mesh(mesh.vertices, mesh.faces, mesh.vertex_normals(), colours)
        speck = Surface(mesh, np.full(4, 0.5, np.float32), np.zeros(4, np.float32), None)
        renderer = Renderer(speck, self._description.light)
        group = self._description.rig.groups[0]
        tiny = group.infrared[0].scaled(32 / group.infrared[0].width)
        if group.projector.optics is not None:
            seen = renderer.lit_view(tiny, group.projector.optics)
            sequence = multi_frequency()
            light = renderer.exposures(seen, sequence)
            self._expose(_InfraredView(seen, sequence, light, light[0]), tiny, _Shot(1.0))
        photograph(renderer, tiny)
        self._source.warm_up()

    @property
    def renderer(self) -> Renderer | None:
        """Of the scene before the cameras."""
        return None if self._scene is None else self._scene.renderer

    @property
    def target_truth(self) -> dict[str, Any]:
        """What is known of a target before the cameras; empty for a head."""
        return {} if self._scene is None else self._scene.truth

    def prepare(self, subject: str, expression: str, take: int) -> None:
        """Seat the subject and render all frames; the same again needs fresh noise only."""
        seated_alike = self._options.target == "head" and self._options.pose_spread == 0
        key = (subject, expression, 1 if seated_alike else take)
        if self._scene is None or self._scene.key != key:
            self._scene = self._seated(key)
        self.refresh()

    def _seated(self, key: tuple[str, str, int]) -> _Scene:
        light, options = self._description.light, self._options
        if options.target == "head":
            return _Scene(key, Renderer(self._source.surface(*key), light))
        held = held_target(options.target, parse_board(options.board), options.bow, options.seed, key[2] - 1)
        if held.board is None:
            return _Scene(key, Renderer(held.surface, light), held.truth)
        return _Scene(key, BoardRenderer(held.surface, light, held.board), held.truth)

    def expect(self, group: str, sequence: FringeSequence) -> None:
        """Hear what a projector will show."""
        self._sequences[group] = sequence

    def sequence_seen_by(self, camera: str) -> FringeSequence:
        """Return the sequence of which a camera's frames are."""
        return self._sequences[self._lit_by[camera].name]

    def set_exposure(self, camera: str, exposure_ms: float, gain_db: float) -> None:
        """Hear how long a camera will look, and how it amplifies."""
        self._shots[camera] = replace(self._shots[camera], exposure_ms=exposure_ms, gain_db=gain_db)

    def set_brightness(self, group: str, share: float) -> None:
        """Hear which share of its light the projector of a group gives."""
        for camera, lit_by in self._lit_by.items():
            if lit_by.name == group:
                self._shots[camera] = replace(self._shots[camera], brightness=share)

    def used(self, camera: str) -> None:
        """Hear that the frames of a camera were taken: no noise is seen twice."""
        if self._scene is not None:
            self._scene.colour_frames.pop(camera, None)
            if camera in self._scene.infrared:
                self._scene.infrared[camera].frames = None

    def frames(self, camera: str) -> npt.NDArray[np.uint8]:
        """Return the (N, H, W) or (1, H, W, 3) frames that a camera will see; made now where they are not ready."""
        if self._scene is None:
            self.prepare("", "neutral", 1)
        assert self._scene is not None
        self._make(self._scene, self._groups[camera], camera)
        if camera in self._scene.photographs:
            return self._scene.colour_frames[camera]
        frames = self._scene.infrared[camera].frames
        assert frames is not None
        return frames

    def refresh(self) -> None:
        """Make whatever frames are not ready, the firing order first."""
        scene = self._scene
        if scene is None:
            return
        with ThreadPoolExecutor(_THREADS, "render") as pool:
            for group in self._description.rig.groups:
                # The gain of both cameras comes from the first.
                names = [m.name for m in group.cameras]
                list(pool.map(lambda name, group=group: self._render(scene, group, name), names))
                list(pool.map(lambda name, group=group: self._make(scene, group, name), names))

    def live_picture(self, camera: str) -> Float32Array:
        """Return the noiseless picture of the live view, (h, w) or (h, w, 3) in counts: infrared in flood light."""
        if self._scene is None:
            self.prepare("", "neutral", 1)
        assert self._scene is not None
        scene, model = self._scene, self._description.rig.camera(camera)
        self._make(scene, self._groups[camera], camera)
        if camera in scene.photographs:
            full = scene.photographs[camera]
        else:
            seen = scene.infrared[camera]
            full = np.zeros((model.height, model.width), np.float32)
            ambient = self._description.light.ambient_counts * seen.view.ambient
            full[seen.view.window.slices] = np.minimum(seen.gain * seen.flood + ambient, 255)
        size = model.width // LIVE_SHRINK, model.height // LIVE_SHRINK
        return np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_AREA), np.float32)

    def _make(self, scene: _Scene, group: CameraGroup, name: str) -> None:
        """Bring the frames of one camera up to date."""
        self._render(scene, group, name)
        if name in scene.photographs:
            if name not in scene.colour_frames:
                scene.colour_frames[name] = with_noise(scene.photographs[name], self._rngs[name])[None]
            return
        mine = scene.infrared[name]
        usual = (m.name for m in group.infrared if self._lit_by[m.name] is group)
        first = next(usual, group.infrared[0].name)
        self._render(scene, group, first)
        mine.gain = self._gain(scene.infrared[first])
        shot = self._shots[name]
        if mine.frames is None or mine.shot != shot:
            mine.shot = shot
            mine.frames = self._expose(mine, self._description.rig.camera(name), shot)

    def _render(self, scene: _Scene, group: CameraGroup, name: str) -> None:
        lit_by = self._lit_by[name]
        displacement = self._displacements[lit_by.name]
        if group.rgb is not None and name == group.rgb.name:
            if name not in scene.photographs:
                model, renderer = seen_from(group.rgb, displacement), scene.renderer
                if isinstance(renderer, BoardRenderer):
                    scene.photographs[name] = renderer.photograph(model)
                else:
                    scene.photographs[name] = photograph(renderer, model)
            return
        sequence = self._sequences[lit_by.name]
        known = scene.infrared.get(name)
        if known is not None and known.sequence == sequence:
            return
        optics = lit_by.projector.optics
        assert optics is not None
        model = seen_from(next(m for m in group.infrared if m.name == name), displacement)
        view = known.view if known else self._lit_view(scene, model, lit_by, displacement)
        flood = scene.renderer.through_lens(mean_of_rays(view.light))
        if self._motion.moves_in_burst:
            optics = seen_from(optics, displacement)
            light = moving_exposures(scene.renderer, model, optics, sequence, self._motion)
        else:
            light = scene.renderer.exposures(view, sequence)
        scene.infrared[name] = _InfraredView(view, sequence, light, flood)

    def _lit_view(self, scene: _Scene, model: CameraModel, lit_by: CameraGroup, displacement: FloatArray) -> LitView:
        optics = lit_by.projector.optics
        assert optics is not None
        view = scene.renderer.lit_view(model, seen_from(optics, displacement))
        return replace(view, field=1 - view.field) if lit_by.name in self._mirrored else view

    def _gain(self, first: _InfraredView) -> float:
        if self._options.lamp is not None:
            return self._options.lamp * self._description.light.peak_counts / _LIGHT_SKIN
        lit = first.flood[first.flood > _LIT]
        if not len(lit):
            return 1.0
        return float(self._description.light.peak_counts / np.percentile(lit, _PEAK_PERCENTILE))

    def _expose(self, seen: _InfraredView, model: CameraModel, shot: _Shot) -> UInt8Array:
        sensor, rule = model.sensor, self._description.light
        assert sensor.electrons_per_count is not None
        assert sensor.read_noise_electrons is not None
        assert sensor.white_level is not None
        amplified = 10 ** (shot.gain_db / 20)
        noise = sensor.electrons_per_count / amplified, sensor.read_noise_electrons, sensor.white_level
        share = amplified * shot.exposure_ms / rule.exposure_ms
        rows, columns = seen.view.window.slices
        frames = np.empty((len(seen.light), model.height, model.width), np.uint8)
        ambient = np.zeros((model.height, model.width), np.float32)
        light = np.zeros_like(ambient)
        ambient[rows, columns] = seen.view.ambient
        for frame, picture in zip(frames, seen.light, strict=True):
            light[rows, columns] = picture
            seed = int(self._rngs[model.name].integers(2**62))
            kernels.add_noise(
                light,
                ambient,
                share * shot.brightness * seen.gain,
                share * rule.ambient_counts,
                noise,
                _NORMAL,
                seed,
                frame,
            )
        return frames
