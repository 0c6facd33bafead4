"""How emulated firmware treats frames: a broken one is answered at once, one that comes again gets its answer again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from faceapp_hardware.projectors import wire
from faceapp_hardware.projectors.wire import Kind, Message, OtherVersion, Splitter, Status, WireError


class Responder:
    """Between the bytes of a line and the acts of a device.

    Parameters
    ----------
    act : callable
        Does what a request asks; returns the payload of its answer, the status first.
    reached : callable
        Returns how many bytes of an upload are there.

    Notes
    -----
    ``heard`` is when the last whole request came, by `time.monotonic`.
    """

    def __init__(self, act: Callable[[Message], bytes], reached: Callable[[], int]) -> None:
        self._act, self._reached = act, reached
        self._splitter = Splitter()
        self.heard = time.monotonic()
        self._host = b""
        self._answers: OrderedDict[int, tuple[Message, bytes]] = OrderedDict()

    def forget(self) -> None:
        """Forget every answer, as at a reset."""
        self.heard = time.monotonic()
        self._host = b""
        self._answers.clear()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; returns the bytes to answer with."""
        return b"".join(self._answer(frame) for frame in self._splitter.feed(data))

    def _answer(self, frame: bytes) -> bytes:
        try:
            request = wire.decode(frame)
        except OtherVersion:
            return self._broken(Status.BAD_VERSION)
        except WireError:
            return self._broken(Status.BAD_CHECK)
        if request.is_answer:
            return b""
        self.heard = time.monotonic()
        if request.kind == Kind.HELLO and request.payload != self._host:
            self._answers.clear()  # another host, whose numbers may be those of the one before
            self._host = request.payload
        before = self._answers.get(request.sequence)
        if before is not None and before[0] == request:
            return before[1]
        answer = wire.encode(Message(request.kind, request.sequence, self._act(request), is_answer=True))
        self._answers.pop(request.sequence, None)
        self._answers[request.sequence] = request, answer
        while len(self._answers) > wire.REMEMBERED:
            self._answers.popitem(last=False)
        return answer

    def _broken(self, status: Status) -> bytes:
        reached = self._reached().to_bytes(4, "little")
        return wire.encode(Message(Kind.BROKEN, 0, bytes([status]) + reached, is_answer=True))
