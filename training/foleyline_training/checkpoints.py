"""Checkpoints: tensors and plain values only, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` by atomic rename, so a kill at any moment leaves the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    # Bytes first, then the name: both have to survive a power cut.
    with draft.open("wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
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
