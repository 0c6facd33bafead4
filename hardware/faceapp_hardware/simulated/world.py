"""The world of the simulated rig, a process of its own: head, light, cameras, projectors, one clock.

``python -m faceapp_hardware.simulated.world FD MEMORY`` talks over the socket FD and lays pictures into the memory
file MEMORY. It ends when the socket does, however its client went.
"""

from __future__ import annotations

import mmap
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.core.errors import DeviceError, FaceappError
from faceapp.core.rig import CameraGroup
from faceapp.core.sequence import FringeSequence
from faceapp_hardware.simulated.assembly import assembled, knocked, parse_knocks, parse_swaps, parse_triggers
from faceapp_hardware.simulated.description import read_rig_description
from faceapp_hardware.simulated.exchange import layout_of
from faceapp_hardware.simulated.faults import Fault, parse_faults
from faceapp_hardware.simulated.live import LiveView
from faceapp_hardware.simulated.options import Options
from faceapp_hardware.simulated.troubled_firmware import TroubledFirmware
from faceapp_hardware.simulated.world_cameras import LAST_ID, Delivery, Wire, WorldCamera, take_fault
from faceapp_hardware.simulated.world_faults import WorldFaults

_IDLE_S = 1.0
_FOLLOW_S = 1.0
_LOOK_S = 30.0
_LIVE_ELECTRONS = 39.2


