"""Which execution providers to use, and why; knows their names, not the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foleyline_contract.errors import SettingInvalid

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
_WANTED: dict[str, tuple[str, ...]] = {
    "auto": (CUDA, CPU),
    "cpu": (CPU,),
    "cuda": (CUDA, CPU),
    "tensorrt": (TENSORRT, CUDA, CPU),
}
"""Setting to providers, best first. TensorRT only when asked for: it spends minutes per graph."""
DEVICES = tuple(_WANTED)


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """Providers, best first, and one line per provider on why it was chosen or not."""

    providers: tuple[str, ...]
    reasons: tuple[str, ...]


def choose_providers(available: Sequence[str], device: str = "auto") -> ProviderChoice:
    """Choose among the ``available`` providers for a device setting.

    Raises:
        SettingInvalid: the device is not known, or was asked for and is not available.
    """
    if device not in _WANTED:
        raise SettingInvalid(f"There is no device {device!r}; choose one of {', '.join(DEVICES)}.")
    wanted = _WANTED[device]
    chosen = tuple(name for name in wanted if name in available)
    if device != "auto" and wanted[0] not in available:
        raise SettingInvalid(
            f"The device {device!r} was asked for, but {wanted[0]} is not installed.",
            remedy="Install the 'gpu' extra, or choose another --device.",
        )
    reasons = [_reason(name, name in available, name in wanted, device) for name in _ordered()]
    return ProviderChoice(chosen or (CPU,), tuple(reasons))


def _ordered() -> tuple[str, ...]:
    return (TENSORRT, CUDA, CPU)


def _reason(name: str, available: bool, wanted: bool, device: str) -> str:
    if not available:
        return f"{name}: not used, this build of ONNX Runtime lacks it"
    if not wanted:
        return f"{name}: not used, the device setting is {device!r}"
    if name == CPU:
        return f"{name}: used for whatever no other provider takes"
    return f"{name}: used, it is installed and the device setting is {device!r}"
