"""Checkpoint files into plain tensors by name, without running anything that they contain.

    CheckpointError
      CheckpointUnreadable   not a checkpoint, damaged, or of a kind that is not read
      CheckpointMismatch     readable, but not the weights that were asked for

Tensors stay in the file until they are used: what is not asked for (optimiser states, copies
of the weights) never comes into memory. Which tensors belong there, their readers say.
"""

from __future__ import annotations

import logging
import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

log = logging.getLogger(__name__)

_WRAPPERS = ("state_dict", "model", "module", "weights")
"""Where training scripts put the weights in a checkpoint, the first that is there."""
_WRAPPED_AT_MOST = 4
_PARALLEL = "module"
"""The component that torch's data parallelism adds to names."""
_NEVER_NEEDED = ("os", "posix", "nt", "sys", "subprocess")
_LARGEST_PICKLE_BYTES = 1 << 28
_LARGEST_HEADER_BYTES = 100_000_000
"""The limit of the safetensors format itself."""
_LEGACY_START = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
_MALFORMED = (
    pickle.UnpicklingError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    EOFError,
    OverflowError,
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
)
"""What torch's reader raises on files that no honest program wrote."""


class CheckpointError(Exception):
    """A weights file cannot be used.

    Args:
        message: what is wrong with which file.
        remedy: what to do about it.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"


class CheckpointUnreadable(CheckpointError):
    """The file is missing, damaged, or of a kind that is not read."""


class CheckpointMismatch(CheckpointError):
    """The file holds other tensors than it should."""


class _StandIn:
    """Takes the place of any class or function a file names; does nothing, whatever it is told."""

    def __new__(cls, *_: object) -> _StandIn:
        return super().__new__(cls)

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a checkpoint by name, still in the file.

    A wrapper around the weights is taken off, and so is the name component ``module`` wherever
    it stands. What is not a tensor is left out.

    Raises:
        CheckpointUnreadable: the file cannot be read.
        CheckpointMismatch: two tensors end up with one name.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError as error:
        raise CheckpointUnreadable(
            f"{path} cannot be opened: {error.strerror or error}.", "Check the path."
        ) from error
    if _is_archive(path):
        content = _read_torch(path)
    elif start[8:9] == b"{":
        content = _read_safetensors(path)
    else:
        raise _not_read(path, start)
    tensors: dict[str, Tensor] = {}
    for name, value in _unwrapped(content).items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            continue
        plain = ".".join(part for part in name.split(".") if part != _PARALLEL)
        if plain in tensors:
            raise CheckpointMismatch(f"{path} holds {plain} twice.", _ANOTHER)
        tensors[plain] = value.detach()
    return tensors


_ANOTHER = "Download the released file again, or name another one."


def _unwrapped(content: object) -> Mapping[Any, Any]:
    for _ in range(_WRAPPED_AT_MOST):
        if not isinstance(content, Mapping):
            return {}
        inner = (content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping))
        found = next(inner, None)
        if found is None:
            return content
        content = found
    return {}


def _is_archive(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # one over several disks
        return False


def _read_torch(path: Path) -> object:
    try:
        _check_archive(path)
        named = torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
        for name in named:
            if name.partition(".")[0] in _NEVER_NEEDED:
                raise CheckpointUnreadable(
                    f"{path} asks for {name}, which no weights need, and was not read.",
                    "Do not use this file; it may be an attack.",
                )
        log.debug("%s names %d classes, none of which is loaded", path.name, len(named))
        # Each its own class, since training scripts use classes as keys of dictionaries.
        inert: list[Any] = [(type("StandIn", (_StandIn,), {}), name) for name in named]
        with torch.serialization.safe_globals(inert), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how the file was written, long ago
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except _MALFORMED as error:
        # torch's own text advises to switch the safeguards off, so it is not passed on.
        raise CheckpointUnreadable(f"{path} is damaged or not a checkpoint.", _ANOTHER) from error


def _check_archive(path: Path) -> None:
    """Weights are stored plainly; anything packed could unpack to more than memory holds."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            packed = entry.compress_type != zipfile.ZIP_STORED
            if packed or (
                entry.filename.endswith(".pkl") and entry.file_size > _LARGEST_PICKLE_BYTES
            ):
                raise ValueError(f"{entry.filename} is packed or too large")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as stream:
        header_bytes = int.from_bytes(stream.read(8), "little")
    try:
        if header_bytes > _LARGEST_HEADER_BYTES:
            raise ValueError(f"a header of {header_bytes} bytes")
        with safe_open(path, framework="pt", device="cpu") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, *_MALFORMED) as error:
        raise CheckpointUnreadable(f"{path} is damaged or not a checkpoint.", _ANOTHER) from error


def _not_read(path: Path, start: bytes) -> CheckpointUnreadable:
    if start.startswith(_LEGACY_START):
        return CheckpointUnreadable(
            f"{path} has torch's format from before 2020, which is not read.",
            "Save it again with a current torch: load it with weights_only=True, then torch.save.",
        )
    if start.startswith(b"PK\x03\x04"):
        return CheckpointUnreadable(f"{path} is cut short.", "Download it again.")
    return CheckpointUnreadable(f"{path} is not a checkpoint.", _ANOTHER)
