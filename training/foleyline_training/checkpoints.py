"""Checkpoints: tensors and plain values only, written whole or not at all."""

from __future__ import annotations

import logging
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from foleyline_contract.errors import FileUnreadable

log = logging.getLogger(__name__)

DAMAGED = (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, ValueError, OSError)
"""What reading a file raises that is cut short, or no checkpoint at all."""


def save_checkpoint(path: Path, state: dict[str, Any], *, keep_last: bool = False) -> None:
    """Write ``state`` by atomic rename, so a kill at any moment leaves the old or the new.

    Args:
        keep_last: keep what ``path`` holds until now beside it, as ``last_of(path)``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    # Bytes first, then the name: both have to survive a power cut.
    with draft.open("wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    if keep_last and path.exists():
        path.replace(last_of(path))
    draft.replace(path)
    if os.name != "posix":
        return  # Folders cannot be opened elsewhere.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_checkpoint(path: Path, *, with_numpy_scalars: bool = False) -> Any:  # noqa: ANN401
    """Read a checkpoint without ever executing what it holds.

    Args:
        with_numpy_scalars: others' checkpoints may hold such numbers, ours never do.

    Returns:
        What was saved: of ours, a dictionary.
    """
    scalar = np.int64(0).__reduce__()[0]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    allowed = [*((scalar, name) for name in names), np.dtype, type(np.dtype(np.int64))]
    with torch.serialization.safe_globals(allowed if with_numpy_scalars else []):
        return torch.load(path, map_location="cpu", weights_only=True)


def last_of(path: Path) -> Path:
    """Where the checkpoint before the one at ``path`` is kept."""
    return path.with_suffix(f".last{path.suffix}")


def load_newest(path: Path) -> dict[str, Any] | None:
    """The checkpoint at ``path``, or the one before it where that is missing or damaged.

    Returns:
        None where there is neither, as before the first.

    Raises:
        FileUnreadable: there are files, and none can be read.
    """
    there = [file for file in (path, last_of(path)) if file.exists()]
    for file in there:
        try:
            return load_checkpoint(file)
        except DAMAGED as error:
            log.warning("%s cannot be read (%s)", file, type(error).__name__)
    if not there:
        return None
    raise FileUnreadable(
        f"The checkpoint {path} is damaged, and so is the one before it.",
        remedy="Delete them to train this stage anew.",
    )


def remove_checkpoint(path: Path) -> None:
    """Remove the checkpoint at ``path`` and the one before it."""
    for file in (path, last_of(path), path.with_suffix(".part")):
        file.unlink(missing_ok=True)
