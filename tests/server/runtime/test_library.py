import contextlib
import logging
from types import SimpleNamespace

import pytest
from fake_library import CPU, CUDA, FakeLibrary

from foleyline_contract.errors import OutOfMemory, ServerError
from foleyline_server.runtime.library import (
    LIBRARY,
    LIBRARY_ERRORS,
    SMALLEST_GRAPH,
    available_providers,
    device_name,
    open_session,
    provider_fault,
    translated,
)
from foleyline_server.runtime.providers import DIRECTML


def test_a_provider_that_starts_has_no_fault() -> None:
    assert CPU in available_providers()
    assert provider_fault(CPU) == ""
    assert provider_fault(CUDA, FakeLibrary()) == ""


def test_missing_libraries_are_noticed_though_the_library_goes_on_without() -> None:
    assert provider_fault(CUDA, FakeLibrary(starts=[CPU])).startswith(
        "it does not start: CUDA 13.0 and cuDNN 9, or the driver, are missing"
    )


def test_what_cuda_says_is_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    text = "CudaCall() CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ;"
    library = FakeLibrary(faults={CUDA: RuntimeError(text)})
    assert provider_fault(CUDA, library) == (
        "it does not start: no CUDA-capable device is detected"
    )
    assert text in caplog.text
    library = FakeLibrary(faults={DIRECTML: RuntimeError("887A0004")})
    assert provider_fault(DIRECTML, library) == "it does not start"


def test_cudas_libraries_are_looked_for_where_pip_puts_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    library = FakeLibrary()
    open_session(b"", library.SessionOptions(), [(CPU, {})], library)
    assert library.preloaded == 0
    open_session(b"", library.SessionOptions(), [(CUDA, {}), (CPU, {})], library)
    assert library.preloaded == 1
    # The launcher reads the server's address from there.
    assert capsys.readouterr().out == ""


def test_providers_are_not_swapped_later_and_nothing_is_said_on_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    library = FakeLibrary()
    assert not open_session(b"", library.SessionOptions(), [(CPU, {})], library).may_swap
    # The real one raises, or as 1.20 does, goes on with others: it never has what is not there.
    there: list[str] = []
    nowhere = [("NowhereExecutionProvider", {})]
    with pytest.warns(UserWarning, match="Nowhere"), contextlib.suppress(*LIBRARY_ERRORS):
        session = open_session(SMALLEST_GRAPH, LIBRARY.SessionOptions(), nowhere)
        there += session.get_providers()
    assert nowhere[0][0] not in there
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "text",
    ["Failed to allocate memory for requested buffer", "CUDA failure 2: out of memory ;",
     "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED", "HRESULT 8007000E"],
)  # fmt: skip
def test_a_full_device_is_recognised(text: str) -> None:
    assert isinstance(translated(RuntimeError(text), ServerError("x")), OutOfMemory)
    assert isinstance(translated(MemoryError(), ServerError("x")), OutOfMemory)
    assert isinstance(translated(RuntimeError("Invalid rank"), ServerError("x")), ServerError)


def test_a_device_is_called_what_the_library_calls_it() -> None:
    def item(provider: str, **metadata: str) -> SimpleNamespace:
        return SimpleNamespace(ep_name=provider, device=SimpleNamespace(metadata=metadata))

    found = [item(CPU, Description="a processor"), item(DIRECTML), item(DIRECTML, Description="B")]
    library = SimpleNamespace(get_ep_devices=lambda: found)
    assert device_name(DIRECTML, library) == "B"
    assert device_name(DIRECTML, SimpleNamespace()) == ""
