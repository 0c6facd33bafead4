"""Trigger boxes by name in a rig file: over a serial port, and the emulated one behind a pseudo-terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.records import FoundDevice
from faceapp.devices.trigger_records import TriggerInfo, TriggerOrder
from faceapp_hardware.projectors.drivers import EmulatedProjectorDriver, serial_ports
from faceapp_hardware.projectors.exchange import Port, open_serial_port
from faceapp_hardware.projectors.messages import Hello
from faceapp_hardware.triggers.serial_box import SerialTriggerBox

if TYPE_CHECKING:
    from faceapp_hardware.simulated.box_firmware import BoxFirmware
    from faceapp_hardware.simulated.firmware_line import FirmwareLine


class SerialTriggerDriver:
    """Trigger boxes that speak our protocol over a serial port; ``serial`` of the rig file is the port."""

    name = "serial-trigger"
    title = "Serial trigger boxes (open protocol)"

    def missing(self) -> str:
        """Return what is missing: nothing, faceapp itself needs pyserial."""
        return ""

    def discover(self) -> tuple[FoundDevice, ...]:
        """Return the serial ports; what hangs on them is known when it is greeted."""
        return serial_ports(self.name)

    def make_trigger(self, order: TriggerOrder) -> SerialTriggerBox:
        """Return a box that is not open yet."""
        if order.options:
            raise UsageError(f"{order.name}: option {next(iter(order.options))!r} is unknown; a serial port needs none")
        if not order.serial:
            raise UsageError(f'{order.name}: the port is missing; give serial = "/dev/ttyUSB1" or the like')
        return SerialTriggerBox(order.name, order.serial, driver=self.name)


class EmulatedTriggerDriver:
    """The emulator of a trigger box behind a pseudo-terminal, for rigs of emulated devices."""

    name = "emulated-trigger"
    title = "Emulated trigger box"

    def missing(self) -> str:
        """Return what is missing: systems without pseudo-terminals have none."""
        return EmulatedProjectorDriver().missing()

    def discover(self) -> tuple[FoundDevice, ...]:
        """Return the one that can be had any number of times."""
        return () if self.missing() else (FoundDevice(self.name, "", "firmware emulator"),)

    def make_trigger(self, order: TriggerOrder) -> EmulatedTriggerBox:
        """Return a box that is not open yet."""
        known = {"inputs": 4, "outputs": 8}
        for name, value in order.options.items():
            if name not in known:
                raise UsageError(f"{order.name}: option {name!r} is unknown; there are {', '.join(known)}")
            if not isinstance(value, int) or not 1 <= value <= 255:
                raise UsageError(f"{order.name}: option {name}: a whole number from 1 to 255 is expected")
        values = {**known, **order.options}
        return EmulatedTriggerBox(order, values["inputs"], values["outputs"])


class EmulatedTriggerBox(SerialTriggerBox):
    """A serial trigger box with the emulated firmware at the other end of its line.

    Parameters
    ----------
    order : TriggerOrder
        Whose ``wire`` are the outputs.
    inputs, outputs : int
        Counted from 1.
    """

    def __init__(self, order: TriggerOrder, inputs: int, outputs: int) -> None:
        self._line: FirmwareLine | None = None
        self._firmware: BoxFirmware | None = None

        def open_line(path: str) -> Port:
            from faceapp_hardware.simulated.box_firmware import BoxFirmware
            from faceapp_hardware.simulated.firmware_line import FirmwareLine

            del path
            self._firmware = BoxFirmware(inputs, outputs, order.wire)
            self._line = FirmwareLine(self._firmware)
            return open_serial_port(self._line.path)

        super().__init__(order.name, "the emulator", open_line, EmulatedTriggerDriver.name)

    def _described(self, hello: Hello) -> TriggerInfo:
        return replace(super()._described(hello), software_input=True)

    def pulse(self, number: int) -> None:
        """Take a pulse at an input, counted from 1.

        Raises
        ------
        DeviceError
            It is not open.
        """
        if self._firmware is None:
            raise DeviceError(f"{self._name} is not open")
        self._firmware.pulse(number)

    def close(self) -> None:
        """Stop, and end the emulator."""
        super().close()
        line, self._line, self._firmware = self._line, None, None
        if line is not None:
            line.pull()
