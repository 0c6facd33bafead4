"""The workers of this program: one pool, made when the first job asks for it."""

from __future__ import annotations

import functools

from faceapp.pipeline.workers import WorkerPool


@functools.cache
def worker_pool() -> WorkerPool:
    """Return the program's pool of worker processes."""
    return WorkerPool()
