"""Frozen dataclasses to JSON values and back, strictly checked.

Shared by the wire codec and the bundle manifest. Unknown fields are ignored (a newer peer
may send more); a missing field without default, or a value of another type, is an error
that names its path. Fractions travel as ``"numerator/denominator"``.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from fractions import Fraction
from math import isfinite
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_FRACTION_DIGITS = 20
"""Longest numerator or denominator accepted: far beyond any time, far below a costly number."""


class FieldError(ValueError):
    """A JSON value does not fit its field; the text names the field's path."""


def to_json(value: object) -> Any:  # noqa: ANN401 - JSON values have no one type
    """Turn a (nested) dataclass, Fraction, tuple or mapping into plain JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_json(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


def from_json(kind: type[T], value: object, path: str = "") -> T:
    """Build a ``kind`` (a dataclass) from JSON values.

    Raises:
        FieldError: a field is missing or has a value of another type.
    """
    if not isinstance(value, dict):
        raise FieldError(f"{path or 'value'}: an object was expected")
    hints = get_type_hints(kind)
    arguments: dict[str, Any] = {}
    for item in fields(kind):  # pyright: ignore[reportArgumentType]
        name = f"{path}.{item.name}" if path else item.name
        if item.name in value:
            arguments[item.name] = _read(hints[item.name], value[item.name], name)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise FieldError(f"{name}: missing")
    try:
        return kind(**arguments)
    except (ValueError, TypeError) as error:
        raise FieldError(f"{path or kind.__name__}: {error}") from error


def _read(kind: Any, value: Any, path: str) -> Any:  # noqa: ANN401 - types are data here
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        options = get_args(kind)
        if value is None and type(None) in options:
            return None
        return _read(next(o for o in options if o is not type(None)), value, path)
    if origin is tuple:
        if not isinstance(value, list):
            raise FieldError(f"{path}: a list was expected")
        return tuple(_read(get_args(kind)[0], item, f"{path}[{i}]") for i, item in enumerate(value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):  # pyright: ignore[reportUnknownVariableType]
            raise FieldError(f"{path}: an object was expected")
        return {k: _read(get_args(kind)[1], v, f"{path}.{k}") for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if kind is Any or kind is object:
        return value
    if is_dataclass(kind):
        return from_json(kind, value, path)  # pyright: ignore[reportArgumentType]
    return _scalar(kind, value, path)


def _scalar(kind: Any, value: Any, path: str) -> Any:  # noqa: ANN401 - types are data here
    if kind is Fraction:
        return _fraction(value, path)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not isfinite(value):
            raise FieldError(f"{path}: a finite number was expected")
        return float(value)
    if kind is int and isinstance(value, bool):
        raise FieldError(f"{path}: int was expected")
    if not isinstance(value, kind):
        raise FieldError(f"{path}: {kind.__name__} was expected")
    return value


def _fraction(value: object, path: str) -> Fraction:
    parts = value.split("/") if isinstance(value, str) else []
    sound = len(parts) == 2 and all(
        part.removeprefix("-").isdecimal() and part.isascii() and len(part) <= _FRACTION_DIGITS
        for part in parts
    )
    if not sound or int(parts[1]) <= 0:
        raise FieldError(f'{path}: a fraction "numerator/denominator" was expected')
    return Fraction(int(parts[0]), int(parts[1]))
