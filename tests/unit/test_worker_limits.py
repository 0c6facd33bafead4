"""What a job is told when memory or disk is used up: the limits that are in force, not those of another moment."""

from __future__ import annotations

import errno

import pytest

from faceapp.pipeline.limits import exhausted

resource = pytest.importorskip("resource", reason="this system knows no limits of a process")


def test_the_limit_in_force_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (int(3.5e9), resource.RLIM_INFINITY))
    assert "the 3.5 GB that a job may take" in exhausted(MemoryError())
    sentence = exhausted(OSError(errno.ENOSPC, "full", "/there/mesh.ply"))
    assert "/there/mesh.ply" in sentence and "a single file may have 3.5 GB" in sentence


def test_without_a_limit_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert "more memory than there is" in exhausted(MemoryError())
    assert "a single file" not in exhausted(OSError(errno.ENOSPC, "full"))


def test_other_errors_have_no_sentence() -> None:
    assert exhausted(OSError(errno.ENOENT, "not there")) == ""
    assert exhausted(ValueError("no")) == ""
