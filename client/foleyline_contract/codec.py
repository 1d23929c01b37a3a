"""Messages to wire parts and back; the only (de)serializer.

A message is one JSON header part and any number of binary parts. The header holds
``protocol`` (int), ``type`` (str), ``id`` (str), ``reply_to`` (str or null) and ``body``
(object). These five names never change, so that peers of different versions can at least
tell each other so. See docs/protocol.md.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, cast, get_args
from uuid import uuid4

from foleyline_contract.errors import MessageMalformed, ProtocolMismatch
from foleyline_contract.fields import FieldError, from_json, to_json
from foleyline_contract.messages import CLIP_DURATION_MAX_S, Event, Message, Request
from foleyline_contract.specs import TAKE_RATE_HZ, TAKE_SAMPLE_BYTES
from foleyline_contract.version import PROTOCOL_VERSION

HEADER_MAX_BYTES = 1 << 20
PARTS_MAX = 16
PART_MAX_BYTES = CLIP_DURATION_MAX_S * TAKE_RATE_HZ * TAKE_SAMPLE_BYTES
"""The longest take's sound; sockets refuse longer parts."""
ID_MAX_CHARS = 64
DEPTH_MAX = 32
"""Deepest nesting of a header, so that what was read can always be written again."""
_SHOWN_CHARS = 80
_PROTOCOL_MAX = 2**31 - 1


def _wire_name(kind: type) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__).lstrip("_")


MESSAGE_TYPES: dict[str, type[Any]] = {
    _wire_name(kind): kind for kind in (*get_args(Request), *get_args(Event))
}
"""Wire name to class: ``take_finished`` is TakeFinished."""
_NAMES = {kind: name for name, kind in MESSAGE_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message with its address: its own id and the request it answers."""

    message: Message
    id: str
    reply_to: str | None = None
    parts: tuple[bytes, ...] = ()


def new_id() -> str:
    """A fresh message id."""
    return uuid4().hex


def encode(envelope: Envelope) -> list[bytes]:
    """Wire parts of a message, header first.

    Raises:
        ValueError: a number in the message is not finite, or a fraction too long.
    """
    header = {
        "protocol": PROTOCOL_VERSION,
        "type": _NAMES[type(envelope.message)],
        "id": envelope.id,
        "reply_to": envelope.reply_to,
        "body": to_json(envelope.message),
    }
    return [json.dumps(header, allow_nan=False).encode(), *envelope.parts]


def decode(parts: Sequence[bytes]) -> Envelope:
    """The message in wire parts.

    Raises:
        ProtocolMismatch: the header's protocol is not ours; its text says which.
        MessageMalformed: anything else is wrong with it.
        FoleyError: the message's own constructor refused a value (SettingInvalid, ...).
    """
    header = read_header(parts)
    if header["protocol"] != PROTOCOL_VERSION:
        raise ProtocolMismatch(
            "Client and server speak different protocol versions, "
            f"{header['protocol']} and {PROTOCOL_VERSION}."
        )
    name: str = header["type"]
    kind = MESSAGE_TYPES.get(name)
    if kind is None:
        raise MessageMalformed(f"There is no message of type {name[:_SHOWN_CHARS]!r}.")
    try:
        message = from_json(kind, header.get("body"))
    except FieldError as error:
        raise MessageMalformed(f"A {name!r} message is wrong: {error}.") from error
    return Envelope(message, header["id"], header["reply_to"], tuple(parts[1:]))


def read_header(parts: Sequence[bytes]) -> dict[str, Any]:
    """The header's JSON, with its unchanging fields checked.

    Raises:
        MessageMalformed: it is no header of any protocol version.
    """
    if not 1 <= len(parts) <= PARTS_MAX or len(parts[0]) > HEADER_MAX_BYTES:
        raise MessageMalformed("A message has no header, or too long a one.")
    try:
        text = bytes(parts[0]).decode("utf-8")
        header: Any = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise MessageMalformed("A message's header is not JSON.") from error
    if _nests_deeper(header, DEPTH_MAX):
        raise MessageMalformed("A message's header is nested too deeply.")
    if not isinstance(header, dict):
        raise MessageMalformed("A message's header is not an object.")
    checked = cast("dict[str, Any]", header)
    protocol, reply_to = checked.get("protocol"), checked.setdefault("reply_to", None)
    sound = (
        isinstance(protocol, int)
        and not isinstance(protocol, bool)
        and 0 <= protocol <= _PROTOCOL_MAX
        and isinstance(checked.get("type"), str)
        and _is_id(checked.get("id"))
        and (reply_to is None or _is_id(reply_to))
    )
    if not sound:
        raise MessageMalformed("A message's header lacks protocol, type or id.")
    return checked


def _is_id(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= ID_MAX_CHARS
        and value.isascii()
        and value.isalnum()
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text[:_SHOWN_CHARS]} is no finite number")
    return number


def _nests_deeper(value: object, limit: int) -> bool:
    """Whether lists and objects nest more than ``limit`` deep; without recursion."""
    level: list[Any] = [value]
    for _ in range(limit):
        level = [inner for item in level for inner in _children(item)]
    return any(isinstance(item, dict | list) for item in level)


def _children(item: Any) -> Collection[Any]:  # noqa: ANN401 - any JSON value
    if isinstance(item, dict):
        return cast("dict[str, Any]", item).values()
    if isinstance(item, list):
        return cast("list[Any]", item)
    return ()
