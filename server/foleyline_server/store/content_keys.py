"""What results are known by: everything that they depend on, hashed.

Two requests with the same key would give the same bytes, so the second needs no work.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import IO

from foleyline_contract.errors import FileMissing, FileUnreadable
from foleyline_contract.fields import to_json
from foleyline_contract.messages import Clip
from foleyline_contract.version import PACKAGE_VERSION
from foleyline_server.pipeline.provenance import UsedSettings

_WHOLE_MAX_BYTES = 8 << 20
"""Hashed whole up to here: some ten milliseconds."""
_BLOCKS, _BLOCK_BYTES = 32, 32 << 10
"""Read of larger files, evenly from first to last: 1 MiB, also where every seek costs. A film
that is edited in place changes its size or its time stamp; one that is copied over with both
kept differs in its head, its index or in any of thirty places between."""


def source_fingerprint(path: Path) -> str:
    """What a file's content is known by, whatever its name.

    It reads up to 8 MiB, on whatever drive the file lies: not for the router's thread.

    Raises:
        FileMissing: there is no regular file of that name.
        FileUnreadable: it cannot be read.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for its writer.
        handle = os.open(path, os.O_RDONLY | _flag("O_NONBLOCK") | _flag("O_BINARY"))
        with os.fdopen(handle, "rb", buffering=0) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileMissing(f"{path.name!r} is not a file.")
            if status.st_size <= _WHOLE_MAX_BYTES:
                return upload_fingerprint(hashlib.file_digest(stream, "sha256").hexdigest())
            sampled = _sampled(stream, status.st_size)
            return f"sampled:{status.st_size}:{status.st_mtime_ns}:{sampled}"
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise FileMissing(f"The file {path.name!r} is not there.", detail=str(error)) from error
    except (OSError, ValueError) as error:
        raise FileUnreadable(
            f"The file {path.name!r} cannot be read.",
            remedy="Check that the server may read it, and that its drive is connected.",
            detail=str(error),
        ) from error


def upload_fingerprint(sha256: str) -> str:
    """The same for an upload, whose hash is known."""
    return f"sha256:{sha256}"


def features_key(fingerprint: str, clip: Clip, bundle_sha256: str, device: str) -> str:
    """What a clip's features are known by: source, span, bundle and what computes them."""
    span = [to_json(value) for value in (clip.start_s, clip.duration_s, clip.speed)]
    return _key("features", PACKAGE_VERSION, fingerprint, span, bundle_sha256, device)


def take_key(features: str, settings: UsedSettings, number: int, device: str) -> str:
    """What a take is known by: the features it is made from and all of its settings.

    Take ``number`` of a request is take 0 of one with its own seed, and has the same key.
    """
    alone = replace(settings, seed=settings.seed_of(number), takes=1)
    return _key("take", PACKAGE_VERSION, features, to_json(alone), device)


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _flag(name: str) -> int:
    return getattr(os, name, 0)


def _sampled(stream: IO[bytes], size_bytes: int) -> str:
    digest = hashlib.sha256()
    for block in range(_BLOCKS):
        stream.seek((size_bytes - _BLOCK_BYTES) * block // (_BLOCKS - 1))
        digest.update(stream.read(_BLOCK_BYTES))
    return digest.hexdigest()
