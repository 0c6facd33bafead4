"""Projectors by name in a rig file: over a serial port, and the emulated one behind a pseudo-terminal."""

from __future__ import annotations

from faceapp.core.errors import UsageError
from faceapp.devices.projector_records import ProjectorOrder
from faceapp.devices.records import FoundDevice
from faceapp_hardware.projectors.exchange import Port, open_serial_port
from faceapp_hardware.projectors.serial_projector import SerialProjector
from faceapp_hardware.projectors.wire import WATCHDOG_S


def serial_ports(driver: str) -> tuple[FoundDevice, ...]:
    """Return the serial ports of this machine, as a driver would name what hangs on them."""
    from serial.tools import list_ports

    return tuple(FoundDevice(driver, port.device, port.description) for port in list_ports.comports())


class SerialDriver:
    """Projectors that speak our protocol over a serial port; ``serial`` of the rig file is the port."""

    name = "serial"
    title = "Serial projectors (open protocol)"

    def missing(self) -> str:
        """Return what is missing: nothing, faceapp itself needs pyserial."""
        return ""

    def discover(self) -> tuple[FoundDevice, ...]:
        """Return the serial ports; what hangs on them is known when it is greeted."""
        return serial_ports(self.name)

    def make_projector(self, order: ProjectorOrder) -> SerialProjector:
        """Return a projector that is not open yet."""
        if order.options:
            raise UsageError(f"{order.name}: option {next(iter(order.options))!r} is unknown; a serial port needs none")
        if not order.serial:
            raise UsageError(f'{order.name}: the port is missing; give serial = "/dev/ttyUSB0" or the like')
        return SerialProjector(order.name, order.group, order.serial, timing=order.timing, settings=order.settings)


class EmulatedProjectorDriver:
    """The firmware's emulator behind a pseudo-terminal, for rigs of emulated cameras and for trying out."""

    name = "emulated"
    title = "Emulated projector"

    def missing(self) -> str:
        """Return what is missing: systems without pseudo-terminals have none."""
        try:
            import pty  # noqa: F401
        except ImportError:
            return "this system has no pseudo-terminals; the emulated projector needs Linux or macOS"
        return ""

    def discover(self) -> tuple[FoundDevice, ...]:
        """Return the one that can be had any number of times."""
        return () if self.missing() else (FoundDevice(self.name, "", "firmware emulator"),)

    def make_projector(self, order: ProjectorOrder) -> EmulatedProjector:
        """Return a projector that is not open yet."""
        known = {"shortest_period_ms": 4.0, "longest_sequence": 64, "watchdog_ms": 1000 * WATCHDOG_S}
        for name in order.options:
            if name not in known:
                raise UsageError(f"{order.name}: option {name!r} is unknown; there are {', '.join(known)}")
        values = {**known, **order.options}
        return EmulatedProjector(
            order,
            float(values["shortest_period_ms"]) / 1000,
            int(values["longest_sequence"]),
            float(values["watchdog_ms"]) / 1000,
        )


class EmulatedProjector(SerialProjector):
    """A serial projector with the emulated firmware at the other end of its line.

    Parameters
    ----------
    order : ProjectorOrder
        Whose ``wire`` is the trigger out.
    shortest_period_s : float
        Between two exposures.
    longest_sequence : int
        Exposures that it holds.
    watchdog_s : float
        Silence of the host after which the light goes off; a busy machine that plays host, cable and projector at once
        is silent for longer than a host alone ever is.
    """

    def __init__(
        self, order: ProjectorOrder, shortest_period_s: float, longest_sequence: int, watchdog_s: float
    ) -> None:
        from faceapp_hardware.simulated.firmware import EVERYTHING, Firmware
        from faceapp_hardware.simulated.firmware_line import FirmwareLine
        from faceapp_hardware.simulated.firmware_memory import Flash

        self._line: FirmwareLine | None = None
        flash = Flash()  # what was put into it outlives being closed

        def open_line(path: str) -> Port:
            del path
            firmware = Firmware(
                (1280, 1024),
                longest_sequence,
                shortest_period_s,
                order.wire,
                abilities=EVERYTHING,
                flash=flash,
                watchdog_s=watchdog_s,
            )
            self._line = FirmwareLine(firmware)
            return open_serial_port(self._line.path)

        super().__init__(
            order.name, order.group, "the emulator", open_line, order.timing, order.settings, driver="emulated"
        )

    def close(self) -> None:
        """Light off, and end the emulator."""
        super().close()
        line, self._line = self._line, None
        if line is not None:
            line.pull()
