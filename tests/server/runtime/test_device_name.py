import ctypes
import sys

import pytest

from foleyline_server.runtime.device_name import cuda_device_name


class Driver:
    """What libcuda looks like to ctypes; ``broken`` names the call that fails."""

    def __init__(self, broken: str = "") -> None:
        self.broken = broken

    def cuInit(self, flags: int) -> int:
        return 100 * (self.broken == "init")

    def cuDeviceGet(self, device, number: int) -> int:
        ctypes.cast(device, ctypes.POINTER(ctypes.c_int))[0] = 40 + number
        return 100 * (self.broken == "get")

    def cuDeviceGetName(self, name, size: int, device) -> int:
        name.value = f"Card {device.value}".encode()[: size - 1]
        return 100 * (self.broken == "name")


def test_the_driver_says_what_its_card_is_called() -> None:
    asked = []
    name = cuda_device_name(2, lambda path: asked.append(path) or Driver(), "linux")
    assert (name, asked) == ("Card 42", ["libcuda.so.1"])


@pytest.mark.parametrize("broken", ["init", "get", "name"])
def test_a_driver_without_a_card_says_nothing(broken: str) -> None:
    assert cuda_device_name(0, lambda _: Driver(broken), "win32") == ""


def test_no_driver_is_no_card() -> None:
    def missing(path: str):
        raise OSError(path)

    assert cuda_device_name(0, missing, "linux") == ""
    assert cuda_device_name(0, missing, "darwin") == ""
    assert cuda_device_name(0, lambda _: object(), sys.platform) == ""
