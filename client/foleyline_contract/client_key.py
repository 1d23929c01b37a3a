"""The file that lets a client speak to a server on another machine: one per client.

``foley-server keygen`` writes it, clients read it. It holds the client's own key pair and
the server's public key, all as CURVE knows them: 40 characters of Z85 for 32 bytes.
"""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

from foleyline_contract.errors import SettingInvalid
from foleyline_contract.requests import NAME_MAX_CHARS

SUFFIX = ".foleykey"
KEY_CHARS = 40
FILE_MAX_BYTES = 4096
_FORMAT = 1
_Z85 = frozenset(string.ascii_letters + string.digits + ".-:+=^!/*?&<>()[]{}@%$#")


def is_key(value: object) -> TypeGuard[str]:
    """Whether a value can be a CURVE key, as far as its form goes."""
    return isinstance(value, str) and len(value) == KEY_CHARS and _Z85.issuperset(value)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """What a client proves itself with, and knows its server by."""

    name: str
    """What the server's owner calls the client."""
    public: str
    secret: str
    server: str
    """The server's public key."""

    def __post_init__(self) -> None:
        if not all(map(is_key, (self.public, self.secret, self.server))):
            raise SettingInvalid("The key is damaged.", remedy=_REMEDY)
        if len(self.name) > NAME_MAX_CHARS:
            raise SettingInvalid("The key's name is too long.", remedy=_REMEDY)

    def __repr__(self) -> str:
        """Not the secret: this may end up in a log."""
        return f"ClientKey({self.name!r}, {self.public!r})"

    def to_text(self) -> str:
        """The file's content."""
        fields = {"foleyline_key": _FORMAT, "name": self.name, "public": self.public}
        return json.dumps({**fields, "secret": self.secret, "server": self.server}, indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> ClientKey:
        """The key in a file's content.

        Raises:
            SettingInvalid: it holds none.
        """
        try:
            value: Any = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        if fields.get("foleyline_key") != _FORMAT:
            raise SettingInvalid("The file is no Foleyline key.", remedy=_REMEDY)
        values = [fields.get(name) for name in ("name", "public", "secret", "server")]
        if not all(isinstance(item, str) for item in values):
            raise SettingInvalid("The key is damaged.", remedy=_REMEDY)
        return cls(*cast("list[str]", values))


_REMEDY = (
    f"Ask whoever runs the server for a {SUFFIX} file: 'foley-server keygen FOLDER --client NAME' "
    "makes it."
)
