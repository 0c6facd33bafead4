"""Every plugin keeps its contract; a stranger's that breaks is shown and survived."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceapp.app.plugin_check import check_plugin, small_input
from faceapp.cli.main import main
from faceapp.core.errors import Cancelled, PluginError, UsageError
from faceapp.core.signals import Reporter
from faceapp.pipeline.contract import Plugin
from faceapp.pipeline.registry import find_plugins, get_plugin
from faceapp.pipeline.workers import WorkerPool

OURS = ("cvt", "poisson", "nicp", "facescape", "t-icp", "rigid", "landmark-fit")
STRANGER = '''
import os, time
from dataclasses import dataclass
from typing import Annotated
from faceapp.core.results import Reconstruction
from faceapp.pipeline.contract import Job, plugin
from faceapp.pipeline.parameters import Between
from faceapp.pipeline.stages import ReconstructionInput

@dataclass(frozen=True, kw_only=True)
class Parameters:
    how: str = "raise"
    """How to fail."""
    level: Annotated[int, Between(0, 9)] = 1
    """A number."""

@plugin(stage="reconstruct", name="stranger", version="0.1", family="strange")
def reconstruct(job: Job, subject: ReconstructionInput, parameters: Parameters) -> Reconstruction:
    job.progress(0.1, "beginning")
    if parameters.how == "crash":
        (job.scratch / "left behind").write_bytes(bytes(1000))
        os.write(2, b"segmentation imminent")
        os.abort()
    if parameters.how == "hang":
        time.sleep(600)
    if parameters.how == "eat":
        import numpy as np
        eaten = [np.ones(25_000_000) for _ in range(10_000)]
    if parameters.how == "fill":
        with open(job.scratch / "endless", "wb") as file:
            while True:
                file.write(bytes(10_000_000))
    raise ValueError("no face like this")
'''


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    """A plugin of somebody else's, installed the way pip would."""
    (tmp_path / "strange_plugin.py").write_text(STRANGER)
    info = tmp_path / "strange_plugin-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-plugin\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[faceapp.plugins]\nstranger = strange_plugin\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(str(tmp_path))
    find_plugins.cache_clear()
    yield get_plugin("reconstruct", "stranger")
    find_plugins.cache_clear()
    sys.modules.pop("strange_plugin", None)


@pytest.mark.parametrize("name", OURS)
def test_our_plugins_keep_the_contract(name: str) -> None:
    plugin = next(p for p in find_plugins()[0] if p.name == name)
    assert check_plugin(plugin) == []


def test_an_exception_is_shown_and_the_next_job_runs(stranger: Plugin) -> None:
    with WorkerPool() as pool:
        for _ in range(2):
            with pytest.raises(PluginError, match="no face like this"):
                pool.run(stranger, small_input("reconstruct"))


def test_a_crash_is_shown_and_the_next_job_runs(stranger: Plugin) -> None:
    with WorkerPool() as pool:
        with pytest.raises(PluginError, match=r"crashed \(signal 6\).*segmentation imminent"):
            pool.run(stranger, small_input("reconstruct"), {"how": "crash"})
        with pytest.raises(PluginError, match="no face like this"):
            pool.run(stranger, small_input("reconstruct"))


def test_a_crash_leaves_nothing_on_the_disk(stranger: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with WorkerPool() as pool:
        with pytest.raises(PluginError, match="crashed"):
            pool.run(stranger, small_input("reconstruct"), {"how": "crash"})
        assert not [*tmp_path.rglob("left behind"), *tmp_path.glob("faceapp-*")]


def test_a_plugin_that_hangs_is_stopped(stranger: Plugin) -> None:
    cancelled = threading.Event()
    with WorkerPool() as pool:
        pool.warm("strange")
        threading.Timer(0.3, cancelled.set).start()
        start = time.perf_counter()
        with pytest.raises(Cancelled):
            pool.run(stranger, small_input("reconstruct"), {"how": "hang"}, Reporter(None, cancelled))
        assert time.perf_counter() - start < 30  # it would sleep for ten minutes


@pytest.mark.skipif(sys.platform == "win32", reason="the system knows no limits of a process")
@pytest.mark.parametrize(("how", "words"), [("eat", "more memory than the 3.0 GB"), ("fill", "has no room for what")])
def test_a_plugin_that_uses_the_machine_up_ends_its_job_alone(
    stranger: Plugin, monkeypatch: pytest.MonkeyPatch, how: str, words: str
) -> None:
    monkeypatch.setenv("FACEAPP_WORKER_MEMORY_GB", "3")
    monkeypatch.setenv("FACEAPP_WORKER_FILE_GB", "0.2")
    with WorkerPool() as pool:
        with pytest.raises(PluginError, match=words):
            pool.run(stranger, small_input("reconstruct"), {"how": how})
        with pytest.raises(PluginError, match="no face like this"):
            pool.run(stranger, small_input("reconstruct"))


def test_wrong_parameters_never_reach_the_plugin(stranger: Plugin) -> None:
    with WorkerPool() as pool:
        with pytest.raises(UsageError, match="level: 12 is not between 0 and 9"):
            pool.run(stranger, None, {"level": "12"})
        with pytest.raises(UsageError, match="unknown parameter 'colour'"):
            pool.run(stranger, None, {"colour": 1})


def test_a_broken_plugin_is_exit_status_4(stranger: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--check", "stranger"]) == 4
    assert "no face like this" in capsys.readouterr().err


def test_a_plugin_that_cannot_be_imported_is_named(stranger: Plugin, tmp_path: Path) -> None:
    (tmp_path / "strange_plugin.py").write_text("import no_such_library\n")
    sys.modules.pop("strange_plugin", None)
    find_plugins.cache_clear()
    plugins, broken = find_plugins()
    assert {p.name for p in plugins} >= set(OURS)
    assert "stranger" in broken[0]
    assert "no_such_library" in broken[0]


def test_what_is_no_face_is_doubted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A registration runs through on anything; the sentence says that it should not be believed."""
    from faceapp.core.mesh import Mesh
    from faceapp.formats.ply import write_mesh
    from tests.unit.test_geometry import bumpy

    plate = bumpy(40, 60.0)
    write_mesh(tmp_path / "plate.ply", Mesh(plate.vertices, plate.faces))
    assert main(["register", str(tmp_path / "plate.ply"), "--out", str(tmp_path / "out")]) in (0, 1)
    told = capsys.readouterr().err
    assert "is it a face" in told or "was not found in the scan" in told


def test_a_warm_worker_writes_where_the_caller_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    with WorkerPool() as pool:
        monkeypatch.chdir(tmp_path / "elsewhere")
        pool.warm("render")
        monkeypatch.chdir(tmp_path)
        pool.call("faceapp.formats.atomic:write_bytes", Path("here.txt"), b"x")
    assert (tmp_path / "here.txt").read_bytes() == b"x"
    assert not (tmp_path / "elsewhere" / "here.txt").exists()
