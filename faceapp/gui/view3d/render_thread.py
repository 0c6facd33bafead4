"""The one thread on which VTK draws for all views, so that no frame holds the interface up.

VTK lets Python's lock go while it renders (measured: 17 ms at most between two turns of the interface's thread
beside frames of 150 ms). One thread for all views, because VTK's factories are not made for several.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

from faceapp.gui.view3d.drawing import Picture, Request, draw
from faceapp.gui.view3d.scene import Scene

_log = logging.getLogger(__name__)
_END_S = 2.0  # s that the frame under way has to end when the last view closes


class Artist:
    """Draws for one view; of requests that pile up only the newest is drawn.

    Parameters
    ----------
    tell : callable
        Given each `Picture`, on the drawing thread.
    """

    def __init__(self, tell: Callable[[Picture], object]) -> None:
        self._tell = tell
        self._scene: Scene | None = None
        self._waiting: Request | None = None
        self._running: Iterator[Picture | None] | None = None
        self._now: list[tuple[Request, Future[Picture]]] = []
        self._thread = _RenderThread.join(self)

    # Called by the view

    def ask(self, request: Request) -> None:
        """Have a picture drawn; what was asked before and is not ready is dropped."""
        with self._thread.wake:
            self._waiting, self._running = request, None
            self._thread.wake.notify()

    def forget(self) -> None:
        """Draw nothing that was asked."""
        with self._thread.wake:
            self._waiting = self._running = None

    def draw_now(self, request: Request) -> Picture:
        """Return a picture, however long it takes (screenshots, tests)."""
        future: Future[Picture] = Future()
        with self._thread.wake:
            self._waiting = self._running = None
            self._now.append((request, future))
            self._thread.wake.notify()
        return future.result()

    def close(self) -> None:
        """Let the graphics context go."""
        self.forget()
        self._thread.leave(self)

    # Called on the drawing thread

    @property
    def has_work(self) -> bool:
        """Whether something was asked that is not drawn."""
        return bool(self._now) or self._waiting is not None or self._running is not None

    def take_step(self, whole: bool) -> bool:
        """Draw what was asked, or with ``whole`` a slice of it; return whether there was anything to draw."""
        if self._now:
            self._draw_now(*self._now.pop(0))
            return True
        scene = self._own_scene()
        with self._thread.wake:
            request = self._waiting
            if request is not None and request.whole == whole:
                self._waiting, self._running = None, draw(scene, request)
            elif not whole:
                return False
            running = self._running
        if running is None:
            return False
        picture = next(running)
        with self._thread.wake:
            dropped = running is not self._running
            if picture is not None and not dropped:
                self._running = None
        if picture is not None and not (dropped and whole):  # a proxy is shown even when the camera has gone on
            self._tell(picture)
        return True

    def _draw_now(self, request: Request, future: Future[Picture]) -> None:
        try:
            *_, last = draw(self._own_scene(), request)
            assert last is not None
            future.set_result(last)
        except Exception as error:  # handed to who waits
            future.set_exception(error)

    def _own_scene(self) -> Scene:
        if self._scene is None:
            self._scene = Scene()
        return self._scene

    def drop(self) -> None:
        """Forget what failed."""
        self._running = None

    def end(self) -> None:
        """Close the scene."""
        if self._scene is not None:
            self._scene.close()
            self._scene = None


class _RenderThread:
    """Runs while there are artists; proxies of all go before slices of any."""

    _current: _RenderThread | None = None

    def __init__(self) -> None:
        self.wake = threading.Condition(threading.RLock())
        self._artists: list[Artist] = []
        self._leaving: list[Artist] = []
        self._thread = threading.Thread(target=self._run, name="faceapp-render", daemon=True)

    @classmethod
    def join(cls, artist: Artist) -> _RenderThread:
        """Return the thread, started if there is none. On the interface's thread."""
        if cls._current is not None:
            with cls._current.wake:
                cls._current._artists.append(artist)
            return cls._current
        cls._current = cls()
        cls._current._artists.append(artist)
        cls._current._thread.start()
        return cls._current

    def leave(self, artist: Artist) -> None:
        """Close an artist's scene; with the last one the thread ends. On the interface's thread."""
        with self.wake:
            self._leaving.append(artist)
            last = all(other in self._leaving for other in self._artists)
            self.wake.notify()
        if last:
            _RenderThread._current = None
            self._thread.join(_END_S)

    def _run(self) -> None:
        while self._dismiss():
            if not (self._step(whole=False) or self._step(whole=True)):
                with self.wake:
                    self.wake.wait_for(lambda: self._leaving or any(artist.has_work for artist in self._artists))

    def _dismiss(self) -> bool:
        """Close the scenes of those who leave; return whether anyone is left."""
        with self.wake:
            leaving, self._leaving = self._leaving, []
            self._artists = [artist for artist in self._artists if artist not in leaving]
        for artist in leaving:
            artist.end()
        return bool(self._artists)

    def _step(self, whole: bool) -> bool:
        for artist in list(self._artists):
            if not artist.has_work:
                continue
            try:
                if artist.take_step(whole):
                    return True
            except Exception:  # one picture must not end the drawing of all
                _log.exception("a 3D picture could not be drawn")
                artist.drop()
        return False
