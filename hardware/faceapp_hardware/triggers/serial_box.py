"""A trigger box over a serial line, in the words of the projector protocol."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

from faceapp.core.errors import DeviceError
from faceapp.devices.trigger_records import TriggerInfo, TriggerProgram
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.exchange import Exchange, Port, open_serial_port
from faceapp_hardware.projectors.messages import Ability, Hello, State
from faceapp_hardware.projectors.wire import Kind, Status
from faceapp_hardware.triggers.program_bytes import MOST_PULSES, pack_program


class SerialTriggerBox:
    """A trigger box behind a serial port.

    Parameters
    ----------
    name, path : str
        Of the box and of its port.
    open_port : callable, optional
        Opens it.
    driver : str
        Name of the driver.

    Notes
    -----
    While it is armed a thread of its own sends the beat: a box whose host is gone puts its outputs low.
    """

    def __init__(
        self, name: str, path: str, open_port: Callable[[str], Port] = open_serial_port, driver: str = "serial-trigger"
    ) -> None:
        self._name, self._path, self._driver = name, path, driver
        self._exchange = Exchange(name, path, open_port, "trigger box")
        self._info = TriggerInfo(name, driver=driver, serial=path)
        self._program: TriggerProgram | None = None
        self._run = secrets.randbits(32)
        self._quiet = threading.Event()
        self._beat: threading.Thread | None = None

    @property
    def info(self) -> TriggerInfo:
        """What it is; complete once it is open."""
        return self._info

    def open(self) -> None:
        """Open the port and greet the box.

        Raises
        ------
        DeviceError
            The port is missing or busy, nothing answers, or a projector does.
        """
        if self._exchange.is_open:
            return
        self._exchange.open()
        try:
            hello = self._exchange.greet()
            if Ability.BOX not in hello.abilities:
                raise DeviceError(
                    f"{self._name}: a projector hangs on {self._path}, no trigger box. Check the rig file"
                )
        except BaseException:
            self._exchange.close()
            raise
        self._info = self._described(hello)

    def _described(self, hello: Hello) -> TriggerInfo:
        return TriggerInfo(
            self._name,
            hello.width,
            hello.height,
            hello.least_width_us / 1e6,
            hello.most_width_us / 1e6,
            hello.most_delay_us / 1e6,
            self._driver,
            hello.serial or self._path,
            hello.firmware,
        )

    def program(self, wanted: TriggerProgram) -> None:
        """Hold a program.

        Raises
        ------
        DeviceError
            It has no such input or output, or a delay or width is outside its limits; or the line fails.
        """
        self._check_open()
        if len(wanted.pulses) > MOST_PULSES:
            raise DeviceError(f"{self._name} holds {MOST_PULSES} kinds of pulses, {len(wanted.pulses)} are asked for")
        self.stop()
        answer = self._exchange.ask(Kind.PROGRAM, pack_program(wanted))
        if answer.status is Status.BAD_VALUE:
            info = self._info
            raise DeviceError(
                f"{self._name} cannot run this program: it has {info.inputs} inputs and {info.outputs} outputs, pulses "
                f"of {1000 * info.least_width_s:g} to {1000 * info.most_width_s:g} ms and delays up to "
                f"{1000 * info.most_delay_s:g} ms. Change the rig file"
            )
        self._exchange.accept(answer)
        self._program = wanted

    def arm(self) -> None:
        """Run the program once.

        Raises
        ------
        DeviceError
            There is none, or the line fails.
        """
        self._check_open()
        if self._program is None:
            raise DeviceError(f"{self._name} holds no program; load one first")
        self._end_beat()
        self._run = (self._run + 1) % 2**32
        run = self._run.to_bytes(4, "little")
        answer = self._exchange.ask(Kind.ARM, run)
        if answer.status is Status.EMPTY:
            # A reset in between: the projector waits, so program it again and go on.
            self._exchange.demand(Kind.PROGRAM, pack_program(self._program))
            answer = self._exchange.ask(Kind.ARM, run)
        self._exchange.accept(answer)
        self._quiet.clear()
        self._beat = threading.Thread(target=self._keep_armed, name=f"beat {self._name}", daemon=True)
        self._beat.start()

    def is_armed(self) -> bool:
        """Ask whether it still counts or fires.

        Raises
        ------
        DeviceError
            The line fails.
        """
        self._check_open()
        return self._exchange.read(self._exchange.demand(Kind.STATE), State.unpack).is_lit

    def stop(self) -> None:
        """Run no program any more, all outputs low."""
        self._end_beat()
        if self._exchange.is_open:
            self._exchange.demand(Kind.STOP)

    def close(self) -> None:
        """Stop and give the port back; a line that is dead already is given back without a word."""
        if not self._exchange.is_open:
            return
        try:
            self.stop()
        except DeviceError:
            pass  # the watchdog puts the outputs low
        finally:
            self._program = None
            self._exchange.close()

    def _keep_armed(self) -> None:
        while not self._quiet.wait(wire.BEAT_S):
            try:
                if not self.is_armed():
                    return
            except DeviceError:
                return  # the next act says so

    def _end_beat(self) -> None:
        self._quiet.set()
        beat, self._beat = self._beat, None
        if beat is not None:
            beat.join()

    def _check_open(self) -> None:
        if not self._exchange.is_open:
            raise DeviceError(f"{self._name} is not open")
