"""Arrays as the bytes of an ``.npz`` and back; nothing is pickled."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def write_arrays(stream: IO[bytes], arrays: Arrays) -> None:
    """Write named arrays of numbers.

    Raises:
        ValueError: one of them holds objects.
    """
    if any(array.dtype.hasobject for array in arrays.values()):
        raise ValueError("only arrays of numbers are kept")
    np.savez(stream, **dict(arrays))  # pyright: ignore[reportArgumentType]


def read_arrays(content: bytes) -> dict[str, NDArray[Any]] | None:
    """The arrays in what write_arrays wrote; None for anything else."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile):
        return None
