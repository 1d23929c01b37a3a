"""Which execution providers to use, and why; knows their names, not the library."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from foleyline_contract.errors import SettingInvalid

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
DIRECTML = "DmlExecutionProvider"
COREML = "CoreMLExecutionProvider"
CUDA_FAMILY = (CUDA, TENSORRT)
"""Providers that share CUDA's memory and libraries."""
_OF_DEVICE: dict[str, tuple[str, ...]] = {
    "cpu": (CPU,),
    "cuda": (CUDA, CPU),
    "tensorrt": (TENSORRT, CUDA, CPU),
    "directml": (DIRECTML, CPU),
    "coreml": (COREML, CPU),
}
"""Device to providers, best first: a graph's operators go to the first that can run them."""
DEVICES = ("auto", *_OF_DEVICE)
_AUTOMATIC = ("cuda", "directml")
"""What ``auto`` tries before the CPU."""
_ONLY_WHEN_ASKED = {
    TENSORRT: "it compiles every graph for minutes; ask for it with --device tensorrt",
    COREML: "it compiles anew for every shape, and ours vary; ask for it with --device coreml",
}
_PLATFORMS = {
    TENSORRT: ("linux", "win32"),
    CUDA: ("linux", "win32"),
    DIRECTML: ("win32",),
    COREML: ("darwin",),
}
_INSTALL = {
    TENSORRT: "replace onnxruntime by onnxruntime-gpu and install TensorRT",
    CUDA: "replace onnxruntime by onnxruntime-gpu",
    DIRECTML: "replace onnxruntime by onnxruntime-directml",
    COREML: "install onnxruntime for macOS",
}
_START = {
    TENSORRT: 'install TensorRT, "onnxruntime-gpu[cuda,cudnn]" and a current driver',
    CUDA: 'install "onnxruntime-gpu[cuda,cudnn]" and a current driver',
    DIRECTML: "update Windows and the card's driver",
    COREML: "update macOS to 12 or later",
}
"""What a provider needs that the library has, but that does not start."""
_WINDOWS_PER_BATCH = {CUDA: 8, TENSORRT: 8, DIRECTML: 8}
"""What a card computes at once: enough to fill it, little enough for 8 GB with the large UNet.
The CPU gains nothing, and CoreML would compile for every size of a batch."""


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """Providers, best first, and one line per provider on why it was chosen or not."""

    providers: tuple[str, ...]
    reasons: tuple[str, ...]


def windows_per_batch(setting: int, providers: Sequence[str]) -> int:
    """Windows to compute at once: the ``setting``, or what suits the first provider if it is 0."""
    return setting or _WINDOWS_PER_BATCH.get(providers[0], 1)


def choose_providers(
    available: Sequence[str],
    device: str = "auto",
    platform: str = sys.platform,
    fault_of: Callable[[str], str] = lambda provider: "",
) -> ProviderChoice:
    """Choose among the ``available`` providers for a device setting.

    Args:
        available: what this build of the library has.
        device: one of ``DEVICES``.
        platform: as ``sys.platform``.
        fault_of: why a provider cannot start, or nothing; only asked about those wanted.

    Raises:
        SettingInvalid: the device is not known, or was asked for and cannot be used.
    """
    if device not in DEVICES:
        raise SettingInvalid(f"There is no device {device!r}; choose one of {', '.join(DEVICES)}.")
    faults: dict[str, str] = {}
    chosen = (CPU,)
    for wanted in _AUTOMATIC if device == "auto" else (device,):
        first = _OF_DEVICE[wanted][0]
        if first == CPU:
            continue
        if first in available:
            faults[first] = fault_of(first)
            if not faults[first]:
                chosen = tuple(name for name in _OF_DEVICE[wanted] if name in (*available, CPU))
                break
        if device != "auto":
            raise SettingInvalid(
                f"The device {device!r} was asked for, but {first} cannot be used: "
                f"{faults.get(first, 'this build of ONNX Runtime lacks it')}.",
                remedy=f"{_to_get(first, platform, available)} Or choose another --device.",
            )
    reasons = [
        f"{name}: {_reason(name, available, chosen, device, platform, faults)}"
        for name in (*_PLATFORMS, CPU)
    ]
    return ProviderChoice(chosen, tuple(reasons))


def _reason(
    name: str,
    available: Sequence[str],
    chosen: Sequence[str],
    device: str,
    platform: str,
    faults: dict[str, str],
) -> str:
    if name == chosen[0] and name != CPU:
        return f"used, it is installed and starts; the device setting is {device!r}"
    if name in chosen:
        return "used for whatever no other provider takes" if chosen[1:] else "used"
    if name not in available:
        return (
            f"not used, this build of ONNX Runtime lacks it. {_to_get(name, platform, available)}"
        )
    if fault := faults.get(name):
        return f"not used, {fault}. {_to_get(name, platform, available)}"
    if device == "auto" and name in _ONLY_WHEN_ASKED:
        return f"not used, {_ONLY_WHEN_ASKED[name]}"
    return f"not used, the device setting is {device!r}"


def _to_get(name: str, platform: str, available: Sequence[str]) -> str:
    if platform not in _PLATFORMS[name]:
        return "There is none for this system."
    return f"To get it, {(_START if name in available else _INSTALL)[name]}; see docs/gpu.md."
