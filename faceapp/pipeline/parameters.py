"""Typed parameters: one frozen dataclass makes the form, the ``--set name=value`` and the JSON of a result.

Fields are annotated: ``spacing: Annotated[float, Between(0.1, 20), Unit("mm")] = 5.0``, each followed by a
string that explains it. A class variable ``PRESETS`` may name sets of values.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from faceapp.core.errors import UsageError

Value = float | int | bool | str


@dataclass(frozen=True)
class Between:
    """Inclusive limits of a number."""

    low: float
    high: float


@dataclass(frozen=True)
class Unit:
    """Unit of a number, as people read it."""

    text: str


class Choice:
    """The words that a text may be.

    Parameters
    ----------
    *values : str
        In the order of the form.
    """

    def __init__(self, *values: str) -> None:
        self.values = values


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter as a form shows it.

    Parameters
    ----------
    name : str
        Of the field.
    type : type
        ``float``, ``int``, ``bool`` or ``str``.
    default : float, int, bool or str
        Value when nobody says otherwise.
    low, high : float or None
        Inclusive limits.
    unit : str
        Empty for none.
    choices : tuple of str
        Empty where the text is free.
    doc : str
        The sentence that explains it.
    """

    name: str
    type: type
    default: Value
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    doc: str = ""


def describe(parameters: type) -> tuple[ParameterInfo, ...]:
    """Return what a form needs to know of a parameter dataclass, in the order of its fields."""
    hints = get_type_hints(parameters, include_extras=True)
    docs = {name: doc for kind in reversed(parameters.__mro__) for name, doc in _field_docs(kind).items()}
    return tuple(_describe_field(f.name, hints[f.name], f.default, docs.get(f.name, "")) for f in fields(parameters))


def presets_of(parameters: type) -> Mapping[str, Mapping[str, Value]]:
    """Return the presets of a parameter dataclass: by name, the values that differ from the defaults."""
    found: Mapping[str, Mapping[str, Value]] = getattr(parameters, "PRESETS", {})
    return found


def _describe_field(name: str, hint: Any, default: Any, doc: str) -> ParameterInfo:
    notes = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    kind = get_args(hint)[0] if notes else hint
    limits = next((n for n in notes if isinstance(n, Between)), None)
    unit = next((n.text for n in notes if isinstance(n, Unit)), "")
    choices = next((n.values for n in notes if isinstance(n, Choice)), ())
    low, high = (limits.low, limits.high) if limits else (None, None)
    return ParameterInfo(name, kind, default, low, high, unit, choices, doc)


def _field_docs(parameters: type) -> dict[str, str]:
    """Read the string below each field: Python keeps it in the source only."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(parameters)))
    except (OSError, TypeError):
        return {}
    docs: dict[str, str] = {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for statement, following in itertools.pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            docs[statement.target.id] = " ".join(str(following.value.value).split())
    return docs


def build(parameters: type, values: Mapping[str, Any]) -> Any:
    """Return an instance of the dataclass, its values converted and checked.

    Parameters
    ----------
    parameters : type
        A parameter dataclass.
    values : mapping of str to object
        Texts (from a command line) or JSON values; names that are left out keep their default. ``preset`` names a
        preset to begin with.

    Raises
    ------
    UsageError
        An unknown name, a value of the wrong kind or out of its limits; the message names it.
    """
    infos = {info.name: info for info in describe(parameters)}
    if "preset" in values and "preset" not in infos:
        presets = presets_of(parameters)
        if values["preset"] not in presets:
            raise UsageError(f"unknown preset {values['preset']!r}; there are {', '.join(presets) or 'none'}")
        values = {**presets[values["preset"]], **{n: v for n, v in values.items() if n != "preset"}}
    unknown = [name for name in values if name not in infos]
    if unknown:
        raise UsageError(f"unknown parameter {unknown[0]!r}; there are {', '.join(infos) or 'none'}")
    return parameters(**{name: _convert(infos[name], value) for name, value in values.items()})


def _convert(info: ParameterInfo, value: Any) -> Value:
    try:
        converted = _as_bool(value) if info.type is bool else info.type(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"parameter {info.name}: {value!r} is not a {info.type.__name__}") from error
    if info.type in (int, float):
        below = info.low is not None and not converted >= info.low
        above = info.high is not None and not converted <= info.high
        if below or above or converted != converted:
            unit = f" {info.unit}" if info.unit else ""
            raise UsageError(f"parameter {info.name}: {value} is not between {info.low:g} and {info.high:g}{unit}")
    if info.choices and converted not in info.choices:
        raise UsageError(f"parameter {info.name}: {value!r} is not one of {', '.join(info.choices)}")
    return converted


def _as_bool(value: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if isinstance(value, bool):
        return value
    return words[str(value).lower()] if str(value).lower() in words else _refuse(value)


def _refuse(value: Any) -> bool:
    raise ValueError(value)
