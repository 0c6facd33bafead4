"""Projectors with stored sequences by name in a rig file: over a serial port, and emulated behind a pseudo-terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faceapp.core.errors import SequenceError, UsageError
from faceapp.core.sequence import FringeSequence, multi_frequency
from faceapp.devices.projector_records import ProjectorOrder
from faceapp.devices.records import FoundDevice
from faceapp_hardware.projectors.drivers import EmulatedProjectorDriver, serial_ports
from faceapp_hardware.projectors.exchange import Port
from faceapp_hardware.projectors.stored_projector import StoredProjector, open_slow_port

_FASTEST_HZ = 120
_FIELDS = ("class", "frequencies", "steps", "flood", "dark")


class StoredDriver:
    """Projectors that play stored sequences on commands of 12 bytes; ``serial`` of the rig file is the port."""

    name = "stored"
    title = "Serial projectors with stored sequences (12-byte commands)"

    def missing(self) -> str:
        """Return what is missing: nothing, faceapp itself needs pyserial."""
        return ""

    def discover(self) -> tuple[FoundDevice, ...]:
        """Return the serial ports; nobody knows what hangs on them before it is heard."""
        return serial_ports(self.name)

    def make_projector(self, order: ProjectorOrder) -> StoredProjector:
        """Return a projector that is not open yet."""
        sequences, fastest = _options(order)
        if not order.serial:
            raise UsageError(f'{order.name}: the port is missing; give serial = "/dev/ttyUSB0" or the like')
        return StoredProjector(order, sequences, fastest, self.name)


class EmulatedStoredDriver:
    """The emulator of such a projector behind a pseudo-terminal; without options it stores the usual sequence."""

    name = "emulated-stored"
    title = "Emulated projector with stored sequences"

    def missing(self) -> str:
        """Return what is missing: systems without pseudo-terminals have none."""
        return EmulatedProjectorDriver().missing()

    def discover(self) -> tuple[FoundDevice, ...]:
        """Return the one that can be had any number of times."""
        return () if self.missing() else (FoundDevice(self.name, "", "firmware emulator"),)

    def make_projector(self, order: ProjectorOrder) -> EmulatedStoredProjector:
        """Return a projector that is not open yet."""
        sequences, fastest = _options(order)
        return EmulatedStoredProjector(order, sequences or {1: multi_frequency()}, fastest)


class EmulatedStoredProjector(StoredProjector):
    """A projector with stored sequences whose emulated firmware hangs at the other end of its line.

    Parameters
    ----------
    order, sequences, fastest_hz
        See `StoredProjector`; ``wire`` of the order is the trigger out.
    """

    def __init__(self, order: ProjectorOrder, sequences: Mapping[int, FringeSequence], fastest_hz: int) -> None:
        from faceapp_hardware.simulated.firmware_line import FirmwareLine
        from faceapp_hardware.simulated.stored_firmware import StoredFirmware

        self._line: FirmwareLine | None = None

        def open_line(path: str) -> Port:
            del path
            self._line = FirmwareLine(StoredFirmware(sequences, fastest_hz, order.wire))
            return open_slow_port(self._line.path)

        super().__init__(order, sequences, fastest_hz, EmulatedStoredDriver.name, open_line)

    def close(self) -> None:
        """Wait until it is dark, and end the emulator."""
        super().close()
        line, self._line = self._line, None
        if line is not None:
            line.pull()


def _options(order: ProjectorOrder) -> tuple[dict[int, FringeSequence], int]:
    """Return the stored sequences and the fastest rate that a rig file names."""
    known = ("sequences", "fastest_hz")
    for name in order.options:
        if name not in known:
            raise UsageError(f"{order.name}: option {name!r} is unknown; there are {', '.join(known)}")
    fastest = order.options.get("fastest_hz", _FASTEST_HZ)
    if not isinstance(fastest, int) or not 1 <= fastest <= 255:
        raise UsageError(f"{order.name}: option fastest_hz: a whole number from 1 to 255 is expected")
    entries = order.options.get("sequences", [])
    if not isinstance(entries, list):
        raise UsageError(f"{order.name}: option sequences: a list is expected")
    return dict(_sequence(entry, f"{order.name}: option sequences[{i}]") for i, entry in enumerate(entries)), fastest


def _sequence(entry: Any, where: str) -> tuple[int, FringeSequence]:
    if not isinstance(entry, dict) or not {"class", "frequencies", "steps"} <= set(entry) <= set(_FIELDS):
        raise UsageError(f"{where}: class, frequencies and steps are expected, and perhaps flood and dark")
    number = entry["class"]
    if not isinstance(number, int) or not 0 <= number <= 255:
        raise UsageError(f"{where}.class: a whole number from 0 to 255 is expected")
    try:
        sequence = multi_frequency(
            tuple(float(f) for f in entry["frequencies"]),
            tuple(int(n) for n in entry["steps"]),
            flood=bool(entry.get("flood", True)),
            dark=bool(entry.get("dark", True)),
        )
    except (SequenceError, TypeError, ValueError) as error:
        raise UsageError(f"{where}: {error}") from error
    return number, sequence
