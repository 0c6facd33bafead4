"""A projector that plays what is stored in it and takes nothing up; see `stored_command`.

Its commands have no number, so none is ever repeated unless the device said that it did not act: the light must not go
on twice for one order.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping

import serial

from faceapp.core.errors import DeviceError, UsageError
from faceapp.core.sequence import FringeSequence
from faceapp.devices.projector_records import ProjectorInfo, ProjectorOrder, ProjectorSettings
from faceapp_hardware.projectors.exchange import Port, open_serial_port
from faceapp_hardware.projectors.messages import FULL
from faceapp_hardware.projectors.stored_command import BAUD, Answer, Command, answers_in

_REFUSES_S = 0.1
"""Refusals come at once; that a sequence is done is said when it is."""
_PATIENCE_S = 1.0
_TRIES = 3
_ALIVE_S = 1.5


def open_slow_port(path: str) -> Port:
    """Open the port of such a projector."""
    return open_serial_port(path, BAUD)


class StoredProjector:
    """A projector with stored sequences behind a serial port.

    Parameters
    ----------
    order : ProjectorOrder
        Its place in the rig.
    sequences : mapping of int to FringeSequence
        Which are stored in it, by class.
    fastest_hz : float
        Exposures a second.
    driver : str
        Name of the driver.
    open_port : callable, optional
        Opens its port.

    Raises
    ------
    UsageError
        The order sets the trigger out, which it has not.
    """

    def __init__(
        self,
        order: ProjectorOrder,
        sequences: Mapping[int, FringeSequence],
        fastest_hz: float,
        driver: str,
        open_port: Callable[[str], Port] = open_slow_port,
    ) -> None:
        self._name, self._path, self._open_port = order.name, order.serial, open_port
        self._sequences = dict(sequences)
        self._brightness = 1.0
        self._take(order.settings, UsageError)
        self._info = ProjectorInfo(
            order.name,
            order.group,
            0,
            0,
            max(map(len, self._sequences.values()), default=0),
            1 / fastest_hz,
            uploads=False,
            driver=driver,
            stored=tuple(self._sequences.values()),
            timing=order.timing,
            loops=False,
            stops=False,
            adjusts=True,
        )
        self._port: Port | None = None
        self._ready: tuple[int, int] | None = None
        self._dark_at = 0.0
        self._answers: list[Answer] = []
        self._arrived = threading.Condition()
        self._listener: threading.Thread | None = None
        self._end = threading.Event()
        self._heard = 0.0
        self._broke = False
        self._pending = False

    @property
    def info(self) -> ProjectorInfo:
        """What it is."""
        return self._info

    def open(self) -> None:
        """Open the port and wait until the device says that it lives.

        Raises
        ------
        DeviceError
            The port is missing or busy, or nothing is heard.
        """
        if self._port is not None:
            return
        try:
            self._port = self._open_port(self._path)
        except (OSError, serial.SerialException) as error:
            raise DeviceError(
                f"{self._name}: the port {self._path} cannot be opened ({error}). Check the cable, and that no other "
                "program has it"
            ) from error
        self._end.clear()
        self._broke, self._heard, self._answers, self._pending = False, 0.0, [], False
        self._listener = threading.Thread(target=self._listen, name=f"line {self._name}", daemon=True)
        self._listener.start()
        end = time.monotonic() + _ALIVE_S
        with self._arrived:
            while not self._heard and not self._broke and time.monotonic() < end:
                self._arrived.wait(0.05)
        if not self._heard:
            self.close()
            raise DeviceError(
                f"{self._name} is not heard on {self._path}. Check that it has power and that this is its port"
            )

    def _listen(self) -> None:
        port = self._port
        assert port is not None
        while not self._end.is_set():
            try:
                data = port.read(max(port.in_waiting, 1))
            except (OSError, serial.SerialException):
                with self._arrived:
                    self._broke = True
                    self._arrived.notify_all()
                return
            if data:
                with self._arrived:
                    self._heard = time.monotonic()
                    self._answers += answers_in(data)
                    self._arrived.notify_all()

    def load(self, sequence: FringeSequence, period_s: float) -> None:
        """Choose a sequence that is stored in it.

        Raises
        ------
        DeviceError
            It stores no such sequence, cannot show it that fast, or the last one went wrong.
        """
        self._opened()
        number = next((n for n, stored in self._sequences.items() if stored == sequence), None)
        if number is None:
            stored = "; ".join(f"class {n}: {described(s)}" for n, s in self._sequences.items()) or "none that is named"
            raise DeviceError(
                f"{self._name} cannot show {described(sequence)}: it plays only what is stored in it and takes no "
                f"sequence. Stored are: {stored}"
            )
        if period_s < 0.999 * self._info.shortest_period_s:
            raise DeviceError(
                f"{self._name} cannot show an exposure in {1000 * period_s:.2f} ms; it needs "
                f"{1000 * self._info.shortest_period_s:.2f} ms"
            )
        rate = round(1 / period_s)
        if not 1 <= rate <= 255 or abs(rate * period_s - 1) > 0.01:
            raise DeviceError(
                f"{self._name} cannot show {1 / period_s:.2f} exposures a second; it knows whole numbers from 1 to 255"
            )
        self._finish()
        self._ready = number, rate

    def play(self) -> None:
        """Show the sequence once; returns when it has begun.

        Raises
        ------
        DeviceError
            Nothing is loaded, the device refuses, or the sequence before did not end as it should.
        """
        self._opened()
        if self._ready is None:
            raise DeviceError(f"{self._name} has no sequence chosen; load one first")
        self._finish()
        number, rate = self._ready
        period = 1 / rate
        light = min(self._info.timing.light_on_s or period, period)
        command = Command(number, rate, round(self._brightness * FULL), round(light * 1e6)).pack()
        for _ in range(_TRIES):
            answer = self._send(command, len(self._sequences[number]) * period)
            if answer is not Answer.BROKEN:  # with that the device says that it did nothing
                break
        if answer is not None and answer is not Answer.DONE:
            self._pending = False
            raise DeviceError(f"{self._name} {answer.sentence}")

    def _send(self, command: bytes, seconds: float) -> Answer | None:
        """Send a command once; return what the device says at once."""
        with self._arrived:
            self._answers, self._pending = [], True
        try:
            self._opened().write(command)
        except (OSError, serial.SerialException) as error:
            raise self._broken_line() from error
        self._dark_at = time.monotonic() + seconds
        return self._await(time.monotonic() + _REFUSES_S)

    def _await(self, end: float) -> Answer | None:
        with self._arrived:
            while not self._answers and not self._broke and time.monotonic() < end:
                self._arrived.wait(max(0.0, end - time.monotonic()))
            if self._broke:
                raise self._broken_line()
            if not self._answers:
                return None
            answer = self._answers[0]
            if answer is Answer.DONE:
                self._pending = False
            return answer

    def loop(self) -> None:
        """It cannot.

        Raises
        ------
        DeviceError
            Always.
        """
        self._opened()
        raise DeviceError(f"{self._name} cannot repeat its sequence: a live scan needs a projector that can")

    def stop(self) -> None:
        """Return when it is dark: it cannot be put out before its sequence ends."""
        if self._port is not None and self._pending:
            self._finish()

    def _finish(self) -> None:
        """Wait for the end of what is shown.

        Raises
        ------
        DeviceError
            It did not end as it should, or nobody knows.
        """
        if not self._pending:
            return
        answer = self._await(self._dark_at + _PATIENCE_S)
        self._pending = False
        if answer is None:
            raise DeviceError(
                f"{self._name} did not say that its sequence is done: whether there was light is not known, so nothing "
                "was repeated. Look at it, then try again"
            )
        if answer is not Answer.DONE:
            raise DeviceError(f"{self._name} {answer.sentence}")

    def close(self) -> None:
        """Wait until it is dark, and give the port back."""
        port = self._port
        if port is None:
            return
        try:
            self.stop()
        except DeviceError:
            pass  # it ends by itself
        finally:
            self._end.set()
            if self._listener is not None:
                self._listener.join()
                self._listener = None
            self._port, self._ready = None, None
            port.close()

    def adjust(self, wanted: ProjectorSettings) -> ProjectorSettings:
        """Take a brightness for what is shown next.

        Raises
        ------
        DeviceError
            It is not between 0 and 1, or the trigger out is asked for, which cannot be set.
        """
        self._take(wanted, DeviceError)
        return ProjectorSettings(self._brightness)

    def _take(self, wanted: ProjectorSettings, error: type[DeviceError] | type[UsageError]) -> None:
        if dataclasses.replace(wanted, brightness=None) != ProjectorSettings():
            raise error(f"{self._name}: width and delay of its trigger out cannot be set over this line")
        if wanted.brightness is not None:
            if not 0 <= wanted.brightness <= 1:
                raise error(f"{self._name}: a brightness of {wanted.brightness:g} is not possible; give 0 to 1")
            self._brightness = wanted.brightness

    def _opened(self) -> Port:
        if self._port is None:
            raise DeviceError(f"{self._name} is not open")
        return self._port

    def _broken_line(self) -> DeviceError:
        return DeviceError(
            f"{self._name}: the line to the projector broke ({self._path}). Check its cable, then connect the rig again"
        )


def described(sequence: FringeSequence) -> str:
    """Return a sequence in a few words."""
    fringes = ", ".join(f"{f:g} fringes in {len(sequence.steps(f))} steps" for f in sequence.frequencies)
    more = [name for name, found in (("flood", sequence.floods()), ("dark", sequence.darks())) if found]
    gray = len(sequence.gray_code()) + len(sequence.gray_code(inverted=True))
    parts = [fringes, f"{gray} exposures of Gray code" if gray else "", *more]
    return f"{len(sequence)} exposures ({', '.join(filter(None, parts))})"
