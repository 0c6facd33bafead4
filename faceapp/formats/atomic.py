"""Files that are whole or not there: written under a temporary name, flushed to the disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faceapp.core.errors import DataError, UsageError
from faceapp.core.host import before_write


def write_bytes(file: Path, data: bytes) -> None:
    """Write a whole file so that a reader sees the old one or the new one, never half.

    Raises
    ------
    DataError
        The disk is full or the folder cannot be written; the old file, if any, is untouched.
    """
    try:
        before_write(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    except OSError as error:
        raise _refused(file, error) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        os.replace(name, file)
        sync_folder(file.parent)
    except OSError as error:
        raise _refused(file, error) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> DataError:
    """Return the error for people: what the disk says, and what to do about it."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            todo = "Free some space"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            todo = "Check that the disk is not write-protected and that you may write there"
        case _:
            todo = "Check the disk and its cable"
    return DataError(f"cannot write {path}: {error.strerror}. {todo}, then try again")


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file whole (see `write_bytes`), UTF-8, one key a line."""
    write_bytes(file, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def append_line(file: Path, line: str) -> None:
    """Append one line to a journal and flush it to the disk before returning.

    Raises
    ------
    DataError
        The disk is full or the file cannot be written.
    """
    try:
        before_write(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab+") as stream:
            if stream.tell() and _last_byte(stream) != b"\n":
                stream.write(b"\n")  # a kill left half a line: it stays readable as the one bad line
            stream.write(line.encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise _refused(file, error) from error


def _last_byte(stream: Any) -> bytes:
    stream.seek(-1, os.SEEK_END)
    return bytes(stream.read(1))


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def new_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder that takes the name ``folder`` when the block ends well, else vanishes.

    Parameters
    ----------
    folder : Path
        Final name; must not exist unless ``replace``.
    replace : bool
        Whether an existing folder may give way.

    Raises
    ------
    UsageError
        ``folder`` exists and may not be replaced.
    DataError
        The disk refuses.
    """
    if folder.exists() and not replace and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists already; choose another name, or add --force to write over it")
    try:
        before_write(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        temporary.chmod(0o755)
        yield temporary
        _take_place(temporary, folder)
    except DataError as error:
        told = str(error).replace(str(temporary), str(folder))  # the temporary name says nothing to anybody
        if told == str(error):
            raise
        raise type(error)(told) from error
    except BrokenPipeError:
        raise  # whoever read our lines has gone; the disk is well
    except OSError as error:
        raise _refused(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _take_place(temporary: Path, folder: Path) -> None:
    for file in temporary.rglob("*"):
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
        else:
            sync_folder(file)
    sync_folder(temporary)
    if folder.exists():
        old = folder.with_name(f".{folder.name}.old.part")
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
        os.replace(temporary, folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(temporary, folder)
    sync_folder(folder.parent)
