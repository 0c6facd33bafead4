"""The client's end of the world: starts the process, asks, hears, and notices when it dies."""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from faceapp.core.arrays import UInt8Array
from faceapp.core.errors import DeviceError, FaceappError
from faceapp.core.rig import Rig
from faceapp_hardware.simulated.exchange import layout_of, shared_file
from faceapp_hardware.simulated.options import Options

_MODULE = "faceapp_hardware.simulated.world"
_START_S = 30.0
_PATIENCE_S = 120.0
_END_S = 3.0


class Listener:
    """What a camera hears; the methods run on the link's thread."""

    def frame(self, slot: int, number: int, stamp: int) -> None:
        """A picture of a burst lies in a slot."""

    def live(self) -> None:
        """A picture of the live view lies in its slot."""

    def odd(self, shape: tuple[int, ...]) -> None:
        """A picture of a burst came that has another size."""

    def gone(self, why: str) -> None:
        """The camera cannot be reached any more."""

    def back(self) -> None:
        """The camera can be reached again; it has to be opened."""


class _Reply:
    """A question that waits for its answer."""

    def __init__(self) -> None:
        self.is_there = threading.Event()
        self.value: Any = None


class Link:
    """A running world.

    Parameters
    ----------
    options : Options
        Of the rig.
    rig : Rig
        For the layout of the shared memory.

    Raises
    ------
    DeviceError
        The process does not start, or the machine lacks the memory.
    """

    def __init__(self, options: Options, rig: Rig) -> None:
        self.listeners: dict[str, Listener] = {}
        self.ports: dict[str, str] = {}
        self._layout = layout_of(rig)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._replies: dict[int, _Reply] = {}
        self._number = 0
        self._dead = ""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the link)
        with shared_file(self._layout.size) as file:
            self._memory = mmap.mmap(file.fileno(), self._layout.size)
            self._socket, theirs = socket.socketpair()
            with theirs:
                fds = theirs.fileno(), file.fileno()
                command = [sys.executable, "-m", _MODULE, *map(str, fds)]
                self._process = subprocess.Popen(
                    command, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
                )
        self._connection = Connection(socket.dup(self._socket.fileno()))
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="simulated world", daemon=True)
        self._thread.start()
        self._connection.send(options)
        if not self._started.wait(_START_S) or self._dead:
            why = self._dead or f"did not start within {_START_S:g} s"
            self.close()
            raise DeviceError(f"simulated rig: {why}")

    @property
    def process_id(self) -> int:
        """Of the world."""
        return self._process.pid

    def processor_seconds(self) -> float:
        """Return the processor time that the world has taken; NaN where the system does not tell."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return float("nan")

    def slot(self, camera: str, number: int) -> UInt8Array:
        """Return the shared picture of a burst's slot."""
        return self._layout.burst[camera][number].view(self._memory)

    def live_slot(self, camera: str) -> UInt8Array:
        """Return the shared picture of the live view."""
        return self._layout.live[camera].view(self._memory)

    def live_shape(self, camera: str) -> tuple[int, ...]:
        """Return the shape of a camera's live pictures."""
        return self._layout.live[camera].shape

    def ask(self, name: str, *arguments: Any) -> Any:
        """Ask the world and wait for its answer.

        Raises
        ------
        DeviceError
            The world is dead or does not answer; or whatever error the act itself raised.
        """
        reply = _Reply()
        with self._lock:
            self._number += 1
            number = self._number
            self._replies[number] = reply
        try:
            self.must_live()
            self._send(number, name, arguments)
            if not reply.is_there.wait(_PATIENCE_S):
                raise DeviceError(f"simulated rig: no answer to {name} within {_PATIENCE_S:g} s; connect it again")
            self.must_live()
        finally:
            with self._lock:
                del self._replies[number]
        if isinstance(reply.value, FaceappError):
            raise reply.value
        if isinstance(reply.value, Exception):
            raise DeviceError(f"simulated rig: {name} failed in its world ({reply.value})") from reply.value
        return reply.value

    def tell(self, name: str, *arguments: Any) -> None:
        """Send a message that has no answer; of a world that has gone, `ask` and the listeners hear."""
        with contextlib.suppress(DeviceError):
            self._send(0, name, arguments)

    def close(self) -> None:
        """End the world; does no harm twice."""
        if self._process.poll() is None:
            # The world ends when its socket does.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._connection.close()
        self._socket.close()
        self._log.close()

    def _send(self, number: int, name: str, arguments: tuple[Any, ...]) -> None:
        try:
            with self._sending:
                self._connection.send((number, name, arguments))
        except OSError as error:
            raise DeviceError(f"simulated rig: {self._dead or 'its world does not listen'}") from error

    def must_live(self) -> None:
        """Raise `DeviceError` where the world has ended."""
        if self._dead:
            raise DeviceError(f"simulated rig: {self._dead}")

    def _listen(self) -> None:
        acts: dict[str, Callable[..., None]] = {
            "ports": self._hear_ports,
            "reply": self._hear_reply,
            "frame": lambda camera, *frame: self.listeners[camera].frame(*frame),
            "live": lambda camera: self.listeners[camera].live(),
            "odd": lambda camera, shape: self.listeners[camera].odd(shape),
            "back": lambda camera: self.listeners[camera].back(),
            "gone": lambda camera: self.listeners[camera].gone("its cable was pulled"),
        }
        try:
            while True:
                name, *rest = self._connection.recv()
                acts[name](*rest)
        except (EOFError, OSError):
            self._die()

    def _hear_ports(self, ports: dict[str, str]) -> None:
        self.ports = ports
        self._started.set()

    def _hear_reply(self, number: int, value: Any) -> None:
        with self._lock:
            reply = self._replies.get(number)
        if reply is not None:
            reply.value = value
            reply.is_there.set()

    def _die(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self._dead = f"its world has ended (status {self._process.poll()}{self._last_words()}); connect it again"
        with self._lock:
            replies = list(self._replies.values())
        for reply in replies:
            reply.is_there.set()
        for listener in self.listeners.values():
            listener.gone(self._dead)
        self._started.set()

    def _last_words(self) -> str:
        try:
            self._log.seek(0)
            lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        except (OSError, ValueError):
            return ""
        return f": {lines[-1]}" if lines else ""
