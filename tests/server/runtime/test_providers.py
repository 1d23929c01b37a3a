import pytest

from foleyline_contract.errors import SettingInvalid
from foleyline_server.runtime.providers import (
    COREML,
    CPU,
    CUDA,
    DEVICES,
    DIRECTML,
    TENSORRT,
    choose_providers,
    windows_per_batch,
)

NVIDIA = (TENSORRT, CUDA, CPU)


@pytest.mark.parametrize(
    ("available", "device", "expected"),
    [
        ([CPU], "auto", (CPU,)),
        (NVIDIA, "auto", (CUDA, CPU)),
        ([DIRECTML, CPU], "auto", (DIRECTML, CPU)),
        ([COREML, CPU], "auto", (CPU,)),
        ([COREML, CPU], "coreml", (COREML, CPU)),
        (NVIDIA, "cpu", (CPU,)),
        (NVIDIA, "cuda", (CUDA, CPU)),
        (NVIDIA, "tensorrt", NVIDIA),
        ([TENSORRT, CPU], "tensorrt", (TENSORRT, CPU)),
        ([DIRECTML, CPU], "directml", (DIRECTML, CPU)),
    ],
)
def test_the_best_provider_is_chosen(available, device, expected) -> None:
    assert choose_providers(available, device, "win32").providers == expected


def reasons(available, device="auto", platform="linux", **options) -> dict[str, str]:
    choice = choose_providers(available, device, platform, **options)
    return dict(line.split(": ", 1) for line in choice.reasons)


def test_every_provider_is_explained() -> None:
    said = reasons(NVIDIA)
    assert set(said) == {TENSORRT, CUDA, DIRECTML, COREML, CPU}
    assert said[CUDA].startswith("used, it is installed and starts")
    assert "--device tensorrt" in said[TENSORRT]
    assert "none for this system" in said[DIRECTML]
    assert said[CPU] == "used for whatever no other provider takes"
    said = reasons([CPU], platform="win32")
    assert "replace onnxruntime by onnxruntime-gpu;" in said[CUDA]
    assert "onnxruntime-directml" in said[DIRECTML]
    assert said[CPU] == "used"
    assert "the device setting is 'cpu'" in reasons(NVIDIA, "cpu")[CUDA]
    assert "for every shape" in reasons([COREML, CPU], platform="darwin")[COREML]


def test_what_does_not_start_is_passed_over_when_nobody_asked_for_it() -> None:
    def fault_of(provider: str) -> str:
        return "it does not start: no card" if provider == CUDA else ""

    assert choose_providers(NVIDIA, fault_of=fault_of).providers == (CPU,)
    said = reasons(NVIDIA, fault_of=fault_of)
    assert "no card. To get it, install" in said[CUDA]
    with pytest.raises(SettingInvalid, match="no card") as caught:
        choose_providers(NVIDIA, "cuda", "linux", fault_of)
    assert "onnxruntime-gpu[cuda,cudnn]" in caught.value.remedy


def test_only_what_is_wanted_is_started() -> None:
    asked: list[str] = []
    for device in ("cpu", "tensorrt", "auto"):
        choose_providers(NVIDIA, device, fault_of=lambda provider: asked.append(provider) or "")
    assert asked == [TENSORRT, CUDA]


@pytest.mark.parametrize("device", sorted(set(DEVICES) - {"auto", "cpu"}))
def test_what_was_asked_for_and_is_not_there_is_an_error(device: str) -> None:
    for platform in ("linux", "win32", "darwin"):
        with pytest.raises(SettingInvalid, match="lacks it"):
            choose_providers([CPU], device, platform)


def test_an_unknown_device_is_an_error() -> None:
    with pytest.raises(SettingInvalid, match="npu"):
        choose_providers([CPU], "npu")


def test_the_batch_suits_the_device_unless_it_is_set() -> None:
    automatic = {name: windows_per_batch(0, (name, CPU)) for name in (*NVIDIA, DIRECTML, COREML)}
    assert automatic == {TENSORRT: 8, CUDA: 8, CPU: 1, DIRECTML: 8, COREML: 1}
    assert windows_per_batch(3, (CPU,)) == windows_per_batch(3, (CUDA,)) == 3
