"""The projector's firmware, emulated: the same bytes, the same watchdog, the same forgetfulness after a reset."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
import zlib
from collections.abc import Callable

from faceapp.core.errors import SequenceError
from faceapp.core.sequence import FringeSequence
from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.messages import (
    FULL,
    NO_LIGHT,
    Ability,
    FaultBit,
    Hello,
    LightsOut,
    Settings,
    State,
    Upload,
    unpack_begin,
    unpack_play,
)
from faceapp_hardware.projectors.sequence_bytes import unpack_sequence
from faceapp_hardware.projectors.wire import Kind, Message, Status, WireError
from faceapp_hardware.simulated.firmware_memory import IMAGE_MEMORY, PRODUCT, Flash, Receiving
from faceapp_hardware.simulated.responder import Responder

PLAIN = Ability.MASTER | Ability.TRIGGER_OUT | Ability.TEMPERATURE | Ability.INTERLOCK | Ability.UPDATE
EVERYTHING = PLAIN | Ability.BRIGHTNESS
_MEMORY = 65536
_BINARY = 8
"""Sequences of light and no light alone may be so many times faster."""
_WIDTHS_US, _MOST_DELAY_US = (10, 10_000), 100_000
_START = Settings(FULL, 100, 0)
_TOO_HOT_C = 70.0
_RESTART_S = 0.2
_UPDATE_SILENCE_S = 10.0


class Firmware:
    """What the projector's controller does with bytes; free of any line and of any clock but `time.monotonic`.

    Parameters
    ----------
    size : (int, int)
        Width and height, pixels.
    longest_sequence : int
        Exposures that it holds.
    shortest_period_s : float
        Between two exposures.
    trigger : callable
        Called with the number of each exposure as its light goes on: the wire to the cameras.
    committed : callable, optional
        Called with each sequence that is loaded.
    abilities : Ability, optional
        What it says that it can; its brightness is set where somebody sees it.
    flash : Flash, optional
        Memory that survives a power cut.
    watchdog_s : float
        Silence of the host after which the light goes off.

    Notes
    -----
    ``temperature_c`` and ``faults`` may be changed at any time; ``settings`` is what SET left.
    """

    def __init__(
        self,
        size: tuple[int, int],
        longest_sequence: int,
        shortest_period_s: float,
        trigger: Callable[[int], None],
        committed: Callable[[FringeSequence], None] = lambda sequence: None,
        abilities: Ability = PLAIN,
        flash: Flash | None = None,
        watchdog_s: float = wire.WATCHDOG_S,
    ) -> None:
        self._size, self._longest, self._shortest = size, longest_sequence, shortest_period_s
        self._trigger, self._committed, self._abilities = trigger, committed, abilities
        self._watchdog_s = watchdog_s
        self.flash = flash or Flash()
        self.temperature_c, self.faults = 38.5, FaultBit(0)
        self._receiving = Receiving(_MEMORY)
        self._responder = Responder(self._act, lambda: len(self._receiving.data))
        self._lock = threading.RLock()
        self._player: threading.Thread | None = None
        self._dark = threading.Event()
        self._silent_until = 0.0
        self._restarts = False
        self.lightings = 0
        self.reset()

    @property
    def is_lit(self) -> bool:
        """Whether a sequence is being shown."""
        return self._player is not None and self._player.is_alive() and not self._dark.is_set()

    @property
    def present_faults(self) -> FaultBit:
        """What is wrong now, heat among it."""
        return self.faults | (FaultBit.TOO_HOT if self.temperature_c > _TOO_HOT_C else FaultBit(0))

    def reset(self) -> None:
        """Start anew, as after a power cut: light off, memory empty, another session; the flash stays."""
        self.light_off()
        with self._lock:
            self._session = secrets.randbits(32)
            self._receiving.forget()
            self._responder.forget()
            self._stored: tuple[FringeSequence, float] | None = None
            self._stored_check = (0, 0)
            self._last_run: int | None = None
            self._exposure = 0
            self._lights_out = LightsOut.NEVER
            self.settings = _START
            self._started = time.monotonic()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; returns the bytes to answer with."""
        if time.monotonic() < self._silent_until:
            return b""
        with self._lock:
            answer = self._responder.receive(data)
            restarts, self._restarts = self._restarts, False
        if restarts:
            self.reset()
            self._silent_until = time.monotonic() + _RESTART_S
        return answer

    def watch(self) -> bytes:
        """Put the light off if the host has been silent for too long, or something is wrong; give up an update.

        It says nothing unasked.
        """
        silence = time.monotonic() - self._responder.heard
        if self.is_lit and silence > self._watchdog_s:
            self.light_off(LightsOut.WATCHDOG)
        if self.is_lit and self.present_faults & NO_LIGHT:
            self.light_off(LightsOut.FAULT)
        if self._receiving.is_image and silence > _UPDATE_SILENCE_S:
            self._receiving.forget()
        return b""

    def light_off(self, why: LightsOut = LightsOut.STOPPED) -> None:
        """End the sequence that is shown."""
        if self.is_lit:
            self._lights_out = why
        self._dark.set()
        player = self._player
        if player is not None and player is not threading.current_thread():
            player.join()

    def _act(self, request: Message) -> bytes:
        data = request.payload
        acts: dict[int, Callable[[bytes], bytes]] = {
            Kind.HELLO: lambda data: _done(self._hello().pack()),
            Kind.STATE: lambda data: _done(self._state().pack()),
            Kind.BEAT: lambda data: _done(),
            Kind.STOP: self._stop,
            Kind.SET: self._set,
            Kind.BEGIN: self._begin,
            Kind.WRITE: self._write,
            Kind.COMMIT: self._commit,
            Kind.PLAY: self._play,
        }
        act = acts.get(request.kind)
        if act is None:
            return bytes([Status.UNKNOWN])
        try:
            return act(data)
        except WireError:
            return bytes([Status.BAD_VALUE])

    def _hello(self) -> Hello:
        shortest = round(self._shortest * 1e6)
        head = self.flash.head
        can = self._abilities
        about = PRODUCT, head.major, head.minor, head.patch, zlib.crc32(self.flash.running), can
        limits = _MEMORY, IMAGE_MEMORY if Ability.UPDATE in can else 0, self._longest, shortest, shortest // _BINARY
        trigger = *_WIDTHS_US, _MOST_DELAY_US
        return Hello(*about, *self._size, *limits, *trigger, self._session, *self._stored_check, serial="EMULATED-1")

    def _state(self) -> State:
        brightness, width, delay = (
            self.settings.brightness,
            self.settings.trigger_width_us,
            self.settings.trigger_delay_us,
        )
        assert brightness is not None and width is not None and delay is not None
        return State(
            self.is_lit,
            self._last_run or 0,
            self._exposure,
            round(self.temperature_c * 10),
            self.present_faults,
            self._lights_out,
            *(brightness, width, delay),
            int(1000 * (time.monotonic() - self._started)) % 2**32,
        )

    def _stop(self, data: bytes) -> bytes:
        del data
        self.light_off()
        if self._receiving.is_image:
            self._receiving.forget()
        return _done()

    def _set(self, data: bytes) -> bytes:
        wanted = Settings.unpack(data)
        if self.is_lit or self._receiving.is_image:
            return bytes([Status.BUSY])
        brightness, width, delay = wanted.brightness, wanted.trigger_width_us, wanted.trigger_delay_us
        cannot = brightness is not None and Ability.BRIGHTNESS not in self._abilities
        cannot |= (width, delay) != (None, None) and Ability.TRIGGER_OUT not in self._abilities
        cannot |= width is not None and not _WIDTHS_US[0] <= width <= _WIDTHS_US[1]
        cannot |= delay is not None and delay > _MOST_DELAY_US
        if cannot:
            return bytes([Status.BAD_VALUE])
        had = self.settings
        self.settings = Settings(
            had.brightness if brightness is None else brightness,
            had.trigger_width_us if width is None else width,
            had.trigger_delay_us if delay is None else delay,
        )
        return _done(self.settings.pack_answer())

    def _begin(self, data: bytes) -> bytes:
        what, length, crc = unpack_begin(data)
        if what is Upload.IMAGE:
            if Ability.UPDATE not in self._abilities:
                return bytes([Status.UNKNOWN])
            self.light_off(LightsOut.UPDATE)
        status = self._receiving.begin(what, length, crc)
        return bytes([status]) + self._reached()

    def _write(self, data: bytes) -> bytes:
        status = self._receiving.write(int.from_bytes(data[:4], "little"), data[4:])
        return bytes([status]) + self._reached()

    def _reached(self) -> bytes:
        return len(self._receiving.data).to_bytes(4, "little")

    def _commit(self, data: bytes) -> bytes:
        length, crc = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
        arrived = self._receiving.take(length, crc)
        if arrived is None:
            return bytes([Status.BAD_CHECK])
        what, whole = arrived
        return bytes([self._run_image(whole) if what is Upload.IMAGE else self._store(whole)])

    def _run_image(self, image: bytes) -> Status:
        status = self.flash.check(image)
        if status is Status.DONE:
            self.flash.running = image
            self._restarts = True
        return status

    def _store(self, data: bytes) -> Status:
        try:
            sequence, period = unpack_sequence(data)
        except (WireError, SequenceError):
            return Status.BAD_SEQUENCE
        shortest = self._shortest / _BINARY if sequence.is_binary else self._shortest
        if len(sequence) > self._longest or period < 0.999 * shortest:
            return Status.BAD_SEQUENCE
        self._stored, self._stored_check = (sequence, period), (len(data), zlib.crc32(data))
        self._committed(sequence)
        return Status.DONE

    def _play(self, data: bytes) -> bytes:
        run, again = unpack_play(data)
        if run == self._last_run:
            return _done()
        if self._receiving.is_image:
            return bytes([Status.BUSY])
        if self._stored is None:
            return bytes([Status.EMPTY])
        faults = self.present_faults
        if faults & NO_LIGHT:
            status = Status.INTERLOCK if FaultBit.INTERLOCK_OPEN in faults else Status.FAULT
            return bytes([status]) + int(faults).to_bytes(2, "little")
        self.light_off()
        self._last_run = run
        self._dark.clear()
        self.lightings += 1
        arguments = (*self._stored, again, (self.settings.trigger_delay_us or 0) / 1e6)
        self._player = threading.Thread(target=self._show, args=arguments, name="light", daemon=True)
        self._player.start()
        return _done()

    def _show(self, sequence: FringeSequence, period: float, again: bool, delay: float) -> None:
        due = time.perf_counter()
        for shown in itertools.count():
            end = shown >= len(sequence) and not again
            if self._dark.wait(max(due + (0 if end else delay) - time.perf_counter(), 0)):
                return
            if end:
                break
            late = time.perf_counter() - due - delay
            # A machine that was busy makes the sequence longer: caught up, its pulses would come closer than any
            # projector's, and be lost.
            due += period + (late if late > period / 2 else 0.0)
            self._exposure = shown % len(sequence)
            self._trigger(self._exposure)
        self._lights_out = LightsOut.FINISHED
        self._dark.set()


def _done(more: bytes = b"") -> bytes:
    return bytes([Status.DONE]) + more
