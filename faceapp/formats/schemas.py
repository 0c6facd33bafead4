"""JSON files checked against the schemas that ship with the program; an error names the field."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema

import faceapp_resources
from faceapp.core.errors import DataError


@functools.cache
def _validator(name: str) -> Any:
    schema = json.loads(faceapp_resources.path("schemas", f"{name}.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def read_json(file: Path, schema: str, error: type[DataError] = DataError) -> dict[str, Any]:
    """Return a JSON file's object after checking it.

    Parameters
    ----------
    file : Path
        To read.
    schema : str
        Name of a schema in ``resources/schemas``.
    error : type
        What to raise.

    Raises
    ------
    DataError
        The file is missing, not JSON, of a newer version, or breaks the schema; the message names the field.
    """
    data = _load(file, error)
    check(data, schema, str(file), error)
    return dict(data)


def schema_of(file: Path) -> str:
    """Return what a JSON file of ours says that it is, such as ``landmarks``; empty where it says nothing.

    Raises
    ------
    DataError
        The file is missing or not JSON.
    """
    data = _load(file, DataError)
    stated = str(data.get("schema", "")) if isinstance(data, dict) else ""
    return stated.removeprefix("faceapp/") if stated.startswith("faceapp/") else ""


def _load(file: Path, error: type[DataError]) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise error(f"{file} is missing") from None
    except OSError as cause:
        raise error(f"{file} cannot be read: {cause.strerror}") from cause
    except UnicodeDecodeError as cause:
        raise error(f"{file} is not valid JSON: it is no text in UTF-8") from cause
    except json.JSONDecodeError as cause:
        raise error(f"{file} is not valid JSON: line {cause.lineno}, column {cause.colno}: {cause.msg}") from cause
    except (ValueError, RecursionError) as cause:
        raise error(f"{file} is not valid JSON: {cause}") from cause


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON; what is not known is null")


def check(data: Any, schema: str, where: str, error: type[DataError] = DataError) -> None:
    """Raise ``error`` with the first field of ``data`` that breaks the schema; ``where`` names the file."""
    if isinstance(data, dict) and isinstance(data.get("schema_version"), int) and data["schema_version"] > 1:
        raise error(
            f"{where}: schema_version {data['schema_version']} is newer than this program understands (1); "
            "update faceapp to read it"
        )
    faults = sorted(_validator(schema).iter_errors(data), key=lambda fault: list(map(str, fault.absolute_path)))
    if faults:
        deepest = jsonschema.exceptions.best_match(faults)
        raise error(f"{where}: field {_field(deepest.absolute_path)}: {_shorten(deepest.message)}")


def _field(path: Any) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text or "(the whole file)"


def _shorten(message: str) -> str:
    return message if len(message) < 200 else f"{message[:120]} ... {message[-60:]}"
