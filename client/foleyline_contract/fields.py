"""Frozen dataclasses to JSON values and back, strictly checked.

Shared by the wire codec and the bundle manifest. Unknown fields are ignored (a newer peer
may send more); a missing field without default, or a value of another type, is an error
that names its path. Fractions travel as ``"numerator/denominator"``.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from fractions import Fraction
from functools import cache
from math import isfinite
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
FRACTION_DIGITS_MAX = 64
"""Longest numerator or denominator: room for products of floats, far below a costly number."""


class FieldError(ValueError):
    """A JSON value does not fit its field; the text names the field's path."""


def to_json(value: object) -> Any:  # noqa: ANN401 - JSON values have no one type
    """Turn a (nested) dataclass, Fraction, tuple or mapping into plain JSON values.

    Raises:
        FieldError: a fraction has more digits than a peer would accept.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_json(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Fraction):
        if max(abs(value.numerator), value.denominator) >= 10**FRACTION_DIGITS_MAX:
            raise FieldError("a fraction is too long; use limit_denominator() first")
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, tuple | list):
        items = cast("Sequence[object]", value)
        return [to_json(item) for item in items]
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        return {str(key): to_json(item) for key, item in entries.items()}
    return value


def from_json(kind: type[T], value: object, path: str = "") -> T:
    """Build a ``kind`` (a dataclass) from JSON values.

    Raises:
        FieldError: a field is missing or has a value of another type.
    """
    if not isinstance(value, dict):
        raise FieldError(f"{path or 'value'}: an object was expected")
    hints = _hints(kind)
    arguments: dict[str, Any] = {}
    for item in fields(kind):  # pyright: ignore[reportArgumentType]
        name = f"{path}.{item.name}" if path else item.name
        if item.name in value:
            arguments[item.name] = _read(hints[item.name], value[item.name], name)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise FieldError(f"{name}: missing")
    try:
        return kind(**arguments)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise FieldError(f"{path or kind.__name__}: {error}") from error


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


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
        items = cast("list[Any]", value)
        return tuple(_read(get_args(kind)[0], item, f"{path}[{i}]") for i, item in enumerate(items))
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, dict):
            raise FieldError(f"{path}: an object was expected")
        entries = cast("dict[str, Any]", value)
        return {k: _read(get_args(kind)[1], v, f"{path}.{k}") for k, v in entries.items()}
    if kind is Any or kind is object:
        return value
    if is_dataclass(kind):
        return from_json(cast("type[Any]", kind), value, path)
    return _scalar(kind, value, path)


def _scalar(kind: Any, value: Any, path: str) -> Any:  # noqa: ANN401 - types are data here
    if kind is Fraction:
        return _fraction(value, path)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            raise FieldError(f"{path}: a finite number was expected") from None
        if not isfinite(number):
            raise FieldError(f"{path}: a finite number was expected")
        return number
    if kind is int and isinstance(value, bool):
        raise FieldError(f"{path}: int was expected")
    if not isinstance(value, kind):
        raise FieldError(f"{path}: {kind.__name__} was expected")
    return value


def _fraction(value: object, path: str) -> Fraction:
    parts = value.split("/") if isinstance(value, str) else []
    sound = len(parts) == 2 and all(
        part.isascii()
        and part.removeprefix("-").isdecimal()
        and len(part.removeprefix("-")) <= FRACTION_DIGITS_MAX
        for part in parts
    )
    if not sound or int(parts[1]) <= 0:
        raise FieldError(f'{path}: a fraction "numerator/denominator" was expected')
    return Fraction(int(parts[0]), int(parts[1]))
