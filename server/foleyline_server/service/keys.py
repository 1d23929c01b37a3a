"""Who may connect from other machines: CURVE keys, and the thread that checks them.

All cryptography is ZeroMQ's own (libzmq and ``zmq.auth``). A folder of keys holds

    server.key         the server's key pair; nobody else may read it
    authorized_keys    a line for each client: its public key, a space, its name

and is made by ``foley-server keygen``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, cast

import zmq
from zmq.auth.thread import ThreadAuthenticator

from foleyline_contract.client_key import is_key
from foleyline_contract.errors import SettingInvalid

SERVER_KEY_NAME = "server.key"
AUTHORIZED_NAME = "authorized_keys"
FORMAT = 1
_DOMAIN = "foleyline"
_FILE_MAX_BYTES = 1 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A public key and its secret, in Z85."""

    public: str
    secret: str

    def __repr__(self) -> str:
        """Not the secret: this may end up in a log."""
        return f"KeyPair({self.public!r})"


def new_key_pair() -> KeyPair:
    """A fresh pair, from the operating system's randomness."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public.decode(), secret.decode())


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """What a server proves itself with, and where its clients' keys are listed."""

    pair: KeyPair
    authorized: Path


def load_server_keys(folder: Path) -> ServerKeys:
    """The keys in a folder.

    Raises:
        SettingInvalid: there are none, or they cannot be read.
    """
    path = folder / SERVER_KEY_NAME
    try:
        value: Any = json.loads(path.read_bytes()[:_FILE_MAX_BYTES])
    except OSError as error:
        raise SettingInvalid(
            f"The folder {folder.name!r} holds no keys of a server that can be read.",
            remedy=f"Run 'foley-server keygen {folder}', or check who may read it.",
            detail=str(error),
        ) from error
    except (ValueError, RecursionError):
        value = None
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    public, secret = fields.get("public"), fields.get("secret")
    if fields.get("foleyline_server_key") != FORMAT or not is_key(public) or not is_key(secret):
        raise SettingInvalid(
            f"The file {SERVER_KEY_NAME!r} is no key of a server.",
            remedy="Run 'foley-server keygen' with another folder, and hand out new keys.",
        )
    return ServerKeys(KeyPair(public, secret), folder / AUTHORIZED_NAME)


class AuthorizedKeys:
    """The list of clients' keys, read again when its file has changed; safe from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._seen: tuple[int, int, int] | None = None
        self._names: Mapping[str, str] = {}
        self._is_broken = False

    def name_of(self, key: str) -> str | None:
        """What the client with that key is called; None if it may not connect."""
        with self._lock:
            self._refresh()
            return self._names.get(key)

    def callback(self, _domain: str, key: bytes) -> bool:
        """Whether a client may connect, as ``zmq.auth`` asks it."""
        name = self.name_of(key.decode("ascii", "replace"))
        _log.info("a client with %s", f"the key of {name!r}" if name else "an unknown key")
        return name is not None

    def _refresh(self) -> None:
        """A list that cannot be read lets nobody in."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._seen:
                with self._path.open("rb") as stream:
                    text = stream.read(_FILE_MAX_BYTES).decode("utf-8", "replace")
                self._seen, self._names = seen, read_authorized(text)
            self._is_broken = False
        except OSError as error:
            if not self._is_broken:
                _log.warning("nobody may connect: %s cannot be read: %s", AUTHORIZED_NAME, error)
            self._seen, self._names, self._is_broken = None, {}, True


def read_authorized(text: str) -> dict[str, str]:
    """Keys and names in the text of the list; what is neither key nor comment is skipped."""
    names: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        key, _, name = line.strip().partition(" ")
        if is_key(key):  # first of all, as a key may begin with what begins a comment
            names[key] = name.strip() or "unnamed"
        elif key and not key.startswith("#"):
            _log.warning("line %d of %s is no key", number, AUTHORIZED_NAME)
    return names


class Guard:
    """Lets only clients with known keys speak to a socket.

    Args:
        context: of the sockets to be protected.
        keys: the server's, and where its clients' are.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: ServerKeys) -> None:
        self._keys = keys
        self._authorized = AuthorizedKeys(keys.authorized)
        self._authenticator = ThreadAuthenticator(cast("Any", context))
        self._authenticator.configure_curve_callback(_DOMAIN, self._authorized)
        self._authenticator.start()

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Have a socket refuse strangers; to be called before it is bound.

        A message's ``User-Id`` is its client's public key from then on.
        """
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt_string(zmq.CURVE_PUBLICKEY, self._keys.pair.public)
        socket.setsockopt_string(zmq.CURVE_SECRETKEY, self._keys.pair.secret)
        socket.setsockopt_string(zmq.ZAP_DOMAIN, _DOMAIN)

    def allows(self, user_id: str) -> bool:
        """Whether a client that has connected still may: its line may be gone from the list."""
        return self._authorized.name_of(user_id) is not None

    def name_of(self, user_id: str) -> str:
        """What a client is called, for the log."""
        return self._authorized.name_of(user_id) or "unknown"

    def close(self) -> None:
        """End the thread; nobody new can connect. To be called before the context ends."""
        self._authenticator.stop()
