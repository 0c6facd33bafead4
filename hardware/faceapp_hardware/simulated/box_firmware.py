"""The firmware of a trigger box, emulated: counts pulses at an input or ticks by itself, and gives pulses."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

from faceapp.devices.trigger_records import Pulse, TriggerProgram
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.messages import Ability, FaultBit, Hello, LightsOut, State
from faceapp_hardware.projectors.wire import Kind, Message, Status, WireError
from faceapp_hardware.simulated.responder import Responder
from faceapp_hardware.triggers.program_bytes import unpack_program

PRODUCT = 0x5442
_LEAST_WIDTH_S, _MOST_WIDTH_S, _MOST_DELAY_S = 10e-6, 0.1, 1.0
_MOST_EXPOSURES = 10_000


class BoxFirmware:
    """What the controller of a trigger box does with bytes and with pulses.

    Parameters
    ----------
    inputs, outputs : int
        Counted from 1.
    raised : callable
        Called with the number of an output when it goes high: its cable.
    """

    def __init__(self, inputs: int, outputs: int, raised: Callable[[int], None]) -> None:
        self._inputs, self._outputs, self._raised = inputs, outputs, raised
        self._responder = Responder(self._act, lambda: 0)
        self._lock, self._counting = threading.RLock(), threading.Lock()
        self._pending, self._is_last = 0, False
        self._quiet = threading.Event()
        self._threads: list[threading.Thread] = []
        self.fired: list[tuple[int, float]] = []
        self.reset()

    @property
    def is_armed(self) -> bool:
        """Whether a program runs."""
        return not self._quiet.is_set()

    def reset(self) -> None:
        """Start anew, as after a power cut."""
        self.light_off()
        with self._lock:
            self._session = secrets.randbits(32)
            self._program: TriggerProgram | None = None
            self._last_run: int | None = None
            self._counted = 0
            self._why = LightsOut.NEVER
            self._started = time.monotonic()
            self._responder.forget()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; returns the bytes to answer with."""
        with self._lock:
            return self._responder.receive(data)

    def watch(self) -> bytes:
        """Put the outputs low if the host has been silent for too long; it says nothing unasked."""
        if self.is_armed and time.monotonic() - self._responder.heard > wire.WATCHDOG_S:
            self.light_off(LightsOut.WATCHDOG)
        return b""

    def light_off(self, why: LightsOut = LightsOut.STOPPED) -> None:
        """Run no program any more."""
        if self.is_armed:
            self._why = why
        self._quiet.set()
        for thread in [t for t in self._threads if t is not threading.current_thread()]:
            thread.join()
        self._threads = []

    def pulse(self, number: int) -> None:
        """Take a pulse at an input."""
        program = self._program
        if self._quiet.is_set() or program is None or program.input != number:
            return
        exposure, self._counted = self._counted, self._counted + 1
        if exposure < program.count:
            self._expose(program, exposure, time.perf_counter())

    def _expose(self, program: TriggerProgram, exposure: int, at: float) -> None:
        due = sorted((p for p in program.pulses if p.first <= exposure <= p.last), key=lambda p: p.delay_s)
        end = max((p.delay_s + p.width_s for p in due), default=0.0)
        with self._counting:
            self._pending += 1
            self._is_last |= exposure == program.count - 1
        thread = threading.Thread(target=self._fire, args=(due, at, end), name="box", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _fire(self, due: list[Pulse], at: float, end: float) -> None:
        """Give the pulses of an exposure; whoever ends last, after the last exposure, ends the program."""
        for pulse in due:
            if self._quiet.wait(max(at + pulse.delay_s - time.perf_counter(), 0)):
                return
            self.fired.append((pulse.output, time.perf_counter()))
            self._raised(pulse.output)
        if self._quiet.wait(max(at + end - time.perf_counter(), 0)):
            return
        with self._counting:
            self._pending -= 1
            if self._is_last and not self._pending:
                self._why = LightsOut.FINISHED
                self._quiet.set()

    def _tick(self, program: TriggerProgram) -> None:
        start = time.perf_counter()
        for exposure in range(program.count):
            if self._quiet.wait(max(start + exposure * program.period_s - time.perf_counter(), 0)):
                return
            self._counted = exposure + 1
            self._expose(program, exposure, start + exposure * program.period_s)

    def _act(self, request: Message) -> bytes:
        try:
            match request.kind:
                case Kind.HELLO:
                    return bytes([Status.DONE]) + self._hello().pack()
                case Kind.STATE:
                    return bytes([Status.DONE]) + self._state().pack()
                case Kind.BEAT:
                    return bytes([Status.DONE])
                case Kind.STOP:
                    self.light_off()
                    return bytes([Status.DONE])
                case Kind.PROGRAM:
                    return bytes([self._hold(unpack_program(request.payload))])
                case Kind.ARM:
                    return bytes([self._arm(int.from_bytes(request.payload[:4], "little"))])
        except WireError:
            return bytes([Status.BAD_VALUE])
        return bytes([Status.UNKNOWN])

    def _hold(self, program: TriggerProgram) -> Status:
        if self.is_armed:
            return Status.BUSY
        fits = program.input <= self._inputs and 1 <= program.count <= _MOST_EXPOSURES
        fits &= program.input > 0 or program.period_s > 0
        for pulse in program.pulses:
            fits &= 1 <= pulse.output <= self._outputs and pulse.first <= pulse.last
            fits &= _LEAST_WIDTH_S <= pulse.width_s <= _MOST_WIDTH_S and pulse.delay_s <= _MOST_DELAY_S
        if not fits:
            return Status.BAD_VALUE
        self._program = program
        return Status.DONE

    def _arm(self, run: int) -> Status:
        if run == self._last_run:
            return Status.DONE
        program = self._program
        if program is None:
            return Status.EMPTY
        self.light_off()
        self._last_run, self._counted, self._pending, self._is_last = run, 0, 0, False
        self._quiet.clear()
        if program.input == 0:
            thread = threading.Thread(target=self._tick, args=(program,), name="box", daemon=True)
            self._threads.append(thread)
            thread.start()
        return Status.DONE

    def _hello(self) -> Hello:
        limits = round(_LEAST_WIDTH_S * 1e6), round(_MOST_WIDTH_S * 1e6), round(_MOST_DELAY_S * 1e6)
        about = PRODUCT, 2, 0, 0, 0, Ability.BOX
        empty = 0, 0, _MOST_EXPOSURES, 0, 0
        return Hello(*about, self._inputs, self._outputs, *empty, *limits, self._session, 0, 0, serial="EMULATED-BOX")

    def _state(self) -> State:
        up = int(1000 * (time.monotonic() - self._started)) % 2**32
        return State(self.is_armed, self._last_run or 0, self._counted, -32768, FaultBit(0), self._why, 0, 0, 0, up)
