"""The driver of the guide, taken out of the guide: a stranger's file keeps the laws that ours keep."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

import faceapp_resources
from faceapp.app.device_listing import Standing, list_drivers
from faceapp.app.driver_check import check_driver
from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.registry import load_camera_driver


def install(folder: Path, name: str, code: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a module and its entry point where Python finds installed packages."""
    module = target.partition(":")[0]
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[faceapp.cameras]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, module, raising=False)


def guide_code() -> str:
    guide = faceapp_resources.path("docs", "guide.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(# acme_camera\.py\n.*?)```", guide, re.DOTALL)
    return str(code)


def test_the_driver_of_the_guide_keeps_all_laws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "acme", guide_code(), "acme_camera:AcmeDriver", monkeypatch)
    entry = next(e for e in list_drivers() if e.name == "acme")
    assert (entry.standing, [c.serial for c in entry.cameras]) == (Standing.FOUND, ["A-1", "A-2"])
    findings = check_driver("acme", "A-2")
    assert len(findings) == 14
    assert [f"{f.law} {f.fault}" for f in findings if f.fault] == []


def test_a_driver_that_breaks_a_law_is_told_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = guide_code().replace("self.number += 1", "self.number += 1 + (self.number % 5 == 4)")
    code = code.replace("refuse_unknown(order, {})", "pass")
    assert code != guide_code()
    install(tmp_path, "careless", code.replace('"acme"', '"careless"'), "acme_camera:AcmeDriver", monkeypatch)
    broken = {f.law: f.fault for f in check_driver("careless") if f.fault}
    assert any("an unknown option is not refused" in fault for fault in broken.values())
    assert any("have a gap" in fault for fault in broken.values())


def test_a_driver_that_cannot_be_loaded_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "torn", "import no_such_sdk\n", "torn_camera:Driver", monkeypatch)
    entry = next(e for e in list_drivers() if e.name == "torn")
    assert entry.standing is Standing.WRONG
    assert entry.sentence == "the driver torn cannot be loaded: No module named 'no_such_sdk'. Install what it needs"
    with pytest.raises(DeviceError, match="the driver torn cannot be loaded"):
        load_camera_driver("torn")


def test_a_driver_that_promises_too_little_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "half", 'class Driver:\n    name = "half"\n', "half_camera:Driver", monkeypatch)
    with pytest.raises(DeviceError, match=r"is not a camera driver \(it lacks discover, make_camera, missing, title\)"):
        load_camera_driver("half")


def test_a_name_that_no_driver_has_is_refused() -> None:
    with pytest.raises(UsageError, match=r"there is no driver 'nikon'; installed are aravis, basler, bench, emulated"):
        check_driver("nikon")


def test_making_drivers_imports_no_software_of_makers() -> None:
    """A start is not slowed, nor stopped, by what is not there."""
    import subprocess

    code = (
        "import sys\n"
        "from faceapp.devices.registry import *\n"
        "[load_camera_driver(n) for n in camera_driver_names()]\n"
        "[load_projector_driver(n) for n in projector_driver_names()]\n"
        "[load_driver(n) for n in driver_names()]\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & "
        "{'pypylon', 'harvesters', 'genicam', 'viva_genicam', 'cv2', 'gi'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("[]", "['cv2']"), done.stdout
