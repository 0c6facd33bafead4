"""The program's side of workers: one process a family, kept warm, thrown away after a crash or a cancel."""

from __future__ import annotations

import atexit
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from faceapp.core.errors import Cancelled, PluginError
from faceapp.core.results import Provenance
from faceapp.core.signals import Reporter
from faceapp.pipeline.contract import Plugin
from faceapp.pipeline.parameters import build, describe

_START_PATIENCE_S = 60.0


@dataclass(frozen=True, eq=False)
class PluginRun:
    """What a plugin gave.

    Parameters
    ----------
    value : object
        Of the stage's result type.
    provenance : Provenance
        Plugin, version, parameters, seed, seconds.
    log : tuple of str
        Lines.
    warnings : tuple of str
        Sentences.
    """

    value: Any
    provenance: Provenance
    log: tuple[str, ...]
    warnings: tuple[str, ...]


class _Worker:
    """One process and the line to it."""

    def __init__(self) -> None:
        key = secrets.token_bytes(32)
        self._folder = tempfile.TemporaryDirectory(prefix="faceapp-worker-", ignore_cleanup_errors=True)
        self.log_file = Path(self._folder.name) / "stderr"
        environment = {
            **os.environ,
            "NUMBA_THREADING_LAYER": "omp",
            "OMP_WAIT_POLICY": "passive",
            # a process that is killed clears nothing up: what a job had written goes with the worker's folder
            "TMPDIR": self._folder.name,
        }
        with Listener(authkey=key) as listener, self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "faceapp.pipeline.worker", str(listener.address)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
            )
            if self.process.stdin is None:
                raise PluginError("the worker process has no standard input")
            self.process.stdin.write(key)
            self.process.stdin.close()
            self.connection = self._accept(listener)

    def _accept(self, listener: Listener) -> Connection:
        """Accept on a thread: a process that dies at its start would let ``accept`` wait for ever."""
        found: list[Connection] = []
        thread = threading.Thread(target=lambda: found.append(listener.accept()), daemon=True)
        thread.start()
        end = time.monotonic() + _START_PATIENCE_S
        while thread.is_alive() and time.monotonic() < end:
            thread.join(0.05)
            if self.process.poll() is not None and not found:
                raise PluginError(f"the worker process did not start: {self.last_words()}")
        if not found:
            self.end()
            raise PluginError(f"the worker process did not answer within {_START_PATIENCE_S:.0f} s")
        return found[0]

    def last_words(self) -> str:
        try:
            return self.log_file.read_text(encoding="utf-8", errors="replace")[-2000:].strip() or "it said nothing"
        except OSError:
            return "it said nothing"

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        if hasattr(self, "connection"):
            self.connection.close()
        self._folder.cleanup()


class WorkerPool:
    """Runs plugins in processes of their own.

    One job at a time for each family; a second one waits. Use it in a ``with`` block or call `close`.
    """

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        atexit.register(self.close)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers; does no harm twice."""
        with self._guard:
            workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            worker.end()
        atexit.unregister(self.close)

    def run(
        self,
        plugin: Plugin,
        value: Any,
        parameters: dict[str, Any] | None = None,
        reporter: Reporter | None = None,
        *,
        seed: int = 0,
        inputs: dict[str, str] | None = None,
    ) -> PluginRun:
        """Run a plugin and return what it gave; blocks, so call it on a thread of its own in a window.

        Parameters
        ----------
        plugin : Plugin
            From the registry.
        value : object
            Of the stage's input type.
        parameters : dict, optional
            Values by name; the others keep their defaults.
        reporter : Reporter, optional
            Told of progress; its ``cancelled`` stops the job within a tenth of a second.
        seed : int
            Of the job's random numbers.
        inputs : dict of str to str, optional
            Hashes for the provenance.

        Raises
        ------
        UsageError
            A parameter is unknown or out of its limits.
        PluginError
            The plugin raised or its process died; the message says which and why.
        Cancelled
            Somebody stopped it.
        """
        reporter = reporter or Reporter()
        built = build(plugin.parameters, parameters or {})
        with self._guard:
            lock = self._locks.setdefault(plugin.family, threading.Lock())
        with lock:
            start = time.perf_counter()
            log: list[str] = []
            warnings: list[str] = []
            request = ("run", plugin.stage, plugin.name, value, parameters or {}, seed)
            result = self._converse(plugin.family, plugin.name, request, reporter, log, warnings)
        values = {info.name: getattr(built, info.name) for info in describe(plugin.parameters)}
        provenance = Provenance(
            f"{plugin.stage}/{plugin.name}", plugin.version, values, inputs or {}, seed, time.perf_counter() - start
        )
        return PluginRun(result, provenance, tuple(log), tuple(warnings))

    def call(self, target: str, *arguments: Any, family: str = "render", reporter: Reporter | None = None) -> Any:
        """Run ``module:function`` of the program in a worker, such as an off-screen rendering.

        Raises
        ------
        PluginError
            It raised or its process died.
        Cancelled
            Somebody stopped it.
        """
        with self._guard:
            lock = self._locks.setdefault(family, threading.Lock())
        # A warm worker may have been started in another folder than the one a relative path was meant for.
        absolute = tuple(a.absolute() if isinstance(a, Path) else a for a in arguments)
        with lock:
            return self._converse(family, target, ("call", target, absolute), reporter or Reporter(), [], [])

    def warm(self, family: str = "default") -> None:
        """Start a family's worker ahead of its first job."""
        with self._guard:
            lock = self._locks.setdefault(family, threading.Lock())
        with lock:
            self._worker(family)

    def _worker(self, family: str) -> _Worker:
        worker = self._workers.get(family)
        if worker is not None and worker.process.poll() is not None:
            self._throw_away(family)
            worker = None
        if worker is None:
            worker = _Worker()
            with self._guard:
                self._workers[family] = worker
        return worker

    def _throw_away(self, family: str) -> None:
        with self._guard:
            worker = self._workers.pop(family, None)
        if worker is not None:
            worker.end()

    def _converse(
        self,
        family: str,
        name: str,
        request: tuple[Any, ...],
        reporter: Reporter,
        log: list[str],
        warnings: list[str],
    ) -> Any:
        worker = self._worker(family)
        try:
            worker.connection.send(request)
            while True:
                if reporter.cancelled.is_set():
                    raise Cancelled(f"{name} was stopped")
                if not worker.connection.poll(0.05):
                    continue
                kind, done, content = worker.connection.recv()
                if kind == "result":
                    return content
                if kind == "used up":
                    self._throw_away(family)
                self._tell(name, kind, done, content, reporter, log, warnings)
        except (EOFError, OSError) as error:
            status = worker.process.wait()
            words = worker.last_words()
            self._throw_away(family)
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            raise PluginError(f"{name} crashed ({how}); the program goes on. Last words: {words}") from error
        except Cancelled:
            self._throw_away(family)
            raise

    @staticmethod
    def _tell(
        name: str, kind: str, done: float, content: Any, reporter: Reporter, log: list[str], warnings: list[str]
    ) -> None:
        match kind:
            case "progress":
                reporter.progress(done, content)
            case "log":
                log.append(content)
            case "warning":
                warnings.append(content)
                reporter.warning(content)
            case "error" | "used up":
                sentence, details = content
                raise PluginError(f"{name} failed: {sentence}" + (f"\n{details}" if details else ""))
