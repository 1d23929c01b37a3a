"""A request on its way through the server."""

from __future__ import annotations

from dataclasses import dataclass

from foleyline_contract.messages import Message


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, who sent it and under which id.

    Attributes:
        client: the line it came by, and the answer goes.
        owner: whose jobs the client may know of: its public key, or empty where none is needed.
        local: whether the client is on this machine, so may name files and end the server.
    """

    client: bytes
    owner: str
    local: bool
    request_id: str
    message: Message
    parts: tuple[bytes, ...] = ()
