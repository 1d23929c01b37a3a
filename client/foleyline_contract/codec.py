"""Messages to wire parts and back; the only (de)serializer.

A message is one JSON header part and any number of binary parts. The header holds
``protocol`` (int), ``type`` (str), ``id`` (str), ``reply_to`` (str or null) and ``body``
(object). These five names never change, so that peers of different versions can at least
tell each other so. See docs/protocol.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args
from uuid import uuid4

from foleyline_contract.errors import MessageMalformed, ProtocolMismatch
from foleyline_contract.fields import FieldError, from_json, to_json
from foleyline_contract.messages import Event, Message, Request
from foleyline_contract.version import PROTOCOL_VERSION

HEADER_MAX_BYTES = 1 << 20
PARTS_MAX = 16
ID_MAX_CHARS = 64


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
    """Wire parts of a message, header first."""
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
            f"The other side speaks protocol {header['protocol']}, this side {PROTOCOL_VERSION}."
        )
    kind = MESSAGE_TYPES.get(header["type"])
    if kind is None:
        raise MessageMalformed(f"There is no message of type {header['type']!r}.")
    try:
        message = from_json(kind, header.get("body"))
    except FieldError as error:
        raise MessageMalformed(f"A {header['type']!r} message is wrong: {error}.") from error
    return Envelope(message, header["id"], header["reply_to"], tuple(parts[1:]))


def read_header(parts: Sequence[bytes]) -> dict[str, Any]:
    """The header's JSON, with its unchanging fields checked.

    Raises:
        MessageMalformed: it is no header of any protocol version.
    """
    if not 1 <= len(parts) <= PARTS_MAX or len(parts[0]) > HEADER_MAX_BYTES:
        raise MessageMalformed("A message has no header, or too long a one.")
    try:
        header: Any = json.loads(parts[0])
    except (ValueError, RecursionError) as error:
        raise MessageMalformed("A message's header is not JSON.") from error
    if not isinstance(header, dict):
        raise MessageMalformed("A message's header is not an object.")
    checked: dict[str, Any] = header
    protocol, reply_to = checked.get("protocol"), checked.setdefault("reply_to", None)
    sound = (
        isinstance(protocol, int)
        and not isinstance(protocol, bool)
        and isinstance(checked.get("type"), str)
        and _is_id(checked.get("id"))
        and (reply_to is None or _is_id(reply_to))
    )
    if not sound:
        raise MessageMalformed("A message's header lacks protocol, type or id.")
    return checked


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= ID_MAX_CHARS and value.isalnum()