class World:
    """Everything between the projectors' ports and the cameras' pictures.

    Parameters
    ----------
    options : Options
        Of the rig.
    connection : Connection
        To the client.
    memory : mmap
        Shared with the client.
    """

    def __init__(self, options: Options, connection: Connection, memory: mmap.mmap) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._options = options
        drawn = read_rig_description(options.rig, options.scale)
        rig = drawn.rig
        built = rig if options.assembly is None else assembled(rig, options.assembly)
        self._description = replace(drawn, rig=knocked(built, parse_knocks(options.knocks, rig)))
        self._swaps = parse_swaps(options.swaps, rig)
        layout = layout_of(rig)
        self._faults: list[Fault] = [f for f in parse_faults(options.faults, rig) if not f.is_of_host]
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_stale = False
        self._used: set[str] = set()
        self._shown: dict[str, FringeSequence] = {}
        self._seen: dict[str, FringeSequence] = {}
        slots = {name: [slot.view(memory) for slot in mine] for name, mine in layout.burst.items()}
        self._delivery = Delivery(
            slots, lambda *frame: self._send("frame", *frame), lambda *odd: self._send("odd", *odd)
        )
        self._live = LiveView(
            {name: slot.view(memory) for name, slot in layout.live.items()}, lambda name: self._send("live", name)
        )
        rng = np.random.default_rng([options.seed, 2])
        self._cameras: dict[str, WorldCamera] = {}
        for model in rig.cameras:
            first = options.first_id or int(rng.integers(1, LAST_ID + 1))
            self._cameras[model.name] = WorldCamera(model.name, first, self._carrier(model.name))
        self._wire = Wire(rig, self._cameras, parse_triggers(options.triggers, rig), self._faults, self._taken)
        self._troubles = WorldFaults(
            rig,
            self._faults,
            self._cameras,
            {g.name: self._firmware(g) for g in rig.groups},
            self._send,
            options.seed,
        )
        self._studio: Any = None
        self._failure = ""

    def run(self) -> None:
        """Serve the client until it goes."""
        threading.Thread(target=self._render, name="studio", daemon=True).start()
        threading.Thread(target=_follow, args=(os.getppid(),), name="follow", daemon=True).start()
        self._send("ports", self._troubles.ports)
        while True:
            try:
                number, name, arguments = self._connection.recv()
            except (EOFError, OSError):
                return
            self._serve(number, name, arguments)

    def _serve(self, number: int, name: str, arguments: tuple[Any, ...]) -> None:
        match name:
            case "free":
                self._delivery.free(*arguments)
            case "live-free":
                self._live.free(*arguments)
            case "disarm":
                self._cameras[arguments[0]].disarm()
                self._send("reply", number, None)
            case "end-live":
                self._live.end(*arguments)
                self._send("reply", number, None)
            case "inject":
                self._faults += parse_faults(arguments[0], self._description.rig)
                self._troubles.happen()
                self._send("reply", number, None)
            case "lights":
                self._send("reply", number, self._troubles.lights)
            case _:
                self._work.put(lambda: self._answer(number, name, arguments))

    def _answer(self, number: int, name: str, arguments: tuple[Any, ...]) -> None:
        """Do slow work on the studio's thread and send its result, or its error."""
        acts: dict[str, Callable[..., Any]] = {
            "prepare": self._prepare,
            "arm": self._arm,
            "follow": self._follow,
            "configure": self._configure,
            "live": self._show,
            "truth": self._truth,
        }
        try:
            if self._failure:
                raise DeviceError(self._failure)
            value = acts[name](*arguments)
        except FaceappError as error:
            self._send("reply", number, error)
        except Exception as error:
            traceback.print_exc()
            self._send("reply", number, RuntimeError(f"{type(error).__name__}: {error}"))
        else:
            self._send("reply", number, value)

    def _render(self) -> None:
        """The studio's thread: loads what is slow to load, then works, and freshens frames when nothing is asked."""
        try:
            from faceapp_hardware.simulated.studio import Studio

            self._studio = Studio(self._options, self._description)
            self._studio.warm_up()
        except Exception as error:
            traceback.print_exc()
            self._failure = f"the simulated rig cannot render ({error}). Install what it needs, Open3D above all"
        while True:
            try:
                self._work.get(timeout=_IDLE_S)()
            except queue.Empty:
                if self._is_stale:
                    self._is_stale = False
                    self._studio.refresh()
            except Exception:
                # Whoever waits has heard of it; the next piece of work must still find this thread.
                traceback.print_exc()

    def _prepare(self, subject: str, expression: str, take: int) -> None:
        self._studio.prepare(subject, expression, take)
        self._troubles.happen()
        for camera in self._live.cameras:
            self._show(camera)

    def _arm(self, camera: str, count: int) -> None:
        self._used.discard(camera)
        for group, share in self._troubles.brightness.items():
            self._studio.set_brightness(group, share)
        frames = self._studio.frames(self._swaps.get(camera, camera))
        if take_fault(self._faults, "resize", camera):
            frames = frames[:, ::2, ::2]
        self._cameras[camera].arm(frames, count)
        self._seen[camera] = self._studio.sequence_seen_by(self._swaps.get(camera, camera))
        if take_fault(self._faults, "pull-armed", camera):
            self._troubles.pull(camera)

    def _follow(self, camera: str) -> None:
        self._used.discard(camera)
        physical = self._swaps.get(camera, camera)
        self._cameras[camera].follow(self._studio.frames(physical))
        self._seen[camera] = self._studio.sequence_seen_by(physical)

    def _configure(self, camera: str, exposure_ms: float, gain_db: float) -> None:
        self._studio.set_exposure(self._swaps.get(camera, camera), exposure_ms, gain_db)

    def _show(self, camera: str) -> None:
        self._live.show(camera, self._studio.live_picture(self._swaps.get(camera, camera)), _LIVE_ELECTRONS)

    def _truth(self, folder: str) -> bool:
        from faceapp_hardware.simulated.truth import write_truth

        if self._studio.renderer is None:
            return False
        write_truth(Path(folder), self._studio.renderer, self._description.rig, self._studio.target_truth)
        return True

    def _carrier(self, name: str) -> Callable[[np.ndarray, int, int, bool], None]:
        return lambda picture, number, stamp, may_drop: self._delivery.put(name, picture, number, stamp, may_drop)

    def _taken(self, camera: str) -> None:
        if camera in self._used:
            return
        self._used.add(camera)
        self._is_stale = True
        self._work.put(lambda: self._studio.used(self._swaps.get(camera, camera)))

    def _firmware(self, group: CameraGroup) -> TroubledFirmware:
        optics, limits = group.projector.optics, self._description.limits
        size = (optics.width, optics.height) if optics else (0, 0)

        def trigger(index: int) -> None:
            if index == 0:
                self._see_what_is_shown(group.name)
            self._troubles.happen_in_burst(group, index)
            self._wire.trigger(group.name, index)

        return TroubledFirmware(
            size,
            limits.longest_sequence,
            limits.projector_period_s,
            trigger,
            lambda sequence: self._expect(group.name, sequence),
        )

    def _expect(self, group: str, sequence: FringeSequence) -> None:
        self._shown[group] = sequence
        self._work.put(lambda: self._studio.expect(group, sequence))

    def _see_what_is_shown(self, group: str) -> None:
        """Hold the light back until the cameras that were armed before the sequence came see that one."""
        late = [n for n in self._wire.cameras_of(group) if self._seen.get(n) != self._shown.get(group)]
        if not late:
            return
        done = threading.Event()

        def look() -> None:
            try:
                for name in late:
                    physical = self._swaps.get(name, name)
                    self._cameras[name].see(self._studio.frames(physical))
                    self._seen[name] = self._studio.sequence_seen_by(physical)
            finally:
                done.set()

        self._work.put(look)
        done.wait(_LOOK_S)

    def _send(self, *message: Any) -> None:
        try:
            with self._sending:
                self._connection.send(message)
        except OSError:
            # The client is gone: nothing is left to do, and no one to tell.
            os._exit(0)


def _follow(client: int) -> None:
    """End with the client, even where a forked child of it still holds the socket."""
    while os.getppid() == client:
        time.sleep(_FOLLOW_S)
    os._exit(0)


def main() -> None:
    """Run the world for the client at the other end of the socket."""
    connection = Connection(int(sys.argv[1]))
    with open(int(sys.argv[2]), "r+b") as file:  # noqa: PTH123 (a descriptor, not a path)
        memory = mmap.mmap(file.fileno(), 0)
    try:
        World(connection.recv(), connection, memory).run()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    # Threads may be deep in rendering; nothing of theirs outlives the client.
    os._exit(0)


if __name__ == "__main__":
    main()
