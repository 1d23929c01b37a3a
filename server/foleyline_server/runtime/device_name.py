"""What the graphics card is called, in its driver's words."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

_DRIVERS = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
_NAME_BYTES = 256
_SUCCESS = 0


def cuda_device_name(
    number: int = 0,
    load: Callable[[str], Any] = ctypes.CDLL,
    platform: str = sys.platform,
) -> str:
    """The name of a CUDA device, such as ``NVIDIA GeForce RTX 3060``; empty if there is none.

    The driver counts devices as ONNX Runtime does, so CUDA_VISIBLE_DEVICES is obeyed.
    Source: CUDA driver API, cuInit, cuDeviceGet, cuDeviceGetName.
    """
    try:
        driver = load(_DRIVERS[platform])
        device = ctypes.c_int()
        name = ctypes.create_string_buffer(_NAME_BYTES)
        if driver.cuInit(0) != _SUCCESS:
            return ""
        if driver.cuDeviceGet(ctypes.byref(device), number) != _SUCCESS:
            return ""
        if driver.cuDeviceGetName(name, _NAME_BYTES, device) != _SUCCESS:
            return ""
    except (KeyError, OSError, AttributeError):
        return ""
    return name.value.decode("utf-8", "replace")
