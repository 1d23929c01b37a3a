"""Where engines that TensorRT compiled are kept, so that it compiles once.

An engine fits one bundle, one kind of card and one version of the library, and it is code: the
library runs whatever lies there. So the folder's name says all three, and a folder beside a
bundle is used only if this user's server made it: a downloaded bundle may bring no engines.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import logging
import os
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)
FOLDER_NAME = ".engines"
_SEAL_NAME, _SECRET_NAME = "made-here", "engine-secret"
_SECRET_BYTES = 32
_HASH_CHARS = 16


@dataclass(frozen=True, slots=True)
class EngineKey:
    """What an engine fits.

    Args:
        bundle_sha256: the bundle's identity.
        device_name: the card's, never empty.
        library_version: ONNX Runtime's.
    """

    bundle_sha256: str
    device_name: str
    library_version: str

    def __str__(self) -> str:
        """A plain folder name."""
        parts = (self.bundle_sha256[:_HASH_CHARS], self.device_name, self.library_version)
        return "-".join(re.sub(r"[^A-Za-z0-9.]+", "_", part) for part in parts)


def user_cache(environment: Mapping[str, str], home: Path, platform: str = sys.platform) -> Path:
    """Foleyline's folder among the user's caches; it need not exist."""
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local") / "Foleyline"
    if platform == "darwin":
        return home / "Library" / "Caches" / "Foleyline"
    return Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "foleyline"


def engine_folder(bundle: Path, key: EngineKey, cache: Path) -> Path | None:
    """A folder to keep engines in: beside the bundle, else in ``cache``; None if neither can be.

    Args:
        bundle: the bundle's folder. The folder made in it is no part of the bundle.
        key: what the engines fit. Without a device name nothing is kept, for engines of
            another card must never be taken.
        cache: see ``user_cache``.
    """
    if not key.device_name:
        _log.warning("TensorRT's engines are not kept: the card does not say its name.")
        return None
    own = cache / "engines" / str(key)
    try:
        seal = hmac.new(_secret(cache), str(key).encode(), hashlib.sha256).hexdigest()
        beside = bundle / FOLDER_NAME / str(key)
        if _is_ours(beside, seal):
            return beside
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _log.warning("TensorRT's engines are not kept: %s.", error.strerror)
        return None
    return own


def _secret(cache: Path) -> bytes:
    """What only this user's servers know; made once."""
    path = cache / _SECRET_NAME
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as stream:
            path.chmod(0o600)
            stream.write(secrets.token_bytes(_SECRET_BYTES))
    except FileExistsError:
        pass
    secret = path.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise OSError(errno.EIO, f"{path.name} is damaged; delete it")
    return secret


def _is_ours(folder: Path, seal: str) -> bool:
    """Make the folder and seal it, or check the seal of the one that is there."""
    mark = folder / _SEAL_NAME
    try:
        if folder.parent.is_symlink():
            return False
        folder.parent.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            mark.write_text(seal, encoding="ascii")
        return os.access(folder, os.W_OK) and hmac.compare_digest(mark.read_bytes(), seal.encode())
    except OSError:
        return False
